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

from ...core.rule import Rule
from ..arrays.program import ArrayProgram
from ..arrays.reverse import reverse
from ..arrays.runtime import Layout, function_of
from ..arrays.source import Source, emit
from ..arrays.spaces import is_own, jax_space, torch_space
from ..structure import STATIC, is_array
from .rules import differentiable

if TYPE_CHECKING:
    from ..compiled import Compiled


def taken(like: Any, given: Any, where: str) -> Iterator[Any]:
    """The numbers of an argument, or whole arrays of them, which has the structure that was traced."""
    if isinstance(like, dict):
        for key, element in like.items():
            yield from taken(element, given[key], where)
    elif isinstance(like, (list, tuple)) or is_array(like):
        if len(given) != len(like):
            raise ValueError(f"{where}: {len(given)} numbers where {len(like)} were traced")
        if hasattr(given, "reshape") and (numbers := count(like)) is not None:
            if given.ndim and numbers == size_of(given):
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

    def result(self, row: Any, stack: Callable[[list[Any]], Any]) -> Any:
        """The results, which stand in a row, in the structure of what the function gives."""
        like = self.made.result.args[0]
        if is_array(like) and size_of(like) == self.results:
            return row.reshape(like.shape)
        return shaped(like, iter([row[i] for i in range(self.results)]), stack)


# JAX ----------------------------------------------------------------------------------------------


def to_jax(made: Compiled, name: str) -> Callable[..., Any]:
    """See `Jit.to_jax`."""
    jax = library("jax", "to_jax needs JAX: pip install jax")
    np, numpy = jax.numpy, import_module("numpy")
    export = Export(made, name)
    functions: dict[Any, Any] = {}

    def function_for(dtype: Any) -> Any:
        found = functions.get(dtype)
        if found is None:
            source = export.values
            space = differentiable(jax, jax_space(dtype))
            found = functions[dtype] = function_of(
                source,
                space,
                lambda data: numpy.asarray(data, dtype),
                lambda positions: numpy.asarray(positions, numpy.int32),
                export.no_meaning,
            )
        return found

    def function(parameters: Any, *args: Any) -> Any:
        parameters = np.asarray(parameters)
        parameters = parameters.astype(np.result_type(parameters, np.float32))
        export.check(parameters)
        found = [np.asarray(x, parameters.dtype).reshape(-1) for x in export.numbers(args)]
        row = np.concatenate(found) if found else np.zeros(0, parameters.dtype)
        arrays = export.inputs.cut(row, numpy.asarray(export.inputs.order, numpy.int32))
        weights = export.parameters.cut(
            parameters, numpy.asarray(export.parameters.order, numpy.int32)
        )
        y = function_for(parameters.dtype)(*arrays, *weights)
        if isinstance(y, list):
            y = np.stack([np.asarray(x, parameters.dtype) for x in y])
        y = np.asarray(y, parameters.dtype)
        return export.result(y.reshape(-1), np.stack)

    function.__name__ = function.__qualname__ = name
    return function


# PyTorch --------------------------------------------------------------------------------------------


def to_torch(made: Compiled, name: str) -> Callable[..., Any]:
    """See `Jit.to_torch`."""
    torch = library("torch", "to_torch needs PyTorch: pip install torch")
    export = Export(made, name)
    program = export.program
    by = [*program.parameters, *program.inputs]
    backward = reverse(program, by, "given")
    sources = {
        (batched, back): emit(backward if back else program, batched=batched)
        for batched in (False, True)
        for back in (False, True)
    }
    functions: dict[Any, Any] = {}
    indices: dict[Any, Any] = {}

    def function_for(like: Any, batched: bool, back: bool) -> Any:
        key = (like.dtype, like.device, batched, back)
        found = functions.get(key)
        if found is None:
            kind = {"dtype": like.dtype, "device": like.device}
            found = functions[key] = function_of(
                sources[batched, back],
                torch_space(like.dtype, like.device),
                lambda data: torch.tensor(data, **kind),
                lambda positions: torch.tensor(positions, device=like.device),
                export.no_meaning,
            )
        return found

    def index(layout: Layout, back: bool, device: Any) -> Any:
        key = (id(layout), back, device)
        if key not in indices:
            order = layout.back if back else layout.order
            indices[key] = torch.tensor(order, dtype=torch.long, device=device)
        return indices[key]

    def arrays(parameters: Any, numbers: Any) -> list[Any]:
        device = parameters.device
        return [
            *export.inputs.cut(numbers, index(export.inputs, False, device)),
            *export.parameters.cut(parameters, index(export.parameters, False, device)),
        ]

    def run(parameters: Any, numbers: Any, batched: bool) -> Any:
        """The results in a row, for each example."""
        y = function_for(parameters, batched, False)(*arrays(parameters, numbers))
        kind = {"dtype": parameters.dtype, "device": parameters.device}
        lead = numbers.shape[:1] if batched else ()
        if isinstance(y, list):
            found = [torch.as_tensor(x, **kind) for x in y]
            return torch.stack([x.expand(lead) if x.ndim < len(lead) else x for x in found], -1)
        y = torch.as_tensor(y, **kind)
        if batched:
            return y.expand(lead).unsqueeze(-1) if y.ndim < 2 else y.reshape(*lead, -1)
        return y.reshape(-1)

    def pull(parameters: Any, numbers: Any, seeds: Any, batched: bool) -> tuple[Any, Any]:
        """The gradients by the parameters, summed over the examples, and by the inputs of each."""
        given = [seeds[..., k] for k in range(export.results)]
        made_by = function_for(parameters, batched, True)
        _, slopes = made_by(*arrays(parameters, numbers), *given)
        kind = {"dtype": parameters.dtype, "device": parameters.device}
        slopes = [torch.as_tensor(x, **kind) for x in slopes]
        n = len(program.parameters)
        lead = 1 if batched else 0
        ps, xs = slopes[:n], slopes[n:]
        device = parameters.device
        by_parameters = (
            export.parameters.joined(torch, ps, 0, index(export.parameters, True, device))
            if ps
            else torch.zeros_like(parameters)
        )
        by_inputs = (
            export.inputs.joined(torch, xs, lead, index(export.inputs, True, device))
            if xs
            else torch.zeros_like(numbers)
        )
        return by_parameters, by_inputs

    class Batch(torch.autograd.Function):  # type: ignore[misc,name-defined]
        """All examples at once; the parameters are the same for all."""

        generate_vmap_rule = True

        @staticmethod
        def forward(parameters: Any, numbers: Any) -> Any:
            return run(parameters, numbers, True)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, numbers = ctx.saved_tensors
            return pull(parameters, numbers, seeds, True)

    class Each(torch.autograd.Function):  # type: ignore[misc,name-defined]
        """One example; others beside it have parameters of their own."""

        generate_vmap_rule = True

        @staticmethod
        def forward(parameters: Any, numbers: Any) -> Any:
            return run(parameters, numbers, False)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, numbers = ctx.saved_tensors
            return pull(parameters, numbers, seeds, False)

    class Run(torch.autograd.Function):  # type: ignore[misc,name-defined]
        """One example; under `vmap` over the examples alone, all at once."""

        @staticmethod
        def forward(parameters: Any, numbers: Any) -> Any:
            return run(parameters, numbers, False)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, numbers = ctx.saved_tensors
            return pull(parameters, numbers, seeds, False)

        @staticmethod
        def vmap(info: Any, in_dims: Any, parameters: Any, numbers: Any) -> Any:
            if in_dims[0] is None and in_dims[1] is not None and program.inputs:
                return Batch.apply(parameters, numbers.movedim(in_dims[1], 0)), 0
            return torch.func.vmap(Each.apply, in_dims)(parameters, numbers), 0

    def function(parameters: Any, *args: Any) -> Any:
        if not isinstance(parameters, torch.Tensor):
            parameters = torch.as_tensor(parameters, dtype=torch.float64)
        export.check(parameters)
        kind = {"dtype": parameters.dtype, "device": parameters.device}
        found = [torch.as_tensor(x, **kind).reshape(-1) for x in export.numbers(args)]
        row = torch.cat(found) if found else torch.zeros(0, **kind)
        return export.result(Run.apply(parameters, row), torch.stack)

    function.__name__ = function.__qualname__ = name
    return function
