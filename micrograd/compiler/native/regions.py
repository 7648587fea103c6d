"""Loops and branches for the machine: instructions that hold others (`loops.h`).

What is computed once and what turn by turn is encoded alike: a body is a program of its own, whose
steps have scalars, or in a batch columns, that nobody else has. A loop keeps its carries side by
side, and behind them the sequences that it puts out. Where the number of turns is known only when
it runs, a sequence grows. `encode.py` calls this where it meets a loop.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ..ir.program import Program
from ..ir.region import Branch, Element, Item, Loop, Pack
from ..ir.shapes import Shape, Shapes, Unsupported, entries, is_sequence, place, shape, size, turns
from . import instructions as op
from .instructions import NONE, Instruction, words
from .rows import in_place, rowed

if TYPE_CHECKING:
    from .encode import Encoder


class Room:
    """Scalars, columns, loops and growing sequences, as many as a machine needs."""

    def __init__(self, scalars: array[float]) -> None:
        self.scalars = scalars
        self.registers = 0
        self.loops = 0
        self.growing = 0

    def scalar(self, number: float = 0.0, n: int = 1) -> int:
        at = len(self.scalars)
        self.scalars.extend([number] * n)
        return at

    def fresh(self, by_columns: bool, n: int = 1) -> int:
        """The operand that is the first of n new ones."""
        if not by_columns:
            return self.scalar(0.0, n) * 4 + op.SCALAR
        self.registers += n
        return (self.registers - n) * 4 + op.COLUMN


class Emitter:
    """Encodes the instructions of one program, given what operand a step is."""

    def __init__(
        self, room: Room, encoder: Encoder, refs: list[int], by_columns: bool, given: Shapes
    ) -> None:  # fmt: skip
        self.room, self.encoder, self.by_columns = room, encoder, by_columns
        self.ref: Callable[[int], int] = refs.__getitem__
        self.given = given
        self.program = encoder.program
        self.growing: dict[int, list[int]] = {}  # of a loop or a sum the sequences that grow

    def shape(self, i: int) -> Shape:
        return shape(self.program, i, self.given)

    def sequence(self, i: int) -> tuple[int, int | None, int]:
        """The operand that is first in a sequence, how many entries it has, and their size."""
        rule, (n, *entry) = self.program.rules[i], self.shape(i)
        if isinstance(rule, Item):
            source = self.program.operands[i][0]
            return self.put(source, rule.k), n, prod(entry)
        if n is None:
            return self.growing[i][0] * 4 + op.GROWING, None, 1
        if isinstance(rule, Element):
            first, _, width = self.sequence(self.program.operands[i][0])
            number: int = first + 4 * rule.k * width
            return number, n, prod(entry)
        return self.ref(i), n, prod(entry)

    def put(self, i: int, k: int) -> int:
        """The operand that is first in what a loop puts out as result k."""
        loop: Any = self.program.rules[i]
        if turns(self.program, i, loop, self.given) is None:
            which: int = k - loop.carries
            return self.growing[i][which] * 4 + op.GROWING
        before: int = sum(place(self.program, i, loop, self.given, k))
        return self.ref(i) + 4 * before

    def grows(self, i: int, n: int) -> None:
        """Make the sequences that a step puts out and that grow."""
        self.growing[i] = list(range(self.room.growing, self.room.growing + n))
        self.room.growing += n

    def words(self, instruction: Instruction) -> list[int]:
        """A step of a loop, a branch, or what goes in and out of them."""
        i, (rule, xs) = instruction.result, (
            self.program.rules[instruction.result], self.program.operands[instruction.result]
        )  # fmt: skip
        if isinstance(rule, Loop):
            return self.loop(i, rule, xs)
        if isinstance(rule, Branch):
            return self.branch(i, rule, xs)
        if isinstance(rule, Item):
            return [] if rule.sequence else self.move(self.ref(i), self.ref(xs[0]) + 4 * rule.k)
        if isinstance(rule, Element):
            if rule.sequence:
                return []  # where it stands
            return self.move(self.ref(i), self.sequence(xs[0])[0] + 4 * rule.k)
        if isinstance(rule, Pack):
            return self.pack(i, xs)
        return self.sum(i, xs)

    def pack(self, i: int, xs: tuple[int, ...]) -> list[int]:
        base = self.ref(i)
        if is_sequence(self.program, xs[0]):
            n = prod(self.shape(xs[0]))
            pairs = [(base + 4 * (k * n + j), self.sequence(x)[0] + 4 * j)
                     for k, x in enumerate(xs) for j in range(n)]  # fmt: skip
        else:
            pairs = [(base + 4 * k, self.ref(x)) for k, x in enumerate(xs)]
        return [w for to, x in pairs for w in self.move(to, x)]

    def move(self, to: int, x: int) -> list[int]:
        return [] if to == x else [op.MOVE, to >> 2, 1, x]

    def loop(self, i: int, loop: Loop, xs: tuple[int, ...]) -> list[int]:
        room, ref = self.room, self.ref
        a, b = loop.constants, loop.constants + loop.carries
        n, base = turns(self.program, i, loop, self.given), ref(i)
        outputs = len(loop.body.outputs)
        if n is None:
            if self.by_columns:
                raise Unsupported("turns that differ between examples")
            self.grows(i, outputs - loop.carries)
        carries = [base + 4 * k for k in range(loop.carries)]
        found = [w for c, x in zip(carries, xs[a:b]) for w in self.move(c, ref(x))]
        room.loops += 1
        number, back = room.loops, int(loop.backwards)
        constants = [ref(x) for x in xs[:a]]
        inside: list[int] = []
        if loop.test is not None:
            code, refs, _ = self.body(
                loop.test, dict(zip(loop.test.inputs, [*constants, *carries]))
            )
            inside += [*code, op.UNLESS, 0, 1, refs[0]]
        given = dict(zip(loop.body.inputs, [*constants, *carries]))
        shapes = entries(self.program, i, loop, self.given)
        sources = [self.sequence(x) for x in xs[b:]]
        for x, (first, m, width) in zip(loop.body.inputs[b:], sources):
            given[x] = room.fresh(self.by_columns, width)
            inside += [op.LOAD, given[x] >> 2, 5, first, number, m or 0, back, width]
        code, refs, inner = self.body(loop.body, given, shapes, loop.body.inputs[a:b])
        inside += code
        for k in range(loop.carries, outputs):
            y, width = loop.body.outputs[k], 1
            if is_sequence(loop.body, y):
                y, _, width = inner.sequence(y)[0], 0, prod(inner.shape(y))
            else:
                y = refs[k]
            inside += [op.STORE, 0, 6, y, self.put(i, k), number, n or 0, back, width]
        inside += self.together(carries, refs[: loop.carries])
        source = sources[0][0] >> 2 if n is None and loop.test is None else NONE
        return [*found, op.LOOP, 0, 3 + len(inside), NONE if n is None else n, source, number,
                *inside]  # fmt: skip

    def together(self, targets: list[int], refs: list[int]) -> list[int]:
        """Moves that are done at once: what another one overwrites is put aside first."""
        found: list[int] = []
        safe = []
        for k, r in enumerate(refs):
            if r in targets and targets[k] != r:
                aside = self.room.fresh(self.by_columns)
                found += self.move(aside, r)
                r = aside
            safe.append(r)
        return found + [w for t, r in zip(targets, safe) for w in self.move(t, r)]

    def branch(self, i: int, branch: Branch, xs: tuple[int, ...]) -> list[int]:
        if self.by_columns:
            raise Unsupported("branches that differ between examples")
        base = self.ref(i)
        sides = []
        for side in (branch.yes, branch.no):
            code, refs, _ = self.body(side, dict(zip(side.inputs, map(self.ref, xs[1:]))))
            moves = [w for k, r in enumerate(refs) for w in self.move(base + 4 * k, r)]
            sides.append([*code, *moves])
        yes, no = sides
        return [op.IF, 0, 2 + len(yes) + len(no), self.ref(xs[0]), len(yes), *yes, *no]

    def sum(self, i: int, xs: tuple[int, ...]) -> list[int]:
        """Two sequences added up, in a loop."""
        (first, n, width), (second, _, _) = self.sequence(xs[0]), self.sequence(xs[1])
        n = None if n is None else n * width  # number by number, also in sequences of sequences
        self.room.loops += 1
        number = self.room.loops
        x, y = self.room.fresh(self.by_columns), self.room.fresh(self.by_columns)
        if n is None:
            self.grows(i, 1)
        to = self.ref(i) if n is not None else self.growing[i][0] * 4 + op.GROWING
        inside = [
            op.LOAD, x >> 2, 5, first, number, n or 0, 0, 1,
            op.LOAD, y >> 2, 5, second, number, n or 0, 0, 1,
            op.ADD, x >> 2, 2, x, y,
            op.STORE, 0, 6, x, to, number, n or 0, 0, 1,
        ]  # fmt: skip
        source = NONE if n is not None else first >> 2
        return [op.LOOP, 0, 3 + len(inside), NONE if n is None else n, source, number, *inside]

    def body(
        self,
        program: Program,
        given: dict[int, int],
        shapes: Shapes | None = None,
        carries: Sequence[int] = (),
    ) -> tuple[list[int], list[int], Emitter]:
        """The words of a body, the operands that are its outputs, and who knows its sequences.

        `carries` are the inputs that are replaced by the first outputs, in place where that can be.
        """
        varying = [given.get(i, 0) & 3 != op.SCALAR for i in range(len(program))]
        single = not self.by_columns
        encoder = type(self.encoder)(program.copy(), single, inside=varying)
        refs = [NONE] * len(encoder.program)
        for i, ref in given.items():
            refs[i] = ref
        known = shapes or {}
        emitter = Emitter(self.room, encoder, refs, self.by_columns, known)
        for i, number in encoder.program.data.items():
            refs[i] = self.room.scalar(number) * 4 + op.SCALAR

        def fresh(steps: Iterable[int]) -> None:
            for i in steps:
                refs[i] = self.room.fresh(self.by_columns, size(encoder.program, i, known))

        section = encoder.sections[0]
        if self.by_columns:
            fresh([i.result for i in section])
        else:
            section, products, replaced = in_place(section, encoder.program, carries)
            for x, y in replaced:
                refs[y] = refs[x]
            slots = [NONE if ref == NONE else ref >> 2 for ref in refs]

            def place(steps: list[int]) -> None:
                fresh(steps)
                for i in steps:
                    slots[i] = refs[i] >> 2

            section = [*rowed(section, slots, place), *products]
        found: list[int] = []
        functions = self.encoder.functions
        for instruction in section:
            if instruction.op == op.REGION:
                found += emitter.words(instruction)
                continue
            if instruction.op == op.PYCALL:
                f = encoder.functions[instruction.bare[0]]
                if f not in functions:
                    functions.append(f)
                at, steps = (functions.index(f),), instruction.steps
                instruction = Instruction(op.PYCALL, instruction.result, at, steps)
            found += words(instruction, refs)
        for f in encoder.functions:
            if f not in functions:
                functions.append(f)
        return found, [refs[y] for y in encoder.program.outputs], emitter
