"""`shares`: how the gradient that arrives at a node is split among its operands, in words.

As in course notes: a sum distributes, a maximum routes, a product swaps. The wrong orders of a
whole pass are in `orders.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.node import Node, is_leaf, op_name, operands_of, partials_of
from ..engine import Value
from ..graph.diagram import number

KINDS = {
    "add": "distributes: each operand gets all of it",
    "sum": "distributes: each operand gets all of it",
    "sub": "distributes: the first operand gets all of it, the second the same with a minus",
    "neg": "turns the sign",
    "mean": "distributes equally: each operand gets one part in as many as there are",
    "mul": "swaps: each operand gets it times the other",
    "dot": "swaps: each factor gets it times its partner",
    "weighted_sum": "swaps: each weight gets it times its input, each input times its weight",
    "maximum": "routes: the largest operand gets all of it, the others nothing",
    "minimum": "routes: the smallest operand gets all of it, the others nothing",
    "where": "routes: the chosen operand gets all of it, the other nothing",
    "clip": "routes: it passes between the bounds, and nothing does outside",
    "relu": "routes: it passes where the operand is positive, and nothing does elsewhere",
    "div": "divides: the first operand gets it divided by the second",
    "tanh": "shrinks it: times 1 - tanh**2, at most 1",
    "sigmoid": "shrinks it: times s * (1 - s), at most 1/4",
    "exp": "scales it by its own value",
}


class Share(NamedTuple):
    """What one operand gets."""

    name: str
    operand: Any  # the Value
    local: float | None  # None: nothing flows
    gradient: float  # what arrives at it from this node
    part: float  # of the sizes of all, 0 to 1


class Shares:
    """The split of a node's gradient; prints as sentences. `.parts` has a `Share` for each."""

    def __init__(self, node: Value) -> None:
        if not isinstance(node, Value):
            raise TypeError(f"shares takes a Value, not {node!r:.60}")
        self.node = node
        upstream = float(node._grad)
        self.upstream = upstream if upstream else 1.0
        self.assumed = not upstream
        pairs = [
            (x, s) for x, s in zip(operands_of(node), partials_of(node)) if isinstance(x, Node)
        ]
        sent = [0.0 if s is None else s * self.upstream for _, s in pairs]
        whole = sum(map(abs, sent))
        self.parts = [
            Share(
                getattr(x, "label", "") or f"operand {k} ({number(x._data)})", x, s, g,
                abs(g) / whole if whole else 0.0,
            )
            for k, ((x, s), g) in enumerate(zip(pairs, sent), 1)
        ]  # fmt: skip

    @property
    def rule(self) -> str:
        return "" if is_leaf(self.node) else str(self.node._rule.name)

    @property
    def text(self) -> str:
        """The split in words."""
        name = self.node.label or op_name(self.node) or "a leaf"
        if not self.parts:
            return f"{name} is a leaf: what arrives stays there."
        head = f"{number(self.upstream)} arrives at {name}" + (
            " (1 is taken, as no backward() has been called)" if self.assumed else ""
        )
        what = KINDS.get(self.rule, "passes on the gradient times its local derivatives")
        lines = [f"{head}. {op_name(self.node)} {what}."]
        for share in self.parts:
            if share.local is None:
                lines.append(f"  {share.name} gets nothing: no gradient flows there.")
            else:
                lines.append(
                    f"  {share.name} gets {number(self.upstream)} * {number(share.local)} = "
                    f"{number(share.gradient)}, {share.part:.0%} of what is passed on."
                )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def shares(node: Value) -> Shares:
    """How the gradient that arrived at a node is split among its operands: `Shares`.

    Before a `backward()` the gradient is taken to be 1. Numbers in an expression get none.

    >>> x, y = Value(3.0, label="x"), Value(-4.0, label="y")
    >>> p = x * y
    >>> p.label = "p"
    >>> p.backward()
    >>> print(shares(p))
    1.0 arrives at p. * swaps: each operand gets it times the other.
      x gets 1.0 * -4.0 = -4.0, 57% of what is passed on.
      y gets 1.0 * 3.0 = 3.0, 43% of what is passed on.
    """
    return Shares(node)
