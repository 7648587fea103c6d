"""Gradients of expected costs: how noisy each estimator is, and how fast learning is with it.

    python -m benchmarks.chance variances    # of every estimator, on one small cost
    python -m benchmarks.chance chain        # ten binary nodes in a row, 20 seeds
    python -m benchmarks.chance bias         # of gumbel, on a cost that is linear in its draw
    python -m benchmarks.chance graphs       # every estimator on 1,000 random enumerable costs
    python -m benchmarks.chance speed        # runs of a cost a second, eager and compiled

The chain: x_i is 1 with probability sigmoid(a_i + b_i s_(i-1)), s being 1 or -1 with the node
before; the cost is the last x, and all 20 numbers a and b are parameters. First, how far the
gradient that a method has after n runs of the cost is from the exact one: root mean square
over 20 seeds, in parts of the exact gradient's length. (Of Backprop-Q the latter half of the
runs counts, since its critics begin without an opinion.) Then, how many runs plain gradient
descent takes, at one step size for all and one step a run, to where 50 exact steps of half
that size get.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st
from micrograd.stochastic.baselines import baseline

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

NODES, STEPS, RATE, MOST, SEEDS = 10, 50, 0.5, 4000, range(20)
RUNS = (64, 128, 192, 256, 384, 512)
SCORE_RUNS = (256, 512, 1024, 2048, 4096)
KINDS = ("none", "mean", "learned")


class Chain:
    """The nodes, as they start."""

    def __init__(self) -> None:
        self.a = [Value(1.0) for _ in range(NODES)]
        self.b = [Value(1.0) for _ in range(NODES)]
        self.params = self.a + self.b

    def cost(self) -> Any:
        x: Any = 0.5
        for a, b in zip(self.a, self.b):
            x = st.sample(st.Bernoulli(mg.sigmoid(a + b * (2.0 * x - 1.0))))
        return x

    def expected(self) -> float:
        """The exact expected cost, by the probability of each node in turn."""
        p = mg.sigmoid(self.a[0].data)
        for a, b in zip(self.a[1:], self.b[1:]):
            up, down = mg.sigmoid(a.data + b.data), mg.sigmoid(a.data - b.data)
            p = p * up + (1.0 - p) * down
        return float(p)

    def move(self, gradient: list[float], rate: float) -> None:
        for p, g in zip(self.params, gradient):
            p.data -= rate * g


def chain() -> None:
    model = Chain()
    exact = st.gradient(model.cost, model.params, "exact").gradient
    length = math.hypot(*exact)

    def off(gradient: list[float]) -> float:
        return math.hypot(*(a - b for a, b in zip(gradient, exact))) / length

    print("distance from the exact gradient after n runs: root mean square, and 95 % interval")
    for kind in KINDS:
        for n in SCORE_RUNS:
            errors = []
            for s in SEEDS:
                found = st.gradient(model.cost, model.params, samples=n, seed=s, baseline=kind)
                errors.append(off(found.gradient))
            print(f"| score, {kind} | {n} | {spread(errors)} |", flush=True)
    by_n: dict[int, list[float]] = {n: [] for n in RUNS}
    for s in SEEDS:
        learner = st.BackpropQ(model.cost, model.params, seed=s)
        each = [run.gradient for run in learner.runs(RUNS[-1])]
        for n in RUNS:
            by_n[n].append(off([statistics.fmean(g) for g in zip(*each[n // 2 : n])]))
    for n in RUNS:
        print(f"| backprop_q | {n} | {spread(by_n[n])} |", flush=True)
    training()


def spread(xs: list[float]) -> str:
    """The root mean square of 20 numbers, and a 95 % interval of it from 10,000 bootstraps."""
    rng = random.Random(0)
    found = sorted(rms(rng.choices(xs, k=len(xs))) for _ in range(10_000))
    return f"{rms(xs):.3f} | {found[250]:.3f} to {found[9750]:.3f}"


def rms(xs: list[float]) -> float:
    return math.sqrt(statistics.fmean(x * x for x in xs))


def training(rate: float = 1.0) -> None:
    model = Chain()
    begin = model.expected()
    for _ in range(STEPS):
        model.move(st.gradient(model.cost, model.params, "exact").gradient, RATE)
    goal = model.expected()
    print(f"from {begin:.4f} to {goal:.4f} in steps of {rate}: runs, or steps")

    def reached(seed: int, step: Callable[[Chain, int], list[float]]) -> float:
        model, runs = Chain(), 0
        while runs < MOST and model.expected() > goal:
            model.move(step(model, seed), rate)
            runs += 1
        return float(runs)

    def by_exact(model: Chain, seed: int) -> list[float]:
        return st.gradient(model.cost, model.params, "exact").gradient

    def by_score() -> Callable[[Chain, int], list[float]]:
        known, turn = baseline("mean"), itertools.count()
        return lambda model, seed: (
            st.gradient(
                model.cost,
                model.params,
                samples=1,
                seed=1_000_003 * seed + next(turn),
                baseline=known,
            ).gradient
        )

    def by_critics() -> Callable[[Chain, int], list[float]]:
        learners: dict[Chain, st.BackpropQ] = {}

        def step(model: Chain, seed: int) -> list[float]:
            if model not in learners:
                learners[model] = st.BackpropQ(model.cost, model.params, seed=seed)
            return learners[model].run().gradient

        return step

    print(f"| exact | {reached(0, by_exact):.0f} |")
    for name, method in (("score, mean", by_score), ("backprop_q", by_critics)):
        runs = [reached(seed, method()) for seed in SEEDS]
        half = 2.093 * statistics.stdev(runs) / math.sqrt(len(runs))
        print(f"| {name} | {statistics.fmean(runs):.1f} ± {half:.1f} |", flush=True)


def branching() -> tuple[Callable[[], Any], list[Value]]:
    """A cost with a branch and two parts, and its parameters."""
    p, q, w = Value(0.3), Value(0.6), Value(0.5)

    def cost() -> Any:
        a = st.sample(st.Bernoulli(p))
        st.cost((a - w) ** 2)
        if a > 0.5:
            return st.sample(st.Bernoulli(q)) * 3.0 + w
        return st.sample(st.Categorical([p, q, 2.0 * w])) * q

    return cost, [p, q, w]


def smooth() -> dict[str, tuple[Callable[[], Any], list[Value]]]:
    """Costs of one normal draw."""
    m, s = Value(0.2), Value(0.7)
    mu, sigma = Value(1.0), Value(0.5)
    return {
        "sin(2x), mu = 0.2, sigma = 0.7": (
            lambda: mg.sin(2.0 * st.sample(st.Normal(m, s))),
            [m, s],
        ),
        "x^2, mu = 1, sigma = 0.5": (lambda: st.sample(st.Normal(mu, sigma)) ** 2, [mu, sigma]),
    }


def variances(samples: int = 20_000) -> None:
    cost, params = branching()
    exact = st.gradient(cost, params, "exact")
    print("a branch, two discrete draws: exact", rounded(exact.gradient))
    settings: list[tuple[str, dict[str, Any]]] = [
        (
            f"score, {kind}{'' if rb else ', every cost to every draw'}",
            {"baseline": kind, "rao_blackwell": rb},
        )
        for kind in ("none", "mean", "leave_one_out", "learned") for rb in (False, True)
    ]  # fmt: skip
    settings += [(m, {"method": m}) for m in ("measure", "straight_through", "gumbel")]
    for name, setting in settings:
        show(name, st.gradient(cost, params, samples=samples, **setting))
    show("backprop_q", st.gradient(cost, params, "backprop_q", samples=samples // 10))
    for title, (cost, params) in smooth().items():
        print(title)
        for method in ("reparameterized", "measure"):
            show(method, st.gradient(cost, params, method, samples=samples))
        for kind in ("none", "mean"):
            show(f"score, {kind}", st.gradient(cost, params, samples=samples, baseline=kind))


def bias(samples: int = 4000, seeds: int = 10) -> None:
    """What gumbel says of the draw itself, where the gradient of its mean by p is 1."""
    print("gumbel, temperature 0.5: mean and standard error over 10 seeds")
    for p in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        leaf = Value(p)
        found = [
            st.gradient(
                lambda leaf=leaf: 1.0 * st.sample(st.Bernoulli(leaf)),
                [leaf],
                "gumbel",
                samples,
                seed,
            ).gradient[0]
            for seed in range(seeds)
        ]
        error = statistics.stdev(found) / math.sqrt(seeds)
        print(f"  p = {p}: {statistics.mean(found):.3f} ({error:.3f})", flush=True)


UNBIASED: dict[str, dict[str, Any]] = {
    "score, none": {"baseline": "none"},
    "score, mean": {"baseline": "mean"},
    "score, leave_one_out": {"baseline": "leave_one_out"},
    "score, learned": {"baseline": "learned"},
    "score, none, every cost to every draw": {"baseline": "none", "rao_blackwell": False},
    "measure": {"method": "measure"},
}
BIASED: dict[str, dict[str, Any]] = {
    "straight_through": {"method": "straight_through"},
    "gumbel": {"method": "gumbel"},
}


def distances(
    recipe: Any, exact: list[float], setting: dict[str, Any], samples: int, seed: int
) -> tuple[list[float], st.Estimate]:
    """How far an estimate is from the exact gradient, in standard errors, where it has noise."""
    found = st.gradient(recipe.cost, recipe.params, samples=samples, seed=seed, **setting)
    parts = zip(found.gradient, exact, found.errors)
    return [abs(a - b) / e for a, b, e in parts if e > 1e-9], found


def graphs(count: int = 1000, samples: int = 200) -> None:
    """How far estimates on random costs are from the exact gradient, in standard errors.

    Of N right comparisons N / 15,787 are 4 or more off, if a mean of `samples` runs is normal; of
    rare outcomes it is not, and there are more. So each that is outside is estimated anew, from
    a hundred times as many runs and other draws: by then chance has gone, and a bias has not.
    """
    from stochastic_graphs import Recipe

    offs: dict[str, list[float]] = {name: [] for name in (*UNBIASED, *BIASED)}
    spread: dict[str, list[float]] = {name: [] for name in offs}
    outside: dict[str, list[tuple[int, float]]] = {name: [] for name in UNBIASED}
    for seed in range(count):
        recipe = Recipe(seed)
        exact = st.gradient(recipe.cost, recipe.params, "exact").gradient
        for name, setting in {**UNBIASED, **BIASED}.items():
            far, found = distances(recipe, exact, setting, samples, seed)
            offs[name] += far
            spread[name].append(sum(found.variance))
            if name in UNBIASED and max(far, default=0.0) > 4:
                again, _ = distances(recipe, exact, setting, 100 * samples, seed + 10**6)
                outside[name].append((seed, max(again, default=0.0)))
    print(
        f"{count} costs, {samples} runs each: comparisons, root mean square of the distances in "
        "standard errors, how many past 4 (expected of normal ones), how many past 4 again from "
        f"{100 * samples} other runs, and for which costs"
    )
    for name, far in offs.items():
        past = sum(x > 4 for x in far)
        line = f"| {name} | {len(far)} | {rms(far):.3f} | {past} ({len(far) * 6.334e-5:.2f}) |"
        if name in UNBIASED:
            still = [f"{seed} ({x:.2f})" for seed, x in outside[name] if x > 4]
            worst = max((x for _, x in outside[name]), default=0.0)
            line += f" {len(still)} of {len(outside[name])}, largest {worst:.2f} | {still} |"
        print(line)
    print("variance of one run, summed over parameters: costs where the first one has less")
    for a, b in (
        ("score, none", "score, none, every cost to every draw"),
        ("score, leave_one_out", "score, none"),
        ("measure", "score, none"),
        ("measure", "score, leave_one_out"),
    ):
        pairs = [(x, y) for x, y in zip(spread[a], spread[b]) if abs(x - y) > 1e-9 * (x + y)]
        less = sum(x < y for x, y in pairs)
        print(
            f"| {a} | {b} | {less} of {len(pairs)} that differ, {sum(spread[a]):.0f} and "
            f"{sum(spread[b]):.0f} in all |"
        )


def show(name: str, found: st.Estimate) -> None:
    print(f"| {name} | {rounded(found.gradient)} | {rounded(found.variance)} |", flush=True)


def rounded(xs: list[float]) -> str:
    return ", ".join(f"{x:.3f}" for x in xs)


def speed(samples: int = 20_000) -> None:
    chain = Chain()
    for backend in (None, "python", "numpy", "native"):
        for _ in range(2):
            start = time.perf_counter()
            try:
                st.gradient(chain.cost, chain.params, samples=samples, backend=backend)
            except RuntimeError as error:
                print(f"{backend}: {error}")
                break
            seconds = time.perf_counter() - start
        else:
            print(f"{backend or 'eager'}: {samples / seconds:,.0f} runs a second")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("variances", "chain", "bias", "graphs", "speed"))
    {
        "variances": variances, "chain": chain, "bias": bias, "graphs": graphs, "speed": speed,
    }[parser.parse_args().what]()  # fmt: skip
