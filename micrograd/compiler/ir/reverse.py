"""The chain rule on a program: adds the steps of the backward pass.

The derivatives are those of the table in `ops.py`, evaluated on symbols that write down
what is done to them. The sums are made in the order of the eager engine's, so that the
compiled gradient is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.rule import CHOICE, FLAT, TABLE, Rule, apply, method
from .program import Program


class Symbol:
    """A step of a program that does arithmetic by adding steps."""

    __slots__ = ("i", "program")

    def __init__(self, program: Program, i: int) -> None:
        self.program = program
        self.i = i

    def _apply(self, rule: Rule, operands: tuple[Any, ...]) -> Symbol:
        return Symbol(self.program, self.program.step(rule, places(self.program, operands)))

    def __neg__(self) -> Symbol:
        return self._apply(NEG, (self,))

    def __add__(self, other: Any) -> Symbol:
        return self._apply(ADD, (self, other))

    def __radd__(self, other: Any) -> Symbol:
        return self._apply(ADD, (other, self))

    def __sub__(self, other: Any) -> Symbol:
        return self._apply(SUB, (self, other))

    def __rsub__(self, other: Any) -> Symbol:
        return self._apply(SUB, (other, self))

    def __mul__(self, other: Any) -> Symbol:
        return self._apply(MUL, (self, other))

    def __rmul__(self, other: Any) -> Symbol:
        return self._apply(MUL, (other, self))

    def __truediv__(self, other: Any) -> Symbol:
        return self._apply(DIV, (self, other))

    def __rtruediv__(self, other: Any) -> Symbol:
        return self._apply(DIV, (other, self))

    # What a derivative of a user's own, given to micrograd.custom, may be written with.

    def __pow__(self, other: Any) -> Symbol:
        return self._apply(TABLE["pow"], (self, other))

    def __rpow__(self, other: Any) -> Symbol:
        return self._apply(TABLE["pow"], (other, self))

    def __abs__(self) -> Symbol:
        return self._apply(TABLE["abs"], (self,))

    def __mod__(self, other: Any) -> Symbol:
        return self._apply(TABLE["mod"], (self, other))

    def __lt__(self, other: Any) -> Symbol:
        return self._apply(TABLE["less"], (self, other))

    def __le__(self, other: Any) -> Symbol:
        return self._apply(TABLE["less_equal"], (self, other))

    def __gt__(self, other: Any) -> Symbol:
        return self._apply(TABLE["greater"], (self, other))

    def __ge__(self, other: Any) -> Symbol:
        return self._apply(TABLE["greater_equal"], (self, other))

    def __bool__(self) -> bool:
        raise TypeError(
            "jit: a derivative given to micrograd.custom decides by a number, which is not known "
            "while it is compiled: write where(condition, a, b)"
        )


for _name, _rule in TABLE.items():
    if not _rule.helper and not hasattr(Symbol, _name):
        setattr(Symbol, _name, method(_rule, lambda rule, x: x._apply(rule, (x,)), apply))

NEG, ADD, SUB, MUL, DIV = (TABLE[name] for name in ("neg", "add", "sub", "mul", "div"))


def places(program: Program, operands: tuple[Any, ...]) -> tuple[int, ...]:
    """The steps of symbols and numbers."""
    return tuple([x.i if isinstance(x, Symbol) else program.constant(float(x)) for x in operands])


def reverse(
    program: Program, seeds: Sequence[Any] | None = None, by: Sequence[int] | None = None
) -> None:
    """Nothing; the program then also gives the gradient of its output by each parameter.

    Of several outputs it is the gradient of the sum of seed * output. `by` lists other
    steps than the parameters to differentiate by, such as the inputs.
    """
    n = len(program)
    by = program.parameters if by is None else by
    program.forward_steps = n
    program.values = len(program.outputs)
    rules, steps = program.rules, program.operands
    active = [False] * n
    for i in by:
        active[i] = True
    for i in range(n):
        if steps[i] and i not in program.bare:
            active[i] = rules[i].kind != FLAT and any([active[x] for x in steps[i]])  # type: ignore[union-attr]
    adjoint: dict[int, Any] = {}
    for y, seed in zip(program.outputs, seeds or [1.0] * len(program.outputs)):
        adjoint[y] = adjoint[y] + seed if y in adjoint else seed
    known = program.data
    for i in reversed(program.order or range(n)):
        g = adjoint.get(i)
        rule = rules[i]
        if g is None or not active[i] or not isinstance(rule, Rule):
            continue
        if isinstance(g, Symbol):
            program.adjoint_of.setdefault(g.i, i)
        xs = steps[i]
        symbols = [known[x] if x in known else Symbol(program, x) for x in xs]
        wanted = [active[x] for x in xs]
        for x, part in zip(xs, parts(rule, symbols, Symbol(program, i), g, wanted)):
            if part is not None:
                have = adjoint.get(x)
                adjoint[x] = part if have is None else have + part
    for p in by:
        g = adjoint.get(p, 0.0)
        if isinstance(g, Symbol):
            program.adjoint_of.setdefault(g.i, p)
        program.outputs.append(g.i if isinstance(g, Symbol) else program.constant(float(g)))


def parts(rule: Rule, xs: list[Any], y: Symbol, g: Any, wanted: list[bool]) -> list[Any]:
    """What each operand gets of the gradient g of y; None where nothing flows."""
    if rule.kind == CHOICE:
        upstream = g if isinstance(g, Symbol) else Symbol(y.program, y.program.constant(g))
        if rule.arity == 0:
            found = rule.partials[0](upstream, xs, y)
        else:
            found = [
                p(upstream, *xs, y) if w else None
                for p, w in zip(rule.partials, wanted, strict=True)
            ]
        return [part if w else None for part, w in zip(found, wanted, strict=True)]
    if rule.arity == 0:
        slopes = rule.partials[0](xs, y)
    else:
        slopes = [p(*xs, y) if w else None for p, w in zip(rule.partials, wanted, strict=True)]
    return [
        times(slope, g) if w and slope is not None else None
        for slope, w in zip(slopes, wanted, strict=True)
    ]


def times(slope: Any, g: Any) -> Any:
    """slope * g, without writing down a multiplication by 1 or -1."""
    if isinstance(slope, float):
        if slope == 1.0:
            return g
        if slope == -1.0:
            return -g
    if isinstance(g, float) and g == 1.0:
        return slope
    return slope * g
