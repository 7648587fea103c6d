"""Arrays found again: the array program is the scalar one, exactly, and as small as it should be."""

from __future__ import annotations

import math
import random

import pytest
from array_code import GOLDEN, STYLES, Exact, random_model
from corpus import CASES
from graphs import ANALYTIC, REALS, analytic, recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compiler_modes import close, eager, is_one_number

import micrograd as mg
from micrograd import Value, losses, nn
from micrograd.compiler.arrays.layout import Nest, cuts, nest, nest_of_rows, refined, strides_over
from micrograd.compiler.arrays.program import Leaf, Sum
from micrograd.compiler.arrays.reverse import reverse
from micrograd.compiler.arrays.roll import roll
from micrograd.compiler.compiled import differentiated
from micrograd.compiler.structure import numbers_of

pytestmark = pytest.mark.once


def traced(f, parameters, args):
    fast = mg.jit(f, parameters=parameters)
    fast.trace(*args)
    return fast.latest


def operations(program) -> int:
    return sum(not isinstance(step, Leaf) for step in program.steps)


def with_gradient(arrays, xs, ps, seeds="one"):
    """The results and the gradient by the parameters, in their order."""
    full = reverse(arrays, arrays.parameters, seeds)
    found = full.run(xs, ps)
    n = len(full.outputs)
    by = dict(zip(full.gradients, found[n:], strict=True))
    return found[:n], [by[place.array][place.position] for place in full.parameter_places]


# Positions ------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(2, 4), st.integers(0, 20)), max_size=3), st.integers(0, 9))
def test_a_nest_is_found_in_its_positions(dims, base):
    made = Nest(base, tuple(n for n, _ in dims), tuple(s for _, s in dims))
    positions = made.positions()
    found = nest(positions)
    if found is not None:  # a run may go on over a boundary by chance, and end elsewhere
        assert found.positions() == positions
    width = made.dims[-1] if made.dims else 1
    by_rows = nest_of_rows(positions, width)
    if by_rows is not None:
        assert by_rows.positions() == positions


def test_nests_by_hand():
    assert nest([5]) == (5, (), ())
    assert nest([0, 1, 3, 4, 6, 7]) == (0, (3, 2), (3, 1))
    assert nest([0, 2, 4, 1, 3, 5]) == (0, (2, 3), (1, 2))
    assert nest([0, 0, 0, 1, 1, 1]) == (0, (2, 3), (1, 0))
    assert nest([3, 2, 1]) == (3, (3,), (-1,))
    assert nest([0, 1, 3]) is None
    assert refined({2, 6, 12}, 12) == (2, 3, 2)
    assert refined({4, 6}, 12) is None
    assert strides_over(Nest(0, (32,), (1,)), (4, 4, 2)) == (8, 2, 1)
    assert cuts((4, 3)) == {3, 12}


# The same numbers -----------------------------------------------------------------------------


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_exact_numbers_through_both_programs(seed):
    f, parameters, args = random_model(seed)
    made = traced(f, parameters, args)
    xs, ps = list(map(Exact, numbers_of(args, {}))), [Exact(p.data) for p in parameters]
    scalar = differentiated(made.program).run(xs, ps)
    value, gradient = with_gradient(made.arrays, xs, ps)
    assert [*value, *gradient] == scalar


@given(recipes(REALS, sorted(ANALYTIC), max_steps=15))
@settings(max_examples=60, deadline=None)
def test_random_graphs(recipe):
    ours = analytic(mg)
    ps = [Value(x) for x in recipe.leaves]

    def f(x):
        return mg.sum(run(recipe, ps, ours)) * x

    made = traced(f, ps, (1.0,))
    y = f(0.5)
    y.backward()
    (value,), gradient = with_gradient(made.arrays, [0.5], [p.data for p in ps])
    assert math.isclose(value, y.data, rel_tol=1e-12, abs_tol=1e-12)
    for found, p in zip(gradient, ps, strict=True):
        assert math.isclose(found, p.grad, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_the_corpus(name):
    if "numpy" in name or "matmul" in name:
        pytest.importorskip("numpy")
    case = CASES[name]()
    for args in case.examples:
        made = traced(case.f, case.parameters, args)
        xs = [float(x) for x in numbers_of(args, {})]
        values, gradient = eager(case, args)
        ps = [p.data for p in case.parameters]
        if is_one_number(case):
            found, slopes = with_gradient(made.arrays, xs, ps)
            assert all(map(close, slopes, gradient)), name
        else:
            found = made.arrays.run(xs, ps)
        assert all(map(close, found, values)), name


def test_what_was_not_chosen_contributes_nothing():
    p = Value(0.0)
    for f in (
        lambda: mg.where(p > 0, mg.log(p), p * 2),
        lambda: mg.where(p > 0, 1 / p, p * 2),
        lambda: mg.where(p > 0, mg.sqrt(p) * 3, p * 2),
        lambda: mg.maximum(1.0, mg.log(p)) + p * 2,
        lambda: mg.where(p < 1, p * 2, p * mg.exp(p + 1000)),
        lambda: mg.relu(mg.log(p)) + p * 2,
    ):
        made = traced(f, [p], ())
        _, gradient = with_gradient(made.arrays, [], [0.0])
        assert gradient == [2.0]


def test_a_zero_that_meets_infinity_on_a_chosen_path_is_nan():
    p = Value(0.0)
    made = traced(lambda: mg.sqrt(p) * 0, [p], ())
    assert math.isnan(with_gradient(made.arrays, [], [0.0])[1][0])


# As small as it should be -----------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES, ids=lambda f: f.__name__)
def test_each_way_to_write_a_layer_is_one_product(style):
    rng = random.Random(1)
    w = [[Value(rng.random()) for _ in range(7)] for _ in range(5)]
    b = [Value(rng.random()) for _ in range(5)]
    arrays = traced(lambda x: [mg.tanh(v) for v in style(w, x, b)], None, ([1.0] * 7,)).arrays
    assert operations(arrays) == 2
    (layer, _) = [s for s in arrays.steps if not isinstance(s, Leaf)]
    assert isinstance(layer, Sum) and layer.shape == (5,)
    assert sorted(term.inner for term in layer.terms) == [(), (7,)]
    shapes = {s.name: s.shape for s in arrays.steps if isinstance(s, Leaf)}
    assert shapes == {"x": (7,), "W1": (5, 7), "b1": (5,)}
    assert str(arrays).endswith("tanh(W1 @ x + b1)\ngives v2")


def test_a_network_has_as_many_steps_whatever_its_size():
    def steps(n, examples):
        random.seed(0)
        model = nn.MLP(3, [n, n, 1])
        data = [[random.random() for _ in range(3)] for _ in range(examples)]

        def loss():
            return mg.mean([losses.squared_error(model(x), 1.0) for x in data])

        arrays = traced(loss, model.parameters(), ()).arrays
        return operations(arrays), operations(reverse(arrays, arrays.parameters))

    forward, both = steps(4, 5)
    assert forward <= 9 and both <= 27
    assert steps(9, 17) == (forward, both)


@pytest.mark.parametrize(
    ("name", "forward", "both"),
    [("with_nn", 6, 12), ("with_loops", 6, 12), ("classes", 4, 9), ("with_its_data", 8, 24),
     ("batch_norm", 11, 15), ("recurrent", 17, 36), ("microgpt_word", 92, 248)],
)  # fmt: skip
def test_how_many_steps(name, forward, both):
    f, parameters, args = GOLDEN[name]()
    arrays = traced(f, parameters, args).arrays
    assert operations(arrays) <= forward
    assert operations(reverse(arrays, arrays.parameters)) <= both


def test_the_pass_is_deterministic():
    f, parameters, args = GOLDEN["microgpt_word"]()
    made = traced(f, parameters, args)
    assert made.arrays.source == roll(made.program, []).source


def test_the_pass_is_linear():
    import time

    def seconds(n):
        ws = [Value(1.0) for _ in range(n)]

        def f(x):
            y = x
            for w in ws:  # nothing in it is alike
                y = mg.tanh(y * w) + w
            return y

        program = traced(f, ws, (1.0,)).program
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            arrays = roll(program)
            reverse(arrays, arrays.parameters)
            best = min(best, time.perf_counter() - start)
        return best

    small, large = seconds(500), seconds(4000)
    assert large < 8 * small * 3
