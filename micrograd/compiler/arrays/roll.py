"""`roll`: the array program of a scalar one.

`group.py` says which scalar steps belong together; here the positions of their operands are
read as views, which gives each array its dimensions and each step its form. Parameters become
arrays of their own as they are used: a matrix is what a sum of products takes rows of. Read
`reverse.py` next.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...core.rule import TABLE, Rule
from ..ir.program import Program
from ..ir.simplify import needed_in
from .group import CONSTANTS, INDEXED, MEAN, Group, Grouping, Run
from .layout import Nest, cuts, nest_of_rows, refined, row_major, strides_over
from .parameters import Layout, parameter_arrays
from .printing import Rolled
from .program import Along, Apply, Leaf, Part, Place, Read, Result, Shape, Sum, Term

IDENTITY, DIV, SUM_RULE = TABLE["identity"], TABLE["div"], TABLE["sum"]
NEUTRAL = {"mul": 1.0, "div": 1.0, "sub": 0.0}
ALIKE = ("sum", "identity")
Inputs = Sequence[tuple[str, Shape]]  # the arrays that the inputs are, in order


def roll(program: Program, inputs: Inputs | None = None, ordered: bool = False) -> Rolled:
    """The array program with the same inputs, parameters and outputs; linear in the steps.

    `ordered` keeps the order in which sums are added up, for whoever promises their last bit,
    and all parameters in one array.
    """
    program = merged(program)
    if inputs is None:
        inputs = [(program.names[i], ()) for i in program.inputs]
    place: dict[int, tuple[int, int]] = {}
    rest = iter(program.inputs)
    for k, (_, shape) in enumerate(inputs):
        for position in range(prod(shape)):
            place[next(rest)] = k, position
    layout: Layout = []
    if not ordered:
        layout = parameter_arrays(program, place, len(inputs))
    elif program.parameters:
        layout = [("p", (len(program.parameters),), program.parameters)]
    for k, (_, _, members) in enumerate(layout, len(inputs)):
        for position, p in enumerate(members):
            place[p] = k, position
    grouping = Grouping(program, place, len(inputs) + len(layout), ordered)
    return Roller(program, inputs, layout, grouping).rolled


def merged(program: Program) -> Program:
    """The steps that are needed, each once; what has only constants is computed.

    Shorter forms, as x for x * 1, are not sought: they would make neighbours unlike.
    """
    needed = needed_in(program)
    new = Program()
    place: dict[int, int] = {}
    for i in program.inputs:
        place[i] = new.input(program.names[i])
    for i in program.parameters:
        place[i] = new.parameter(program.names[i])
    done: dict[Any, int] = {}
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        if not needed[i] or i in place:
            continue
        if not isinstance(rule, Rule):
            place[i] = new.constant(program.data[i])
            continue
        xs = tuple([place[x] for x in operands])
        if all([x in new.data for x in xs]):
            place[i] = new.constant(rule.forward(*[new.data[x] for x in xs]))
            continue
        if rule is IDENTITY:
            place[i] = xs[0]
            continue
        key = (rule, xs, i in program.bare)
        if key not in done:
            done[key] = new.step(rule, xs)
            if i in program.bare:
                new.bare.add(done[key])
            if i in program.names:
                new.names[done[key]] = program.names[i]
        place[i] = done[key]
    new.outputs = [place[y] for y in program.outputs]
    return new


# Steps ----------------------------------------------------------------------------------------


class Roller:
    """Makes the steps of the groups, in order."""

    def __init__(
        self, program: Program, inputs: Inputs, layout: Layout, grouping: Grouping
    ) -> None:
        self.program, self.grouping = program, grouping
        self.rolled = new = Rolled()
        self.array: dict[int, int] = {}  # of each group the step
        for k, (name, shape) in enumerate(inputs):
            self.array[k] = new.step(Leaf("input", name, shape, True))
            new.inputs.append(self.array[k])
        for k, (name, shape, _) in enumerate(layout, len(inputs)):
            self.array[k] = new.step(Leaf("parameter", name, shape, False))
            new.parameters.append(self.array[k])
        for k, group in grouping.groups.items():
            self.array[k] = self.made(group)
            if group.bare:
                new.bare.add(self.array[k])
            label = program.names.get(group.members[0])
            if label and len(group.members) == 1:
                new.names.setdefault(self.array[k], label)
        new.input_places = [self.result(i) for i in program.inputs]
        new.parameter_places = [self.result(i) for i in program.parameters]
        new.outputs = [self.result(i) for i in program.outputs]
        new.forward_steps = len(new)

    def result(self, i: int) -> Result:
        if i in self.program.data:
            return Result(self.rolled.constant([self.program.data[i]]), 0)
        group, position = self.grouping.place[i]
        return Result(self.array[group], position)

    def made(self, group: Group) -> int:
        """The step of a group."""
        new = self.rolled
        size = len(group.members)
        nests = [self.nests(run) for run in group.runs]
        shape = self.shape(group, size, nests)
        inner = [self.inner(run, found) for run, found in zip(group.runs, nests)]
        reads = [
            [self.read(run, f, found[f], shape, dims) for f in range(len(run.groups))]
            for run, found, dims in zip(group.runs, nests, inner)
        ]
        everything = [read for of_run in reads for read in of_run]
        varying = any(new.steps[read.array].varying for read in everything)
        alike = self.neutral(group, everything)
        if alike is not None:
            group, everything = Group("apply", IDENTITY, group.runs, ()), [alike]
        if len(everything) == 1 and group.rule.name in ALIKE and everything[0].table is None:
            source = everything[0].array
            if everything[0] == new.whole(source) and new.steps[source].shape == shape:
                return source  # a sum of one number, the largest of one
        if group.kind == "apply":
            return new.step(Apply(group.rule, everything, shape, varying))
        if group.kind == "sum":
            terms = [Term(dims, tuple(of_run)) for dims, of_run in zip(inner, reads)]
            total = new.step(Sum(terms, shape, varying))
            if group.rule is not MEAN:
                return total
            count = new.constant([float(group.settings[0])])
            zeros = (0,) * len(shape)
            return new.step(Apply(DIV, [new.whole(total), Read(count, 0, zeros)], shape, varying))
        return self.along(group, shape, inner, reads, varying)

    def neutral(self, group: Group, reads: list[Read]) -> Read | None:
        """The operand that is the result already: x of x * 1, x / 1, x - 0; or None."""
        neutral = NEUTRAL.get(group.rule.name) if group.kind == "apply" else None
        if neutral is not None and self.rolled.number(reads[1].array) == neutral:
            return reads[0]
        return None

    def along(
        self,
        group: Group,
        shape: Shape,
        inner: list[Shape],
        reads: list[list[Read]],
        varying: bool,
    ) -> int:
        """A step along the operands, put side by side if they come from several arrays."""
        new = self.rolled
        given: list[Read] = []
        if group.rule.name in INDEXED:
            given, reads, inner = reads[0], reads[1:], inner[1:]
        if len(reads) == 1:
            dims, last = inner[0], reads[0][0]
        else:
            width = sum(map(prod, inner))
            dims = (width,)
            whole = (*shape, width)
            start, parts = 0, []
            for part, (read,) in zip(inner, reads):
                target = Read(-1, start, (*row_major(whole)[:-1], *row_major(part)))
                parts.append(Part(shape + part, read, target))
                start += prod(part)
            last = new.whole(new.step(Place(parts, whole, varying)))
        return new.step(Along(group.rule, dims, [*given, last], shape, varying))

    # Views ------------------------------------------------------------------------------------

    def nests(self, run: Run) -> list[Nest | None]:
        return [
            None if of == CONSTANTS else nest_of_rows(positions, run.count)
            for of, positions in zip(run.groups, run.positions)
        ]

    def shape(self, group: Group, size: int, nests: list[list[Nest | None]]) -> Shape:
        """The dimensions of the members, as far as the operands have some."""
        wanted: set[int] = set()
        for preferred in (False, True):
            for run, found in zip(group.runs, nests):
                for f, one in enumerate(found):
                    if one is None:
                        continue
                    more = self.preferred(run.groups[f], one) if preferred else cuts(one.dims)
                    outer = {c // run.count for c in more if c > run.count}
                    exact = all(c % run.count == 0 for c in more if c > run.count)
                    if exact and refined(wanted | outer, size) is not None:
                        wanted |= outer
                    elif not preferred:
                        found[f] = None  # then it is gathered
        dims = refined(wanted, size)
        assert dims is not None
        return dims

    def inner(self, run: Run, found: list[Nest | None]) -> Shape:
        """The dimensions over which a run's terms are added up."""
        wanted: set[int] = set()
        for preferred in (False, True):
            for f, one in enumerate(found):
                if one is None:
                    continue
                more = self.preferred(run.groups[f], one) if preferred else cuts(one.dims)
                inner = {c for c in more if c < run.count}
                if refined(wanted | inner, run.count) is not None:
                    wanted |= inner
                elif not preferred:
                    found[f] = None
        dims = refined(wanted, run.count)
        assert dims is not None
        return dims

    def preferred(self, group: int, one: Nest) -> set[int]:
        """The cuts of the array itself, where it is read in order."""
        if not one.dims or one.strides[-1] != 1:
            return set()
        run = one.dims[-1]
        return {
            c
            for c in cuts(self.rolled.steps[self.array[group]].shape)
            if run % c == 0 and one.base % c == 0
        }

    def read(self, run: Run, f: int, one: Nest | None, shape: Shape, inner: Shape) -> Read:
        """How an operand is read over these dimensions."""
        dims = shape + inner
        of, positions = run.groups[f], run.positions[f]
        if one is not None:
            return Read(self.array[of], one.base, strides_over(one, dims))
        kept, table = without_repeats(positions, dims)
        new = self.rolled
        small = tuple(n for n, k in zip(dims, kept) if k)
        if of == CONSTANTS:
            data = self.program.data
            array = new.constant([data[i] for i in table], small)
        else:
            source = self.array[of]
            gathered = Read(source, 0, (), tuple(table))
            array = new.step(Apply(IDENTITY, [gathered], small, new.steps[source].varying))
        strides = iter(row_major(small))
        return Read(array, 0, tuple(next(strides) if k else 0 for k in kept))


def without_repeats(table: Sequence[int], dims: Shape) -> tuple[list[bool], list[int]]:
    """Along which dimensions a table differs, and the table without the others."""
    rest = list(table)
    kept: list[bool] = []
    outer = 1
    for n in dims:
        # The blocks at this dimension, for each position of the ones before.
        width = len(rest) // outer
        part = width // n
        same = all(
            rest[b : b + part] == rest[b + k * part : b + (k + 1) * part]
            for b in range(0, len(rest), width)
            for k in range(1, n)
        )
        kept.append(not same)
        if same:
            rest = [x for b in range(0, len(rest), width) for x in rest[b : b + part]]
        else:
            outer *= n
    return kept, rest
