"""Fewer instructions on columns that do more: `arranged`; for scalars too `shared_exponentials`.

Sums of products over the batch become outer products (`outer.py`), sums of scalars times the same
columns a layer, with the relu of each sum or its gate. Nothing is computed otherwise than
before, to the last bit. Which register a column has is `allocate`'s. It is all called from
`encode.py`; scalars are in `rows.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from . import instructions as op
from .instructions import EXACT, FEW, NONE, Instruction, Sum
from .outer import Rows, going_on, outer_products

TOTALS = 8  # sums of columns made at once


def arranged(
    section: list[Instruction], varying: list[bool], rows: Rows, shared: set[int]
) -> list[Instruction]:
    """The instructions on columns; to the sums of products in `shared` several of them add."""
    made = going_on(outer_products(section), rows, shared)
    return totals(layers(gated_by_relu(made), varying))


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
        # A result takes the place of no operand of the same instruction.
        for result in instruction.results:
            if result in sizes:
                registers[result] = size
                size += sizes[result]
            elif free:
                registers[result] = free.pop()
            else:
                registers[result] = size
                size += 1
        for x in {*instruction.reads}:
            if last[x] == at and varying[x] and x not in inputs and x not in sizes:
                free.append(registers[x])
        free.extend([registers[y] for y in instruction.results if y not in last and y not in sizes])
    return registers, size
