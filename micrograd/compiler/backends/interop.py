"""`to_jax`, `to_torch`: a compiled function as one of JAX or PyTorch, the way out of here.

The emitted source is run on their arrays, forward and backward: gradients are those of
the table in `ops.py`, conventions at kinks included, and not theirs. What the operations
mean on those arrays is in `foreign.py`, which is to be read next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...core.foreign import is_array
from ...core.rule import Rule
from ..ir.program import Program
from ..ir.reverse import Symbol, reverse
from ..ir.simplify import simplify
from ..structure import STATIC
from .emit import emit
from .foreign import jax_functions, torch_functions
from .runtime import define, meanings

if TYPE_CHECKING:
    from ..compiled import Compiled


def with_seeds(program: Program) -> Program:
    """The results, then the gradient of the sum of seed * result by parameters and inputs.

    The seeds are further inputs, behind the others.
    """
    full = program.copy()
    by = [*full.parameters, *full.inputs]
    seeds = [Symbol(full, full.input(f"seed{i}")) for i in range(len(full.outputs))]
    reverse(full, seeds, by)
    return simplify(full)


def taken(like: Any, given: Any, where: str) -> Iterator[Any]:
    """The numbers of an argument, which has the structure that was traced."""
    if isinstance(like, dict):
        for key, element in like.items():
            yield from taken(element, given[key], where)
    elif isinstance(like, (list, tuple)) or is_array(like):
        if len(given) != len(like):
            raise ValueError(f"{where}: {len(given)} numbers where {len(like)} were traced")
        for i, element in enumerate(like):
            yield from taken(element, given[i], where)
    elif isinstance(like, STATIC):
        if given != like:
            raise ValueError(f"{where}: traced for {like!r}, not for {given!r}; trace it anew")
    else:
        yield given


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
    """The source of one compiled function, forward and backward, run on someone's arrays."""

    def __init__(self, made: Compiled, name: str, space: dict[str, Any]) -> None:
        self.made, self.name = made, name
        self.values, self.gradient = made.values, with_seeds(made.program)
        self.inputs, self.parameters = len(made.structure.names), len(made.parameters)
        self.results = made.program.values

        def no_meaning(rule: Rule) -> Any:
            raise TypeError(
                f"{name}: the operation {rule.name} is one of your own, and known to Python alone"
            )

        source = emit(self.values)
        self.forward = define(source, meanings(self.values, space, no_meaning))
        source = emit(self.gradient, gradient=True)
        self.backward = define(source, meanings(self.gradient, space, no_meaning))

    def run(self, parameters: Any, numbers: Any) -> list[Any]:
        """The results."""
        found = self.forward(*self.each(numbers, self.inputs), *self.each(parameters))
        return [found] if self.results == 1 else list(found)

    def pull(self, parameters: Any, numbers: Any, seeds: Any) -> tuple[list[Any], list[Any]]:
        """The gradients of the sum of seed * result by the parameters and by the inputs."""
        _, found = self.backward(
            *self.each(numbers, self.inputs), *self.each(seeds, self.results),
            *self.each(parameters),
        )  # fmt: skip
        return found[: self.parameters], found[self.parameters :]

    def each(self, array: Any, n: int | None = None) -> list[Any]:
        n = self.parameters if n is None else n
        return [array[i] for i in range(n)]

    def check(self, parameters: Any) -> None:
        if tuple(parameters.shape) != (self.parameters,):
            raise ValueError(
                f"{self.name}: the parameters are an array of {self.parameters} numbers in the "
                f"order of .parameters, not one of shape {tuple(parameters.shape)}"
            )

    def numbers(self, args: tuple[Any, ...]) -> list[Any]:
        """The numbers of the arguments of one example, in order."""
        like = self.made.structure
        if like.kwargs or len(args) != len(like.args):
            traced = len(like.args)
            raise TypeError(f"{self.name}: {len(args)} arguments where {traced} were traced")
        return list(taken(like.args, args, self.name))

    def result(self, numbers: Any, stack: Callable[[list[Any]], Any]) -> Any:
        like = self.made.result.args[0]
        return shaped(like, iter(self.each(numbers, self.results)), stack)


def to_jax(made: Compiled, name: str) -> Callable[..., Any]:
    """See `Jit.to_jax`."""
    jax = library("jax", "to_jax needs JAX: pip install jax")
    np = jax.numpy
    export = Export(made, name, jax_functions())

    def stack(found: list[Any], like: Any) -> Any:
        if not found:
            return np.zeros_like(like)
        return np.stack([np.asarray(x, like.dtype) for x in found])

    def values(parameters: Any, numbers: Any) -> Any:
        return stack(export.run(parameters, numbers), numbers)

    def forward(parameters: Any, numbers: Any) -> Any:
        return run(parameters, numbers), (parameters, numbers)

    def backward(saved: Any, seeds: Any) -> Any:
        parameters, numbers = saved
        by_parameters, by_inputs = export.pull(parameters, numbers, seeds)
        return stack(by_parameters, parameters), stack(by_inputs, numbers)

    run = jax.custom_vjp(values)
    run.defvjp(forward, backward)

    def function(parameters: Any, *args: Any) -> Any:
        parameters = np.asarray(parameters)
        parameters = parameters.astype(np.result_type(parameters, np.float32))
        export.check(parameters)
        found = export.numbers(args)
        numbers = np.stack([np.asarray(x, parameters.dtype) for x in found]) if found else (
            np.zeros(0, parameters.dtype))  # fmt: skip
        return export.result(run(parameters, numbers), np.stack)

    function.__name__ = function.__qualname__ = name
    return function


def to_torch(made: Compiled, name: str) -> Callable[..., Any]:
    """See `Jit.to_torch`."""
    torch = library("torch", "to_torch needs PyTorch: pip install torch")
    export = Export(made, name, torch_functions())

    def stack(found: list[Any], like: Any) -> Any:
        if not found:
            return torch.zeros_like(like)
        return torch.stack(
            [torch.as_tensor(x, dtype=like.dtype, device=like.device) for x in found]
        )

    class Run(torch.autograd.Function):  # type: ignore[misc,name-defined]
        generate_vmap_rule = True

        @staticmethod
        def forward(parameters: Any, numbers: Any) -> Any:
            return stack(export.run(parameters, numbers), numbers)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, numbers = ctx.saved_tensors
            by_parameters, by_inputs = export.pull(parameters, numbers, seeds)
            return stack(by_parameters, parameters), stack(by_inputs, numbers)

    def function(parameters: Any, *args: Any) -> Any:
        if not isinstance(parameters, torch.Tensor):
            parameters = torch.as_tensor(parameters, dtype=torch.float64)
        export.check(parameters)
        kind = {"dtype": parameters.dtype, "device": parameters.device}
        found = [torch.as_tensor(x, **kind) for x in export.numbers(args)]
        numbers = torch.stack(found) if found else torch.zeros(0, **kind)
        return export.result(Run.apply(parameters, numbers), torch.stack)

    function.__name__ = function.__qualname__ = name
    return function
