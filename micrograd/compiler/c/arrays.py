"""Array programs as C: a kernel for each kind of step, and calls of kernels.

A kernel is a function with the loops of a step. It takes pointers, so that steps that do the same
in other places, as the letters of a word do, share one. Single numbers are statements between the
calls. Sums keep their order, and with it the bits of Python. (Past 300 lines because each kind of
step has its loops here; `loops.py` is to be read next.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import prod

from ..arrays.layout import row_major
from ..arrays.program import Along, Apply, ArrayProgram, Leaf, Place, Read, Result, Shape, Step, Sum
from .functions import Functions, number

INDICES = "ijklmnopq"
LETTERS = "abcdefgh"
PART = 150  # statements of one function: compilers take long over long functions
TILE = 8  # sums of a product that are made side by side
GIVEN = "const double *x, const double *p, double *y, double *g, double *w"


def affine(base: int, strides: Iterable[int] = (), indices: Iterable[str] = ()) -> str:
    """The sum of a base and of multiples of indices."""
    parts = [k if s == 1 else f"{s}*{k}" for k, s in zip(indices, strides) if s]
    if base or not parts:
        parts.append(str(base))
    return " + ".join(parts).replace("+ -", "- ")


def loops(indices: Iterable[str], dims: Shape) -> list[str]:
    """The heads of loops over these dimensions."""
    return [f"for (int {k} = 0; {k} < {n}; {k}++)" for k, n in zip(indices, dims)]


def nested(heads: Sequence[str], body: Sequence[str]) -> list[str]:
    """The body within these loops."""
    depth = len(heads)
    found = ["    " * k + head for k, head in enumerate(heads)]
    if heads and (len(body) > 1 or not heads[-1]):
        found[-1] = f"{found[-1]} {{" if heads[-1] else found[-1] + "{"
        return [*found, *["    " * depth + line for line in body], "    " * (depth - 1) + "}"]
    return [*found, *["    " * depth + line for line in body]]


class Kernels:
    """What the functions of a file share: kernels, tables and functions of the table."""

    def __init__(self, who: str) -> None:
        self.functions = Functions(who)
        self.names: dict[tuple[str, str], str] = {}
        self.arrays: dict[str, str] = {}

    def kernel(self, stem: str, text: str) -> str:
        """The name of the kernel of this text, new if there is none like it."""
        return self.names.setdefault((stem, text), f"mg_{stem}_{len(self.names) + 1}")

    def array(self, kind: str, texts: Iterable[str]) -> str:
        """The name of a constant array of these numbers."""
        lines, line = [], "   "
        for text in texts:
            if len(line) + len(text) > 96:
                lines.append(line)
                line = "   "
            line += f" {text},"
        text = "\n".join([*lines, line])
        letter = "mg_at" if kind == "int" else "mg_c"
        return self.arrays.setdefault(f"{kind} {text}", f"{letter}{len(self.arrays) + 1}")

    def texts(self) -> tuple[list[str], list[str]]:
        """The constant arrays and the kernels."""
        arrays = []
        for key, name in self.arrays.items():
            kind, _, text = key.partition(" ")
            arrays.append(f"static const {kind} {name}[] = {{\n{text}\n}};")
        return arrays, [f"static void {name}{text}" for (_, text), name in self.names.items()]


class Operands:
    """The pointers that a kernel is called with, and what it calls them."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def pointer(self, name: str, base: int, kind: str = "double") -> tuple[str, int]:
        """What the array is called in the kernel, and where the base lies in it."""
        given = f"{name} + {base}" if base else name
        n = len(self.given)
        letter = LETTERS[n] if n < len(LETTERS) else f"a{n}"
        return self.given.setdefault(f"{kind} {given}", letter), 0

    def text(self, body: Sequence[str]) -> tuple[str, list[str]]:
        """Parameters and body of the kernel, and the arguments of this call."""
        kinds = [key.partition(" ") for key in self.given]
        parameters = [f"const {k} *{x}" for (k, _, _), x in zip(kinds, self.given.values())]
        lines = "\n".join(f"    {line}" for line in body)
        head = ", ".join(["double *restrict v", *parameters])
        return f"({head}) {{\n{lines}\n}}", [given for _, _, given in kinds]


class Statement(Operands):
    """The same for what is written where it stands."""

    def pointer(self, name: str, base: int, kind: str = "double") -> tuple[str, int]:
        return name, base


class ArrayWriter:
    """Writes one array program as the body of a function of C, in parts if it is long."""

    def __init__(
        self,
        program: ArrayProgram,
        kernels: Kernels,
        inputs: Sequence[tuple[str, int, int]],
        work: int = 0,
    ) -> None:
        """`inputs` are names of arrays, where in them inputs begin, and how many there are.

        `work` numbers of the room to compute in are taken.
        """
        self.program, self.kernels, self.work = program, kernels, work
        self.at: dict[int, tuple[str, int]] = {}  # of each array its name, and where it begins
        self.parts: list[list[str]] = [[]]
        self.locals: set[int] = set()  # single numbers of this part
        # Of each leaf where its numbers lie in the array that is given.
        self.given: dict[int, list[int]] = {}
        places = [(name, first + k) for name, first, n in inputs for k in range(n)]
        parameters = [("p", k) for k in range(len(program.parameter_places))]
        for place, (name, k) in zip(
            [*program.input_places, *program.parameter_places], [*places, *parameters], strict=True
        ):
            size = program.steps[place.array].size
            self.given.setdefault(place.array, [0] * size)[place.position] = k
            self.at[place.array] = name, 0

    def write(self, results: Sequence[tuple[Sequence[Result], str]]) -> None:
        for i, step in enumerate(self.program.steps):
            if isinstance(step, Leaf):
                if step.kind == "constant" and step.size > 1:
                    self.at[i] = self.kernels.array("double", map(number, step.data)), 0
                continue
            self.at[i] = "w", self.work
            self.work += step.size
            self.step(i, step)
        for places, target in results:
            self.outputs(places, target)

    def add(self, line: str) -> None:
        self.parts[-1].append(line)

    def begin(self) -> None:
        """A statement follows: in a new part where this one is long."""
        if len(self.parts[-1]) >= PART:
            self.parts.append([])
            self.locals.clear()

    # Operands -----------------------------------------------------------------------------------

    def element(
        self, read: Read, dims: Shape, indices: Sequence[str], operands: Operands
    ) -> str:  # fmt: skip
        """The expression of an operand at these indices."""
        constant = self.program.number(read.array)
        if constant is not None:
            return number(constant)
        if isinstance(operands, Statement) and read.array in self.locals:
            return f"v{read.array}"
        name, start = self.at[read.array]
        return self.indexed(name, start, self.places(read, dims), dims, indices, operands)

    def places(self, read: Read, dims: Shape) -> Sequence[int]:
        """Where the elements of an operand lie in what is given, or in the array."""
        positions = read.positions(dims)
        if read.array in self.given:
            order = self.given[read.array]
            return [order[p] for p in positions]
        return positions

    def indexed(
        self, name: str, start: int, positions: Sequence[int], dims: Shape, indices: Sequence[str],
        operands: Operands,
    ) -> str:  # fmt: skip
        """An element of an array which begins at `start`."""
        at, base = self.index(positions, dims, indices, operands)
        name, rest = operands.pointer(name, start + base)
        return f"{name}[{at} + {rest}]" if rest and at != "0" else f"{name}[{rest or at}]"

    def index(
        self, positions: Sequence[int], dims: Shape, indices: Sequence[str], operands: Operands
    ) -> tuple[str, int]:
        """Where an element is, from a base on: at multiples of the indices, or by a table.

        Where rows are regular, the table has where they begin.
        """
        strides = self.strides(positions, dims)
        if strides is not None:
            return affine(0, strides, indices), positions[0]
        n = dims[-1]
        step = positions[1] - positions[0] if n > 1 else 0
        starts = positions[::n]
        rows = [start + step * k for start in starts for k in range(n)]
        within = affine(0, [step], indices[-1:])
        if rows != list(positions) or n < 4:
            starts, dims, within = positions, (*dims, 1), "0"
        table, _ = operands.pointer(self.kernels.array("int", map(str, starts)), 0, "int")
        at = f"{table}[{affine(0, row_major(dims[:-1]), indices)}]"
        return (f"{at} + {within}" if within != "0" else at), 0

    def strides(self, positions: Sequence[int], dims: Shape) -> list[int] | None:
        """How far elements lie apart along each dimension; None where that differs."""
        steps = row_major(dims)
        strides = [positions[s] - positions[0] if n > 1 else 0 for n, s in zip(dims, steps)]
        regular = list(Read(0, positions[0], tuple(strides)).positions(dims)) == list(positions)
        return strides if regular else None

    # Steps --------------------------------------------------------------------------------------

    def step(self, i: int, step: Step) -> None:
        self.begin()
        start = self.at[i][1]
        if isinstance(step, Place):
            for dims, value, target in step.parts:
                self.move(dims, value, target.positions(dims), "w", start)
            return
        if isinstance(step, Apply) and step.rule.name == "identity" and step.size > 1:
            self.move(step.shape, step.operands[0], range(step.size), "w", start)
            return
        text = self.expression(step)
        if text is not None:
            self.add(f"double v{i} = w[{start}] = {text};")
            self.locals.add(i)
            return
        operands = Operands()
        if isinstance(step, Apply):
            stem, body = step.rule.name, self.apply(step, operands)
        elif isinstance(step, Sum):
            stem, body = "sum", self.sum(step, operands)
        else:
            assert isinstance(step, Along)
            stem, body = step.rule.name, self.along(step, operands)
        self.call(stem, body, operands, f"w + {start}" if start else "w")

    def call(self, stem: str, body: Sequence[str], operands: Operands, target: str) -> None:
        text, given = operands.text(body)
        self.add(f"{self.kernels.kernel(stem, text)}({', '.join([target, *given])});")

    def expression(self, step: Step) -> str | None:
        """A single number as one expression; None for what needs a kernel."""
        here = Statement()
        if isinstance(step, Apply) and not step.shape:
            operands = [self.element(r, (), "", here) for r in step.operands]
            return self.kernels.functions.call(step.rule, operands)
        if isinstance(step, Sum) and not step.shape and not any(t.inner for t in step.terms):
            return self.added(step, "", here)
        return None

    def apply(self, step: Apply, operands: Operands) -> list[str]:
        indices = INDICES[: len(step.shape)]
        given = [self.element(r, step.shape, indices, operands) for r in step.operands]
        text = self.kernels.functions.call(step.rule, given)
        target = f"v[{affine(0, row_major(step.shape), indices)}]"
        return nested(loops(indices, step.shape), [f"{target} = {text};"])

    def added(self, step: Sum, indices: str, operands: Operands) -> str:
        """Products added up, without loops."""
        terms = [
            " * ".join(self.element(r, step.shape, indices, operands) for r in term.factors)
            for term in step.terms
        ]
        return " + ".join(terms)

    def sum(self, step: Sum, operands: Operands) -> list[str]:
        """Terms added up in their order; -0.0 is what adds nothing to any number."""
        outer = INDICES[: len(step.shape)]
        heads = loops(outer, step.shape)
        target = f"v[{affine(0, row_major(step.shape), outer)}]"
        if not any(term.inner for term in step.terms):
            return nested(heads, [f"{target} = {self.added(step, outer, operands)};"])
        start, lines = "-0.0", []
        for n, term in enumerate(step.terms):
            inner = INDICES[len(outer) : len(outer) + len(term.inner)]
            dims = step.shape + term.inner
            factors = [self.element(r, dims, outer + inner, operands) for r in term.factors]
            text = " * ".join(factors)
            if n == 0 and not term.inner:
                start = text
            else:
                lines.append((loops(inner, term.inner), text))
        lane = self.lane(step)
        if lane is None:
            body = [" ".join([*inside, f"s += {text};"]) for inside, text in lines]
            return nested(heads, [f"double s = {start};", *body, f"{target} = s;"])
        # Sums that are made side by side do not wait for each other's additions.
        k, n = outer[lane], step.shape[lane]
        around = heads[:lane] + heads[lane + 1 :]

        def tile(first: str, width: int) -> list[str]:
            row = f"for (int {k} = {first}, t = 0; t < {width}; {k}++, t++)"
            body = [" ".join([*inside, row, f"s[t] += {text};"]) for inside, text in lines]
            ends = f"{row} s[t] = {start};", f"{row} {target} = s[t];"
            return [f"double s[{width}];", ends[0], *body, ends[1]]

        whole = n - n % TILE
        found = []
        if whole:
            found += nested(
                [*around, f"for (int r = 0; r < {whole}; r += {TILE})"], tile("r", TILE)
            )
        if n > whole:
            found += nested(around or [""], tile(str(whole), n - whole))
        return found

    def lane(self, step: Sum) -> int | None:
        """The dimension of the result along which sums are made side by side, if that gains."""
        if max(prod(term.inner) for term in step.terms) < 4:
            return None
        best = max(range(len(step.shape)), key=lambda k: step.shape[k], default=-1)
        return best if best >= 0 and step.shape[best] >= 4 else None

    def along(self, step: Along, operands: Operands) -> list[str]:
        """The operands one after the other in memory, and the function on them."""
        outer = INDICES[: len(step.shape)]
        name = self.kernels.functions.named(step.rule)[1]
        inner = INDICES[len(outer) : len(outer) + len(step.inner)]
        *first, last = step.operands
        given = [self.element(r, step.shape, outer, operands) for r in first]
        at = affine(0, row_major(step.inner), inner)
        value = self.element(last, step.shape + step.inner, outer + inner, operands)
        fill = " ".join([*loops(inner, step.inner), f"xs[{at}] = {value};"])
        width = prod(step.inner)
        call = f"{name}({', '.join([*given, str(width), 'xs'])})"
        target = f"v[{affine(0, row_major(step.shape), outer)}]"
        body = [f"double xs[{width}];", fill, f"{target} = {call};"]
        return nested(loops(outer, step.shape), body)

    def move(
        self, dims: Shape, value: Read, positions: Sequence[int], target: str, start: int
    ) -> None:
        """Elements put where they belong."""
        self.begin()
        if prod(dims) == 1:
            text = self.element(value, dims, "", Statement())
            self.add(f"{target}[{start + positions[0]}] = {text};")
            return
        if self.program.number(value.array) is None:
            name, first = self.at[value.array]
            sources = self.places(value, dims)
            if not (self.strides(sources, dims) and self.strides(positions, dims)):
                for (n, ds, dt), starts in rows_of(sources, positions).items():
                    self.begin()
                    operands = Operands()
                    here, there = (
                        [x[k] + step * j for x in starts for j in range(n)]
                        for k, step in enumerate((ds, dt))
                    )
                    rows = (len(starts), n)
                    at, base = self.index(there, rows, "ij", operands)
                    source = self.indexed(name, first, here, rows, "ij", operands)
                    self.copy(rows, f"v[{at}] = {source};", operands, target, start + base)
                return
        operands = Operands()
        indices = INDICES[: len(dims)]
        at, base = self.index(positions, dims, indices, operands)
        text = f"v[{at}] = {self.element(value, dims, indices, operands)};"
        self.copy(dims, text, operands, target, start + base)

    def copy(self, dims: Shape, line: str, operands: Operands, target: str, to: int) -> None:
        body = nested(loops(INDICES, dims), [line])
        self.call("move", body, operands, f"{target} + {to}" if to else target)

    def outputs(self, places: Sequence[Result], target: str) -> None:
        """Results put in their order, those of one array at once."""
        by_array: dict[int, list[tuple[int, int]]] = {}
        for k, place in enumerate(places):
            by_array.setdefault(place.array, []).append((k, place.position))
        for array, found in by_array.items():
            read = Read(array, 0, (), tuple(position for _, position in found))
            self.move((len(found),), read, [k for k, _ in found], target, 0)

    def functions(self, name: str) -> tuple[list[str], list[str]]:
        """Functions for parts of the body, and the body itself."""
        parts = self.shortened()
        if len(parts) == 1:
            return [], parts[0]
        texts, calls = [], []
        for k, part in enumerate(parts, 1):
            lines = ["(void)x, (void)p, (void)y, (void)g, (void)w;", *part]
            body = "\n".join(f"    {line}" for line in lines)
            texts.append(f"static void {name}_{k}({GIVEN}) {{\n{body}\n}}")
            calls.append(f"{name}_{k}(x, p, y, g, w);")
        return texts, calls

    def shortened(self) -> list[list[str]]:
        """The statements of all parts, without names for numbers that nothing in a part reads."""
        found = []
        for part in self.parts:
            read: set[str] = set()
            lines = []
            for line in reversed(part):
                named = re.match(r"double (v\d+) = (w\[.*)", line)
                lines.append(named[2] if named and named[1] not in read else line)
                read.update(re.findall(r"\bv\d+\b", named[2] if named else line))
            found.append(lines[::-1])
        return found


def rows_of(
    sources: Sequence[int], targets: Sequence[int]
) -> dict[tuple[int, int, int], list[tuple[int, int]]]:
    """Pairs of places as rows, by their length and the steps within: where each of them begins."""
    found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    at, n = 0, len(sources)
    while at < n:
        end, ds, dt = at + 1, 0, 0
        if end < n:
            ds, dt = sources[end] - sources[at], targets[end] - targets[at]
        while end < n and (sources[end] - sources[end - 1], targets[end] - targets[end - 1]) == (
            ds,
            dt,
        ):
            end += 1
        found.setdefault((end - at, ds, dt), []).append((sources[at], targets[at]))
        at = end
    few = sum(map(len, found.values()))
    if 4 * few <= n:
        return found
    return {(1, 0, 0): list(zip(sources, targets))}
