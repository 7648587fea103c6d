"""Scalars: `rowed` makes one instruction of many.

Those are the same operation along a row of scalars, or sums of products with the same factors: a
matrix times a vector. `in_place` says what in the body of a loop replaces a carry where it stands.

Called from `encode.py`, as what arranges columns, in `arrange.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..ir.program import Program
from . import instructions as op
from .instructions import FEW, GOING_ON, NONE, Instruction, Sum
from .outer import outer_products


def rowed(
    section: list[Instruction],
    slot: list[int],
    place: Callable[[list[int]], None],
) -> list[Instruction]:
    """The scalar instructions, with those made one that can be.

    They are put in levels, each of which needs only the ones before; `place` gives results
    their scalars, but for those that have one.
    """
    level = levels(section, len(slot))
    groups: list[dict[int, list[Instruction]]] = []
    found: list[Instruction] = []
    for instruction in section:
        depth = level[instruction.result]
        while len(groups) <= depth:
            groups.append({})
        groups[depth].setdefault(instruction.op, []).append(instruction)
    for group in groups:
        for code, same in sorted(group.items()):
            there = [i for i in same if slot[i.result] != NONE]
            if there:
                found += layers(there, slot) if code == op.DOTS else there
                same = [i for i in same if slot[i.result] == NONE]
            if code == op.DOTS:
                for instruction in layers(same, slot):
                    place([*instruction.results])
                    found.append(instruction)
                continue
            if code > op.GATE:
                place([instruction.result for instruction in same])
                found += same
                continue
            pairs = []
            for at, instruction in enumerate(same):
                a, b = slot[instruction.steps[0]], slot[instruction.steps[-1]]
                if a < b and code in (op.ADD, op.MUL):  # either order is the same
                    a, b = b, a
                pairs.append((a, b, at))
            pairs.sort()
            place([same[at].result for _, _, at in pairs])
            found += in_rows(code, pairs, same)
    return found


def levels(section: list[Instruction], n: int) -> list[int]:
    """For each of n steps how many instructions have to come before the one that makes it."""
    level = [0] * n
    for instruction in section:
        depth = 0
        for x in instruction.steps:
            if level[x] > depth:
                depth = level[x]
        level[instruction.result] = depth + 1
    return level


def in_place(
    section: list[Instruction], program: Program, carries: Sequence[int]
) -> tuple[list[Instruction], list[Instruction], list[tuple[int, int]]]:
    """A body without what outer products do, those, and each carry with what stands in its place.

    A product that is added to a carry which nobody else reads, as those of gradients are turn by
    turn, is part of an outer product. Another result stands where the carry was, if that is not
    read any more when it is made.
    """
    uses, outputs = program.uses(), {*program.outputs}
    old = {y: x for x, y in zip(carries, program.outputs) if x not in outputs}
    added = []
    for i in section:
        x, steps = old.get(i.result, NONE), i.steps
        alone = i.op == op.DOTS and not i.bare and len(steps) == 3 and steps[0] == x
        if alone and uses[x] == uses[i.result] == 1:
            added.append(Instruction(op.OUTER, NONE, (1, 1), steps[1:], (x,)))
    products = [
        Instruction(op.OUTER, NONE, (*i.bare, GOING_ON), i.steps, i.targets)
        for i in outer_products(added)
        if len(i.targets) >= FEW
    ]
    grown = {x for i in products for x in i.targets}
    rest = [i for i in section if old.get(i.result) not in grown]
    level = levels(rest, len(program))
    last = dict.fromkeys([x for i in products for x in i.steps], len(rest))  # when each is read
    for i in rest:
        for x in i.steps:
            if old.get(i.result) != x:
                last[x] = max(last.get(x, 0), level[i.result])
    replaced = [(x, y) for y, x in old.items() if x in grown]
    for i in rest:
        x = old.get(i.result, NONE)
        if x != NONE and i.op != op.REGION and last.get(x, 0) < level[i.result]:
            replaced.append((x, i.result))
    return rest, products, replaced


def layers(same: list[Instruction], slot: list[int]) -> list[Instruction]:
    """Sums of products, of which none needs another, with those made one that share factors.

    The factors are those that stand second, or first: the others are the rows of a matrix.
    """
    halves = []
    several: Counter[tuple[int, ...]] = Counter()
    for instruction in same:
        steps = instruction.steps if instruction.bare else instruction.steps[1:]
        firsts, seconds = steps[::2], steps[1::2]
        halves.append((firsts, seconds))
        several[firsts] += 1
        several[seconds] += 1
    groups: dict[tuple[int, ...], list[tuple[Instruction, tuple[int, ...]]]] = {}
    for instruction, (firsts, seconds) in zip(same, halves):
        if several[firsts] > several[seconds]:
            firsts, seconds = seconds, firsts
        groups.setdefault(seconds, []).append((instruction, firsts))
    found = []
    for xs, group in groups.items():
        if len(group) == 1 or len(group) * len(xs) < FEW:
            found += [instruction for instruction, _ in group]
            continue
        group.sort(key=lambda row: slot[row[1][0]])  # as they stand in memory, where they do
        sums = [
            Sum(one.result, NONE if one.bare else one.steps[0], NONE, scalars)
            for one, scalars in group
        ]
        size = (len(sums), len(xs), op.PLAINLY)
        found.append(Instruction(op.LAYER, NONE, size, xs, (), tuple(sums)))
    return found


def in_rows(
    code: int, pairs: list[tuple[int, int, int]], same: list[Instruction]
) -> list[Instruction]:
    """The instructions of one kind and their operands, in order, as rows where there are some."""
    found = []
    i = 0
    while i < len(pairs):
        first, second, at = pairs[i]
        n, a, b = 1, first, second
        along = across = -1
        while i + n < len(pairs):
            c, d, _ = pairs[i + n]
            if n == 1:
                along, across = c - a, d - b
                if not (0 <= along <= 1 and 0 <= across <= 1):
                    break
            elif c - a != along or d - b != across:
                break
            a, b = c, d
            n += 1
        if n < 4:
            found += [same[at] for _, _, at in pairs[i : i + n]]
        else:
            row = (code, first, along, second, across, n)
            found.append(Instruction(op.STRIDED, same[at].result, row, ()))
        i += n
    return found
