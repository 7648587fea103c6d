"""Batches in parts, on one thread or several: the same bits, and the same errors."""

from __future__ import annotations

import math
import random
import struct
import threading

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, losses, nn, optim

pytest.importorskip(
    "micrograd.compiler.native._machine", reason="the machine was not built: no C compiler"
)


class Moons:
    """A network that is worth a thread, with as many examples as asked for."""

    def __init__(self, n):
        self.scale = Value(0.1)
        random.seed(7)
        rng = np.random.default_rng(7)
        self.model = nn.MLP(2, [16, 16, 1])
        self.ps = [*self.model.parameters(), self.scale]
        self.xs = rng.normal(size=(n, 2))
        self.ys = np.where(self.xs[:, 0] * self.xs[:, 1] > 0, 1.0, -1.0)
        self.fast = mg.jit(self.loss, parameters=self.ps, backend="native")

    def loss(self, x, y):
        return losses.hinge(self.model(x), y) + 1e-4 * mg.sum([p * p for p in self.ps])

    def scaled(self, x, y):
        """The first thing that the batch needs is made of all parameters."""
        share = mg.exp(self.scale) / (1.0 + 1e-3 * mg.sum([p * p for p in self.ps]))
        return losses.hinge(self.model([share * v for v in x]), y)

    def everything(self, steps, **more):
        """Bits of the losses, of a gradient in the middle, and of where training arrives."""
        optimizer = optim.Adam(self.ps, lr=0.003)
        first = self.fast.fit(self.xs, self.ys, optimizer, steps=steps, progress=False, **more)
        value, gradient = self.fast.value_and_grad(self.xs, self.ys)
        then = self.fast.fit(self.xs, self.ys, optimizer, steps=steps, progress=False, **more)
        found = [*first.loss, value, *gradient, *then.loss, *[p.data for p in self.ps]]
        assert all(map(math.isfinite, found))
        return struct.pack(f"{len(found)}d", *found)


def with_threads(monkeypatch, threads, n, steps, **more):
    monkeypatch.setenv("MICROGRAD_THREADS", str(threads))
    return Moons(n).everything(steps, **more)


@pytest.mark.parametrize(
    ("n", "steps"), [(63, 200), (64, 400), (65, 400), (100, 400), (777, 60), (5000, 20)]
)
def test_any_number_of_threads_gives_the_same_bits(n, steps, monkeypatch):
    found = [with_threads(monkeypatch, k, n, steps) for k in (1, 2, 8)]
    assert found[0] == found[1] == found[2]


def test_what_the_batch_needs_is_made_before_it(monkeypatch):
    monkeypatch.setattr(Moons, "loss", Moons.scaled)
    found = [with_threads(monkeypatch, k, 100, 400) for k in (1, 2, 2)]
    assert found[0] == found[1] == found[2]


def test_batches_drawn_at_random_do_not_depend_on_threads_either(monkeypatch):
    found = [with_threads(monkeypatch, k, 300, 300, batch_size=120) for k in (1, 2)]
    assert found[0] == found[1]


def test_loops_at_the_same_time_do_not_disturb_each_other(monkeypatch):
    monkeypatch.setenv("MICROGRAD_THREADS", "3")
    alone = [Moons(n).everything(300) for n in (100, 200)]
    models = [Moons(100), Moons(200)]
    together = [b"", b""]

    def work(i):
        together[i] = models[i].everything(300)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_helpers_that_have_to_wait_for_a_processor(monkeypatch):
    """More threads than processors, again and again: some go away, some come late."""
    monkeypatch.setenv("MICROGRAD_THREADS", "1")
    alone = Moons(100).everything(400)
    monkeypatch.setenv("MICROGRAD_THREADS", "2")
    busy = threading.Event()
    models = [Moons(100) for _ in range(6)]
    found = []

    def work(model):
        busy.wait()
        found.append(model.everything(400))

    threads = [threading.Thread(target=work, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    busy.set()
    for thread in threads:
        thread.join()
    assert found == [alone] * len(models)


def test_what_only_the_loss_is_made_of(monkeypatch):
    """One thread computes it; the gradient, of another formula, is everybody's."""

    def loss(self, x, y):
        penalty = mg.log(1.0 + mg.sum([mg.exp(p * p) for p in self.ps]))
        return losses.hinge(self.model(x), y) + 1e-3 * penalty

    monkeypatch.setattr(Moons, "loss", loss)
    found = [with_threads(monkeypatch, k, 100, 400) for k in (1, 2, 2)]
    assert found[0] == found[1] == found[2]
    # Each step's loss is of that step: it is the value at the parameters before it.
    whole, single = Moons(100), Moons(100)
    sgd = optim.SGD(whole.ps, lr=0.01)
    found = whole.fast.fit(whole.xs, whole.ys, sgd, steps=20, progress=False).loss
    sgd = optim.SGD(single.ps, lr=0.01)
    for loss_then in found:
        assert single.fast.value_and_grad(single.xs, single.ys)[0] == loss_then
        single.fast.fit(single.xs, single.ys, sgd, steps=1, progress=False)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("at", [0, 47, 48, 99])
def test_a_number_is_refused_in_whatever_part_it_is(at, threads, monkeypatch):
    monkeypatch.setenv("MICROGRAD_THREADS", str(threads))
    random.seed(1)
    model = nn.MLP(2, [24, 3])
    ps = model.parameters()
    fast = mg.jit(lambda x, k: losses.cross_entropy(model(x), k), parameters=ps, backend="native")
    xs, ks = np.random.default_rng(0).normal(size=(100, 2)), np.arange(100.0) % 3
    fast.fit(xs, ks, optim.SGD(ps, lr=0.01), steps=300, progress=False)
    before = [p.data for p in ps]
    ks[at] = 3.0
    with pytest.raises(ValueError, match="class"):
        fast.value_and_grad(xs, ks)
    with pytest.raises(ValueError, match="class"):
        fast.fit(xs, ks, optim.SGD(ps, lr=0.01), steps=300, progress=False)
    assert [p.data for p in ps] == before


@pytest.mark.parametrize("at", [10, 90])
def test_an_error_of_python_in_either_of_two_parts(at):
    def forward(x):
        if x > 2:
            raise ArithmeticError(f"too large: {x}")
        return 2 * x

    double = mg.custom(forward, lambda x, y: 2.0, name="doubled in parts")
    p = Value(1.0)
    fast = mg.jit(lambda x: double(x * p), parameters=[p], backend="native")
    xs = np.ones(100)
    assert fast.value_and_grad(xs)[0] == 2.0
    xs[at] = 3.0
    with pytest.raises(ArithmeticError, match="too large"):
        fast.value_and_grad(xs)
    xs[at] = 1.0
    assert fast.value_and_grad(xs)[0] == 2.0


@pytest.mark.parametrize("n", [1, 8, 63, 64, 65, 72, 127, 128, 129, 4095, 4096, 4097, 9001])
def test_every_example_is_in_one_part(n):
    """Whole numbers add without rounding: none is left out, none comes twice."""
    p = Value(1.0)
    fast = mg.jit(lambda x: x * p, parameters=[p], backend="native")
    xs = np.arange(float(n)) ** 2
    value, gradient = fast.value_and_grad(xs)
    assert value == gradient[0] == xs.sum() / n


@pytest.mark.parametrize(
    "refused",
    [lambda p: 1e-3 * mg.log(p), lambda p: 1e-3 * p**1.5],
    ids=["of the loss alone", "of the gradient too"],
)
def test_a_number_refused_while_threads_wait_for_each_other(refused, monkeypatch):
    """Training ends at the same step, with the same error, however many there are."""
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setenv("MICROGRAD_THREADS", str(threads))
        case = Moons(100)
        loss = lambda x, y: losses.hinge(case.model(x), y) + case.scale + refused(case.scale)  # noqa: B023, E731
        fast = mg.jit(loss, parameters=case.ps, backend="native")
        optimizer = optim.SGD(case.ps, lr=1e-4)
        with pytest.raises(ValueError) as error:
            fast.fit(case.xs, case.ys, optimizer, steps=5000, progress=False)
        found.append((str(error.value), optimizer.steps, [p.data for p in case.ps]))
    assert found[0] == found[1] == found[2]
    assert 500 < found[0][1] < 2000
