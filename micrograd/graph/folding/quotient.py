"""Order and circles in the graph of folded boxes, where boxes are known by their keys."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

Key = Hashable


def ordered(roots: Iterable[Key], below: Mapping[Key, Mapping[Key, object]]) -> list[Key]:
    """The boxes under those of the roots, what they use before them."""
    found: list[Key] = []
    seen: set[Key] = set()
    for root in roots:
        if root not in seen:
            seen.add(root)
            visit(root, below, seen, found)
    return found


def visit(
    root: Key, below: Mapping[Key, Mapping[Key, object]], seen: set[Key], found: list[Key]
) -> None:
    """Add what lies under a box and was not seen."""
    stack = [(root, iter(below[root]))]
    while stack:
        key, rest = stack[-1]
        for other in rest:
            if other not in seen:
                seen.add(other)
                stack.append((other, iter(below[other])))
                break
        else:
            stack.pop()
            found.append(key)


def in_circles(edges: set[tuple[Key, Key]]) -> set[Key]:
    """The boxes on circles, and those between circles; none where there is no circle."""
    backwards = {(b, a) for a, b in edges}
    return on_or_behind_circles(edges) & on_or_behind_circles(backwards)


def on_or_behind_circles(edges: set[tuple[Key, Key]]) -> set[Key]:
    """What a topological sort cannot reach."""
    missing: dict[Key, int] = {}
    below: dict[Key, list[Key]] = {}
    for a, b in edges:
        missing.setdefault(a, 0)
        missing[b] = missing.get(b, 0) + 1
        below.setdefault(a, []).append(b)
    free = [key for key, n in missing.items() if n == 0]
    while free:
        for key in below.get(free.pop(), ()):
            missing[key] -= 1
            if missing[key] == 0:
                free.append(key)
    return {key for key, n in missing.items() if n > 0}
