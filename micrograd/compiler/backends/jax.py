"""`to_jax`: the array program on JAX's arrays, differentiated by the rules of the table."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..arrays.runtime import Layout, function_of
from ..arrays.spaces import jax_space
from .interop import Export, library
from .rules import differentiable

if TYPE_CHECKING:
    from ..compiled import Compiled


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

    def cut(layout: Layout, row: Any) -> list[Any]:
        """Slices of the row; a gather, of which the gradient is slow, only where there are none."""
        index = None if layout.parts else numpy.asarray(layout.order, numpy.int32)
        return layout.cut(row, index)

    def function(parameters: Any, *args: Any) -> Any:
        parameters = np.asarray(parameters)
        parameters = parameters.astype(np.result_type(parameters, np.float32))
        export.check(parameters)
        found = [np.asarray(x, parameters.dtype) for x in export.numbers(args)]
        arrays = export.arrays(found)
        if arrays is None:
            arrays = cut(export.inputs, np.concatenate([x.reshape(-1) for x in found]))
        weights = cut(export.parameters, parameters)
        y = function_for(parameters.dtype)(*arrays, *weights)
        if isinstance(y, list):
            y = np.stack([np.asarray(x, parameters.dtype) for x in y])
        y = np.asarray(y, parameters.dtype)
        return export.result(y.reshape(-1), np.stack)

    function.__name__ = function.__qualname__ = name
    return function
