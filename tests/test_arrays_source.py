"""The source of array programs: golden files that read as prose, and what runs it.

`python tests/test_arrays_source.py` writes the golden files anew; their difference is to be read.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from array_code import GOLDEN, random_model
from corpus import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from test_arrays import traced
from test_compiler_modes import eager, is_one_number

import micrograd as mg
from micrograd import Value, nn, optim
from micrograd.compiler.arrays.library import __doc__ as library_text
from micrograd.compiler.structure import numbers_of

pytestmark = pytest.mark.once

np = pytest.importorskip("numpy")
FOLDER = Path(__file__).with_name("golden")


def golden():
    """The name and the content of each file."""
    for name, make in GOLDEN.items():
        f, parameters, args = make()
        arrays = traced(f, parameters, args).arrays
        yield f"arrays-{name}.txt", str(arrays) + "\n"
        yield f"arrays-{name}.py.txt", arrays.source


@pytest.mark.parametrize(("name", "text"), list(golden()), ids=lambda x: x if len(x) < 40 else "")
def test_golden(name, text):
    assert text == (FOLDER / name).read_text(encoding="utf-8")


def test_loops_and_nn_give_the_same_formula():
    prints = []
    for name in ("with_nn", "with_loops"):
        f, parameters, args = GOLDEN[name]()
        prints.append(str(traced(f, parameters, args).arrays))
    by_nn, by_loops = prints
    assert by_loops.splitlines()[0] == "given x[8], y[3]; W1[16, 8], b1[16], W2[3, 16], b2[3]"
    assert "W2 @ tanh(W1 @ x + b1) + b2 - y" in by_loops
    assert "W2 @ tanh(W1 @ x + b1) + b2 - y" in by_nn


def executed(source, library=None):
    """The function in a source that stands on its own; with another library under its name."""
    if library is not None:
        first, rest = source.split("\n", 1)
        assert first.startswith("import numpy as np")
        source = rest
    space = {"np": library}
    exec(compile(source, "<arrays>", "exec"), space)
    return space["f"]


def arguments(arrays, xs, ps, convert):
    """The arrays that the function takes."""
    given = []
    for leaves, places, numbers in (
        (arrays.inputs, arrays.input_places, xs),
        (arrays.parameters, arrays.parameter_places, ps),
    ):
        for leaf in leaves:
            step = arrays.steps[leaf]
            flat = [0.0] * step.size
            for place, number in zip(places, numbers, strict=True):
                if place.array == leaf:
                    flat[place.position] = number
            given.append(convert(np.array(flat).reshape(step.shape)))
    return given


def gradient_of(arrays, slopes):
    """The gradient by the parameters in their order."""
    flat = {i: np.asarray(x).reshape(-1) for i, x in zip(arrays.parameters, slopes)}
    return [float(flat[place.array][place.position]) for place in arrays.parameter_places]


def near(found, expected, scale=1e-6):
    return found == expected or (found != found and expected != expected) or math.isclose(
        found, expected, rel_tol=1e-10, abs_tol=1e-12 * max(scale, 1.0)
    )  # fmt: skip


ONE_NUMBER = [n for n in CASES if n not in ("several_results", "edges", "special_functions")]


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_the_source_runs_as_it_is_printed(name):
    case = CASES[name]()
    assert is_one_number(case)
    for args in case.examples:
        made = traced(case.f, case.parameters, args)
        arrays = made.arrays
        xs = [float(x) for x in numbers_of(args, {})]
        values, gradient = eager(case, args)
        given = arguments(arrays, xs, made.numbers(), np.asarray)
        value, slopes = executed(arrays.source)(*given)
        assert near(float(value), values[0])
        if case.parameters:
            assert all(map(near, gradient_of(arrays, slopes), gradient))


@given(st.integers(0, 10**9))
@settings(max_examples=40, deadline=None)
def test_random_code_through_the_source(seed):
    f, parameters, args = random_model(seed)
    made = traced(f, parameters, args)
    for p in parameters:
        p.grad = 0.0
    y = f(*args)
    y.backward()
    xs = [float(x) for x in numbers_of(args, {})]
    given = arguments(made.arrays, xs, made.numbers(), np.asarray)
    value, slopes = executed(made.arrays.source)(*given)
    assert near(float(value), y.data)
    assert all(map(near, gradient_of(made.arrays, slopes), [p.grad for p in parameters]))


@given(st.integers(0, 10**9), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_random_code_over_a_batch(seed, n):
    f, parameters, (x, _) = random_model(seed)
    rng = random.Random(seed)
    xs = np.array([[float(rng.randint(-3, 3)) for _ in x] for _ in range(n)])
    ys = np.array([float(rng.randint(-3, 3)) for _ in range(n)])
    fast = mg.jit(f, parameters=parameters, backend="numpy")
    value, gradient = fast.value_and_grad(xs, ys)
    for p in parameters:
        p.grad = 0.0
    mean = mg.mean([f(list(map(float, row)), float(t)) for row, t in zip(xs, ys)])
    mean.backward()
    assert near(value, mean.data)
    size = max([abs(p.grad) for p in parameters], default=1.0)
    assert all(near(float(g), p.grad, size) for g, p in zip(gradient, parameters, strict=True))
    each = fast.map(xs, ys)
    assert all(
        near(float(found), f(list(map(float, row)), float(t)).data)
        for found, row, t in zip(each, xs, ys)
    )


def elements(width: int):
    """Sums, differences and products of single elements of vectors, as nested pairs."""
    leaf = st.tuples(st.sampled_from("uvc"), st.integers(0, width - 1))
    return st.recursive(
        leaf, lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner), max_leaves=7
    )


@given(st.lists(elements(3), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_sums_of_single_elements_over_a_batch(trees):
    """Their gradients put numbers such as 1 / n and -1 / n beside each other."""
    a, b = [Value(0.5 + 0.2 * j) for j in range(3)], [Value(0.3 * j - 0.2) for j in range(3)]

    def f(x):
        vectors = {"u": [mg.tanh(p * x) for p in a], "v": [p * x for p in b], "c": [2.0, -1.0, 0.5]}

        def number(tree):
            if len(tree) == 2:
                return vectors[tree[0]][tree[1]]
            p, q = map(number, tree[1:])
            return p + q if tree[0] == "+" else p - q if tree[0] == "-" else p * q

        return mg.sum([number(tree) for tree in trees]) + 0.0 * a[0] * x

    given = [0.5, -1.0, 2.0]
    value, gradient = mg.jit(f, parameters=[*a, *b], backend="python").value_and_grad(given)
    fast = mg.jit(f, parameters=[*a, *b], backend="numpy")
    for _ in range(2):
        found, slopes = fast.value_and_grad(given)
        assert found == pytest.approx(value, rel=1e-13)
        assert list(slopes) == pytest.approx(list(gradient), rel=1e-12, abs=1e-15)
    assert list(fast.map(given)) == pytest.approx([f(x).data for x in given], rel=1e-12)


@pytest.mark.parametrize("name", [n for n in GOLDEN if n != "microgpt_word"])
def test_the_source_under_jax(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    check_under(name, jax.numpy, jax.numpy.asarray)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_source_under_torch(name):
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)
    try:
        check_under(name, torch, torch.as_tensor)
    finally:
        torch.set_default_dtype(torch.float32)


def check_under(name, library, convert):
    f, parameters, args = GOLDEN[name]()
    made = traced(f, parameters, args)
    xs, ps = [float(x) for x in numbers_of(args, {})], made.numbers()
    source = made.arrays.source
    value, slopes = executed(source)(*arguments(made.arrays, xs, ps, np.asarray))
    there, there_slopes = executed(source, library)(*arguments(made.arrays, xs, ps, convert))
    assert near(float(there), float(value))
    for a, b in zip(slopes, there_slopes, strict=True):
        a, b = np.asarray(a).reshape(-1), np.asarray(b).reshape(-1)
        assert all(map(near, b.tolist(), a.tolist()))


def test_names_of_a_user_stay():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    fast = mg.jit(lambda x: mg.tanh(a * x + b))
    fast(1.0)
    assert str(fast.array_program) == (
        "given x; a, b\n  1  v2 = tanh(a * x + b)\ngives v2"
    )  # fmt: skip


def test_an_embedding_is_rows_of_a_matrix():
    table = [[Value(float(10 * i + j)) for j in range(3)] for i in range(5)]
    flat = [v for row in table for v in row]
    fast = mg.jit(lambda: [v * 2 for i in (4, 0, 4, 2) for v in table[i]], parameters=flat)
    fast.trace()
    arrays = fast.array_program
    assert arrays.run([], [p.data for p in fast.parameters]) == [
        2.0 * (10 * i + j) for i in (4, 0, 4, 2) for j in range(3)
    ]


def test_fit_on_numpy_is_fit_in_python():
    def trained(backend):
        random.seed(3)
        model = nn.MLP(2, [5, 1])
        xs = [[random.uniform(-1, 1), random.uniform(-1, 1)] for _ in range(30)]
        ys = [1.0 if x[0] * x[1] > 0 else -1.0 for x in xs]
        fast = mg.jit(
            lambda x, y: mg.losses.hinge(model(x), y) + 1e-3 * mg.sum([p * p for p in model.parameters()]),
            parameters=model.parameters(), backend=backend,
        )  # fmt: skip
        done = fast.fit(np.array(xs), np.array(ys), optim.Adam(model.parameters(), lr=0.02), steps=20,
                        batch_size=8, progress=False)  # fmt: skip
        return done.loss, [p.data for p in model.parameters()], [p.grad for p in model.parameters()]

    for found, expected in zip(trained("numpy"), trained("python"), strict=True):
        assert all(math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-11) for a, b in zip(found, expected))


def test_the_library_says_what_it_is():
    assert "share" in library_text


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_division_by_the_constant_zero_that_was_not_chosen_contributes_nothing(zero):
    p = Value(2.0)
    fast = mg.jit(lambda x: mg.where(x > 0, p * x, p / zero), parameters=[p], backend="python")
    assert fast(1.5) == 3.0
    space: dict = {}
    exec(fast.array_program.source, space)
    value, (gradient,) = space["f"](1.5, 2.0)  # floats, where Python's division would raise
    assert (value, gradient) == (3.0, 1.5)
    value, (gradient,) = space["f"](-1.5, 2.0)
    assert value == gradient == math.copysign(math.inf, zero)


def layer(x, choose):
    """A layer of two units of which `choose` makes something, and its parameters."""
    ps = [Value(v) for v in (1.0, 0.5, -1.0, 0.5, 0.25, -0.5)]

    def f(x):
        h = [mg.dot(ps[2 * k : 2 * k + 2], x) + ps[4 + k] for k in range(2)]
        return choose(h, x)

    return f, ps, x


def judged(f, ps, x):
    """The gradient by the engine, and by the array source; None for what is nan."""
    f([Value(v) for v in x]).backward()
    fast = mg.jit(f, parameters=ps, backend="python")
    fast(x)
    arrays = fast.known("arrays").arrays
    run = executed(arrays.source, np)
    with np.errstate(all="ignore"):
        slopes = run(*arguments(arrays, x, [p.data for p in ps], np.asarray))[1]
    by_array = dict(zip(arrays.parameters, slopes))
    shapes = {i: arrays.steps[i].shape for i in arrays.parameters}
    flat = [
        float(np.broadcast_to(by_array[p.array], shapes[p.array]).reshape(-1)[p.position])
        for p in arrays.parameter_places
    ]
    return [[None if g != g else g for g in gs] for gs in ([p.grad for p in ps], flat)]


GUARDED = {
    "an example": lambda h, x: mg.where(mg.isfinite(x[0]), h[0] * h[0] + mg.tanh(h[1]), 0.0),
    "units": lambda h, x: mg.sum([mg.where(mg.isfinite(x[0]), y, 0.0) for y in h]),
    "a loss": lambda h, x: mg.where(mg.isfinite(x[0]), mg.logsumexp(h), 1.0),
    "layers": lambda h, x: mg.where(
        mg.isfinite(x[0]), mg.sum([mg.tanh(mg.dot(h, h) + y) for y in h]), 0.0
    ),
}


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("what", GUARDED)
def test_what_where_did_not_choose_contributes_nothing_beside_an_infinite_input(what, bad):
    engine, source = judged(*layer([bad, 1.0], GUARDED[what]))
    assert engine == source == [0.0] * 6
    engine, source = judged(*layer([0.5, 1.0], GUARDED[what]))
    assert source == pytest.approx(engine, rel=1e-14)
    assert any(engine)


def test_where_an_infinite_factor_gives_nan_in_array_source_as_the_deviations_say():
    """Behind a ReLU alone nothing is masked; behind where only what no gradient meets at all."""
    x = [math.inf, 1.0]
    engine, source = judged(*layer(x, lambda h, x: mg.sum([mg.relu(y) for y in h])))
    assert engine == [math.inf, 1.0, 0.0, 0.0, 1.0, 0.0]
    assert source == [math.inf, 1.0, None, 0.0, 1.0, 0.0]
    chosen = [lambda y: mg.where(y > 0, y, 0.0)] * 2
    engine, source = judged(*layer(x, lambda h, x: mg.sum([c(y) for c, y in zip(chosen, h)])))
    assert engine == [math.inf, 1.0, 0.0, 0.0, 1.0, 0.0]
    assert source == [math.inf, 1.0, None, 0.0, 1.0, 0.0]
    # A gradient that is there, and is 0, is taken for one that is not.
    engine, source = judged(*layer(x, lambda h, x: mg.where(h[0] > 0, mg.log(h[0]), 0.0)))
    assert engine == [None, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert source == [0.0] * 6


def test_an_infinite_input_behind_a_relu_alone_as_the_deviations_say():
    """The compiled function asks the engine; the code of a gradient multiplies 0 and inf."""
    ps = [Value(-1.0), Value(0.5)]
    fast = mg.jit(lambda x: mg.relu(ps[0] * x + ps[1]), parameters=ps)
    assert fast.value_and_grad([math.inf])[1].tolist() == [0.0, 0.0]
    for choose, expected in ((mg.relu, None), (lambda z: mg.where(z > 0, z, 0.0), 0.0)):
        slope = mg.grad(lambda w, x, f=choose: f(w * x))
        assert slope(-1.0, math.inf) == 0.0
        found = mg.jit(slope)(-1.0, math.inf)
        assert (None if found != found else found) == expected


if __name__ == "__main__":
    for file, content in golden():
        (FOLDER / file).write_text(content, encoding="utf-8")
