"""Which boxes of a graph are alike: the same operation, on operands that are alike.

Colours are refined as in Weisfeiler and Leman (1968): from the operands up, so that what
is computed in the same way has the same colour; then, as long as few colours are enough,
from the result down, so that also what is used differently is told apart. A call is
what it is, whatever is made of what it gives.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping

Key = Hashable


def classes(
    kinds: dict[Key, object],
    operands: dict[Key, list[Key]],
    most: int,
    ordered: Collection[Key] = (),
    calls: Mapping[Key, object] | None = None,
) -> dict[Key, int]:
    """A colour for each box, the same for boxes that are alike; about `most` if they suffice.

    `kinds` says what each box is; boxes of different kinds are never alike. Boxes with
    operands never share a colour with something that they depend on. `ordered` are those for
    which the order of operands matters; `calls` says which call a box is in, if it is in one.
    """
    calls = calls or {}
    users: dict[Key, list[Key]] = {key: [] for key in operands}
    for key, below in operands.items():
        for other in dict.fromkeys(below):
            users[other].append(key)
    order = operands_first(operands, users)
    colours = from_below(numbered(kinds), order, operands, users, ordered)
    count = len(set(colours.values()))
    while count <= most:
        told: dict[tuple[object, ...], int] = {}
        above: dict[Key, int] = {}
        for key in reversed(order):
            call = calls.get(key)
            seen = [u for u in users[key] if call is None or calls.get(u) == call]
            sign = (colours[key], *sorted({above[user] for user in seen}))
            above[key] = told.setdefault(sign, len(told))
        finer = from_below(above, order, operands, users, ordered)
        found = len(set(finer.values()))
        if found > most or found == count:
            break
        colours, count = finer, found
    return colours


def from_below(
    seeds: dict[Key, int],
    order: list[Key],
    operands: dict[Key, list[Key]],
    users: dict[Key, list[Key]],
    ordered: Collection[Key] = (),
) -> dict[Key, int]:
    """Colours by what boxes are and by the colours of their operands; leaves by their users."""
    told: dict[tuple[object, ...], int] = {}
    colours: dict[Key, int] = {}
    for key in order:
        below = operands[key]
        if below:
            hues = [colours[other] for other in below]
            if key not in ordered:
                hues = sorted(hues if len(hues) < 9 else set(hues))
            sign: tuple[object, ...] = (seeds[key], *hues)
        else:
            sign = ("leaf", seeds[key])
        colours[key] = told.setdefault(sign, len(told))
    for key in order:
        if not operands[key]:
            sign = ("leaf", seeds[key], *sorted({colours[user] for user in users[key]}))
            colours[key] = told.setdefault(sign, len(told))
    return colours


def operands_first(operands: dict[Key, list[Key]], users: dict[Key, list[Key]]) -> list[Key]:
    """The boxes in topological order."""
    missing = {key: len(set(below)) for key, below in operands.items()}
    order = [key for key, n in missing.items() if n == 0]
    for key in order:  # which grows on the way
        for user in users[key]:
            missing[user] -= 1
            if missing[user] == 0:
                order.append(user)
    return order


def numbered(things: dict[Key, object]) -> dict[Key, int]:
    """A number for each different thing."""
    told: dict[object, int] = {}
    return {key: told.setdefault(thing, len(told)) for key, thing in things.items()}
