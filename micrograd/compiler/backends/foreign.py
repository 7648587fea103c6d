"""What the operations mean on the arrays of JAX and of PyTorch.

Most are formulas in `numpy.py`, for anyone's arrays; here is the rest: the special functions
that both have, and what is made of them. What runs with them is in `interop.py`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from math import inf, log, pi, sqrt
from typing import Any

from ...numerics.ieee import LN2
from ...numerics.tails import TWO_OVER_SQRT_PI
from .numpy import functions


def unchecked(wrong: Any) -> None:
    """Nothing: under jax.jit nobody can look."""


@cache
def jax_functions() -> dict[str, Any]:
    np, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    known = {
        "erf": special.erf, "erfc": special.erfc, "ndtr": special.ndtr, "lgamma": special.gammaln,
        "gamma": special.gamma, "digamma": special.digamma, "polygamma": special.polygamma,
        "sinc": np.sinc, "i0": special.i0, "i1": special.i1, "gammainc": special.gammainc,
        "gammaincc": special.gammaincc, "betainc": special.betainc, "erfinv": special.erfinv,
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
        "j0": special.bessel_j0, "j1": special.bessel_j1, "y0": special.bessel_y0,
        "y1": special.bessel_y1, "i0": special.i0, "i1": special.i1, "erfinv": torch.erfinv,
        "erfcx": special.erfcx, "gammainc": special.gammainc, "gammaincc": special.gammaincc,
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
    """All operations: those of `numpy.py`, SciPy's, and what is made of them."""

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

    def round_to(x: Any, digits: Any) -> Any:
        scale = 10.0**digits
        return xp.rint(x * scale) / scale

    composed |= {
        "acos": xp.arccos, "xlogy": xlogy, "unit": unit, "power_partial": power_partial,
        "dsinc": dsinc, "remainder": remainder, "round": round_to,
        "bessel_j": of_order_one("j0", "j1"), "bessel_y": of_order_one("y0", "y1"),
        "bessel_i": of_order_one("i0", "i1"),
        "derfinv": lambda x: sqrt(pi) / 2.0 * xp.exp(known["erfinv"](x) ** 2),
        "erfcx_by": only(1.0, "erfcx", lambda x: 2.0 * x * known["erfcx"](x) - 2.0 / sqrt(pi)),
        "gamma_density": only(0.0, "gammainc", lambda a, x: xp.exp(
            (a - 1.0) * xp.log(x) - x - known["lgamma"](a))),
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
