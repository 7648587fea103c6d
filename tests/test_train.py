"""`fit`: what it leaves behind, however training ends; and what a model learns by it."""

from __future__ import annotations

import math
import random
import signal
from itertools import pairwise

import pytest

import micrograd as mg
from micrograd import Value, data, losses, nn, optim
from micrograd.train import Diverged, History, accuracy, evaluate, fit, predict

pytestmark = pytest.mark.once


def small(seed=0, lr=0.1, kind=optim.Adam, hidden=4):
    random.seed(seed)
    model = nn.MLP(2, [hidden, 1], activation="tanh", init="xavier")
    return model, kind(model.parameters(), lr=lr)


def run(model, opt, points, **more):
    return fit(model, losses.logistic, points, opt, progress=False, **more)


MOONS = data.moons(30, noise=0.1, seed=1)
OTHERS = data.moons(20, noise=0.3, seed=2)


# The loop ---------------------------------------------------------------------------------


def test_the_steps_are_those_of_a_loop_written_by_hand():
    model, opt = small()
    history = run(model, opt, MOONS, epochs=5)
    hand, by_hand = small()
    for epoch in range(5):
        by_hand.zero_grad()
        loss = mg.mean([losses.logistic(hand(x), y) for x, y in zip(*MOONS)])
        assert history.loss[epoch] == loss.data
        loss.backward()
        by_hand.step()
    assert model.state_dict() == hand.state_dict()
    assert history.best == 4
    assert history.judged == [*history.loss[1:], evaluate(model, losses.logistic, MOONS)]
    assert history.held_out == []


@pytest.mark.parametrize("size", [None, 7, 30, 100])
@pytest.mark.parametrize("held_out", [None, OTHERS])
def test_the_model_is_left_after_its_best_epoch(size, held_out):
    model, opt = small(lr=0.8)  # too large: the loss jumps up and down
    history = run(model, opt, MOONS, epochs=25, batch_size=size, held_out=held_out)
    assert len(history.loss) == len(history.judged) == 25
    assert history.best == history.judged.index(min(history.judged))
    left = evaluate(model, losses.logistic, held_out or MOONS)
    assert left == pytest.approx(min(history.judged), rel=1e-13)
    assert history.held_out == (history.judged if held_out else [])
    assert not model.training


def test_batches_are_fixed_by_the_seed():
    ends = []
    for seed in (1, 1, 2):
        model, opt = small()
        random.seed(seed * 100)  # what else is drawn does not matter
        run(model, opt, MOONS, epochs=3, batch_size=8, seed=seed)
        ends.append(model.state_dict())
    assert ends[0] == ends[1] != ends[2]


def test_a_penalty_is_part_of_the_loss():
    model, opt = small(kind=optim.SGD, lr=0.0)
    plain = evaluate(model, losses.logistic, MOONS)
    weights = losses.l2(model.parameters()).data
    for size in (None, 10):
        history = run(
            model, opt, MOONS, epochs=1, batch_size=size,
            penalty=lambda: 0.1 * losses.l2(model.parameters()),
        )  # fmt: skip
        assert history.loss[0] == pytest.approx(plain + 0.1 * weights)
        assert history.judged[0] == pytest.approx(plain + 0.1 * weights)


def test_it_stops_early_once_nothing_gets_better():
    model, opt = small(hidden=16, lr=0.3)
    history = run(model, opt, MOONS, epochs=500, held_out=OTHERS, patience=5)
    assert len(history.loss) < 500
    assert len(history.held_out) - 1 - history.best == 5
    assert min(history.held_out) == history.held_out[history.best]


def test_schedule_and_hooks_are_called_in_their_places():
    model, opt = small(kind=optim.SGD, lr=0.5)
    calls = []

    class Noting(optim.StepLR):
        def step(self):
            calls.append("schedule")
            super().step()

    def before():
        assert any(p.grad for p in model.parameters())
        optim.clip_grad_norm(model.parameters(), 1e-3)
        calls.append("before")

    old = model.state_dict()
    run(
        model, opt, MOONS, epochs=2, batch_size=15, schedule=Noting(opt, 2, 0.1),
        before_step=before, after_step=lambda: calls.append("after"),
    )  # fmt: skip
    assert calls == ["before", "schedule", "after"] * 4
    assert opt.lr == pytest.approx(0.5 * 0.1**2)
    moved = math.hypot(*[p - q for p, q in zip(model.state_dict().values(), old.values())])
    assert moved <= 1e-3 * 0.5 * 2.3


def test_max_norm_bounds_the_weights_after_each_step():
    model, opt = small(kind=optim.SGD, lr=5.0)

    def bound():
        for layer in model.layers:
            for n in layer.neurons:
                losses.max_norm(n.w, 0.5)

    run(model, opt, MOONS, epochs=10, after_step=bound)
    for layer in model.layers:
        for n in layer.neurons:
            assert math.hypot(*[w.data for w in n.w]) <= 0.5 + 1e-12


# Ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 10])
@pytest.mark.parametrize("at", [0, 1, 7, 20])
def test_ctrl_c_in_the_middle_leaves_the_best_state(size, at):
    calls = 0
    states = []

    def loss(out, y):
        nonlocal calls
        calls += 1
        if calls == 1 + at * 33:
            raise KeyboardInterrupt
        return losses.logistic(out, y)

    model, opt = small(lr=0.5)
    states.append(model.state_dict())
    history = fit(
        model, loss, MOONS, opt, epochs=100, batch_size=size, progress=False,
        after_step=lambda: states.append(model.state_dict()),
    )  # fmt: skip
    assert history.interrupted
    assert len(history.loss) < 100
    assert not model.training
    steps = 1 if size is None else 3
    assert model.state_dict() == states[(history.best + 1) * steps]
    if history.best >= 0:
        left = evaluate(model, losses.logistic, MOONS)
        assert left == pytest.approx(min(history.judged), rel=1e-13)


def test_ctrl_c_within_a_step_does_not_leave_half_of_it(monkeypatch):
    model, opt = small()
    update, calls = opt.update, 0

    def slow(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3 * len(opt.parameters) + 5:
            raise KeyboardInterrupt
        return update(*arguments)

    monkeypatch.setattr(opt, "update", slow)
    history = run(model, opt, MOONS, epochs=10)
    assert history.interrupted
    assert history.best == 2
    hand, by_hand = small()
    run(hand, by_hand, MOONS, epochs=3)
    assert model.state_dict() == hand.state_dict()


@pytest.mark.parametrize("size", [None, 10])
@pytest.mark.parametrize("held_out", [None, OTHERS])
def test_a_loss_that_is_not_finite_is_an_error_and_the_model_stays_at_its_best(size, held_out):
    random.seed(0)
    model = nn.MLP(2, [3, 1])
    opt = optim.SGD(model.parameters(), lr=1e6)
    with pytest.raises(
        Diverged, match=r"the loss is (nan|inf) in epoch \d+.*learning rate"
    ) as told:
        fit(
            model, losses.squared_error, MOONS, opt, batch_size=size, held_out=held_out,
            epochs=1000, progress=False,
        )  # fmt: skip
    history = told.value.history
    assert isinstance(history, History)
    assert isinstance(told.value, ValueError)
    assert all(math.isfinite(p.data) for p in model.parameters())
    if history.judged:
        left = evaluate(model, losses.squared_error, held_out or MOONS)
        assert left == pytest.approx(min(history.judged), rel=1e-12)


def test_an_error_in_the_loss_passes_through_and_leaves_the_best_state():
    model, opt = small()
    before = model.state_dict()

    def broken(out, y):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fit(model, broken, MOONS, opt, progress=False)
    assert model.state_dict() == before
    with pytest.raises(ValueError, match="2 examples and 1 targets"):
        run(model, opt, ([[0, 0], [1, 1]], [0]))
    with pytest.raises(ValueError, match="at least 1"):
        run(model, opt, MOONS, batch_size=0)


def test_progress_is_shown_on_request(capsys):
    model, opt = small()
    fit(model, losses.logistic, MOONS, opt, epochs=2, held_out=OTHERS)
    assert "held out=" in capsys.readouterr().err
    run(model, opt, MOONS, epochs=1)
    assert capsys.readouterr().err == ""


# Models ----------------------------------------------------------------------------------


def test_a_model_with_batch_norm_is_given_whole_batches():
    random.seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm(8), nn.Tanh(), nn.Linear(8, 1))
    opt = optim.Adam(model.parameters(), lr=0.05)
    history = run(model, opt, MOONS, epochs=30, batch_size=15)
    assert history.judged[-1] < history.judged[0]
    assert model[1].running_mean != [0.0] * 8
    assert accuracy(model, *MOONS) > 0.85


def test_judging_leaves_modes_and_statistics_alone_and_records_nothing():
    random.seed(0)
    frozen = nn.BatchNorm(2).eval()
    model = nn.Sequential(frozen, nn.Dropout(0.5), nn.Linear(2, 1))
    before = model.state_dict()
    first = evaluate(model, losses.logistic, MOONS)
    assert first == evaluate(model, losses.logistic, MOONS)
    predict(model, MOONS[0])
    assert model.state_dict() == before
    assert [m.training for m in model.modules()] == [True, False, True, True, True]
    assert all(p.grad == 0 for p in model.parameters())


def test_predictions_of_one_score_and_of_several():
    assert predict(nn.Sequential(lambda x: x[0]), [[0.5], [-0.5], [0.0]]) == [1, 0, 0]
    assert predict(nn.Sequential(lambda x: x), [[1.0, 3.0, 2.0], [5.0, 5.0, 0.0]]) == [1, 0]
    identity = nn.Sequential(lambda x: Value(x[0]))
    assert accuracy(identity, [[1.0], [-1.0], [2.0]], [1, -1, -1]) == pytest.approx(2 / 3)
    assert accuracy(identity, [[1.0], [-1.0], [2.0]], [1, 0, 0]) == pytest.approx(2 / 3)


def test_arrays_are_taken():
    np = pytest.importorskip("numpy")
    ends = []
    for points in (MOONS, (np.array(MOONS[0]), np.array(MOONS[1]))):
        model, opt = small()
        run(model, opt, points, epochs=2, held_out=points)
        ends.append(model.state_dict())
    assert ends[0] == ends[1]


def test_moons_are_separated_without_a_mistake():
    random.seed(1337)
    points = data.moons(100, noise=0.1, seed=1337)
    model = nn.MLP(2, [16, 16, 1])
    opt = optim.Adam(model.parameters(), lr=0.05)
    run(model, opt, points, epochs=60)
    assert accuracy(model, *points) == 1.0


def test_iris_is_learned_and_generalizes():
    xs, ys = data.iris()
    train_x, test_x, train_y, test_y = data.split(xs, ys, test=0.3, seed=1)
    train_x, test_x = data.standardize(train_x, test_x)
    random.seed(2)
    model = nn.MLP(4, [8, 3], activation="tanh", init="xavier")
    opt = optim.Adam(model.parameters(), lr=0.05)
    fit(
        model,
        losses.cross_entropy,
        (train_x, train_y),
        opt,
        epochs=25,
        batch_size=32,
        progress=False,
    )
    assert accuracy(model, test_x, test_y) >= 0.93


def length_of_boundary(model, n=30):
    """How many neighbours on a grid are told apart."""
    steps = [i / (n - 1) for i in range(n)]
    said = predict(model, [[5 * a - 2, 4 * b - 1.5] for b in steps for a in steps])
    rows = [said[i : i + n] for i in range(0, n * n, n)]
    across = sum(a != b for row in rows for a, b in pairwise(row))
    return across + sum(a != b for row, other in pairwise(rows) for a, b in zip(row, other))


def test_stronger_regularization_makes_smaller_weights_and_a_smoother_boundary():
    points = data.moons(60, noise=0.35, seed=5)
    weight, edge, error = [], [], []
    for strength in (0.0, 0.002, 0.02):
        random.seed(3)
        model = nn.MLP(2, [12, 1], activation="tanh", init="xavier")
        weights = [w for layer in model.layers for n in layer.neurons for w in n.w]
        opt = optim.Adam(model.parameters(), lr=0.1)
        run(model, opt, points, epochs=150, penalty=lambda s=strength, w=weights: s * losses.l2(w))
        weight.append(math.sqrt(losses.l2(weights).data))
        edge.append(length_of_boundary(model))
        error.append(evaluate(model, losses.logistic, points))
    assert weight[0] > 2 * weight[1] > 2.2 * weight[2]
    assert edge[0] > 1.5 * max(edge[1:])  # winds around single points, then no longer
    assert error == sorted(error)


def test_stronger_regularization_widens_the_margin_of_a_linear_classifier():
    rng = random.Random(1)
    points = [[rng.gauss(m, 0.5), rng.gauss(m, 0.5)] for m in (1, -1) for _ in range(15)]
    labels = [1] * 15 + [-1] * 15
    widths = []
    for strength in (0.001, 0.01, 0.1):
        neuron = nn.Neuron(2, nonlin=False, init="zeros")
        opt = optim.SGD(neuron.parameters(), lr=0.1)
        fit(
            neuron, losses.hinge, (points, labels), opt, epochs=150, progress=False,
            penalty=lambda s=strength, n=neuron: s * losses.l2(n.w),
        )  # fmt: skip
        assert accuracy(neuron, points, labels) >= 0.9
        widths.append(2 / math.hypot(*[w.data for w in neuron.w]))
    assert widths == sorted(widths)
    assert widths[-1] > 1.3 * widths[0]


# Judging ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 10])
def test_epochs_are_judged_with_dropout_off(size):
    random.seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    opt = optim.SGD(model.parameters(), lr=0.0)  # so that the model stays the same
    right = evaluate(model, losses.logistic, MOONS)
    history = run(model, opt, MOONS, epochs=4, batch_size=size)
    assert history.judged == pytest.approx([right] * 4)
    assert history.best == 0
    assert len(set(history.loss)) > 1  # while it learned, dropout was on


def test_data_that_do_not_fit_are_said_at_once():
    model, opt = small()
    before = model.state_dict()
    for points, more, kind, said in (
        (MOONS, {"held_out": ([], [])}, ValueError, "held_out: 0 examples and 0 targets"),
        (MOONS, {"held_out": ([[0, 0]], [])}, ValueError, "held_out: 1 examples and 0 targets"),
        (MOONS, {"held_out": [[0, 0]]}, TypeError, "held_out: data is a pair"),
        (([], []), {}, ValueError, "0 examples"),
        (({"a": 1}, [1]), {}, TypeError, "list of examples"),
        (("ab", [1, 0]), {}, TypeError, "list of examples"),
        (MOONS, {"epochs": -1}, ValueError, "epochs is at least 0"),
        (MOONS, {"epochs": 2.5}, TypeError, "whole number"),
        (MOONS, {"patience": -1}, ValueError, "patience is at least 0"),
        (MOONS, {"batch_size": 2.5}, TypeError, "whole number"),
    ):
        with pytest.raises(kind, match=said):
            run(model, opt, points, **more)
        assert model.state_dict() == before and opt.steps == 0
    with pytest.raises(ValueError, match="0 examples"):
        evaluate(model, losses.logistic, ([], []))
    with pytest.raises(ValueError, match="0 examples"):
        accuracy(model, [], [])
    with pytest.raises(ValueError, match="1 examples and 2 targets"):
        accuracy(model, [[0, 0]], [1, 0])


def test_masked_arrays_are_refused_where_something_is_masked():
    np = pytest.importorskip("numpy")
    xs = np.array(MOONS[0])
    model, opt = small()
    with pytest.raises(ValueError, match="masked"):
        run(model, opt, (np.ma.array(xs, mask=xs > 0.5), MOONS[1]), epochs=1)
    run(model, opt, (np.ma.array(xs, mask=False), MOONS[1]), epochs=1)
    assert opt.steps == 1


def test_ctrl_c_does_not_come_between_a_step_and_its_schedule():
    model, opt = small(kind=optim.SGD, lr=1.0)

    class Slow(optim.StepLR):
        def step(self):
            if self.t == 3:
                signal.raise_signal(signal.SIGINT)
            super().step()

    schedule = Slow(opt, 1, 0.5)
    history = run(model, opt, MOONS, epochs=50, schedule=schedule)
    assert history.interrupted
    assert schedule.t == opt.steps == 4 and opt.lr == 0.5**4


@pytest.mark.parametrize("strange", [math.nan, math.inf])
def test_numbers_in_the_data_are_no_fault_of_the_learning_rate(strange):
    model, opt = small()
    with pytest.raises(Diverged, match=r"on held_out is (nan|inf) in epoch 0.*look at held_out"):
        fit(model, losses.squared_error, ([[1.0, 2.0]], [1.0]), opt, progress=False,
            held_out=([[1.0, 2.0]], [strange]))  # fmt: skip
    with pytest.raises(Diverged, match=r"No step was taken: look at the data"):
        fit(model, losses.squared_error, ([[1.0, math.nan]], [1.0]), opt, progress=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": None}, "the model is a Module"),
        ({"model": abs}, "the model is a Module"),
        ({"model": nn.MLP}, "make one, with brackets"),
        ({"optimizer": None}, r"has zero_grad\(\) and step\(\)"),
        ({"optimizer": optim.SGD}, r"has zero_grad\(\) and step\(\)"),
        ({"optimizer": optim.Newton([Value(1.0)])}, r"has zero_grad\(\) and step\(\)"),
        ({"optimizer": optim.SGD([Value(1.0)])}, "moves none of the model's parameters"),
        ({"loss": None}, "the loss is a function"),
        ({"loss": "mse"}, "the loss is a function"),
        ({"loss": lambda out, y: (out.data - y) ** 2}, "a number without a gradient"),
        ({"loss": lambda out, y: 1.0}, "a number without a gradient"),
        ({"penalty": 5}, "penalty is a function"),
        ({"penalty": lambda: None}, r"what penalty\(\) gives: a real number"),
        ({"before_step": 5}, "before_step is a function"),
        ({"after_step": "x"}, "after_step is a function"),
        ({"adversarial": True}, "adversarial"),
    ],
)
def test_arguments_that_make_no_sense_change_nothing(changes, words):
    model, opt = small()
    before = model.state_dict()
    call = {"model": model, "loss": losses.squared_error, "optimizer": opt, **changes}
    with pytest.raises((TypeError, ValueError), match=words):
        fit(data=([[1.0, 2.0]], [1.0]), progress=False, epochs=1, **call)
    assert model.state_dict() == before and opt.steps == 0


def test_judging_asks_for_a_module():
    for judge in (predict, accuracy):
        with pytest.raises(TypeError, match="the model is a Module"):
            judge(abs, *([[1.0]], [1])[: 1 + (judge is accuracy)])
