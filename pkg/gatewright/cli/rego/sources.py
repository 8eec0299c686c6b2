"""What several commands read: files, bundles, patterns for names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.loading import Loaded, LoadErrors, load_bundle, load_paths
from gatewright.engine.manifest import contains, overlap

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities

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
    capabilities: Capabilities | None = None,
    v0_v1: bool = False,
) -> Loaded:
    """Load files and folders (perhaps their Rego alone), or bundles.

    Raises LoadErrors.
    """
    version = 0 if v0 else 1
    if not bundle:
        return load_paths(
            paths,
            version=version,
            ignore=ignore,
            only_rego=only_rego,
            capabilities=capabilities,
            v0_v1=v0_v1,
        )
    bundles = []
    for path in paths:
        try:
            bundles.append(
                load_bundle(
                    path,
                    version=version,
                    ignore=ignore,
                    capabilities=capabilities,
                    v0_v1=v0_v1,
                )
            )
        except LoadErrors as error:
            if len(error.errors) > 1 or not isinstance(error.errors[0], str):
                raise
            text = error.errors[0]
            before = "" if only_rego else f"unable to load bundle {path}: "
            raise LoadFault(before + text) from error
    fault = overlap(_roots(bundles))
    if fault:
        raise LoadFault(_pair(bundles) if only_rego else fault)
    return merged(bundles)


class LoadFault(LoadErrors):
    """What is wrong with all that was loaded together."""

    def __init__(self, text: str) -> None:
        super().__init__([text])

    def __str__(self) -> str:
        return str(self.errors[0])


def _roots(parts: Iterable[Loaded]) -> dict[str, Sequence[str]]:
    return {name: roots for part in parts for name, roots in part.roots.items()}


def _pair(bundles: Iterable[Loaded]) -> str:
    roots = [root for found in _roots(bundles).values() for root in found]
    for place, root in enumerate(roots):
        for other in roots[place + 1 :]:
            if contains(root, other) or contains(other, root):
                return f"manifest has overlapped roots: '{root}' and '{other}'"
    raise AssertionError("roots that do not overlap")


def merged(parts: Iterable[Loaded]) -> Loaded:
    """Modules and data of all parts together.  Raises LoadErrors."""
    whole = Loaded()
    parts = list(parts)
    fault = overlap(_roots(parts))
    if fault:
        raise LoadErrors([f"bundle activation failed: {fault}"])
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
