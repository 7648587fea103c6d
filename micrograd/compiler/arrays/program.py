"""`ArrayProgram`: a function as steps on whole arrays, each an operation on views of earlier ones.

There are four kinds of steps besides the leaves: `Apply` does one operation element by element,
`Sum` adds up products (a matrix product is one), `Along` does an operation of any number of
operands along the last dimensions, and `Place` puts arrays side by side. `run` is the plainest
interpreter, number by number: what every other way of running a program is held to.
Programs are found in `roll.py`, differentiated in `reverse.py` and written in `source.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from ...core.rule import Rule
from .layout import Nest, row_major

Shape = tuple[int, ...]


class Read(NamedTuple):
    """Where an operand's elements lie: at strides over the step's dimensions, or by a table."""

    array: int
    base: int
    strides: tuple[int, ...]
    table: tuple[int, ...] | None = None

    def positions(self, dims: Shape) -> Sequence[int]:
        if self.table is not None:
            return self.table
        return Nest(self.base, dims, self.strides).positions()


class Term(NamedTuple):
    """A product of one or two operands, added up over the inner dimensions."""

    inner: Shape
    factors: tuple[Read, ...]


class Part(NamedTuple):
    """An operand of these dimensions, and where its elements go: at strides, or by a table."""

    dims: Shape
    value: Read
    target: Read


class Step:
    """What all steps have: the shape of one example's array, and whether examples differ."""

    def __init__(self, shape: Shape, varying: bool) -> None:
        self.shape, self.varying = shape, varying

    @property
    def size(self) -> int:
        return prod(self.shape)

    def reads(self) -> list[Read]:
        """The operands."""
        return []

    def key(self) -> Any:
        """What is the same for steps that compute the same."""
        return self


class Leaf(Step):
    """An array that is given: kind is "input", "parameter", "constant", "seed", "count" or
    "share".

    A seed is the gradient of one output, a count that of the examples, a share 1 over it.
    """

    def __init__(
        self, kind: str, name: str, shape: Shape, varying: bool, data: tuple[float, ...] = ()
    ) -> None:
        super().__init__(shape, varying)
        self.kind, self.name, self.data = kind, name, data


class Apply(Step):
    """An operation of the table, element by element."""

    def __init__(self, rule: Rule, operands: Sequence[Read], shape: Shape, varying: bool) -> None:
        super().__init__(shape, varying)
        self.rule, self.operands = rule, tuple(operands)

    def reads(self) -> list[Read]:
        return list(self.operands)

    def key(self) -> Any:
        return ("apply", self.rule, self.operands, self.shape, self.varying)


class Sum(Step):
    """The sum of its terms. `total` also adds up over all examples."""

    def __init__(
        self, terms: Sequence[Term], shape: Shape, varying: bool, total: bool = False
    ) -> None:
        super().__init__(shape, varying)
        self.terms, self.total = tuple(terms), total

    def reads(self) -> list[Read]:
        return [read for term in self.terms for read in term.factors]

    def key(self) -> Any:
        return ("sum", self.terms, self.shape, self.varying, self.total)


class Along(Step):
    """An operation of any number of operands, which lie along the inner dimensions of the last.

    Where it `keeps`, the result has the inner dimensions, too: slopes, one for each operand.
    """

    def __init__(
        self,
        rule: Rule,
        inner: Shape,
        operands: Sequence[Read],
        shape: Shape,
        varying: bool,
        keeps: bool = False,
    ) -> None:
        super().__init__(shape, varying)
        self.rule, self.inner, self.operands, self.keeps = rule, inner, tuple(operands), keeps

    def reads(self) -> list[Read]:
        return list(self.operands)

    def key(self) -> Any:
        return ("along", self.rule, self.inner, self.operands, self.shape, self.keeps)


class Place(Step):
    """Arrays put into one; where several go to one place they are added, elsewhere it is 0."""

    def __init__(self, parts: Sequence[Part], shape: Shape, varying: bool) -> None:
        super().__init__(shape, varying)
        self.parts = tuple(parts)

    def reads(self) -> list[Read]:
        return [part.value for part in self.parts]

    def key(self) -> Any:
        return ("place", self.parts, self.shape)


class Result(NamedTuple):
    """Where one output is: an element of an array."""

    array: int
    position: int


class ArrayProgram:
    """Steps by number; the leaves are among them.

    `places` says of each parameter of the scalar program in which leaf it lies and where;
    `gradients` has, after `reverse`, a whole read for each leaf that was asked for.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.outputs: list[Result] = []
        self.inputs: list[int] = []
        self.parameters: list[int] = []
        self.input_places: list[Result] = []
        self.parameter_places: list[Result] = []
        self.forward_steps = -1
        self.gradients: dict[int, Read] = {}
        self.differentiated = False
        self.adjoint_of: dict[int, int] = {}
        self.names: dict[int, str] = {}
        self.bare: set[int] = set()
        self._known: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self.steps)

    def copy(self) -> ArrayProgram:
        new = ArrayProgram()
        new.steps, new.outputs = self.steps[:], self.outputs[:]
        new.inputs, new.parameters = self.inputs[:], self.parameters[:]
        new.input_places, new.parameter_places = self.input_places, self.parameter_places
        new.forward_steps, new.gradients = self.forward_steps, dict(self.gradients)
        new.adjoint_of, new.names = dict(self.adjoint_of), dict(self.names)
        new.differentiated = self.differentiated
        new.bare, new._known = set(self.bare), dict(self._known)
        return new

    def step(self, step: Step) -> int:
        """The number of this step; an old one that computes the same if there is one."""
        key = step.key()
        i = self._known.get(key)
        if i is None:
            i = self._known[key] = len(self.steps)
            self.steps.append(step)
        return i

    def constant(self, data: Sequence[float], shape: Shape = ()) -> int:
        """The leaf of a constant array."""
        key = ("constant", tuple(map(repr, data)), shape)
        i = self._known.get(key)
        if i is None:
            i = self._known[key] = len(self.steps)
            self.steps.append(Leaf("constant", "", shape, False, tuple(data)))
        return i

    def number(self, i: int) -> float | None:
        """The number that step i is, if it is a constant and a single one."""
        step = self.steps[i]
        if isinstance(step, Leaf) and step.kind == "constant" and step.size == 1:
            return step.data[0]
        return None

    def whole(self, i: int) -> Read:
        """All of an array, in order."""
        return Read(i, 0, row_major(self.steps[i].shape))

    # Running ----------------------------------------------------------------------------------

    def run(self, inputs: Sequence[Any], parameters: Sequence[Any], seeds: Any = None) -> list[Any]:
        """The outputs of one example, and after `reverse` the gradients, each a flat list.

        On anything the rules take; `seeds` are the gradients of the outputs, 1 if left out.
        """
        arrays: list[list[Any]] = []
        leaves: dict[int, list[Any]] = {i: [None] * self.steps[i].size for i in self.inputs}
        leaves |= {i: [None] * self.steps[i].size for i in self.parameters}
        for place, x in zip(self.input_places, inputs, strict=True):
            leaves[place.array][place.position] = x
        for place, x in zip(self.parameter_places, parameters, strict=True):
            leaves[place.array][place.position] = x
        seeds = iter(seeds or [1] * len(self.outputs))
        for i, step in enumerate(self.steps):
            if isinstance(step, Leaf):
                if step.kind == "seed":
                    arrays.append([next(seeds)])
                elif step.kind in ("share", "count"):
                    arrays.append([1])
                else:
                    arrays.append(leaves.get(i) or list(step.data))
            else:
                arrays.append(evaluated(step, arrays))
        found: list[Any] = [arrays[y.array][y.position] for y in self.outputs]
        for i, read in self.gradients.items():
            found.append([arrays[read.array][p] for p in read.positions(self.steps[i].shape)])
        return found


def evaluated(step: Step, arrays: Sequence[Sequence[Any]]) -> list[Any]:
    """The elements of a step, number by number."""

    def taken(read: Read, dims: Shape) -> list[Any]:
        array = arrays[read.array]
        return [array[p] for p in read.positions(dims)]

    if isinstance(step, Apply):
        columns = [taken(read, step.shape) for read in step.operands]
        return [step.rule.function(*xs) for xs in zip(*columns, strict=True)]
    if isinstance(step, Sum):
        sums: list[Any] = [None] * step.size
        for inner, factors in step.terms:
            columns = [taken(read, step.shape + inner) for read in factors]
            products = [xs[0] * xs[1] if len(xs) == 2 else xs[0] for xs in zip(*columns)]
            width = prod(inner)
            for m in range(step.size):
                for x in products[m * width : (m + 1) * width]:
                    sums[m] = x if sums[m] is None else sums[m] + x
        return sums
    if isinstance(step, Along):
        outer = step.shape[: len(step.shape) - len(step.inner)] if step.keeps else step.shape
        width = prod(step.inner)
        columns = [taken(read, outer) for read in step.operands[:-1]]
        xs = taken(step.operands[-1], outer + step.inner)
        found: list[Any] = []
        for m in range(prod(outer)):
            given = [c[m] for c in columns]
            row = xs[m * width : (m + 1) * width]
            if step.keeps:
                y = step.rule.function(*given, *row)
                slopes = step.rule.partials[0]([*given, *row], y)
                found += slopes[len(given) :]
            else:
                found.append(step.rule.function(*given, *row))
        return found
    assert isinstance(step, Place)
    put: list[Any] = [None] * step.size
    for dims, value, target in step.parts:
        for x, p in zip(taken(value, dims), target.positions(dims), strict=True):
            put[p] = x if put[p] is None else put[p] + x
    return [0.0 if x is None else x for x in put]
