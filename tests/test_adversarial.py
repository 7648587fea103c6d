"""Inputs moved against a model, and training on them, eager and compiled."""

from __future__ import annotations

import random

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, adversarial, losses, nn, optim
from micrograd.train import fit

pytestmark = pytest.mark.once

BACKENDS = ["python", "numpy", "native"]


def backend_or_skip(name: str) -> str:
    if name == "native" and not mg.compiled:
        pytest.skip("the machine was not built")
    return name


class Case:
    """A small classifier with a loss, always the same."""

    def __init__(self) -> None:
        random.seed(3)
        self.model = nn.MLP(2, [6, 2], activation="tanh")
        self.xs = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(24)]
        self.ys = [float(x[0] * x[1] > 0) for x in self.xs]
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1)

    def loss(self, x, y):
        return losses.cross_entropy(self.model(x), int(y) if not isinstance(y, Value) else y)

    @property
    def numbers(self):
        return [p.data for p in self.model.parameters()]


def test_a_step_follows_the_sign_of_the_gradient():
    case = Case()
    x, y = case.xs[0], case.ys[0]
    slopes = mg.grad(case.loss)(x, y)
    moved = adversarial.sign(case.loss, x, y, 0.125)
    assert moved == [a + 0.125 * mg.sign(s) for a, s in zip(x, slopes)]
    assert case.loss(moved, y) > case.loss(x, y)


def test_what_does_not_matter_stays_and_structures_are_kept():
    def loss(x, y):
        return 3 * x["a"] - x["b"][0] + 0 * x["b"][1] + y

    assert adversarial.sign(loss, {"a": 1.0, "b": (2.0, 5.0)}, 0.0, 0.5) == {
        "a": 1.5,
        "b": (1.5, 5.0),
    }
    found = adversarial.sign(lambda x, y: (x**2).sum(), np.array([[1.0, -2.0]]), 0, 0.5)
    assert found.dtype == float and found.tolist() == [[1.5, -2.5]]


def test_bounds():
    assert adversarial.sign(lambda x, y: x, 0.9, 0, 0.5, high=1.0) == 1.0
    assert adversarial.sign(lambda x, y: -x, 0.1, 0, 0.5, low=0.0) == 0.0


def test_it_is_constant_and_leaves_every_gradient_alone():
    case = Case()
    x = [Value(v) for v in case.xs[0]]
    moved = adversarial.sign(case.loss, x, case.ys[0], 0.1)
    assert all(isinstance(v, Value) and v._prev == () for v in moved)
    assert all(p.grad == 0 for p in [*case.model.parameters(), *x])


def test_iterated_stays_within_reach_and_beats_one_step():
    case = Case()
    gained = {"sign": 0.0, "iterated": 0.0}
    for x, y in zip(case.xs, case.ys):
        once = adversarial.sign(case.loss, x, y, 0.5)
        often = adversarial.iterated(case.loss, x, y, 0.5, steps=20)
        assert all(abs(a - b) <= 0.5 + 1e-12 for a, b in zip(x, often))
        gained["sign"] += case.loss(once, y).data
        gained["iterated"] += case.loss(often, y).data
    assert gained["iterated"] >= gained["sign"]


def test_iterated_finds_the_worst_corner_of_a_curve_where_one_step_goes_wrong():
    def loss(x, y):
        return mg.sin(3 * x)

    once = adversarial.sign(loss, 0.3, 0, 1.0)
    often = adversarial.iterated(loss, 0.3, 0, 1.0, steps=200, size=0.01)
    assert mg.sin(3 * once) < mg.sin(0.9) < mg.sin(3 * often)
    assert often == pytest.approx(mg.pi / 6 if hasattr(mg, "pi") else 0.5235987755982988, abs=0.011)


@pytest.mark.parametrize("eps", [-0.1, float("nan"), float("inf")])
def test_eps_is_a_number_of_at_least_0(eps):
    for call in (
        lambda: adversarial.sign(lambda x, y: x, 1.0, 0, eps),
        lambda: adversarial.iterated(lambda x, y: x, 1.0, 0, eps),
        lambda: adversarial.against(lambda x, y: x, eps),
    ):
        with pytest.raises(ValueError, match="eps is a number of at least 0"):
            call()
    with pytest.raises(ValueError, match="steps is at least 1"):
        adversarial.iterated(lambda x, y: x, 1.0, 0, 0.1, steps=0)


def test_the_gradient_of_the_moved_loss_is_that_at_the_moved_input():
    case = Case()
    x, y = case.xs[1], case.ys[1]
    moved = adversarial.sign(case.loss, x, y, 0.2)
    case.loss(moved, y).backward()
    wanted = [p.grad for p in case.model.parameters()]
    case.model.zero_grad()
    adversarial.against(case.loss, 0.2)(x, y).backward()
    assert [p.grad for p in case.model.parameters()] == wanted


def by_hand(case: Case, steps: int, eps: float) -> None:
    """Adversarial back-propagation written out: two forward and two backward passes a step."""
    for _ in range(steps):
        moved = []
        for x, y in zip(case.xs, case.ys):
            leaves = [Value(v) for v in x]
            case.loss(leaves, y).backward()
            moved.append([v.data + eps * mg.sign(v.grad) for v in leaves])
        case.optimizer.zero_grad()
        mg.mean([case.loss(x, y) for x, y in zip(moved, case.ys)]).backward()
        case.optimizer.step()


def test_train_fit_takes_the_steps_written_out():
    case, other = Case(), Case()
    by_hand(case, 5, 0.15)
    history = fit(
        other.model, lambda out, y: losses.cross_entropy(out, int(y)), (other.xs, other.ys),
        other.optimizer, epochs=5, progress=False, adversarial=0.15,
    )  # fmt: skip
    if history.best == 4:  # it keeps the best epoch by the loss on x itself
        np.testing.assert_allclose(other.numbers, case.numbers, rtol=1e-12)
    clean, attacked = Case(), history.loss[0]
    assert attacked > np.mean([clean.loss(x, y).data for x, y in zip(clean.xs, clean.ys)])
    assert history.best == 4


def test_train_fit_with_batches_and_a_model_of_whole_batches():
    case = Case()
    random.seed(1)
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm(4), nn.Tanh(), nn.Linear(4, 1))
    history = fit(
        model, lambda out, y: losses.logistic(out, y), (case.xs, case.ys),
        optim.Adam(model.parameters(), lr=0.05), epochs=4, batch_size=8, progress=False,
        adversarial=0.1,
    )  # fmt: skip
    assert len(history.loss) == 4 and all(x == x for x in history.loss)


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_fit_takes_the_same_steps(backend):
    backend = backend_or_skip(backend)
    case, other = Case(), Case()
    by_hand(case, 6, 0.15)
    fast = mg.jit(other.loss, parameters=other.model.parameters(), backend=backend)
    fitted = fast.fit(
        np.array(other.xs), np.array(other.ys), other.optimizer, steps=6, progress=False,
        adversarial=0.15,
    )  # fmt: skip
    assert fitted.steps == 6
    np.testing.assert_allclose(other.numbers, case.numbers, rtol=1e-10)
    plain = fast.fit(np.array(other.xs), np.array(other.ys), other.optimizer, steps=1, progress=False)  # fmt: skip
    assert plain.loss[0] < fast.fit(
        np.array(other.xs), np.array(other.ys), optim.SGD(other.model.parameters(), lr=0.0),
        steps=1, progress=False, adversarial=0.15,
    ).loss[0]  # fmt: skip


def test_compiled_fit_on_lists_in_batches_agrees_between_backends():
    found = []
    for backend in ("python", "numpy"):
        case = Case()
        fast = mg.jit(case.loss, backend=backend)
        fast.fit(
            case.xs, case.ys, case.optimizer, steps=7, batch_size=5, progress=False, seed=4,
            adversarial=0.1,
        )  # fmt: skip
        found.append(case.numbers)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10)


def test_eps_of_0_changes_nothing():
    numbers = []
    for eps in (None, 0.0):
        case = Case()
        fast = mg.jit(case.loss, parameters=case.model.parameters(), backend="python")
        fast.fit(case.xs, case.ys, case.optimizer, steps=3, progress=False, adversarial=eps)
        numbers.append(case.numbers)
    assert numbers[0] == numbers[1]


def test_sign_maps_over_a_batch_when_it_is_compiled():
    case = Case()
    attack = mg.jit(lambda x, y: adversarial.sign(case.loss, x, y, 0.1), backend="numpy")
    found = attack.map(np.array(case.xs), np.array(case.ys))
    wanted = [adversarial.sign(case.loss, x, y, 0.1) for x, y in zip(case.xs, case.ys)]
    np.testing.assert_allclose(np.array(found), wanted, rtol=1e-12)
    several = mg.jit(
        lambda x, y: adversarial.iterated(case.loss, x, y, 0.1, steps=3), backend="python"
    )
    assert several(case.xs[0], case.ys[0]) == pytest.approx(
        adversarial.iterated(case.loss, case.xs[0], case.ys[0], 0.1, steps=3)
    )


def test_training_on_attacks_makes_a_model_harder_to_fool():
    """A linear classifier on two clouds: its error under attack falls."""
    rng = random.Random(5)
    xs = [[rng.gauss(s, 0.6), *(rng.gauss(0, 1) for _ in range(6))] for s in (-1, 1) for _ in range(40)]  # fmt: skip
    ys = [s for s in (-1.0, 1.0) for _ in range(40)]
    wrong = {}
    for eps in (None, 0.3):
        random.seed(2)
        model = nn.MLP(7, [8, 1], activation="tanh")

        def loss(x, y, model=model):
            return mg.softplus(-y * model(x))

        fast = mg.jit(loss, parameters=model.parameters(), backend="python")
        optimizer = optim.Adam(model.parameters(), lr=0.03)
        fast.fit(xs, ys, optimizer, steps=60, progress=False, adversarial=eps)
        attacked = [adversarial.sign(loss, x, y, 0.3) for x, y in zip(xs, ys)]
        wrong[eps] = sum(model(x).data * y <= 0 for x, y in zip(attacked, ys))
    assert wrong[0.3] < wrong[None]
