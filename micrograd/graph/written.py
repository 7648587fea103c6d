"""How an operation is written: `a * b`, `tanh(x)`, and with a number in it, in pictures, `1 - ·`.

A number that an elementary operation takes stands in its box, at its place; a dot stands for what
comes in by an edge, the first operand above the second. So nobody takes `1 - x` for `x - 1`. What
goes into sums over many operands, and what neurons multiply by their weights, is data and has
boxes of its own. `diagram.py` makes the boxes; read that next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.node import Node, op_name
from ..core.view import View, is_virtual

COMES_IN = "\u00b7"
ENCLOSED = {"add": 1, "sub": 1, "pow": 0}  # where a negative number has parentheses
# Operations of ours that nobody writes by their names.
WRITTEN = {"exp_diff": "exp({0} - {1})", "stop": "stop_gradient({0})"}
# Operations whose operands may be drawn in any order.
COMMUTATIVE = frozenset(
    (
        "add", "mul", "sum", "fsum", "mean", "prod", "maximum", "minimum", "fmax", "fmin", "hypot",
        "logsumexp", "logaddexp", "equal", "not_equal", "logical_and", "logical_or",
    )
)  # fmt: skip


def is_ordered(rule: Any) -> bool:
    """Whether it matters which operand of an operation is the first."""
    return rule.arity != 1 and rule.name not in COMMUTATIVE


def expression(op: str, xs: Sequence[str]) -> str:
    """An operation on operands: a * b, a**2, -a, max(a, b)."""
    if op == "**":
        return f"{xs[0]}**{xs[1]}"
    if op == "neg":
        return f"-{xs[0]}"
    if op in WRITTEN:
        return WRITTEN[op].format(*xs)
    if len(xs) == 2 and not op[:1].isalpha():
        return f"{xs[0]} {op} {xs[1]}"
    return f"{op}({', '.join(xs)})"


def literals(view: View, v: Any) -> dict[int, float]:
    """The numbers that stand in the box of an operation, by their places; no settings, no data."""
    rule = view.rule(v)
    xs = view.operands(v)
    if rule.arity != len(xs) or (is_virtual(v) and rule.name == "mul"):
        return {}
    places = range(len(xs))
    return {i: xs[i] for i in places if i not in rule.settings and not isinstance(xs[i], Node)}


def written(view: View, v: Any, numbers: dict[int, float]) -> str:
    """What stands on the box of an operation, with these numbers in it: `1 - ·`, `**2`, `tanh`."""
    rule = view.rule(v)
    if not numbers and rule.name not in WRITTEN:
        return str(op_name(v))
    given = {i: x for i, x in enumerate(view.operands(v)) if i in rule.settings} | numbers
    shown = [literal(given[i]) if i in given else COMES_IN for i in range(rule.arity)]
    if rule.name == "where" and 0 in numbers:
        shown[0] = "true" if numbers[0] else "false"
    enclosed = ENCLOSED.get(rule.name)
    if enclosed is not None and shown[enclosed].startswith("-"):
        shown[enclosed] = f"({shown[enclosed]})"
    return expression(str(rule.symbol), shown)


def literal(x: Any) -> str:
    """A number as it is written in an operation: with four digits, and as short as it can be."""
    return COMES_IN if isinstance(x, Node) else f"{x:.4g}"
