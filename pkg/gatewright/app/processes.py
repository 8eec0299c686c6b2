"""Forking a child that dies with its parent.

The supervisor imports what its children need and freezes it (`gc.freeze`), so a
fork takes milliseconds and the children share those pages.  It has no threads
and no event loop, which makes the fork safe.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final

__all__ = ["fork_child"]

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
#: sysexits.h: internal software error
EX_SOFTWARE: Final = 70


def fork_child(name: str, main: Callable[[], int]) -> int:
    """Run `main` in a child process and return the child's id.

    The child is killed when the parent ends, however that ends.  It starts with
    default signal handling; what `main` returns is its exit status, an exception
    that leaves it is printed and gives 70.
    """
    parent = os.getpid()
    gc.collect()
    gc.freeze()  # collected in the child, shared pages would be copied
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = EX_SOFTWARE
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NAME, f"gw-{name}".encode()[:15], 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request took effect
            status = 0
        else:
            status = main()
    except KeyboardInterrupt:
        status = 130
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last frame of a process: print and end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
