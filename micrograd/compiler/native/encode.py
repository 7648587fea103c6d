"""`Encoder`: a program as instructions for the machine in `machine.c`.

Sums of products become one instruction each; `arrange.py` makes layers and outer products
of them, `rows.py` rows of scalars. What instructions are is in `instructions.py`; what runs
the machine is `backend.py`. (Past 300 lines because an encoder is one state, from steps to bytes.)
"""

from __future__ import annotations

import warnings
from array import array
from typing import Any, Final

from ...core.rule import TABLE, Rule
from ..ir.program import ADD, COUNT, DOT, INNER, MUL, TOTAL, Program, sum_of_products
from ..ir.shapes import size
from ..ir.structural import Structural
from . import instructions as op
from .arrange import allocate, arranged, shared_exponentials
from .instructions import EXACT, FEW, NONE, Build, Instruction, words
from .outer import going_on, neighbours
from .regions import Emitter, Room
from .rows import rowed

LONGEST = 1000  # products in one instruction
WITHOUT_C: Final[set[str]] = set()  # operations of which a warning has said so
LINE = 16  # float32 that fill a line of the cache; so many float64 fill two
SIMPLE: Final = {
    TABLE[name]: code
    for name, code in (
        ("add", op.ADD), ("sub", op.SUB), ("mul", op.MUL), ("div", op.DIV), ("neg", op.NEG),
        ("relu", op.RELU), ("gate", op.GATE), ("sum", op.ADDN),
    )
}  # fmt: skip
SUM: Final[Any] = TABLE["sum"]


class SumOfProducts:
    """start + a1*b1 + a2*b2 + ..., not yet an instruction; start is a step or NONE."""

    def __init__(self, start: int, pairs: list[tuple[int, int]]) -> None:
        self.start = start
        self.pairs = pairs


class Encoder:
    """Turns one program into sections of instructions and a list of scalars."""

    def __init__(
        self,
        program: Program,
        single: bool = False,
        mapped: bool = False,
        inside: list[bool] | None = None,
    ) -> None:
        """`single` if all is scalars. `inside` a loop some inputs and all that is computed differ
        between turns, or examples of a batch.
        """
        self.program = program
        self.single, self.mapped = single, mapped
        if inside is not None:
            self.varying = inside
        else:
            self.varying = [False] * len(program) if single else program.varying()
        uses = program.uses()
        self.summed = self.depends_on_sums()
        varying = [False] * len(program) if inside is not None else self.varying
        # 0 for what comes before the batch, 1 for columns, 2 for what comes after.
        self.where = [
            1 if column or rule is TOTAL or rule is INNER else 2 if late else 0
            for rule, column, late in zip(program.rules, varying, self.summed)
        ]
        # Steps that are only a part of a sum, and need not be kept.
        self.inlined = [False] * len(program)
        for i, (rule, xs) in enumerate(zip(program.rules, program.operands)):
            if not xs:
                continue
            if rule is ADD:
                for x in xs:
                    self.inlined[x] = uses[x] == 1 and self.where[x] == self.where[i]
            elif self.sums_scalars(i):
                for x in xs:
                    product = program.rules[x] is MUL
                    self.inlined[x] = product and uses[x] == 1 and self.where[x] == self.where[i]
        self.functions: list[Any] = []
        self.in_c: dict[Rule, int] = {}  # the C functions of operations, or NONE
        self.pending: dict[int, SumOfProducts] = {}
        self.one = self.constant(1.0)
        self.sections: list[list[Instruction]] = [[], [], []]
        self.outers: list[Instruction] = []  # of one example
        rows: dict[int, list[Instruction]] = {}  # by the last of the steps that they need
        shared: set[int] = set()  # sums in several rows
        for d, xs, sums in program.rows:
            row = Instruction(op.OUTER, NONE, (1, len(xs)), (d, *xs), tuple(sums))
            if single:
                self.outers.append(row)
            else:
                rows.setdefault(max(d, *xs), []).append(row)
            if not isinstance(sums, range):
                shared.update(sums)
        for i, rule in enumerate(program.rules):
            xs = program.operands[i]
            if xs and isinstance(rule, Rule):
                self.step(i, rule, xs)
            if i in rows:
                self.sections[1] += rows[i]
        if inside is not None:
            self.sections[0] = shared_exponentials(self.sections[0])
            return
        if mapped:
            for k, y in enumerate(program.outputs):
                self.sections[1].append(Instruction(op.OUT, k, (), (y,)))
        self.before, each, self.after = [shared_exponentials(part) for part in self.sections]
        if single:
            self.outers = going_on(neighbours(self.outers), program.rows, shared)
        self.each = arranged(each, self.varying, program.rows, shared)

    def depends_on_sums(self) -> list[bool]:
        """For each step whether a sum over the batch comes before it."""
        found = [False] * len(self.program)
        for i, (rule, operands) in enumerate(zip(self.program.rules, self.program.operands)):
            found[i] = rule is TOTAL or rule is INNER
            if operands and not found[i]:
                found[i] = any([found[x] for x in operands])
        return found

    def constant(self, number: float) -> int:
        """A step with that number, which may be a new one."""
        i = self.program.constant(number)
        if i == len(self.where):
            for known in (self.varying, self.summed, self.inlined):
                known.append(False)
            self.where.append(0)
        return i

    def step(self, i: int, rule: Rule, xs: tuple[int, ...]) -> None:
        """Add what computes step i."""
        where = self.where[i]
        if isinstance(rule, Structural):
            self.sections[where].append(Instruction(op.REGION, i, (), xs))
            return
        if rule is MUL and self.inlined[i]:
            self.pending[i] = SumOfProducts(NONE, [(xs[0], xs[1])])
            return
        if rule is ADD:
            total = self.joined(xs)
        elif self.sums_scalars(i) and any([x in self.pending for x in xs]):
            total = SumOfProducts(self.constant(0.0), [])
            for x in xs:
                total = self.with_term(total, x, self.pending.pop(x, None))
        elif (sums := sum_of_products(rule, xs)) is not None and rule is not MUL:
            start, first, second = sums
            if rule is DOT:
                start = self.constant(0.0)
            total = SumOfProducts(start, list(zip(first, second)))
        else:
            self.sections[where].append(self.plain(i, rule, xs))
            return
        if self.inlined[i] and len(total.pairs) < LONGEST:
            self.pending[i] = total
        else:
            self.sections[where].append(self.dots(i, total))

    def sums_scalars(self, i: int) -> bool:
        """Whether step i is a sum of many scalars, whose products need not stand anywhere."""
        return self.program.rules[i] is SUM and self.where[i] != 1

    def joined(self, xs: tuple[int, ...]) -> SumOfProducts:
        """The sum of two operands; what is already a sum comes first, which changes no bit."""
        a, b = xs
        first, second = self.pending.pop(a, None), self.pending.pop(b, None)
        if self.single:
            first, second = self.kept(a, first, second), self.kept(b, second, first)
        if second is None or not is_sum(second):
            return self.with_term(first if first is not None else SumOfProducts(a, []), b, second)
        if first is None or not is_sum(first):
            return self.with_term(second, a, first)
        self.sections[self.where[b]].append(self.dots(b, second))
        return self.with_term(first, b, None)

    def kept(
        self, i: int, total: SumOfProducts | None, other: SumOfProducts | None
    ) -> SumOfProducts | None:
        """What stays of a sum, step i, to which another step is added: of many products nothing.

        Without that step they are as other sums with the same factors are, and made with them. But
        a sum to which a product is added goes on.
        """
        if total is None or len(total.pairs) < FEW or total.pairs[-1][0] == self.one:
            return total
        if other is not None and not is_sum(other):
            return total
        self.sections[self.where[i]].append(self.dots(i, total))
        return None

    def with_term(
        self, total: SumOfProducts, x: int, product: SumOfProducts | None
    ) -> SumOfProducts:
        """The sum with one more term: step x, or the product that would be step x."""
        pair = (self.one, x) if product is None else product.pairs[0]
        if len(total.pairs) < 8:
            return SumOfProducts(total.start, [*total.pairs, pair])
        total.pairs.append(pair)  # the list is nobody else's: a sum of products is used once
        return total

    def dots(self, i: int, total: SumOfProducts) -> Instruction:
        """The instruction that computes a sum as step i."""
        start, pairs = total.start, total.pairs
        if start == NONE and len(pairs) == 1:
            return Instruction(op.MUL, i, (), pairs[0])
        if start != NONE and len(pairs) == 1 and pairs[0][0] == self.one:
            return Instruction(op.ADD, i, (), (start, pairs[0][1]))
        if start == NONE and pairs[0][0] == self.one:
            start, pairs = pairs[0][1], pairs[1:]
        ordered = []
        for a, b in pairs:
            # A scalar comes first: a product is the same either way.
            ordered += [b, a] if self.varying[a] and not self.varying[b] else [a, b]
        if start == NONE:
            return Instruction(op.DOTS, i, (NONE,), tuple(ordered))
        return Instruction(op.DOTS, i, (), (start, *ordered))

    def plain(self, i: int, rule: Rule, xs: tuple[int, ...]) -> Instruction:
        """The instruction for an operation that is no sum of products."""
        if rule is TOTAL:
            return Instruction(op.TOTAL, NONE, (), xs, (i,))
        if rule is INNER:
            return Instruction(op.OUTER, NONE, (1, 1), xs, (i,))
        simple = SIMPLE.get(rule)
        if simple is not None:
            return Instruction(simple, i, (), xs)
        number = self.in_c.get(rule)
        if number is None:
            number = EXACT.module.FUNCTIONS[rule.name] if in_c(rule) else NONE
            self.in_c[rule] = number
        if number >= 0:
            return Instruction(op.CALL, i, (number,), xs)
        if rule.forward not in self.functions:
            self.functions.append(rule.forward)
            if TABLE.get(rule.name) is rule and rule.name not in WITHOUT_C:
                WITHOUT_C.add(rule.name)
                warnings.warn(
                    f"jit: {rule.name} has no C, as its value needs more of Python than floats: "
                    "the machine calls Python for each number",
                    RuntimeWarning,
                    stacklevel=2,
                )
        return Instruction(op.PYCALL, i, (self.functions.index(rule.forward),), xs)

    def sums_in_order(self) -> list[int]:
        """The sums over the batch, in the order of the outputs that they belong to."""
        program = self.program
        found: list[int] = []
        seen: set[int] = set()
        rules = program.rules
        for y in program.outputs:
            if (rules[y] is INNER or rules[y] is TOTAL) and y not in seen:
                seen.add(y)
                found.append(y)
                continue
            stack = [y]
            while stack:
                i = stack.pop()
                if i in seen or not self.summed[i]:
                    continue
                seen.add(i)
                if rules[i] is TOTAL or rules[i] is INNER:
                    found.append(i)
                else:
                    stack.extend(reversed(program.operands[i]))
        return found + [
            i for i, r in enumerate(rules) if (r is TOTAL or r is INNER) and i not in seen
        ]

    def machine(self, build: Build = EXACT) -> Any:
        """The machine, ready to run."""
        program = self.program
        scalars = build.numbers([])
        slot = [NONE] * len(program)

        regions = program.has_regions

        def place(i: int) -> None:
            slot[i] = len(scalars)
            scalars.append(program.data.get(i, 0.0))
            if regions:
                scalars.extend([0.0] * (size(program, i, {}) - 1))

        def place_all(steps: list[int]) -> None:
            if regions:  # some may be sequences
                for i in steps:
                    place(i)
                return
            for k, i in enumerate(steps, len(scalars)):
                slot[i] = k
            scalars.extend(build.zeros(len(steps)))

        if self.single:
            place_all(program.inputs)
        place_all(program.parameters)
        sums = self.sums_in_order()
        scalars.extend(build.zeros(-len(scalars) % LINE))  # sums begin a line of the cache
        first_sum = len(scalars)
        place_all(sums)
        if self.single:  # they are scalars as others are
            sums, first_sum = [], 0
        inputs = {} if self.single else {x: k for k, x in enumerate(program.inputs)}  # columns
        count_at = -1
        for i, rule in enumerate(program.rules):
            if rule is COUNT:
                count_at = len(scalars)
            if slot[i] == NONE and i not in inputs and not isinstance(rule, Rule):
                place(i)
        before, after = [rowed(part, slot, place_all) for part in (self.before, self.after)]
        sizes = {i: size(program, i, {}) for i in program.regions()} if program.has_regions else {}
        registers, most = allocate(self.each, self.varying, inputs, sizes)
        room = Room(scalars)
        room.registers = most

        refs = [i * 4 + op.SCALAR for i in slot]  # how each step is named in the code
        for i, k in registers.items():
            if slot[i] == NONE:
                refs[i] = k * 4 + op.COLUMN
        for i, k in inputs.items():
            refs[i] = k * 4 + op.INPUT_COLUMN

        def codes(section: list[Instruction], by_columns: bool = False) -> bytes:
            code: list[int] = []
            emitter = Emitter(room, self, refs, by_columns, {})
            for instruction in section:
                if instruction.op == op.REGION:
                    code += emitter.words(instruction)
                else:
                    code += words(instruction, refs)
            return array("i", code).tobytes()

        results = array("i", [] if self.mapped else [slot[y] for y in program.outputs])
        sections = [
            codes(section, section is self.each)
            for section in (before, self.each, [*self.outers, *after])
        ]
        most = room.registers
        return build.module.Machine(
            *sections, scalars.tobytes(), results.tobytes(),
            registers=most, inputs=len(program.inputs),
            outputs=len(program.outputs) if self.mapped else 0,
            first_parameter=len(program.inputs) if self.single else 0,
            parameters=len(program.parameters), count_at=count_at,
            first_sum=first_sum, sums=len(sums), functions=tuple(self.functions),
            loops=room.loops, growing=room.growing, single=self.single,
        )  # fmt: skip


def in_c(rule: Rule) -> bool:
    """Whether there is a C function for the operation."""
    return rule.name in EXACT.module.FUNCTIONS and TABLE.get(rule.name) is rule


def is_sum(total: SumOfProducts) -> bool:
    """Whether it is more than a single product."""
    return total.start != NONE or len(total.pairs) > 1
