"""What several commands read: files, bundles, patterns for names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.loading import Loaded, load_bundle, load_paths

__all__ = ["load", "pattern_test", "patterns"]


def patterns(values: Iterable[str]) -> tuple[str, ...]:
    """Repeated flags whose values may hold several, with commas between."""
    return tuple(part for value in values for part in value.split(",") if part)


def load(
    paths: Sequence[str],
    *,
    bundle: bool,
    ignore: Sequence[str],
    v0: bool,
    only_rego: bool = False,
) -> Loaded:
    """Load files and folders (perhaps their Rego alone), or bundles.

    Raises LoadErrors.
    """
    version = 0 if v0 else 1
    if not bundle:
        return load_paths(paths, version=version, ignore=ignore, only_rego=only_rego)
    return merged([load_bundle(path, version=version, ignore=ignore) for path in paths])


def merged(parts: Iterable[Loaded]) -> Loaded:
    """Modules and data of all parts together.  Raises LoadErrors."""
    whole = Loaded()
    for part in parts:
        whole.modules.update(part.modules)
        whole.add("bundle", part.documents)
    return whole


def pattern_test(pattern: str | None) -> Callable[[str], bool]:
    """Tell whether RE2 finds the pattern in a text.  ValueError when it is none."""
    if not pattern:
        return lambda _text: True
    from gatewright.engine.library.re2 import Pattern

    try:
        compiled = Pattern(pattern)
    except BuiltinError as error:
        raise ValueError(str(error)) from error
    return lambda text: compiled.test(text.encode())
