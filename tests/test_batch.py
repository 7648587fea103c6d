"""Programs over a batch: the sums that one example gives, that many times, to the last bit."""

from __future__ import annotations

import random

import pytest
from batch_programs import interpreted
from helpers import bits
from hypothesis import given
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value
from micrograd.compiler.ir.batch import gradient_of_one, gradient_over_batch
from micrograd.compiler.ir.program import INNER, PRODUCTS
from micrograd.compiler.native.backend import available

P = [Value(x) for x in (0.7, -1.2, 0.3, 2.0, -0.4, 1.1, -0.9, 0.6)]
ROWS = {
    "layers": lambda x, y, z: mg.tanh(
        sum((w * h for w, h in zip(P[6:], layer_of(P[:6], (x, y)))), z)
    ),
    "layers behind layers": lambda x, y, z: crossed(layer_of(P[:6], (x, y)), P[6:]) * z,
    "a layer that is used otherwise too": lambda x, y, z: otherwise(layer_of(P[:6], (x, y)), P[6:]),
    "an input before what is computed": lambda x, y, z: mg.tanh(
        mg.dot(P[:3], [x, mg.tanh(P[3] * y), z])
    ),
    "neurons": lambda x, y, z: (
        mg.tanh(neuron(P[:2], P[2], (x, y))) * neuron(P[3:5], mg.sin(P[5] * x), (y, z))
    ),
    "used twice": lambda x, y, z: P[0] * x + P[1] * mg.sin(P[0] * y) + P[2] * z,
    "a constant beside": lambda x, y, z: P[0] * 3.0 + P[1] * x + mg.exp(P[2] * 0.5 * y),
    "a parameter beside": lambda x, y, z: P[0] * P[1] * x + mg.exp(P[2] * mg.sin(P[3])) * y,
    "no example in it": lambda x, y, z: P[0] * mg.cos(P[1]) + P[2] * P[3] + x,
    "a skip": lambda x, y, z: residual(mg.dot(P[:3], [x, y, z]), P[3:6], (x, y)),
    "a choice": lambda x, y, z: mg.where(x > 0.0, P[0] * mg.log(x), P[1] * y) + P[2] * z,
    "a relu before log": lambda x, y, z: mg.log(1.0 + mg.relu(P[0] * x + P[1] * y)) * P[2],
    "the same product twice": lambda x, y, z: mg.tanh(P[0] * x) * y + mg.tanh(P[0] * x) * y,
    "a square": lambda x, y, z: (P[0] * x) * (P[0] * x) + P[1] * P[1] * y,
    "weights that are inputs": lambda x, y, z: mg.dot([x, y, z], P[:3]) * mg.dot([y, z], P[3:5]),
    "a penalty": lambda x, y, z: (
        mg.tanh(P[0] * x + P[1] * y) + 0.1 * sum(p * p for p in P) - 0.3 * P[0] * P[0]
    ),
    "a parameter alone": lambda x, y, z: P[0],
    "no parameter": lambda x, y, z: x * y + z,
    "differences": lambda x, y, z: (P[0] - P[1] * x) * (z - P[2] * y) - P[0] * y,
    "a layer at two places": lambda x, y, z: crossed(
        [mg.dot(layer_of(P[:6], (x, y)), layer_of(P[:6], (mg.sin(z), x)))] * 2, P[6:]
    ),
    "recurrent": lambda x, y, z: crossed(recurrent((x, y, z)), P[6:]),
    "the same weights beside and after": lambda x, y, z: mg.dot(
        P[:3], [mg.tanh(mg.dot(P[:3], [x, y, z])), mg.sin(x) * P[0], y]
    ),
    "both sides": lambda x, y, z: mg.dot(P[:2], [x, y]) * mg.dot(P[:2], [mg.sin(x), mg.cos(y)]),
    "a sum of the same": lambda x, y, z: mg.dot(P[:2], [x, y]) + mg.dot(P[:2], [y, z]) * 0.5,
    "rows of a table": lambda x, y, z: (
        mg.tanh(
            mg.dot(mg.take([P[:3], P[3:6], P[5:8]], mg.floor(mg.minimum(x * x, 2.0))), [x, y, z])
        )
        * mg.sin(mg.take(P, mg.floor(mg.minimum(y * y, 2.0))) * z)
    ),
    "an element beside": lambda x, y, z: (
        mg.take([P[0], y, P[2], P[3] * x], mg.floor(mg.minimum(x * x, 2.0))) * z
    ),
    "a long sum": lambda x, y, z: mg.tanh(sum((P[k % 8] * x for k in range(40)), y)) * z,
}


def layer_of(ws, xs):
    return [mg.tanh(sum((w * x for w, x in zip(ws[i:], xs)), ws[i + 2])) for i in (0, 3)]


def recurrent(xs):
    """A state of two numbers, after as many steps."""
    state = [0.0, 0.0]
    for x in xs:
        state = layer_of(P[:6], [state[0] + x, state[1]])
    return state


def neuron(ws, bias, xs):
    made = mg.nn.Neuron(2, nonlin=False)
    made.w, made.b = list(ws), bias
    return made(xs)


def crossed(hs, ws):
    return mg.tanh(mg.dot(ws, hs)) * mg.sin(mg.dot(ws, hs[::-1])) * mg.exp(ws[0] * hs[0])


def otherwise(hs, ws):
    return mg.sin(hs[0]) + mg.tanh(mg.dot(ws, hs)) * mg.exp(hs[1]) + hs[0] * mg.cos(mg.dot(hs, ws))


def residual(h, ws, xs):
    return h + mg.sigmoid(h) * mg.dot([*ws], [h, *xs])


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("xs", [(0.5, -1.5, 2.0), (-0.5, 0.25, -3.0), (2.0, 0.0, -0.0)])
def test_gradients_that_are_products_need_no_steps_and_keep_their_bits(name, xs):
    """Of four times the same example the sums are four times what one gives, without rounding."""
    made = mg.jit(ROWS[name], parameters=P).compiled(*xs)
    numbers = [p.data for p in P]
    short = gradient_over_batch(made.program)
    one = made.gradient.run(xs, numbers)
    assert bits(interpreted(short, xs, numbers, 4)) == bits([4.0 * y + 0.0 for y in one])
    if name == "layers":
        assert sum(len(others) for _, others, _ in short.rows) == 6
        assert PRODUCTS not in short.rules  # a single one is a product


def test_a_layer_at_many_places_has_one_sum_for_each_weight():
    """And a step of addition for none, however many places there are."""
    ws = [[Value(0.1 * (i - j)) for j in range(3)] for i in range(4)]

    def f(*xs):
        return mg.mean(
            [mg.sum([mg.tanh(mg.dot(w, [x, x * x, mg.sin(x)])) for w in ws]) for x in xs]
        )

    made = mg.jit(f, parameters=[p for w in ws for p in w]).compiled(*[0.1 * k for k in range(20)])
    short = gradient_over_batch(made.program)
    assert short.rules.count(INNER) == 12
    assert {*short.outputs[1:]} == {i for i, rule in enumerate(short.rules) if rule is INNER}


@st.composite
def shared_layers(draw):
    """A network of layers that take some of a few weights each, in any order, again and again."""
    count = draw(st.integers(1, 5))
    size = st.integers(0, 7)
    return [
        draw(st.lists(st.lists(st.tuples(size, size), min_size=1, max_size=4), max_size=4))
        for _ in range(count)
    ]


@pytest.mark.skipif(not available(), reason="needs the machine")
@given(shared_layers(), st.sampled_from([1, 2, 7, 130, 300]))
def test_sums_shared_by_rows_in_the_machine(layers, n):
    def f(*xs):
        state = [*xs, *[mg.sin(x) for x in xs]]
        for layer in layers:
            more = [mg.dot([P[w] for w, _ in row], [state[x] for _, x in row]) for row in layer]
            state = [*[mg.tanh(h) for h in more], *state][:8]
        return mg.sum(state)

    rng = random.Random(n)
    columns = [[rng.gauss(0, 1) for _ in range(n)] for _ in range(4)]
    native, python = [mg.jit(f, parameters=P, backend=b) for b in ("native", "python")]
    value, gradient = native.value_and_grad(*columns)
    y, expected = python.value_and_grad(*columns)
    assert value == pytest.approx(y, rel=1e-12, abs=1e-13)
    assert [*gradient] == pytest.approx([*expected], rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("xs", [(0.5, -1.5, 2.0), (-0.5, 0.25, -3.0), (2.0, 0.0, -0.0)])
def test_the_gradient_of_one_example_keeps_its_bits(name, xs):
    fast = mg.jit(ROWS[name], parameters=P, backend="native" if available() else "python")
    made = fast.compiled(*xs)
    numbers = [p.data for p in P]
    one = [y + 0.0 for y in made.gradient.run(xs, numbers)]
    assert bits(interpreted(gradient_of_one(made.program), xs, numbers, 1)) == bits(one)
    value, gradient = fast.value_and_grad(*[[x] for x in xs])
    assert bits([value + 0.0, *[g + 0.0 for g in gradient]]) == bits(one)
