"""Small graphs, and what wrong orders make of them: which mistake gives these numbers?

A `Plan` is a graph as data: numbers for the leaves, then steps of + and *. `played` runs it
with the floats of a textbook in an order that somebody may have chosen by mistake, and `suspect`
compares with what a class found. `graphs.py` builds the same plans with the class.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from .causes import all_close


class Plan(NamedTuple):
    """A graph: the leaves' numbers, and for each further node an operation and two operands."""

    leaves: tuple[float, ...]
    steps: tuple[tuple[str, int, int], ...]

    def nodes(self, leaves: Sequence[Any]) -> list[Any]:
        """All nodes, made of these leaves; the last is the result."""
        made = list(leaves)
        for sign, i, j in self.steps:
            made.append(made[i] + made[j] if sign == "+" else made[i] * made[j])
        return made

    def operands(self, v: int) -> tuple[int, ...]:
        return self.steps[v - len(self.leaves)][1:] if v >= len(self.leaves) else ()


def plans(signs: str) -> list[Plan]:
    """Graphs in which interior nodes are used more than once, of these operations alone."""
    a, b = signs[0], signs[-1]
    xs = (1.1, -0.7, 1.3)
    fixed = [
        Plan(xs, ((a, 0, 1), (b, 3, 0), (b, 3, 1), (b, 4, 5))),  # a diamond
        Plan(xs, ((a, 0, 0), (a, 3, 3), (b, 4, 3))),  # near by one path, far by another
        Plan(xs, ((a, 0, 0), (a, 3, 3), (b, 3, 4))),
        Plan(xs, ((a, 0, 1), (b, 3, 2), (a, 4, 2), (b, 5, 1), (a, 6, 3))),
        Plan(xs, ((b, 0, 1), (a, 3, 2), (b, 2, 4), (a, 1, 5), (b, 3, 6))),
    ]
    return fixed + [tangle(random.Random(seed), xs, signs) for seed in range(8)]


def tangle(rng: random.Random, leaves: tuple[float, ...], signs: str) -> Plan:
    """A random graph of nine steps."""
    steps = []
    for v in range(len(leaves), len(leaves) + 9):
        near, far = v - rng.randint(1, 2), rng.randrange(v)
        i, j = (near, far) if rng.random() < 0.5 else (far, near)
        steps.append((rng.choice(signs), i, j))
    return Plan(leaves, tuple(steps))


# Orders: the nodes whose local step is taken, one after another ------------------------------

Order = Callable[[Plan, int], Iterator[int]]


def postorder(plan: Plan, root: int, once: bool = True, part: slice = slice(None)) -> list[int]:
    """Operands before results, as `build_topo` finds them."""
    found: list[int] = []
    seen: set[int] = set()

    def build(v: int) -> None:
        if not once or v not in seen:
            seen.add(v)
            for operand in plan.operands(v)[part]:
                build(operand)
            found.append(v)

    build(root)
    return found


def search(plan: Plan, root: int, last: bool, at_push: bool, once: bool, turned: int) -> list[int]:
    """Nodes as a stack or a queue gives them; `turned` has a bit for each whose operands are."""
    waiting, seen = [root], {root}
    done: set[int] = set()
    found: list[int] = []
    while waiting and len(found) < 5000:
        v = waiting.pop(-1 if last else 0)
        if once and not at_push and v in done:
            continue
        done.add(v)
        found.append(v)
        for operand in plan.operands(v)[:: -1 if turned >> v & 1 else 1]:
            if not (once and at_push and operand in seen):
                seen.add(operand)
                waiting.append(operand)
    return found


def preorder(plan: Plan, root: int, once: bool, turned: int) -> list[int]:
    """Each node, then what its operands lead to."""
    found: list[int] = []

    def visit(v: int) -> None:
        if once and v in found:
            return
        found.append(v)
        for operand in plan.operands(v)[:: -1 if turned >> v & 1 else 1]:
            visit(operand)

    visit(root)
    return found


def suspects(plan: Plan) -> Iterator[tuple[str, list[int]]]:
    """Each mistake by name, with the order it takes nodes in."""
    root = len(plan.leaves) + len(plan.steps) - 1
    yield "not reversed", postorder(plan, root)
    yield "one parent only", postorder(plan, root, part=slice(1))[::-1]
    yield "one parent only", postorder(plan, root, part=slice(1, None))[::-1]
    yield "called again and again", postorder(plan, root, once=False)[::-1]
    small = len(plan.steps) < 6  # operands in a set come in any order
    turns = [mask << len(plan.leaves) for mask in range(2 ** len(plan.steps))] if small else [0, -1]
    for turned in turns:
        yield "depth first", preorder(plan, root, True, turned)
        yield "called again and again", preorder(plan, root, False, turned)
        for at_push in (False, True):
            yield "depth first", search(plan, root, True, at_push, True, turned)
            yield "breadth first", search(plan, root, False, at_push, True, turned)
        for last in (False, True):
            yield "called again and again", search(plan, root, last, False, False, turned)


def played(plan: Plan, order: Sequence[int]) -> list[float]:
    """The gradients of the leaves when nodes pass on what they have in this order."""
    data: list[float] = plan.nodes(plan.leaves)
    grads = [0.0] * len(data)
    grads[-1] = 1.0
    for v in order:
        for k, operand in enumerate(plan.operands(v)):
            other = plan.operands(v)[1 - k]
            sign = plan.steps[v - len(plan.leaves)][0]
            grads[operand] += grads[v] * (1.0 if sign == "+" else data[other])
    return grads[: len(plan.leaves)]


def right(plan: Plan) -> list[float]:
    """The gradients as they should be: the nodes from the last to the first."""
    return played(plan, range(len(plan.leaves) + len(plan.steps) - 1, -1, -1))


UNKNOWN: Final = "order"


def suspect(cases: Sequence[tuple[Plan, list[float]]]) -> str:
    """The mistake that gives just these gradients, on each small graph and on most others."""
    fits = [
        {name for name, order in suspects(plan) if all_close(played(plan, order), found)}
        for plan, found in cases
    ]
    names = dict.fromkeys(name for name, _ in suspects(cases[0][0]))
    score = {name: sum(name in fit for fit in fits) for name in names}
    best = max(score, key=score.__getitem__)
    small = [fit for (plan, _), fit in zip(cases, fits) if len(plan.steps) < 6]
    return best if score[best] and all(best in fit for fit in small) else UNKNOWN
