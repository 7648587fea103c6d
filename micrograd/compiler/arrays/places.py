"""How arrays are put into one: side by side along a dimension, else by a table of positions."""

from __future__ import annotations

from functools import cached_property
from math import prod

from .operands import ATOM, DEEPEST, Text
from .products import Products
from .program import Apply, Leaf, Place, Read, Shape, Step, Sum
from .views import indices, rows_of


class Places(Products):
    """Writes the steps that put arrays into one."""

    def place(self, step: Place) -> Text:
        """Arrays side by side: along one dimension where that is how they lie, else by a table."""
        joined = self.joined(step)
        if joined is not None:
            return joined
        lead = self.is_batched(step)
        by_rows = self.rows(step, lead)
        if by_rows is not None:
            return by_rows
        pieces, sources = [], [[] for _ in range(step.size)]  # type: ignore[var-annotated]
        at = 1
        for dims, value, target in step.parts:
            pieces.append(self.flat(value, dims, lead))
            for p in target.positions(dims):
                sources[p].append(at)
                at += 1
        width = max(map(len, sources))
        table = [p for found in sources for p in found + [0] * (width - len(found))]
        zero = "np.zeros((n, 1))" if lead else "np.zeros((1,))"
        shape = step.shape if width == 1 else (*step.shape, width)
        name = self.table(table, shape)
        text = f"np.concatenate([{', '.join([zero, *pieces])}], -1)[..., {name}]"
        return Text(text if width == 1 else f"{text}.sum(-1)", ATOM, DEEPEST)

    def rows(self, step: Step, lead: bool) -> Text | None:
        """The adjoint of rows that a table has read: each row the sum of those it went to."""
        assert isinstance(step, Place)
        if len(step.parts) != 1 or step.parts[0].target.table is None or lead:
            return None
        dims, value, target = step.parts[0]
        assert target.table is not None
        read = rows_of(target.table, step.shape, dims)
        if read is None or len(dims) != len(step.shape):
            return None
        sources: list[list[int]] = [[] for _ in range(step.shape[0])]
        for k, row in enumerate(read, 1):
            sources[row].append(k)
        width = max(map(len, sources))
        table = [p for found in sources for p in found + [0] * (width - len(found))]
        text = self.full(value, dims, lead)
        name = self.table(table, (step.shape[0],) if width == 1 else (step.shape[0], width))
        joined = f"np.concatenate([np.zeros_like({text}[:1]), {text}], 0)[{name}]"
        return Text(joined if width == 1 else f"{joined}.sum(1)", ATOM, DEEPEST)

    def flat(self, value: Read, dims: Shape, lead: bool) -> str:
        """A part as one row, for each example if they differ."""
        if not dims and self.is_number[value.array]:
            dims, value = (1,), Read(value.array, value.base, (0,))
        text = self.full(value, dims, lead)
        if len(dims) == 1:
            return text
        size = prod(dims)
        if not dims:
            return f"{text}[..., None]"
        return f"{text}.reshape({'n, ' if lead else ''}{size})"

    def full(self, value: Read, dims: Shape, lead: bool) -> str:
        """A part with all its dimensions."""
        step = self.program.steps[value.array]
        sizes = [*(["n"] if lead else []), *map(str, dims)]
        shape = f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
        number = self.program.number(value.array)
        if number is not None:
            return f"np.full({shape}, {number!r})"
        if self.is_number[value.array]:
            return f"np.full({shape}, {self.operand(value, dims, lead)})"
        text = self.operand(value, dims, lead, ATOM)
        if not self.covered([value], dims) or (lead and not step.varying):
            return f"np.broadcast_to({text}, {shape})"
        return text

    @cached_property
    def is_number(self) -> list[bool]:
        """For each step whether it is a number of Python's, such as 1 / n, and no array."""
        found: list[bool] = []
        for i, step in enumerate(self.program.steps):
            if isinstance(step, Leaf):
                known = self.program.number(i) is not None
                found.append(known or step.kind in ("share", "count"))
                continue
            if isinstance(step, Sum):
                plain = not step.total and not any([term.inner for term in step.terms])
            else:
                plain = isinstance(step, Apply)
            operands = all([found[read.array] for read in step.reads()])
            found.append(plain and not step.shape and operands)
        return found

    def joined(self, step: Place) -> Text | None:
        """The parts along one dimension; None where they do not lie so."""
        lead = self.is_batched(step)
        shape = step.shape
        if not shape:
            return None
        ends = []
        axis = None
        for dims, _, target in step.parts:
            if target.table is not None or any(s < 0 for s in target.strides):
                return None
            kept = [k for k, n in enumerate(dims) if n > 1]
            order = sorted(kept, key=lambda k: -target.strides[k])
            if order != kept:
                return None
            sizes = tuple(dims[k] for k in kept)
            index = indices(shape, target.base, sizes, tuple(target.strides[k] for k in kept))
            if index is None or any(part.count(":") > 1 for part in index):
                return None
            cut = [k for k, part in enumerate(index) if part != ":"]
            if len(shape) == 1 and not cut:
                cut = [0]
            if len(cut) != 1 or (axis is not None and cut[0] != axis):
                return None
            axis = cut[0]
            first, _, last = index[axis].partition(":")
            start = int(first or 0)
            stop = start + 1 if ":" not in index[axis] else int(last or shape[axis])
            ends.append((start, stop))
        assert axis is not None
        order = sorted(range(len(ends)), key=lambda k: ends[k])
        pieces = []
        at = 0
        for k in order:
            start, stop = ends[k]
            if start < at:
                return None
            if start > at:
                pieces.append(self.zeros(step, axis, start - at))
            dims, value, _ = step.parts[k]
            if not dims and len(shape) == 1 and self.is_number[value.array]:
                dims, value = (1,), Read(value.array, value.base, (0,))
            text = self.full(value, dims, lead)
            if stop - start == 1 and len(dims) < len(shape):
                colons = [":"] * (len(shape) - 1)
                colons.insert(axis, "None")
                index = [*([":"] if lead else []), *colons]
                while index and index[-1] == ":":
                    index.pop()
                text = f"{text}[{', '.join(index)}]"
            pieces.append(text)
            at = stop
        if at < shape[axis]:
            pieces.append(self.zeros(step, axis, shape[axis] - at))
        if len(pieces) == len(ends) == shape[0] and len(shape) == 1:
            scalars = [self.full(step.parts[k].value, (), lead) for k in order]
            return Text(f"np.stack([{', '.join(scalars)}], -1)", ATOM, DEEPEST)
        where = axis + (1 if lead else 0)
        if where == len(shape) - 1 + lead:
            where = -1
        return Text(f"np.concatenate([{', '.join(pieces)}], {where})", ATOM, DEEPEST)

    def zeros(self, step: Place, axis: int, n: int) -> str:
        sizes = [str(n) if k == axis else str(m) for k, m in enumerate(step.shape)]
        if self.is_batched(step):
            sizes.insert(0, "n")
        return f"np.zeros(({', '.join(sizes)}{',' if len(sizes) == 1 else ''}))"
