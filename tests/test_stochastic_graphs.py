"""Estimators on random enumerable costs with branches and loops: a few dozen, or with
MICROGRAD_LONG=1 in the environment a thousand."""

from __future__ import annotations

import pytest
from helpers import LONG
from hypothesis import given, settings
from hypothesis import strategies as hs
from stochastic_graphs import Recipe, expectation

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st
from micrograd.stochastic.baselines import Baseline, Constant
from micrograd.stochastic.score import Score

pytestmark = pytest.mark.once

SEEDS = hs.integers(0, 10**6)
TIER = settings(max_examples=1000 if LONG else 40, deadline=None, derandomize=True, database=None)
SLOW = settings(TIER, max_examples=1000 if LONG else 8)


def close(found, expected):
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@TIER
@given(SEEDS)
def test_the_exact_gradient_is_that_of_the_exact_value(seed):
    recipe = Recipe(seed)
    exact = st.gradient(recipe.cost, recipe.params, "exact")
    for i, p in enumerate(recipe.params):
        start, h = p.data, 1e-4
        values = []
        for at in (start + h, start - h):
            p.data = at
            values.append(st.gradient(recipe.cost, recipe.params, "exact").value)
        p.data = start
        # Where a comparison of the parameter itself jumps there is no derivative to compare.
        if abs(values[0] - values[1]) < 0.01:
            assert exact.gradient[i] == pytest.approx((values[0] - values[1]) / (2 * h), abs=1e-5)


@TIER
@given(SEEDS, hs.booleans(), hs.sampled_from([0.0, -1.5]))
def test_the_score_function_is_unbiased_to_rounding(seed, rao_blackwell, constant):
    """Its expectation, summed over every way through the cost, is the exact gradient."""
    recipe = Recipe(seed)
    exact = st.gradient(recipe.cost, recipe.params, "exact")
    baseline = Constant(constant) if constant else Baseline()
    value, gradient = expectation(Score(recipe.cost, recipe.params, rao_blackwell), baseline)
    close(value, exact.value)
    close(gradient, exact.gradient)


METHODS = {
    "none": {"baseline": "none"},
    "mean": {"baseline": "mean"},
    "leave one out": {"baseline": "leave_one_out"},
    "learned": {"baseline": "learned"},
    "measure": {"method": "measure"},
}


@pytest.mark.parametrize("name", METHODS)
@SLOW
@given(SEEDS)
def test_unbiased_within_four_standard_errors(name, seed):
    recipe = Recipe(seed)
    exact = st.gradient(recipe.cost, recipe.params, "exact")
    samples = 200
    for attempt in range(3):
        # One in 16,000 right ones is outside; what is wrong is further outside with more runs.
        found = st.gradient(
            recipe.cost, recipe.params, samples=samples, seed=seed + attempt, **METHODS[name]
        )
        off = [
            abs(a - b) - 4 * error - 1e-9
            for a, b, error in zip(found.gradient, exact.gradient, found.errors)
        ]
        if max(off) <= 0:
            return
        samples *= 10
    raise AssertionError(f"{found} and not {exact}")


LOOKS = {
    "bool": lambda x: bool(x),
    "==": lambda x: x == 1,
    "!=": lambda x: x != 0,
    ">=": lambda x: x >= 1,
    "<": lambda x: 0.5 < x,
    "in": lambda x: x in (1.0, 2.0),
    "data": lambda x: x.data > 0.5,
    "format": lambda x: f"{x:.0f}" == "1",
    "less": lambda x: mg.less(0.5, x),
    "max": lambda x: max(x, 0.5) is x,
    "sorted": lambda x: sorted([0.5, x])[0] == 0.5,
    "a function of it": lambda x: (2 * x - 1).data > 0,
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_way_of_looking_at_a_draw_counts_as_an_influence(look):
    p, q = Value(0.3), Value(0.6)
    two, three = Value(2.0), Value(3.0)

    def cost():
        x = st.sample(st.Bernoulli(p))
        y = st.sample(st.Bernoulli(q))
        return [three if LOOKS[look](x) else two, y]  # neither has x in its graph

    exact = st.gradient(cost, [p, q, two], "exact").gradient
    assert exact == pytest.approx([1.0, 1.0, 0.7])
    close(expectation(Score(cost, [p, q, two]), Baseline())[1], exact)
