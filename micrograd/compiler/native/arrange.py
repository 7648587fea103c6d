"""Fewer instructions on columns that do more: `arranged`; for scalars too `shared_exponentials`.

Sums of products over the batch become outer products, sums of scalars times the same
columns a layer, with the relu of each sum or its gate. Nothing is computed otherwise than
before, to the last bit. Which register a column has is `allocate`'s. It is all called from
`encode.py`; scalars are in `rows.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from . import instructions as op
from .instructions import EXACT, NONE, Instruction, Sum

FEW = 4  # products, from which sums of them are a layer
TOTALS = 8  # sums of columns made at once


def arranged(
    section: list[Instruction], varying: list[bool], one: int, shared: set[int]
) -> list[Instruction]:
    """The instructions on columns; `one` is a step that is the number 1.

    `shared` are the sums of products to which several instructions add.
    """
    made = outer_products(section, one, shared)
    return totals(layers(gated_by_relu(going_on(made, shared)), varying))


def outer_products(section: list[Instruction], one: int, shared: set[int]) -> list[Instruction]:
    """The same with sums of products made together, where the last of them was.

    First those that share a factor become a row, then rows over the same columns a table. Where
    the columns of one side are summed by themselves too, those sums are products with 1.
    """
    inners = [i for i in section if i.op == op.OUTER and len(i.steps) == 2]
    count = Counter([x for instruction in inners for x in {*instruction.steps}])
    rows: dict[int, list[int]] = {}  # by a factor the others, and the sums of the products
    sums_of: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for at, instruction in enumerate(section):
        if instruction.op == op.OUTER:
            a, *others = instruction.steps
            if len(others) == 1 and count[others[0]] > count[a]:
                a, others = others[0], [a]
            rows.setdefault(a, []).extend(others)
            sums_of.setdefault(a, []).extend(instruction.targets)
            last[a] = at
    tables: dict[tuple[int, ...], list[int]] = {}
    for d, row in rows.items():
        tables.setdefault(tuple(row), []).append(d)
    end = {max([last[d] for d in ds]): xs for xs, ds in tables.items()}
    total = {i.steps[0]: i.targets[0] for i in section if i.op == op.TOTAL}
    made: set[int] = set()  # sums of columns, in some table
    found = []
    for at, instruction in enumerate(section):
        if instruction.op != op.OUTER:
            found.append(instruction)
        elif at in end:
            xs = end[at]
            ds = tables[xs]
            targets = [sums_of[d] for d in ds]
            for side in (ds, xs) if shared.isdisjoint(targets[0]) else ():
                sums = [total.get(x, NONE) for x in side]
                if NONE not in sums and made.isdisjoint(sums):
                    made.update(sums)
                    if side is ds:
                        xs = (*xs, one)
                        targets = [[*row, t] for row, t in zip(targets, sums)]
                    else:
                        ds, targets = [*ds, one], [*targets, sums]
                    break
            size = (len(ds), len(xs))
            table = tuple([t for row in targets for t in row])
            found.append(Instruction(op.OUTER, NONE, size, (*ds, *xs), table))
    return [i for i in found if i.op != op.TOTAL or i.targets[0] not in made]


def neighbours(rows: list[Instruction]) -> list[Instruction]:
    """Rows of products one after the other that are over the same steps, as tables."""
    found: list[Instruction] = []
    several: list[Instruction] = []

    def flush() -> None:
        if several:
            xs = several[0].steps[1:]
            ds = [row.steps[0] for row in several]
            sums = tuple([t for row in several for t in row.targets])
            found.append(Instruction(op.OUTER, NONE, (len(ds), len(xs)), (*ds, *xs), sums))
            several.clear()

    for row in rows:
        if several and several[0].steps[1:] != row.steps[1:]:
            flush()
        several.append(row)
    flush()
    return found


def going_on(section: list[Instruction], shared: set[int]) -> list[Instruction]:
    """The same with those outer products marked that go on with sums which others began.

    Where one of them begins some sums and goes on with others it is cut in two, or row by row.
    """
    if not shared:
        return section
    begun: set[int] = set()
    found: list[Instruction] = []

    def add(ds: list[int], xs: list[int], targets: list[list[int]], on: bool) -> None:
        if ds and xs:
            size = (len(ds), len(xs), op.GOING_ON) if on else (len(ds), len(xs))
            sums = tuple([t for row in targets for t in row])
            found.append(Instruction(op.OUTER, NONE, size, (*ds, *xs), sums))

    for instruction in section:
        if instruction.op != op.OUTER:
            found.append(instruction)
            continue
        m, k = instruction.bare
        ds, xs = [*instruction.steps[:m]], [*instruction.steps[m:]]
        rows = [[*instruction.targets[j * k : j * k + k]] for j in range(m)]
        many = [len(begun.intersection(row)) for row in rows]
        for on, n in ((False, 0), (True, k)):
            here = [j for j in range(m) if many[j] == n]
            add([ds[j] for j in here], xs, [rows[j] for j in here], on)
        for j in range(m):
            for on in (False, True) if 0 < many[j] < k else ():
                here = [i for i in range(k) if (rows[j][i] in begun) == on]
                add([ds[j]], [xs[i] for i in here], [[rows[j][i] for i in here]], on)
        begun.update(shared.intersection(instruction.targets))
    return found


def gated_by_relu(section: list[Instruction]) -> list[Instruction]:
    """The same with gate(d, relu(x)) for gate(d, x), where that relu is at hand.

    It is the same: relu(x) is above zero where x is, and nan where x is. The column of x is
    then needed for relu alone, and `layers` can do both at once.
    """
    relu: dict[int, int] = {}
    found = []
    for instruction in section:
        if instruction.op == op.RELU:
            relu.setdefault(instruction.steps[0], instruction.result)
        if instruction.op == op.GATE:
            d, x = instruction.steps
            steps = (d, relu.get(x, x))
            instruction = Instruction(op.GATE, instruction.result, instruction.bare, steps)
        found.append(instruction)
    return found


def layers(section: list[Instruction], varying: list[bool]) -> list[Instruction]:
    """The same with sums of scalars times the same columns made together, where the first was."""
    groups: dict[Any, list[Sum]] = {}
    keys: list[Any] = []
    for instruction in section:
        key, one = as_sum(instruction, varying)
        keys.append(key)
        if one is not None:
            groups.setdefault(key, []).append(one)
    readers: dict[int, list[Instruction]] = {}
    for instruction in section:
        for x in instruction.reads:
            readers.setdefault(x, []).append(instruction)
    waiting = {y for instruction in section for y in instruction.results}
    found: list[Instruction] = []
    fused: set[int] = set()
    for instruction, key in zip(section, keys):
        group = groups.get(key, [])
        if group and len(group) * len(key[1]) >= FEW:
            if group[0].result != instruction.result:
                continue
            then, sums = followed(group, readers, varying, waiting)
            if then != op.PLAINLY:
                fused |= {s.result for s in sums}
            size = (len(sums), len(key[1]), then)
            instruction = Instruction(op.LAYER, NONE, size, key[1], (), sums)
        elif instruction.op in (op.RELU, op.GATE) and instruction.result in fused:
            continue
        found.append(instruction)
        waiting.difference_update(instruction.results)
    return found


def as_sum(instruction: Instruction, varying: list[bool]) -> tuple[Any, Sum | None]:
    """An instruction as a sum of scalars times columns, and what such sums share; or nothing."""
    if instruction.op == op.MUL:
        a, b = instruction.steps
        if varying[a] == varying[b]:
            return None, None
        if varying[a]:
            a, b = b, a
        return (True, (b,)), Sum(instruction.result, NONE, NONE, (a,))
    if instruction.op != op.DOTS:
        return None, None
    start, pairs = (
        (NONE, instruction.steps)
        if instruction.bare
        else (instruction.steps[0], instruction.steps[1:])
    )
    if start != NONE and varying[start]:
        return None, None
    if any([varying[s] for s in pairs[::2]]) or not all([varying[x] for x in pairs[1::2]]):
        return None, None
    return (start == NONE, pairs[1::2]), Sum(instruction.result, start, NONE, pairs[::2])


def followed(
    group: list[Sum], readers: dict[int, list[Instruction]], varying: list[bool], waiting: set[int]
) -> tuple[int, tuple[Sum, ...]]:
    """What is done to every sum of a layer, and the sums with the results of that.

    It is relu or gate where nobody else needs the sums, and no gate is still waiting to be made.
    """
    users = [readers.get(s.result, []) for s in group]
    if any([len(found) != 1 for found in users]):
        return op.PLAINLY, tuple(group)
    next_ones = [found[0] for found in users]
    if all([i.op == op.RELU for i in next_ones]):
        return op.WITH_RELU, tuple(
            [Sum(i.result, s.start, s.gate, s.scalars) for s, i in zip(group, next_ones)]
        )
    for s, i in zip(group, next_ones):
        d, x = i.steps if i.op == op.GATE else (NONE, NONE)
        if d != s.result or not varying[x] or x in waiting:
            return op.PLAINLY, tuple(group)
    return op.WITH_GATE, tuple(
        [Sum(i.result, s.start, i.steps[1], s.scalars) for s, i in zip(group, next_ones)]
    )


def totals(section: list[Instruction]) -> list[Instruction]:
    """The same with sums of columns made several at once, where the last of them was."""
    found: list[Instruction] = []
    waiting: list[Instruction] = []

    def flush() -> None:
        if waiting:
            steps = tuple([i.steps[0] for i in waiting])
            found.append(
                Instruction(op.TOTAL, NONE, (), steps, tuple([i.targets[0] for i in waiting]))
            )
            waiting.clear()

    for instruction in section:
        if instruction.op != op.TOTAL:
            found.append(instruction)
            continue
        waiting.append(instruction)
        if len(waiting) == TOTALS:
            flush()
    flush()
    return found


def shared_exponentials(section: list[Instruction]) -> list[Instruction]:
    """The same with logsumexp and nll made from exponentials that their derivatives need anyway.

    Those are exp_gap(x, top) for each x, and top is maximum of all x: they move to the front.
    """
    known = EXACT.module.FUNCTIONS
    top_of: dict[tuple[int, ...], Instruction] = {}
    gaps: dict[tuple[int, ...], Instruction] = {}
    for instruction in section:
        if instruction.op == op.CALL and instruction.bare[0] == known["maximum"]:
            top_of.setdefault(instruction.steps, instruction)
        if instruction.op == op.CALL and instruction.bare[0] == known["exp_gap"]:
            gaps.setdefault(instruction.steps, instruction)
    found: list[Instruction] = []
    placed: set[int] = set()
    for instruction in section:
        f = instruction.bare[0] if instruction.op == op.CALL else NONE
        if f in (known["nll"], known["logsumexp"]):
            index = instruction.steps[:1] if f == known["nll"] else ()
            xs = instruction.steps[len(index) :]
            top = top_of.get(xs)
            es = [gaps[x, top.result] for x in xs if (x, top.result) in gaps] if top else []
            if top and len(es) == len(xs):
                for needed in (top, *es):
                    if needed.result not in placed:
                        placed.add(needed.result)
                        found.append(needed)
                steps = (*index, top.result, *xs, *[e.result for e in es])
                bare = () if index else (NONE,)
                instruction = Instruction(op.LOGSUMEXP, instruction.result, bare, steps)
        elif instruction.op == op.CALL:
            if instruction.result in placed:
                continue
            placed.add(instruction.result)
        found.append(instruction)
    return found


def allocate(
    section: list[Instruction],
    varying: list[bool],
    inputs: Collection[int],
    sizes: dict[int, int],
) -> tuple[dict[int, int], int]:
    """A register for each column, free for another once it was read for the last time.

    What a loop gives, and what it goes through, has several side by side, which stay.
    """
    last: dict[int, int] = {}
    for at, instruction in enumerate(section):
        for x in instruction.reads:
            last[x] = at
    registers: dict[int, int] = {}
    free: list[int] = []
    size = 0
    for at, instruction in enumerate(section):
        # A result takes the place of no operand of the same instruction, but for its own gate.
        reads = Counter(instruction.reads)
        taken = {
            s.gate: s.result
            for s in instruction.sums
            if s.gate != NONE and s.gate not in inputs and last[s.gate] == at and reads[s.gate] == 1
        }
        for gate, result in taken.items():
            registers[result] = registers[gate]
        for result in instruction.results:
            if result in registers:
                continue
            if result in sizes:
                registers[result] = size
                size += sizes[result]
            elif free:
                registers[result] = free.pop()
            else:
                registers[result] = size
                size += 1
        for x in reads:
            if (
                last[x] == at
                and varying[x]
                and x not in inputs
                and x not in taken
                and x not in sizes
            ):
                free.append(registers[x])
        free.extend([registers[y] for y in instruction.results if y not in last and y not in sizes])
    return registers, size
