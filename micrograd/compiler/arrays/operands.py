"""What is common to the writers of array source: names, operands, tables of positions.

Read `products.py` next, then `places.py` and `source.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...core.rule import TABLE, Rule
from ..ir.names import RESERVED, adjoint_name, free, shown
from .program import ArrayProgram, Leaf, Read, Shape, Step
from .views import View, Viewer

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly an expression binds
LONGEST, DEEPEST, WIDTH = 60, 4, 92
OPERATORS = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT)}
# Functions that the three libraries have by the same name, and do the same.
DIRECT = {
    "abs": "abs", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2",
    "log10": "log10", "log1p": "log1p", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "ceil": "ceil", "floor": "floor", "trunc": "trunc", "rint": "round", "sign": "sign",
    "fmod": "fmod", "hypot": "hypot",
}  # fmt: skip
# What is done along the last dimension: the value, and the slopes.
VALUES = {"maximum": "largest", "minimum": "smallest", "prod": "product", "hypot": "norm",
          "logsumexp": "logsumexp", "nll": "nll", "take": "take", "fsum": "exactly"}  # fmt: skip
SLOPES = {"prod": "dproduct", "hypot": "dnorm", "logsumexp": "softmax", "nll": "dnll"}
STOP = TABLE["stop"]
LETTERS = "ijklmopqrstuvw"


class Text(NamedTuple):
    """An expression: how tightly it binds, how deep it is."""

    text: str
    binding: int
    depth: int


class Operands:
    """The names in the source of one program, for one example or for a batch."""

    def __init__(self, program: ArrayProgram, batched: bool, stops: bool = False) -> None:
        self.program, self.batched, self.stops = program, batched, stops
        self.views = Viewer(batched, self.table)
        self.constants: dict[str, tuple[Shape, tuple[float, ...]]] = {}
        self.tables: dict[str, tuple[Shape, tuple[int, ...]]] = {}
        self._tables: dict[Any, str] = {}
        self.calls: dict[str, Rule | None] = {}
        self.taken = {*RESERVED, "np", "n", "f", *VALUES.values(), *SLOPES.values()}
        self.text: dict[int, Text] = {}
        self.uses = self.counted()
        self.names = self.named()

    def counted(self) -> list[int]:
        program = self.program
        uses = [0] * len(program)
        results = [y.array for y in program.outputs] + [r.array for r in program.gradients.values()]
        needed = [False] * len(program)
        for i in results:
            uses[i] += 2  # a result has a line of its own
            needed[i] = True
        for i in range(len(program) - 1, -1, -1):
            if needed[i]:
                for read in program.steps[i].reads():
                    uses[read.array] += 1
                    needed[read.array] = True
        return uses

    def named(self) -> list[str]:
        """What each step is called: v1, v2, ... and t1, ... where it has no name."""
        program = self.program
        names = [""] * len(program)
        taken = self.taken
        for i in [*program.inputs, *program.parameters]:
            step = program.steps[i]
            assert isinstance(step, Leaf)
            names[i] = free(step.name, taken)
        for i, name in program.names.items():
            if not names[i] and self.uses[i]:
                names[i] = free(name, taken)
        values = temporaries = arrays = 0
        for i, step in enumerate(program.steps):
            if names[i] or not self.uses[i]:
                continue
            if isinstance(step, Leaf):
                if step.kind == "constant":
                    if step.size == 1:
                        names[i] = shown(step.data[0])
                    else:
                        arrays += 1
                        names[i] = free(f"C{arrays}", taken)
                        self.constants[names[i]] = step.shape, step.data
                elif step.kind == "count":
                    names[i] = "n"
                elif step.kind == "share":
                    names[i] = "1 / n"
                else:
                    names[i] = free(step.name, taken)
            elif i < program.forward_steps:
                values += 1
                names[i] = free(f"v{values}", taken)
        for i in range(len(program)):
            if self.uses[i] and not names[i]:
                of = program.adjoint_of.get(i)
                if of is not None and names[of]:
                    names[i] = free(adjoint_name(names[of]), taken)
                else:
                    temporaries += 1
                    names[i] = f"t{temporaries}"
        return names

    def table(self, positions: Sequence[int], shape: Shape) -> str:
        """The name of a table of positions."""
        key = (tuple(positions), shape)
        name = self._tables.get(key)
        if name is None:
            name = self._tables[key] = free(f"at{len(self._tables) + 1}", self.taken)
            self.tables[name] = shape, tuple(positions)
        return name

    def is_batched(self, step: Step) -> bool:
        return step.varying and self.batched

    def view(self, read: Read, dims: Shape) -> View:
        step = self.program.steps[read.array]
        if self.program.number(read.array) is not None:
            return View(self.names[read.array], (), True)
        if self.names[read.array] == "1 / n":
            self.text[read.array] = Text("1 / n", PRODUCT, 0)
        found = self.text.get(read.array)
        name = self.names[read.array]
        if found is not None:
            whole = self.views.view("_", step.shape, step.varying, read, dims)
            name = found.text if whole.text == "_" else f"({found.text})"
            if whole.text != "_" and found.binding == ATOM:
                name = found.text
        return self.views.view(name, step.shape, step.varying, read, dims)

    def operand(self, read: Read, dims: Shape, varying: bool, binding: int = SUM) -> str:
        """An operand of an operation element by element."""
        view = self.view(read, dims)
        found = self.text.get(read.array)
        if found is not None and view.text == found.text and found.binding < ATOM:
            text = self.views.broadcast(view, len(dims), varying)
            if text == found.text:
                return text if found.binding >= binding else f"({text})"
            bare = View(f"({found.text})", view.axes)
            return self.views.broadcast(bare, len(dims), varying)
        text = self.views.broadcast(view, len(dims), varying)
        return f"({text})" if text.startswith("-") and binding > SUM else text

    def floated(self, text: str, read: Read) -> str:
        """A number that stays a float where no arithmetic makes it one."""
        number = self.program.number(read.array)
        return text if number is None else repr(number) if number == number else "nan"

    def depth(self, reads: Sequence[Read]) -> int:
        return max([self.text[r.array].depth for r in reads if r.array in self.text], default=0)

    def covered(self, reads: Sequence[Read], dims: Shape) -> bool:
        """Whether along each dimension some operand differs or is there."""
        for k, n in enumerate(dims):
            if n == 1:
                return False
            if not any(r.table is not None or r.strides[k] for r in reads):
                return False
        return True

    def spread(self, found: Text, reads: Sequence[Read], step: Step) -> Text:
        """The expression with all dimensions of the step, where the operands lack some."""
        if self.covered(reads, step.shape):
            return found
        lead = ["n"] if self.is_batched(step) else []
        shape = ", ".join([*lead, *map(str, step.shape)])
        if len(step.shape) + len(lead) == 1:
            shape += ","
        if self.all_numbers(reads):
            return Text(f"np.full(({shape}), {found.text})", ATOM, found.depth + 1)
        return Text(f"np.broadcast_to({found.text}, ({shape}))", ATOM, found.depth + 1)

    def all_numbers(self, reads: Sequence[Read]) -> bool:
        return all([self.program.number(r.array) is not None for r in reads])

    def call(self, name: str, operands: Sequence[str], rule: Rule | None, depth: int) -> Text:
        if name in DIRECT and rule is not None:
            return Text(f"np.{DIRECT[name]}({', '.join(operands)})", ATOM, depth + 1)
        self.calls.setdefault(name, rule)
        return Text(f"{name}({', '.join(operands)})", ATOM, depth + 1)
