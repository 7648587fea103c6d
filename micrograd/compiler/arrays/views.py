"""How an operand is written: a slice, a transposed matrix, a broadcast, else a gather by a table.

Everything is written so that NumPy, JAX and PyTorch read it the same way. Over a batch an array
that differs between examples has them as its first dimension. Read `source.py` next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from .layout import Nest, cuts, refined, row_major
from .program import Read, Shape

BATCH = -1  # the dimension of the examples, among those of a step


class View(NamedTuple):
    """An expression, and which dimensions of the step its own are, in order."""

    text: str
    axes: tuple[int, ...]
    plain: bool = False  # whether the text is a name


class Viewer:
    """Writes the reads of a program; `table` keeps lists of positions and names them."""

    def __init__(self, batched: bool, table: Callable[[Sequence[int], Shape], str]) -> None:
        self.batched, self.table = batched, table

    def view(self, name: str, shape: Shape, varying: bool, read: Read, dims: Shape) -> View:
        """The operand with the dimensions along which it differs, in the order that is nearest."""
        lead = (BATCH,) if varying and self.batched else ()
        colon = [":"] if lead else []
        if read.table is not None:
            rows = rows_of(read.table, shape, dims)
            if rows is not None:
                at = self.table(rows, dims[: len(dims) - len(shape) + 1])
                axes = lead + tuple(range(len(dims)))
                return View(f"{name}[{', '.join([*colon, at])}]", axes)
            flat = name if len(shape) == 1 else self.reshaped(name, (-1,), lead)
            at = self.table(read.table, dims)
            axes = tuple(range(len(dims)))
            return View(f"{flat}[{', '.join([*colon, at])}]", lead + axes)
        kept = [k for k, n in enumerate(dims) if n > 1 and read.strides[k]]
        if any(read.strides[k] < 0 for k in kept):
            small = tuple(dims[k] for k in kept)
            positions = Nest(read.base, small, tuple(read.strides[k] for k in kept)).positions()
            flat = name if len(shape) == 1 else self.reshaped(name, (-1,), lead)
            at = self.table(positions, small)
            return View(f"{flat}[{', '.join([*colon, at])}]", lead + tuple(kept))
        order = sorted(kept, key=lambda k: -read.strides[k])
        sizes = tuple(dims[k] for k in order)
        strides = tuple(read.strides[k] for k in order)
        axes = lead + tuple(order)
        if read.base == 0 and prod(sizes) == prod(shape) and strides == row_major(sizes):
            if sizes == shape:
                return View(name, axes, True)
            if not sizes:  # the only element
                return View(f"{name}[{', '.join([*colon, *'0' * len(shape)])}]", axes)
            return View(self.reshaped(name, sizes, lead), axes)
        for form in self.forms(shape, sizes, strides):
            index = indices(form, read.base, sizes, strides)
            if index is not None:
                text = name if form == shape else self.reshaped(name, form, lead)
                while index and index[-1] == ":":
                    index.pop()
                return View(f"{text}[{', '.join([*colon, *index])}]" if index else text, axes)
        positions = Nest(read.base, sizes, strides).positions()
        flat = name if len(shape) == 1 else self.reshaped(name, (-1,), lead)
        at = self.table(positions, sizes)
        return View(f"{flat}[{', '.join([*colon, at])}]", axes)

    def reshaped(self, name: str, shape: Shape, lead: tuple[int, ...]) -> str:
        sizes = [f"{name}.shape[0]"] if lead else []
        return f"{name}.reshape({', '.join([*sizes, *map(str, shape)])})"

    def forms(self, shape: Shape, sizes: Shape, strides: tuple[int, ...]) -> list[Shape]:
        """The shapes in which a view may be a slice: the array's own, flat, and one made for it."""
        found = [shape]
        size = prod(shape)
        wanted: set[int] = set()
        for n, s in zip(sizes, strides):
            wanted |= {s, n * s} if size % (n * s) == 0 else {s}
        for more in (cuts(shape), set()):
            form = refined({c for c in wanted | more if c > 1}, size)
            if form is not None and form not in found:
                found.append(form)
        inner = refined({s for s in strides if s > 1}, size)
        if inner is not None and inner not in found:
            found.append(inner)
        if (size,) not in found:
            found.append((size,))
        return found

    # Putting a view in place --------------------------------------------------------------------

    def arranged(self, view: View, order: Sequence[int]) -> str:
        """The view with its dimensions in this order."""
        if tuple(order) == view.axes:
            return view.text
        place = [view.axes.index(k) for k in order]
        if len(place) == 2:
            return f"{view.text}.T"
        if place[:-2] == list(range(len(place) - 2)):
            return f"np.swapaxes({view.text}, -1, -2)"
        moved = tuple(range(len(place)))
        return f"np.moveaxis({view.text}, {tuple(place)}, {moved})"

    def broadcast(self, view: View, rank: int, varying: bool) -> str:
        """The view among operands with `rank` dimensions, behind the examples if those vary."""
        wanted = ([BATCH] if varying and self.batched else []) + list(range(rank))
        order = sorted(view.axes)
        text = self.arranged(view, order)
        have = set(order)
        missing = [k not in have for k in wanted]
        first = missing.index(False) if False in missing else len(missing)
        index = ["None" if gone else ":" for gone in missing[first:]]
        if "None" not in index:
            return text
        last = len(index) - 1 - index[::-1].index(":")
        if "None" not in index[:last]:
            return f"{text}[{', '.join(['...', *index[last + 1 :]])}]"
        while index[-1] == ":":
            index.pop()
        return f"{text}[{', '.join(index)}]"


def rows_of(table: Sequence[int], shape: Shape, dims: Shape) -> list[int] | None:
    """The rows of an array that a table reads, where it reads whole ones; or None."""
    if len(shape) < 2 or len(dims) < len(shape) or dims[len(dims) - len(shape) + 1 :] != shape[1:]:
        return None
    width = prod(shape[1:])
    starts = table[::width]
    if any(start % width for start in starts):
        return None
    for k, start in enumerate(starts):
        if tuple(table[k * width : (k + 1) * width]) != tuple(range(start, start + width)):
            return None
    return [start // width for start in starts]


def indices(form: Shape, base: int, sizes: Shape, strides: tuple[int, ...]) -> list[str] | None:
    """What to write between brackets to read these strides from an array of this form."""
    steps = row_major(form)
    begin = []
    for n, step in zip(form, steps):
        begin.append(base // step % n)
    index = [str(b) for b in begin]
    axis = 0
    for size, stride in zip(sizes, strides):
        while axis < len(form) and (stride % steps[axis] or stride >= steps[axis] * form[axis]):
            axis += 1
        if axis == len(form):
            return None
        step = stride // steps[axis]
        start = begin[axis]
        stop = start + (size - 1) * step + 1
        if stop > form[axis]:
            return None
        if step == 1:
            whole = start == 0 and stop == form[axis]
            index[axis] = ":" if whole else span(start, stop, form[axis])
        else:
            end = "" if stop + step > form[axis] else str(stop)
            index[axis] = f"{start or ''}:{end}:{step}"
        axis += 1
    return index


def span(start: int, stop: int, n: int) -> str:
    return f"{start or ''}:{'' if stop == n else stop}"
