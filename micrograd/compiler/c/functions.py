"""The operations of the table in C: the text of the functions, and of their calls.

The functions come from `native/functions.h`, which is translated from Python; those that have no C
there, as the gamma function, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ...core.rule import Rule
from ..arrays.spaces import is_own

HEADER = Path(__file__).parent.parent / "native" / "functions.h"
# Functions of the C library, whose values compilers may know better than it does.
LIBRARY = (
    "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp exp2 expm1 log log1p "
    "log2 log10 pow hypot cbrt erf erfc lgamma tgamma"
)
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


@cache
def table() -> tuple[dict[str, str], dict[str, tuple[int, str]]]:
    """The text of each C function, and for each operation how many operands its function takes."""
    text = HEADER.read_text(encoding="utf-8")
    head, _, rows = text.partition("static const struct")
    head = head.replace("static _Thread_local int mg_refused;", "static int mg_refused;")
    found: dict[str, str] = {}
    pattern = r"^static [^;{=]*?\b(\w+)(?:\([^{;]*\) \{(?:[^\n]*\}\n|.*?^\}\n)|;[^\n]*\n)"
    for match in re.finditer(pattern, head, re.M | re.S):
        found[match.group(1)] = match.group(0).rstrip()
    operations = {
        name: (int(arity), function)
        for name, arity, function in re.findall(r'\{"(\w+)", (-?\d+), [^}]*\)(\w+)\}', rows)
    }
    return found, operations


class Functions:
    """The functions that a file calls."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.called: dict[str, None] = {"mg_refused": None}

    def named(self, rule: Rule) -> tuple[int, str]:
        """How many operands the function of an operation takes, and its name."""
        found = table()[1].get(rule.name)
        if found is None or is_own(rule):
            raise TypeError(f"{self.who}: the operation {rule.name} has no function in C")
        self.called[found[1]] = None
        return found

    def call(self, rule: Rule, operands: Sequence[str]) -> str:
        """The expression of an operation."""
        if rule.name in OPERATORS:
            return f" {OPERATORS[rule.name]} ".join(operands)
        if rule.name == "neg":
            return f"-{operands[0]}"
        if rule.name in ("identity", "stop"):
            return operands[0]
        arity, name = self.named(rule)
        if arity >= 0:
            return f"{name}({', '.join(operands)})"
        first, rest = operands[: -arity - 1], operands[-arity - 1 :]
        packed = f"(const double[]){{{', '.join(rest)}}}"
        return f"{name}({', '.join([*first, str(len(rest)), packed])})"

    def texts(self) -> list[str]:
        """The functions and those that they call, those called first."""
        texts, _ = table()
        found: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in found and name in texts:
                for word in re.findall(r"\b(?:mg|py)_\w+", texts[name]):
                    if word != name:
                        visit(word)
                found[name] = None

        for name in self.called:
            visit(name)
        return [texts[name] for name in found]


def number(x: float) -> str:
    """A float as C has it."""
    if x != x:
        return "NAN"
    if x - x != 0.0:
        return "INFINITY" if x > 0.0 else "(-INFINITY)"
    return f"({x!r})" if repr(x).startswith("-") else repr(x)
