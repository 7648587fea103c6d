"""Calls of compiled functions: structures and arrays on their way in and out, derivatives of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.compiler.native import backend as native

BACKENDS = ["python", "numpy", *(["native"] if native.available() else [])]


class Pair(NamedTuple):
    a: float
    b: float


STRUCTURES = {
    "list": (lambda x, y: [x * y, x + y, x], (3,)),
    "matrix": (lambda x, y: ((x, y, x * y), (y, x, x - y)), (2, 3)),
    "array": (lambda x, y: np.array([[x, y * y]], dtype=object), (1, 2)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", STRUCTURES)
def test_arrays_give_one_array_and_lists_one_structure_for_each_example(name, backend):
    f, shape = STRUCTURES[name]
    fast = mg.jit(f, backend=backend)
    xs, ys = np.array([0.5, -1.5, 2.0]), np.array([1.0, 2.0, -3.0])
    wanted = np.array([np.array(f(x, y), dtype=float) for x, y in zip(xs, ys)])
    found = fast.map(xs, ys)
    assert found.shape == (3, *shape)
    assert np.array_equal(found, wanted)
    each = fast.map(xs.tolist(), ys.tolist())
    assert isinstance(each, list)
    assert type(each[0]) is type(f(0.5, 1.0))
    assert np.array_equal(np.array(each), wanted)


@pytest.mark.parametrize("backend", BACKENDS)
def test_unequal_parts_hold_arrays(backend):
    fast = mg.jit(lambda x: {"y": x * 2.0, "p": Pair(x, [x, x * x]), "s": "text"}, backend=backend)
    xs = np.array([1.0, 2.0, 3.0])
    found = fast.map(xs)
    assert list(found) == ["y", "p", "s"]
    assert np.array_equal(found["y"], 2.0 * xs)
    assert isinstance(found["p"], Pair)
    assert np.array_equal(found["p"].b, np.stack([xs, xs * xs], axis=1))
    assert found["s"] == "text"
    assert fast(2.0) == {"y": 4.0, "p": Pair(2.0, [2.0, 4.0]), "s": "text"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_array_argument_has_an_array_as_its_gradient(backend):
    g = mg.jit(mg.grad(lambda xs, k: mg.sum([x * x * k for x in xs])), backend=backend)
    xs = np.array([[1.0, 2.0]])
    fast = mg.jit(mg.grad(lambda xs: mg.sum([x * x for row in xs for x in row])), backend=backend)
    found = fast(xs)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[2.0, 4.0]]
    assert fast(xs.astype("float32")).tolist() == [[2.0, 4.0]]
    assert fast(np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[2.0, 4.0], [6.0, 8.0]]
    assert fast([[1.0, 2.0]]) == [[2.0, 4.0]]
    assert g([1.0, 2.0], 3.0) == [6.0, 12.0]
    assert g((1, 2.0), 3) == (6.0, 12.0)
    assert g([1.0, 2.0], Value(3.0))[1].data == 12.0


def test_the_derivative_of_a_compiled_function_is_compiled():
    k = 2.0
    p = Value(3.0)
    fast = mg.jit(lambda x, y: mg.tanh(x * y) * k + p * x * x)
    g, h = mg.grad(fast, (0, 1)), mg.hessian(fast, (0, 1))
    plain = lambda x, y: mg.tanh(x * y) * 2.0 + 3.0 * x * x  # noqa: E731
    for x, y in [(0.5, 2.0), (-1.0, 0.25)]:
        assert g(x, y) == pytest.approx(mg.grad(plain, (0, 1))(x, y), rel=1e-15)
        found, wanted = np.array(h(x, y)), np.array(mg.hessian(plain, (0, 1))(x, y), dtype=float)
        assert found == pytest.approx(wanted, rel=1e-13)
        fast(x, y)
        k = 5.0  # the program was made when k was 2, and so is its derivative
    assert isinstance(g, mg.compiler.Jit)
    assert mg.grad(fast, (0, 1)) is g
    p.data = 4.0
    assert g(1.0, 0.0)[0] == 8.0
    assert mg.derivative(mg.jit(lambda x: x**4), 3)(2.0) == 48.0
    assert mg.grad(lambda x: mg.grad(fast)(x, 0.0) * x)(1.0) == 16.0
    value, gradient = mg.value_and_grad(fast)(1.0, 0.0)
    assert (value, gradient) == (4.0, 8.0)


def test_a_derivative_that_decides_by_numbers_is_computed_eagerly():
    own = mg.custom(lambda x: abs(x), lambda x, y: 1.0 if x > 0 else -1.0, name="own abs")
    fast = mg.jit(lambda x: own(x) * 2.0)
    g = mg.grad(fast)
    assert [g(3.0), g(-3.0), g(3.0)] == [2.0, -2.0, 2.0]
    with pytest.raises(TypeError):
        mg.grad(mg.jit(lambda x: x))("a")


def test_the_derivative_of_a_compiled_loop_is_a_loop():
    fast = mg.jit(lambda x: mg.fori_loop(0, 1000, lambda i, y: y * 0.999 + x * x, 0.0))
    g = mg.grad(fast)
    x = 0.5
    sums = (1.0 - 0.999**1000) / (1.0 - 0.999)
    assert g(x) == pytest.approx(2.0 * x * sums, rel=1e-12)
    assert len(g.program) < 100
