"""Arguments that make no sense are refused in a sentence that names them, whoever is asked."""

from __future__ import annotations

import pytest

import micrograd as mg
from micrograd import Value, data, losses, nn
from micrograd import stochastic as st

X, Y = data.moons(10)
MODEL = nn.MLP(2, [4, 1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mg.diagnose(MODEL, losses.logistic, X), "diagnose: data is a pair, examples and"),
        (lambda: mg.diagnose(MODEL, losses.logistic, (X,)), "diagnose: data is a pair"),
        (lambda: mg.diagnose(MODEL, losses.logistic, zip(X, Y)), "diagnose: data is a pair"),
        (lambda: mg.diagnose(MODEL, losses.logistic, (X, Y), 5), "diagnose: optimizer is one of"),
        (lambda: mg.diagnose(MODEL, 5, (X, Y)), "diagnose: loss is a function of output and"),
        (lambda: mg.watch(5), "watch: a model with parameters is watched, not 5"),
        (lambda: nn.Tanh()("ab"), r"Tanh\(\): it takes a number or a list of numbers, not 'ab'"),
        (lambda: nn.ReLU()({"a": 1.0}), r"ReLU\(\): it takes a number or a list of numbers"),
        (lambda: nn.Dropout()("ab"), r"Dropout\(0.5\): it takes a number or a list of numbers"),
        (lambda: nn.Linear(2, 1)(2.0), "Linear: it takes a list of 2 numbers, and got 1"),
        (lambda: st.gradient(lambda: 1.0, [Value(1.0)], seed="a"), "the seed is a whole number"),
        (lambda: st.Categorical(5), "Categorical: the logits are a list of numbers, not 5"),
        (lambda: data.standardize([1.0, 2.0]), "standardize: X is a list of examples"),
        (lambda: data.linear(2.5), "linear: how many is a whole number, not 2.5"),
        (lambda: data.linear(-1), "linear: how many is at least 0, not -1"),
        (lambda: mg.name_values(5), "name_values: variables are a dictionary by name, not 5"),
        (lambda: mg.latex(5), "latex: a Value, or a program of jit's, is written, not 5"),
        (lambda: round(Value(2.675), 1.5), "round: the digits are a whole number, not 1.5"),
    ],
)
def test_what_makes_no_sense_is_told(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_a_layer_of_one_output_leads_into_one_of_one_input():
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    x = [1.0, 2.0]
    inner = model[0](x).relu()
    assert model(x).data == model[2](inner).data == model[2]([inner]).data


def test_one_parameter_need_not_be_in_a_list():
    p = Value(0.3)
    found = st.gradient(lambda: st.sample(st.Bernoulli(p)), p, method="exact")
    assert found.gradient == [1.0]
