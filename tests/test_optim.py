"""Optimizers, schedules and clipping against PyTorch's recorded figures; saving; Newton.

The figures are in `recorded/`, with the script that made them.
"""

from __future__ import annotations

import inspect
import json
import math
import sys
from pathlib import Path

import pytest
from recorded.problem import START, STEPS, objective

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.files import write_json

pytestmark = pytest.mark.once

RECORDED = Path(__file__).with_name("recorded")
OPTIMIZERS = json.loads((RECORDED / "optimizers.json").read_text())
SCHEDULES = json.loads((RECORDED / "schedules.json").read_text())
CLIPPING = json.loads((RECORDED / "clipping.json").read_text())
KINDS = [optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW]


def made(case, parameters):
    settings = dict(case["settings"])
    if "betas" in settings:
        settings["betas"] = tuple(settings["betas"])
    return getattr(optim, case["kind"])(parameters, **settings)


def descend(optimizer, steps, clip=None):
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        objective(*optimizer.parameters).backward()
        if clip is not None:
            optim.clip_grad_norm(optimizer.parameters, clip)
        optimizer.step()
        path.append([p.data for p in optimizer.parameters])
    return path


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_hundred_steps_are_those_of_pytorch(name):
    case = OPTIMIZERS[name]
    path = descend(made(case, [Value(x) for x in START]), STEPS)
    assert len(case["path"]) == STEPS
    for found, expected in zip(path, case["path"]):
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update_on_values_gives_the_numbers_it_gives_on_floats(name):
    # What a compiled loop is traced from: operators and functions alone.
    optimizer = made(OPTIMIZERS[name], [Value(0.3)])
    for steps in (1, 2, 7):
        optimizer.steps = steps
        c = optimizer.coefficients()
        state = tuple(x + 0.25 for x in optimizer.first_state())
        p, new = optimizer.update(0.3, -0.7, state, c)
        symbolic, after = optimizer.update(
            Value(0.3), Value(-0.7), tuple(map(Value, state)), tuple(map(Value, c))
        )
        assert symbolic.data == p
        assert [x.data for x in after] == list(new)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_saved_and_resumed_the_next_steps_are_the_same(name, tmp_path):
    first = made(OPTIMIZERS[name], [Value(x) for x in START])
    descend(first, 7)
    first.save(tmp_path / "optimizer.json")
    second = type(first)([Value(p.data) for p in first.parameters])  # with other settings
    second.load(tmp_path / "optimizer.json")
    assert second.settings == first.settings
    assert descend(first, 5) == descend(second, 5)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(tmp_path):
    adam = optim.Adam([Value(1.0), Value(2.0)])
    before = adam.state_dict()
    wrong = {
        "kind": {**before, "kind": "SGD"},
        "number of parameters": {**before, "state": before["state"][:1]},
        "numbers of each": {**before, "state": [[0.0], [0.0]]},
        "no number": {**before, "state": [[0.0, "x"], [0.0, 0.0]]},
        "settings": {**before, "settings": {"momentum": 0.5}},
    }
    for state in wrong.values():
        with pytest.raises(ValueError):
            adam.load_state_dict(state)
        assert adam.state_dict() == before
    with pytest.raises(ValueError, match="no state in it"):
        adam.load(write_json(tmp_path / "x.json", {"format": "micrograd 1"}))
    optim.SGD([Value(1.0)]).save(tmp_path / "sgd.json")
    with pytest.raises(ValueError, match="state of SGD, not of Adam"):
        adam.load(tmp_path / "sgd.json")
    assert adam.state_dict() == before


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_checked(kind):
    with pytest.raises(ValueError, match="no parameters"):
        kind([])
    with pytest.raises(TypeError, match="parameters are Values"):
        kind([1.0])
    with pytest.raises(TypeError, match="parameters are Values"):
        kind([[Value(1.0)]])
    with pytest.raises(ValueError, match="lr is at least 0"):
        kind([Value(1.0)], lr=-0.1)
    with pytest.raises(ValueError, match="lr is at least 0"):
        kind([Value(1.0)], lr=math.nan)
    assert kind.__name__ in repr(kind([Value(1.0)]))
    shared = Value(1.0)
    assert kind([shared, shared]).parameters == [shared]


def test_nesterov_needs_momentum_and_betas_lie_below_1():
    with pytest.raises(ValueError, match="momentum"):
        optim.SGD([Value(1.0)], nesterov=True)
    for dampening in (0.5, 1.0):
        with pytest.raises(ValueError, match="no dampening"):
            optim.SGD([Value(1.0)], momentum=0.5, dampening=dampening, nesterov=True)
    assert optim.SGD([Value(1.0)], momentum=0.5, nesterov=True).nesterov
    for betas in ((0.9, 1.0), (1.5, 0.9), (-0.1, 0.9), (0.9, -0.1), (0.9,), (0.9, 0.9, 0.9), 0.9):
        with pytest.raises(ValueError, match="betas are two from 0 to 1"):
            optim.Adam([Value(1.0)], betas=betas)
    assert optim.Adam([Value(1.0)], betas=[0, 0.0]).betas == (0, 0.0)


def test_defaults_are_those_of_pytorch():
    adam = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    defaults = {
        optim.SGD: {"lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0,
                    "nesterov": False},
        optim.Adagrad: {"lr": 1e-2, "lr_decay": 0.0, "weight_decay": 0.0,
                        "initial_accumulator_value": 0.0, "eps": 1e-10},
        optim.RMSprop: {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0,
                        "momentum": 0.0, "centered": False},
        optim.Adam: adam,
        optim.AdamW: {**adam, "weight_decay": 1e-2},
    }  # fmt: skip
    for kind, expected in defaults.items():
        parameters = list(inspect.signature(kind).parameters.values())[1:]
        assert {p.name: p.default for p in parameters} == expected
        assert {name: getattr(kind([Value(1.0)]), name) for name in expected} == expected


def test_two_steps_with_short_memories_by_hand():
    """Below 1/2, where 1 - beta is far from what is left when 1 is divided by beta."""
    for opt, moves in (
        (
            optim.Adam([Value(5.0)], lr=1.0, betas=(0.3, 0.4), eps=0.0),
            (1.0, (0.7 * 3.3 / 0.91) / math.sqrt(0.6 * 9.4 / 0.84)),
        ),
        (
            optim.RMSprop([Value(5.0)], lr=1.0, alpha=0.3, eps=0.0, centered=True),
            (1 / math.sqrt(0.7 - 0.49), 3 / math.sqrt(0.7 * 9.3 - (0.7 * 3.3) ** 2)),
        ),
    ):
        (p,) = opt.parameters
        for g, end in zip((1.0, 3.0), (5.0 - moves[0], 5.0 - sum(moves)), strict=True):
            p.grad = g
            opt.step()
            assert p.data == pytest.approx(end, rel=1e-14)


def test_a_gradient_that_is_a_value_is_stepped_along():
    p = Value(3.0)
    (p * p).backward(create_graph=True)
    optim.SGD([p], lr=0.5).step()
    assert p.data == 0.0


def test_step_too_large_slow_and_oscillating_as_curvature_predicts():
    # On k/2 x**2 a step multiplies x with 1 - lr * k.
    k = 4.0
    for lr in (0.05, 0.25, 0.4, 0.6):
        x = Value(1.0)
        opt = optim.SGD([x], lr=lr)
        for n in range(1, 8):
            opt.zero_grad()
            (0.5 * k * x * x).backward()
            opt.step()
            assert x.data == pytest.approx((1 - lr * k) ** n, abs=1e-12)


# Schedules --------------------------------------------------------------------------------


def schedule_of(name):
    case = SCHEDULES[name]
    opt = optim.SGD([Value(0.0)], lr=0.3)
    if name == "WarmupLR":
        return optim.WarmupLR(opt, case["warmup"])
    if name == "WarmupLR, then cosine":
        fall = optim.CosineAnnealingLR(opt, T_max=case["T_max"])
        return optim.WarmupLR(opt, case["warmup"], fall)
    return getattr(optim, case["kind"])(opt, **case["settings"])


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_those_of_pytorch(name):
    expected = SCHEDULES[name]["rates"]
    schedule = schedule_of(name)
    assert schedule.rates(len(expected)) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    for rate in expected:
        assert schedule.optimizer.lr == pytest.approx(rate, rel=1e-12, abs=1e-15)
        schedule.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_where_it_was_saved(name, tmp_path):
    first, second = schedule_of(name), schedule_of(name)
    second.optimizer.lr = 7.0
    for _ in range(9):
        first.step()
    first.save(tmp_path / "schedule.json")
    second.load(tmp_path / "schedule.json")
    assert second.optimizer.lr == first.optimizer.lr
    assert second.rates(30) == first.rates(30)


def test_schedules_refuse_lengths_below_1_and_states_of_others():
    opt = optim.SGD([Value(0.0)], lr=0.3)
    for make in (
        lambda: optim.StepLR(opt, 0),
        lambda: optim.CosineAnnealingLR(opt, 0),
        lambda: optim.LinearLR(opt, total_iters=0),
        lambda: optim.WarmupLR(opt, 0),
    ):
        with pytest.raises(ValueError, match="number of steps"):
            make()
    with pytest.raises(ValueError, match="state of LinearLR"):
        optim.StepLR(opt, 2).load_state_dict(optim.LinearLR(opt).state_dict())


# Clipping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CLIPPING if name != "path"])
def test_clipping_is_that_of_pytorch(name):
    case = CLIPPING[name]
    ps = [Value(0.0) for _ in case["gradients"]]
    for p, g in zip(ps, case["gradients"]):
        p.grad = g
    clip = optim.clip_grad_norm if name.startswith("norm") else optim.clip_grad_value
    length = clip(ps, case["bound"])
    if case["length"] is not None:
        assert length == pytest.approx(case["length"], rel=1e-15)
    assert [p.grad for p in ps] == pytest.approx(case["clipped"], rel=1e-14, abs=1e-300)


def test_clipped_descent_is_that_of_pytorch():
    opt = optim.SGD([Value(x) for x in START], lr=0.05, momentum=0.5)
    for found, expected in zip(descend(opt, STEPS, clip=1.5), CLIPPING["path"]):
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_clipping_does_not_hide_a_nan():
    ps = [Value(0.0), Value(0.0)]
    ps[0].grad, ps[1].grad = math.nan, 3.0
    optim.clip_grad_norm(ps, 1.0)
    assert all(math.isnan(p.grad) for p in ps)


# Newton -----------------------------------------------------------------------------------


def test_newton_reaches_the_least_squares_answer_in_one_step_of_any_valley():
    for narrow in (1.0, 1e3, 1e6):
        x, y = Value(5.0), Value(-3.0)
        u = x + 2 * y - 1
        optim.Newton([x, y]).step((x - y) ** 2 + narrow * u * u)
        assert (x.data, y.data) == pytest.approx((1 / 3, 1 / 3), rel=1e-9)


def test_newton_goes_down_a_bent_valley_in_few_steps_and_leaves_grad_alone():
    a, b = Value(-1.2), Value(1.0)
    a.grad = 7.0
    newton = optim.Newton([a, b])
    for _ in range(8):
        newton.step((1 - a) ** 2 + 100 * (b - a * a) ** 2)
    assert (a.data, b.data) == pytest.approx((1.0, 1.0), abs=1e-9)
    assert a.grad == 7.0


def test_newton_says_what_to_do_where_the_hessian_is_singular():
    x, y = Value(1.0), Value(1.0)
    with pytest.raises(ValueError, match="damping"):
        optim.Newton([x, y]).step((x + y) ** 2)
    optim.Newton([x, y], damping=1e-6).step((x + y) ** 2)
    assert x.data + y.data == pytest.approx(0.0, abs=1e-5)


def test_optimizers_fit_a_line():
    xs, ys = mg.data.linear(20, noise=0.0)
    for kind, lr in zip(KINDS, (0.5, 0.5, 0.05, 0.1, 0.1)):
        model = nn.Neuron(2, nonlin=False)
        opt = kind(model.parameters(), lr=lr)
        first = None
        for _ in range(150):
            opt.zero_grad()
            loss = mg.mean([losses.squared_error(model(xi), yi) for xi, yi in zip(xs, ys)])
            first = first or loss.data
            loss.backward()
            opt.step()
        assert loss.data < first / 50


# All or nothing, and IEEE in between ------------------------------------------------------


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad])
@pytest.mark.parametrize("g", [0.0, 1e-300, math.inf, math.nan])
def test_edges_are_those_of_ieee(kind, g):
    p = Value(1.0)
    opt = kind([p], eps=0.0)
    p.grad = g
    opt.step()  # 0 / 0, inf / inf: nan, as in PyTorch
    assert opt.steps == 1 and opt.counts == [1]
    assert math.isnan(p.data) or g == 1e-300


class Strike:
    """A trace function that raises before the n-th opcode within the package."""

    def __init__(self, n):
        self.left = n

    def __call__(self, frame, event, arg):
        frame.f_trace_opcodes = True
        if "micrograd" not in frame.f_code.co_filename:
            return None
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


@pytest.mark.skipif(mg.compiled, reason="a signal cannot strike inside machine code")
@pytest.mark.parametrize("what", ["step", "load", "schedule"])
def test_an_interrupt_anywhere_leaves_all_or_nothing(what):
    def make():
        ps = [Value(x) for x in START]
        opt = optim.Adam([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.5}], lr=0.1)
        schedule = optim.OneCycleLR(opt, 0.1, 10)
        for i, p in enumerate(ps):
            p.grad = i + 1.0
        return ps, opt, schedule

    other = optim.Adam([{"params": [Value(1.0)]}, {"params": [Value(1.0), Value(2.0)]}], lr=7.0)
    other.step()
    state = other.state_dict()

    def act(opt, schedule):
        if what == "step":
            opt.step()
        elif what == "load":
            opt.load_state_dict(state)
        else:
            schedule.step()

    def everything(ps, opt, schedule):
        return [p.data for p in ps], opt.state_dict(), schedule.state_dict()

    made = make()
    before = everything(*made)
    act(*made[1:])
    after = everything(*made)
    assert before != after
    sys._getframe().f_trace_opcodes = True
    outcomes = set()
    for n in range(1, 20_000):
        made = make()
        sys.settrace(Strike(n))
        try:
            act(*made[1:])
        except KeyboardInterrupt:
            found = everything(*made)
            assert found in (before, after), n
            outcomes.add(found == before)
        else:
            break
        finally:
            sys.settrace(None)
    assert outcomes >= {True}
    assert n > 50


def test_an_error_in_an_update_counts_no_step():
    class Odd(optim.SGD):
        def update(self, p, g, state, coefficients):
            if p == 2.0:
                raise ZeroDivisionError
            return p - g, state

    ps = [Value(1.0), Value(2.0)]
    opt = Odd(ps, lr=0.1)
    ps[0].grad = 1.0
    with pytest.raises(ZeroDivisionError):
        opt.step()
    assert (ps[0].data, opt.steps, opt.counts) == (1.0, 0, [0, 0])


def test_a_kind_of_ones_own_may_keep_attributes():
    class Counting(optim.SGD):
        calls = 0

        def coefficients(self):
            self.calls += 1
            return super().coefficients()

    opt = Counting([Value(1.0)], lr=0.1)
    for _ in range(3):
        opt.step()
    assert opt.calls == opt.steps == 3


@pytest.mark.parametrize("kind", KINDS)
def test_states_that_no_optimizer_wrote(kind):
    opt = kind([Value(1.0), Value(2.0)])
    opt.step()
    state = json.loads(json.dumps(opt.state_dict()))
    (group,) = state["param_groups"]
    for wrong in (
        {**state, "steps": -5},
        {**state, "steps": 1.5},
        {**state, "steps": True},
        {**state, "steps": "1"},
        {**state, "counts": [0]},
        {**state, "counts": [0, 7]},
        {**state, "counts": [0, -1]},
        {**state, "param_groups": []},
        {**state, "param_groups": [{**group, "lr": -1.0}]},
        {**state, "param_groups": [{**group, "lr": True}]},
        {**state, "param_groups": [{**group, "lr": "x"}]},
        {**state, "param_groups": [{**group, "params": [1, 0]}]},
        {**state, "param_groups": [{**group, "more": 1}]},
        {**state, "state": [[True] * len(row) for row in state["state"]] + [[]]},
        {**state, "state": None},
        {key: x for key, x in state.items() if key != "counts"},
    ):
        with pytest.raises(ValueError):
            opt.load_state_dict(wrong)
        assert json.loads(json.dumps(opt.state_dict())) == state


@pytest.mark.parametrize(
    ("kind", "settings", "squares"),
    [
        (optim.SGD, {"momentum": 0.9}, ()),
        (optim.Adagrad, {}, (0,)),
        (optim.RMSprop, {"momentum": 0.9, "centered": True}, (0,)),
        (optim.Adam, {}, (1,)),
        (optim.AdamW, {}, (1,)),
    ],
)
def test_what_is_remembered_is_finite_and_squares_are_not_negative(kind, settings, squares):
    opt = kind([Value(1.0)], **settings)
    opt.step()
    state = opt.state_dict()
    (row,) = state["state"]
    for k in range(len(row)):
        for bad in (math.nan, math.inf, *[-1.0] * (k in squares)):
            wrong = {**state, "state": [[*row[:k], bad, *row[k + 1 :]]]}
            with pytest.raises(ValueError, match="at least 0"):
                opt.load_state_dict(wrong)
    assert opt.state_dict() == state
    below = [1.0 if k in squares else -1.0 for k in range(len(row))]
    opt.load_state_dict({**state, "state": [below]})
    assert opt.state_dict()["state"] == [below]


def test_a_gradient_that_is_not_finite_is_an_error_on_request():
    for bad in (math.inf, math.nan):
        ps = [Value(0.0), Value(0.0)]
        ps[0].grad, ps[1].grad = 1.0, bad
        with pytest.raises(ValueError, match=f"parameter 1 is {bad}"):
            optim.clip_grad_norm(ps, 1.0, error_if_nonfinite=True)
        assert ps[0].grad == 1.0
        optim.clip_grad_norm(ps, 1.0)  # as PyTorch does where it is not asked
        assert math.isnan(ps[1].grad)
    ps[0].grad, ps[1].grad = 3.0, -4.0
    assert optim.clip_grad_norm(ps, 8.0, norm_type=1.0) == 7.0
    assert optim.clip_grad_norm(ps, 2.0, norm_type=math.inf) == 4.0
    assert [p.grad for p in ps] == pytest.approx([1.5, -2.0], rel=1e-5)
    assert optim.clip_grad_norm([], 1.0) == 0.0


@pytest.mark.parametrize("loss", [lambda: Value(1.0), 1.0, None], ids=["function", "float", "None"])
def test_newton_wants_a_loss_that_is_a_value(loss):
    p = Value(1.0)
    with pytest.raises(TypeError, match="the loss is a Value"):
        optim.Newton([p]).step(loss)
    assert p.data == 1.0


def test_bounds_of_clipping_are_numbers():
    for bad in (None, "x", True, -1, math.nan, [1], Value(1.0)):
        p = Value(1.0)
        p.grad = 3.0
        for clip in (
            lambda p, bad: optim.clip_grad_norm([p], bad),
            lambda p, bad: optim.clip_grad_norm([p], 1.0, bad),
            lambda p, bad: optim.clip_grad_value([p], bad),
        ):
            with pytest.raises((TypeError, ValueError), match=r"clip_grad_(norm|value): "):
                clip(p, bad)
            assert type(p.grad) is float and p.grad == 3.0


@pytest.mark.parametrize("kind", [0.5, 3.0, 5.0])
@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_lengths_of_any_norm_neither_overflow_nor_vanish(kind, size):
    found = [Value(1.0), Value(1.0)]
    found[0].grad = found[1].grad = size
    length = optim.clip_grad_norm(found, math.inf, kind)
    assert math.isclose(length, size * 2 ** (1 / kind), rel_tol=1e-14)
