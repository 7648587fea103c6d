"""How the steps of a program are written: names, numbers and right sides, as text and as LaTeX.

What is printed of a whole program is put together in `program.py`; source code that runs is
written in `compiler/backends/emit.py`.
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from ...core.rule import TABLE, Rule

# What no step is called.
RESERVED = {*TABLE, *keyword.kwlist, "inf", "nan", "inner", "total", "f"}
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "floordiv": "//"}
GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "mu", "nu",
         "pi", "rho", "sigma", "tau", "phi", "psi", "omega"}  # fmt: skip


def free(name: str, taken: set[str]) -> str:
    """The name, with as many underscores behind it as make it new, and unlike t1, t2, ..."""
    while name in taken or (name[0] == "t" and name[1:].isdigit()):
        name += "_"
    taken.add(name)
    return name


def adjoint_name(name: str) -> str:
    """d3 for v3, dx for x."""
    return f"d{name[1:]}" if name[0] == "v" and name[1:].isdigit() else f"d{name}"


def phrase(rule: Rule, names: Sequence[str]) -> str:
    """The right side of a step: an operator between its operands, or a call."""
    if rule.name in OPERATORS:
        right = f"({names[1]})" if names[1].startswith("-") else names[1]
        return f"{names[0]} {OPERATORS[rule.name]} {right}"
    if rule.name == "neg":
        return f"-{names[0]}"
    if rule.name == "pow":
        return f"{names[0]}**{names[1]}"
    if rule.name == "element":
        return f"{names[0]}[{getattr(rule, 'k')}]"
    if rule.name == "pack":
        return f"[{shortened(list(names))}]"
    if rule.name == "weighted_sum":
        n = len(names) // 2
        products = [f"{w}*{x}" for w, x in zip(names[1 : n + 1], names[n + 1 :])]
        return " + ".join([names[0], *products])
    return f"{rule.name}({', '.join(names)})"


def shown(x: float) -> str:
    """A constant as one writes it."""
    return str(int(x)) if x == x and abs(x) < 1e15 and x == int(x) and str(x) != "-0.0" else repr(x)


def shortened(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 8 else [*names[:4], "...", *names[-2:]])


def math_number(x: float) -> str:
    """A constant as LaTeX; a negative one in parentheses, because an operator may precede it."""
    if x - x != 0.0:
        text = r"\mathrm{nan}" if x != x else r"\infty" if x > 0.0 else r"-\infty"
    else:
        digits, _, exponent = shown(x).partition("e")
        text = rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
    return f"({text})" if text.startswith("-") else text


def math_name(name: str) -> str:
    """A name as LaTeX: letters, and the numbers after them as indices: w_{0,3} for w0_3."""
    if not name[0].isalpha() or not name.isidentifier():
        return name
    stem = name.rstrip("0123456789_")
    index = name[len(stem) :].strip("_").replace("_", ",")
    if stem in GREEK:
        word = f"\\{stem}"
    else:
        stem = stem.replace("_", r"\_")
        word = stem if len(stem) == 1 else rf"\mathrm{{{stem}}}"
    return f"{word}_{{{index}}}" if index else word


def formula(rule: Rule, names: Sequence[str]) -> str:
    """The right side of a step in LaTeX, by the template of its row."""
    if rule.name in ("weighted_sum", "sum", "fsum"):
        if rule.name != "weighted_sum":
            return " + ".join(names)
        n = len(names) // 2
        return " + ".join(
            [names[0], *(f"{w} {x}" for w, x in zip(names[1 : n + 1], names[n + 1 :]))]
        )
    template = rule.latex or rf"\operatorname{{{{{rule.name}}}}}({{args}})"
    return template.format(*names, args=", ".join(names))
