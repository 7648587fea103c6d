"""Schedules that follow the loss or move the momentum, and schedules of one's own, in every loop.

The simple ones are tested in `test_optim.py`.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from recorded.problem import START, objective

import micrograd as mg
from micrograd import Value, data, losses, nn, optim
from micrograd.compiler.native import backend as native
from micrograd.train import fit

pytestmark = pytest.mark.once

RECORDED = Path(__file__).with_name("recorded")
CYCLES = json.loads((RECORDED / "cycles.json").read_text())
PLATEAUS = json.loads((RECORDED / "plateaus.json").read_text())
BACKENDS = ["python", "numpy", *(["native"] if native.available() else [])]


def cycle(name):
    case = CYCLES[name]
    ps = [Value(x) for x in START]
    opt = getattr(optim, case["kind"])(ps, lr=0.01, **case["settings"])
    return case, ps, opt, optim.OneCycleLR(opt, **case["cycle"])


@pytest.mark.parametrize("name", CYCLES)
def test_one_cycle_is_that_of_pytorch(name):
    case, ps, opt, schedule = cycle(name)
    assert schedule.rates(30) == pytest.approx(case["rates"], rel=1e-12, abs=1e-15)
    for lr, momentum, expected in zip(case["rates"], case["momenta"], case["path"]):
        group = opt.param_groups[0]
        assert group["lr"] == pytest.approx(lr, rel=1e-12, abs=1e-15)
        found = group["betas"][0] if "betas" in group else group.get("momentum")
        assert found == (None if momentum is None else pytest.approx(momentum, rel=1e-12))
        opt.zero_grad()
        objective(*ps).backward()
        opt.step()
        schedule.step()
        assert [p.data for p in ps] == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CYCLES)
def test_one_cycle_in_compiled_fits(name, backend):
    case, ps, opt, schedule = cycle(name)
    fast = mg.jit(lambda: objective(*ps), parameters=ps, backend=backend)
    for steps in (1, 12, 17):
        fast.fit(opt, steps=steps, schedule=schedule, progress=False)
        assert [p.data for p in ps] == pytest.approx(
            case["path"][schedule.t - 1], rel=1e-11, abs=1e-12
        )


@pytest.mark.parametrize("backend", ["eager", *BACKENDS])
def test_a_step_past_the_end_of_a_cycle_is_an_error_after_the_step(backend):
    p = Value(1.0)
    opt = optim.SGD([p], lr=0.1, momentum=0.9)
    schedule = optim.OneCycleLR(opt, max_lr=0.1, total_steps=10)
    if backend == "eager":

        def run():
            for _ in range(30):
                opt.zero_grad()
                (p * p).backward()
                opt.step()
                schedule.step()
    else:
        fast = mg.jit(lambda: p * p, parameters=[p], backend=backend)

        def run():
            fast.fit(opt, steps=30, schedule=schedule, progress=False)

    with pytest.raises(ValueError, match="step 11 of a cycle of 10"):
        run()
    assert (opt.steps, opt.counts, schedule.t) == (11, [11], 10)
    x, velocity = 1.0, 0.0
    for t in range(11):
        (change,) = schedule.changes(min(t, 10))
        velocity = change["momentum"] * velocity + 2 * x
        x -= change["lr"] * velocity
    assert p.data == pytest.approx(x, rel=1e-12)


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateaus_are_those_of_pytorch(name, tmp_path):
    case = PLATEAUS[name]

    def make(**settings):
        opt = optim.SGD([{"params": Value(0.0)}, {"params": Value(0.0), "lr": 0.05}], lr=0.3)
        return opt, optim.ReduceLROnPlateau(opt, **settings)

    _, schedule = make(**case["settings"])
    for i, (loss, expected) in enumerate(zip(case["losses"], case["rates"])):
        if i == 15:  # saved, and loaded into one with other settings
            schedule.save(tmp_path / "schedule.json")
            _, schedule = make(patience=99)
            schedule.load(tmp_path / "schedule.json")
        schedule.step(Value(loss) if i % 2 else loss)
        assert schedule.get_last_lr() == pytest.approx(expected, rel=1e-12)
    assert len({tuple(lrs) for lrs in case["rates"]}) > 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_plateau_follows_the_loss_of_each_step_of_a_compiled_fit(backend):
    def make():
        ps = [Value(x) for x in START]
        opt = optim.SGD(ps, lr=0.2, momentum=0.9)  # so large that it overshoots
        return ps, opt, optim.ReduceLROnPlateau(opt, patience=1, factor=0.5)

    ps, opt, schedule = make()
    fast = mg.jit(lambda: objective(*ps), parameters=ps, backend=backend)
    found = fast.fit(opt, steps=40, schedule=schedule, progress=False)
    hand, by_hand, plan = make()
    for loss in found.loss:
        by_hand.zero_grad()
        root = objective(*hand)
        assert root.data == pytest.approx(loss, rel=1e-9)
        root.backward()
        by_hand.step()
        plan.step(root)
    assert [p.data for p in ps] == pytest.approx([p.data for p in hand], rel=1e-9)
    assert opt.lr == by_hand.lr < 0.2
    assert schedule.t == opt.steps == 40


def test_a_plateau_follows_the_loss_that_judges_each_epoch():
    random.seed(0)
    xs, ys = data.moons(20)
    model = nn.MLP(2, [3, 1])
    opt = optim.SGD(model.parameters(), lr=0.01)
    schedule = optim.ReduceLROnPlateau(opt, patience=0, factor=0.5, threshold=0.5)
    history = fit(
        model, losses.logistic, (xs, ys), opt, epochs=6, batch_size=5, schedule=schedule,
        progress=False,
    )  # fmt: skip
    assert schedule.t == 6
    twin = optim.SGD([Value(0.0)], lr=0.01)
    plan = optim.ReduceLROnPlateau(twin, patience=0, factor=0.5, threshold=0.5)
    for loss in history.judged:
        plan.step(loss)
    assert opt.lr == twin.lr < 0.01


# Schedules of one's own -------------------------------------------------------------------


class OnlyStep:
    """All that a schedule has to have."""

    def __init__(self, opt):
        self.opt, self.seen = opt, []

    def step(self):
        self.seen.append(self.opt.parameters[0].data)
        self.opt.lr *= 0.9


class Touching(OnlyStep):
    """One that looks, bounds a parameter, changes another setting, and freezes in the middle."""

    def step(self):
        super().step()
        p, q = self.opt.parameters
        p.data = min(p.data, 3.0)
        self.opt.momentum = 0.5 if len(self.seen) % 2 else 0.8
        q.requires_grad = len(self.seen) < 5


@pytest.mark.parametrize("kind", [OnlyStep, Touching])
def test_a_schedule_of_ones_own_sees_and_does_the_same_on_all_backends(kind):
    found = []
    for backend in BACKENDS:
        p, q = Value(5.0), Value(1.0)
        fast = mg.jit(lambda x, p=p, q=q: (p * x - q) ** 2, parameters=[p, q], backend=backend)
        opt = optim.SGD([p, q], lr=0.1, momentum=0.9)
        schedule = kind(opt)
        fitted = fast.fit([0.5, 1.0], opt, steps=12, schedule=schedule, progress=False)
        assert len(schedule.seen) == 12
        found.append([*fitted.loss, *schedule.seen, p.data, q.data, opt.lr, *opt.counts])
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-12)


@pytest.mark.parametrize("make", [OnlyStep, lambda opt: optim.StepLR(opt, 2, 0.9), None])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_that_becomes_nan_leaves_everything_where_the_losses_say(backend, make):
    p = Value(1.0)
    # Each step adds the rate; past 4.5 the root is nan.
    fast = mg.jit(lambda x: mg.sqrt(4.5 - p) * 0.0 * x - p, parameters=[p], backend=backend)
    opt = optim.SGD([p], lr=1.0)
    schedule = None if make is None else make(opt)
    with pytest.raises(ValueError, match="not a number after"):
        fast.fit([1.0, 1.0], opt, steps=100, schedule=schedule, progress=False)
    steps, x, lr = 0, 1.0, 1.0
    while x <= 4.5:
        x += lr
        steps += 1
        if make is OnlyStep:
            lr *= 0.9
        elif make is not None:
            lr = 0.9 ** (steps // 2)
    assert p.data == pytest.approx(x, rel=1e-12)
    assert opt.steps == steps and opt.counts == [steps]
    assert opt.lr == pytest.approx(lr)
    if isinstance(schedule, OnlyStep):
        assert len(schedule.seen) == steps
    elif schedule is not None:
        assert schedule.t == steps


class Stopping(OnlyStep):
    def step(self):
        if len(self.seen) == 3:
            raise KeyboardInterrupt
        super().step()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupt_in_a_schedule_keeps_what_was_learned(backend):
    p = Value(1.0)
    fast = mg.jit(lambda x: p * x, parameters=[p], backend=backend)
    opt = optim.SGD([p], lr=1.0)
    fitted = fast.fit([1.0], opt, steps=50, schedule=Stopping(opt), progress=False)
    assert fitted.interrupted and fitted.steps == opt.steps == 4
    assert p.data == pytest.approx(1.0 - 1.0 - 0.9 - 0.81 - 0.729)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_of_ones_own_runs_on_all_backends(backend):
    class Clipped(optim.SGD):
        def step(self):
            optim.clip_grad_norm(self.parameters, 0.5)
            super().step()

    p = Value(1.0)
    fast = mg.jit(lambda x: 100.0 * p * x, parameters=[p], backend=backend)
    fast.fit([1.0], Clipped([p], lr=1.0), steps=2, progress=False)
    assert p.data == pytest.approx(0.0, abs=1e-6)


def test_a_schedule_of_another_optimizer_is_refused():
    p = Value(1.0)
    one, other = optim.SGD([p], lr=1.0), optim.SGD([p], lr=1.0)
    fast = mg.jit(lambda x: p * x, parameters=[p])
    with pytest.raises(ValueError, match="another optimizer"):
        fast.fit([1.0], one, schedule=optim.StepLR(other, 2), progress=False)
    with pytest.raises(TypeError, match=r"optimizer of micrograd\.optim"):
        optim.StepLR(p, 2)


# States and settings ----------------------------------------------------------------------

MAKERS = {
    "StepLR": lambda opt, n=3: optim.StepLR(opt, n),
    "MultiStepLR": lambda opt, n=3: optim.MultiStepLR(opt, [n, 2 * n]),
    "CosineAnnealingLR": lambda opt, n=3: optim.CosineAnnealingLR(opt, n),
    "LinearLR": lambda opt, n=3: optim.LinearLR(opt, total_iters=n),
    "WarmupLR": lambda opt, n=3: optim.WarmupLR(opt, n, optim.StepLR(opt, n)),
    "OneCycleLR": lambda opt, n=3: optim.OneCycleLR(opt, 1.0, 10 * n),
    "ReduceLROnPlateau": lambda opt, n=3: optim.ReduceLROnPlateau(opt, patience=n),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_holds_the_settings_and_bad_ones_change_nothing(name, tmp_path):
    one, other = (optim.SGD([Value(1.0)], lr=0.5, momentum=0.9) for _ in range(2))
    first, second = MAKERS[name](one), MAKERS[name](other, 7)
    assert first.state_dict() != second.state_dict()
    for _ in range(4):
        first.step(1.0) if first.needs_loss else first.step()
    first.save(tmp_path / "s.json")
    second.load(tmp_path / "s.json")
    assert first.state_dict() == second.state_dict()
    assert one.lr == other.lr and one.momentum == other.momentum
    state = json.loads(json.dumps(second.state_dict()))
    for wrong in (
        {**state, "t": -1},
        {**state, "t": 1.5},
        {**state, "t": True},
        {**state, "firsts": [1.0, 2.0]},
        {**state, "firsts": ["x"]},
        {**state, "more": 1},
        {key: x for key, x in state.items() if key != "settings"},
        {**state, "settings": {}},
        {**state, "settings": {**state["settings"], next(iter(state["settings"])): "x"}},
        {**state, "kind": "Other"},
    ):
        with pytest.raises(ValueError):
            second.load_state_dict(wrong)
        assert second.state_dict() == state
        assert other.lr == one.lr


def test_settings_that_make_no_sense():
    opt = optim.SGD([Value(1.0)], lr=0.5)
    plain = optim.Adagrad([Value(1.0)])
    for make, said in (
        (lambda: optim.MultiStepLR(opt, [1, -2]), "at least 0"),
        (lambda: optim.StepLR(opt, 2, -0.5), "gamma"),
        (lambda: optim.StepLR(opt, True), "number of steps"),
        (lambda: optim.ReduceLROnPlateau(opt, factor=1.0), "below 1"),
        (lambda: optim.ReduceLROnPlateau(opt, mode="least"), '"min" or "max"'),
        (lambda: optim.ReduceLROnPlateau(opt, min_lr=[0.0, 0.1]), "2 min_lr for 1 groups"),
        (lambda: optim.OneCycleLR(opt, 1.0), "total_steps"),
        (lambda: optim.OneCycleLR(opt, 1.0, 0), "at least 1"),
        (lambda: optim.OneCycleLR(opt, 1.0, 10, pct_start=1.5), "share"),
        (lambda: optim.OneCycleLR(opt, [1.0, 2.0], 10), "2 max_lr for 1 groups"),
        (lambda: optim.OneCycleLR(plain, 1.0, 10), "cycle_momentum=False"),
    ):
        with pytest.raises(ValueError, match=said):
            make()
        assert opt.lr == 0.5
    with pytest.raises(TypeError, match="list of steps"):
        optim.MultiStepLR(opt, 3)
    with pytest.raises(TypeError, match=r"step\(loss\)"):
        optim.ReduceLROnPlateau(opt).step()
    with pytest.raises(TypeError, match="WarmupLR"):
        optim.WarmupLR(opt, 3, optim.ReduceLROnPlateau(opt))
    assert optim.StepLR(opt, 1, 2.0).rate(5000) == math.inf  # and no OverflowError


class WithoutStep:
    pass


class AsksForTheLoss:
    def step(self, loss):
        raise AssertionError


@pytest.mark.parametrize("schedule", [WithoutStep(), AsksForTheLoss(), 3], ids=range(3))
def test_what_is_no_schedule_is_refused_before_a_step_is_taken(schedule):
    for train_it in (
        lambda p, o: mg.jit(lambda x: p * p * x, parameters=[p], backend="python").fit(
            [1.0], optimizer=o, steps=3, schedule=schedule, progress=False
        ),
        lambda p, o: mg.train.fit(
            lambda x: p * x, mg.losses.squared_error, ([1.0], [0.0]), o, epochs=1,
            schedule=schedule, progress=False,
        ),
    ):  # fmt: skip
        p = Value(1.0)
        optimizer = optim.SGD([p], lr=0.1)
        with pytest.raises(TypeError, match=r"step\(\)"):
            train_it(p, optimizer)
        assert p.data == 1.0 and optimizer.steps == 0
