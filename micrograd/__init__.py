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
from .core.build import compiled
from .core.no_grad import no_grad
from .engine import Value
from .ops import *  # noqa: F403
from .ops import maximum as max
from .ops import minimum as min
from .version import __version__

if TYPE_CHECKING:  # the same names as below, for type checkers
    from . import adversarial as adversarial
    from . import compiler as compiler
    from . import data as data
    from . import graph as graph
    from . import losses as losses
    from . import nn as nn
    from . import optim as optim
    from . import stochastic as stochastic
    from . import train as train
    from .autodiff.anomaly import AnomalyError as AnomalyError
    from .autodiff.anomaly import detect_anomaly as detect_anomaly
    from .autodiff.check import check_grad as check_grad
    from .autodiff.checkpoint import checkpoint as checkpoint
    from .autodiff.custom import custom as custom
    from .autodiff.implicit import fixed_point as fixed_point
    from .autodiff.implicit import root as root
    from .autodiff.loops import cond as cond
    from .autodiff.loops import fori_loop as fori_loop
    from .autodiff.loops import scan as scan
    from .autodiff.loops import while_loop as while_loop
    from .autodiff.transforms import derivative as derivative
    from .autodiff.transforms import grad as grad
    from .autodiff.transforms import hessian as hessian
    from .autodiff.transforms import hvp as hvp
    from .autodiff.transforms import jacobian as jacobian
    from .autodiff.transforms import jvp as jvp
    from .autodiff.transforms import value_and_grad as value_and_grad
    from .autodiff.transforms import vjp as vjp
    from .compiler.jit import jit as jit
    from .compiler.staged import staged as staged
    from .compiler.trace import TraceError as TraceError
    from .doctor import compare_backward as compare_backward
    from .doctor.diagnose import diagnose as diagnose
    from .doctor.shares import shares as shares
    from .doctor.watch import watch as watch
    from .graph import draw as draw
    from .graph import latex as latex
    from .graph import name_values as name_values
    from .graph import scope as scope
    from .learn.homework import check_value_class as check_value_class
    from .train import plots as plots

# What is imported when it is first asked for: the modules, and by module the names.
_MODULES = [
    "adversarial",
    "compiler",
    "data",
    "graph",
    "losses",
    "nn",
    "optim",
    "stochastic",
    "train",
]
_LATER = {
    name: module
    for module, names in {
        "autodiff.transforms": [
            "derivative",
            "grad",
            "hessian",
            "hvp",
            "jacobian",
            "jvp",
            "value_and_grad",
            "vjp",
        ],
        "autodiff.anomaly": ["AnomalyError", "detect_anomaly"],
        "autodiff.checkpoint": ["checkpoint"],
        "autodiff.custom": ["custom"],
        "autodiff.check": ["check_grad"],
        "autodiff.implicit": ["fixed_point", "root"],
        "autodiff.loops": ["cond", "fori_loop", "scan", "while_loop"],
        "doctor": ["compare_backward", "diagnose", "shares", "watch"],
        "compiler": ["TraceError", "jit", "staged"],
        "graph": ["draw", "latex", "name_values", "scope"],
        "learn.homework": ["check_value_class"],
        "train": ["plots"],
    }.items()
    for name in names
}


def _later(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(f".{name}", __name__)
    elif name in _LATER:
        module = import_module(f".{_LATER[name]}", __name__)
        value = getattr(module, name)
    else:
        raise AttributeError(f"module 'micrograd' has no attribute {name!r}")
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # or every name would be there
    __getattr__ = _later


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_LATER})


__all__ = ["Value", "__version__", "compiled", "max", "min", "no_grad"]
__all__ += ops.__all__
__all__ += [*_MODULES, *_LATER]
