"""`gradient`: an estimate of the gradient of an expected cost, by one of several methods.

A cost is a function without arguments that draws with `sample`, computes and gives a number.
Each method turns one run of it into numbers whose mean is the gradient, or near it; here they
are averaged, and their spread says how sure the mean is. Read `score.py` next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..engine import Value
from .backprop_q import BackpropQ
from .baselines import Baseline, baseline
from .compiled import CompiledRuns
from .exact import exact
from .measure import Measure
from .pathwise import Pathwise, Reparameterized, StraightThrough, gumbel
from .sample import Noise
from .score import Sampled, Score

METHODS = (
    "score", "reparameterized", "straight_through", "gumbel", "measure", "backprop_q", "exact",
)  # fmt: skip
UNBIASED = ("score", "reparameterized", "measure", "exact")


@dataclass
class Estimate:
    """What `gradient` found.

    value:    the mean cost over the runs
    gradient: for each parameter the estimate of d E[cost] / d parameter
    variance: for each parameter the variance of what one run says; 0 where it is exact
    samples:  how many runs there were
    error:    the standard error of `value`
    errors:   those of `gradient`: the root of variance / samples
    unbiased: whether the expectation of `gradient` is the true one
    """

    value: float
    gradient: list[float]
    variance: list[float]
    samples: int
    method: str
    error: float
    params: list[Value] = field(repr=False, default_factory=list)

    @property
    def errors(self) -> list[float]:
        return [math.sqrt(v / self.samples) for v in self.variance]

    @property
    def unbiased(self) -> bool:
        return self.method in UNBIASED

    def backward(self) -> None:
        """Nothing; the gradient is added to each parameter's `.grad`, for an optimizer."""
        for p, g in zip(self.params, self.gradient, strict=True):
            p.grad = p.grad + g


def gradient(
    cost: Callable[[], Any],
    params: Iterable[Value],
    method: str = "score",
    samples: int = 1000,
    seed: int = 0,
    *,
    baseline: Any = "mean",
    rao_blackwell: bool = True,
    temperature: float = 0.5,
    hard: bool = True,
    backend: str | None = None,
) -> Estimate:
    """An `Estimate` of the gradient of the expected cost by each of the parameters.

    `cost()` draws with `stochastic.sample`, branching as it likes, and gives a number, or a
    list of costs whose sum counts and each of which is charged only to the draws that it
    depends on; `stochastic.cost(x)` charges a part on the way. It is run `samples` times
    with noise that `seed` fixes, and must depend on nothing else that is random. No `.grad`
    is touched; `Estimate.backward()` adds to it.

    ================== ==================================================================
    "score"            unbiased, for every distribution but Uniform with bounds that are
                       learned. `baseline` is "mean", "leave_one_out", "learned", "none", a
                       number, a function of the draw, or a dictionary of those by the names
                       of nodes; without `rao_blackwell` each draw is charged every cost
    "reparameterized"  unbiased: Normal and Uniform, where no `if` looks at them
    "measure"          unbiased, of small variance, with two runs or more for every
                       parameter of every draw
    "straight_through" biased: as if the outcome were the mean of the distribution
    "gumbel"           biased: as if it were soft at this `temperature`; without `hard` the
                       draw itself is soft, and so is the cost
    "backprop_q"       biased as far as learned critics are wrong: see `BackpropQ`
    "exact"            all outcomes, where every draw has finitely many
    ================== ==================================================================

    With a `backend` ("auto", "native", "numpy", "python") the runs are compiled into one
    program over an array of noise; the draws are those of the eager runs. The cost may then
    not branch on a draw (`micrograd.where` may), and "backprop_q" and "exact" stay eager.

    ValueError for a method that cannot get through a draw: it names those that can.

    >>> from micrograd.stochastic import Bernoulli, sample
    >>> p = Value(0.25)
    >>> def cost():
    ...     return 4.0 if sample(Bernoulli(p)) else p
    >>> exact = gradient(cost, [p], method="exact")
    >>> exact.value, exact.gradient               # 4 p + (1 - p) p
    (1.1875, [4.5])
    >>> found = gradient(cost, [p], method="score", samples=500, seed=1)
    >>> abs(found.gradient[0] - 4.5) < 4 * found.errors[0]
    True
    """
    if not callable(cost):
        raise TypeError(f"stochastic.gradient: the cost is a function, not {cost!r:.60}")
    values = [params] if isinstance(params, Value) else list(params)
    for p in values:
        if not isinstance(p, Value):
            raise TypeError(f"stochastic.gradient: parameters are Values, not {p!r:.60}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"stochastic.gradient: the seed is a whole number, not {seed!r:.60}")
    if method not in METHODS:
        raise ValueError(
            f"stochastic.gradient: the method is one of {', '.join(METHODS)}, not {method!r}"
        )
    if method == "exact":
        value, found, runs = exact(cost, values)
        return Estimate(value, found, [0.0] * len(values), runs, method, 0.0, values)
    if samples < 1:
        raise ValueError(f"stochastic.gradient: samples is at least 1, not {samples!r}")
    if method == "backprop_q":
        return averaged(BackpropQ(cost, values, seed=seed).runs(samples), method, values)
    kinds: dict[str, Callable[[], Any]] = {
        "score": lambda: Score(cost, values, rao_blackwell),
        "reparameterized": lambda: Pathwise(cost, values, Reparameterized),
        "straight_through": lambda: Pathwise(cost, values, StraightThrough),
        "gumbel": lambda: Pathwise(cost, values, gumbel(temperature, hard)),
        "measure": lambda: Measure(cost, values),
    }
    estimator, off = kinds[method](), baseline_of(baseline if method == "score" else None)
    if backend is None:
        runs_of: Any = eager(estimator, off, samples, seed)
    else:
        runs_of = CompiledRuns(estimator, values, samples, seed, backend).runs(off)
    return averaged(runs_of, method, values)


baseline_of = baseline


def eager(estimator: Any, off: Baseline, samples: int, seed: int) -> Iterable[Sampled]:
    """The runs, one by one."""
    if off.twice:
        for run in range(samples):
            for draw, charged in estimator(Noise(seed, run), Baseline()).charged:
                off.learn(draw, charged)
    for run in range(samples):
        found = estimator(Noise(seed, run), off)
        yield found
        if not off.twice:
            for draw, charged in found.charged:
                off.learn(draw, charged)


def averaged(runs: Iterable[Any], method: str, params: list[Value]) -> Estimate:
    """Mean and variance of cost and gradient over runs; Welford's sums, which lose no digits."""
    n = 0
    means = [0.0] * (1 + len(params))
    squares = [0.0] * (1 + len(params))
    for cost, gradient, *_ in runs:
        n += 1
        for i, x in enumerate((cost, *gradient)):
            d = x - means[i]
            means[i] += d / n
            squares[i] += d * (x - means[i])
    variance = [s / (n - 1) if n > 1 else math.nan for s in squares]
    return Estimate(
        means[0], means[1:], variance[1:], n, method, math.sqrt(variance[0] / n), params
    )
