"""Formulas as MathML, which browsers show without a script or a font from elsewhere."""

from __future__ import annotations

import re
from html import escape

from .diagram import number
from .steps import Step


def chain_rule(step: Step) -> str:
    """The formula of a step of the backward pass, as a `<math>` element."""
    x, root = name(step.name), name(step.root_name)
    left = rate(root, x)
    if step.node is None:
        return math(left, op("="), value(step.after))
    if step.local is None:
        return math(left, op("+="), value(step.after - step.before))
    v = name(step.node_name)
    return math(
        left, op("+="), rate(root, v), op("\u22c5"), rate(v, x),
        op("="), value(step.upstream), op("\u22c5"), value(step.local, right=True),
        op("="), value(step.upstream * step.local),
    )  # fmt: skip


def math(*parts: str) -> str:
    return f'<math displaystyle="true"><mrow>{"".join(parts)}</mrow></math>'


def rate(of: str, by: str) -> str:
    """The derivative of one by the other."""
    d = "<mo>\u2202</mo>"
    return f"<mfrac><mrow>{d}{of}</mrow><mrow>{d}{by}</mrow></mfrac>"


def op(sign: str) -> str:
    return f"<mo>{sign}</mo>"


def value(x: float, right: bool = False) -> str:
    """A number; as the right factor of a product in parentheses where it is negative."""
    text = f"<mn>{number(x)}</mn>".replace("<mn>-", '<mo form="prefix">\u2212</mo><mn>')
    return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>" if right and x < 0 else f"<mrow>{text}</mrow>"


def name(label: str) -> str:
    """A name, with its number as an index."""
    match = re.fullmatch(r"(\w*?[^\W\d_])_?(\d+|\[[\d, ]+\])", label)
    if not match:
        return f"<mi>{escape(label)}</mi>"
    return f"<msub><mi>{escape(match[1])}</mi><mn>{match[2].strip('[]')}</mn></msub>"
