"""Arrays of other libraries on their way in: what is taken for numbers, and what is refused.

One door for training data and for compiled functions, so that all backends see the same.
NumPy is imported only where an array shows that it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .rule import real


def is_array(x: Any) -> bool:
    """Whether x is an array, tensor or table with at least one dimension."""
    return bool(getattr(x, "shape", ())) and (hasattr(x, "tolist") or hasattr(x, "to_numpy"))


def array_of(x: Any, who: str) -> Any:
    """x as an array of plain numbers, or as nested lists of them; TypeError for what has none.

    bool counts as 0 and 1. Of a tensor its numbers are taken, whatever device, precision or graph
    it belongs to. A masked array is refused where something is masked: a ValueError.
    """
    if hasattr(x, "to_numpy"):  # a table or a column of pandas
        x = x.to_numpy()
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        if getattr(x, "is_meta", False):
            raise TypeError(f"{who}: this tensor is on the meta device and holds no numbers")
        return of_tensor(x.detach().cpu(), who)
    if hasattr(x, "mask") and hasattr(x, "filled"):
        if getattr(x.mask, "any", bool)():
            raise ValueError(
                f"{who}: some numbers of the array are masked: fill them in, x.filled(0.0) say, "
                "or leave those examples out"
            )
        x = x.data
    dtype = getattr(x, "dtype", None)
    kind = getattr(dtype, "kind", "f")
    if kind in "iuO" or (kind == "f" and getattr(dtype, "itemsize", 8) <= 8):
        return x if type(x).__name__ in ("ndarray", "list") or kind == "O" else plain(x)
    if kind in "bf" or (kind == "V" and getattr(dtype, "names", None) is None):
        return plain(x)  # bool, long double, bfloat16
    raise TypeError(f"{who}: an array of real numbers is needed, not of {dtype}")


def plain(x: Any) -> Any:
    """The numbers of an array as a NumPy array of doubles."""
    try:
        import numpy as np
    except ImportError:
        return x.tolist() if hasattr(x, "tolist") else x
    return np.asarray(x, dtype=float)


def of_tensor(x: Any, who: str) -> Any:
    """The numbers of a tensor of PyTorch."""
    if x.is_complex():
        raise TypeError(f"{who}: a tensor of real numbers is needed, not of {x.dtype}")
    if getattr(x, "is_quantized", False):
        x = x.dequantize()
    if "strided" not in str(x.layout):  # some kind of sparse one
        x = x.to_dense()
    try:
        return x.double().numpy()
    except RuntimeError:  # a PyTorch without NumPy
        return x.double().tolist()


def of_objects(x: Any, who: str) -> Any:
    """An array of objects that are numbers as one of doubles; of lists or arrays as a list."""
    flat = x.reshape(-1).tolist()
    if any(hasattr(element, "__iter__") and not isinstance(element, str) for element in flat):
        return x.tolist()
    import numpy as np

    return np.array([real(element, who) for element in flat], dtype=float).reshape(x.shape)


def batch_of(x: Any, who: str) -> Any:
    """x as what holds one entry for each example: a list or an array; else a TypeError."""
    if is_array(x):
        x = array_of(x, who)
        return x if getattr(getattr(x, "dtype", None), "kind", "f") != "O" else of_objects(x, who)
    if isinstance(x, Mapping):
        raise TypeError(
            f"{who}: over a batch every argument holds one entry for each example; instead of a "
            "dict of columns give the columns one by one, or a list of dicts"
        )
    if isinstance(x, (str, bytes, set, frozenset)) or not (
        hasattr(x, "__len__") and hasattr(x, "__getitem__")
    ):
        raise TypeError(
            f"{who}: over a batch every argument holds one entry for each example, "
            f"and this is {x!r:.60}"
        )
    try:
        len(x)
    except TypeError:
        raise TypeError(
            f"{who}: over a batch every argument holds one entry for each example, and this has "
            f"no length: {x!r:.60}"
        ) from None
    return x
