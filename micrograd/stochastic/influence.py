"""Which draws can influence what: found from the graph, and from what Python looked at.

A draw influences what is computed from it. It also influences what a Python `if` decides
after looking at it, which no graph shows; so from the moment at which its number was looked
at it counts as an influence on everything that follows. Sets of draws are whole numbers,
one bit for each draw. Read `estimate.py` next.
"""

from __future__ import annotations

from typing import Any

from ..core.node import Node, operands_of
from ..core.sort import toposort
from .sample import Run


class Influence:
    """For each cost and each draw of a run the draws that it depends on.

    `costs` and `before` are transitive: through other draws as well. `direct` holds for each
    draw, and `direct_costs` for each cost, those that it depends on without another between.
    """

    def __init__(self, run: Run) -> None:
        places: dict[Any, int] = {draw.node: draw.place for draw in run.draws}
        roots = [part for part, _ in run.costs] + run.looked
        for draw in run.draws:
            roots += draw.distribution.parameters
        near = masks([root for root in roots if isinstance(root, Node)], places)
        self.looks = [near.get(x, 0) for x in run.looked]
        self.direct: list[int] = []
        self.before: list[int] = []
        for draw in run.draws:
            mask = self.seen(draw.looks)
            for p in draw.distribution.parameters:
                mask |= near.get(p, 0) if isinstance(p, Node) else 0
            self.direct.append(mask)
            self.before.append(self.through(mask))
        self.direct_costs = [
            self.seen(looks) | (near.get(part, 0) if isinstance(part, Node) else 0)
            for part, looks in run.costs
        ]
        self.costs = [self.through(mask) for mask in self.direct_costs]

    def seen(self, looks: int) -> int:
        """The draws that Python had looked at by then."""
        mask = 0
        for look in self.looks[:looks]:
            mask |= look
        return mask

    def through(self, mask: int) -> int:
        """These draws and all that influence them."""
        found = mask
        for place, before in enumerate(self.before):
            if mask >> place & 1:
                found |= before
        return found


def masks(roots: list[Any], places: dict[Any, int]) -> dict[Any, int]:
    """For each node under the roots the draws that it is computed from."""
    leaves, inner = toposort(*roots)
    found: dict[Any, int] = {v: 1 << places[v] for v in leaves if v in places}
    for v in inner:
        mask = 1 << places[v] if v in places else 0
        for x in operands_of(v):
            if isinstance(x, Node):
                mask |= found.get(x, 0)
        if mask:
            found[v] = mask
    return found
