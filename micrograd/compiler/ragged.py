"""Batches of examples of several structures, such as words of any length: a program for each.

`Ragged` stands for the programs as `Compiled` does for one, `RaggedBatch` runs each part of a batch
by its own and puts the results together, and `RaggedLoop` takes steps of one example each in the
machine. What finds the programs is `Jit.examples`.
"""

from __future__ import annotations

import operator
from array import array
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..engine import Value
from ..nn.parameters import are_same
from .backends.base import Batch, Rows, as_array
from .native.backend import NativeBatch
from .native.loop import NativeLoop

if TYPE_CHECKING:
    from .compiled import Compiled


class Ragged:
    """What was made for each of several structures, by the key of the structure."""

    def __init__(self, made: dict[Any, Compiled], who: str) -> None:
        self.made, self.who = made, who

    @cached_property
    def parameters(self) -> list[Value]:
        """The parameters, which are to be the same for all; else ValueError."""
        first, *others = [made.parameters for made in self.made.values()]
        if not all([are_same(first, other) for other in others]):
            raise ValueError(
                f"{self.who}: examples of different structures reach different parameters, which "
                "leaves their order open: name them with jit(f, parameters=...)"
            )
        return first

    def batch(self, backend: str) -> RaggedBatch:
        """What runs many examples at once, by the backend of this name."""
        return RaggedBatch(self, backend)


class RaggedBatch(Batch):
    """The examples of each structure by the backend, together."""

    made: Ragged  # type: ignore[assignment]

    def __init__(self, made: Ragged, backend: str) -> None:
        self.made = made
        self.runners = {key: one.batch(backend) for key, one in made.made.items()}

    def parts(self, rows: Rows) -> list[tuple[Any, list[int], Rows]]:
        """For each structure its key, which examples have it, and these examples."""
        places: dict[Any, list[int]] = {}
        for i, key in enumerate(rows.keys):
            places.setdefault(key, []).append(i)
        return [(key, there, rows.chosen(there)) for key, there in places.items()]

    def map(self, rows: Rows) -> Any:
        results: list[Any] = [None] * rows.n
        for key, there, part in self.parts(rows):
            found = self.runners[key].map(part)
            for i, y in zip(there, found.tolist() if hasattr(found, "tolist") else found):
                results[i] = y
        if all([made.result.is_scalar for made in self.made.made.values()]):
            return as_array(results)
        return results

    def gradient(self, rows: Rows) -> tuple[float, Any]:
        value, sums = 0.0, [0.0] * len(self.made.parameters)
        for key, there, part in self.parts(rows):
            y, gradient = self.runners[key].gradient(part)
            n = len(there)
            value += n * float(y)
            sums = list(map(operator.add, sums, (n * as_array(gradient)).tolist()))
        return value / rows.n, as_array([g / rows.n for g in sums])

    def on_values(self, rows: Rows) -> list[Any]:
        found = []
        for key, _, part in self.parts(rows):
            found += [self.made.made[key].on_values(row) for row in part.rows]
        return found

    @property
    def in_the_machine(self) -> bool:
        """Whether the machine may take steps of one example by all programs."""
        return all([isinstance(r, NativeBatch) for r in self.runners.values()])


class RaggedLoop(NativeLoop):
    """Steps of one example each; all programs share the columns of parameters and states."""

    def prepare(self) -> None:
        """Read the examples, a part for each structure."""
        self.place: list[tuple[Any, int]] = [(None, 0)] * self.rows.n  # part, and where in it
        self.examples: dict[Any, Any] = {}
        for key, there, part in self.runner.parts(self.rows):
            self.examples[key] = part.n, self.runner.runners[key].columns(part)
            for at, i in enumerate(there):
                self.place[i] = key, at

    @property
    def build(self) -> Any:
        return next(iter(self.runner.runners.values())).build

    def run(self, order: array[int], count: int, numbers: array[float], losses: Any) -> int:
        width = len(numbers) // count
        one = self.build.zeros(1)
        for step in range(count):
            key, at = self.place[order[step] if order else 0]
            runner = self.runner.runners[key]
            n, inputs = self.examples[key]
            with runner.lock:
                done = runner.sums_of(1).fit(
                    self.update, self.columns, inputs, n, inputs.stride, array("i", [at]), 1, 1,
                    numbers[step * width : (step + 1) * width], one,
                )  # fmt: skip
            if not done:
                return step
            losses[step] = one[0]
        return count
