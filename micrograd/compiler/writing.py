"""`write_steps`: the graph that a traced function leaves, as the steps of a program.

`trace.py` does that for a whole function, `regions.py` for the body of a loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.node import (
    Node,
    attribute,
    closure_of,
    is_made_by_hand,
    operands_of,
    place,
    rule_of,
)
from ..core.rule import TABLE
from ..core.sort import Search
from ..engine import Value
from .ir.program import Program

if TYPE_CHECKING:
    from .trace import Tracer

WEIGHTED_SUM = TABLE["weighted_sum"]


def searched(outputs: list[Value], tracer: Tracer, ends: list[Node]) -> tuple[Search, Search]:
    """What lies under the outputs as the function left it, and with what was bare to it."""
    search = full = Search()
    for x in ends:
        search.seen.add(x)
    for y in outputs:
        search.visit(y)
    if tracer.bare:
        for v, (rule, xs) in tracer.bare.items():
            restore(v, rule, xs)
        full = Search()
        for x in ends:
            full.seen.add(x)
        for y in outputs:
            full.visit(y)
    return search, full


def write_steps(
    program: Program,
    at: dict[Node, int],
    tracer: Tracer,
    search: Search,
    full: Search,
) -> list[tuple[int, Any]]:
    """The steps of what was found, after those that are there.

    Of weighted sums come the step and the first weight, which tells which neuron it is.
    """
    sums: list[tuple[int, Any]] = []
    for leaf in full.leaves:
        if leaf not in at:
            at[leaf] = program.constant(leaf._data)
    inner = written_order(full.inner, tracer.nodes)
    for number, v in enumerate(inner, 1):
        if is_made_by_hand(v) or closure_of(v) is not None:
            raise TypeError(
                f"the operation {v._rule.symbol!r} was made by hand and cannot be compiled; "
                "define it with micrograd.custom"
            )
        xs = operands_of(v)
        step = program.step(
            rule_of(v),
            tuple([at[x] if isinstance(x, Node) else program.constant(x) for x in xs]),
        )
        at[v] = step
        program.numbers[step] = number
        label = attribute(v, "_label")
        if label and str(label).isidentifier():
            program.set_name(step, str(label))
        if program.rules[step] is WEIGHTED_SUM:
            sums.append((step, xs[1]))
    if tracer.bare:
        program.bare = {at[v] for v in tracer.bare if v in at}
    if inner is not search.inner:
        program.order = [at[v] for v in search.inner]
    return sums


def written_order(found: list[Node], made: dict[Node, int]) -> list[Node]:
    """The nodes in the order in which the function made them; what was there before comes first."""
    if not made:
        return found
    return sorted(found, key=lambda v: made.get(v, -1))


def restore(v: Any, rule: Any, xs: tuple[Any, ...]) -> None:
    """Make a leaf the node again that it was; the local gradients do not matter."""
    place(v, rule, xs, v._data, [None] * len(xs))
