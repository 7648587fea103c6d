"""What the names in emitted array source mean in NumPy, JAX and PyTorch.

`library.py` is text that the three share: here it is run with `np` bound to each, and completed
by the special functions that each has elsewhere. `definitions` gives the parts of it that a
source needs, to be printed above it. NumPy's own are in `spaces_numpy.py`; what runs with them is
in `runtime.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from math import pi, sqrt
from pathlib import Path
from typing import Any

from ...core.rule import TABLE, Rule
from .operands import DIRECT, OPERATORS, VALUES

LIBRARY = Path(__file__).with_name("library.py")
# What source says without a function of this name.
WRITTEN = (*OPERATORS, *VALUES, "neg", "pow", "sum", "mean", "dot", "weighted_sum", "identity")


@cache
def texts() -> dict[str, str]:
    """The text of each function of the library."""
    source = LIBRARY.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


@cache
def elsewhere() -> tuple[str, ...]:
    """The operations that have no formula in the words that the three share: special functions."""
    return tuple(name for name in TABLE if name not in {*texts(), *DIRECT, *WRITTEN})


@cache
def needs(name: str) -> tuple[str, ...]:
    """The functions of the library that one of them calls, and itself, those called first."""
    known = texts()
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in found or name not in known:
            return
        for node in ast.walk(ast.parse(known[name])):
            if isinstance(node, ast.Name) and node.id != name:
                visit(node.id)
        found[name] = None

    visit(name)
    return tuple(found)


def definitions(calls: Iterable[str]) -> str:
    """The text of these functions and of those that they call."""
    wanted = dict.fromkeys(part for name in calls for part in needs(name))
    return "\n\n\n".join(texts()[name] for name in wanted)


@cache
def program_text() -> Any:
    return compile(LIBRARY.read_text(encoding="utf-8"), str(LIBRARY), "exec")


def space_of(np: Any, special: dict[str, Any]) -> dict[str, Any]:
    """The library over one array library, completed by special functions."""
    space: dict[str, Any] = {"__name__": "micrograd.compiler.arrays.library"}
    exec(program_text(), space)
    space["np"] = np
    space.update({name: unknown(name) for name in elsewhere()})
    space.update(special)
    return space


def unknown(name: str) -> Callable[..., Any]:
    def refused(*xs: Any) -> Any:
        raise TypeError(f"the operation {name} cannot be exported: there is no formula for it")

    return refused


def composed(np: Any, known: dict[str, Any]) -> dict[str, Any]:
    """What is made of special functions, those of them that a library has."""

    def of_order_one(low: str, high: str) -> Any:
        def slope(v: Any, n: Any, x: Any) -> Any:
            if v != 1 or n != 1 or low not in known:
                raise TypeError(f"this derivative of {high} cannot be exported")
            return known[low](x) - known[high](x) / x

        return slope

    def only(order: float, name: str, value: Any) -> Any:
        def formula(n: Any, *xs: Any) -> Any:
            if n != order:
                raise TypeError(f"the derivatives of {name} beyond the first cannot be exported")
            return value(*xs)

        return formula

    made = {
        "bessel_j": of_order_one("j0", "j1"), "bessel_y": of_order_one("y0", "y1"),
        "bessel_i": of_order_one("i0", "i1"),
        "derfinv": lambda x: sqrt(pi) / 2.0 * np.exp(known["erfinv"](x) ** 2),
        "gamma_density": only(0.0, "gammainc", lambda a, x: np.exp(
            (a - 1.0) * np.log(x) - x - known["lgamma"](a))),
    }  # fmt: skip
    if "erfcx" in known:
        made["erfcx_by"] = only(
            1.0, "erfcx", lambda x: 2.0 * x * known["erfcx"](x) - 2.0 / sqrt(pi)
        )
    return {**known, **made}


class Typed:
    """An array library whose new arrays have one kind of numbers, and one device."""

    def __init__(self, library: Any, **kind: Any) -> None:
        self._library, self._kind = library, kind

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        setattr(self, name, found)
        return found

    def zeros(self, shape: Any) -> Any:
        return self._library.zeros(shape, **self._kind)

    def full(self, shape: Any, x: float) -> Any:
        return self._library.full(shape, x, **self._kind)


class TypedTorch(Typed):
    """PyTorch, which makes single precision of two numbers to choose from."""

    def where(self, c: Any, a: Any, b: Any) -> Any:
        torch = self._library
        if isinstance(c, bool):
            return a if c else b
        if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
            a = torch.full((), a, **self._kind)
        return torch.where(c, a, b)


def jax_space(dtype: Any) -> dict[str, Any]:
    np, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    known = {
        "erf": special.erf, "erfc": special.erfc, "ndtr": special.ndtr, "lgamma": special.gammaln,
        "gamma": special.gamma, "digamma": special.digamma,
        "polygamma": lambda n, x: special.polygamma(int(n), x),
        "cbrt": np.cbrt, "sinc": np.sinc, "i0": special.i0, "i1": special.i1,
        "erfinv": special.erfinv, "gammainc": special.gammainc, "gammaincc": special.gammaincc,
        "betainc": special.betainc,
        "chosen": lambda index, x: np.arange(x.shape[-1]) == index,
    }  # fmt: skip
    return space_of(Typed(np, dtype=dtype), composed(np, known))


def torch_space(dtype: Any, device: Any) -> dict[str, Any]:
    torch: Any = import_module("torch")
    special = torch.special

    def lifted(function: Any) -> Any:
        """The function, of which some operands may be numbers."""

        def called(*xs: Any) -> Any:
            kind = {"dtype": dtype, "device": device}
            return function(
                *[x if isinstance(x, torch.Tensor) else torch.full((), x, **kind) for x in xs]
            )

        return called

    def gamma(x: Any) -> Any:
        odd = (x < 0) & (torch.remainder(torch.floor(x), 2.0) != 0)
        size = torch.exp(torch.lgamma(x))
        return torch.where(odd, -size, size)

    places = cache(lambda n: torch.arange(n, device=device))

    def chosen(index: Any, x: Any) -> Any:
        return places(x.shape[-1]) == index

    def gate(d: Any, x: Any) -> Any:
        return torch.where(x > 0, d, torch.clamp(x, 0.0, 0.0))  # nan at nan

    known = {
        "relu": torch.relu, "gate": gate, "chosen": chosen,
        "erf": torch.erf, "erfc": torch.erfc, "ndtr": special.ndtr, "lgamma": lifted(torch.lgamma),
        "gamma": gamma, "digamma": torch.digamma,
        "polygamma": lambda n, x: torch.polygamma(int(n), x), "sinc": torch.sinc,
        "j0": special.bessel_j0, "j1": special.bessel_j1, "y0": special.bessel_y0,
        "y1": special.bessel_y1, "i0": special.i0, "i1": special.i1, "erfinv": torch.erfinv,
        "erfcx": special.erfcx, "gammainc": lifted(special.gammainc),
        "gammaincc": lifted(special.gammaincc),
    }  # fmt: skip
    return space_of(TypedTorch(torch, dtype=dtype, device=device), composed(torch, known))


def is_own(rule: Rule) -> bool:
    """Whether an operation is not of the table: a user made it."""
    known = TABLE.get(rule.name)
    return known is None or known not in (rule, rule.reflected)


def own_names(calls: dict[str, Rule | None]) -> dict[str, Rule]:
    """Of the functions that a source calls, those that a user made."""
    return {
        name: rule
        for name, rule in calls.items()
        if rule is not None and rule.name != "reached" and is_own(rule)
    }
