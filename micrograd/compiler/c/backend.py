"""The backend "c": examples one by one in code that this machine's C compiler made.

Batches run in the machine of the native backend, over columns of examples, but where examples go
different ways. So does a function with an operation that has no C, of which it warns.
"""

from __future__ import annotations

import ctypes
import warnings
from array import array
from functools import cached_property
from typing import Any

from ..ir.region import chooses
from ..native.backend import NativeBatch
from ..paused import gc_paused
from .build import library
from .source import CSource, c_source

NAME = "f"


class CBatch(NativeBatch):
    """A program in C, within machines that have no instructions."""

    @cached_property
    def one_value(self) -> Any:
        return self.linked(True, "one") or super().one_value

    @cached_property
    def one_gradient(self) -> Any:
        return self.linked(False, "sums") or super().one_gradient

    @cached_property
    def values(self) -> Any:
        return (self.divergent and self.linked(True, "outputs")) or super().values

    def sums_of(self, n: int) -> Any:
        return self.one_gradient if n == 1 or self.divergent else self.sums

    @cached_property
    def divergent(self) -> bool:
        """Whether examples may take different branches, and there is C for it."""
        made = self.made
        return (
            chooses(made.program)
            and self.value_in_c is not None
            and (not made.result.is_scalar or self.gradient_in_c is not None)
        )

    @cached_property
    def alone(self) -> bool:
        return super().alone and not self.divergent

    @cached_property
    def value_in_c(self) -> CSource | None:
        """The results as C; None where an operation has none."""
        return self.source(True)

    @cached_property
    def gradient_in_c(self) -> CSource | None:
        """The result and its gradient as C; None where an operation has none."""
        return self.source(False)

    @gc_paused
    def source(self, value: bool) -> CSource | None:
        """The value or the gradient; None where an operation has no C."""
        try:
            return c_source(self.made, NAME, "jit", value, not value, interrupted=True)
        except TypeError as error:
            warnings.warn(f"{error}; it runs in the native machine", RuntimeWarning, stacklevel=2)
            return None

    def linked(self, value: bool, gives: str) -> Any:
        """A machine that calls the value or the gradient in C; None where there is no C for it.

        The values of one example are its results, those of a batch outputs; of gradients it
        gives the sums over a batch.
        """
        made = self.made
        source = self.value_in_c if value else self.gradient_in_c
        if source is None:
            return None
        found = library(source.text)
        if hasattr(found, "mg_link"):
            found.mg_link(ctypes.cast(ctypes.pythonapi.PyErr_CheckSignals, ctypes.c_void_p))
        inputs, parameters = len(made.program.inputs), len(made.parameters)
        single = gives == "one"
        numbers = parameters + (inputs if single else 0)
        results = {"one": made.program.values, "outputs": 0, "sums": 1 + parameters}[gives]
        machine = self.build.module.Machine(
            b"", b"", b"",
            scalars=bytes(self.build.zeros(numbers + results)),
            results=bytes(array("i", range(numbers, numbers + results))),
            registers=0,
            inputs=inputs,
            outputs=made.program.values if gives == "outputs" else 0,
            first_parameter=inputs if single else 0,
            parameters=parameters,
            count_at=-1,
            first_sum=numbers,
            sums=results if gives == "sums" else 0,
            functions=(),
            single=single,
        )  # fmt: skip
        function = getattr(found, NAME if value else f"{NAME}_gradient")
        address = ctypes.cast(function, ctypes.c_void_p).value
        machine.link(address, source.work, not value)
        return machine
