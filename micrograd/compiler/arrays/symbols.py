"""Symbols that stand for whole arrays: what the partials of the table are called with.

Read `reverse.py` next, which makes steps of what is done to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...core.operators import give_operators
from ...core.rule import TABLE, Rule, method
from ...core.rule import apply as apply_rule
from .program import Read

ADD, SUB, MUL, DIV, NEG = (TABLE[name] for name in ("add", "sub", "mul", "div", "neg"))


class Maker(Protocol):
    """Who makes steps of operations on symbols."""

    def applied(self, rule: Rule, operands: Sequence[Any]) -> Any: ...


class Symbol:
    """An array of the shape at hand that does arithmetic by adding steps."""

    __slots__ = ("backward", "read")

    def __init__(self, backward: Maker, read: Read) -> None:
        self.backward, self.read = backward, read

    def _apply(self, rule: Rule, operands: tuple[Any, ...]) -> Any:
        return self.backward.applied(rule, operands)

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
        setattr(Symbol, _name, method(_rule, lambda rule, x: x._apply(rule, (x,)), apply_rule))


def _unchanged(*xs: float) -> float:
    """What `reached` is on floats: the product, but 0 where nothing flows."""
    d, slope = xs
    return 0.0 if d == 0.0 and slope - slope != 0.0 else d * slope


REACHED = Rule("reached", _unchanged, (), 2, doc="d * slope, and 0 where nothing flows, d = 0.")
REACHED.function = lambda *xs: apply_rule(REACHED, xs)


def shorter(rule: Rule, operands: Sequence[Any]) -> Any:
    """An operand that is the result already, or None."""
    if rule is MUL or rule is DIV:
        a, b = operands
        for x, c in ((a, b), (b, a)) if rule is MUL else ((a, b),):
            if not isinstance(c, Symbol) and float(c) == 1.0:
                return x
            if not isinstance(c, Symbol) and float(c) == -1.0 and isinstance(x, Symbol):
                return x._apply(NEG, (x,))
    if rule is ADD:
        a, b = operands
        for x, c in ((a, b), (b, a)):
            if not isinstance(c, Symbol) and float(c) == 0.0:
                return x
    return None
