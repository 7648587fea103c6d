"""`to_jax`, `to_torch`: a compiled function as one of JAX or PyTorch, the way out of here.

What runs there is the array program: a layer is one matrix product. JAX differentiates the
linear steps itself; every other operation has the rule of the table in `ops.py`, conventions at
kinks included (`rules.py`). PyTorch runs the backward pass of the array program, over a batch
in whole matrices under `torch.func.vmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...core.foreign import is_array
from ...core.rule import Rule
from ..arrays.program import ArrayProgram
from ..arrays.runtime import Layout, Tiles
from ..arrays.source import Source, emit
from ..arrays.spaces import is_own
from ..structure import STATIC

if TYPE_CHECKING:
    from ..compiled import Compiled


def taken(like: Any, given: Any, where: str) -> Iterator[Any]:
    """The numbers of an argument of the traced structure, whole arrays of them at once."""
    if isinstance(like, dict):
        for key, element in like.items():
            yield from taken(element, given[key], where)
    elif isinstance(like, (list, tuple)) or is_array(like):
        if len(given) != len(like):
            raise ValueError(f"{where}: {len(given)} numbers where {len(like)} were traced")
        if hasattr(given, "reshape") and given.ndim and count(like) == size_of(given):
            yield given.reshape(-1)
            return
        for i, element in enumerate(like):
            yield from taken(element, given[i], where)
    elif isinstance(like, STATIC):
        if given != like:
            raise ValueError(f"{where}: traced for {like!r}, not for {given!r}; trace it anew")
    else:
        yield given


def count(like: Any) -> int | None:
    """How many numbers there are; None if there is anything else."""
    if is_array(like):
        return size_of(like)
    if isinstance(like, (list, tuple)):
        counts = [count(element) for element in like]
        return None if None in counts else sum(counts)  # type: ignore[arg-type]
    return None if isinstance(like, (dict, *STATIC)) else 1


def size_of(array: Any) -> int:
    size = 1
    for n in array.shape:
        size *= n
    return size


def shaped(like: Any, numbers: Iterator[Any], stack: Callable[[list[Any]], Any]) -> Any:
    """The numbers in the structure of the result; an array of Values becomes one of theirs."""
    if isinstance(like, dict):
        return {key: shaped(element, numbers, stack) for key, element in like.items()}
    if is_array(like):
        return stack([shaped(element, numbers, stack) for element in like])
    if isinstance(like, (list, tuple)):
        elements = [shaped(element, numbers, stack) for element in like]
        return type(like)(*elements) if hasattr(like, "_fields") else type(like)(elements)
    return like if isinstance(like, STATIC) else next(numbers)


def library(name: str, missing: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(missing) from None


class Export:
    """The array program of one compiled function, for someone's arrays."""

    def __init__(self, made: Compiled, name: str) -> None:
        self.made, self.name = made, name
        program: ArrayProgram = made.arrays
        self.program = program
        self.parameters = Layout(program, program.parameters, program.parameter_places)
        self.inputs = Layout(program, program.inputs, program.input_places)
        self.results = made.program.values
        for step in program.steps:  # said now, and not at the first call
            rule = getattr(step, "rule", None)
            if rule is not None and is_own(rule):
                self.no_meaning(rule)

    @cached_property
    def values(self) -> Source:
        return emit(self.program, stops=True)

    def no_meaning(self, rule: Rule) -> Any:
        raise TypeError(
            f"{self.name}: the operation {rule.name} is one of your own, and known to Python alone"
        )

    def check(self, parameters: Any) -> None:
        n = len(self.made.parameters)
        if tuple(parameters.shape) != (n,):
            raise ValueError(
                f"{self.name}: the parameters are an array of {n} numbers in the "
                f"order of .parameters, not one of shape {tuple(parameters.shape)}"
            )

    def numbers(self, args: tuple[Any, ...]) -> list[Any]:
        """The numbers of the arguments of one example, in order, some of them as arrays."""
        like = self.made.structure
        if like.kwargs or len(args) != len(like.args):
            traced = len(like.args)
            raise TypeError(f"{self.name}: {len(args)} arguments where {traced} were traced")
        return list(taken(like.args, args, self.name))

    def arrays(self, numbers: list[Any]) -> list[Any] | None:
        """The arguments, where each is one array of the program; else None."""
        parts = self.inputs.parts
        if [size for size, _ in parts] != [size_of(x) for x in numbers]:
            return None
        found: list[Any] = [None] * len(parts)
        for (_, k), x in zip(parts, numbers):
            if isinstance(k, Tiles):
                return None
            found[k] = x.reshape(self.inputs.shapes[k])
        return found

    def columns(self, columns: list[Any]) -> list[Any] | None:
        """The arguments of a batch, where each is one array of the program; else None."""
        like, parts = self.made.structure.args, self.inputs.parts
        if len(columns) != len(like) or len(columns) != len(parts) or not columns:
            return None
        found: list[Any] = [None] * len(parts)
        for (size, k), x, one in zip(parts, columns, like):
            if isinstance(k, Tiles) or not is_array(x) or not x.shape or count(one) != size:
                return None
            if size_of(x) != size * x.shape[0] or x.shape[0] != columns[0].shape[0]:
                return None
            found[k] = x.reshape((x.shape[0], *self.inputs.shapes[k]))
        return found

    def result(self, row: Any, stack: Callable[[list[Any]], Any]) -> Any:
        """The results, which stand in a row, in the structure of what the function gives."""
        like = self.made.result.args[0]
        if is_array(like) and size_of(like) == self.results and hasattr(row, "reshape"):
            return row.reshape(like.shape)
        return shaped(like, iter([row[i] for i in range(self.results)]), stack)
