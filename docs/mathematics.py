"""Writes `mathematics.md`, the mathematics of every operation, from the table in `ops.py`.

    python docs/mathematics.py            # writes the page
    python docs/mathematics.py --check    # exit code 1 if the page is not what it would write

Each partial derivative is called with Values that are named after the operands; what it
builds is printed as a formula. So the page says what the engine computes, row by row.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from written import main

from micrograd import Value
from micrograd.core.rule import CHOICE, FLAT, TABLE, Rule
from micrograd.graph import latex
from micrograd.graph.latex import decimal, symbol

PAGE = Path(__file__).with_name("mathematics.md")
HEAD = """# The mathematics of each operation

This page is written by `python docs/mathematics.py` from the table in `micrograd/ops.py`; a test
holds it to the table.

Every operation has one row there: its value $y$, and one partial derivative for each operand. A
partial may use the result $y$. Where it would lose digits written out, it is an operation of its
own, listed in the second part ($\\operatorname{sech}^2$ for $1 - \\tanh^2$, accurate also where
$\\tanh x$ rounds to 1). Operations that *choose* pass a gradient on instead of multiplying it: for
them the page shows what becomes of an incoming gradient $d$. Formulas are elementary calculus and
NIST's Digital Library of Mathematical Functions, chapters 4 to 7.

An operand that gets no gradient at all is marked with a dash. "Domain" is where the operation is
tested against 40-digit arithmetic; outside of it the value is what IEEE 754 says, often nan.
"""
NOTES = {
    "pow": "Where the base is positive these are $b \\, a^{b-1}$ and $y \\ln a$; the operation"
    " `power_partial` has the right limits at zero and infinity as well.\n",
}
LETTERS = {1: ("x",), 2: ("a", "b"), 3: ("a", "b", "c")}


def operands(rule: Rule) -> list[Value]:
    """Values with the names of the operands; their numbers lie in the domain."""
    count = rule.arity or 3
    names = LETTERS.get(count) or tuple(f"x{i + 1}" for i in range(count))
    if rule.arity == 0:
        names = ("x1", "x2", "x3")
        if rule.name in ("dot", "weighted_sum"):
            names = ("x1", "x2", "y1", "y2")
            if rule.name == "weighted_sum":
                names = ("b", "w1", "w2", "x1", "x2")
    if "logits" in rule.doc or rule.name == "nll":
        names = ("k", "x1", "x2", "x3")
    numbers = [0.5, 0.25, 0.75, 1.5, 2.5]
    values = []
    for i, name in enumerate(names):
        low, high = rule.domain[i] if i < len(rule.domain) else (-math.inf, math.inf)
        x = numbers[i] if name != "k" else 1.0
        values.append(Value(min(max(x, low + 0.5 if low > -math.inf else x), high), label=name))
    return values


def formula(x: Any) -> str:
    """The formula of what a partial gave: a Value, a number, or nothing."""
    if x is None:
        return "-"
    if isinstance(x, Value):
        text = latex(x)
        return text if not text.startswith("\\begin") else f"{text}"
    return decimal(float(x))


def value_of(rule: Rule, xs: list[Value]) -> str:
    names = [symbol(x.label) for x in xs]
    if rule.name == "dot":
        return "x_{1} \\cdot y_{1} + x_{2} \\cdot y_{2} + \\dots"
    if rule.name == "weighted_sum":
        return "b + w_{1} \\cdot x_{1} + w_{2} \\cdot x_{2} + \\dots"
    if not rule.latex:
        return rf"{symbol(rule.name, 'operatorname')}({', '.join(names)})"
    if "{args}" in rule.latex:
        more = ", \\dots" if rule.arity == 0 else ""
        return rule.latex.format(args=", ".join(names) + more)
    return rule.latex.format(*names)


def slopes(rule: Rule, xs: list[Value]) -> list[Any]:
    """What each operand gets, as the partials build it."""
    y = Value(0.5, label="y")
    first = [Value(1.0, label="d")] if rule.kind == CHOICE else []
    given: list[Any] = [x.data if i in rule.settings and rule.arity == 0 else x
                        for i, x in enumerate(xs)]  # fmt: skip
    if rule.arity == 0:
        [together] = rule.partials
        return list(together(*first, given, y))
    return [partial(*first, *given, y) for partial in rule.partials]


def entry(rule: Rule) -> Iterator[str]:
    xs = operands(rule)
    yield f"### `{rule.name}`\n"
    yield f"{rule.doc}\n"
    yield f"$$y = {value_of(rule, xs)}$$\n"
    if rule.kind == FLAT:
        yield "Locally constant: no gradient passes.\n"
    else:
        for x, slope in zip(xs, slopes(rule, xs), strict=True):
            name = symbol(x.label)
            if isinstance(slope, float) and math.isnan(slope):
                yield f"- ${name}$: not differentiable by this operand (nan)"
            elif slope is None:
                yield f"- ${name}$: -"
            elif rule.kind == CHOICE:
                yield f"- ${name}$ gets ${formula(slope)}$"
            else:
                yield f"- $\\partial y / \\partial {name} = {formula(slope)}$"
        yield ""
    if rule.name in NOTES:
        yield NOTES[rule.name]
    if rule.domain:
        yield f"Domain: {', '.join(map(interval, rule.domain))}.\n"
    if rule.aliases:
        yield f"Also called {', '.join(f'`{name}`' for name in rule.aliases)}.\n"


def interval(bounds: tuple[float, float]) -> str:
    low, high = bounds
    if low == high:
        return f"${decimal(low)}$"
    left = "(" if low == -math.inf else "["
    right = ")" if high == math.inf else "]"
    return f"${left}{decimal(low)}, {decimal(high)}{right}$"


def page() -> str:
    rules = list(TABLE.values())
    lines = [HEAD, "## Operations\n"]
    for rule in rules:
        if not rule.internal:
            lines += entry(rule)
    lines.append("## Operations that serve as derivatives of others\n")
    for rule in rules:
        if rule.internal:
            lines += entry(rule)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main(PAGE, page()))
