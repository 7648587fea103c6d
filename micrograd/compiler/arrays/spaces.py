"""What the names in emitted array source mean in NumPy, JAX and PyTorch.

`library.py` is text that the three share: here it is run with `np` bound to each, and completed
by the special functions that each has elsewhere. `definitions` gives the parts of it that a
source needs, to be printed above it. What runs with them is in `runtime.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ...core.rule import TABLE, Rule
from ...numerics import ieee

LIBRARY = Path(__file__).with_name("library.py")
# What NumPy computes number by number, as the table does, to the same accuracy.
BY_NUMBER = ("dsinc", "sinc", "remainder", "ldexp", "round", "fma", "power_partial", "dcbrt",
             "datan2", "inv_r2", "gelu", "dgelu", "truncdiv", "neardiv", "unit",
             "xlogy")  # fmt: skip
# What has no formula in the words that the three share.
ELSEWHERE = ("erf", "erfc", "ndtr", "lgamma", "gamma", "digamma", "polygamma", "sinc")


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
    space.update(special)
    return space


# NumPy ------------------------------------------------------------------------------------------


def elementwise(forward: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats on arrays, number by number: for what NumPy has no formula."""
    np = import_module("numpy")

    def each(*xs: Any) -> Any:
        found = np.frompyfunc(lambda *a: forward(*map(float, a)), len(xs), 1)(*xs)
        return np.asarray(found, dtype=float)

    return each


@cache
def numpy_space() -> dict[str, Any]:
    """The meanings in NumPy, where some things go faster than in the shared words."""
    np = import_module("numpy")
    space = space_of(np, {name: elementwise(TABLE[name].forward) for name in ELSEWHERE})
    clip, careful, nll = space["clip"], space["exp_gap"], space["nll"]

    def refuse(wrong: Any) -> None:
        if wrong:
            raise ValueError("an operand is out of its domain")  # said better by the table's own

    def checked_clip(x: Any, low: Any, high: Any) -> Any:
        refuse(np.any(np.greater(low, high)))
        return clip(x, low, high)

    def place(index: Any, x: Any) -> Any:
        found = np.arange(x.shape[-1]) == index
        return found if found.shape == x.shape else np.broadcast_to(found, x.shape)

    def chosen(index: Any, x: Any) -> Any:
        found = place(index, x)
        refuse(np.count_nonzero(found) * x.shape[-1] != found.size)
        return found

    def exp_gap(x: Any, top: Any) -> Any:
        gap = x - top
        # Up to 8 the rounding of the difference costs less than 2 units in the last place.
        if np.max(np.abs(gap)) < 8.0:
            return np.exp(gap)
        if not np.isfinite(gap).all():
            return careful(x, top)
        e = np.exp(gap)
        back = gap - x
        return e + ((x - (gap - back)) - (top + back)) * np.where(gap <= 710.0, e, 0.0)

    def gaps(x: Any) -> tuple[Any, Any, float]:
        """x less its largest, the exponentials of that, and the least gap."""
        top = np.maximum.reduce(x, -1, keepdims=True)
        gap = x - top
        low = gap.min()
        if low > -8.0:
            return gap, np.exp(gap), low
        if not low > -700.0:
            return gap, exp_gap(x, top), low
        e = np.exp(gap)
        back = gap - x
        lost = (x - (gap - back)) - (top + back)
        lost *= e
        e += lost
        return gap, e, low

    def fast_nll(index: Any, x: Any) -> Any:
        right = chosen(index, x)
        gap, e, low = gaps(x)
        if not low > -700.0:  # or x is not finite
            return nll(index, x)
        whole = e.sum(-1)
        if whole.min() > 1.5:
            logs = np.log(whole)
        else:  # one class has nearly all: 1 + the rest would lose digits
            tops = gap == 0.0
            e[tops] = 0.0
            logs = np.log1p(e.sum(-1) + (tops.sum(-1) - 1.0))
        return logs - gap[right].reshape(whole.shape)

    def fast_dnll(index: Any, x: Any) -> Any:
        right = place(index, x)
        _, e, _ = gaps(x)
        whole = e.sum(-1, keepdims=True)
        e[right] = 0.0
        e[right] = -e.sum(-1).reshape(-1)
        e /= whole
        return e

    space.update({name: elementwise(TABLE[name].forward) for name in BY_NUMBER})
    space.update(
        maximum=np.maximum, minimum=np.minimum, fmax=np.fmax, fmin=np.fmin, cbrt=np.cbrt,
        relu=lambda x: np.maximum(x, 0.0), clip=checked_clip, chosen=chosen, exp_gap=exp_gap,
        nll=fast_nll, dnll=fast_dnll, power=np.power, norm=lambda x: np.hypot.reduce(x, -1),
        exactly=lambda x: np.apply_along_axis(lambda row: ieee.fsum(*row.tolist()), -1, x),
    )  # fmt: skip
    return space


@cache
def numpy_gradient_space() -> dict[str, Any]:
    """The same for gradients of which none is nan: whoever finds one asks the eager engine."""
    return {**numpy_space(), "gate": lambda d, x: d * (x > 0)}


# JAX and PyTorch -------------------------------------------------------------------------------


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
        "cbrt": np.cbrt, "sinc": np.sinc,
        "chosen": lambda index, x: np.arange(x.shape[-1]) == index,
    }  # fmt: skip
    return space_of(Typed(np, dtype=dtype), known)


def torch_space(dtype: Any, device: Any) -> dict[str, Any]:
    torch: Any = import_module("torch")

    def gamma(x: Any) -> Any:
        odd = (x < 0) & (torch.remainder(torch.floor(x), 2.0) != 0)
        size = torch.exp(torch.lgamma(x))
        return torch.where(odd, -size, size)

    known = {
        "erf": torch.erf, "erfc": torch.erfc, "ndtr": torch.special.ndtr, "lgamma": torch.lgamma,
        "gamma": gamma, "digamma": torch.digamma,
        "chosen": lambda index, x: torch.arange(x.shape[-1], device=x.device) == index,
        "polygamma": lambda n, x: torch.polygamma(int(n), x), "sinc": torch.sinc,
    }  # fmt: skip
    return space_of(TypedTorch(torch, dtype=dtype, device=device), known)


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
