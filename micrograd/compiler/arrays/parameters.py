"""Which parameters make up an array: those that are read together, as a matrix if they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..ir.program import Program
from .group import Grouping
from .layout import Nest, nest_of_rows
from .program import Shape

Layout = list[tuple[str, Shape, list[int]]]  # of each array its name, its shape, its parameters


def parameter_arrays(program: Program, place: dict[int, tuple[int, int]], first: int) -> Layout:
    """Which parameters make up an array: those that are read together, as a matrix if they are."""
    families: dict[str, list[int]] = {}
    for p in program.parameters:
        families.setdefault(re.sub(r"[_\d]+$", "", program.names[p]) or "p", []).append(p)
    stems = list(families)
    trial = dict(place)
    for k, stem in enumerate(stems, first):
        for position, p in enumerate(families[stem]):
            trial[p] = k, position
    grouping = Grouping(program, trial, first + len(stems))
    claims: dict[int, dict[tuple[int, ...], tuple[Shape, bool]]] = {}
    used: dict[int, tuple[int, bool]] = {}  # in which group first, and as what
    for turn, group in grouping.groups.items():
        for run in group.runs:
            for f, of in enumerate(run.groups):
                if first <= of < first + len(stems):
                    family = families[stems[of - first]]
                    for position in run.positions[f]:
                        used.setdefault(family[position], (turn, len(run.groups) == 1))
                    claim = claimed(run.positions[f], run.count)
                    if claim is not None:
                        found = claims.setdefault(of, {})
                        found.setdefault(claim[1], (claim[0], len(run.groups) == 2))
    names = Names()
    layout: Layout = []
    order = {p: k for k, p in enumerate(program.parameters)}
    found_arrays: list[tuple[str, Shape, list[int], bool, bool]] = []
    for k, stem in enumerate(stems, first):
        family = families[stem]
        free = set(range(len(family)))

        def rank(item: tuple[tuple[int, ...], tuple[Shape, bool]]) -> tuple[int, int]:
            positions, (shape, _) = item
            return -len(shape), len(positions)

        arrays: list[tuple[Shape, list[int], bool]] = []
        for positions, (shape, factor) in sorted(claims.get(k, {}).items(), key=rank):
            if free.issuperset(positions):
                free.difference_update(positions)
                arrays.append((shape, [family[p] for p in positions], factor))
        grid = rectangle([program.names[p] for p in family])
        if grid and not any(len(shape) > 1 for shape, _, _ in arrays):
            arrays, free = [(grid, family, False)], set()
        if free:
            left = [family[p] for p in sorted(free)]
            arrays.append(((len(left),) if len(left) > 1 else (), left, False))
        for shape, members, factor in arrays:
            found_arrays.append((stem, shape, members, factor, len(arrays) == 1))
    last = grouping.next, True
    found_arrays.sort(key=lambda a: (*used.get(a[2][0], last), order[a[2][0]]))
    for stem, shape, members, factor, alone in found_arrays:
        name = names.of(stem, shape, factor, alone, program.names[members[0]])
        layout.append((name, shape, members))
    return layout


def claimed(p: Sequence[int], width: int) -> tuple[Shape, tuple[int, ...]] | None:
    """The array that rows of this width are read from, and the positions in its order.

    None where rows overlap. A matrix that was given column by column stays one.
    """
    rows = list(dict.fromkeys(tuple(p[b : b + width]) for b in range(0, len(p), width)))
    positions = tuple(x for row in rows for x in row)
    if len(set(positions)) < len(positions):
        return None
    shape = tuple(n for n in (len(rows), width) if n > 1)
    found = nest_of_rows(positions, width)
    if found is not None and len(found.dims) == 2 and 0 < found.strides[0] < found.strides[1]:
        shape = found.dims[::-1]
        positions = tuple(Nest(found.base, shape, found.strides[::-1]).positions())
    elif found is not None and len(found.dims) == 1 and found.strides[0] < 0:
        positions = positions[::-1]
    return shape, positions


def rectangle(names: list[str]) -> Shape | None:
    """The shape of a matrix whose elements are called stem_0_0, stem_0_1, ..., in order."""
    found = [re.findall(r"\d+", re.sub(r"^.*?([_\d]*)$", r"\1", name)) for name in names]
    if not all(len(indices) == 2 for indices in found):
        return None
    rows = list(dict.fromkeys(i for i, _ in found))
    columns = list(dict.fromkeys(j for _, j in found))
    if found != [[i, j] for i in rows for j in columns]:
        return None
    return (len(rows), len(columns)) if len(rows) > 1 and len(columns) > 1 else None


class Names:
    """Names for arrays of parameters: W1 and b1 where nobody has named them."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def of(self, stem: str, shape: Shape, factor: bool, alone: bool, only: str) -> str:
        if not shape and alone:
            return only
        if stem == "p":
            stem, alone = ("w" if factor else "b"), False
        if len(stem) == 1 and len(shape) > 1:
            stem = stem.upper()
        if alone:
            return stem
        count = self.counts[stem.lower()] = self.counts.get(stem.lower(), 0) + 1
        return f"{stem}{count}"
