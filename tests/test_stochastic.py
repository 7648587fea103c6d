"""Draws, and each way to a gradient through them, against what can be computed by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st
from micrograd.stochastic import exact as exact_file
from micrograd.stochastic.baselines import baseline
from micrograd.stochastic.compiled import columns
from micrograd.stochastic.noise import stream, uniform

pytestmark = pytest.mark.once

BACKENDS = ["python", "numpy", "native"]


def near(found: st.Estimate, gradient) -> bool:
    return all(
        abs(a - b) <= 4 * e + 1e-12
        for a, b, e in zip(found.gradient, gradient, found.errors, strict=True)
    )


# Distributions ----------------------------------------------------------------------------

MOMENTS = [
    (st.Bernoulli(0.3), 0.3, 0.21),
    (st.Categorical([0.0, math.log(2.0), 0.0]), 1.0, 0.5),
    (st.Normal(1.5, 0.5), 1.5, 0.25),
    (st.Uniform(-1.0, 3.0), 1.0, 16 / 12),
    (st.Poisson(2.5), 2.5, 2.5),
    (st.Geometric(0.4), 1.5, 3.75),
]


@pytest.mark.parametrize(("d", "mean", "variance"), MOMENTS, ids=lambda x: getattr(x, "name", ""))
def test_draws_have_the_mean_and_the_variance(d, mean, variance):
    n = 20_000
    xs = [d.value(d.noise(uniform(stream(7, run), 0))) for run in range(n)]
    assert np.mean(xs) == pytest.approx(mean, abs=4 * math.sqrt(variance / n))
    assert np.var(xs) == pytest.approx(variance, rel=0.06)
    assert float(d.mean()) == pytest.approx(mean)


@pytest.mark.parametrize("d", [m[0] for m in MOMENTS], ids=lambda d: d.name)
def test_densities_add_up_to_1(d):
    if isinstance(d, (st.Normal, st.Uniform)):
        xs = np.linspace(-6, 6, 120_001)
        inside = [x for x in xs if not isinstance(d, st.Uniform) or -1 <= x <= 3]
        total = sum(math.exp(d.log_density(x)) for x in inside) * (xs[1] - xs[0])
        assert total == pytest.approx(1.0, abs=2e-4)
    else:
        xs = d.outcomes or range(200)
        assert sum(math.exp(d.log_density(float(x))) for x in xs) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: st.Bernoulli(1.2), "a probability from 0 to 1, not 1.2"),
        (lambda: st.Bernoulli(Value(float("nan"))), "not nan"),
        (lambda: st.Categorical([]), "at least one logit"),
        (lambda: st.Categorical([-math.inf, -math.inf]), "some logit is finite"),
        (lambda: st.Normal(0.0, 0.0), "sigma is above 0"),
        (lambda: st.Uniform(2.0, 1.0), "low is below high"),
        (lambda: st.Poisson(-1.0), "rate is above 0"),
        (lambda: st.Geometric(0.0), "probability above 0"),
    ],
)
def test_parameters_out_of_range(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_noise_is_a_formula_and_arrays_have_the_same():
    rows = columns([(0, None), (3, None), (1, st.Normal().noise)], 50, seed=9)
    for run in (0, 1, 49):
        key = stream(9, run)
        u = [uniform(key, 0), uniform(key, 3), st.Normal().noise(uniform(key, 1))]
        assert rows[run] == u
    many = [uniform(stream(0, run), 0) for run in range(10_000)]
    assert 0.0 < min(many) and max(many) < 1.0
    counts = np.histogram(many, bins=10, range=(0, 1))[0]
    assert sum((counts - 1000) ** 2 / 1000) < 30  # chi square of 9 degrees of freedom


# Outside of an estimator --------------------------------------------------------------------


def test_a_draw_is_a_value_to_compute_and_branch_with():
    random.seed(1)
    seen = set()
    for _ in range(30):
        x = st.sample(st.Bernoulli(Value(0.5)))
        y = 2 * x + 1 if x > 0.5 else x - 1
        seen.add((x.data, y.data))
    assert seen == {(1.0, 3.0), (0.0, -1.0)}


@pytest.mark.parametrize(
    "d", [st.Bernoulli(Value(0.5)), st.Categorical([Value(0.0), 1.0]), st.Poisson(Value(2.0))]
)
def test_a_gradient_that_cannot_be_had_is_refused_with_the_methods_that_can(d):
    x = st.sample(d)
    p = Value(3.0)
    with pytest.raises(ValueError, match=f"through a draw from {d.name}.*has one with") as error:
        (x * p).backward()
    for method in d.methods:
        assert f'"{method}"' in str(error.value)
    assert p.grad == 0.0
    with pytest.raises((ValueError, TypeError), match="a draw from"):
        mg.grad(lambda q: st.sample(type(d)(q if d.name != "Categorical" else [q, 0.0])) * 2)(0.5)


def test_forward_mode_and_second_derivatives_are_refused_alike():
    def f(p):
        return st.sample(st.Bernoulli(p)) * p

    with pytest.raises(ValueError, match=r"through a draw from Bernoulli.*measure"):
        mg.jvp(f, (0.5,), (1.0,))
    with pytest.raises(ValueError, match=r"through a draw from Bernoulli.*measure"):
        mg.grad(mg.grad(f))(0.5)


def test_a_draw_without_parameters_is_a_leaf_and_smooth_ones_pass_gradients():
    x = st.sample(st.Bernoulli(0.5))
    (x * 3).backward()
    assert x.grad == 3.0
    low, high = Value(1.0), Value(2.0)
    y = st.sample(st.Uniform(low, high))
    y.backward()
    assert high.grad == pytest.approx(y.data - 1.0) and low.grad == pytest.approx(2.0 - y.data)


def test_sample_wants_a_distribution_and_no_trace():
    with pytest.raises(TypeError, match="a distribution such as"):
        st.sample(0.5)
    with pytest.raises(TypeError, match="would be the same for ever"):
        mg.jit(lambda p: st.sample(st.Bernoulli(p)))(0.5)


# Methods ------------------------------------------------------------------------------------


def refused(method, d_of):
    p = Value(0.5)
    with pytest.raises(ValueError, match="has no gradient through a draw from"):
        st.gradient(lambda: st.sample(d_of(p)) ** 2, [p], method, samples=3)


@pytest.mark.parametrize("method", ["reparameterized"])
@pytest.mark.parametrize("d_of", [st.Bernoulli, lambda p: st.Categorical([p, 0]), st.Poisson])
def test_what_reparameterized_refuses(method, d_of):
    refused(method, d_of)


def test_what_other_methods_refuse():
    refused("gumbel", st.Poisson)
    refused("gumbel", st.Geometric)
    for d_of in (st.Poisson, st.Geometric, st.Normal, st.Uniform):
        refused("exact", d_of)
    refused("score", lambda p: st.Uniform(0.0, p))
    # Bounds that are no parameters do no harm to the score of another draw.
    p = Value(0.5)
    found = st.gradient(
        lambda: st.sample(st.Uniform(0.0, 1.0)) * st.sample(st.Bernoulli(p)), [p], samples=2000
    )
    assert near(found, [0.5])


def test_arguments():
    p = Value(0.5)

    def cost():
        return st.sample(st.Bernoulli(p))

    with pytest.raises(ValueError, match=r"one of score, .*, not 'reinforce'"):
        st.gradient(cost, [p], "reinforce")
    with pytest.raises(ValueError, match="samples is at least 1"):
        st.gradient(cost, [p], samples=0)
    with pytest.raises(TypeError, match="parameters are Values"):
        st.gradient(cost, [0.5])
    with pytest.raises(TypeError, match="does it return"):
        st.gradient(lambda: None, [p])
    with pytest.raises(TypeError, match="the cost is a function"):
        st.gradient(p, [p])
    with pytest.raises(ValueError, match="the baseline is one of"):
        st.gradient(cost, [p], baseline="median")
    with pytest.raises(ValueError, match="temperature is a number above 0"):
        st.gradient(cost, [p], "gumbel", temperature=0)


UNBIASED = {
    # By name: the distribution of the parameters, and the slopes of E[x^2] worked out by hand;
    # of the geometric one E[x^2] is (1-p)(2-p)/p^2.
    "poisson": (lambda r: st.Poisson(r), [1.5], [2 * 1.5 + 1], ("score", "measure")),
    "geometric": (lambda p: st.Geometric(p), [0.4], [(3 * 0.4 - 4) / 0.4**3], ("score", "measure")),
    "normal": (st.Normal, [0.7, 1.2], [1.4, 2.4], ("score", "measure", "reparameterized")),
    "uniform": (st.Uniform, [-1.0, 2.0], [0.0, 1.0], ("measure", "reparameterized")),
    "bernoulli": (st.Bernoulli, [0.3], [1.0], ("score", "measure", "exact")),
    "categorical": (
        lambda a, b, c: st.Categorical([a, b, c]), [0.2, 0.5, -0.3], None,
        ("score", "measure", "exact"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNBIASED)
def test_unbiased_for_the_second_moment(name):
    make, start, wanted, methods = UNBIASED[name]
    params = [Value(x) for x in start]
    if wanted is None:
        ps = mg.softmax(start)
        mean = sum(k * k * p for k, p in enumerate(ps))
        wanted = [p * (k * k - mean) for k, p in enumerate(ps)]
    for method in methods:
        found = st.gradient(lambda: st.sample(make(*params)) ** 2, params, method, 1000, seed=2)
        assert found.unbiased
        assert near(found, wanted), (method, found, wanted)


def test_biased_ones_are_biased_as_they_say():
    """Of (x - t)^2 with x = 0 or 1 the truth is 1 - 2t; straight-through gives 2 E[x - t]."""
    p, t = Value(0.3), 0.45

    def cost():
        return (st.sample(st.Bernoulli(p)) - t) ** 2

    assert st.gradient(cost, [p], "exact").gradient == pytest.approx([1 - 2 * t])
    found = st.gradient(cost, [p], "straight_through", 1500)
    assert not found.unbiased
    assert near(found, [2 * (0.3 - t)]) and not near(found, [1 - 2 * t])
    soft = st.gradient(cost, [p], "gumbel", 1500, temperature=1.0)
    assert not near(soft, [1 - 2 * t])

    # Where the cost is linear in the draw the mean is all that counts.
    def linear():
        return 3 * st.sample(st.Bernoulli(p))

    assert st.gradient(linear, [p], "straight_through", 10).gradient == pytest.approx([3.0])


def test_gumbel_grows_harder_as_it_cools():
    """The soft cost nears the hard one; the bias of the gradient falls, its variance grows."""
    a, b = Value(0.3), Value(-0.4)

    def cost():
        return (st.sample(st.Categorical([a, b, 0.0])) - 0.6) ** 2

    exact = st.gradient(cost, [a, b], "exact")
    errors, variances = [], []
    for t in (2.0, 0.5, 0.1):
        soft = st.gradient(cost, [a, b], "gumbel", 2500, temperature=t, hard=False)
        errors.append(abs(soft.value - exact.value))
        variances.append(soft.variance[0])
    assert errors[0] > errors[1] > errors[2] - 0.02
    assert variances[0] < variances[1] < variances[2]
    hard = st.gradient(cost, [a, b], "gumbel", 1500)
    assert hard.value == pytest.approx(exact.value, abs=4 * hard.error)


def test_exact_walks_loops_and_branches_and_endless_ones_end(monkeypatch):
    p = Value(0.5)

    def cost():
        n = 0
        while n < 4 and st.sample(st.Bernoulli(p)):
            n += 1
        return float(n)

    found = st.gradient(cost, [p], "exact")
    assert found.value == 0.5 + 0.25 + 0.125 + 0.0625
    assert found.gradient == pytest.approx([1 + 2 * 0.5 + 3 * 0.25 + 4 * 0.125])
    assert found.samples == 5 and found.variance == [0.0]

    def endless():
        while st.sample(st.Bernoulli(p)):
            pass
        return 1.0

    monkeypatch.setattr(exact_file, "LIMIT", 5000)
    with pytest.raises(ValueError, match="more ways through the cost"):
        st.gradient(endless, [p], "exact")


def test_exact_at_the_ends_of_a_probability():
    for end in (0.0, 1.0):
        p = Value(end)
        found = st.gradient(
            lambda p=p: 5.0 if st.sample(st.Bernoulli(p)) else 2.0,
            [p],
            "exact",
        )
        assert found.gradient == [3.0] and found.value == 2.0 + 3.0 * end


# Variances ------------------------------------------------------------------------------------


def test_variances_come_in_the_order_that_theory_gives():
    """Of x^2 with x normal: reparameterized 4 sigma^2 var(...) below measure below score."""
    mu, sigma = Value(1.0), Value(0.5)

    def cost():
        return st.sample(st.Normal(mu, sigma)) ** 2

    path, measure, score = (
        st.gradient(cost, [mu], m, 2000, baseline="none")
        for m in ("reparameterized", "measure", "score")
    )
    assert path.variance[0] == pytest.approx(4 * 0.25, rel=0.1)  # of 2 (mu + sigma e)
    assert path.variance[0] < measure.variance[0] * 1.5 < score.variance[0]


def test_the_variance_of_the_score_is_that_computed_by_hand():
    """For a Bernoulli p and the cost c x it is c^2 (1 - p) / p without a baseline."""
    p = Value(0.4)
    found = st.gradient(lambda: 2.0 * st.sample(st.Bernoulli(p)), [p], samples=6000, baseline=None)
    assert found.variance[0] == pytest.approx(4 * 0.6 / 0.4, rel=0.1)
    # With the best constant, E[c s^2] / E[s^2] = c (1 - p), nothing is left of it.
    best = st.gradient(
        lambda: 2.0 * st.sample(st.Bernoulli(p)), [p], samples=500, baseline=2.0 * 0.6
    )
    assert best.variance[0] < 1e-20 and best.gradient == pytest.approx([2.0])


def test_baselines_and_charging_reduce_the_variance():
    a, b = Value(0.2), Value(-0.3)

    def cost():
        x = st.sample(st.Bernoulli(mg.sigmoid(a)), name="x")
        st.cost(3 * x + 5)
        y = st.sample(st.Bernoulli(mg.sigmoid(b)), name="y")
        return y * 0.5

    def variance(**given):
        return st.gradient(cost, [a, b], samples=1200, **given).variance

    none, spread = variance(baseline=None), variance(baseline=None, rao_blackwell=False)
    assert none[1] < spread[1] / 20  # y is not charged what x cost
    mean = variance(baseline="mean")
    assert mean[0] < none[0] / 4
    for kind in ("leave_one_out", "learned"):
        assert variance(baseline=kind)[0] < none[0] / 4
    named = variance(baseline={"x": "mean"})
    assert named[0] == mean[0] and named[1] == none[1]
    called = variance(baseline=lambda draw: 6.5 if draw.name == "x" else 0.0)
    assert called[0] < none[0] / 4


def test_a_cost_charged_early_is_not_charged_to_later_looks():
    """A branch on y may decide what is returned, but not what was charged before y was drawn."""
    a, b = Value(0.2), Value(-0.3)

    def cost():
        x = st.sample(st.Bernoulli(mg.sigmoid(a)))
        st.cost(10 * x)
        y = st.sample(st.Bernoulli(mg.sigmoid(b)))
        return 1.0 if y else 0.5

    exact = st.gradient(cost, [a, b], "exact")
    found = st.gradient(cost, [a, b], samples=3000, baseline=None)
    assert near(found, exact.gradient)
    assert found.variance[1] < 0.5


def test_a_learned_baseline_uses_the_context():
    a = Value(0.0)
    rng = random.Random(0)
    contexts = [rng.gauss(0, 3) for _ in range(2000)]

    def variance(kind):
        turn = iter(contexts * 2)

        def cost():
            level = next(turn)
            x = st.sample(st.Bernoulli(mg.sigmoid(a)), context=[level])
            return level + x

        return st.gradient(cost, [a], samples=2000, baseline=kind).variance[0]

    assert variance("learned") < variance("mean") / 10


def test_a_baseline_can_be_kept_over_several_estimates():
    p = Value(0.4)
    kept = baseline("mean")

    def cost():
        return 10.0 + st.sample(st.Bernoulli(p))

    st.gradient(cost, [p], samples=100, baseline=kept)
    again = st.gradient(cost, [p], samples=1, seed=5, baseline=kept)
    assert abs(again.gradient[0]) < 2.0


# Compiled ------------------------------------------------------------------------------------


def compilable():
    p, mu, z = Value(0.4), Value(0.2), Value(-0.3)

    def cost():
        x = st.sample(st.Bernoulli(p))
        y = st.sample(st.Normal(mu * x, 0.5 + p))
        k = st.sample(st.Categorical([z, x, 0.1]))
        u = st.sample(st.Uniform(-1.0, 2.0))
        return [x * y + k * mu, mg.where(k > 1.5, y, z) * u]

    return cost, [p, mu, z]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "given",
    [
        {"baseline": None}, {"baseline": "mean"}, {"baseline": "leave_one_out"},
        {"baseline": 0.5, "rao_blackwell": False}, {"method": "measure"}, {"method": "gumbel"},
        {"method": "straight_through"},
    ],
    ids=str,
)  # fmt: skip
def test_compiled_runs_are_the_eager_ones(backend, given):
    if backend == "native" and not mg.compiled:
        pytest.skip("the machine was not built")
    cost, params = compilable()
    eager = st.gradient(cost, params, samples=40, seed=3, **given)
    fast = st.gradient(cost, params, samples=40, seed=3, backend=backend, **given)
    assert fast.value == pytest.approx(eager.value, rel=1e-10)
    assert fast.gradient == pytest.approx(eager.gradient, rel=1e-9, abs=1e-12)
    assert fast.variance == pytest.approx(eager.variance, rel=1e-9, abs=1e-12)


def test_what_cannot_be_compiled_says_so():
    p = Value(0.4)

    def branch():
        return p if st.sample(st.Bernoulli(p)) else 1.0

    with pytest.raises(TypeError, match="where"):
        st.gradient(branch, [p], samples=5, backend="python")
    with pytest.raises(ValueError, match="cannot be compiled, since it has infinitely"):
        st.gradient(lambda: st.sample(st.Poisson(p)), [p], samples=5, backend="python")
    with pytest.raises(ValueError, match="look at the context"):
        st.gradient(lambda: st.sample(st.Bernoulli(p)), [p], backend="python", baseline="learned")


def test_a_cost_without_a_draw():
    w = Value(3.0)
    for given in ({}, {"backend": "python"}, {"method": "exact"}, {"method": "measure"}):
        assert st.gradient(lambda: w * w, [w], samples=3, **given).gradient == [6.0]


def test_backward_adds_to_the_gradients_and_gradient_leaves_them_alone():
    p = Value(0.4)
    p.grad = 1.0
    found = st.gradient(lambda: 2 * st.sample(st.Bernoulli(p)), [p], "exact")
    assert p.grad == 1.0
    found.backward()
    assert p.grad == 3.0


def test_draws_are_independent_of_the_global_random_numbers():
    p = Value(0.4)

    def cost():
        return st.sample(st.Bernoulli(p)) * p

    random.seed(0)
    first = st.gradient(cost, [p], samples=20).gradient
    state = random.getstate()
    assert st.gradient(cost, [p], samples=20).gradient == first
    assert random.getstate() == state
    assert st.gradient(cost, [p], samples=20, seed=1).gradient != first
