"""Products summed over a batch, made together: rows and tables of them are outer products.

`outer_products` finds them among instructions on columns, `neighbours` in the rows of one example.
`going_on` says which of them add to sums that others began. Called from `arrange.py`, and from
`encode.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product

from . import instructions as op
from .instructions import NONE, Instruction

Rows = list[tuple[int, tuple[int, ...], Sequence[int]]]  # as a program has them


def outer_products(section: list[Instruction]) -> list[Instruction]:
    """The same with sums of products made together, where the last of them was.

    First those that share a factor become a row, then rows over the same columns a table.
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
    found = []
    for at, instruction in enumerate(section):
        if instruction.op != op.OUTER:
            found.append(instruction)
        elif at in end:
            xs = end[at]
            ds = tables[xs]
            table = tuple([t for d in ds for t in sums_of[d]])
            found.append(Instruction(op.OUTER, NONE, (len(ds), len(xs)), (*ds, *xs), table))
    return found


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


def parts(instruction: Instruction, shared: set[int]) -> list[Instruction]:
    """The same in as many parts as it takes that none adds twice to one sum."""
    sums = [t for t in instruction.targets if t in shared] if instruction.op == op.OUTER else []
    if len({*sums}) == len(sums):
        return [instruction]
    m, k = instruction.bare
    ds, xs = instruction.steps[:m], instruction.steps[m:]
    rows = [(d, instruction.targets[j * k : j * k + k]) for j, d in enumerate(ds)]
    if m > 1:
        each = [Instruction(op.OUTER, NONE, (1, k), (d, *xs), row) for d, row in rows]
        return [part for row in each for part in parts(row, shared)]
    (d, row), *_ = rows
    return [Instruction(op.OUTER, NONE, (1, 1), (d, x), (t,)) for x, t in zip(xs, row)]


def in_order(section: list[Instruction], rows: Rows, shared: set[int]) -> list[Instruction]:
    """The same, in which all that is added to a shared sum comes in the order of the rows.

    An outer product waits for those before it; what waits in vain, for each other, is cut up.
    """
    expected: dict[int, list[tuple[int, int]]] = {t: [] for t in shared}  # the next one last
    for d, xs, sums in reversed(rows):
        if not isinstance(sums, range):
            for x, t in zip(xs, sums):
                expected[t].append(pair(d, x))
    found: list[Instruction] = []
    waiting: list[Instruction] = []

    def ready(instruction: Instruction) -> bool:
        """Whether its turn has come, which is then over."""
        mine = [(t, p) for t, p in elements(instruction) if t in expected]
        if not all([expected[t][-1] == p for t, p in mine]):
            return False
        for t, _ in mine:
            expected[t].pop()
        found.append(instruction)
        return True

    def all_ready() -> None:
        """Let those go on that waited for one that has come."""
        several = len(waiting) + 1
        while len(waiting) < several:
            several = len(waiting)
            waiting[:] = [one for one in waiting if not ready(one)]

    for instruction in [part for whole in section for part in parts(whole, shared)]:
        if instruction.op != op.OUTER:
            found.append(instruction)
        elif ready(instruction):
            all_ready()
        else:
            waiting.append(instruction)
    waiting[:] = [
        Instruction(op.OUTER, NONE, (1, 1), p, (t,)) for one in waiting for t, p in elements(one)
    ]
    all_ready()
    return found


def pair(a: int, b: int) -> tuple[int, int]:
    """Two factors, in either order."""
    return (a, b) if a < b else (b, a)


def elements(instruction: Instruction) -> list[tuple[int, tuple[int, int]]]:
    """The sums of an outer product, each with its two factors."""
    m = instruction.bare[0]
    ds, xs = instruction.steps[:m], instruction.steps[m:]
    return [(t, pair(d, x)) for t, (d, x) in zip(instruction.targets, product(ds, xs))]


def going_on(section: list[Instruction], rows: Rows, shared: set[int]) -> list[Instruction]:
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

    for instruction in in_order(section, rows, shared):
        if instruction.op != op.OUTER:
            found.append(instruction)
            continue
        m, k = instruction.bare
        ds, xs = [*instruction.steps[:m]], [*instruction.steps[m:]]
        table = [[*instruction.targets[j * k : j * k + k]] for j in range(m)]
        many = [len(begun.intersection(row)) for row in table]
        for on, n in ((False, 0), (True, k)):
            here = [j for j in range(m) if many[j] == n]
            add([ds[j] for j in here], xs, [table[j] for j in here], on)
        for j in range(m):
            for on in (False, True) if 0 < many[j] < k else ():
                here = [i for i in range(k) if (table[j][i] in begun) == on]
                add([ds[j]], [xs[i] for i in here], [[table[j][i] for i in here]], on)
        begun.update(shared.intersection(instruction.targets))
    return found
