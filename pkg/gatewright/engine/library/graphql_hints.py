"""What a misspelled name of GraphQL may have meant."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["likely", "listed"]


def distance(first: str, second: str) -> int:
    first, second = first.lower(), second.lower()
    previous = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        current = [i]
        for j, right in enumerate(second, start=1):
            current.append(
                min(
                    previous[j] + 1,
                    current[j - 1] + 1,
                    previous[j - 1] + (left != right),
                )
            )
        previous = current
    return previous[-1]


def likely(given: str, names: Iterable[str], before: str = "Did you mean ") -> str:
    """` Did you mean "a" or "b"?` of the names that look alike, or ""."""
    near = []
    limit = int(len(given) * 0.4) + 1
    for name in names:
        far = 1 if given.lower() == name.lower() else distance(given, name)
        if given == name or far <= limit:
            near.append((far, name))
    names = [name for _, name in sorted(near, key=lambda pair: pair[0])]
    return f" {before}{listed(names)}?" if names else ""


def listed(names: list[str]) -> str:
    """`"a"`, `"a" or "b"`, `"a", "b", or "c"`; no more than five."""
    found = [f'"{name}"' for name in names[:5]]
    if len(found) > 2:
        return f"{', '.join(found[:-1])}, or {found[-1]}"
    return " or ".join(found)
