"""The certificate as files that change at one moment.

The layout is that of a mounted Secret: `tls.crt` and `tls.key` are links through
`..data`, which is a link to the folder with both and is replaced by a rename.  A
reader that resolves `..data` once reads a certificate and a key that belong together.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from gatewright.certs.pem import Pair

__all__ = ["CERTIFICATE", "KEY", "publish"]

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
_DATA: Final = "..data"


def publish(folder: Path, pair: Pair) -> None:
    """Put a certificate and its key in the place of what is there.

    The version before stays for readers that have just resolved it.
    """
    before = (folder / _DATA).resolve() if (folder / _DATA).exists() else None
    new = Path(tempfile.mkdtemp(prefix="..", dir=folder))  # 0700
    for name, data in ((CERTIFICATE, pair.certificate), (KEY, pair.key)):
        fd = os.open(new / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
    link = folder / f"{_DATA}_new"
    link.unlink(missing_ok=True)
    link.symlink_to(new.name)
    link.replace(folder / _DATA)
    for name in (CERTIFICATE, KEY):
        path = folder / name
        if not path.is_symlink():
            path.unlink(missing_ok=True)
            path.symlink_to(f"{_DATA}/{name}")
    for old in folder.iterdir():
        if old.is_dir() and not old.is_symlink() and old not in (new, before):
            shutil.rmtree(old, ignore_errors=True)
