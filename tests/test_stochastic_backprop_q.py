"""Backprop-Q: critics that learn what a draw will cost, against exact gradients."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st

pytestmark = pytest.mark.once


def latter_half(learner, runs):
    """The mean gradient over the second half of the runs."""
    found = [run.gradient for run in learner.runs(runs)][runs // 2 :]
    return [fmean(g) for g in zip(*found)]


def test_a_chain_with_a_cost_at_its_end():
    params = [Value(x) for x in (0.5, 0.8, -0.2, 1.0)]
    a, b, c, d = params

    def cost():
        x = st.sample(st.Bernoulli(mg.sigmoid(a)))
        y = st.sample(st.Bernoulli(mg.sigmoid(b * x + c)))
        z = st.sample(st.Bernoulli(mg.sigmoid(d * y)))
        return 4 * z - 2

    exact = st.gradient(cost, params, "exact").gradient
    learner = st.BackpropQ(cost, params, seed=1)
    assert latter_half(learner, 300) == pytest.approx(exact, abs=0.12)
    # Of a chain, each critic sees its own draw alone: what came before no longer matters.
    assert {name: critic.inputs for name, critic in learner.critics.items()} == {
        "Bernoulli 0": 1, "Bernoulli 1": 1, "Bernoulli 2": 1,
    }  # fmt: skip


def test_several_costs_a_branch_and_a_context_that_still_matters():
    a, b = Value(0.3), Value(-0.4)

    def cost():
        x = st.sample(st.Bernoulli(mg.sigmoid(a)))
        st.cost(x * 0.5)
        y = st.sample(st.Categorical([b, 0.0, 0.2]))
        if x:
            return 2.0 * (y - 1.0)  # which outcome of y is cheap depends on x
        return -1.0 * y

    exact = st.gradient(cost, [a, b], "exact").gradient
    learner = st.BackpropQ(cost, [a, b], expected=True, updates=3, seed=2)
    assert latter_half(learner, 500) == pytest.approx(exact, abs=0.1)
    assert learner.critics["Categorical 1"].inputs == 3 + 1


def test_smooth_draws_take_the_slope_of_the_critic():
    mu = Value(0.5)

    def cost():
        x = st.sample(st.Normal(mu, 0.4))
        y = st.sample(st.Bernoulli(mg.sigmoid(2 * x)))
        return 2 * y

    wanted = st.gradient(cost, [mu], "measure", 4000).gradient
    learner = st.BackpropQ(cost, [mu], seed=3, updates=3)
    assert latter_half(learner, 400) == pytest.approx(wanted, abs=0.15)


def test_infinitely_many_outcomes():
    rate = Value(1.5)
    learner = st.BackpropQ(lambda: st.sample(st.Poisson(rate)), [rate], seed=4, updates=3)
    assert latter_half(learner, 600) == pytest.approx([1.0], abs=0.3)


def test_a_recurrent_state_as_context_shares_one_critic():
    """Each step drives a state, and the cost is how far it is from 1 at the end."""
    w, v = Value(0.4), Value(-0.3)

    def cost():
        h = 0.0
        for t in range(3):
            x = st.sample(st.Bernoulli(mg.sigmoid(w + v * h)), name="step", context=[h, t])
            h = 0.5 * h + x
        return (h - 1.0) ** 2

    exact = st.gradient(cost, [w, v], "exact").gradient
    learner = st.BackpropQ(cost, [w, v], hidden=12, updates=4, seed=5, expected=True)
    assert latter_half(learner, 600) == pytest.approx(exact, abs=0.06)
    assert list(learner.critics) == ["step"] and learner.critics["step"].inputs == 3


def test_targets_are_of_the_parameters_as_they_are_now():
    """What is stored was drawn by older ones; the next distribution is replayed."""
    a, b = Value(0.0), Value(-8.0)

    def cost():
        x = st.sample(st.Bernoulli(mg.sigmoid(a)))
        y = st.sample(st.Bernoulli(mg.sigmoid(b * x)))
        return y

    learner = st.BackpropQ(cost, [a, b], seed=1)
    list(learner.runs(20))
    item = next(i for i in learner.memory["Bernoulli 0"] if i.draw.value == 1.0)
    follows = item.next.draw.distribution
    assert follows.p.data == pytest.approx(mg.sigmoid(-8.0))
    b.data = 8.0
    assert all(x == 1.0 for x, _ in (learner.afresh(follows)[0] for _ in range(20)))


def test_it_trains_with_an_optimizer_and_draws_nothing_from_the_global_numbers():
    a = [Value(0.5) for _ in range(3)]

    def cost():
        x = 1.0
        for p in a:
            x = st.sample(st.Bernoulli(mg.sigmoid(p + x - 0.5)))
        return x

    learner = st.BackpropQ(cost, a, seed=0)
    optimizer = mg.optim.SGD(a, lr=1.0)
    before = st.gradient(cost, a, "exact").value
    state = random.getstate()
    for _ in range(120):
        optimizer.zero_grad()
        learner.backward()
        optimizer.step()
    assert random.getstate() == state
    assert st.gradient(cost, a, "exact").value < before / 3


def test_by_the_function_it_is_biased_and_says_so():
    p = Value(0.3)
    found = st.gradient(lambda: 2.0 * st.sample(st.Bernoulli(p)), [p], "backprop_q", 150)
    assert not found.unbiased and found.samples == 150
    assert 0.5 < found.gradient[0] < 2.2  # the first runs, without critics, are among them
