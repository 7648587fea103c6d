"""The corpus in every way of running it: eager, compiled, over batches, under transforms."""

from __future__ import annotations

import math
import struct

import pytest
from corpus import CASES

import micrograd as mg
from micrograd import Value
from micrograd.autodiff.nested import flatten

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
NUMBERS = ("quotient", "readme", "horner", "powers", "choices", "special_functions", "remainders")


@pytest.fixture(params=CASES)
def example(request):
    if "numpy" in request.param or "matmul" in request.param:
        pytest.importorskip("numpy")
    return CASES[request.param]()


def bits(x) -> bytes:
    """The number to the last bit; every nan alike."""
    return b"nan" if x != x else struct.pack("d", x)


def plain(result) -> list[float]:
    return [y.data if isinstance(y, Value) else float(y) for y in flatten(result)]


def eager(case, args):
    """The results and, of a single one, the gradient by the parameters, by the engine."""
    for p in case.parameters:
        p.grad = 0
    y = case.f(*args)
    if isinstance(y, Value):
        y.backward()
    return plain(y), [p.grad for p in case.parameters]


def is_one_number(case) -> bool:
    return not isinstance(case.f(*case.examples[0]), (list, tuple, dict))


def batches(case):
    """The examples as columns, those of one structure together."""
    groups: dict = {}
    for args in case.examples:
        fast = mg.jit(case.f)
        groups.setdefault(repr(fast.compiled(*args).structure.names) + static(args), []).append(
            args
        )
    return [tuple(list(column) for column in zip(*group, strict=True)) for group in groups.values()]


def static(args) -> str:
    return repr([x for x in flatten(args) if isinstance(x, (str, bool, type(None)))])


def close(found, expected, scale=1.0) -> bool:
    if found == expected or (found != found and expected != expected):
        return True
    return math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-14 * scale)


# One example: to the last bit ---------------------------------------------------------------


def test_values_are_those_of_eager_code(example):
    fast = mg.jit(example.f, parameters=example.parameters, backend="python")
    free = mg.jit(example.f)
    for args in example.examples:
        expected = list(map(bits, plain(example.f(*args))))
        for _ in range(2):  # the second call takes the short way
            assert list(map(bits, plain(fast(*args)))) == expected
            assert list(map(bits, plain(free(*args)))) == expected


def test_results_have_the_structure_of_eager_ones(example):
    args = example.examples[0]

    def shape(y):
        if isinstance(y, dict):
            return {k: shape(v) for k, v in y.items()}
        return type(y)(map(shape, y)) if isinstance(y, (list, tuple)) else "a number"

    assert shape(mg.jit(example.f)(*args)) == shape(example.f(*args))
    assert all(type(x) is float for x in flatten(mg.jit(example.f)(*args)))


def test_gradients_are_those_of_eager_code(example):
    if not is_one_number(example):
        pytest.skip("several results")
    fast = mg.jit(example.f, parameters=example.parameters, backend="python")
    for args in example.examples:
        values, gradient = eager(example, args)
        value, found = fast.value_and_grad(*([x] for x in args))
        assert list(map(bits, [value, *found])) == list(map(bits, [*values, *gradient]))
        for p in example.parameters:
            p.grad = 1.0
        assert bits(fast.backward(*([x] for x in args))) == bits(value)
        added = [bits(p.grad) for p in example.parameters]
        assert added == [bits(1.0 + g) for g in gradient]


def test_gradient_of_several_results_is_refused():
    case = CASES["several_results"]()
    with pytest.raises(TypeError, match="gives 5"):
        mg.jit(case.f).value_and_grad([1.0], [2.0])


# Many examples ------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["python", "numpy", "auto"])
def test_batches_are_the_examples_one_by_one(example, backend):
    pytest.importorskip("numpy")
    fast = mg.jit(example.f, parameters=example.parameters, backend=backend)
    one = is_one_number(example)
    for columns in batches(example):
        rows = list(zip(*columns, strict=True)) or [()]
        expected = [eager(example, args) for args in rows]
        if columns:
            found = fast.map(*columns)
            for (values, _), y in zip(expected, found, strict=True):
                assert all(map(close, plain(y), values))
        if one:
            value, gradient = fast.value_and_grad(*columns)
            n = len(rows)
            assert close(value, sum([v[0] for v, _ in expected]) / n)
            for i, g in enumerate(gradient):
                terms = [slopes[i] for _, slopes in expected]
                size = sum(map(abs, terms))
                assert close(float(g), sum(terms) / n, size if size < math.inf else 1.0)


# Under transforms -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
def test_derivatives_of_compiled_functions(name):
    case = CASES[name]()
    fast = mg.jit(case.f)
    for args in case.examples:
        for i in range(len(args)):
            expected = mg.value_and_grad(case.f, i)(*args)
            assert mg.value_and_grad(fast, i)(*args) == expected
        found = mg.jvp(fast, args, [1.0] * len(args))
        assert plain(found) == plain(mg.jvp(case.f, args, [1.0] * len(args)))


@pytest.mark.parametrize("name", NUMBERS)
def test_compiled_derivatives(name):
    case = CASES[name]()
    for i in range(len(case.examples[0])):
        gradient = mg.grad(case.f, i)
        fast = mg.jit(gradient)
        for args in case.examples:
            assert close(fast(*args), gradient(*args))
            assert fast(*args) == fast(*args)


@pytest.mark.parametrize("name", ["quotient", "readme", "choices"])
def test_second_derivatives_of_compiled_functions(name):
    case = CASES[name]()
    fast = mg.jit(case.f)
    argnums = (0, 1) if len(case.examples[0]) > 1 else 0
    for args in case.examples:
        expected = flatten(mg.hessian(case.f, argnums)(*args))
        assert all(map(close, flatten(mg.hessian(fast, argnums)(*args)), expected))
        twice = mg.jit(mg.hessian(case.f, argnums))
        assert all(map(close, flatten(twice(*args)), expected))


def test_values_among_the_arguments_give_a_node():
    case = CASES["quotient"]()
    fast = mg.jit(case.f)
    x, y = Value(0.5), Value(-1.5)
    expected = mg.grad(case.f, (0, 1))(0.5, -1.5)
    fast(x, y).backward()
    assert (x.grad, y.grad) == expected
    assert type(fast(0.5, -1.5)) is float


def test_a_compiled_function_in_a_compiled_function():
    p = Value(0.7, label="p")
    inner = mg.jit(lambda x: mg.tanh(p * x))
    outer = mg.jit(lambda x, y: inner(x) * y + inner(0.25), backend="python")
    want = (p * 0.5).tanh() * 2.0 + (p * 0.25).tanh()
    want.backward()
    assert outer(0.5, 2.0) == want.data
    value, gradient = outer.value_and_grad([0.5], [2.0])
    assert outer.parameters == [p]
    assert (value, list(gradient)) == (want.data, [p.grad])


def test_a_compiled_function_over_a_traced_number():
    outer = mg.jit(lambda x: mg.jit(lambda y: y * x)(2.0) + x)
    assert outer(3.0) == 9.0
    assert outer(5.0) == 15.0


def test_no_grad_and_anomalies_outside_do_not_touch_the_compiled_function():
    p = Value(0.0)
    fast = mg.jit(lambda x: mg.where(x > 0, mg.log(x), 0.0) + mg.sqrt(p) * x, backend="python")
    with mg.no_grad(), mg.detect_anomaly():
        assert fast(1.0) == 0.0
        value, gradient = fast.value_and_grad([2.0])
    assert (value, list(gradient)) == (math.log(2.0), [math.inf])


@pytest.mark.parametrize("n", [1, 2, 4095, 4096, 4097, 10000])
def test_long_batches_in_parts(n):
    np = pytest.importorskip("numpy")
    p = Value(0.5)
    fast = mg.jit(lambda x, y: mg.tanh(p * x[0]) + x[1] * y * p, backend="numpy")
    rng = np.random.default_rng(n)
    xs, ys = rng.normal(size=(n, 2)), rng.normal(size=n)
    results = fast.map(xs, ys)
    assert np.allclose(results, np.tanh(0.5 * xs[:, 0]) + xs[:, 1] * ys * 0.5, rtol=1e-14)
    value, gradient = fast.value_and_grad(xs, ys)
    assert math.isclose(value, results.mean(), abs_tol=1e-15)
    expected = xs[:, 0] / np.cosh(0.5 * xs[:, 0]) ** 2 + xs[:, 1] * ys
    assert math.isclose(gradient[0], expected.mean(), rel_tol=1e-11)


def test_arrays_in_and_out():
    np = pytest.importorskip("numpy")
    fast = mg.jit(lambda x: np.tanh(x @ x.T) * 2.0)
    x = np.arange(6.0).reshape(2, 3) / 10
    found = fast(x)
    assert found.dtype == float
    assert np.allclose(found, np.tanh(x @ x.T) * 2.0, rtol=1e-15)


def test_an_anomaly_check_inside_does_not_take_a_trace_for_numbers():
    def f(x):
        with mg.detect_anomaly():
            return mg.log(x - 5.0)

    assert mg.jit(f)(6.0) == 0.0


def test_models_methods_and_checkpoints_compile():
    model = mg.nn.MLP(2, [3, 2])
    assert mg.jit(model)([1.0, 2.0]) == plain(model([1.0, 2.0]))

    class Line(mg.nn.Module):
        def __init__(self):
            self.slope, self.offset = Value(2.0), Value(0.5)

        def loss(self, x, y):
            return (self.slope * x + self.offset - y) ** 2

    line = Line()
    fast = mg.jit(line.loss, parameters=line.parameters())
    assert fast(1.0, 3.0) == 0.25
    assert "def loss(x, y, slope, offset):" in fast.source
    again = mg.jit(lambda x: mg.checkpoint(lambda t: mg.tanh(line.slope * t), x) * 2)
    assert again(0.25) == 2 * math.tanh(0.5)
