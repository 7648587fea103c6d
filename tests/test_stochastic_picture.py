"""One run of a cost as a graph: its backward is the score function, its picture shows the signal."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from stochastic_graphs import Recipe
from test_stochastic_graphs import SEEDS, SLOW

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st
from micrograd.stochastic.baselines import Constant
from micrograd.stochastic.sample import Noise
from micrograd.stochastic.score import Score

pytestmark = pytest.mark.once


@SLOW
@given(SEEDS)
def test_backward_of_one_run_is_one_sample_of_the_score_function(seed):
    recipe = Recipe(seed)
    cost, wanted, _ = Score(recipe.cost, recipe.params)(Noise(seed, 0), Constant(0.5))
    root = st.one_run(recipe.cost, seed=seed, baseline=0.5)
    root.backward()
    assert root.data == pytest.approx(cost)
    assert [p.grad for p in recipe.params] == pytest.approx(wanted, abs=1e-12)
    for p in recipe.params:
        p.grad = 0
    root.backward(seed=Fraction(2))
    assert [p.grad for p in recipe.params] == pytest.approx([2 * g for g in wanted], abs=1e-12)


def test_a_draw_has_a_shape_of_its_own_and_its_signal_in_red():
    p, w = Value(0.25, label="p"), Value(2.0, label="w")
    root = st.one_run(lambda: st.sample(st.Bernoulli(p)) * w + 1, seed=4, baseline=0.5)
    root.backward()
    picture = mg.draw(root)
    [box] = [box for box in picture.diagram.boxes if box.chance]
    assert (box.title, box.data, box.grad, box.signal) == ("~Bernoulli", 1.0, 2.0, 2.5)
    assert p.grad == 2.5 / 0.25
    assert '<text class="mg-slope mg-small"' in picture.svg and ">signal</text>" in picture.svg
    assert "signal 2.5" in picture.svg  # in words, for those who do not see the colour
    heights = {
        g.split('rx="')[1].split('"')[0] for g in picture.svg.split("<rect")[1:] if 'rx="' in g
    }
    assert len(heights) >= 3  # boxes, leaves, draws


def test_a_draw_with_a_name_bears_it():
    p = Value(0.25, label="p")
    root = st.one_run(lambda: st.sample(st.Bernoulli(p), name="coin") * 2.0)
    assert "~Bernoulli  coin" in [box.title for box in mg.draw(root).diagram.boxes]
    heads = st.sample(st.Bernoulli(p), name="heads")
    shift = st.sample(st.Normal(Value(0.0), 1.0), name="shift")
    titles = [box.title for box in mg.draw(heads * shift).diagram.boxes]
    assert "~Bernoulli  heads" in titles and "~Normal  shift" in titles


def test_draws_outside_of_estimators_are_drawn_as_draws():
    x = st.sample(st.Normal(Value(0.0, label="mu"), 1.0))
    y = st.sample(st.Bernoulli(0.5))
    titles = [box.title for box in mg.draw(x * y).diagram.boxes]
    assert "~Normal" in titles and "~Bernoulli" in titles
    assert "signal" not in mg.draw(x * y).svg
