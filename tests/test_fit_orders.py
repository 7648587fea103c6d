"""The order of examples in `fit`, and numbers of half the size."""

from __future__ import annotations

import itertools

import pytest

import micrograd as mg
from micrograd.compiler.fit import orders, shuffled
from micrograd.compiler.native import backend as native

built = pytest.mark.skipif(not native.available(), reason="the machine was not built")


@pytest.mark.parametrize(("n", "batch"), [(1, 1), (5, 2), (7, 7), (10, 3), (100, 32)])
def test_every_example_comes_up_equally_often(n, batch):
    drawn = itertools.chain.from_iterable(itertools.islice(orders(n, batch, seed=3), n))
    counts = {}
    for i in drawn:
        counts[i] = counts.get(i, 0) + 1
    assert counts == dict.fromkeys(range(n), batch)


def test_a_seed_fixes_the_order():
    first, again, other = (next(orders(50, 50, seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert sorted(first) == list(range(50))


@built
@pytest.mark.parametrize("state", [0, 1, 12345, 2**63, 2**64 - 1])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 100, 1437])
def test_the_machine_shuffles_alike(n, state):
    assert native.shuffled(n, state) == shuffled(n, state)


@built
def test_float32_is_close_and_trains():
    xs, ys = mg.data.moons(40, seed=1)
    model = mg.nn.MLP(2, [8, 1])

    def loss(x, y):
        return mg.losses.logistic(model(x), y)

    exact, half = (
        mg.jit(loss, parameters=model.parameters(), dtype=dtype) for dtype in ("float64", "float32")
    )
    (value, gradient), (about, slopes) = exact.value_and_grad(xs, ys), half.value_and_grad(xs, ys)
    assert value != about == pytest.approx(value, rel=1e-6)
    assert list(slopes) == pytest.approx(list(gradient), rel=1e-4, abs=1e-6)
    opt = mg.optim.Adam(model.parameters(), lr=0.02)
    fitted = half.fit(xs, ys, opt, steps=300, batch_size=10, progress=False)
    assert min(fitted.loss[-10:]) < 0.2 * fitted.loss[0]


def test_a_dtype_is_one_of_two():
    with pytest.raises(ValueError, match="float64"):
        mg.jit(lambda x: x, dtype="float16")
    with pytest.raises(ValueError, match="fastmath"):
        mg.jit(lambda x: x, dtype="float32", fastmath=True)


@pytest.mark.skipif(native.available(), reason="the machine was built")
def test_float32_needs_the_machine():
    with pytest.raises(RuntimeError, match="C compiler"):
        mg.jit(lambda x: x, dtype="float32").map([1.0])
