"""`emit`: an array program as NumPy source that reads as if written by hand, and as formulas.

The source names nothing but `np` and what it defines itself, and uses only words that NumPy,
`jax.numpy` and PyTorch share: it runs under each. What is used once is written where it is used,
as long as the line stays readable. Constants and tables of positions stand above the function.
How operands are written is in `views.py`; `runtime.py` runs what is written here.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from ...core.rule import Rule
from ..ir.names import free
from .operands import (
    ATOM,
    DEEPEST,
    LONGEST,
    OPERATORS,
    POWER,
    PRODUCT,
    SIGN,
    SLOPES,
    STOP,
    SUM,
    VALUES,
    WIDTH,
    Text,
)
from .places import Places
from .program import Along, Apply, ArrayProgram, Leaf, Place, Read, Shape, Sum
from .reverse import careful_steps
from .spaces import is_own


class Source(NamedTuple):
    """What was written: the function, the tables above it, and the functions it calls."""

    text: str
    constants: dict[str, tuple[Shape, tuple[float, ...]]]
    tables: dict[str, tuple[Shape, tuple[int, ...]]]
    calls: dict[str, Rule | None]


class Writer(Places):
    """Writes the lines of one program."""

    careful: set[int] = set()  # noqa: RUF012  # steps to be written as `log_reached(x)`

    def expression(self, i: int) -> Text:
        step = self.program.steps[i]
        if self.stops and (i in self.program.bare or getattr(step, "rule", None) is STOP):
            self.stops = False
            found = self.expression(i)
            self.stops = True
            return self.call("stop", [found.text], None, found.depth)
        if self.stops and i in self.careful and isinstance(step, Apply):
            given = [self.operand(r, step.shape, step.varying) for r in step.operands]
            name = f"{step.rule.name}_reached"
            return self.spread(
                Text(f"{name}({', '.join(given)})", ATOM, self.depth(step.operands) + 1),
                step.operands,
                step,
            )
        if isinstance(step, Apply):
            return self.spread(self.apply(step), step.operands, step)
        if isinstance(step, Sum):
            return self.sum(step)
        if isinstance(step, Along):
            return self.along(step)
        assert isinstance(step, Place)
        return self.place(step)

    def apply(self, step: Apply) -> Text:
        rule, reads, varying = step.rule, step.operands, step.varying
        name, depth = rule.name, self.depth(reads)
        if name in ("identity", "stop"):
            text = self.operand(reads[0], step.shape, varying, ATOM)
            return Text(text, ATOM, depth)
        if name in OPERATORS:
            sign, binding = OPERATORS[name]
            a, b = reads
            if name == "mul" and self.program.number(b.array) is not None:
                a, b = b, a
            left = self.operand(a, step.shape, varying, binding if binding == PRODUCT else SUM)
            if name == "mul" and self.program.number(a.array) is not None:
                left = self.names[a.array]
            right = self.operand(b, step.shape, varying, binding + 1)
            if name == "div" and self.program.number(b.array) == 0.0:
                # The same number, and no ZeroDivisionError where plain floats come in.
                sign, right = "*", "(-inf)" if right.startswith(("-", "(-")) else "inf"
            return Text(f"{left} {sign} {right}", binding, depth)
        if name == "neg":
            return Text(f"-{self.operand(reads[0], step.shape, varying, SIGN)}", SIGN, depth)
        if name == "pow" and self.program.number(reads[1].array) is None:
            name = "power"
        elif name == "pow":
            base = self.operand(reads[0], step.shape, varying, ATOM)
            exponent = self.operand(reads[1], step.shape, varying, ATOM)
            return Text(f"{base} ** {exponent}", POWER, depth)
        given = [self.floated(self.operand(r, step.shape, varying), r) for r in reads]
        if name not in ("reached", "power") and is_own(rule):
            name = self.own_name(rule)
        return self.call(name, given, rule, depth)

    def own_name(self, rule: Rule) -> str:
        """What an operation of the user's own is called, no two the same."""
        for name, other in self.calls.items():
            if other is rule:
                return name
        return free(rule.symbol if rule.symbol.isidentifier() else "operation", self.taken)

    def along(self, step: Along) -> Text:
        rule = step.rule
        outer = step.shape[: len(step.shape) - len(step.inner)] if step.keeps else step.shape
        dims = outer + step.inner
        last = step.operands[-1]
        view = self.view(last, dims)
        text = self.operand(last, dims, step.varying)
        absent = [k for k, n in enumerate(dims) if k not in view.axes]
        lead = ["n"] if self.is_batched(step) else []
        if absent:
            text = f"np.broadcast_to({text}, ({', '.join([*lead, *map(str, dims)])},))"
        if len(step.inner) != 1:
            flat = [*lead, *map(str, outer), str(prod(step.inner))]
            text = f"({text}).reshape({', '.join(flat)})"
        given = []
        for read in step.operands[:-1]:
            wide = Read(read.array, read.base, (*read.strides, 0))
            given.append(self.operand(wide, (*outer, prod(step.inner)), step.varying))
        names = SLOPES if step.keeps else VALUES
        found = self.call(names[rule.name], [*given, text], None, self.depth(step.operands))
        if step.keeps and len(step.inner) != 1:
            shape = [*lead, *map(str, step.shape)]
            return Text(f"{found.text}.reshape({', '.join(shape)})", ATOM, found.depth)
        return found

    def is_inlined(self, i: int, found: Text) -> bool:
        """Whether a step has no line of its own, but stands within the one that uses it."""
        return (
            self.uses[i] == 1
            and i not in self.program.names
            and i not in self.program.adjoint_of
            and not (i < self.program.forward_steps <= self.user[i])
            and found.depth < DEEPEST
            and len(found.text) <= LONGEST
        )

    def lines(self, start: int, end: int) -> list[tuple[int, str]]:
        """The steps that have a line of their own, each with what is on its right side."""
        self.user = {r.array: i for i, s in enumerate(self.program.steps) for r in s.reads()
                     if self.uses[i]}  # fmt: skip
        found = []
        for i in range(start, end):
            if self.uses[i] and not isinstance(self.program.steps[i], Leaf):
                expression = self.expression(i)
                if self.is_inlined(i, expression):
                    self.text[i] = expression
                else:
                    found.append((i, expression.text))
        return found

    def results(self) -> list[str]:
        """The outputs: an array for all of them where they are one, else number by number."""
        program = self.program
        outputs = program.outputs
        first = outputs[0].array
        if len(outputs) > 1 and [(y.array, y.position) for y in outputs] == [
            (first, k) for k in range(program.steps[first].size)
        ]:
            return [self.names[first]]
        texts = []
        for array, position in outputs:
            step = program.steps[array]
            read = Read(array, position, ())
            number = program.number(array)
            if number is not None:
                texts.append(repr(number))
            else:
                texts.append(
                    self.views.view(self.names[array], step.shape, step.varying, read, ()).text
                )
        return texts

    def gradient(self, i: int) -> str:
        read = self.program.gradients[i]
        step = self.program.steps[i]
        lead = step.varying and self.batched
        number = self.program.number(read.array)
        if number is not None:
            return f"np.full_like({self.names[i]}, {number!r})"
        if self.covered([read], step.shape) and (
            not lead or self.program.steps[read.array].varying
        ):
            return self.operand(read, step.shape, lead)
        return f"np.broadcast_to({self.operand(read, step.shape, lead)}, {self.names[i]}.shape)"


def emit(
    program: ArrayProgram,
    name: str = "f",
    batched: bool = False,
    mean: bool = False,
    stops: bool = False,
) -> Source:
    """The source of a function of the inputs, the parameters, and seeds if there are any.

    It returns the results, and after `reverse` the gradients. Over a batch each input has the
    examples as its first dimension; `mean` returns the mean of the first result over them.
    With `stops` it says `stop(x)` where no gradient passes and `log_reached(x)` below a choice,
    for who differentiates the source.
    """
    writer = Writer(program, batched, stops)
    if stops:
        writer.careful = careful_steps(program)
    forward = writer.lines(0, program.forward_steps)
    backward = writer.lines(program.forward_steps, len(program))
    names = writer.names
    seeds = [i for i, s in enumerate(program.steps) if isinstance(s, Leaf) and s.kind == "seed"]
    for k, i in enumerate(seeds):
        names[i] = names[i] or f"seed{k}"
    given = [names[i] or free(leaf_name(program, i), writer.taken)
             for i in [*program.inputs, *program.parameters, *seeds]]  # fmt: skip
    body = [f"{names[i]} = {right}" for i, right in forward]
    if program.differentiated:
        if body:
            body.insert(0, "# forward")
        body.append("# backward")
        body += [f"{names[i]} = {right}" for i, right in backward]
    results = writer.results()
    back = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
    if mean and program.steps[program.outputs[0].array].varying:
        back = f"{back}.mean()"
    if program.differentiated:
        slopes = [writer.gradient(i) for i in program.gradients]
        back = f"{back}, [{', '.join(slopes)}]"
    body.append(f"return {back}")
    if batched and any("n" in words(line) for line in body):
        first = names[program.inputs[0]] if program.inputs else ""
        body.insert(0, f"n = {first}.shape[0]")
    lines = []
    for line in body:
        lines += folded(line)
    head = folded(f"def {name}({', '.join(given)}):")
    text = "\n".join([*head, *["    " + line for line in lines]]) + "\n"
    return Source(text, writer.constants, writer.tables, writer.calls)


def leaf_name(program: ArrayProgram, i: int) -> str:
    step = program.steps[i]
    assert isinstance(step, Leaf)
    return step.name


def words(line: str) -> list[str]:
    found = "".join(c if c.isalnum() or c in "_." else " " for c in line)
    return found.split()


def folded(line: str) -> list[str]:
    """The line, or several where it is too long and has brackets to break it in."""
    if len(line) <= WIDTH:
        return [line]
    indent = "    "
    left, sep, right = line.partition(" = ")
    if line.startswith("return "):
        left, sep, right = "return", " ", line[7:]
    elif line.startswith("def "):
        left, sep, right = line[: line.index("(") + 1], "", line[line.index("(") + 1 : -2]
        return [left, *wrapped(right, indent * 2), "):"]
    elif not sep:
        return [line]
    return [f"{left}{sep}(", *wrapped(right, indent), ")"]


def wrapped(text: str, indent: str) -> list[str]:
    lines, line = [], indent
    for word in text.split(" "):
        if len(line) + len(word) > WIDTH - 4 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return [*lines, line.rstrip()]
