"""Checkpoints: the same gradients, with less memory in between."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

import micrograd as mg
from micrograd import Value, checkpoint


def layers(v, weights):
    for w in weights:
        v = mg.tanh(v * w) + mg.sin(v)
    return v


def gradients(y, leaves):
    for x in leaves:
        x.grad = 0
    y.backward()
    return [x.grad for x in leaves]


@pytest.fixture
def model():
    return Value(0.5), [Value(0.3 + 0.1 * i) for i in range(12)]


def test_the_same_gradients_to_the_last_bit(model):
    x, weights = model
    parts = [weights[i : i + 3] for i in range(0, 12, 3)]
    plain = gradients(layers(x, weights), [x, *weights])
    y = x
    for part in parts:
        y = checkpoint(layers, y, part)
    assert gradients(y, [x, *weights]) == plain


def test_weights_that_others_use_as_well(model):
    x, weights = model

    def loss(wrap):
        y = wrap(layers, x, weights) * weights[0]
        return y + wrap(layers, x * weights[1], weights)

    plain = gradients(loss(lambda f, *args: f(*args)), [x, *weights])
    assert gradients(loss(checkpoint), [x, *weights]) == pytest.approx(plain, rel=1e-14)


def test_a_second_backward_adds_the_same_again(model):
    x, weights = model
    y = checkpoint(layers, x, weights)
    once = gradients(y, [x, *weights])
    y.backward()
    assert [v.grad for v in (x, *weights)] == [2 * g for g in once]


def bytes_held(build):
    gc.collect()
    tracemalloc.start()
    try:
        y = build()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    return held, y


def test_it_holds_fewer_bytes():
    """A graph of 10,000 nodes in ten parts: what is held does not grow with the parts."""
    x, weights = Value(0.5), [Value(0.9) for _ in range(10)]

    def build(wrap):
        y = x
        for w in weights:
            y = wrap(layers, y, [w] * 250)
        return y

    plain, y = bytes_held(lambda: build(lambda f, *args: f(*args)))
    lean, z = bytes_held(lambda: build(checkpoint))
    assert y.data == z.data
    assert lean < plain / 10, (lean, plain)


def test_the_peak_is_lower_too():
    x, weights = Value(0.5), [Value(0.9) for _ in range(10)]

    def peak(wrap):
        gc.collect()
        tracemalloc.start()
        try:
            y = x
            for w in weights:
                y = wrap(layers, y, [w] * 250)
            y.backward()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(checkpoint) < peak(lambda f, *args: f(*args)) / 2


def test_nested(model):
    x, weights = model

    def two_parts(v, wrap):
        v = wrap(layers, v, weights[:6])
        return wrap(layers, v, weights[6:])

    plain = gradients(two_parts(x, lambda f, *args: f(*args)), [x, *weights])
    y = checkpoint(lambda v: two_parts(v, checkpoint), x)
    assert set(y._prev) == {x, *weights}
    assert gradients(y, [x, *weights]) == plain


def test_a_leaf_that_only_the_inner_one_uses():
    x, w = Value(0.5), Value(2.0)
    y = checkpoint(lambda v: checkpoint(lambda u: w * u, v) * 3.0, x)
    assert gradients(y, [x, w]) == [6.0, 1.5]
    y = checkpoint(lambda v: checkpoint(lambda u: w * u, v), x)
    assert gradients(y, [x, w]) == [2.0, 0.5]


def several(v):
    return {"a": [v * v, v.sin()], "same": v, "number": 3.0}


def test_several_results():
    x = Value(0.7)
    out = checkpoint(several, x)
    assert out["same"] is x
    assert out["number"] == 3.0
    a, b = out["a"]
    c, d = several(x)["a"]
    assert gradients(a * b, [x]) == pytest.approx(gradients(c * d, [x]), rel=1e-15)
    assert gradients(b, [x]) == gradients(d, [x])
    assert gradients(a, [x]) == gradients(c, [x])


def test_a_pass_that_broke_off_leaves_nothing_behind():
    x = Value(2.0)
    a, b = checkpoint(lambda v: [v * v, v**3], x)
    broken = x * 1.0
    broken._backward = lambda: 1 // 0
    y = checkpoint(lambda v: v + broken, x)
    with pytest.raises(ZeroDivisionError):
        (y + a * 100.0).backward()
    assert x.grad == 0.0
    assert gradients(b, [x]) == [12.0]
    a_and_stale = checkpoint(lambda v: [v * v, v**3], x)
    hub = a_and_stale[0]._b.operands[0]
    hub._b.closure.__self__.seeds[1] = 1000.0  # as if a pass had ended after the result's step
    assert gradients(a_and_stale[0], [x]) == [4.0]


def test_under_no_grad_nothing_is_kept():
    x = Value(2.0)
    with mg.no_grad():
        y = checkpoint(lambda v: v * v, x)
        pair = checkpoint(lambda v: [v * v, v], x)
    assert y._prev == pair[0]._prev == ()


def test_in_transforms_it_is_the_function_itself(model):
    _, weights = model
    numbers = [w.data for w in weights]

    def f(v, wrap):
        return wrap(layers, v, numbers)

    def plain(v):
        return f(v, lambda g, *args: g(*args))

    def saved(v):
        return f(v, checkpoint)

    assert mg.grad(saved)(0.5) == mg.grad(plain)(0.5)
    assert mg.hessian(saved)(0.5) == mg.hessian(plain)(0.5)
    assert mg.jvp(saved, 0.5, 1.0) == mg.jvp(plain, 0.5, 1.0)
    assert mg.derivative(saved, 3)(0.5) == mg.derivative(plain, 3)(0.5)


def test_a_result_is_a_constant_to_a_transform_that_came_later():
    y = checkpoint(lambda v: v * v, Value(3.0))
    assert mg.grad(lambda t: t * y)(2.0) == 9.0
    assert mg.jvp(lambda t: t * y, 2.0, 1.0) == (18.0, 9.0)
    assert mg.hessian(lambda t: t * t * y)(2.0) == 18.0


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda y: y.backward(create_graph=True), "checkpoint keeps no graph.*without checkpoint"),
        (lambda y: y.forward(), "checkpoint"),
        (lambda y: __import__("copy").deepcopy(y), "checkpoint"),
    ],
)
def test_what_it_cannot_do_it_says(act, words):
    with pytest.raises(TypeError, match=words):
        act(checkpoint(lambda v: v * v, Value(3.0)))


def test_a_function_that_changes_is_an_error():
    counter = iter([1.0, 2.0])
    x = Value(3.0)
    y = checkpoint(lambda v: v * next(counter), x)
    with pytest.raises(ValueError, match=r"gave 3\.0 in the forward pass and 6\.0 now"):
        y.backward()
    assert x.grad == 0.0


def test_a_changed_input_is_an_error():
    x = Value(3.0)
    y = checkpoint(lambda v: v * v, x)
    x.data = 4.0
    with pytest.raises(ValueError, match="may not change in between"):
        y.backward()


def test_graphs_are_freed_without_the_collector():
    gc.disable()
    try:
        x = Value(1.0)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(100):
            checkpoint(several, x)["a"][0].backward()
        assert len(gc.get_objects()) < before + 50
    finally:
        gc.enable()
