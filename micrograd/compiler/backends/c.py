"""`write_c`: a compiled function as C99 that depends on nothing but the C library.

The array program whose sums keep their order becomes loops: the results have the bits of `jit`
in Python, given the same C library and no contraction of a*b + c (`-std=c99` has none in GCC and
Clang). The functions of the table come from `native/functions.h`; those that have no C there,
as the gamma function, are refused. (Past 300 lines because the text of the file that is written
stands in one piece.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.rule import Rule
from ..arrays.inputs import input_arrays
from ..arrays.layout import row_major
from ..arrays.program import Along, Apply, ArrayProgram, Leaf, Place, Read, Shape, Step, Sum
from ..arrays.roll import roll
from ..arrays.spaces import is_own
from .c_loops import GROWING, loop_lines, number

if TYPE_CHECKING:
    from ..compiled import Compiled

HEADER = Path(__file__).parent.parent / "native" / "functions.h"
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
INDICES = "ijklmnopq"


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


def needed(names: Sequence[str]) -> list[str]:
    """These functions and those they call, those called first."""
    texts, _ = table()
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in found and name in texts:
            for word in re.findall(r"\b(?:mg|py)_\w+", texts[name]):
                if word != name:
                    visit(word)
            found[name] = None

    for name in names:
        visit(name)
    return list(found)


class CWriter:
    """Writes one array program as the body of a C function."""

    def __init__(self, program: ArrayProgram, who: str) -> None:
        self.program, self.who = program, who
        self.calls: dict[str, None] = {}
        self.data: list[str] = []
        self.lines: list[str] = []
        self.work = 0
        self.count = 0
        self.names: dict[int, str] = {}
        # Of each leaf where its numbers lie among all inputs or all parameters.
        self.given: dict[int, list[int]] = {}
        for places, letter in ((program.input_places, "x"), (program.parameter_places, "p")):
            for k, place in enumerate(places):
                size = program.steps[place.array].size
                self.given.setdefault(place.array, [0] * size)[place.position] = k
                self.names[place.array] = letter

    def write(self) -> None:
        for i, step in enumerate(self.program.steps):
            if isinstance(step, Leaf):
                if step.kind == "constant" and step.size > 1:
                    self.count += 1
                    self.names[i] = f"c{self.count}"
                    self.data.append(array("double", self.names[i], map(number, step.data)))
                continue
            self.names[i] = f"v{i}"
            self.lines.append(f"double *v{i} = w + {self.work};")
            self.work += step.size
            self.loop(i, step)

    def element(self, read: Read, dims: Shape, indices: Sequence[str]) -> str:
        """The C expression of an operand at these indices."""
        constant = self.program.number(read.array)
        if constant is not None:
            return number(constant)
        positions: Sequence[int] = read.positions(dims)
        if read.array in self.given:
            order = self.given[read.array]
            positions = [order[p] for p in positions]
        return f"{self.names[read.array]}[{self.address(positions, dims, indices)}]"

    def address(self, positions: Sequence[int], dims: Shape, indices: Sequence[str]) -> str:
        """Where the operand lies: a sum of multiples of the indices, or an entry of a table."""
        steps = row_major(dims)
        strides = [positions[s] - positions[0] if n > 1 else 0 for n, s in zip(dims, steps)]
        if list(Read(0, positions[0], tuple(strides)).positions(dims)) == list(positions):
            return affine(positions[0], strides, indices)
        self.count += 1
        self.data.append(array("int", f"at{self.count}", map(str, positions)))
        return f"at{self.count}[{affine(0, steps, indices)}]"

    def loop(self, i: int, step: Step) -> None:
        """The loops over the elements of a step."""
        if isinstance(step, Place):
            self.place(i, step)
            return
        outer = INDICES[: len(step.shape)]
        heads = [f"for (int {k} = 0; {k} < {n}; {k}++)" for k, n in zip(outer, step.shape)]
        target = f"v{i}[{affine(0, row_major(step.shape), outer)}]"
        if isinstance(step, Apply):
            operands = [self.element(r, step.shape, outer) for r in step.operands]
            self.nested(heads, [f"{target} = {self.operation(step.rule, operands)};"])
        elif isinstance(step, Sum):
            self.nested(heads, self.sum(step, outer, target))
        elif isinstance(step, Along):
            self.nested(heads, self.along(step, outer, target))

    def nested(self, heads: list[str], body: list[str]) -> None:
        if len(body) == 1:
            self.lines += ["    " * k + head for k, head in enumerate(heads)]
            self.lines.append("    " * len(heads) + body[0])
            return
        self.lines += ["    " * k + head for k, head in enumerate(heads[:-1])]
        depth = max(len(heads) - 1, 0)
        self.lines.append("    " * depth + (f"{heads[-1]} {{" if heads else "{"))
        self.lines += ["    " * (depth + 1) + line for line in body]
        self.lines.append("    " * depth + "}")

    def operation(self, rule: Rule, operands: list[str]) -> str:
        if rule.name in OPERATORS:
            return f" {OPERATORS[rule.name]} ".join(operands)
        if rule.name == "neg":
            return f"-{operands[0]}"
        if rule.name in ("identity", "stop"):
            return operands[0]
        arity, name = self.function(rule)
        if arity >= 0:
            return f"{name}({', '.join(operands)})"
        first, rest = operands[: -arity - 1], operands[-arity - 1 :]
        packed = f"(const double[]){{{', '.join(rest)}}}"
        return f"{name}({', '.join([*first, str(len(rest)), packed])})"

    def function(self, rule: Rule) -> tuple[int, str]:
        found = table()[1].get(rule.name)
        if found is None or is_own(rule):
            raise TypeError(
                f"{self.who}: the operation {rule.name} has no function in C; compute it outside"
            )
        self.calls[found[1]] = None
        return found

    def sum(self, step: Sum, outer: str, target: str) -> list[str]:
        """Terms added up in their order; -0.0 is what adds nothing to any number."""
        if all(not term.inner for term in step.terms):
            texts = []
            for term in step.terms:
                texts.append(" * ".join(self.element(r, step.shape, outer) for r in term.factors))
            return [f"{target} = {' + '.join(texts)};"]
        body = []
        start = "-0.0"
        for n, term in enumerate(step.terms):
            inner = INDICES[len(outer) : len(outer) + len(term.inner)]
            dims = step.shape + term.inner
            text = " * ".join(self.element(r, dims, outer + inner) for r in term.factors)
            if n == 0 and not term.inner:
                start = text
                continue
            heads = [f"for (int {k} = 0; {k} < {m}; {k}++)" for k, m in zip(inner, term.inner)]
            body.append(" ".join([*heads, f"s += {text};"]))
        return [f"double s = {start};", *body, f"{target} = s;"]

    def along(self, step: Along, outer: str, target: str) -> list[str]:
        """The operands one after the other in memory, and the function on them."""
        name = self.function(step.rule)[1]
        width = prod(step.inner)
        inner = INDICES[len(outer) : len(outer) + len(step.inner)]
        dims = step.shape + step.inner
        *first, last = step.operands
        given = [self.element(r, step.shape, outer) for r in first]
        at = affine(0, row_major(step.inner), inner)
        heads = [f"for (int {k} = 0; {k} < {m}; {k}++)" for k, m in zip(inner, step.inner)]
        fill = " ".join([*heads, f"xs[{at}] = {self.element(last, dims, outer + inner)};"])
        call = f"{name}({', '.join([*given, str(width), 'xs'])})"
        return [f"double xs[{width}];", fill, f"{target} = {call};"]

    def place(self, i: int, step: Place) -> None:
        for dims, value, target in step.parts:
            indices = INDICES[: len(dims)]
            at = self.address(target.positions(dims), dims, indices)
            heads = [f"for (int {k} = 0; {k} < {n}; {k}++)" for k, n in zip(indices, dims)]
            self.nested(heads, [f"v{i}[{at}] = {self.element(value, dims, indices)};"])

    def outputs(self, places: Sequence[Any], target: str) -> list[str]:
        """Results put in their order, those of one array in one loop."""
        by_array: dict[int, list[tuple[int, int]]] = {}
        for k, place in enumerate(places):
            by_array.setdefault(place.array, []).append((k, place.position))
        lines = []
        for array_, found in by_array.items():
            whole = Read(array_, 0, (), tuple(position for _, position in found))
            n = len(found)
            at = self.address([k for k, _ in found], (n,), ["i"])
            source = self.element(whole, (n,), ["i"])
            head = f"for (int i = 0; i < {n}; i++) " if n > 1 else ""
            lines.append(f"{head}{target}[{at}] = {source};")
        return lines


def affine(base: int, strides: Sequence[int], indices: Sequence[str]) -> str:
    parts = [k if s == 1 else f"{s}*{k}" for k, s in zip(indices, strides) if s]
    if base or not parts:
        parts.append(str(base))
    return " + ".join(parts).replace("+ -", "- ")


def array(kind: str, name: str, texts: Any) -> str:
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > 96:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join([f"static const {kind} {name}[] = {{", *lines, line, "};"])


def body_of(writer: CWriter, results: list[tuple[Sequence[Any], str]]) -> list[str]:
    writer.write()
    lines = list(writer.lines)
    for places, target in results:
        lines += writer.outputs(places, target)
    return lines


def with_loops(made: Compiled, who: str) -> tuple[list[CWriter], list[list[str]], bool]:
    """Writers and bodies of the value, and of the gradient where there is one."""
    one = CWriter(ArrayProgram(), who)
    lines, grows = loop_lines(one, made.values, [f"y[{k}]" for k in range(made.values.values)])
    if not made.result.is_scalar:
        return [one], [lines], grows
    two = CWriter(ArrayProgram(), who)
    targets = ["y[0]", *[f"g[{k}]" for k in range(len(made.parameters))]]
    more, grow = loop_lines(two, made.gradient, targets)
    return [one, two], [lines, more], grows or grow


def write_c(made: Compiled, path: str | Path, who: str) -> tuple[Path, Path]:
    """The paths of the C file and of the header that were written."""
    source = Path(path).with_suffix(".c")
    header = source.with_suffix(".h")
    name = re.sub(r"\W", "_", source.stem)
    if not name or name[0].isdigit():
        name = f"f_{name}"
    inputs = input_arrays(made.structure)
    scalar = made.result.is_scalar
    grows = False
    if made.program.has_regions:
        writers, bodies, grows = with_loops(made, who)
    else:
        values = roll(made.values, inputs, ordered=True)
        writers = [CWriter(values, who)]
        bodies = [body_of(writers[0], [(values.outputs, "y")])]
    if scalar and not made.program.has_regions:
        both = roll(made.gradient, inputs, ordered=True)
        writers.append(CWriter(both, who))
        writers[1].count = writers[0].count
        bodies.append(body_of(writers[1], [(both.outputs[:1], "y"), (both.outputs[1:], "g")]))
    calls = dict.fromkeys(call for w in writers for call in w.calls)
    functions = needed([*calls, "mg_refused"])
    texts = table()[0]
    work = max(w.work for w in writers)
    given = "const double *x, const double *p, double *y"
    signatures = [f"int {name}({given}, double *w)"]
    if scalar:
        signatures.append(f"int {name}_gradient({given}, double *g, double *w)")
    what = [f"{label}[{', '.join(map(str, shape))}]" if shape else label for label, shape in inputs]
    constants = {
        "INPUTS": len(made.program.inputs), "PARAMETERS": len(made.parameters),
        "RESULTS": made.program.values, "WORK": work,
    }  # fmt: skip
    upper = name.upper()
    lines = [
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        f"/* Takes x[{upper}_INPUTS], which is {', '.join(what) or 'nothing'}, and",
        f"   p[{upper}_PARAMETERS], the parameters in their order. Puts the results into",
        f"   y[{upper}_RESULTS], the gradient by the parameters into g[{upper}_PARAMETERS].",
        f"   w[{upper}_WORK] is room to compute in. Returns 0, or 1 if an operand was refused.",
        "   For the last bit compile with -std=c99, or with -ffp-contract=off. */",
        *[f"#define {upper}_{key} {n}" for key, n in constants.items()],
        *[f"{signature};" for signature in signatures],
        "",
        "#endif",
    ]
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    parts = [
        f'#include "{header.name}"\n#include <math.h>',
        GROWING if grows else "",
        "\n".join(texts[function] for function in functions),
        "\n".join(line for w in writers for line in w.data),
    ]
    for signature, body in zip(signatures, bodies):
        unused = ["(void)x;", "(void)p;", "(void)w;", "mg_refused = 0;"]
        if "double *g" in signature:
            unused.insert(0, "(void)g;")
        text = "\n".join(f"    {line}" for line in [*unused, *body, "return mg_refused;"])
        parts.append(f"{signature} {{\n{text}\n}}")
    source.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    return source, header
