"""Frames: lines around the boxes that belong together, nested and without circles.

Each box comes with its way, the parts that are open around it. Leaves are put where they are
used: a parameter into the innermost frame that has all its users, an input outside the calls that
it went into. Where frames would depend on each other in a circle, because a scope was entered
again say, one is drawn in several pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..diagram import Box, Diagram, Frame
from .parts import Part, Way
from .quotient import in_circles

Piece = tuple[object, ...]  # the keys of the parts on a way, with the numbers of their pieces


def framed(
    shown: Diagram,
    ways: Sequence[Way | None],
    inner: Sequence[bool],
    counts: dict[Part, int],
    bare: Callable[[Part, Part | None], bool] | None = None,
) -> Diagram:
    """The diagram with frames. `ways` has None for leaves; those of `inner` go into frames.

    `counts` says how many parts like it a part stands for, `bare` whether a part has no frame,
    given the one around it.
    """
    found: list[Way] = list(with_leaves(shown, ways, inner))
    if bare is not None:
        found = [
            tuple([p for k, p in enumerate(way) if not bare(p, way[k - 1] if k else None)])
            for way in found
        ]
    if not any(found):
        return shown
    pieces = untangled(shown, found)
    frames: list[Frame] = []
    told: dict[Piece, int] = {(): -1}
    boxes: list[Box] = []
    for box, way, piece in zip(shown.boxes, found, pieces, strict=True):
        for k, part in enumerate(way):
            if piece[: k + 1] not in told:
                above = told[piece[:k]]
                times = counts.get(part, 1)
                note = part.note if times == 1 else ""
                frames.append(
                    Frame(part.title, above, note, times, part.kind, part.line, part.path)
                )
                told[piece[: k + 1]] = len(frames) - 1
        boxes.append(box._replace(frame=told[piece]))
    return shown._replace(boxes=boxes, frames=tuple(frames))


def with_leaves(shown: Diagram, ways: Sequence[Way | None], inner: Sequence[bool]) -> list[Way]:
    """The way of each box: of leaves the part that all their users share."""
    users: list[list[int]] = [[] for _ in shown.boxes]
    for link in shown.links:
        users[link.source].append(link.target)
    found: list[Way] = [()] * len(shown.boxes)
    for i in range(len(shown.boxes) - 1, -1, -1):
        way = ways[i]
        if way is None:
            shared: Way | None = None
            for j in users[i]:
                shared = found[j] if shared is None else common(shared, found[j])
            way = shared or ()
            if not inner[i]:  # an input stays outside of what it went into
                way = way[: next((k for k, p in enumerate(way) if p.kind != "scope"), len(way))]
        found[i] = way
    return found


def common(a: Way, b: Way) -> Way:
    n = 0
    while n < len(a) and n < len(b) and a[n] == b[n]:
        n += 1
    return a[:n]


def untangled(shown: Diagram, ways: list[Way]) -> list[Piece]:
    """For each box its way as keys; parts on circles are told apart by the turns to them."""
    pieces: list[Piece] = [()] * len(ways)
    operands: list[list[int]] = [[] for _ in ways]
    for link in shown.links:
        operands[link.target].append(link.source)

    def split(members: list[int], depth: int) -> None:
        """Give those in one frame the key of their part in it."""
        keys: dict[int, object] = {}
        for i in members:
            keys[i] = ways[i][depth].key if len(ways[i]) > depth else i
        groups = {i for i in members if len(ways[i]) > depth}
        if not groups:
            return
        inside = set(members)
        below = {i: [j for j in operands[i] if j in inside] for i in members}
        edges = {
            (("box", keys[j]) if j not in groups else keys[j],
             ("box", keys[i]) if i not in groups else keys[i])
            for i in members for j in below[i]
        }  # fmt: skip
        tangled = in_circles({(a, b) for a, b in edges if a != b})
        turns: dict[int, int] = {}
        if tangled:
            for i in members:  # operands stand before their users
                turns[i] = max(
                    (turns[j] + ((keys[j], j in groups) != (keys[i], i in groups))
                     for j in below[i]), default=0,
                )  # fmt: skip
        pockets: dict[object, list[int]] = {}
        for i in members:
            if i in groups:
                key = (keys[i], turns[i]) if keys[i] in tangled else (keys[i], 0)
                pieces[i] = (*pieces[i], key)
                pockets.setdefault(key, []).append(i)
        for pocket in pockets.values():
            split(pocket, depth + 1)

    split(list(range(len(ways))), 0)
    return pieces
