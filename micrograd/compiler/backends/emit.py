"""`emit`: a program as Python source that reads as if written by hand.

One function: the arguments, the forward pass line by line, the backward pass, what comes
back. It uses operators and functions by their usual names, so that the same text runs on
floats, on NumPy's arrays, in JAX and in PyTorch: what the names mean is given when it is
run (`runtime.py`, `numpy.py`).

What is used once and has no name of its own is written where it is used, as long as the
line stays readable; no operation moves in this, so every rounding stays the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ...core.rule import TABLE, Rule
from ..ir.names import shown
from ..ir.program import COUNT, INNER, TOTAL, Program
from ..ir.region import PACK, Branch, Element, Item, Loop
from ..ir.scope import Scope
from ..ir.structural import Structural
from .emit_loops import region_lines

ADD, SUB, MUL, DIV, NEG = (TABLE[name] for name in ("add", "sub", "mul", "div", "neg"))
ADDITIVE = {ADD, SUB, TABLE["weighted_sum"]}
CHOICE, SUM, PRODUCT, SIGN, POWER, ATOM = range(-1, 5)  # how tightly an expression binds
COMPARISONS = {"equal": "==", "less": "<", "less_equal": "<=", "greater": ">",
               "greater_equal": ">="}  # fmt: skip
LONGEST_SUM = 40  # terms in one expression
LONGEST = 44  # characters of an expression within another
DEEPEST = 3  # calls and parentheses within each other
WIDTH = 92

# An expression: its text, how tightly it binds, how many terms it adds up, how deep it is.
Text = tuple[str, int, int, int]


class Writer:
    """Writes the lines of one program."""

    def __init__(self, program: Program, around: Writer | None = None, scope: Any = None) -> None:
        self.program = program
        self.uses = program.uses()
        self.user: dict[int, int] = {}
        others = set(program.outputs)  # what is used for more than to choose by it
        where = TABLE["where"]
        for i, operands in enumerate(program.operands):
            rule = program.rules[i]
            for x in operands:
                self.user[x] = i
            chooses = rule is where or isinstance(rule, Branch)
            others.update(operands[1:] if chooses else operands)
        self.others = others
        self.has_adjoint = set(program.adjoint_of.values())
        self.temporaries: Iterator[str]
        if around is None:
            self.functions = program.functions()
            self.scope = Scope(program) if program.has_regions else None
            self.temporaries = (f"t{k}" for k in itertools.count(1))
        else:
            self.functions, self.temporaries, self.scope = (
                around.functions,
                around.temporaries,
                scope,
            )
        self.names = program.labels() if self.scope is None else self.scope.names
        self.text: dict[int, Text] = {}

    def part(self, i: int, binding: int) -> str:
        """Operand i within something that binds as tightly as this."""
        found = self.text.get(i)
        if found is None:
            name = self.names[i]
            return f"({name})" if binding > SUM and name[0] == "-" else name
        return found[0] if found[1] >= binding else f"({found[0]})"

    def argument(self, i: int) -> str:
        """Operand i as an argument of a function: a constant is written as a float."""
        data = self.program.data
        return float_text(data[i]) if i in data else self.part(i, CHOICE)

    def output(self, i: int) -> str:
        """A result: a constant is written as a float."""
        data = self.program.data
        return float_text(data[i]) if i in data else self.names[i]

    def expression(self, i: int) -> Text:
        """The right side of step i."""
        rule, xs = self.program.rules[i], self.program.operands[i]
        text, part = self.text, self.part
        deep = 0
        for x in xs:
            if x in text and text[x][3] > deep:
                deep = text[x][3]
        data = self.program.data
        if rule is MUL or (rule is DIV and data.get(xs[1]) != 0.0):  # a float / 0 would raise
            a, b = xs
            if rule is MUL and b in data:
                a, b = b, a  # 2 * x, as one writes it
            # A product may begin with a minus sign: -2 * x.
            left = self.names[a] if a in data else part(a, PRODUCT)
            return f"{left} {'*' if rule is MUL else '/'} {part(b, SIGN)}", PRODUCT, 1, deep
        if rule is ADD or rule is SUB:
            a, b = xs
            terms = text[a][2] if a in text else 1
            sign = "+" if rule is ADD else "-"
            return f"{part(a, SUM)} {sign} {part(b, PRODUCT)}", SUM, terms + 1, deep
        if rule is NEG:
            return f"-{part(xs[0], SIGN)}", SIGN, 1, deep
        assert isinstance(rule, Rule)
        name = rule.name
        if isinstance(rule, Element):
            return f"{self.part(xs[0], ATOM)}[{rule.k}]", ATOM, 1, deep
        if name == "pack":
            return f"[{', '.join([self.argument(x) for x in xs])}]", ATOM, 1, deep + 1
        if name == "pow" and xs[1] in self.program.data:
            exponent = shown(self.program.data[xs[1]])
            if exponent.lstrip("-").isdigit():
                return f"{part(xs[0], ATOM)}**{exponent}", POWER, 1, deep
        if name == "weighted_sum":
            n = len(xs) // 2
            products = [
                f"{part(w, PRODUCT)} * {part(x, SIGN)}" for w, x in zip(xs[1 : n + 1], xs[n + 1 :])
            ]
            return " + ".join([part(xs[0], SUM), *products]), SUM, n + 1, deep
        if name in COMPARISONS and i not in self.others:
            left, right = part(xs[0], SUM), part(xs[1], SUM)
            return f"{left} {COMPARISONS[name]} {right}", CHOICE, 1, deep
        if rule in self.functions:
            name = self.functions[rule]
        given = [self.argument(x) for x in xs]
        if name == "dot":
            n = len(xs) // 2
            given = [f"[{', '.join(given[:n])}]", f"[{', '.join(given[n:])}]"]
        return f"{name}({', '.join(given)})", ATOM, 1, deep + 1

    def is_inlined(self, i: int, found: Text) -> bool:
        """Whether a step has no line of its own, but stands within the one that uses it."""
        program = self.program
        user = self.user.get(i)
        if (
            user is None
            or self.uses[i] != 1
            or i in program.names
            or i in program.adjoint_of
            or i in self.has_adjoint
            or i < program.forward_steps <= user
        ):
            return False
        text, _, terms, deep = found
        inner, outer = program.rules[i], program.rules[user]
        if inner is PACK or isinstance(outer, (Loop, Branch)):
            chooses = isinstance(outer, Branch) and program.operands[user][0] == i
            return chooses and len(text) <= LONGEST
        if outer in ADDITIVE:
            if inner in ADDITIVE and program.operands[user][0] == i:
                return terms < LONGEST_SUM
            if inner in PRODUCTS and len(text) <= WIDTH:
                return True
        return deep < DEEPEST and len(text) <= LONGEST

    def lines(self, start: int, end: int) -> list[str]:
        found: list[str] = []
        program, names, rules = self.program, self.names, self.program.rules
        notes = program.notes
        for i in range(start, end):
            rule = rules[i]
            if isinstance(rule, Item):
                continue  # it has its name already
            if isinstance(rule, (Loop, Branch)):
                found.extend(region_lines(self, i, rule))
            elif isinstance(rule, Rule):
                expression = self.expression(i)
                if self.is_inlined(i, expression):
                    self.text[i] = expression
                else:
                    if self.scope is None and program.is_temporary(i):
                        names[i] = next(self.temporaries)
                    if i in notes:
                        found.append(f"# {notes[i]}")
                    found.extend(folded(f"{names[i]} = ", expression[0]))
        return found


PLAIN = {"weighted_sum", *COMPARISONS}  # helpers that everybody knows by sight
PRODUCTS = {MUL, NEG, INNER, TOTAL}


def float_text(x: float) -> str:
    """A constant that stays a float where no arithmetic makes it one."""
    return repr(x)


def arguments(program: Program) -> list[int]:
    """The steps whose numbers the function is given: in a batch also how many examples."""
    counts = [i for i, rule in enumerate(program.rules) if rule is COUNT]
    return [*program.inputs, *program.parameters, *counts]


def folded(left: str, right: str) -> list[str]:
    """`left right` on one line, or in parentheses on several."""
    if len(left) + len(right) <= WIDTH:
        return [left + right]
    return [left + "(", *wrapped(right.split(" "), " ", "    "), ")"]


def wrapped(words: Sequence[str], space: str, indent: str, first: str | None = None) -> list[str]:
    """The words in lines of at most WIDTH characters where that is possible."""
    start = indent if first is None else first
    lines = []
    begin, length = 0, len(start)
    for i, word in enumerate(words):
        length += len(word) + len(space)
        if length - len(space) > WIDTH - 4 and i > begin:
            lines.append((start + space.join(words[begin:i]) + space).rstrip())
            start, begin = indent, i
            length = len(indent) + len(word) + len(space)
    return [*lines, start + space.join(words[begin:])]


def listed(names: list[str], first: str, last: str, indent: str) -> list[str]:
    """The names with commas between what opens and what closes the list."""
    lines = wrapped(names, ", ", indent, first)
    lines[-1] += last
    return lines


def emit(program: Program, name: str = "f", gradient: bool = False) -> str:
    """The source of a function of the inputs and then the parameters.

    It returns the result, or the list of them; with `gradient` also the list of the
    gradients.
    """
    writer = Writer(program)
    names = writer.names
    forward = writer.lines(0, program.forward_steps)
    backward = writer.lines(program.forward_steps, len(program))
    values = [writer.output(y) for y in program.outputs[: program.values]]
    body: list[str] = []
    if forward:
        body += ["# forward", *forward] if gradient else forward
    if gradient and backward:
        body += ["# backward", *backward]
    back = values[0] if program.values == 1 else f"[{', '.join(values)}]"
    if gradient:
        gradients = [writer.output(y) for y in program.outputs[program.values :]]
        body += listed(gradients, f"return {back}, [", "]", "    ")
    elif program.values == 1:
        body.append(f"return {back}")
    else:
        body += listed(values, "return [", "]", "    ")
    given = [names[i] for i in arguments(program)]
    head = listed(given, f"def {name}(", "):", " " * 8)
    return "\n".join([*legend(program), *head, *["    " + line for line in body]]) + "\n"


def legend(program: Program) -> list[str]:
    """What the functions mean that are not everybody's."""
    functions = program.functions()
    used = {
        functions.get(r, r.name): r
        for r in program.all_rules()
        if isinstance(r, Rule)
        and not isinstance(r, Structural)
        and r.name not in PLAIN
        and (r.internal or r in functions)
    }
    lines = []
    for name, rule in used.items():
        if rule.doc:
            lines += wrapped(rule.doc.split(" "), " ", "#   ", f"# {name}: ")
    return lines
