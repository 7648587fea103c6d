"""Training loops in the machine: the same steps as in Python, however they end."""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.compiler.fit import orders

pytest.importorskip(
    "micrograd.compiler.native._machine", reason="the machine was not built: no C compiler"
)

OPTIMIZERS = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.05),
    "momentum": lambda ps: optim.SGD(ps, lr=0.02, momentum=0.9),
    "dampening": lambda ps: optim.SGD(ps, lr=0.02, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "nesterov": lambda ps: optim.SGD(ps, lr=0.02, momentum=0.8, nesterov=True),
    "decay": lambda ps: optim.SGD(ps, lr=0.05, weight_decay=0.1),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.05, lr_decay=0.01, weight_decay=0.01),
    "adagrad begun": lambda ps: optim.Adagrad(ps, lr=0.05, initial_accumulator_value=0.5),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01, weight_decay=0.01),
    "rmsprop all": lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5, centered=True),
    "adam": lambda ps: optim.Adam(ps, lr=0.02),
    "adam decay": lambda ps: optim.Adam(ps, lr=0.02, betas=(0.8, 0.9), weight_decay=0.01),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.02),
}
SCHEDULES = {
    "none": lambda opt: None,
    "step": lambda opt: optim.StepLR(opt, step_size=7, gamma=0.5),
    "linear": lambda opt: optim.LinearLR(opt, 1.0, 0.1, total_iters=40),
    "cosine": lambda opt: optim.CosineAnnealingLR(opt, 50),
}


class Case:
    """A small model with a loss over 30 examples, always the same."""

    def __init__(
        self, backend: str = "native", make=OPTIMIZERS["adam"], reverse: bool = False
    ) -> None:
        random.seed(5)
        self.model = nn.MLP(2, [5, 1])
        self.ps = self.model.parameters()
        self.xs = np.array([[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(30)])
        self.ys = np.array([1.0 if x[0] * x[1] > 0 else -1.0 for x in self.xs])
        self.optimizer = make(self.ps[::-1] if reverse else self.ps)
        self.fast = mg.jit(self.loss, parameters=self.ps, backend=backend)

    def loss(self, x, y):
        return losses.hinge(self.model(x), y) + 0.5 * (mg.tanh(self.model(x)) - y) ** 2

    def fit(self, steps: int, **more):
        more = {"progress": False, **more}
        return self.fast.fit(self.xs, self.ys, self.optimizer, steps=steps, **more)

    @property
    def numbers(self):
        return [p.data for p in self.ps]

    @property
    def everything(self):
        state = [x for row in self.optimizer.state for x in row]
        return [
            *self.numbers,
            *[p.grad for p in self.ps],
            *state,
            self.optimizer.steps,
            self.optimizer.lr,
        ]


def compiled(backend, f, *ps):
    """f of one number and these parameters."""
    return mg.jit(lambda x: f(x, *ps), parameters=ps, backend=backend)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("batch", [None, 1, 7, 30])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_same_steps_as_in_python(name, batch, schedule):
    found = {}
    for backend in ("python", "native"):
        case = Case(backend, OPTIMIZERS[name])
        plan = SCHEDULES[schedule](case.optimizer)
        fitted = case.fit(60, batch_size=batch, schedule=plan, seed=3)
        assert fitted.steps == case.optimizer.steps == 60
        if plan is not None:
            assert plan.t == 60
        found[backend] = [*fitted.loss, *case.everything]
    if batch == 1:  # as the eager engine, to the last bit
        assert found["native"] == found["python"]
    close(found["native"], found["python"])


def test_one_example_after_the_other_may_choose():
    """Branches and loops that differ between examples, in steps of one example."""
    found = {}
    for backend in ("python", "native"):
        p, q = Value(0.3), Value(-0.2)

        def f(x, y, p=p, q=q):
            z = mg.cond(x > 0.0, lambda x: x * p, lambda x: mg.exp(x) - q, x)
            turns = mg.while_loop(
                lambda c: mg.less(c[1], 2.0), lambda c: (c[0] * p + y, c[1] + y), (z, y)
            )
            return (turns[0] - y) ** 2

        rng = random.Random(2)
        xs, ys = [rng.gauss(0, 1) for _ in range(20)], [rng.uniform(0.2, 1) for _ in range(20)]
        fast = mg.jit(f, parameters=[p, q], backend=backend)
        done = fast.fit(xs, ys, optim.Adam([p, q], lr=0.05), steps=60, batch_size=1, progress=False)
        found[backend] = [*done.loss, p.data, q.data, p.grad, q.grad]
    assert found["native"] == found["python"]


class Slowing(optim.SGD):
    """Coefficients of its own, another one at every step."""

    def coefficients(self):
        lr, fresh = super().coefficients()
        return lr / self.steps, fresh


class Decaying(optim.SGD):
    """A learning rate that follows from the number of steps."""

    @property
    def lr(self):
        return 0.05 / (1 + vars(self).get("steps", 0))

    @lr.setter
    def lr(self, lr):
        pass


def replaced(ps):
    """Plain gradient descent, but for this one object's coefficients."""
    optimizer = optim.SGD(ps, lr=0.05)
    optimizer.coefficients = lambda: (0.05 / optimizer.steps, 1.0)
    return optimizer


@pytest.mark.parametrize(
    "make", [partial(Slowing, lr=0.05, momentum=0.5, dampening=0.5), Decaying, replaced]
)
def test_an_optimizer_whose_steps_differ(make):
    found = {}
    for backend in ("python", "native"):
        case = Case(backend, make)
        fitted = case.fit(40)
        found[backend] = [*fitted.loss, *case.everything]
    close(found["native"], found["python"])


def test_an_error_in_an_update_of_many_parameters():
    """It comes through as it is, after one call, and the parameters are those of before."""
    calls = []

    def forward(x):
        calls.append(x)
        raise ArithmeticError("too large")

    clipped = mg.custom(forward, lambda x, y: 1.0, name="clipped in an update")

    class Clipping(optim.SGD):
        def update(self, p, g, state, coefficients):
            return p - self.lr * clipped(g), state

    ps = [Value(1.0) for _ in range(3000)]
    fast = mg.jit(lambda x: mg.sum(ps) * x, parameters=ps, backend="native")
    with pytest.raises(ArithmeticError, match="too large"):
        fast.fit([1.0, 2.0], Clipping(ps, lr=0.1), steps=5, progress=False)
    assert len(calls) == 1 and all(p.data == 1.0 for p in ps)


def test_the_same_steps_as_eager():
    case, eager = Case(), Case()
    fitted = case.fit(20)
    for step in range(20):
        eager.optimizer.zero_grad()
        loss = mg.sum([eager.loss(list(x), y) for x, y in zip(eager.xs, eager.ys)]) / 30
        loss.backward()
        eager.optimizer.step()
        assert loss.data == pytest.approx(fitted.loss[step], rel=1e-12)
    close(case.everything, eager.everything)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_halves_make_a_whole(name):
    whole, halves = Case(make=OPTIMIZERS[name]), Case(make=OPTIMIZERS[name])
    plans = [optim.LinearLR(c.optimizer, 1.0, 0.1, total_iters=100) for c in (whole, halves)]
    expected = whole.fit(100, schedule=plans[0])
    first, second = halves.fit(50, schedule=plans[1]), halves.fit(50, schedule=plans[1])
    assert first.loss + second.loss == expected.loss
    assert halves.everything == whole.everything


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_mixed_with_eager_steps(name):
    """Native, five steps by hand, native: the optimizer's memory goes through all."""
    mixed, whole = Case(make=OPTIMIZERS[name]), Case("python", OPTIMIZERS[name])
    mixed.fit(10)
    for _ in range(5):
        mixed.optimizer.zero_grad()
        mixed.fast.backward(mixed.xs, mixed.ys)
        mixed.optimizer.step()
    mixed.fit(10)
    whole.fit(25)
    close(mixed.everything, whole.everything)


@pytest.mark.parametrize("batch", [None, 7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_in_another_order_than_the_optimizers(name, batch):
    one, other = Case(make=OPTIMIZERS[name]), Case(make=OPTIMIZERS[name], reverse=True)
    assert one.fit(30, batch_size=batch).loss == other.fit(30, batch_size=batch).loss
    assert one.numbers == other.numbers
    assert one.optimizer.state == other.optimizer.state[::-1]


def test_lists_as_arrays():
    one, other = Case(), Case()
    other.xs, other.ys = one.xs.tolist(), one.ys.tolist()
    for batch in (None, 7):
        assert one.fit(10, batch_size=batch).loss == other.fit(10, batch_size=batch).loss
    assert one.numbers == other.numbers


def test_a_function_without_arguments():
    """A whole loss as one program, without a batch."""

    def make(backend):
        case = Case(backend)
        rows = list(zip(case.xs.tolist(), case.ys.tolist()))[:6]
        return case, mg.jit(
            lambda: mg.mean([case.loss(x, y) for x, y in rows]), parameters=case.ps, backend=backend
        )

    (one, fast), (other, slow) = make("native"), make("python")
    found = fast.fit(one.optimizer, steps=30, progress=False)
    close(found.loss, slow.fit(other.optimizer, steps=30, progress=False).loss)
    close(one.everything, other.everything)


def test_a_large_batch():
    """Past the size from which a batch is cut in parts, in a fixed order."""
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(9001, 2)), np.sign(rng.normal(size=9001))
    found = []
    for backend in ("numpy", "native", "native"):
        case = Case(backend)
        case.xs, case.ys = xs, ys
        found.append([*case.fit(5).loss, *case.everything])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-12)
    assert found[1] == found[2]


def test_batches_are_drawn_from_the_seed():
    losses_of = [Case().fit(20, batch_size=7, seed=s).loss for s in (1, 1, 2)]
    assert losses_of[0] == losses_of[1] != losses_of[2]
    drawn = orders(30, 7, 1)
    seen = [i for _ in range(30) for i in next(drawn)]  # 210: seven times all
    assert all(sorted(seen[k : k + 30]) == list(range(30)) for k in range(0, 210, 30))


def test_python_operations_in_a_loop():
    """What has no C runs in Python, in the loop too."""
    found = []
    for backend in ("python", "native"):
        p, q = Value(0.7), Value(1.5)
        fast = compiled(backend, lambda x, p, q: (mg.sinc(p * x) - mg.lgamma(q + x)) ** 2, p, q)
        fitted = fast.fit([0.1, 0.5, 0.9], optim.SGD([p, q], lr=0.01), steps=40, progress=False)
        found.append([*fitted.loss, p.data, q.data])
    close(found[1], found[0])


# How a loop ends --------------------------------------------------------------------------


def test_no_steps_change_nothing():
    case = Case()
    before = case.numbers
    assert case.fit(0).loss == []
    assert case.numbers == before and case.optimizer.steps == 0


@pytest.mark.parametrize("backend", ["python", "native"])
def test_gradients_that_were_there_before(backend):
    """They may be Values, of create_graph; no step leaves them, and any step replaces them."""
    p = Value(1.0)
    p.grad = before = Value(2.0)
    fast = compiled(backend, lambda x, p: (p * x - 1.0) ** 2, p)
    fast.fit([1.0, 2.0], optim.SGD([p], lr=0.01), steps=0, progress=False)
    assert p.grad is before
    fast.fit([1.0, 2.0], optim.SGD([p], lr=0.01), steps=3, progress=False)
    assert type(p.grad) is float


def test_a_loss_that_is_not_a_number():
    """A ValueError; the parameters are those of the last step whose loss was a number."""
    ends = []
    for backend in ("python", "native"):
        p = Value(1.0)
        # Each step adds 1: at 5 the root of a negative number.
        fast = compiled(backend, lambda x, p: mg.sqrt(4.5 - p) * 0.0 * x - p, p)
        optimizer = optim.SGD([p], lr=1.0, momentum=0.0)
        with pytest.raises(ValueError, match="not a number"):
            fast.fit([1.0, 1.0], optimizer, steps=100, progress=False)
        ends.append((p.data, repr(p.grad), optimizer.steps))
    assert ends[0] == ends[1]
    assert ends[1][0] == 5.0  # the first at which the loss is nan: reached by a good step
    assert math.isnan(fast(1.0))


def test_losses_up_to_the_end_then_nan():
    """However the steps are chunked, the error says after how many."""
    found = []
    for backend in ("python", "native"):
        p = Value(1.0)
        fast = compiled(backend, lambda x, p: mg.log(100.5 - p) * 0.0 * x - p, p)
        with pytest.raises(ValueError) as error:
            fast.fit([1.0] * 3, optim.SGD([p], lr=1.0), steps=1000, progress=False)
        found.append((str(error.value), p.data))
    assert found[0] == found[1]


@pytest.mark.parametrize("chunk", [1e-9, 1e9])
def test_a_loss_that_is_no_number_where_its_gradient_is_one(chunk, monkeypatch):
    """It ends the training at that step, however many are taken at once."""
    monkeypatch.setattr(sys.modules["micrograd.compiler.fit"], "CHUNK", chunk)
    xs, zs = [i / 100 - 1 for i in range(200)], [0.0] * 200
    zs[150] = math.nan
    found = []
    for backend in ("python", "native"):
        p = Value(1.0)
        fast = mg.jit(lambda x, z, p=p: (p * x - x) ** 2 + p + z, parameters=[p], backend=backend)
        with pytest.raises(ValueError, match="not a number") as error:
            fast.fit(
                xs, zs, optim.SGD([p], lr=0.01), steps=1000, batch_size=10, seed=1, progress=False
            )
        found.append((str(error.value), p.data))
    assert found[0][0] == found[1][0]
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-12)


def test_diverging_to_infinity_agrees_with_python():
    found = []
    for backend in ("python", "native"):
        p = Value(1.0)
        fast = compiled(backend, lambda x, p: p**4 * x, p)
        with pytest.raises(ValueError, match="not a number"):
            fast.fit([1.0, 2.0], optim.SGD([p], lr=10.0), steps=100, progress=False)
        found.append(p.data)
    assert found[0] == found[1] or all(map(math.isnan, found))


def test_a_refused_number_in_a_loop():
    """clip with its bounds crossed: eager's error, and the parameters of the step before."""
    found = []
    for backend in ("python", "native"):
        p = Value(0.0)
        fast = compiled(backend, lambda x, p: mg.clip(x, p, 5.5) - 2 * p, p)
        with pytest.raises(ValueError, match="lower bound") as error:
            fast.fit([1.0, 2.0], optim.SGD([p], lr=1.0), steps=100, progress=False)
        found.append((str(error.value), p.data))
    assert found[0] == found[1]


def interrupt_after(seconds):
    """Ctrl-C from another thread, as the terminal sends it."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("delay", [0.05, 0.12, 0.3])
def test_ctrl_c_keeps_what_was_learned(delay):
    case = Case()
    before = case.numbers
    timer = interrupt_after(delay)
    start = time.monotonic()
    fitted = case.fit(10**9)
    timer.join()
    assert fitted.interrupted
    assert time.monotonic() - start < 30
    assert case.numbers != before
    assert all(map(math.isfinite, case.everything))
    # The parameters are those after as many steps as the optimizer counted.
    again = Case()
    again.fit(case.optimizer.steps)
    assert again.everything == case.everything
    case.fit(3)  # and it goes on
    again.fit(3)
    assert again.everything == case.everything


def test_a_progress_bar(capsys):
    pytest.importorskip("tqdm")
    case = Case()
    case.fit(50, progress=True)
    shown = capsys.readouterr().err
    assert "50/50" in shown and "loss" in shown


def test_the_interpreter_is_free_meanwhile():
    """Another thread counts while a loop runs in the machine."""
    case = Case()
    counted, ended = [0], threading.Event()

    def count():
        while not ended.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    case.fit(20_000)
    ended.set()
    thread.join()
    assert counted[0] > 100
