"""`to_torch`: the array program and its backward pass on PyTorch's tensors.

Under `torch.func.vmap` over the examples all of them go through whole matrices at once, forward
and backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..arrays.reverse import reverse
from ..arrays.runtime import Layout, function_of
from ..arrays.source import emit
from ..arrays.spaces import torch_space
from .interop import Export, library

if TYPE_CHECKING:
    from ..compiled import Compiled


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
