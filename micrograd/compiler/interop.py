"""`to_jax`, `to_torch`: a compiled function as one of JAX or PyTorch, the way out of here.

The emitted source is run on their arrays, forward and backward: gradients are those of
the table in `ops.py`, conventions at kinks included, and not theirs. What the operations
mean on arrays is in `arrays.py`; those that only SciPy's functions cover stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from math import inf, log, pi
from typing import TYPE_CHECKING, Any

from ..ieee import LN2
from ..rule import Rule
from ..tails import TWO_OVER_SQRT_PI
from .arrays import functions
from .emit import emit
from .program import Program
from .reverse import Symbol, reverse
from .runtime import define, meanings
from .simplify import simplify
from .structure import STATIC, is_array

if TYPE_CHECKING:
    from .compiled import Compiled


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


# What the operations mean there ---------------------------------------------------------------


def unchecked(wrong: Any) -> None:
    """Nothing: under jax.jit nobody can look."""


@cache
def jax_functions() -> dict[str, Any]:
    np, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    known = {
        "erf": special.erf, "erfc": special.erfc, "ndtr": special.ndtr, "lgamma": special.gammaln,
        "gamma": special.gamma, "digamma": special.digamma, "polygamma": special.polygamma,
        "sinc": np.sinc,
    }  # fmt: skip
    return completed(np, known)


@cache
def torch_functions() -> dict[str, Any]:
    torch: Any = import_module("torch")
    special = torch.special
    xp = Torch()

    def gamma(x: Any) -> Any:
        odd = (x < 0) & (torch.remainder(torch.floor(x), 2.0) != 0)
        size = torch.exp(torch.lgamma(x))
        return torch.where(odd, -size, size)

    def polygamma(n: Any, x: Any) -> Any:
        return torch.polygamma(int(n), x)

    known = {
        "erf": torch.erf, "erfc": torch.erfc, "ndtr": special.ndtr, "lgamma": torch.lgamma,
        "gamma": gamma, "digamma": torch.digamma, "polygamma": polygamma, "sinc": torch.sinc,
    }  # fmt: skip
    return completed(xp, known)


class Torch:
    """PyTorch's functions under NumPy's names, with numbers among their operands."""

    NAMES = {"power": "pow", "rint": "round"}  # noqa: RUF012

    def __getattr__(self, name: str) -> Any:
        torch: Any = import_module("torch")
        function = getattr(torch, self.NAMES.get(name, name))

        def lifted(*xs: Any) -> Any:
            like = next((x for x in xs if is_tensor(x) and x.is_floating_point()), None)
            kind: Any = {"dtype": torch.float64} if like is None else {
                "dtype": like.dtype, "device": like.device}  # fmt: skip
            return function(*[lift(x, kind) for x in xs])

        def is_tensor(x: Any) -> bool:
            return isinstance(x, torch.Tensor)

        def lift(x: Any, kind: Any) -> Any:
            if is_tensor(x):
                return x
            return torch.tensor(x) if isinstance(x, bool) else torch.as_tensor(x, **kind)

        setattr(self, name, lifted)
        return lifted

    def cbrt(self, x: Any) -> Any:
        torch: Any = import_module("torch")
        y = torch.sign(x) * torch.abs(x) ** (1.0 / 3.0)
        safe = torch.where((y == 0) | ~torch.isfinite(y), 1.0, y)
        return torch.where(safe == y, y - (y * y * y - x) / (3.0 * safe * safe), y)


def completed(xp: Any, known: dict[str, Any]) -> dict[str, Any]:
    """All operations: those of `arrays.py`, SciPy's, and what is made of them."""

    def rest(name: str) -> Any:
        def unknown(*xs: Any) -> Any:
            raise TypeError(f"the operation {name} cannot be exported: there is no formula for it")

        return known.get(name) or composed.get(name, unknown)

    composed: dict[str, Any] = {}
    space = functions(xp, rest, unchecked)
    where, normal, hypot = xp.where, space["normal"], space["hypot"]
    ndtr = known["ndtr"]
    nan = float("nan")

    def xlogy(a: Any, b: Any) -> Any:
        return where((a == 0) & (b == b), 0.0, a * xp.log(b))

    def unit(a: Any, b: Any) -> Any:
        r = hypot(a, b)
        return where(r == 0, 0.0, a / r)

    def power_partial(x: Any, y: Any, n: Any, k: Any) -> Any:
        # x**(y - n) times a polynomial in log(x), as in tails.py.
        p: list[Any] = [0.0] * int(k) + [1.0]
        a = y
        for _ in range(int(n)):
            q = [a * c for c in p]
            for i in range(1, len(p)):
                q[i - 1] = q[i - 1] + i * p[i]
            p = q
            a = a - 1.0
        power = xp.power(x, y - n)
        if k == 0:
            return where(p[0] == 0, 0.0, p[0] * power)
        factor = xp.log(x)
        value: Any = 0.0
        for c in reversed(p):
            value = value * factor + c
        at_zero = -inf if k % 2 else inf
        limit = where((a > 0) | ((y == 0) & (n == 0)), 0.0, where(p[-1] == 0, nan, power * at_zero))
        return where(x == 0, limit, power * value)

    def dsinc(n: Any, x: Any) -> Any:
        if n != 1:
            raise TypeError("the derivatives of sinc beyond the first cannot be exported")
        safe = where(xp.abs(x) < 1e-3, 1.0, x)
        far = (xp.cos(pi * safe) - known["sinc"](safe)) / safe
        t = (pi * x) * (pi * x)
        near = pi * (pi * x) * (-1.0 / 3.0 + t * (1.0 / 30.0 - t / 840.0))
        return where(xp.abs(x) < 1e-3, near, far)

    def remainder(a: Any, b: Any) -> Any:
        return a - xp.rint(a / b) * b

    def round_to(x: Any, digits: Any) -> Any:
        scale = 10.0**digits
        return xp.rint(x * scale) / scale

    composed |= {
        "acos": xp.arccos, "xlogy": xlogy, "unit": unit, "power_partial": power_partial,
        "dsinc": dsinc, "remainder": remainder, "round": round_to,
        "gelu": lambda x: x * ndtr(x),
        "dgelu": lambda x: ndtr(x) + x * normal(x),
        "fma": lambda a, b, c: a * b + c,
        "fsum": space["sum"],
        "ldexp": lambda x, n: x * xp.exp2(n),
        "truncdiv": lambda a, b: xp.trunc(a / b),
        "neardiv": lambda a, b: xp.rint(a / b),
        "dcbrt": lambda x: 1.0 / (3.0 * xp.cbrt(x) * xp.cbrt(x)),
        "inv_r2": lambda a, b: 1.0 / (a * a + b * b),
        "datan2": lambda a, b: a / (a * a + b * b),
        "exp2": lambda x: xp.exp(x * LN2),
        "derf": lambda x: TWO_OVER_SQRT_PI * xp.exp(-x * x),
        "log2": lambda x: xp.log(x) / log(2.0),
    }  # fmt: skip
    return {**functions(xp, rest, unchecked), **known}
