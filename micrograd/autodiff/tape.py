"""`Tape`: a graph flattened into arrays, for derivatives that leave every `.grad` alone.

`backward()` keeps its sums in the nodes. The transforms must not, and some of them walk
the same graph many times over: so they take it as a list of nodes in topological order,
with edges given by places in that list. Walking forwards pushes tangents from inputs to
outputs, walking backwards pulls cotangents from outputs to inputs, and walking both ways
gives the product of the Hessian with a direction.

Compiled like the engine. Above it: `transforms.py`.
"""

from __future__ import annotations

from typing import Any

from ..core.chain import (
    GRAPHS,
    check_fresh,
    refuse,
    set_grad_value,
    take_grad_values,
)
from ..core.node import (
    Node,
    apply,
    closure_of,
    is_made_by_hand,
    leaf,
    operands_of,
    partials_of,
    rule_of,
)
from ..core.number import Number
from ..core.rule import SMOOTH
from ..core.sort import Search
from ..core.watch import WATCH


class Tape:
    """The nodes under some outputs, and the edges between them that carry a gradient.

    It ends at leaves and at the nodes in `end`.
    """

    def __init__(self, outputs: list[Node], end: tuple[Node, ...] = ()) -> None:
        search = Search()
        for node in end:
            search.seen.add(node)
            search.leaves.append(node)
        for output in outputs:
            search.visit(output)
        inner = search.inner
        if search.cuts and not any([is_unknown(v) for v in inner]):
            inner = search.live(outputs)
        self.leaves: int = len(search.leaves)  # those come first
        self.nodes: list[Node] = search.leaves + inner
        self.place: dict[Node, int] = {}
        for i in range(len(self.nodes)):
            self.place[self.nodes[i]] = i
        # The edges into node i: those from first[i] to first[i + 1].
        self.first: list[int] = [0]
        self.source: list[int] = []
        self.slope: list[float] = []
        self.by_hand: dict[int, Node] = {}
        self.moved: list[bool] = []
        self.reached: list[bool] = []
        place = self.place
        for i in range(len(self.nodes)):
            v = self.nodes[i]
            if i < self.leaves:
                pass
            elif closure_of(v) is not None or is_unknown(v):
                self.by_hand[i] = v
                for x in operands_of(v):
                    if isinstance(x, Node):
                        self.source.append(place[x])
                        self.slope.append(0.0)
            else:
                slopes = partials_of(v)
                operands = operands_of(v)
                for k in range(len(operands)):
                    x = operands[k]
                    s = slopes[k]
                    if s is not None and isinstance(x, Node):
                        self.source.append(place[x])
                        self.slope.append(s)
            self.first.append(len(self.source))

    def push(self, tangents: dict[Any, float]) -> list[float]:
        """For each node how fast it changes as the given nodes move at these rates.

        `moved` says afterwards which nodes move at all.
        """
        first = self.first
        source = self.source
        slope = self.slope
        moved = [False] * len(self.nodes)
        t = [0.0] * len(self.nodes)
        for node in tangents:
            i = self.place.get(node)
            if i is not None:
                moved[i] = True
                t[i] = tangents[node]
        for i in range(len(self.nodes)):
            for e in range(first[i], first[i + 1]):
                # What does not move is not multiplied: 0 * inf would be nan.
                if moved[source[e]]:
                    moved[i] = True
                    t[i] += slope[e] * t[source[e]]
            if moved[i] and i in self.by_hand:
                refuse(self.nodes[i])
        self.moved = moved
        return t

    def pull(self, seeds: dict[Any, float]) -> list[float]:
        """For each node how fast the sum of seed * output changes with it.

        `reached` says afterwards which nodes have a path to an output.
        """
        first = self.first
        source = self.source
        slope = self.slope
        reached = [False] * len(self.nodes)
        self.reached = reached
        g = [0.0] * len(self.nodes)
        for node in seeds:
            reached[self.place[node]] = True
            g[self.place[node]] = seeds[node]
        for i in range(len(self.nodes) - 1, -1, -1):
            if not reached[i]:
                continue
            gi = g[i]
            if self.by_hand and i in self.by_hand:
                self.step_by_hand(i, g, reached)
                continue
            for e in range(first[i], first[i + 1]):
                s = source[e]
                reached[s] = True
                g[s] += slope[e] * gi
        return g

    def step_by_hand(self, i: int, g: list[float], reached: list[bool]) -> None:
        """A `_backward` of someone's own works on `.grad`: lend it the nodes for a while."""
        v = self.by_hand[i]
        step = closure_of(v)
        if step is None:
            return
        sources = self.source[self.first[i] : self.first[i + 1]]
        around = [v] + [self.nodes[s] for s in sources]
        before = [x._grad for x in around]
        graphs = take_grad_values(around) if GRAPHS.used else []
        try:
            # It adds to what the others have passed on, in the same order as backward() does.
            for s in sources:
                self.nodes[s]._grad = g[s]
            v._grad = g[i]
            step(v)
            for s in sources:
                reached[s] = True
                g[s] = self.nodes[s]._grad
        finally:
            for x, old in zip(around, before):
                x._grad = old
            for x, gradient in graphs:
                set_grad_value(x, gradient)

    def curve(self) -> Curvature:
        """The second derivatives of every operation, for products with the Hessian."""
        # Those who watch the user's nodes are not to see the ones made on the way.
        hidden = WATCH.hide()
        try:
            return Curvature(self)
        finally:
            WATCH.show(hidden)


class Curvature:
    """A tape with the second partial derivatives of its operations."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        # Triples: node i changes its slope by operand a at this rate as operand b moves.
        self.first: list[int] = [0]
        self.a: list[int] = []
        self.b: list[int] = []
        self.rate: list[float] = []
        # Nodes that came out of a pickle without their rule: slopes, but nothing beyond.
        self.opaque: dict[int, Node] = {}
        place = tape.place
        for i in range(len(tape.nodes)):
            v = tape.nodes[i]
            if is_made_by_hand(v):
                self.opaque[i] = v
            operands = operands_of(v)
            for k, m, rate in second_partials(v):
                self.a.append(place[operands[k]])
                self.b.append(place[operands[m]])
                self.rate.append(rate)
            self.first.append(len(self.a))

    def product(
        self, output: Node, adjoint: list[float], tangents: dict[Any, float]
    ) -> list[float]:
        """For each node the rate of its adjoint as the given nodes move: forward over reverse.

        `adjoint` is what the latest `pull` gave.
        """
        tape = self.tape
        t = tape.push(tangents)
        moved = tape.moved
        reached = tape.reached
        n = len(tape.nodes)
        # As in push, what does not move is not multiplied: 0 * inf would be nan.
        changes = [False] * n
        rate = [0.0] * n
        first = tape.first
        source = tape.source
        slope = tape.slope
        for i in range(tape.place[output], -1, -1):
            if changes[i]:
                ri = rate[i]
                for e in range(first[i], first[i + 1]):
                    s = source[e]
                    changes[s] = True
                    rate[s] += slope[e] * ri
            # A gradient of 0 is one: 0 times a slope that changes by inf is nan.
            if moved[i] and reached[i]:
                gi = adjoint[i]
                for e in range(self.first[i], self.first[i + 1]):
                    if moved[self.b[e]]:
                        s = self.a[e]
                        changes[s] = True
                        rate[s] += self.rate[e] * t[self.b[e]] * gi
                if i in self.opaque:
                    refuse(tape.nodes[i])
        return rate


def second_partials(v: Node) -> list[tuple[int, int, float]]:
    """Triples (a, b, rate) for which the slope by operand a changes with operand b."""
    rule = rule_of(v)
    xs = operands_of(v)
    if rule.kind != SMOOTH or not xs:
        return []
    name: str = rule.name
    if name in ("add", "sub", "neg", "sum", "mean", "fsum", "identity"):
        return []
    if name == "mul":
        both = isinstance(xs[0], Node) and isinstance(xs[1], Node)
        return [(0, 1, 1.0), (1, 0, 1.0)] if both else []
    if name == "pow" and isinstance(xs[1], float) and xs[1] == 2.0:
        return [(0, 0, 2.0)]
    if name == "weighted_sum":
        n = len(xs) // 2
        pairs = [
            k for k in range(1, n + 1) if isinstance(xs[k], Node) and isinstance(xs[n + k], Node)
        ]
        return [(k, n + k, 1.0) for k in pairs] + [(n + k, k, 1.0) for k in pairs]
    # By the table: the slopes as functions of leaves of their own, differentiated again.
    new: list[Any] = []
    for x in xs:
        new.append(leaf(x._blank(), x._data) if isinstance(x, Number) else x)
    y = apply(rule, tuple(new))
    found: list[tuple[int, int, float]] = []
    stored = partials_of(v)
    local: list[Any] = rule.local(new, y, [isinstance(x, Node) for x in new])
    for k in range(len(local)):
        slope = local[k]
        check_fresh(v, slope, stored[k])
        if not isinstance(slope, Node):
            continue
        tape = Tape([slope])
        rates = tape.pull({slope: 1.0})
        for m in range(len(new)):
            i = tape.place.get(new[m]) if isinstance(new[m], Node) else None
            if i is not None and tape.reached[i]:  # a slope of jumps does not change
                found.append((k, m, rates[i]))
    return found


def is_unknown(v: Node) -> bool:
    """Whether v was made by hand and never given a `_backward`: a constant to reverse mode."""
    return is_made_by_hand(v) and not any([slope is not None for slope in partials_of(v)])
