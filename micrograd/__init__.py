"""micrograd: a scalar reverse-mode autodiff engine in Python.

A `Value` is a number that remembers how it was computed; `backward()` finds the
derivative of the result by every number that went into it.

>>> import micrograd as mg
>>> x = mg.Value(2.0)
>>> y = mg.sin(x) * x
>>> y.backward()
>>> f"{x.grad:.6f}"
'0.077004'

Read on in `micrograd/engine.py`. This file holds the public names and no logic; what is
not needed at once is imported when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import ops
from .engine import Value
from .modes import no_grad
from .ops import *  # noqa: F403
from .ops import maximum as max
from .ops import minimum as min
from .toposort import compiled
from .version import __version__

if TYPE_CHECKING:
    from . import nn as nn

_LATER = {
    name: module
    for module, names in {
        "nn": ["nn"],
        "losses": ["losses"],
        "optim": ["optim"],
        "data": ["data"],
        "train": ["train"],
        "plots": ["plots"],
        "transforms": [
            "derivative",
            "grad",
            "hessian",
            "hvp",
            "jacobian",
            "jvp",
            "value_and_grad",
            "vjp",
        ],
        "anomaly": ["AnomalyError", "detect_anomaly"],
        "recompute": ["checkpoint"],
        "extend": ["custom"],
        "check": ["check_grad"],
        "homework": ["check_value_class"],
        "compiler": ["TraceError", "jit", "staged"],
        "graph": ["draw", "graph", "latex", "name_values", "scope"],
    }.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'micrograd' has no attribute {name!r}")
    module = import_module(f".{_LATER[name]}", __name__)
    value = module if name == _LATER[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = ["Value", "__version__", "compiled", "max", "min", "no_grad"]
__all__ += ops.__all__
__all__ += [*_LATER]
