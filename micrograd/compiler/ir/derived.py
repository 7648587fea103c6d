"""The derivatives of loops and branches, which are loops and branches again.

Backwards, a turn is computed once more from the carries that it began with, and then the chain
rule goes through it: the body of the reverse loop is the body with its backward pass. Its carries
are the gradients of the carries, and those of the constants, which add up. Forwards, the body also
moves the tangents. Both are built with whatever the operands are: symbols of a program, or Values
in a trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.rule import FLAT, Rule
from .program import Program
from .region import (
    Branch,
    Bundle,
    Loop,
    bind,
    item,
    loop_of,
    step_of,
    whole,
)
from .reverse import Symbol, reverse
from .structural import LATER


def influenced(program: Program, by: set[int]) -> list[bool]:
    """For each step whether it changes as these do, so that a derivative flows."""
    found = [i in by for i in range(len(program))]
    for i, (rule, xs) in enumerate(zip(program.rules, program.operands)):
        if isinstance(rule, Rule) and i not in program.bare and rule.kind != FLAT:
            found[i] = found[i] or any([found[x] for x in xs])
    return found


def relevant(program: Program, outputs: Sequence[int]) -> list[bool]:
    """For each step whether a gradient of these outputs reaches it."""
    found = [False] * len(program)
    for y in outputs:
        found[y] = True
    for i in range(len(program) - 1, -1, -1):
        rule = program.rules[i]
        if found[i] and isinstance(rule, Rule) and i not in program.bare and rule.kind != FLAT:
            for x in program.operands[i]:
                found[x] = True
    return found


def moving_carries(loop: Loop, moving: set[int]) -> set[int]:
    """The inputs of the body that change as these do, in whatever turn."""
    body, first = loop.body, loop.constants
    moving = set(moving)
    while True:
        changed = influenced(body, moving)
        more = {
            body.inputs[first + k] for k in range(loop.carries) if changed[body.outputs[k]]
        } - moving
        if not more:
            return moving
        moving |= more


def tangents(program: Program, moving: dict[int, Any]) -> dict[int, Any]:
    """The tangents of the steps of a program as these move: symbols, for steps that are added."""
    n = len(program)
    found = dict(moving)
    for i in range(n):
        rule, xs = program.rules[i], program.operands[i]
        if not isinstance(rule, Rule) or i in program.bare or rule.kind == FLAT:
            continue
        rates = [found.get(x) for x in xs]
        if all([rate is None for rate in rates]):
            continue
        known = program.data
        symbols = [known[x] if x in known else Symbol(program, x) for x in xs]
        total: Any = None
        for part in rule.pullback(symbols, Symbol(program, i), rates):
            if part is not None:
                total = part if total is None else total + part
        if total is not None:
            found[i] = total
    if program.order:
        program.order = [*program.order, *range(n, len(program))]
    return found


def place_of(program: Program, x: Any) -> int:
    """The step of a symbol, of a sequence in parts, or of a number."""
    x = step_of(x)
    return x.i if isinstance(x, Symbol) else program.known(x)


def new_inputs(program: Program, like: Sequence[int], letter: str) -> list[int]:
    """Further inputs, each for a derivative of one of these steps, and named after it."""
    found = []
    for x in like:
        name = program.names.get(x, f"x{x}")
        found.append(program.input(f"{letter}{name}"))
        if x in program.sequences:
            program.sequences.add(found[-1])
    return found


def symbol(program: Program, i: int, forward: bool = False) -> Any:
    return whole(Symbol(program, i), forward)


# Loops --------------------------------------------------------------------------------------


def loop_pullback(loop: Loop, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
    back = next((r for r in rates if isinstance(r, Bundle) and not r.forward), None)
    if back is None:
        return forward_loop(loop, xs, y, rates)
    return reverse_loop(loop, xs, y, back, [r is not None for r in rates])


def reverse_loop(
    loop: Loop, xs: Sequence[Any], y: Any, back: Bundle, wanted: list[bool]
) -> list[Any]:
    """The gradients of the operands of a loop from those of its results."""
    body = loop.body.copy()
    inputs = body.inputs[:]
    a, b = loop.constants, loop.constants + loop.carries
    moving = moving_carries(loop, {x for x, w in zip(inputs, wanted) if w})
    seeded = [k for k in sorted(back.parts) if k >= loop.carries]
    ends = [body.outputs[k] for k in seeded]
    carried: list[int] = [k for k in back.parts if k < loop.carries and inputs[a + k] in moving]
    while True:  # a carry has a gradient if some later output depends on it
        reached = relevant(body, [*ends, *[body.outputs[k] for k in carried]])
        more = [
            k for k in range(loop.carries)
            if k not in carried and reached[inputs[a + k]] and inputs[a + k] in moving
        ]  # fmt: skip
        if not more:
            break
        carried += more
    carried.sort()
    constants = [x for x in inputs[:a] if x in moving and reached[x]]
    entries = [x for x in inputs[b:] if x in moving and reached[x]]
    carries = [inputs[a + k] for k in carried]
    d_carries = new_inputs(body, carries, "d")
    d_constants = new_inputs(body, constants, "d")
    d_outputs = []
    for k in seeded:
        d_outputs.append(body.input("dy"))
        if is_wide(body, body.outputs[k]):
            body.sequences.add(d_outputs[-1])
    body.inputs = [*inputs[:a], *d_carries, *d_constants, *inputs[a:], *d_outputs]
    seeds = [*d_carries, *d_outputs]
    body.outputs = [*[body.outputs[k] for k in carried], *ends]
    start = {x: symbol(body, d) for x, d in zip(constants, d_constants)}
    n = len(body.outputs)
    by = [*carries, *constants, *entries]
    known = reverse(body, [symbol(body, d) for d in seeds], by, start=start, chained=True)
    kept = [(x, y) for x, y in zip(by, body.outputs[n:]) if x in known or x not in entries]
    by, body.outputs = [x for x, _ in kept], [y for _, y in kept]
    sizes = (a, len(d_carries) + len(d_constants), len(inputs) - a + len(d_outputs))
    length = None if loop.test is not None else loop.length
    made = loop_of(body, None, sizes, length, not loop.backwards)
    old_constants, _, sequences = loop.split(xs)
    first = [step_of(back.parts.get(k, 0.0)) for k in carried]
    history = [bind(item(loop.history + k, True), (y,)) for k in range(loop.carries)]
    outputs = [step_of(back.parts[k]) for k in seeded]
    operands = (
        *old_constants, *first, *[0.0] * len(constants), *history, *sequences, *outputs,
    )  # fmt: skip
    bundle = bind(made, operands)
    found: list[Any] = [None] * len(xs)
    place = {x: k for k, x in enumerate(inputs)}
    for k, x in enumerate(by):
        if wanted[place[x]]:
            wide = k >= len(carries) + len(constants)
            found[place[x]] = whole(bind(item(k, wide), (bundle,)))
    return found


def is_wide(program: Program, i: int) -> bool:
    rule: Any = program.rules[i]
    return i in program.sequences or bool(getattr(rule, "sequence", False))


def forward_loop(loop: Loop, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
    """The tangents of the results, as what the first operand passes on."""
    body = loop.body.copy()
    inputs, outputs = body.inputs[:], body.outputs[:]
    a, b = loop.constants, loop.constants + loop.carries
    given = {x: r for x, r in zip(inputs, rates) if r is not None}
    moving = moving_carries(loop, set(given))
    constants, carries, entries = [
        [x for x in some if x in moving] for some in (inputs[:a], inputs[a:b], inputs[b:])
    ]
    d_constants, d_carries, d_entries = [
        new_inputs(body, some, "t") for some in (constants, carries, entries)
    ]
    start = {
        x: symbol(body, d, True)
        for x, d in zip([*constants, *carries, *entries], [*d_constants, *d_carries, *d_entries])
    }
    rate = tangents(body, start)
    moved = [k for k in range(loop.carries, len(outputs)) if outputs[k] in rate]
    kept = [k for k in range(loop.carries) if inputs[a + k] in moving]
    d_outputs = [place_of(body, rate.get(outputs[k], 0.0)) for k in kept]
    body.outputs = [
        *outputs[: loop.carries], *d_outputs, *outputs[loop.carries :],
        *[place_of(body, rate[outputs[k]]) for k in moved],
    ]  # fmt: skip
    body.inputs = [
        *inputs[:a], *d_constants, *inputs[a:b], *d_carries, *inputs[b:], *d_entries
    ]  # fmt: skip
    test = loop.test
    if test is not None:
        test = test.copy()
        old = test.inputs[:]
        unused = [test.input("t") for _ in range(len(d_constants) + len(d_carries))]
        n = len(d_constants)
        test.inputs = [*old[:a], *unused[:n], *old[a:], *unused[n:]]
    sizes = (a + len(d_constants), loop.carries + len(d_carries), len(inputs) - b + len(d_entries))
    made = loop_of(body, test, sizes, loop.length, loop.backwards)
    old_constants, first, sequences = loop.split(xs)

    def of(x: int) -> Any:
        return step_of(given.get(x, 0.0))

    operands = (
        *old_constants, *[of(x) for x in constants], *first, *[of(x) for x in carries],
        *sequences, *[of(x) for x in entries],
    )  # fmt: skip
    bundle = bind(made, operands)
    parts: dict[int, Any] = {}
    for n, k in enumerate(kept):
        parts[k] = bind(item(loop.carries + n, False), (bundle,))
    first_output = made.carries + len(outputs) - loop.carries
    for n, k in enumerate(moved):
        parts[k] = whole(bind(item(first_output + n, True), (bundle,)), True)
    return [Bundle(parts, forward=True), *[None] * (len(xs) - 1)]


# Branches -----------------------------------------------------------------------------------


def branch_pullback(branch: Branch, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
    back = next((r for r in rates if isinstance(r, Bundle) and not r.forward), None)
    if back is None:
        return forward_branch(branch, xs, rates)
    seeded = sorted(back.parts)
    wanted = [k for k, r in enumerate(rates) if k and r is not None]
    sides = []
    for side in (branch.yes, branch.no):
        body = side.copy()
        ends = [body.outputs[k] for k in seeded]
        d_outputs = [body.input("dy") for _ in seeded]
        body.outputs = ends[:]
        by = [body.inputs[k - 1] for k in wanted]
        reverse(body, [symbol(body, d) for d in d_outputs], by, chained=True)
        body.outputs = body.outputs[len(ends) :]
        body.values = len(body.outputs)
        sides.append(body)
    bundle = bind(Branch(*sides), (*xs, *[step_of(back.parts[k]) for k in seeded]))
    found: list[Any] = [None] * len(xs)
    for n, k in enumerate(wanted):
        found[k] = bind(item(n, False), (bundle,))
    return found


def forward_branch(branch: Branch, xs: Sequence[Any], rates: Sequence[Any]) -> list[Any]:
    moving = [k for k, r in enumerate(rates) if k and r is not None]
    if not moving:
        return [None] * len(xs)
    sides = []
    for side in (branch.yes, branch.no):
        body = side.copy()
        inputs, outputs = body.inputs[:], body.outputs[:]
        d_inputs = new_inputs(body, [inputs[k - 1] for k in moving], "t")
        start = {inputs[k - 1]: symbol(body, d, True) for k, d in zip(moving, d_inputs)}
        rate = tangents(body, start)
        body.outputs = [place_of(body, rate.get(x, 0.0)) for x in outputs]
        body.values = len(body.outputs)
        sides.append(body)
    bundle = bind(Branch(*sides), (*xs, *[step_of(rates[k]) for k in moving]))
    n = len(branch.yes.outputs)
    parts = {k: bind(item(k, False), (bundle,)) for k in range(n)}
    return [Bundle(parts, forward=True), *[None] * (len(xs) - 1)]


LATER.update(loop=loop_pullback, branch=branch_pullback)
