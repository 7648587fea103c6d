"""`emit`: a program as Python source that reads as if written by hand.

One function: the arguments, the forward pass line by line, the backward pass, what comes
back. It uses operators and functions by their usual names, so that the same text runs on
floats, on NumPy's arrays, in JAX and in PyTorch: what the names mean is given when it is
run (`runtime.py`, `arrays.py`). Sums of products are written as one expression; every
other step has a line of its own.
"""

from __future__ import annotations

import keyword
import textwrap

from ..rule import TABLE, Rule
from .program import COUNT, OPERATORS, Program, shown

ADDITIVE = {TABLE["add"], TABLE["sub"], TABLE["weighted_sum"]}
TERM = {TABLE["mul"], TABLE["neg"]}
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly an expression binds
LONGEST_SUM = 40  # terms in one expression
WIDTH = 92


class Writer:
    """Writes the lines of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uses = program.uses()
        self.user: dict[int, int] = {}
        for i, operands in enumerate(program.operands):
            for x in operands:
                self.user[x] = i
        self.names = unique_names(program)
        self.text: dict[int, tuple[str, int, int]] = {}  # expression, binding, terms

    def atom(self, i: int) -> str:
        return shown(self.program.data[i]) if i in self.program.data else self.names[i]

    def part(self, i: int, binding: int) -> str:
        """Operand i within something that binds as tightly as this."""
        if i in self.text:
            text, own, _ = self.text[i]
            return text if own >= binding else f"({text})"
        text = self.atom(i)
        return f"({text})" if text.startswith("-") and binding > SUM else text

    def terms(self, i: int) -> int:
        return self.text[i][2] if i in self.text else 1

    def expression(self, i: int) -> tuple[str, int, int]:
        """The right side of step i, how tightly it binds, and how many terms it adds up."""
        rule, xs = self.program.rules[i], self.program.operands[i]
        assert isinstance(rule, Rule)
        name = rule.name
        if name in ("add", "sub"):
            right = self.part(xs[1], PRODUCT)
            text = f"{self.part(xs[0], SUM)} {OPERATORS[name]} {right}"
            return text, SUM, self.terms(xs[0]) + self.terms(xs[1])
        if name in ("mul", "div"):
            left, right = self.part(xs[0], PRODUCT), self.part(xs[1], SIGN)
            return f"{left} {OPERATORS[name]} {right}", PRODUCT, 1
        if name == "neg":
            return f"-{self.part(xs[0], SIGN)}", SIGN, 1
        if name == "pow" and xs[1] in self.program.data:
            exponent = shown(self.program.data[xs[1]])
            if exponent.lstrip("-").isdigit():
                return f"{self.part(xs[0], ATOM)}**{exponent}", POWER, 1
        if name == "weighted_sum":
            n = len(xs) // 2
            products = [
                f"{self.part(w, PRODUCT)} * {self.part(x, SIGN)}"
                for w, x in zip(xs[1 : n + 1], xs[n + 1 :])
            ]
            return " + ".join([self.part(xs[0], SUM), *products]), SUM, n + 1
        arguments = ", ".join([self.part(x, SUM) for x in xs])
        return f"{name}({arguments})", ATOM, 1

    def melts(self, i: int, terms: int) -> bool:
        """Whether a step has no line of its own, but stands within the one that uses it."""
        program = self.program
        rule = program.rules[i]
        if (
            self.uses[i] != 1
            or i not in self.user
            or (i in program.names and i < program.forward_steps)
        ):
            return False
        user = self.user[i]
        if (i < program.forward_steps) != (user < program.forward_steps):
            return False
        outer = program.rules[user]
        if rule in TERM:
            return outer in ADDITIVE and (
                rule is not TABLE["neg"] or program.operands[user][0] == i
            )
        if rule in ADDITIVE and outer in ADDITIVE:
            return program.operands[user][0] == i and terms < LONGEST_SUM
        return False

    def lines(self, start: int, end: int) -> list[str]:
        found: list[str] = []
        for i in range(start, end):
            if isinstance(self.program.rules[i], Rule):
                expression = self.expression(i)
                if self.melts(i, expression[2]):
                    self.text[i] = expression
                else:
                    found.extend(folded(f"{self.names[i]} = ", expression[0]))
        return found


def unique_names(program: Program) -> list[str]:
    """A name for every step, none of them twice, none a word of Python or a function."""
    taken = {*TABLE, *keyword.kwlist}
    names = [""] * len(program)
    for i in arguments(program):
        names[i] = free(program.names[i], taken)
    number = 0
    for i, rule in enumerate(program.rules):
        if isinstance(rule, Rule):
            name = program.names.get(i, "")
            if not name and i in program.adjoint_of:
                primal = names[program.adjoint_of[i]]
                name = (
                    f"d{primal[1:]}" if primal[1:].isdigit() and primal[0] == "v" else f"d{primal}"
                )
            if not name:
                number += 1
                name = f"v{number}" if i < program.forward_steps else f"t{number}"
            names[i] = free(name, taken)
    return names


def arguments(program: Program) -> list[int]:
    """The steps whose numbers the function is given: in a batch also how many examples."""
    counts = [i for i, rule in enumerate(program.rules) if rule is COUNT]
    return [*program.inputs, *program.parameters, *counts]


def free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def folded(left: str, right: str) -> list[str]:
    """`left right` on one line, or in parentheses on several."""
    if len(left) + len(right) <= WIDTH:
        return [left + right]
    lines = textwrap.wrap(right, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [left + "(", *("    " + line for line in lines), ")"]


def emit(program: Program, name: str = "f", gradient: bool = False) -> str:
    """The source of a function of the inputs and then the parameters.

    It returns the list of results; with `gradient` the list of results and the list of
    gradients by the parameters.
    """
    writer = Writer(program)
    forward = writer.lines(0, program.forward_steps)
    backward = writer.lines(program.forward_steps, len(program))
    values = ", ".join(writer.atom(y) for y in program.outputs[: program.values])
    result = f"return [{values}]"
    if gradient:
        gradients = ", ".join(writer.atom(y) for y in program.outputs[program.values :])
        result = f"return [{values}], [{gradients}]"
    given = ", ".join(writer.names[i] for i in arguments(program))
    head = f"def {name}({given}):"
    if len(head) > WIDTH:
        wrapped = textwrap.wrap(given + ",", WIDTH - 4)
        head = "\n".join([f"def {name}(", *("    " + line for line in wrapped), "):"])
    body = []
    if forward:
        body += ["# forward", *forward] if gradient else forward
    if gradient and backward:
        body += ["# backward", *backward]
    body += textwrap.wrap(result, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join([*legend(program), head, *("    " + line for line in body)]) + "\n"


def legend(program: Program) -> list[str]:
    """What the functions mean that are not everybody's."""
    used = {r.name: r for r in program.rules if isinstance(r, Rule) and r.helper}
    used.pop("weighted_sum", None)
    lines = []
    for name, rule in used.items():
        if rule.doc:
            lines += textwrap.wrap(f"# {name}: {rule.doc}", WIDTH, subsequent_indent="#   ")
    return lines
