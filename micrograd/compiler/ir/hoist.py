"""What is the same in every turn of a loop is computed once, before it: `hoisted`.

`simplify` asks for it where it puts a loop into the new program. No number changes by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.rule import Rule
from .program import INPUT, Program
from .region import Loop
from .structural import Structural

Put = Callable[[Any, tuple[int, ...]], int]  # adds a step to the program around the loop
Tidy = Callable[[Program], Program]  # leaves out what is not needed any more


def hoisted(
    loop: Loop, xs: tuple[int, ...], put: Put, constant: Callable[[float], int], tidy: Tidy
) -> tuple[Loop, tuple[int, ...]]:
    """The loop without what does not change, and its operands, with the results of that."""
    a = loop.constants
    body = loop.body.copy()
    test = None if loop.test is None else loop.test.copy()
    moved: dict[int, list[int]] = {}
    operands: list[int] = []
    for program in [body] if test is None else [body, test]:
        found = fixed_steps(program, a)
        ends = needed_of(program, found)
        place = dict(zip(program.inputs[:a], xs))
        for i, rule in enumerate(program.rules):
            if found[i] and isinstance(rule, Rule):
                given = [
                    constant(program.data[x]) if x in program.data else place[x]
                    for x in program.operands[i]
                ]
                place[i] = put(rule, tuple(given))
        moved[id(program)] = ends
        operands += [place[i] for i in ends]
        for i in ends:
            program.rules[i], program.operands[i] = INPUT, ()
            program.names[i] = f"h{i}"
            program.numbers.pop(i, None)
    if not operands:
        return loop, xs
    extra: dict[int, list[int]] = {}
    for program in [body] if test is None else [body, test]:
        mine = moved[id(program)]
        others = len(operands) - len(mine)
        unused = [program.step(INPUT) for _ in range(others)]
        for i in unused:
            program.names[i] = f"h{i}"
        extra[id(program)] = [*mine, *unused] if program is body else [*unused, *mine]
        program.inputs = [*program.inputs[:a], *extra[id(program)], *program.inputs[a:]]
    sizes = (a + len(operands), loop.carries, loop.entries)
    body, test = tidy(body), None if test is None else tidy(test)
    made = Loop(body, test, sizes, loop.length, loop.backwards)
    return made, (*xs[:a], *operands, *xs[a:])


def fixed_steps(program: Program, constants: int) -> list[bool]:
    """For each step whether it depends on constants of the loop alone, and on one at least."""
    known = set(program.inputs[:constants])
    found = [False] * len(program)
    for i, (rule, xs) in enumerate(zip(program.rules, program.operands)):
        if isinstance(rule, Rule) and not isinstance(rule, Structural):
            found[i] = all([found[x] or x in known or x in program.data for x in xs])
    return found


def needed_of(program: Program, found: list[bool]) -> list[int]:
    """Of these steps those that others, or the results, ask for."""
    ends: dict[int, None] = {}
    for i, xs in enumerate(program.operands):
        if not found[i]:
            ends.update(dict.fromkeys([x for x in xs if found[x]]))
    ends.update(dict.fromkeys([y for y in program.outputs if found[y]]))
    return sorted(ends)
