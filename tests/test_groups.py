"""Parameter groups and frozen parameters: PyTorch's recorded paths, in every training loop."""

from __future__ import annotations

import copy
import json
import math
import pickle
import random
from pathlib import Path

import pytest
from recorded.problem import START, objective

import micrograd as mg
from micrograd import Value, data, losses, nn, optim
from micrograd.compiler.native import backend as native
from micrograd.train import fit

pytestmark = pytest.mark.once

GROUPS = json.loads((Path(__file__).with_name("recorded") / "groups.json").read_text())
BACKENDS = ["python", "numpy", *(["native"] if native.available() else [])]
FROZEN = range(10, 25)
SPANS = (("free", 10), ("frozen", 15), ("free", 35))


def made(case, parameters):
    own = [
        {name: tuple(x) if isinstance(x, list) else x for name, x in group.items()}
        for group in case["groups"]
    ]
    parts = [parameters[:1], parameters[1:]]
    groups = [{"params": part, **group} for part, group in zip(parts, own)]
    opt = getattr(optim, case["kind"])(groups, **case["settings"])
    schedule = optim.StepLR(opt, 8, 0.7) if case["schedule"] else None
    return opt, schedule


@pytest.mark.parametrize("name", GROUPS)
def test_groups_and_freezing_are_those_of_pytorch(name):
    case = GROUPS[name]
    ps = [Value(x) for x in START]
    opt, schedule = made(case, ps)
    for t, expected in enumerate(case["path"]):
        ps[1].requires_grad = t not in FROZEN
        opt.zero_grad()
        objective(*ps).backward()
        opt.step()
        if schedule is not None:
            schedule.step()
        assert [p.data for p in ps] == pytest.approx(expected, rel=1e-12, abs=1e-12), t
    assert opt.counts == [60, 45, 60] and opt.steps == 60


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GROUPS)
def test_compiled_fits_take_the_same_path(name, backend):
    case = GROUPS[name]
    ps = [Value(x) for x in START]
    opt, schedule = made(case, ps)
    fast = mg.jit(lambda: objective(*ps), parameters=ps, backend=backend)
    end = 0
    for state, steps in SPANS:
        ps[1].requires_grad = state == "free"
        fast.fit(opt, steps=steps, schedule=schedule, progress=False)
        end += steps
        expected = case["path"][end - 1]
        assert [p.data for p in ps] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert opt.counts == [60, 45, 60] and opt.steps == 60


@pytest.mark.parametrize("name", GROUPS)
def test_saved_in_the_middle_it_goes_on(name, tmp_path):
    case = GROUPS[name]
    ps = [Value(x) for x in START]
    opt, schedule = made(case, ps)
    others = [Value(x) for x in START]
    again, plan = made({**case, "settings": {"lr": 9.0}, "groups": [{}, {}]}, others)
    for t, expected in enumerate(case["path"]):
        ps[1].requires_grad = t not in FROZEN
        if t == 30:
            opt.save(tmp_path / "opt.json")
            again.load(tmp_path / "opt.json")
            if schedule is not None:
                schedule.save(tmp_path / "schedule.json")
                plan.load(tmp_path / "schedule.json")
            for p, q in zip(others, ps):
                p.data = q.data
            opt, schedule, ps = again, plan, others
        opt.zero_grad()
        objective(*ps).backward()
        opt.step()
        if schedule is not None:
            schedule.step()
        assert [p.data for p in ps] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_pickled_and_copied_optimizers_go_on_and_are_free_of_the_first():
    ps = [Value(x) for x in START]
    opt = optim.Adam([{"params": ps[:1], "lr": 0.3}, {"params": ps[1:]}], lr=0.1)
    ps[2].requires_grad = False
    for other in (pickle.loads(pickle.dumps(opt)), copy.deepcopy(opt)):
        for one in (opt, other):
            before = [p.data for p in one.parameters]
            one.zero_grad()
            objective(*one.parameters).backward()
            one.step()
            assert before[2] == one.parameters[2].data
        opt.parameters[0].data += 1
        assert opt.parameters[0].data != other.parameters[0].data


@pytest.mark.parametrize("batch", [None, 8])
@pytest.mark.parametrize("backend", ["eager", "train.fit", *BACKENDS])
def test_a_frozen_layer_stays_in_every_loop(backend, batch):
    random.seed(1)
    xs, ys = data.moons(24)
    model = nn.MLP(2, [4, 4, 1], activation="tanh")
    assert model.layers[1].requires_grad_(False) is model.layers[1]
    opt = optim.AdamW(model.parameters(), lr=0.05)  # its decay would move what has no gradient
    schedule = optim.OneCycleLR(opt, max_lr=0.1, total_steps=100)
    before = model.state_dict()
    if backend == "eager":
        for _ in range(3):
            opt.zero_grad()
            mg.mean([losses.logistic(model(x), y) for x, y in zip(xs, ys)]).backward()
            opt.step()
    elif backend == "train.fit":
        fit(model, losses.logistic, (xs, ys), opt, epochs=2, batch_size=batch, progress=False)
    else:
        fast = mg.jit(
            lambda x, y: losses.logistic(model(x), y),
            parameters=model.parameters(),
            backend=backend,
        )
        fast.fit(xs, ys, opt, steps=5, batch_size=batch, schedule=schedule, progress=False)
    after = model.state_dict()
    moved = {name.split(".neurons")[0] for name in after if after[name] != before[name]}
    assert moved == {"layers.0", "layers.2"}
    model.requires_grad_(True)
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_the_optimizer_does_not_have_is_frozen_or_an_error(backend):
    p, q = Value(1.0), Value(2.0)
    fast = mg.jit(lambda x: (p * x - q) ** 2, parameters=[p, q], backend=backend)
    opt = optim.SGD([p], lr=0.1)
    with pytest.raises(ValueError, match="requires_grad = False"):
        fast.fit([1.0, 2.0], opt, steps=2, progress=False)
    q.requires_grad = False
    fast.fit([1.0, 2.0], opt, steps=2, progress=False)
    assert p.data != 1.0 and q.data == 2.0
    p.requires_grad = False
    before = p.data
    fast.fit([1.0, 2.0], opt, steps=2, progress=False)
    assert p.data == before and opt.steps == 4


def test_clipping_and_newton_leave_frozen_parameters_out():
    p, q = Value(0.0), Value(0.0)
    p.grad, q.grad = 3.0, 40.0
    q.requires_grad = False
    assert optim.clip_grad_norm([p, q], 1.0) == 3.0
    assert (round(p.grad, 3), q.grad) == (1.0, 40.0)
    optim.clip_grad_value([p, q], 0.5)
    assert (p.grad, q.grad) == (0.5, 40.0)
    x, y = Value(5.0), Value(-3.0)
    y.requires_grad = False
    optim.Newton([x, y]).step((x - 1) ** 2 + x * y + 10 * (y - 2) ** 2)
    assert (x.data, y.data) == (2.5, -3.0)


def test_settings_of_all_groups_and_of_one():
    a, b = Value(1.0), Value(2.0)
    opt = optim.SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.1, momentum=0.9)
    assert [group["lr"] for group in opt.param_groups] == [0.1, 0.5]
    assert opt.momentum == 0.9 and opt.parameters == [a, b]
    with pytest.raises(ValueError, match=r"lr differs between groups.*param_groups\[i\]\[\"lr\"\]"):
        opt.lr
    opt.lr = 0.25
    assert [group["lr"] for group in opt.param_groups] == [0.25, 0.25] and opt.lr == 0.25
    opt.param_groups[1]["lr"] = 0.75
    a.grad = b.grad = 1.0
    opt.step()
    assert (a.data, b.data) == (0.75, 1.25)
    with pytest.raises(ValueError, match="lr is at least 0"):
        opt.lr = -1.0
    assert "1 parameters, lr=0.25" in repr(opt) and "lr=0.75" in repr(opt)


def test_groups_that_make_no_sense_are_refused_and_change_nothing():
    a, b = Value(1.0), Value(2.0)
    opt = optim.SGD([a], lr=0.1)
    before = opt.state_dict()
    for group, kind, said in (
        ({"params": [a]}, ValueError, "more than one group"),
        ({"params": []}, ValueError, "no parameters"),
        ({"params": [b], "momentun": 0.9}, ValueError, "Did you mean: 'momentum'"),
        ({"params": [b], "lr": -1.0}, ValueError, "lr is at least 0"),
        ({"params": [b], "lr": "0.1"}, TypeError, "real number"),
        ({"params": [b], "nesterov": True}, ValueError, "momentum"),
        ({"lr": 0.1}, TypeError, "params"),
        ([b], TypeError, "a dict"),
    ):
        with pytest.raises(kind, match=said):
            opt.add_param_group(group)
        assert opt.state_dict() == before
    for given, kind, said in (
        (nn.MLP(2, [1]), TypeError, r"write model\.parameters\(\)"),
        ({"params": [a]}, TypeError, "list of dicts"),
        (3.0, TypeError, "list of Values"),
        ("ab", TypeError, "Values"),
        ([[a]], TypeError, "Values"),
    ):
        with pytest.raises(kind, match=said):
            optim.SGD(given, lr=0.1)
    opt.add_param_group({"params": b, "lr": 0.5})
    assert opt.parameters == [a, b] and opt.counts == [0, 0]


def test_a_group_added_later_begins_its_own_count():
    a, b = Value(1.0), Value(1.0)
    opt = optim.Adam([a], lr=0.1)
    for _ in range(5):
        a.grad = 1.0
        opt.step()
    opt.add_param_group({"params": [b]})
    a.grad = b.grad = 1.0
    opt.step()
    assert b.data == pytest.approx(0.9, rel=1e-7)  # Adam's first step is as long as the rate
    assert opt.counts == [6, 1]


def test_a_momentum_that_is_switched_on_begins_with_the_gradient():
    p = Value(1.0)
    opt = optim.SGD([p], lr=0.1)
    p.grad = 1.0
    opt.step()
    opt.momentum = 0.5
    for expected in (0.8, 0.65):
        p.grad = 1.0
        opt.step()
        assert p.data == pytest.approx(expected)


# Tied layers ------------------------------------------------------------------------------


def tied():
    random.seed(4)
    model = nn.MLP(2, [2, 2, 1])
    model.layers[1] = model.layers[0]
    return model


def test_a_parameter_that_is_there_twice_is_one_everywhere(tmp_path):
    model = tied()
    n = 9
    assert model.parameter_count() == len(model.parameters()) == len(set(model.parameters())) == n
    assert len(model.named_parameters()) == len(model.state_dict()) == n
    both = [*model.layers[0].parameters(), *model.layers[1].parameters()]
    opt = optim.SGD(both, lr=0.1)
    assert len(opt.parameters) == len(opt.state) == 6
    p = both[0]
    for clip in (optim.clip_grad_norm, optim.clip_grad_value):
        p.grad = 5.0
        clip([p, p], 1.0)
        assert p.grad == pytest.approx(1.0, rel=1e-5)
    assert losses.l2([p, p]).data == p.data**2
    assert losses.l1([p, p]).data == abs(p.data)
    assert losses.l2([0.5, 0.5]) == 0.5
    w = [Value(3.0), Value(4.0)]
    assert losses.max_norm([*w, *w], 1.0) == 5.0
    assert [x.data for x in w] == pytest.approx([0.6, 0.8])
    model.save(tmp_path / "m.json")
    other = tied()
    other.parameters()[0].data = 7.0
    assert other.load(tmp_path / "m.json").state_dict() == model.state_dict()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.parameter_count() == n and twin.layers[0] is twin.layers[1]
    neuron = nn.Neuron(2)
    neuron.w[1] = neuron.w[0]
    assert neuron.parameter_count() == len(neuron.parameters()) == 2

    class Own(nn.Module):
        def parameters(self):
            return model.layers[0].parameters() + model.layers[1].parameters()

    assert Own().parameter_count() == len(Own().state_dict()) == 6


@pytest.mark.parametrize("backend", BACKENDS)
def test_tied_layers_train_alike_in_every_loop(backend):
    xs, ys = data.moons(10)
    model, eager = tied(), tied()
    listed = [p for layer in model.layers for p in layer.parameters()]  # some of them twice
    fast = mg.jit(lambda x, y: losses.logistic(model(x), y), parameters=listed, backend=backend)
    opt, by_hand = (optim.SGD(m.parameters(), lr=0.1, momentum=0.5) for m in (model, eager))
    assert len(fast.parameters) == 9
    value, gradient = fast.value_and_grad(xs, ys)
    mg.mean([losses.logistic(eager(x), y) for x, y in zip(xs, ys)]).backward()
    assert list(gradient) == pytest.approx([p.grad for p in eager.parameters()], rel=1e-12)
    fast.backward(xs, ys)
    assert [p.grad for p in model.parameters()] == pytest.approx(list(gradient))
    fast.fit(xs, ys, opt, steps=3, progress=False)
    for _ in range(3):
        by_hand.zero_grad()
        mg.mean([losses.logistic(eager(x), y) for x, y in zip(xs, ys)]).backward()
        by_hand.step()
    found, expected = model.state_dict(), eager.state_dict()
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-12)
    assert math.isfinite(value)


def test_keys_that_are_written_alike_lose_no_parameter(tmp_path):
    class Table(nn.Module):
        def __init__(self):
            self.rows = {1: Value(1.0), "1": Value(2.0), "a.b": Value(3.0), "a": {"b": Value(4.0)}}

    table, other = Table(), Table()
    assert sorted(table.state_dict().values()) == [1.0, 2.0, 3.0, 4.0]
    for i, p in enumerate(table.parameters()):
        p.data = 10.0 + i
    table.save(tmp_path / "t.json")
    other.load(tmp_path / "t.json")
    assert [p.data for p in other.parameters()] == [10.0, 11.0, 12.0, 13.0]


# Settings that change between steps ---------------------------------------------------------------

CHANGES = {
    "momentum off": (optim.SGD, {"momentum": 0.9, "dampening": 0.5}, {"momentum": 0.0}),
    "momentum on": (optim.SGD, {}, {"momentum": 0.9}),
    "centered on": (optim.RMSprop, {"momentum": 0.9}, {"centered": True}),
    "centered off": (optim.RMSprop, {"momentum": 0.9, "centered": True}, {"centered": False}),
    "momentum beside centered": (optim.RMSprop, {"centered": True}, {"momentum": 0.5}),
    "momentum away": (optim.RMSprop, {"momentum": 0.9, "centered": True}, {"momentum": 0.0}),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_setting_that_changes_between_steps(name, backend):
    """Each loop goes on as the eager one does, and so does one that was saved in between."""
    kind, first, later = CHANGES[name]
    paths = []
    for compiled in (False, True):
        p = [Value(1.0), Value(-0.5)]
        loss = mg.jit(lambda p=p: (p[0] * p[0] + p[1] * 3.0) ** 2, parameters=p, backend=backend)
        optimizer = kind(p, lr=0.01, **first)
        path = []
        for settings in (first, later, first, later):
            for key, x in {**dict.fromkeys(later, 0.0), **settings}.items():
                setattr(optimizer, key, bool(x) if key == "centered" else x)
            twin = kind(p, lr=0.01)
            twin.load_state_dict(json.loads(json.dumps(optimizer.state_dict())))
            assert len(twin.state[0]) >= len(optimizer.first_state())
            optimizer = twin
            if compiled:
                loss.fit(optimizer, steps=3, progress=False)
            else:
                for _ in range(3):
                    optimizer.zero_grad()
                    ((p[0] * p[0] + p[1] * 3.0) ** 2).backward()
                    optimizer.step()
            path += [v.data for v in p]
        paths.append(path)
    assert all(map(math.isfinite, paths[0]))
    assert paths[1] == pytest.approx(paths[0], rel=1e-12)


def test_without_momentum_a_step_is_the_gradient_whatever_was_remembered():
    p = Value(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.5)
    p.grad = 1.0
    optimizer.step()
    optimizer.momentum, before = 0.0, p.data
    optimizer.step()
    assert before - p.data == pytest.approx(0.1)  # PyTorch's
    assert optimizer.state == [(1.0,)]


def test_a_group_added_under_a_warmup_follows_the_schedule_behind_it():
    optimizer = optim.SGD([Value(0.0)], lr=1.0)
    schedule = optim.WarmupLR(optimizer, 2, optim.StepLR(optimizer, 1, gamma=0.5))
    schedule.step()
    schedule.step()
    optimizer.add_param_group({"params": [Value(1.0)], "lr": 0.5})
    schedule.step()
    assert schedule.get_last_lr() == [0.5, 0.25]


def test_a_list_of_least_rates_says_that_a_group_was_added():
    optimizer = optim.SGD([Value(0.0)], lr=1.0)
    schedule = optim.ReduceLROnPlateau(optimizer, min_lr=[0.1], patience=0)
    schedule.step(1.0)
    optimizer.add_param_group({"params": [Value(1.0)], "lr": 0.5})
    with pytest.raises(ValueError, match="ReduceLROnPlateau: 1 min_lr for 2 groups"):
        schedule.step(1.0)
