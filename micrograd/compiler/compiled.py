"""`Compiled`: a function for one structure of its arguments, and the ways to run it.

`jit.py` finds or makes it by the arguments of a call. Here one example is run in Python, and
what that refuses, such as a division by zero, exactly; read `backends/base.py` next for many.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core.node import data_of
from ..engine import Value
from .arrays.inputs import input_arrays
from .arrays.printing import Rolled
from .arrays.roll import roll
from .backends.base import Batch, numpy
from .backends.emit import emit
from .backends.numpy import NumPyBatch
from .backends.numpy_loops import NumPyPieces
from .backends.runtime import EDGES, exact_gradient, exact_values, float_function
from .c.backend import CBatch
from .ir.program import Program
from .ir.reverse import reverse
from .ir.simplify import simplify
from .native import backend as native
from .paused import gc_paused
from .structure import Structure
from .trace import trace


class Compiled:
    """A function for one structure of its arguments: the trace, and what is made of it."""

    @gc_paused
    def __init__(
        self, f: Callable[..., Any], structure: Structure, parameters: list[Value] | None
    ) -> None:
        self.structure = structure
        self.program, self.parameters, self.result = trace(f, structure, parameters)
        self.batches: dict[str, Batch] = {}

    @functools.cached_property
    @gc_paused
    def values(self) -> Program:
        """The program of the results alone, shortened."""
        return simplify(self.program)

    @functools.cached_property
    @gc_paused
    def gradient(self) -> Program:
        """The program of the result and its gradient by the parameters, shortened."""
        self.check_scalar()
        return differentiated(self.program)

    @functools.cached_property
    @gc_paused
    def gradient_if_finite(self) -> Program:
        """The same, shorter behind choices: for machines, which look for nan in what comes out."""
        self.check_scalar()
        return differentiated(self.program, finite=True)

    def check_scalar(self) -> None:
        """Nothing; TypeError if the function gives more than one number."""
        if not self.result.is_scalar:
            raise TypeError(
                f"jit: the gradient is that of one number, and the function gives "
                f"{len(self.result.found)}; return their sum or mean"
            )

    @functools.cached_property
    @gc_paused
    def arrays(self) -> Rolled:
        """The same as steps on whole arrays."""
        if self.program.has_regions:
            raise TypeError(
                "jit: a function with loops or branches is no single array program; `program` and "
                "`source` show it"
            )
        return roll(self.program, input_arrays(self.structure))

    @functools.cached_property
    def staged(self) -> Program:
        """What `source` shows: results and gradient; by the inputs if there are no parameters."""
        if not self.result.is_scalar:
            return self.values
        return self.gradient if self.parameters else differentiated(self.program, True)

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        return float_function(self.values, emit(self.values))

    @functools.cached_property
    def function_and_gradient(self) -> Callable[..., Any]:
        return float_function(self.gradient, emit(self.gradient, gradient=True))

    def numbers(self) -> list[float]:
        """The parameters as they are now."""
        return data_of(self.parameters)

    def run(self, xs: Sequence[float]) -> list[float]:
        """The results of one example."""
        ps = self.numbers()
        try:
            found = self.function(*xs, *ps)
        except EDGES:
            return exact_values(self.program, xs, ps)
        return [found] if self.program.values == 1 else found

    def run_gradient(self, xs: Sequence[float], ps: Sequence[float]) -> tuple[float, list[float]]:
        """The result and its gradient by the parameters, of one example."""
        try:
            value, gradient = self.function_and_gradient(*xs, *ps)
            total = sum(gradient)  # nan if any of them is
            if total == total:
                return value, gradient
        except EDGES:
            pass
        (value,), gradient = exact_gradient(self.program, xs, ps, [1.0])
        return value, gradient

    def batch(self, backend: str) -> Batch:
        """What runs many examples at once, by the backend of this name."""
        if backend not in self.batches:
            self.batches[backend] = choose(backend, self)
        return self.batches[backend]

    def on_values(self, numbers: list[Any]) -> Any:
        """The result as Values: the program, done over with nodes."""
        return self.result.fill(self.program.run(numbers, self.parameters))


def differentiated(program: Program, by_inputs: bool = False, finite: bool = False) -> Program:
    """The program with its backward pass, shortened."""
    full = program.copy()
    reverse(full, by=full.inputs if by_inputs else full.parameters, finite=finite)
    return simplify(full)


def choose(backend: str, made: Compiled) -> Batch:
    """The backend of that name; "auto" is the fastest that is there.

    With "+fastmath" after the name the native one takes its quick and inexact functions,
    with "+float32" numbers of half the size.
    """
    backend, _, build = backend.partition("+")
    if backend == "c":
        if native.available():
            return CBatch(made)
        raise RuntimeError(
            'jit: backend="c" runs within the compiled engine, which was not built when micrograd '
            "was installed, for want of a C compiler; to_c writes the C"
        )
    if backend in ("auto", "native"):
        if native.available():
            return native.NativeBatch(made, build)
        if backend == "native" or build == "float32":
            raise RuntimeError(
                "jit: the native backend, which this needs, was not built when micrograd was "
                'installed, for want of a C compiler; use backend="auto" and float64'
            )
    if backend in ("auto", "numpy"):
        if numpy() is None:
            if backend == "numpy":
                raise RuntimeError(
                    "jit: the numpy backend needs NumPy: pip install 'micrograd[fast]'"
                )
        elif made.program.has_regions:
            return NumPyPieces(made)
        elif made.program.inputs:  # else there is one example, which Python runs faster
            return NumPyBatch(made)
    return Batch(made)
