"""The distributions that can be drawn from, and what the estimators ask of each.

A distribution turns one uniform number into an outcome: by its inverse distribution
function, so that the outcome is a function of the parameters and of noise that does not
depend on them. Parameters are numbers or Values. What is computed of *numbers* (`value`)
passes no gradient on; `path`, `log_density`, `probabilities` and `mean` are Values.

In a trace, where a number is not known, `plain` leaves it as it is; the same lines then
write the program. Here are the base and the two with finitely many outcomes; Normal and
Uniform are in `smooth.py`, Poisson and Geometric in `counts.py`. Read `sample.py` next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from .. import ops
from ..core.rule import real
from ..core.watch import WATCH
from ..engine import Value

ALL = ("score", "straight_through", "gumbel", "measure", "backprop_q", "exact")


class Signed(NamedTuple):
    """One parameter's derivative of an expectation, as differences of the cost itself.

    d E[f] / d parameter is the sum over `terms` of weight * f(outcome), in expectation where
    the outcomes are drawn; the weights add up to 0.
    """

    parameter: Any
    terms: list[tuple[Any, Any]]  # outcome, weight


class Distribution:
    """The base: a name, parameters, and the methods by which a gradient gets through a draw."""

    methods: tuple[str, ...] = ()
    outcomes: tuple[float, ...] = ()  # all of them, where they are finitely many

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def parameters(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def noise(self, u: float) -> float:
        """The noise that `value` and `path` take, of a uniform number."""
        return u

    def value(self, noise: Any) -> Any:
        """The outcome for this noise, as a number."""
        raise NotImplementedError

    def log_density(self, x: Any) -> Any:
        """The logarithm of the probability, or of the density, of x."""
        raise NotImplementedError

    def path(self, noise: Any) -> Any:
        """The outcome as a differentiable function of the parameters, for fixed noise."""
        self.refuse("reparameterized")

    def relaxed(self, draw: Callable[[int], Any], temperature: float) -> tuple[Any, Any]:
        """The outcome as a number and, differentiable, what it is relaxed to; of Gumbel noise."""
        self.refuse("gumbel")

    def probabilities(self) -> list[Any]:
        """The probability of each of the `outcomes`."""
        self.refuse("exact")

    def mean(self) -> Any:
        """The expected outcome."""
        self.refuse("straight_through")

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        """The measure-valued derivative by each parameter; x is what was drawn."""
        self.refuse("measure")

    def refuse(self, method: str) -> NoReturn:
        raise ValueError(refusal(self, f'stochastic: method="{method}"'))

    def __repr__(self) -> str:
        shown = [f"{plain(p):g}" if not symbolic() else "..." for p in self.parameters]
        return f"{self.name}({', '.join(shown)})"


def refusal(d: Distribution, who: str) -> str:
    """The sentence for a gradient that cannot be had, with the methods that have one."""
    able = ", ".join(f'"{m}"' for m in d.methods)
    return (
        f"{who} has no gradient through a draw from {d.name}; "
        f"micrograd.stochastic.gradient(cost, params, method=...) has one with {able}"
    )


def symbolic() -> bool:
    return WATCH.symbolic()


def plain(x: Any) -> Any:
    """The number of x; in a trace, where it is not known, x itself."""
    return x._data if isinstance(x, Value) and not WATCH.symbolic() else x


def given(x: Any, what: str, fits: Callable[[float], bool], which: str) -> Any:
    """A parameter that was given: a Value as it is, or a float; ValueError outside its range."""
    if not isinstance(x, Value):
        x = real(x, what)
    if not (isinstance(x, Value) and symbolic()) and not fits(plain(x)):
        raise ValueError(f"{what} is {which}, not {plain(x)!r}")
    return x


def chosen(x: Any, items: list[Any]) -> Any:
    """items[x], also for an x that is not known yet."""
    if not isinstance(x, Value):
        return items[int(x)]
    found = items[0]
    for k in range(1, len(items)):
        found = ops.where(x > k - 0.5, items[k], found)
    return found


class Bernoulli(Distribution):
    """1 with probability p, else 0.

    >>> Bernoulli(0.25).value(0.2), Bernoulli(0.25).value(0.7)
    (1.0, 0.0)
    """

    methods = ALL
    outcomes = (0.0, 1.0)

    def __init__(self, p: Any) -> None:
        self.p = given(p, "Bernoulli: p", lambda p: 0.0 <= p <= 1.0, "a probability from 0 to 1")

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.p,)

    def value(self, noise: Any) -> Any:
        return ops.where(noise < plain(self.p), 1.0, 0.0)

    def log_density(self, x: Any) -> Any:
        return ops.where(x > 0.5, ops.log(self.p), ops.log1p(-self.p))

    def relaxed(self, draw: Callable[[int], Any], temperature: float) -> tuple[Any, Any]:
        """The binary concrete distribution: Maddison, Mnih and Teh (2017)."""
        u = draw(0)
        odds = ops.log(self.p) - ops.log1p(-self.p) - (ops.log(u) - ops.log1p(-u))
        return self.value(u), ops.sigmoid(odds / temperature)

    def probabilities(self) -> list[Any]:
        return [1.0 - self.p, self.p]

    def mean(self) -> Any:
        return self.p

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        return [Signed(self.p, [(1.0, 1.0), (0.0, -1.0)])]


class Categorical(Distribution):
    """The index k with probability proportional to exp(logits[k]), counted from 0.

    >>> Categorical([0.0, 0.0, 0.0, 0.0]).value(0.6)
    2.0
    """

    methods = ALL

    def __init__(self, logits: Any) -> None:
        if not hasattr(logits, "__iter__") or isinstance(logits, (str, bytes, dict)):
            raise TypeError(f"Categorical: the logits are a list of numbers, not {logits!r:.60}")
        self.logits = [
            given(z, "Categorical: a logit", lambda z: z < math.inf, "a number below infinity")
            for z in logits
        ]
        if not self.logits:
            raise ValueError("Categorical: there is at least one logit, and the list is empty")
        if not symbolic() and all(plain(z) == -math.inf for z in self.logits):
            raise ValueError("Categorical: some logit is finite, and all are -inf")
        self.outcomes = tuple(float(k) for k in range(len(self.logits)))

    @property
    def parameters(self) -> tuple[Any, ...]:
        return tuple(self.logits)

    def value(self, noise: Any) -> Any:
        total, index = 0.0, 0.0
        for p in ops.softmax([plain(z) for z in self.logits])[:-1]:
            total = total + p
            index = index + ops.where(noise >= total, 1.0, 0.0)
        return index

    def log_density(self, x: Any) -> Any:
        return chosen(x, self.logits) - ops.logsumexp(self.logits)

    def relaxed(self, draw: Callable[[int], Any], temperature: float) -> tuple[Any, Any]:
        """The Gumbel-softmax: Jang, Gu and Poole (2017). The hard index is the largest."""
        perturbed = [z - ops.log(-ops.log(draw(k))) for k, z in enumerate(self.logits)]
        best, index = plain(perturbed[0]), 0.0
        for k, z in enumerate(map(plain, perturbed)):
            index = ops.where(z > best, float(k), index)
            best = ops.maximum(best, z)
        weights = ops.softmax([z / temperature for z in perturbed])
        return index, ops.sum([k * w for k, w in enumerate(weights)])

    def probabilities(self) -> list[Any]:
        return list(ops.softmax(self.logits))

    def mean(self) -> Any:
        return ops.sum([k * p for k, p in enumerate(self.probabilities())])

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        """By logit k: p_k times what k gives, less p_k times what is given on average."""
        ps = [plain(p) for p in self.probabilities()]
        return [
            Signed(
                self.logits[k],
                [(float(j), p * (1.0 - p) if j == k else -p * q) for j, q in enumerate(ps)],
            )
            for k, p in enumerate(ps)
        ]
