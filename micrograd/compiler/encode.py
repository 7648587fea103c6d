"""`Encoder`: a program as instructions for the machine in `machine.c`.

Sums of products become one instruction each, whole layers and outer products too; scalar
steps that do the same along a row are one; columns share registers once what they held
is no longer needed. What runs the machine is `native.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..rule import TABLE, Rule
from .program import COUNT, INNER, TOTAL, Program

try:
    from . import _machine, _machine_fast, _machine_single  # type: ignore[attr-defined]
except ImportError:
    _machine = _machine_fast = _machine_single = None

COLUMN, SCALAR, INPUT_COLUMN = 0, 1, 2
(
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_NEG, OP_RELU, OP_GATE, OP_DOTS, OP_ADDN, OP_TOTAL,
    OP_OUTER, OP_OUT, OP_CALL, OP_PYCALL, OP_SPREAD, OP_LAYER,
) = range(16)  # fmt: skip
SIMPLE = {
    "add": OP_ADD, "sub": OP_SUB, "mul": OP_MUL, "div": OP_DIV, "neg": OP_NEG, "relu": OP_RELU,
    "gate": OP_GATE, "sum": OP_ADDN,
}  # fmt: skip
ADD, MUL = TABLE["add"], TABLE["mul"]
LONGEST = 1000  # products in one instruction
NONE = -1


class Build(NamedTuple):
    """One of the builds of the machine: its module, and the type code of its columns."""

    module: Any
    code: str

    def numbers(self, xs: Iterable[float]) -> array[float]:
        return array(self.code, xs)

    def zeros(self, n: int) -> array[float]:
        return array(self.code, bytes(n * array(self.code).itemsize))


BUILDS = {
    "": Build(_machine, "d"),
    "fastmath": Build(_machine_fast, "d"),
    "float32": Build(_machine_single, "f"),
}
EXACT = BUILDS[""]


class Instruction(NamedTuple):
    """One operation on steps; `bare` are numbers before them, `targets` further results."""

    op: int
    result: int  # a step, or -1
    bare: tuple[int, ...]
    steps: tuple[int, ...]
    targets: tuple[int, ...] = ()
    sums: tuple[tuple[int, int, tuple[int, ...]], ...] = ()  # of a layer: result, start, scalars

    @property
    def results(self) -> tuple[int, ...]:
        """The columns that it fills."""
        if self.op in (OP_OUT, OP_OUTER, OP_TOTAL):
            return ()
        return tuple([y for y, _, _ in self.sums]) or (self.result,)


class Chain(NamedTuple):
    """start + a1*b1 + a2*b2 + ..., not yet an instruction; start is a step or NONE."""

    start: int
    pairs: list[tuple[int, int]]


class Encoder:
    """Turns one program into sections of instructions and a list of scalars."""

    def __init__(self, program: Program, single: bool = False, mapped: bool = False) -> None:
        self.program = program
        self.single, self.mapped = single, mapped
        self.varying = [False] * len(program) if single else program.varying()
        self.uses = program.uses()
        self.user = {x: i for i, xs in enumerate(program.operands) for x in xs}
        self.after = self.depends_on_sums()
        self.functions: list[Any] = []
        self.chains: dict[int, Chain] = {}
        self.one = program.constant(1.0)
        for extra in (self.varying, self.after, self.uses):
            extra.extend([False] * (len(program) - len(extra)))
        self.sections: list[list[Instruction]] = [[], [], []]
        for i, rule in enumerate(program.rules):
            if isinstance(rule, Rule):
                self.step(i, rule, program.operands[i])
        if mapped:
            for k, y in enumerate(program.outputs):
                self.sections[1].append(Instruction(OP_OUT, k, (), (y,)))
        self.sections[1] = layers(outer_products(self.sections[1]), self.varying)

    def depends_on_sums(self) -> list[bool]:
        found = [False] * len(self.program)
        for i, (rule, operands) in enumerate(zip(self.program.rules, self.program.operands)):
            found[i] = rule in (TOTAL, INNER) or any([found[x] for x in operands])
        return found

    def section(self, i: int) -> int:
        """0 for what comes before the batch, 1 for columns, 2 for what comes after."""
        if self.program.rules[i] in (TOTAL, INNER) or self.varying[i]:
            return 1
        return 2 if self.after[i] else 0

    def step(self, i: int, rule: Rule, xs: tuple[int, ...]) -> None:
        """Add what computes step i."""
        where = self.section(i)
        if rule is MUL and self.melts(i):
            self.chains[i] = Chain(NONE, [(xs[0], xs[1])])
            return
        if rule is ADD:
            chain = self.joined(xs)
        elif rule.name == "weighted_sum":
            n = len(xs) // 2
            chain = Chain(self.whole(xs[0]), list(zip(xs[1 : n + 1], xs[n + 1 :])))
        elif rule.name == "dot":
            n = len(xs) // 2
            chain = Chain(self.program.constant(0.0), list(zip(xs[:n], xs[n:])))
            for extra in (self.varying, self.after, self.uses):
                extra.extend([False] * (len(self.program) - len(extra)))
        else:
            for x in xs:
                self.whole(x)
            self.sections[where].append(self.plain(i, rule, xs))
            return
        if self.melts(i) and len(chain.pairs) < LONGEST:
            self.chains[i] = chain
        else:
            self.sections[where].append(self.dots(i, chain))

    def melts(self, i: int) -> bool:
        """Whether step i is only a part of a sum, and need not be kept."""
        user = self.user.get(i)
        return (
            self.uses[i] == 1
            and user is not None
            and self.program.rules[user] is ADD
            and self.section(user) == self.section(i)
        )

    def whole(self, x: int) -> int:
        """Step x, computed by itself if it was waiting to become part of a sum."""
        chain = self.chains.pop(x, None)
        if chain is not None:
            self.sections[self.section(x)].append(self.dots(x, chain))
        return x

    def joined(self, xs: tuple[int, ...]) -> Chain:
        """The sum of two operands; what is already a sum comes first, which changes no bit."""
        a, b = xs
        first, second = self.chains.pop(a, None), self.chains.pop(b, None)
        if second is not None and is_sum(second):
            if first is not None and is_sum(first):
                self.sections[self.section(b)].append(self.dots(b, second))
                second = None
            else:
                a, b, first, second = b, a, second, first
        if first is None:
            first = Chain(a, [])
        pair = second.pairs[0] if second is not None else (self.one, b)
        return Chain(
            first.start, [*first.pairs, pair] if len(first.pairs) < 8 else extend(first.pairs, pair)
        )

    def dots(self, i: int, chain: Chain) -> Instruction:
        start, pairs = chain
        if start == NONE and len(pairs) == 1:
            return Instruction(OP_MUL, i, (), pairs[0])
        if start != NONE and len(pairs) == 1 and pairs[0][0] == self.one:
            return Instruction(OP_ADD, i, (), (start, pairs[0][1]))
        if start == NONE and pairs[0][0] == self.one:
            start, pairs = pairs[0][1], pairs[1:]
        ordered = []
        for a, b in pairs:
            # A scalar comes first: a product is the same either way.
            ordered += [b, a] if self.varying[a] and not self.varying[b] else [a, b]
        if start == NONE:
            return Instruction(OP_DOTS, i, (NONE,), tuple(ordered))
        return Instruction(OP_DOTS, i, (), (start, *ordered))

    def plain(self, i: int, rule: Rule, xs: tuple[int, ...]) -> Instruction:
        if rule is TOTAL:
            return Instruction(OP_TOTAL, i, (), xs)
        if rule is INNER:
            return Instruction(OP_OUTER, -1, (1, 1), xs, (i,))
        if rule.name in SIMPLE:
            return Instruction(SIMPLE[rule.name], i, (), xs)
        if in_c(rule):
            return Instruction(OP_CALL, i, (_machine.FUNCTIONS[rule.name],), xs)
        if rule.forward not in self.functions:
            self.functions.append(rule.forward)
        return Instruction(OP_PYCALL, i, (self.functions.index(rule.forward),), xs)

    def sums_in_order(self) -> list[int]:
        """The sums over the batch, in the order of the outputs that they belong to."""
        program = self.program
        found: list[int] = []
        seen: set[int] = set()
        for y in program.outputs:
            stack = [y]
            while stack:
                i = stack.pop()
                if i in seen or not self.after[i]:
                    continue
                seen.add(i)
                if program.rules[i] in (TOTAL, INNER):
                    found.append(i)
                else:
                    stack.extend(reversed(program.operands[i]))
        return found + [
            i for i, r in enumerate(program.rules) if r in (TOTAL, INNER) and i not in seen
        ]

    def machine(self, build: Build = EXACT) -> Any:
        """The machine, ready to run."""
        program = self.program
        scalars = build.numbers([])
        slot: dict[int, int] = {}

        def place(i: int) -> None:
            slot[i] = len(scalars)
            scalars.append(program.data.get(i, 0.0))

        first = [*program.inputs, *program.parameters] if self.single else program.parameters
        for i in first:
            place(i)
        first_sum = len(scalars)
        sums = self.sums_in_order()
        for i in sums:
            place(i)
        inputs = {} if self.single else {x: k for k, x in enumerate(program.inputs)}
        count_at = -1
        for i, rule in enumerate(program.rules):
            if rule is COUNT:
                count_at = len(scalars)
            if i not in slot and i not in inputs and not isinstance(rule, Rule):
                place(i)
        rows = [rowed(self.sections[0], slot, place), [], rowed(self.sections[2], slot, place)]
        registers, size = allocate(self.sections[1], self.varying, inputs)

        def ref(i: int) -> int:
            if i in inputs:
                return inputs[i] * 4 + INPUT_COLUMN
            return slot[i] * 4 + SCALAR if i in slot else registers[i] * 4 + COLUMN

        def codes(section: list[Instruction]) -> bytes:
            code = array("i")
            for op, result, bare, steps, targets, sums in section:
                if op in (OP_OUT, OP_OUTER, OP_LAYER):
                    target = max(result, 0)
                else:
                    target = slot[result] if result in slot else registers[result]
                count = (
                    len(bare) + len(steps) + len(targets) + sum([2 + len(ws) for *_, ws in sums])
                )
                code.extend((op, target, count, *bare))
                if op == OP_SPREAD:
                    continue
                code.extend([ref(x) for x in steps])
                code.extend([slot[t] for t in targets])
                for y, start, ws in sums:
                    code.extend((registers[y], NONE if start == NONE else ref(start)))
                    code.extend([ref(w) for w in ws])
            return code.tobytes()

        rows[1] = self.sections[1]
        results = array("i", [] if self.mapped else [slot[y] for y in program.outputs])
        return build.module.Machine(
            *(codes(section) for section in rows), scalars.tobytes(), results.tobytes(),
            registers=size, inputs=len(inputs),
            outputs=len(program.outputs) if self.mapped else 0,
            first_parameter=0, parameters=len(first), count_at=count_at,
            first_sum=first_sum, sums=len(sums), functions=tuple(self.functions),
        )  # fmt: skip


def in_c(rule: Rule) -> bool:
    """Whether there is a C function for the operation."""
    return rule.name in _machine.FUNCTIONS and TABLE.get(rule.name) is rule


def is_sum(chain: Chain) -> bool:
    return chain.start != NONE or len(chain.pairs) > 1


def extend(pairs: list[tuple[int, int]], pair: tuple[int, int]) -> list[tuple[int, int]]:
    pairs.append(pair)  # the list is nobody else's: a chain is used once
    return pairs


def outer_products(section: list[Instruction]) -> list[Instruction]:
    """The same with sums of products made together, where the last of them was.

    First those that share a factor become a row, then rows over the same columns a table.
    """
    inners = [i for i in section if i.op == OP_OUTER]
    count: dict[int, int] = {}
    for instruction in inners:
        for x in set(instruction.steps):
            count[x] = count.get(x, 0) + 1
    rows: dict[int, list[tuple[int, int]]] = {}
    last: dict[int, int] = {}
    for at, instruction in enumerate(section):
        if instruction.op == OP_OUTER:
            a, b = instruction.steps
            if count[b] > count[a]:
                a, b = b, a
            rows.setdefault(a, []).append((b, instruction.targets[0]))
            last[a] = at
    tables: dict[tuple[int, ...], list[int]] = {}
    for d, row in rows.items():
        tables.setdefault(tuple([x for x, _ in row]), []).append(d)
    end = {max([last[d] for d in ds]): xs for xs, ds in tables.items()}
    found = []
    for at, instruction in enumerate(section):
        if instruction.op != OP_OUTER:
            found.append(instruction)
        elif at in end:
            xs = end[at]
            ds = tables[xs]
            targets = [t for d in ds for _, t in rows[d]]
            found.append(Instruction(OP_OUTER, -1, (len(ds), len(xs)), (*ds, *xs), tuple(targets)))
    return found


def layers(section: list[Instruction], varying: list[bool]) -> list[Instruction]:
    """The same with sums of scalars times the same columns made together, where the first was."""
    groups: dict[Any, list[Instruction]] = {}

    def key(instruction: Instruction) -> Any:
        start = instruction.steps[0] if not instruction.bare else NONE
        pairs = instruction.steps[0 if instruction.bare else 1 :]
        if start != NONE and varying[start]:
            return None
        if any([varying[s] for s in pairs[::2]]) or not all([varying[x] for x in pairs[1::2]]):
            return None
        return start == NONE, pairs[1::2]

    for instruction in section:
        if instruction.op == OP_DOTS:
            k = key(instruction)
            if k is not None:
                groups.setdefault(k, []).append(instruction)
    found = []
    for instruction in section:
        k = key(instruction) if instruction.op == OP_DOTS else None
        group = groups.get(k, [])
        if len(group) < 2:
            found.append(instruction)
        elif group[0] is instruction:
            assert k is not None
            columns = k[1]
            sums = tuple(
                [
                    (
                        one.result,
                        NONE if one.bare else one.steps[0],
                        one.steps[0 if one.bare else 1 :][::2],
                    )
                    for one in group
                ]
            )
            found.append(Instruction(OP_LAYER, -1, (len(group), len(columns)), columns, (), sums))
    return found


def rowed(
    section: list[Instruction], slot: dict[int, int], place: Callable[[int], None]
) -> list[Instruction]:
    """The scalar instructions, with those that do the same along a row of scalars made one.

    They are put in levels, each of which needs only the ones before; `place` gives every
    result its scalar.
    """
    level: dict[int, int] = {}
    levels: list[list[Instruction]] = []
    for instruction in section:
        depth = max([level.get(x, 0) for x in instruction.steps], default=0)
        level[instruction.result] = depth + 1
        if depth == len(levels):
            levels.append([])
        levels[depth].append(instruction)
    found: list[Instruction] = []
    for group in levels:
        for op in sorted({instruction.op for instruction in group}):
            same = [instruction for instruction in group if instruction.op == op]
            if op > OP_NEG:
                for instruction in same:
                    place(instruction.result)
                found += same
                continue
            pairs = []
            for instruction in same:
                a, b = slot[instruction.steps[0]], slot[instruction.steps[-1]]
                if op in (OP_ADD, OP_MUL) and b < a:
                    a, b = b, a
                pairs.append((b, a, instruction) if op in (OP_ADD, OP_MUL) else (a, b, instruction))
            pairs.sort(key=lambda pair: pair[:2])
            for _, _, instruction in pairs:
                place(instruction.result)
            i = 0
            while i < len(pairs):
                a, b, first = pairs[i]
                n = 1
                steps: tuple[int, int] | None = None
                while i + n < len(pairs):
                    step = (
                        pairs[i + n][0] - pairs[i + n - 1][0],
                        pairs[i + n][1] - pairs[i + n - 1][1],
                    )
                    if step != (steps or step) or not (0 <= step[0] <= 1 and 0 <= step[1] <= 1):
                        break
                    steps = step
                    n += 1
                if n < 4 or steps is None:
                    found += [pair[2] for pair in pairs[i : i + n]]
                else:
                    row = (op, a, steps[0], b, steps[1], n)
                    found.append(Instruction(OP_SPREAD, first.result, row, ()))
                i += n
    return found


def allocate(
    section: list[Instruction], varying: list[bool], inputs: dict[int, int]
) -> tuple[dict[int, int], int]:
    """A register for each column, free for another once it was read for the last time."""
    last: dict[int, int] = {}
    for at, instruction in enumerate(section):
        for x in instruction.steps:
            last[x] = at
    registers: dict[int, int] = {}
    free: list[int] = []
    size = 0
    for at, instruction in enumerate(section):
        # A result never takes the place of an operand of the same instruction.
        for result in instruction.results:
            if free:
                registers[result] = free.pop()
            else:
                registers[result] = size
                size += 1
        for x in set(instruction.steps):
            if last[x] == at and varying[x] and x not in inputs:
                free.append(registers[x])
        free.extend([registers[y] for y in instruction.results if y not in last])
    return registers, size
