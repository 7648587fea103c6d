"""What a setting of an optimizer may be: when it is made, in groups, schedules and states."""

from __future__ import annotations

import copy
import json
import math

import pytest

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.compiler.native import backend as native

pytestmark = pytest.mark.once

BACKENDS = ["python", "numpy", *(["native", "c"] if native.available() else [])]
NONSENSE = [(), (1,), [1], [], True, math.inf, math.nan, -1, 10**400, "x", None, Value(0.1)]
KINDS = [optim.SGD, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW]
REFUSED = (TypeError, ValueError, OverflowError)


def repr10(x):
    return repr(x)[:10]


@pytest.mark.parametrize("kind", KINDS)
def test_a_learning_rate_is_one_finite_number_wherever_it_is_set(kind):
    for x in NONSENSE:
        with pytest.raises(REFUSED, match=f"{kind.__name__}: lr"):
            kind([Value(1.0)], lr=x)
        opt = kind([Value(1.0)], lr=0.5)
        with pytest.raises(REFUSED, match=f"{kind.__name__}: lr"):
            opt.lr = x
        assert opt.lr == 0.5
        state = opt.state_dict()
        state["param_groups"][0]["lr"] = x
        with pytest.raises(ValueError, match="lr"):
            opt.load_state_dict(state)
        p = Value(1.0)
        opt = kind([{"params": [p], "lr": 0.5}])
        p.grad = 1.0
        opt.param_groups[0]["lr"] = x
        with pytest.raises(REFUSED, match=f"{kind.__name__}: lr"):
            opt.step()
        assert (p.data, opt.steps, opt.counts) == (1.0, 0, [0])
        opt.param_groups[0]["lr"] = 0.25
        opt.step()
        assert p.data < 1 and opt.steps == 1


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (optim.SGD, {"momentum": True}),
        (optim.SGD, {"momentum": (0.9, 0.9)}),
        (optim.SGD, {"nesterov": 0.5, "momentum": 0.9}),
        (optim.SGD, {"weight_decay": ()}),
        (optim.RMSprop, {"alpha": 1.5}),
        (optim.RMSprop, {"centered": "yes"}),
        (optim.Adam, {"eps": [1e-8]}),
        (optim.Adam, {"betas": (False, 0.9)}),
        (optim.Adagrad, {"lr_decay": math.inf}),
    ],
)
def test_other_settings_that_make_no_sense(kind, settings):
    with pytest.raises(REFUSED, match=f"{kind.__name__}: (the )?{next(iter(settings))}|betas"):
        kind([Value(1.0)], **settings)


def test_a_switch_may_be_written_as_a_number():
    assert optim.SGD([Value(1.0)], momentum=0.9, nesterov=1).nesterov is True
    assert optim.RMSprop([Value(1.0)], centered=0).centered is False


@pytest.mark.parametrize("place", ["counts", "state", "param_groups", ("state", 0)])
def test_states_whose_lists_are_none_are_refused_in_words_of_ours(place):
    opt = optim.Adam([Value(1.0)])
    for x in (None, 3, 0.5, True, "x"):
        state = opt.state_dict()
        if isinstance(place, str):
            state[place] = x
        else:
            state[place[0]][place[1]] = x
        with pytest.raises(ValueError, match=r"is a list, not|whole number"):
            opt.load_state_dict(state)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_the_state_after_the_last_step_of_a_cycle_can_be_loaded(kind):
    def made():
        more = {"momentum": 0.9} if kind is optim.SGD else {}
        opt = kind([Value(1.0)], lr=0.1, **more)
        return opt, optim.OneCycleLR(opt, 0.1, total_steps=4, anneal_strategy="linear")

    opt, schedule = made()
    for _ in range(4):
        opt.step()
        schedule.step()
    assert opt.lr < 0  # PyTorch's number, which no step takes
    saved = json.loads(json.dumps([opt.state_dict(), schedule.state_dict()]))
    other, same = made()
    other.load_state_dict(saved[0])
    same.load_state_dict(saved[1])
    assert (other.lr, other.steps, same.t) == (opt.lr, 4, 4)
    with pytest.raises(ValueError, match=r"lr is at least 0|betas are two"):
        opt.step()
    assert opt.steps == 4


# Schedules ------------------------------------------------------------------------------------


def problem():
    p = [Value(0.5), Value(0.25)]
    return p, lambda x, y: losses.squared_error(p[0] * x[0] + p[1] * x[1], y)


XS, YS = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], [1.0, -1.0, 0.5]


class Own:
    """A schedule that does something once, after a step."""

    def __init__(self, act, when):
        self.act, self.when, self.n = act, when, 0

    def step(self):
        self.n += 1
        if self.n == self.when:
            self.act()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("x", [None, "x", -1.0, math.nan, True, 10**400, Value(0.1)], ids=repr10)
def test_a_rate_that_is_none_ends_a_fit_between_two_steps(backend, x):
    p, f = problem()
    opt = optim.Adam(p, lr=0.1)
    own = Own(lambda: opt.param_groups[0].update(lr=x), 3)
    with pytest.raises(REFUSED, match="Adam: lr"):
        mg.jit(f, parameters=p, backend=backend).fit(
            XS, YS, opt, steps=6, progress=False, schedule=own
        )
    assert (opt.steps, opt.counts) == (3, [3, 3])

    class Rates(optim.Schedule):
        def rate(self, t):
            return x if t == 3 else 0.1

    p, f = problem()
    opt = optim.Adam(p, lr=0.1)
    schedule = Rates(opt)
    with pytest.raises(REFUSED, match="Adam: lr"):
        mg.jit(f, parameters=p, backend=backend).fit(
            XS, YS, opt, steps=6, progress=False, schedule=schedule
        )
    assert (opt.steps, opt.counts) == (3, [3, 3])
    assert schedule.t in (2, 3) and (schedule.t == 3 or opt.lr == 0.1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_coefficients_that_raise_count_no_step(backend):
    class Odd(optim.SGD):
        def coefficients(self):
            if self.steps == 3:
                raise RuntimeError("no numbers")
            return super().coefficients()

    p, f = problem()
    opt = Odd(p, lr=0.1)
    with pytest.raises(RuntimeError, match="no numbers"):
        mg.jit(f, parameters=p, backend=backend).fit(XS, YS, opt, steps=6, progress=False)
    assert (opt.steps, opt.counts) == (2, [2, 2])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_group_of_strangers_added_meanwhile_is_an_error(backend):
    p, f = problem()
    opt = optim.Adam(p, lr=0.1)
    own = Own(lambda: opt.add_param_group({"params": [Value(3.0)]}), 2)
    with pytest.raises(ValueError, match="the optimizer moves 3 parameters"):
        mg.jit(f, parameters=p, backend=backend).fit(
            XS, YS, opt, steps=6, progress=False, schedule=own
        )
    assert (opt.steps, opt.counts) == (2, [2, 2, 0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_group_of_parameters_that_thaw_is_taken_along(backend):
    p, f = problem()
    p[1].requires_grad = False
    opt = optim.SGD(p[:1], lr=0.1)

    def thaw():
        p[1].requires_grad = True
        opt.add_param_group({"params": p[1:]})

    fast = mg.jit(f, parameters=p, backend=backend)
    fast.fit(XS, YS, opt, steps=4, progress=False, schedule=Own(thaw, 2))
    assert opt.counts == [4, 2] and p[1].data != 0.25


def made_schedules():
    opt = optim.SGD([Value(1.0)], lr=0.1, momentum=0.9)
    yield optim.StepLR(opt, 2)
    yield optim.MultiStepLR(opt, [1, 3])
    yield optim.WarmupLR(opt, 2, optim.CosineAnnealingLR(opt, 5))
    yield optim.OneCycleLR(opt, 0.1, total_steps=9)
    yield optim.ReduceLROnPlateau(opt)


def test_states_of_schedules_that_nobody_wrote():
    changes = [
        *[(name, x) for name in ("settings", "firsts") for x in (None, 3, "x", [None])],
        (("firsts", 0), -1.0),
        (("firsts", 0), math.inf),
        (("settings", "milestones"), None),
        (("settings", "milestones"), 3),
        (("settings", "cycle_momentum"), "x"),
        (("settings", "three_phase"), 1),
        (("settings", "max_lr"), math.inf),
        (("settings", "gamma"), math.inf),
        ("best", math.nan),
    ]
    tried = 0
    for i, _ in enumerate(made_schedules()):
        for x in (None, 3, [], "x"):
            with pytest.raises(ValueError, match="a state is a dict"):
                list(made_schedules())[i].load_state_dict(x)
        for place, x in changes:
            schedule = list(made_schedules())[i]
            before = schedule.state_dict()
            state = copy.deepcopy(before)
            inner, name = (state, place) if isinstance(place, str) else (state[place[0]], place[1])
            if isinstance(inner, dict) and name not in inner:
                continue
            inner[name] = x
            with pytest.raises(ValueError) as refused:
                schedule.load_state_dict(state)
            assert "object" not in str(refused.value)
            assert schedule.state_dict() == before
            tried += 1
    assert tried > 50


def test_a_momentum_past_1_is_refused_when_the_cycle_is_made():
    opt = optim.Adam([Value(1.0)])
    with pytest.raises(ValueError, match="betas"):
        optim.OneCycleLR(opt, 0.1, total_steps=5, base_momentum=1.5)


def test_a_list_that_holds_itself_is_walked_once():
    class Odd(nn.Module):
        def __init__(self):
            self.all = [Value(1.0)]
            self.all.append(self.all)
            self.named = {"w": self.all[0]}
            self.named["again"] = self.named

    assert list(Odd().state_dict()) == ["all.0"]


def test_results_of_operations_are_no_parameters():
    for make in (optim.SGD, optim.Newton):
        with pytest.raises(ValueError, match="the result of an operation"):
            make([Value(1.0), Value(1.0) * 2])


def test_a_warm_up_goes_over_to_a_schedule_of_the_same_optimizer():
    first, second = (optim.SGD([Value(1.0)], lr=0.1) for _ in range(2))
    with pytest.raises(ValueError, match="another optimizer"):
        optim.WarmupLR(first, 2, optim.StepLR(second, 3))


def test_a_search_over_settings_keeps_few_of_their_updates():
    pytest.importorskip("numpy")
    from micrograd.compiler.backends import numpy_fit

    p, f = problem()
    fast = mg.jit(f, parameters=p, backend="numpy")
    for i in range(3 * numpy_fit.KEPT):
        opt = optim.SGD(p, lr=0.01, momentum=0.5 + i / 1000)
        fast.fit(XS, YS, opt, steps=2, progress=False)
    assert len(numpy_fit._updates) <= numpy_fit.KEPT
