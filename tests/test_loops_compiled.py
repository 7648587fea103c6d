"""Loops and branches compiled: the numbers of eager code, by every backend, in both modes."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
import random
import shutil
import signal
import subprocess

import pytest
from helpers import interrupted
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_programs import FUNCTIONS, POINTS, expressions, over_vectors, value, vector_loops

import micrograd as mg
from micrograd import Value, optim
from micrograd.compiler.native.backend import available

BACKENDS = ["python", *(["native"] if available() else [])]
LONG = bool(os.environ.get("MICROGRAD_LONG"))
each = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)


def same(a, b):
    return a == b or (a != a and b != b)


@each
@pytest.mark.parametrize("backend", BACKENDS)
def test_values_have_the_bits_of_eager_code(f, backend):
    fast = mg.jit(f, backend=backend)
    for x in POINTS:
        assert same(fast(*x), f(*x))
        assert same(fast(*x), f(*x))  # the second call takes another way


@each
@pytest.mark.parametrize("backend", [*BACKENDS, "numpy"])
def test_gradients(f, backend):
    p = [Value(0.0), Value(0.0)]
    fast = mg.jit(lambda: f(*p), parameters=p, backend=backend)
    for x in POINTS:
        for v, number in zip(p, x, strict=True):
            v.data, v.grad = number, 0.0
        number, slopes = fast.value_and_grad()
        f(*p).backward()
        assert number == f(*x)
        assert list(slopes) == pytest.approx([v.grad for v in p], rel=1e-12, abs=1e-14)


@each
def test_transforms_in_a_trace(f):
    x = POINTS[1]
    argnums = (0, 1)
    direction = (0.5, -2.0)
    for g in (
        lambda *a: list(mg.grad(f, argnums)(*a)),
        lambda *a: [mg.jvp(f, a, direction)[1]],
        lambda *a: [s for row in mg.hessian(f, argnums)(*a) for s in row],
        lambda *a: [mg.grad(lambda *b: mg.grad(f)(*b), 1)(*a)],
        lambda *a: [mg.jvp(lambda *b: mg.jvp(f, b, direction)[1], a, direction)[1]],
    ):
        fast = mg.jit(g, backend="python")
        assert fast(*x) == pytest.approx(g(*x), rel=1e-10, abs=1e-12)


@each
@pytest.mark.parametrize("backend", [*BACKENDS, "numpy"])
def test_batches(f, backend):
    np = pytest.importorskip("numpy")
    a, b = np.linspace(0.4, 1.6, 11), np.linspace(0.3, 0.9, 11)
    p = Value(1.1)
    fast = mg.jit(lambda a, b: f(a * p, b), backend=backend)
    found = [f(float(x) * p, float(y)) for x, y in zip(a, b, strict=True)]
    assert fast.map(a, b) == pytest.approx([y.data for y in found], rel=1e-12)
    number, (slope,) = fast.value_and_grad(a, b)
    for y in found:
        y.backward(1 / 11)
    assert number == pytest.approx(sum(y.data for y in found) / 11, rel=1e-12)
    assert slope == pytest.approx(p.grad, rel=1e-10, abs=1e-13)


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
@each
def test_c_has_the_bits_too(f, tmp_path):
    p = [Value(v) for v in POINTS[0]]
    fast = mg.jit(lambda: f(*p), parameters=p, backend="python")
    number, slopes = fast.value_and_grad()
    path, library = tmp_path / "f.c", tmp_path / "f.so"
    fast.to_c(path)
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(path), "-o", str(library), "-lm"], check=True)
    compiled = ctypes.CDLL(str(library))
    given, y, g = (
        (ctypes.c_double * 2)(*POINTS[0]),
        (ctypes.c_double * 1)(),
        (ctypes.c_double * 2)(),
    )
    work = (ctypes.c_double * 10000)()
    assert compiled.f(None, given, y, work) == 0
    assert y[0] == number
    assert compiled.f_gradient(None, given, y, g, work) == 0
    assert (y[0], list(g)) == (number, list(slopes))


@each
def test_jax(f):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    p, x = Value(1.1), POINTS[0]
    fast = mg.jit(lambda a, b: f(a * p, b), backend="python")
    y = f(x[0] * p, x[1])
    fast.trace(*x)
    if f.__name__ == "slope_of_a_while":
        with pytest.raises(TypeError, match="a while_loop in it remembers its turns"):
            fast.to_jax()
        return
    g = fast.to_jax()
    weights = jax.numpy.array([1.1])
    assert float(g(weights, *x)) == pytest.approx(y.data, rel=1e-12)
    y.backward()
    if any(name in f.__name__ for name in ("newton", "while", "no_turn", "or_none")):
        assert math.isfinite(jax.jvp(g, (weights, *x), (weights, 0.0, 0.0))[1])
        with pytest.raises(ValueError, match="Reverse-mode"):
            jax.grad(g)(weights, *x)
    else:
        assert float(jax.grad(g)(weights, *x)[0]) == pytest.approx(p.grad, rel=1e-10, abs=1e-13)


@each
def test_torch(f):
    torch = pytest.importorskip("torch")
    p, x = Value(1.1), POINTS[0]
    fast = mg.jit(lambda a, b: f(a * p, b), backend="python")
    y = f(x[0] * p, x[1])
    y.backward()
    fast.trace(*x)
    weights = torch.tensor([1.1], dtype=torch.float64, requires_grad=True)
    found = fast.to_torch()(weights, *x)
    found.backward()
    assert found.item() == pytest.approx(y.data, rel=1e-12)
    assert weights.grad[0].item() == pytest.approx(p.grad, rel=1e-10, abs=1e-13)


# At random ----------------------------------------------------------------------------------


@settings(max_examples=3_000 if LONG else 40, deadline=None)
@given(vector_loops(), st.integers(0, 1000))
def test_random_loops_over_vectors(plan, seed):
    """By every backend, JAX and PyTorch where they are: one example, many, and gradients."""
    rng = random.Random(seed)
    weights = [[Value(rng.gauss(0, 0.5)) for _ in range(4)] for _ in range(4)]
    flat = [p for row in weights for p in row]
    points = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(3)]

    def f(x):
        return over_vectors(plan, x, weights)

    results = [f(list(map(Value, x))) for x in points]
    mg.mean(results).backward()
    values, slopes = [y.data for y in results], [p.grad for p in flat]
    for backend in [*BACKENDS, *(["numpy"] if importlib.util.find_spec("numpy") else [])]:
        fast = mg.jit(f, parameters=flat, backend=backend)
        assert same(fast(points[0]), values[0])
        assert list(fast.map(points)) == pytest.approx(values, rel=1e-12, abs=1e-12)
        number, found = fast.value_and_grad(points)
        assert number == pytest.approx(sum(values) / 3, rel=1e-12, abs=1e-12)
        assert list(found) == pytest.approx(slopes, rel=1e-10, abs=1e-12)
    numbers = [p.data for p in flat]
    if importlib.util.find_spec("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        g, given = fast.to_jax(), jax.numpy.array(points)
        found = jax.vmap(g, (None, 0))(jax.numpy.array(numbers), given)
        assert found.tolist() == pytest.approx(values, rel=1e-12, abs=1e-12)
    if importlib.util.find_spec("torch"):
        import torch

        ps = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
        found = fast.to_torch(batch=True)(ps, torch.tensor(points, dtype=torch.float64))
        found.mean().backward()
        assert found.tolist() == pytest.approx(values, rel=1e-12, abs=1e-12)
        assert ps.grad.tolist() == pytest.approx(slopes, rel=1e-10, abs=1e-12)


@settings(max_examples=10_000 if LONG else 60, deadline=None)
@given(expressions(3), st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_random_programs(tree, x):
    def f(a, b):
        return value(tree, [a, b]) + a * 0.0

    p = [Value(v) for v in x]
    y = f(*p)
    y.backward()
    expected = [v.grad for v in p]
    for backend in BACKENDS:
        fast = mg.jit(lambda: f(*p), parameters=p, backend=backend)
        assert same(mg.jit(f, backend=backend)(*x), y.data)
        number, slopes = fast.value_and_grad()
        assert same(number, y.data)
        for s, g in zip(slopes, expected, strict=True):
            assert same(s, g) or s == pytest.approx(g, rel=1e-9, abs=1e-12)


# What a program of loops is -----------------------------------------------------------------


def test_a_loop_prints_as_a_loop():
    fast = mg.jit(FUNCTIONS[0], backend="python")
    fast(0.3, 0.8)
    assert "for x in v1:" in str(fast.program)
    assert "for x in v1:" in fast.source
    fast = mg.jit(FUNCTIONS[1], backend="python")
    fast(2.0, 0.9)
    assert "leave unless" in str(fast.program)


def test_the_first_call_costs_what_one_turn_costs():
    def f(a):
        return mg.scan(lambda c, _: (mg.sin(c) * a, None), a, length=10**9)[0]

    assert len(mg.jit(f).trace(0.5)) < 10


def test_a_branch_not_taken_is_not_run():
    seen = []
    note = mg.custom(lambda x: seen.append(x) or x, lambda x, y: 1.0, name="note")
    fast = mg.jit(lambda a: mg.cond(a > 0, lambda x: note(x), lambda x: -x, a))
    fast.trace(1.0)
    seen.clear()
    assert fast(-1.0) == 1.0
    assert not seen
    assert fast(2.0) == 2.0
    assert seen[-1] == 2.0


def test_parameters_are_reached_from_a_body():
    w = Value(2.0)
    fast = mg.jit(lambda x: mg.fori_loop(0, 3, lambda i, c: c * w, x))
    assert fast(1.0) == 8.0
    w.data = 3.0
    assert fast(1.0) == 27.0
    fast.backward([1.0])
    assert w.grad == 27.0


def test_training_through_a_loop():
    from micrograd import optim

    rate = Value(0.1)

    def loss(x, y):
        return (mg.fori_loop(0, 5, lambda i, c: c * (1.0 + rate), x) - y) ** 2

    xs = [1.0, 2.0, 3.0]
    ys = [x * 1.05**5 for x in xs]
    mg.jit(loss).fit(xs, ys, optim.SGD([rate], lr=0.002), steps=300, progress=False)
    assert rate.data == pytest.approx(0.05, abs=1e-6)


def test_memory_of_a_reverse_loop_is_chosen():
    a = Value(0.9)

    def f(checkpoint):
        return mg.scan(lambda c, _: (mg.sin(c + a), None), a, length=10_000, checkpoint=checkpoint)

    slopes = [
        mg.jit(lambda c=c: f(c)[0], parameters=[a]).value_and_grad()[1][0]
        for c in ("all", "sqrt", 77)
    ]
    assert slopes == pytest.approx([slopes[0]] * 3, rel=1e-12)


CHOOSING = {
    "cond": lambda x, q: mg.cond(x > 1.0, lambda c: mg.sin(c) * q, lambda c: c * q, x),
    "while_loop": lambda x, q: mg.while_loop(lambda c: c < 3.0, lambda c: c * 1.8 * q + 0.01, x),
}


@pytest.mark.parametrize("name", CHOOSING)
@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_where_examples_go_different_ways(name, backend):
    q, f = Value(0.7), CHOOSING[name]
    xs, steps = [0.1, 0.9, 2.9, 0.3], 3
    losses = []
    for _ in range(steps):
        y = mg.mean([f(x, q) for x in xs])
        q.grad = 0.0
        y.backward()
        losses.append(y.data)
        q.data -= 0.001 * q.grad
    end, q.data = q.data, 0.7
    fast = mg.jit(lambda x: f(x, q), parameters=[q], backend=backend)
    fitted = fast.fit(xs, optim.SGD([q], lr=0.001), steps=steps, progress=False)
    assert fitted.loss == pytest.approx(losses, rel=1e-13)
    assert q.data == pytest.approx(end, rel=1e-13)


@pytest.mark.skipif(not available(), reason="the machine is not built")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system's")
def test_ctrl_c_ends_a_long_native_loop():
    fast = mg.jit(lambda a: mg.scan(lambda c, _: (mg.sin(c) * a, None), a, length=2 * 10**9)[0])
    fast.trace(0.5)
    with interrupted(0.2):
        fast(0.5)


def test_an_if_in_a_trace_names_the_line_and_what_to_write():
    def f(x):
        if x > 0:
            return x
        return -x

    def g(x):
        while x > 1:
            x = x / 2
        return x

    with pytest.raises(mg.TraceError, match=r"test_loops_compiled.py:\d+.*cond\("):
        mg.jit(f)(1.0)
    with pytest.raises(mg.TraceError, match=r"test_loops_compiled.py:\d+.*while_loop\("):
        mg.jit(g)(1.0)


@each
def test_files(f, tmp_path):
    p = [Value(v) for v in POINTS[0]]
    fast = mg.jit(lambda: f(*p), parameters=p, backend="python")
    expected = fast.value_and_grad()
    fast.save(tmp_path / "f")
    number, slopes = mg.compiler.load(tmp_path / "f", backend="python").value_and_grad()
    assert (number, list(slopes)) == (expected[0], list(expected[1]))


def test_no_root_is_nan_in_compiled_code():
    fast = mg.jit(lambda a: mg.root(lambda x: x * x + a, 3.0))
    assert fast(-4.0) == 2.0
    assert math.isnan(fast(1.0))
