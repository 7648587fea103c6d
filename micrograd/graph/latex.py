r"""`latex`: the formula of a Value, from the templates in the table of operations.

A template such as `\frac{{{0}}}{{{1}}}` says how an operation is written; here is when an
operand needs parentheses. What is shared or very deep gets a name and a line of its own,
so that a formula is never longer than its graph.
"""

from __future__ import annotations

import math
import re
from string import Formatter
from typing import Any

from ..core.node import Node, is_leaf
from ..core.view import View
from ..engine import Value
from .diagram import check, label_of

# How strongly a formula holds together, and what each operand of the operators asks for.
SUM, NEGATIVE, PRODUCT, POWER, FRACTION, TIGHT = 1, 2, 3, 4, 5, 6
STRENGTH = {
    "add": SUM, "sub": SUM, "fma": SUM, "expm1": SUM, "neg": NEGATIVE, "mul": PRODUCT,
    "xlogy": PRODUCT, "ldexp": PRODUCT, "mod": PRODUCT, "gate": PRODUCT, "inside": PRODUCT,
    "derf": PRODUCT, "degrees": PRODUCT, "radians": PRODUCT, "dcbrt": PRODUCT, "div": FRACTION,
    "pow": POWER, "exp": POWER, "exp2": POWER, "exp_gap": POWER, "exp_diff": POWER,
    "dlog": POWER, "dlog1p": POWER, "weighted_sum": SUM, "dot": SUM, "sum": SUM, "prod": PRODUCT,
}  # fmt: skip
ASKED = {
    "add": (SUM, PRODUCT), "sub": (SUM, PRODUCT), "neg": (PRODUCT,), "mul": (PRODUCT, POWER),
    "div": (0, 0), "pow": (TIGHT, 0), "fma": (PRODUCT, POWER, PRODUCT), "log1p": (PRODUCT,),
    "dlog1p": (PRODUCT,), "exp_gap": (SUM, PRODUCT), "exp_diff": (SUM, PRODUCT),
    "dshare": (SUM, PRODUCT), "dcbrt": (TIGHT,),
}  # fmt: skip
LONGEST = 600  # how many characters a formula may have before parts of it get names
PART = 100  # how long a part is at least that gets one
LINES = 40
OPENING = ("(", "{", "[", "|", ",", r"\lfloor", r"\lceil", r"\lVert", r"\langle")
CLOSING = (")", "}", "]", "|", ",", r"\right", r"\rfloor", r"\rceil", r"\rVert", r"\rangle")
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "  # noqa: SIM905
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split()
)


class Formula(str):
    """The text of a formula, which a notebook shows as mathematics."""

    __slots__ = ()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self}$"


def latex(v: Any) -> Formula:
    r"""The formula of a Value in terms of its leaves, as LaTeX for mathematics mode.

    Leaves are written as their labels, those without one as their numbers. Where v has a
    label the formula is an equation. A long formula comes as several lines, in `aligned`.
    Of a program, `fast.program` of `jit`, the formula in terms of inputs and parameters.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b1")
    >>> print(latex((a + b) * (a - 1) ** 2))
    \left(a + b_{1}\right) \cdot \left(a - 1\right)^{2}
    """
    if hasattr(v, "run") and hasattr(v, "outputs"):
        return Formula(of_program(v))
    if not isinstance(v, Value):
        raise TypeError(f"latex: a Value, or a program of jit's, is written, not {v!r:.60}")
    check(v)
    return Formula(of_value(v))


def of_value(v: Value) -> str:
    view = View(v)
    leaves, inner = view.leaves, view.inner
    users: dict[Node, int] = {}
    for node in inner:
        for x in view.operands(node):
            if isinstance(x, Node):
                users[x] = users.get(x, 0) + 1
    formulas: dict[Node, tuple[str, int]] = {}
    if total_length(view) <= LONGEST:
        for node in leaves + inner:
            formulas[node] = of_leaf(node) if is_leaf(node) else formula(view, node, formulas)
        return equation(v, formulas[v][0])
    taken = {label_of(node) for node in leaves + inner}
    lines: list[str] = []
    count = 0
    for node in leaves + inner:
        if is_leaf(node):
            formulas[node] = of_leaf(node)
            continue
        text, strength = formula(view, node, formulas)
        shared = users.get(node, 0) > 1 and len(text) > PART // 4
        if node is not v and (shared or len(text) > PART):
            count += 1
            while f"v{count}" in taken:
                count += 1
            name = symbol(f"v{count}")
            lines.append(rf"{name} &= {text}")
            text, strength = name, TIGHT
        formulas[node] = text, strength
    hidden = len(lines) - LINES
    if hidden > 0:
        lines = [rf"&\;\;\vdots \quad \text{{{hidden:,} lines}}", *lines[hidden:]]
    result = formulas[v][0]
    lines.append(rf"{symbol(label_of(v))} &= {result}" if label_of(v) else f"&{result}")
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def of_program(program: Any) -> str:
    """The formulas of a program's outputs: it is run on leaves that have the names."""
    leaves = [
        [Value(0.5, label=program.names.get(i, f"x{i}")) for i in places]
        for places in (program.inputs, program.parameters)
    ]
    results = program.run(*leaves)
    formulas = [latex(y) if isinstance(y, Value) else decimal(y) for y in results]
    if len(formulas) == 1:
        return formulas[0]
    return "\\begin{gathered}\n" + " \\\\\n".join(formulas) + "\n\\end{gathered}"


def equation(v: Value, text: str) -> str:
    label = label_of(v)
    return f"{symbol(label)} = {text}" if label and not is_leaf(v) else text


def total_length(view: View) -> int:
    """About how long a formula without names would be, for the last of the nodes."""
    length: dict[Any, int] = {}
    for node in view.inner:
        length[node] = 8 + sum(length.get(x, 4) for x in view.operands(node))
    return length[view.root] if view.inner else 0


def of_leaf(node: Node) -> tuple[str, int]:
    label = label_of(node)
    return (symbol(label), TIGHT) if label else of_number(node._data)


def of_number(x: float) -> tuple[str, int]:
    text = decimal(x)
    return text, NEGATIVE if text.startswith("-") else PRODUCT if "cdot" in text else TIGHT


def formula(view: View, node: Any, formulas: dict[Node, tuple[str, int]]) -> tuple[str, int]:
    """The formula of a node from those of its operands, and how strongly it holds together."""
    rule = view.rule(node)
    parts = [formulas[x] if isinstance(x, Node) else of_number(x) for x in view.operands(node)]
    name = rule.name
    if name in ("sum", "fsum"):
        return joined(parts, " + ", PRODUCT), SUM if len(parts) > 1 else parts[0][1]
    if name == "prod":
        return joined(parts, r" \cdot ", POWER), PRODUCT if len(parts) > 1 else parts[0][1]
    if name in ("dot", "weighted_sum"):
        return sum_of_products(parts, name == "weighted_sum")
    if not rule.latex:
        return rf"{symbol(rule.symbol or name, 'operatorname')}({listed(parts)})", TIGHT
    if "{args}" in rule.latex:
        return rule.latex.format(args=listed(parts)), TIGHT
    asked = ASKED.get(name)
    if asked is None:
        return from_template(rule.latex, parts), STRENGTH.get(name, TIGHT)
    texts = [wrapped(part, least) for part, least in zip(parts, asked, strict=True)]
    return rule.latex.format(*texts), STRENGTH.get(name, TIGHT)


def joined(parts: list[tuple[str, int]], sign: str, least: int) -> str:
    first, *rest = parts
    return sign.join([wrapped(first, least - 1), *[wrapped(part, least) for part in rest]])


def sum_of_products(parts: list[tuple[str, int]], start: bool) -> tuple[str, int]:
    factors = parts[1:] if start else parts
    n = len(factors) // 2
    products = [joined([factors[i], factors[n + i]], r" \cdot ", POWER) for i in range(n)]
    return " + ".join([wrapped(parts[0], SUM), *products] if start else products), SUM


def listed(parts: list[tuple[str, int]]) -> str:
    return ", ".join(text for text, _ in parts)


def wrapped(part: tuple[str, int], least: int) -> str:
    text, strength = part
    return text if strength >= least else rf"\left({text}\right)"


def from_template(template: str, parts: list[tuple[str, int]]) -> str:
    """The template filled in; operands that nothing encloses there get parentheses."""
    literals, fields = [""], []
    for literal, field, _, _ in Formatter().parse(template):
        literals[-1] += literal
        if field is not None:
            fields.append(int(field))
            literals.append("")
    done = literals[0]
    for k, place in enumerate(fields):
        part = parts[place]
        before, after = literals[k].rstrip(), literals[k + 1].lstrip()
        if before.endswith(OPENING) and after.startswith(CLOSING):
            done += part[0]
        elif re.search(r"(\\[A-Za-z]+|[}'\d])$", before) and not after:
            done += rf"\left({part[0]}\right)"  # a function and its argument
        else:
            done += wrapped(part, TIGHT)
        done += literals[k + 1]
    return done


# Names and numbers ------------------------------------------------------------------------


def symbol(name: str, command: str = "mathrm") -> str:
    r"""A label as mathematics: x, x_{1}, w_{0,1}, \alpha, \mathrm{loss}, else as text."""
    match = re.fullmatch(r"([A-Za-z]+)(?:_?(\d+)|_([A-Za-z\d]+)|\[([\d, ]+)\])?", name)
    if not match:
        return text_of(name)
    word = match[1]
    index = match[2] or match[3] or match[4] or ""
    if len(word) > 1 or command != "mathrm":
        word = rf"\{word}" if word in GREEK and command == "mathrm" else rf"\{command}{{{word}}}"
    if match[3] and len(index) > 1 and not index.isdigit():
        index = rf"\mathrm{{{index}}}"
    return f"{word}_{{{index.replace(' ', '')}}}" if index else word


ESCAPES = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{c: f"\\{c}" for c in "{}_&%$#"},
}  # fmt: skip


def text_of(name: str) -> str:
    return r"\text{" + "".join(ESCAPES.get(c, c) for c in name) + "}"


def decimal(x: float) -> str:
    """A number with up to six digits, as mathematics."""
    if math.isnan(x):
        return r"\mathrm{nan}"
    if math.isinf(x):
        return r"\infty" if x > 0 else r"-\infty"
    text = f"{x + 0.0:.6g}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    power = str(int(power))
    if digits in ("1", "-1"):
        return f"{digits.removesuffix('1')}10^{{{power}}}"
    return rf"{digits} \cdot 10^{{{power}}}"
