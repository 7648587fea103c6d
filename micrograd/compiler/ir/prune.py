"""Loops and branches without what nobody takes: `pruned`, the first thing that `simplify` does.

A loop can put out more than is used, above all the carries of every turn; and what it does in a
body for what is not used, it need not do. Constants of the program become constants of the body.
"""

from __future__ import annotations

from .program import CONSTANT, Program
from .region import Branch, Item, Loop, item


def pruned(program: Program) -> Program:
    """The same steps, with smaller loops and branches; the program itself if it has none."""
    if not any([isinstance(rule, (Loop, Branch)) for rule in program.rules]):
        return program
    new = program.copy()
    needed = [False] * len(new)
    for y in new.outputs:
        needed[y] = True
    taken: dict[int, set[int]] = {}
    places: dict[int, dict[int, int]] = {}
    for i in range(len(new) - 1, -1, -1):
        if not needed[i]:
            continue
        rule = new.rules[i]
        if isinstance(rule, Item):
            taken.setdefault(new.operands[i][0], set()).add(rule.k)
        elif isinstance(rule, Loop):
            used = taken.get(i, set())
            new.rules[i], kept, places[i] = smaller_loop(rule, used, new, new.operands[i])
            new.operands[i] = tuple([new.operands[i][k] for k in kept])
        elif isinstance(rule, Branch):
            smaller, kept, places[i] = smaller_branch(
                rule, taken.get(i, set()), new, new.operands[i]
            )
            new.rules[i] = smaller
            new.operands[i] = tuple([new.operands[i][k] for k in kept])
        for x in new.operands[i]:
            needed[x] = True
    for i, rule in enumerate(new.rules):
        if isinstance(rule, Item) and new.operands[i][0] in places:
            place = places[new.operands[i][0]].get(rule.k)
            if place is not None:
                new.rules[i] = item(place, rule.sequence)
    return new


def reached_by(program: Program, outputs: list[int]) -> list[bool]:
    """For each step whether one of these depends on it."""
    found = [False] * len(program)
    for y in outputs:
        found[y] = True
    for i in range(len(program) - 1, -1, -1):
        if found[i]:
            for x in program.operands[i]:
                found[x] = True
    return found


def fixed(body: Program, inputs: list[int], outer: Program, operands: tuple[int, ...]) -> list[int]:
    """The positions of the inputs that are still there: those with a constant for an operand go."""
    left = []
    for k, x in enumerate(inputs):
        c = outer.data.get(operands[k]) if k < len(operands) else None
        if c is None:
            left.append(k)
        else:
            body.rules[x] = CONSTANT
            body.data[x] = c
            body.names.pop(x, None)
    return left


def smaller_loop(
    loop: Loop, used: set[int], outer: Program, operands: tuple[int, ...]
) -> tuple[Loop, list[int], dict[int, int]]:
    """The loop for these results, the positions of its operands, the new places of the results."""
    a, b = loop.constants, loop.constants + loop.carries
    body = loop.body.copy()
    inputs = body.inputs
    asked = [False] * len(loop.test) if loop.test is not None else []
    carries = {k for k in used if k < loop.carries}
    if loop.test is not None:
        asked = reached_by(loop.test, loop.test.outputs)
        carries |= {k for k in range(loop.carries) if asked[loop.test.inputs[a + k]]}
    puts = sorted([k for k in used if k >= loop.carries])
    while True:
        reached = reached_by(body, [body.outputs[k] for k in [*carries, *puts]])
        more = {k for k in range(loop.carries) if reached[inputs[a + k]]} - carries
        if not more:
            break
        carries |= more
    kept = sorted(carries)
    entries = [k for k in range(b, len(inputs)) if reached[inputs[k]]]
    if loop.test is None and loop.length is None and not entries:
        entries = [b]  # which says how often
    constants = [
        k for k in range(a)
        if reached[inputs[k]] or (loop.test is not None and asked[loop.test.inputs[k]])
    ]  # fmt: skip
    given_by = tuple([operands[k] for k in constants])
    left = fixed(body, [inputs[k] for k in constants], outer, given_by)
    test = None
    if loop.test is not None:
        test = loop.test.copy()
        given = test.inputs
        fixed(test, [given[k] for k in constants], outer, given_by)
        test.inputs = [given[constants[k]] for k in left] + [given[a + k] for k in kept]
    constants = [constants[k] for k in left]
    positions = [*constants, *[a + k for k in kept], *entries]
    body.outputs = [body.outputs[k] for k in [*kept, *puts]]
    body.inputs = [inputs[k] for k in positions]
    body.values = len(body.outputs)
    sizes = (len(constants), len(kept), len(entries))
    made = Loop(pruned(body), test, sizes, loop.length, loop.backwards)
    return made, positions, {k: n for n, k in enumerate([*kept, *puts])}


def smaller_branch(
    branch: Branch, used: set[int], outer: Program, operands: tuple[int, ...]
) -> tuple[Branch, list[int], dict[int, int]]:
    kept = sorted(used)
    sides = [branch.yes.copy(), branch.no.copy()]
    reached = []
    for side in sides:
        side.outputs = [side.outputs[k] for k in kept]
        side.values = len(kept)
        reached.append(reached_by(side, side.outputs))
    positions = [
        k for k in range(len(sides[0].inputs))
        if any([r[side.inputs[k]] for r, side in zip(reached, sides)])
    ]  # fmt: skip
    given = tuple([operands[k + 1] for k in positions])
    for side in sides:
        left = fixed(side, [side.inputs[k] for k in positions], outer, given)
        side.inputs = [side.inputs[positions[k]] for k in left]
    made = Branch(pruned(sides[0]), pruned(sides[1]))
    return made, [0, *[positions[k] + 1 for k in left]], {k: n for n, k in enumerate(kept)}
