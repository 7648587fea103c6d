"""The chain rule on a program: adds the steps of the backward pass.

The derivatives are those of the table in `ops.py`, evaluated on symbols that write down
what is done to them. The sums are made in the order of the eager engine's, so that the
compiled gradient is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.operators import give_operators
from ...core.rule import CHOICE, FLAT, TABLE, Rule, apply, method
from ...core.selection import Missing, Selection, Whole
from .program import Program


class Symbol:
    """A step of a program that does arithmetic by adding steps."""

    __slots__ = ("i", "program")

    def __init__(self, program: Program, i: int) -> None:
        self.program = program
        self.i = i

    def _apply(self, rule: Rule, operands: tuple[Any, ...]) -> Symbol:
        return Symbol(self.program, self.program.step(rule, places(self.program, operands)))

    def __bool__(self) -> bool:
        raise TypeError(
            "jit: a derivative given to micrograd.custom decides by a number, which is not known "
            "while it is compiled: write where(condition, a, b)"
        )


def _operator(name: str, xs: tuple[Any, ...]) -> Any:
    symbol: Symbol = xs[0] if isinstance(xs[0], Symbol) else xs[1]
    return symbol._apply(TABLE[name], xs)


give_operators(Symbol, _operator)
for _name, _rule in TABLE.items():
    if not _rule.internal and not hasattr(Symbol, _name):
        setattr(Symbol, _name, method(_rule, lambda rule, x: x._apply(rule, (x,)), apply))


def places(program: Program, operands: tuple[Any, ...]) -> tuple[int, ...]:
    """The steps of symbols and numbers."""
    return tuple([x.i if isinstance(x, Symbol) else program.known(x) for x in operands])


def reverse(
    program: Program,
    seeds: Sequence[Any] | None = None,
    by: Sequence[int] | None = None,
    start: dict[int, Any] | None = None,
    chained: bool = False,
) -> set[int]:
    """The steps that have a gradient; the program then also gives that by each parameter.

    Of several outputs it is the gradient of the sum of seed * output. `by` lists other
    steps than the parameters to differentiate by, such as the inputs. The sums begin with what
    `start` has for a step. `chained` is for the body of a loop: where a seed is 0, the turns after
    this one did not select the output.
    """
    n = len(program)
    by = program.parameters if by is None else by
    program.forward_steps = n
    program.values = len(program.outputs)
    rules, steps = program.rules, program.operands
    known = program.data
    selection = Selection()
    active = [False] * n
    for i in by:
        active[i] = True
    for i in range(n):
        rule = rules[i]
        if steps[i] and isinstance(rule, Rule):
            if i not in program.bare:
                active[i] = rule.kind != FLAT and any([active[x] for x in steps[i]])
            numbers = [known[x] for x in steps[i] if x in known]
            if rule.reflected is not None and steps[i][0] in known:
                rule = rule.reflected
            selection.node(i, rule, [x for x in steps[i] if x not in known], numbers)
    adjoint: dict[int, Any] = dict(start or {})
    for y, seed in zip(program.outputs, seeds or [1.0] * len(program.outputs)):
        if chained and isinstance(seed, Symbol) and selection.choices and selection.matters(y):
            there = Missing(seed._apply(TABLE["not_equal"], (seed, 0.0)), selection.guards)
            selection.missing[y] = None if y in adjoint else there
        adjoint[y] = adjoint[y] + seed if y in adjoint else seed
    for i in reversed(program.order or range(n)):
        g = adjoint.get(i)
        rule = rules[i]
        if g is None or not active[i] or not isinstance(rule, Rule):
            continue
        if isinstance(g, Symbol):
            program.adjoint_of.setdefault(g.i, i)
        xs = steps[i]
        symbols = [known[x] if x in known else Symbol(program, x) for x in xs]
        result = Symbol(program, i)
        if rule.kind == CHOICE and not isinstance(g, Symbol):
            g = Symbol(program, program.constant(g))
        parts = rule.pullback(symbols, result, [g if active[x] else None for x in xs])
        keys = [x if active[x] else None for x in xs]
        for x, part in zip(xs, selection.select(i, rule, symbols, result, keys, parts)):
            if part is not None:
                have = adjoint.get(x)
                adjoint[x] = part if have is None else have + part
    for p in by:
        g = adjoint.get(p, 0.0)
        if isinstance(g, Whole):
            g = g.step()
        if isinstance(g, Symbol):
            program.adjoint_of.setdefault(g.i, p)
        program.outputs.append(g.i if isinstance(g, Symbol) else program.known(g))
    if program.order:  # what was added comes after, should it be differentiated again
        program.order = [*program.order, *range(n, len(program))]
    return set(adjoint)
