"""Loops and branches in a trace: their bodies become programs, and they one step each.

A body is traced on its own, once, with Values for what it is given; whatever else it reaches,
parameters and numbers computed outside, becomes an operand of the step. What the steps are is in
`ir/region.py`; `autodiff/loops.py` has what users call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..autodiff.carries import (
    entry,
    filled,
    leaves,
    like_before,
    numbered,
    pair,
    same_shape,
    stacked,
    true,
)
from ..core.node import Node, attribute, operands_of
from ..core.rule import TABLE
from ..engine import Value
from .ir.program import Program
from .ir.region import PACK, Branch, bind, element, item, loop_of
from .structure import argument_names
from .writing import searched, write_steps

if TYPE_CHECKING:
    from .trace import Tracer


class Body:
    """A function that was traced on its own: its inputs, its outputs, what it reaches outside."""

    def __init__(self, tracer: Tracer, f: Any, args: tuple[Any, ...], names: Sequence[str]) -> None:
        self.tracer, self.given = tracer.body(f, args)
        self.names = [f"{name}{k}" if k else name for name, x in zip(names, args)
                      for k in range(len(leaves(x)))]  # fmt: skip

    def results(self, given: Any, where: str) -> list[Value]:
        """The numbers of a structure, all as Values."""
        found = []
        for y in leaves(numbered(given, where)):
            if not isinstance(y, Value):
                y = Value(y)
                self.tracer.constants.add(y)
            found.append(y)
        return found

    def reached(self, outputs: list[Value]) -> list[Node]:
        """What lies outside and is reached, in a fixed order."""
        tracer = self.tracer
        found: dict[Node, None] = {}
        seen: set[Node] = set()
        stack: list[Any] = list(reversed(outputs))
        while stack:
            v = stack.pop()
            if not isinstance(v, Node) or v in seen:
                continue
            seen.add(v)
            if v in tracer.inputs or v in tracer.constants:
                continue
            if v in tracer.bare:
                stack.extend(reversed(tracer.bare[v][1]))
            elif v in tracer.nodes:
                stack.extend(reversed(operands_of(v)))
            else:
                found[v] = None
        return list(found)

    def program(self, outputs: list[Value], constants: Sequence[Node]) -> Program:
        """The program from these constants and the inputs to the outputs."""
        program = Program()
        at: dict[Node, int] = {}
        for k, c in enumerate(constants):
            at[c] = program.input(str(attribute(c, "_label") or f"a{k}"))
        for x, name in zip(self.tracer.inputs, self.names):
            at[x] = program.input(name)
        search, full = searched(outputs, self.tracer, list(constants))
        write_steps(program, at, self.tracer, search, full)
        program.outputs = [at[y] for y in outputs]
        program.forward_steps = len(program)
        program.values = len(outputs)
        return program


def union(*lists: list[Node]) -> list[Node]:
    return list(dict.fromkeys([x for some in lists for x in some]))


# Loops --------------------------------------------------------------------------------------


def scan(
    tracer: Tracer, f: Any, init: Any, xs: Any, n: int, reverse: bool, every: int
) -> tuple[Any, Any]:
    """See `autodiff/loops.py`; `every` turns a carry is kept, 0 for all."""
    if n == 0:
        return init, []
    row = entry(xs, 0)
    first = leaves(row)
    numbers = [leaves(entry(xs, i)) for i in range(n)] if first else []
    for i, some in enumerate(numbers):
        if len(some) != len(first):
            raise ValueError(
                f"scan: entry {i} of xs holds {len(some)} numbers and entry 0 holds {len(first)}"
            )
    names = [*argument_names(f, 2), "carry", "x"][:2]
    body = Body(tracer, f, (init, row), names)
    new, y = pair(body.given)
    new = like_before("scan", init, new)
    outputs = [*body.results(new, "scan: the carry"), *body.results(y, "scan: an output")]
    constants = body.reached(outputs)
    program = body.program(outputs, constants)
    carries, entries = len(leaves(init)), len(first)
    sizes = (len(constants), carries, entries)
    puts = len(leaves(y))
    order = range(n)

    def turns(carry: list[Any], part: range) -> tuple[list[Any], list[list[Any]]]:
        """The carry after some turns, and of each output the numbers by turn."""
        k = len(part)
        packs = [bind(PACK, tuple([numbers[i][m] for i in part])) for m in range(entries)]
        made = loop_of(program.copy(), None, sizes, k, reverse)
        bundle = bind(made, (*constants, *carry, *packs))
        found = []
        for m in range(puts):
            sequence = bind(item(carries + m, True), (bundle,))
            found.append([bind(element(i, k), (sequence,)) for i in range(k)])
        return [bind(item(m, False), (bundle,)) for m in range(carries)], found

    def parts(carry: list[Any], part: range) -> tuple[list[Any], list[list[Any]]]:
        """The same in parts of `every` turns, a loop of loops: only what is between is kept."""
        count = len(part) // every
        chunks = [part[c * every : (c + 1) * every] for c in range(count if entries else 0)]
        inner = Program()
        given = [inner.input(f"a{m}") for m in range(len(constants))]
        given += [inner.input(name) for name in program_names(program, sizes)]
        wide = [inner.input(f"xs{m}") for m in range(entries)]
        inner.sequences.update(wide)
        made = loop_of(program.copy(), None, sizes, every, reverse)
        bundle_step = inner.step(made, (*given, *wide))
        inner.outputs = [
            inner.step(item(m, m >= carries), (bundle_step,)) for m in range(carries + puts)
        ]
        inner.values = len(inner.outputs)
        packs = [
            bind(PACK, tuple([bind(PACK, tuple([numbers[i][m] for i in c])) for c in chunks]))
            for m in range(entries)
        ]
        bundle = bind(loop_of(inner, None, sizes, count, reverse), (*constants, *carry, *packs))
        found: list[list[Any]] = []
        for m in range(puts):
            rows = bind(item(carries + m, True), (bundle,))
            found.append([])
            for c in range(count):
                row = bind(element(c, count, True), (rows,))
                found[-1] += [bind(element(i, every), (row,)) for i in range(every)]
        return [bind(item(m, False), (bundle,)) for m in range(carries)], found

    carry: list[Any] = leaves(init)
    if every:
        rest = n % every
        main, left = (
            (order[rest:], order[:rest]) if reverse else (order[: n - rest], order[n - rest :])
        )
        carry, found = parts(carry, main)
        if left:
            carry, some = turns(carry, left)
            found = [b + a if reverse else a + b for a, b in zip(found, some)]
    else:
        carry, found = turns(carry, order)
    if not found:
        return filled(new, iter(carry)), stacked([y])
    ys = [filled(y, iter([column[i] for column in found])) for i in range(n)]
    return filled(new, iter(carry)), stacked(ys)


def program_names(program: Program, sizes: tuple[int, int, int]) -> list[str]:
    """What the carries of a body are called."""
    return [program.names[x] for x in program.inputs[sizes[0] : sizes[0] + sizes[1]]]


def while_loop(tracer: Tracer, cond: Any, body: Any, init: Any, every: int) -> Any:
    """See `autodiff/loops.py`."""
    names = argument_names(body, 1)
    one = Body(tracer, body, (init,), names)
    new = like_before("while_loop", init, one.given)
    outputs = one.results(new, "while_loop: the carry")
    two = Body(tracer, cond, (init,), names)
    several = isinstance(two.given, (list, tuple, dict))
    if several or len(leaves(two.given)) != 1:
        raise TypeError(
            f"while_loop: a condition is true or false, or a number, not {two.given!r:.60}: does "
            "its function return?"
        )
    asked = two.results(two.given, "while_loop: the condition")
    constants = union(one.reached(outputs), two.reached(asked))
    program, test = one.program(outputs, constants), two.program(asked, constants)
    n = len(outputs)
    sizes = (len(constants), n, 0)
    made = loop_of(program, test, sizes, None)
    if every:
        # The turn of an outer loop is up to so many turns: a loop that counts.
        made = counted(made, every)
    bundle = bind(made, (*constants, *leaves(init)))
    return filled(new, iter([bind(item(k, False), (bundle,)) for k in range(n)]))


def counted(loop: Any, every: int) -> Any:
    """The loop as one of loops that go round at most so often, so that less is kept."""
    a, n = loop.constants, loop.carries
    body = loop.body.copy()
    body.outputs = body.outputs[:n]
    count = body.input("count")
    body.outputs.append(body.step(TABLE["add"], (count, body.constant(1.0))))
    test = loop.test.copy()
    seen = test.input("count")
    less = test.step(TABLE["less"], (seen, test.constant(float(every))))
    both = test.step(TABLE["logical_and"], (test.outputs[0], less))
    test.outputs = [both]
    body.bare, body.order = body.bare, []
    inner_loop = loop_of(body, test, (a, n + 1, 0), None)
    inner = Program()
    given = [inner.input(loop.body.names[x]) for x in loop.body.inputs]
    bundle = inner.step(inner_loop, (*given, inner.constant(0.0)))
    inner.outputs = [inner.step(item(k, False), (bundle,)) for k in range(n)]
    inner.values = n
    return loop_of(inner, loop.test, (a, n, 0), None)


# Branches -----------------------------------------------------------------------------------


def cond(tracer: Tracer, pred: Any, yes: Any, no: Any, operands: tuple[Any, ...]) -> Any:
    """See `autodiff/loops.py`."""
    operands = tuple([numbered(x, "cond: an operand") for x in operands])
    sides = [Body(tracer, f, operands, argument_names(f, len(operands))) for f in (yes, no)]
    results = [numbered(side.given, "cond: a result") for side in sides]
    results[1] = same_shape("cond", "the result of true_fun and false_fun", *results)
    outputs = [side.results(y, "cond: a result") for side, y in zip(sides, results)]
    constants = union(*[side.reached(ys) for side, ys in zip(sides, outputs)])
    programs = [side.program(ys, constants) for side, ys in zip(sides, outputs)]
    if not isinstance(pred, Node):
        pred = float(true(pred, "cond"))
    bundle = bind(Branch(*programs), (pred, *constants, *leaves(operands)))
    n = len(outputs[0])
    return filled(results[0], iter([bind(item(k, False), (bundle,)) for k in range(n)]))
