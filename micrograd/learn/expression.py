"""An expression as text, such as "relu(a*b + c)", evaluated on Values.

It is parsed into Python's own syntax tree, of which numbers, names, operators and the
functions of the table are taken, and nothing else: it is never run as code.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from .. import ops
from ..core.rule import TABLE
from ..engine import Value

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan}
EXTRA = ("mean", "dot", "softmax", "dist", "fsum")


class ExpressionError(ValueError):
    """What is wrong with an expression, in a sentence; printed with a caret at the place."""

    def __init__(self, sentence: str, text: str, column: int) -> None:
        start = max(0, min(column - 36, len(text) - 72))  # a window on a long line
        super().__init__(f"{sentence}\n  {text[start : start + 72]}\n  {' ' * (column - start)}^")
        self.sentence, self.column = sentence, column


def functions() -> dict[str, Callable[..., Any]]:
    """The functions that an expression may call, by name."""
    names = [*(name for name, rule in TABLE.items() if not rule.internal), *EXTRA]
    found = {name: getattr(ops, name) for name in names}
    return {**found, "max": ops.maximum, "min": ops.minimum}


def evaluate(text: str, names: Mapping[str, Value]) -> Value:
    """The value of an expression in which these names stand for Values.

    Numbers, names, `+ - * / // % **`, comparisons, lists, and micrograd's functions, called
    as `tanh(x)` or `x.tanh()`; pi, e, tau, inf and nan. ExpressionError for all else.

    >>> x = Value(2.0)
    >>> evaluate("x**2 + sin(pi)*x + 1", {"x": x}).data
    5.0
    >>> evaluate("x + y", {"x": x})
    Traceback (most recent call last):
    micrograd.learn.expression.ExpressionError: y has no value: give it one, such as y=1.5
      x + y
          ^
    """
    text = " ".join(text.split())
    try:
        tree = ast.parse(text, mode="eval")
        result = Reader(text, names).read(tree.body)
    except SyntaxError as error:
        column = min(error.offset - 1, len(text)) if error.offset else len(text)
        why = "an expression is missing" if not text else f"this is no expression ({error.msg})"
        raise ExpressionError(why, text, column) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("this expression is nested too deeply", text, 0) from None
    except ValueError as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"this is no expression ({error})", text, 0) from None
    if isinstance(result, (bool, list)):
        what = "a list" if isinstance(result, list) else "a comparison"
        raise ExpressionError(f"the result is {what}, not a number", text, 0)
    return result if isinstance(result, Value) else Value(result)


class Reader:
    """Walks a syntax tree and computes."""

    def __init__(self, text: str, names: Mapping[str, Value]) -> None:
        self.text, self.names = text, names
        self.functions = functions()

    def wrong(self, sentence: str, at: Any, end: int | None = None) -> ExpressionError:
        """The error to raise, with its caret at the start of a part or at its last name."""
        start = getattr(at, "col_offset", 0) if end is None else end - len(at.attr.encode())
        column = len(self.text.encode()[:start].decode(errors="ignore"))
        return ExpressionError(sentence, self.text, column)

    def read(self, at: Any) -> Any:
        """The value of one part."""
        if isinstance(at, ast.Constant):
            return self.number(at)
        if isinstance(at, ast.Name):
            return self.name(at)
        if isinstance(at, (ast.List, ast.Tuple)):
            return [self.read(element) for element in at.elts]
        if isinstance(at, ast.BinOp) and type(at.op) in OPERATORS:
            return self.compute(
                at, OPERATORS[type(at.op)], [self.read(at.left), self.read(at.right)]
            )
        if isinstance(at, ast.UnaryOp) and type(at.op) in OPERATORS:
            return self.compute(at, OPERATORS[type(at.op)], [self.read(at.operand)])
        if isinstance(at, ast.Compare) and len(at.ops) == 1 and type(at.ops[0]) in OPERATORS:
            pair = [self.read(at.left), self.read(at.comparators[0])]
            return self.compute(at, OPERATORS[type(at.ops[0])], pair)
        if isinstance(at, ast.Call):
            return self.call(at)
        if isinstance(at, ast.Attribute):
            name = getattr(at.value, "id", "x")
            sentence = f"{at.attr} cannot be taken from this; a function is called {name}.tanh()"
            raise self.wrong(sentence, at, at.end_col_offset)
        if isinstance(at, ast.BinOp) and isinstance(at.op, ast.BitXor):
            raise self.wrong("a power is written **", at)
        raise self.wrong("only numbers, names, operators and functions can stand here", at)

    def number(self, at: ast.Constant) -> float:
        if isinstance(at.value, bool) or not isinstance(at.value, (int, float)):
            raise self.wrong(f"{ast.unparse(at)} is not a real number", at)
        try:
            return float(at.value)
        except OverflowError:
            raise self.wrong("this number is too large for a float", at) from None

    def name(self, at: ast.Name) -> Any:
        if at.id in self.names:
            return self.names[at.id]
        if at.id in CONSTANTS:
            return CONSTANTS[at.id]
        if at.id in self.functions:
            raise self.wrong(f"{at.id} is a function: write {at.id}(...)", at)
        raise self.wrong(f"{at.id} has no value: give it one, such as {at.id}=1.5", at)

    def call(self, at: ast.Call) -> Any:
        if at.keywords or any(isinstance(x, ast.Starred) for x in at.args):
            raise self.wrong("a function takes its numbers in order, without names or stars", at)
        args = [self.read(x) for x in at.args]
        if isinstance(at.func, ast.Attribute):
            name = at.func.attr
            args.insert(0, self.read(at.func.value))
        elif isinstance(at.func, ast.Name):
            name = at.func.id
        else:
            raise self.wrong("this cannot be called", at)
        if name not in self.functions:
            import difflib

            near = difflib.get_close_matches(name, self.functions, 5)
            near.sort(key=lambda other: sorted(other) != sorted(name))  # tanh for tahn, and not tan
            hint = f"; did you mean {near[0]}?" if near else ""
            raise self.wrong(f"there is no function {name}{hint}", at.func)
        return self.compute(at, self.functions[name], args)

    def compute(self, at: Any, f: Callable[..., Any], args: list[Any]) -> Any:
        try:
            if f in OPERATORS.values():
                if any(isinstance(x, list) for x in args):
                    raise TypeError("a list goes into a function, such as sum, not into arithmetic")
                # Plain numbers are computed as Values are: 1/0 is inf.
                result = f(*args) if isinstance(args[0], Value) else f(Value(args[0]), *args[1:])
                if any(isinstance(x, Value) for x in args):
                    return result
                return getattr(result, "data", result)
            return f(*args)
        except (TypeError, ValueError) as error:
            raise self.wrong(str(error), at) from None
        except OverflowError as error:
            raise self.wrong(f"a number is too large: {error}", at) from None
