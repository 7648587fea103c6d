"""`to_torch`: the array program and its backward pass on PyTorch's tensors.

Under `torch.func.vmap` over the examples all of them go through whole matrices at once, forward
and backward. Where all operations are such of which PyTorch has the table's derivatives, it
differentiates the forward pass itself; else the backward pass is that of the array program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ...core.foreign import is_array
from ..arrays.reverse import reverse
from ..arrays.runtime import Layout, function_of
from ..arrays.source import Source, emit
from ..arrays.spaces import torch_space
from .interop import Export, library

if TYPE_CHECKING:
    from ..compiled import Compiled

# Operations of which PyTorch's derivatives are those of the table (but that of relu at nan), and
# those that have the table's within what PyTorch differentiates: see `classes`.
SAME = {"add", "sub", "mul", "neg", "identity", "relu", "tanh", "exp", "sin", "cos", "nll"}


def to_torch(made: Compiled, name: str, batch: bool) -> Callable[..., Any]:
    """See `Jit.to_torch`."""
    torch = library("torch", "to_torch needs PyTorch: pip install torch")
    export = Export(made, name)
    program = export.program
    leaves = len(program.parameters)
    native = {step.rule.name for step in program.steps if hasattr(step, "rule")} <= SAME

    def layer(x: Any, w: Any, b: Any) -> Any:
        if x.ndim == w.ndim == 2 and b.ndim == 1:
            return torch.addmm(b, x, w.T)
        return x @ w.T + b

    @cache
    def source(what: str, batched: bool) -> Source:
        if what == "values":
            return with_layers(emit(program, batched=batched))
        # The gradients by the parameters, and by the inputs if they are asked for.
        by = [*program.parameters, *(program.inputs if what == "all gradients" else [])]
        return emit(reverse(program, by, "given"), batched=batched)

    @cache
    def function_for(dtype: Any, device: Any, what: str, batched: bool) -> Any:
        kind = {"dtype": dtype, "device": device}
        space = {**torch_space(dtype, device), "layer": layer}
        if what == "values" and native:
            space["nll"] = classes(torch, space)
        return function_of(
            source(what, batched),
            space,
            lambda data: torch.tensor(data, **kind),
            lambda positions: torch.tensor(positions, device=device),
            export.no_meaning,
        )

    @cache
    def index(layout: Layout, back: bool, device: Any) -> Any:
        order = layout.back if back else layout.order
        return None if layout.parts else torch.tensor(order, dtype=torch.long, device=device)

    def weights_of(parameters: Any) -> Any:
        layout = export.parameters
        if layout.forwards and parameters.is_contiguous():  # one view each, and no slices
            start = parameters.storage_offset()
            return [parameters.as_strided(n, s, start + base) for base, n, s in layout.nests]
        return layout.cut(parameters, index(layout, False, parameters.device))

    def call(what: str, batched: bool, parameters: Any, weights: Any, *more: Any) -> Any:
        function = function_for(parameters.dtype, parameters.device, what, batched)
        return function(*more[: len(program.inputs)], *weights, *more[len(program.inputs) :])

    def like(parameters: Any, x: Any) -> Any:
        return torch.as_tensor(x, dtype=parameters.dtype, device=parameters.device)

    def in_a_row(parameters: Any, y: Any, arrays: Any, batched: bool) -> Any:
        """The results side by side, for each example."""
        lead = arrays[0].shape[:1] if batched else ()
        if isinstance(y, list):
            found = [like(parameters, x) for x in y]
            return torch.stack([x.expand(lead) if x.ndim < len(lead) else x for x in found], -1)
        y = like(parameters, y)
        if batched:
            return y.expand(lead).unsqueeze(-1) if y.ndim < 2 else y.reshape(*lead, -1)
        return y.reshape(-1)

    def by_parameters(slopes: Any, device: Any) -> Any:
        layout = export.parameters
        return layout.joined(torch, slopes, 0, index(layout, True, device))

    def values(parameters: Any, arrays: Any, batched: bool) -> Any:
        y = call("values", batched, parameters, weights_of(parameters), *arrays)
        return in_a_row(parameters, y, arrays, batched)

    def gradients(needed: Any, parameters: Any, arrays: Any, seeds: Any, batched: bool) -> Any:
        """Summed over the examples by parameters, and of each by its inputs."""
        what = "all gradients" if any(needed[1:]) else "gradients"
        given = [*arrays, *[seeds[..., k] for k in range(export.results)]]
        _, slopes = call(what, batched, parameters, weights_of(parameters), *given)
        slopes = [like(parameters, x) for x in slopes]
        ps = by_parameters(slopes[:leaves], parameters.device) if leaves else None
        return ps, *(slopes[leaves:] if any(needed[1:]) else [None] * len(arrays))

    class Weights(torch.autograd.Function):  # type: ignore[misc,name-defined]
        """The arrays that the parameters are."""

        generate_vmap_rule = True

        @staticmethod
        def forward(parameters: Any) -> Any:
            return tuple(weights_of(parameters))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, *slopes: Any) -> Any:
            return by_parameters(slopes, slopes[0].device)

    class Batch(torch.autograd.Function):  # type: ignore[misc,name-defined]
        """All examples at once; the parameters are the same for all."""

        generate_vmap_rule = True

        @staticmethod
        def forward(parameters: Any, *arrays: Any) -> Any:
            return values(parameters, arrays, True)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, *arrays = ctx.saved_tensors
            return gradients(ctx.needs_input_grad, parameters, arrays, seeds, True)

    class Each(Batch):
        """One example; others beside it have parameters of their own."""

        @staticmethod
        def forward(parameters: Any, *arrays: Any) -> Any:
            return values(parameters, arrays, False)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, *arrays = ctx.saved_tensors
            return gradients(ctx.needs_input_grad, parameters, arrays, seeds, False)

    class Run(Each):
        """One example; under `vmap` over the examples alone, all at once."""

        generate_vmap_rule = False

        @staticmethod
        def vmap(info: Any, in_dims: Any, parameters: Any, *arrays: Any) -> Any:
            if in_dims[0] is None:
                n = info.batch_size
                columns = [
                    x.expand(n, *x.shape) if k is None else x.movedim(k, 0)
                    for x, k in zip(arrays, in_dims[1:])
                ]
                return batched(parameters, columns), 0
            return torch.func.vmap(Each.apply, in_dims)(parameters, *arrays), 0

    def batched(parameters: Any, columns: list[Any]) -> Any:
        if not native:
            return Batch.apply(parameters, *columns)
        weights = Weights.apply(parameters) if leaves else []
        y = call("values", True, parameters, weights, *columns)
        return in_a_row(parameters, y, columns, True)

    def one(parameters: Any, *args: Any) -> Any:
        if not isinstance(parameters, torch.Tensor):
            parameters = torch.as_tensor(parameters, dtype=torch.float64)
        export.check(parameters)
        found = [like(parameters, x) for x in export.numbers(args)]
        arrays = export.arrays(found)
        if arrays is None:
            row = torch.cat([x.reshape(-1) for x in found])
            arrays = export.inputs.cut(row, index(export.inputs, False, parameters.device))
        return export.result(Run.apply(parameters, *arrays), torch.stack)

    def whole(parameters: Any, *args: Any) -> Any:
        if not args:  # one example, as in `fit`
            return one(parameters)
        if not isinstance(parameters, torch.Tensor):
            parameters = torch.as_tensor(parameters, dtype=torch.float64)
        export.check(parameters)
        given = [like(parameters, x) if is_array(x) or numbers(x) else x for x in args]
        arrays = export.columns(given)
        if arrays is None:  # some are lists, dictionaries, or tensors within them
            return torch.func.vmap(one, (None, *[0] * len(given)))(parameters, *given)
        y = batched(parameters, arrays)
        columns = [y.squeeze(-1)] if export.results == 1 else y.unbind(-1)
        return export.result(columns, lambda xs: torch.stack(xs, 1))

    function = whole if batch else one
    function.__name__ = function.__qualname__ = name
    return function


def classes(torch: Any, space: dict[str, Any]) -> Callable[..., Any]:
    """nll of the space with its slopes, of which PyTorch's own have no digits near a loss of 0."""
    nll, dnll = space["nll"], space["dnll"]

    class Classes(torch.autograd.Function):  # type: ignore[misc]
        """The loss of a class by the numbers along the last dimension."""

        generate_vmap_rule = True

        @staticmethod
        def forward(index: Any, x: Any) -> Any:
            return nll(index, x)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            index, x = ctx.saved_tensors
            found = (d[..., None] * dnll(index, x)).sum_to_size(x.shape)
            return (torch.zeros_like(index) if ctx.needs_input_grad[0] else None), found

    return lambda index, x: Classes.apply(torch.as_tensor(index, device=x.device), x)


def numbers(x: Any) -> bool:
    """Whether it is numbers in lists, which a tensor can be made of."""
    return isinstance(x, (list, tuple)) and all(
        isinstance(a, (int, float)) or numbers(a) for a in x
    )


class Layers(ast.NodeTransformer):
    """`x @ W.T + b` as `layer(x, W, b)`, which PyTorch does in one pass over the result."""

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        match node:
            case ast.BinOp(
                ast.BinOp(x, ast.MatMult(), ast.Attribute(w, "T")), ast.Add(), ast.Name() as b
            ):
                return ast.Call(ast.Name("layer", ast.Load()), [x, w, b], [])
        return node


def with_layers(source: Source) -> Source:
    return source._replace(text=ast.unparse(Layers().visit(ast.parse(source.text))))
