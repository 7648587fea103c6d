"""Training in NumPy's rows: step by step what the eager optimizer does, to rounding."""

from __future__ import annotations

import random

import pytest

import micrograd as mg
from micrograd import nn, optim
from micrograd.compiler.backends.numpy_fit import NumPyLoop, moves_in_rows

pytestmark = pytest.mark.once

np = pytest.importorskip("numpy")

KINDS = {
    "sgd": lambda groups: optim.SGD(groups, lr=0.05),
    "nesterov": lambda groups: optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda groups: optim.Adagrad(groups, lr=0.05),
    "rmsprop": lambda groups: optim.RMSprop(groups, lr=0.05),
    "adam": lambda groups: optim.Adam(groups, lr=0.05),
    "adamw": lambda groups: optim.AdamW(groups, lr=0.05),
}


def trained(backend, kind):
    """All that a fit leaves behind: groups, a parameter frozen for a while, a schedule."""
    random.seed(3)
    model = nn.MLP(2, [4, 1])
    xs = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(20)]
    ys = [a * b for a, b in xs]
    ps = model.parameters()
    optimizer = KINDS[kind]([{"params": ps[:5], "lr": 0.02}, {"params": ps[5:]}])
    schedule = optim.CosineAnnealingLR(optimizer, 30)
    fast = mg.jit(lambda x, y: (model(x) - y) ** 2, parameters=ps, backend=backend)
    losses = []
    for frozen in (True, False):
        ps[3].requires_grad = not frozen
        fitted = fast.fit(
            xs, ys, optimizer, steps=7, batch_size=6, schedule=schedule, progress=False
        )
        losses += fitted.loss
    states = [x for state in optimizer.state for x in state]
    numbers = [*losses, *(p.data for p in ps), *(p.grad for p in ps), *states]
    rates = [group["lr"] for group in optimizer.param_groups]
    return numbers, (optimizer.counts, optimizer.steps, rates, schedule.t)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_move_as_values_do(kind, monkeypatch):
    taken = []
    take = NumPyLoop.take
    monkeypatch.setattr(NumPyLoop, "take", lambda self, n: (taken.append(n), take(self, n))[1])
    expected, counts = trained("python", kind)
    assert not taken
    found, counts_there = trained("numpy", kind)
    assert sum(taken) == 14
    assert counts_there == counts
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_who_comes_in_between_is_asked_at_each_step():
    p = mg.Value(1.0)
    plain = optim.SGD([p], lr=0.1)
    assert moves_in_rows(plain, None)
    assert not moves_in_rows(plain, optim.ReduceLROnPlateau(plain))

    class Own(optim.SGD):
        def step(self):
            super().step()

    assert not moves_in_rows(Own([p], lr=0.1), None)
    cycled = optim.SGD([p], lr=0.1, momentum=0.9)
    assert not moves_in_rows(cycled, optim.OneCycleLR(cycled, max_lr=1.0, total_steps=9))
