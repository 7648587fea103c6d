"""Losses against PyTorch's recorded figures and finite differences; penalties; the lesson."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.core.sort import toposort

pytestmark = pytest.mark.core

CASES = json.loads((Path(__file__).with_name("recorded") / "losses.json").read_text())


def computed(name, xs):
    case = CASES[name]
    kind, target = name.split()[0], case["target"]
    if kind in ("logistic", "hinge"):
        return getattr(losses, kind)(xs[0], target)
    more = {key: case[key] for key in ("delta", "margin") if key in case}
    return getattr(losses, kind)(xs, target, **more)


@pytest.mark.parametrize("name", CASES)
def test_losses_and_their_gradients_are_those_of_pytorch(name):
    case = CASES[name]
    xs = [Value(x) for x in case["input"]]
    loss = computed(name, xs)
    loss.backward()
    # PyTorch's own softplus and softmax keep fewer digits where they are nearly 0.
    assert loss.data == pytest.approx(case["loss"], rel=1e-12, abs=1e-15)
    assert [x.grad for x in xs] == pytest.approx(case["gradient"], rel=1e-12, abs=1e-15)
    # On floats the same number, without a graph.
    assert computed(name, case["input"]) == loss.data


def test_every_loss_by_finite_differences():
    rows = [0.3, -1.2, 2.0]
    for loss in (
        lambda *x: losses.squared_error(list(x), [1.0, 0.5, -0.5]),
        lambda *x: losses.huber(list(x), [1.0, 0.5, -0.5]),
        lambda *x: losses.logistic(list(x), [1, 0, 0.3]),
        lambda *x: losses.hinge(list(x), [1, -1, 1]),
        lambda *x: losses.cross_entropy(list(x), 1),
        lambda *x: losses.cross_entropy(list(x), [0.2, 0.5, 0.3]),
        lambda *x: losses.multiclass_hinge(list(x), 2),
        lambda *x: losses.clipped_error(list(x), [1.0, 0.5, -0.5], bound=5.0),
        lambda *x: losses.l1(x),
        lambda *x: losses.l2(x),
    ):
        assert mg.check_grad(loss, *rows)
    assert mg.check_grad(lambda *x: losses.logistic(list(x), [1, 0, 0.3]), *rows, order=2)
    assert mg.check_grad(lambda *x: losses.cross_entropy(list(x), 1), *rows, order=2)


def test_targets_that_are_values_give_the_same_as_numbers():
    # As in a traced function, where the targets are inputs.
    xs = [0.3, -1.2, 2.0]
    assert losses.logistic(0.7, Value(1.0)).data == losses.logistic(0.7, 1)
    assert losses.hinge(0.7, Value(-1.0)).data == losses.hinge(0.7, -1)
    assert losses.cross_entropy(xs, Value(2.0)).data == losses.cross_entropy(xs, 2)
    assert losses.squared_error(0.7, Value(2.0)).data == losses.squared_error(0.7, 2.0)
    for k in range(3):
        found = losses.multiclass_hinge(list(map(Value, xs)), Value(k))
        assert found.data == losses.multiclass_hinge(xs, k)


def test_the_margin_is_1_unless_another_is_given():
    assert losses.multiclass_hinge([1.0, 3.0, 2.5, -1.0], 1) == 0.125
    assert losses.multiclass_hinge([1.0, 3.0, 2.5, -1.0], 1, margin=2.0) == 0.375


def test_sure_models_keep_their_digits():
    for z in (20.0, 40.0, 700.0):
        x = Value(z)
        loss = losses.logistic(x, 1)
        loss.backward()
        assert loss.data == pytest.approx(math.exp(-z), rel=1e-8)
        assert x.grad == pytest.approx(-math.exp(-z), rel=1e-8)
        a, b = Value(z), Value(0.0)
        loss = losses.cross_entropy([a, b], 0)
        loss.backward()
        assert loss.data == pytest.approx(math.exp(-z), rel=1e-8)
        assert a.grad == pytest.approx(-math.exp(-z), rel=1e-8)


def test_a_model_that_is_certain_pays_nothing_or_everything():
    for z, y, loss in ((math.inf, 1, 0.0), (-math.inf, 0, 0.0), (-math.inf, 1, math.inf)):
        assert losses.logistic(z, y) == loss


def test_two_classes_are_a_softmax_over_two_logits():
    for z in (-3.0, 0.0, 0.5, 10.0):
        assert losses.logistic(z, 1) == pytest.approx(losses.cross_entropy([0.0, z], 1), rel=1e-14)


def test_wrong_targets_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"hinge: y is 1 or -1, not 0"):
        losses.hinge(0.5, 0)
    for y in (-1, -0.5, 1.5, 2, math.nan):
        with pytest.raises(ValueError, match=rf"logistic: y is 1 or 0, not {y}"):
            losses.logistic(0.5, y)
    for loss in (losses.cross_entropy, losses.multiclass_hinge):
        for target in (3, 4, -1, 0.5):
            sentence = f"{loss.__name__}: class {target} of 3 classes, counted from 0"
            with pytest.raises(ValueError, match=sentence):
                loss([1.0, 2.0, 3.0], target)
    for n in (2, 4):
        with pytest.raises(ValueError, match=f"{n} probabilities for 3 logits"):
            losses.cross_entropy([1.0, 2.0, 3.0], [0.25] * n)
    with pytest.raises(ValueError, match="2 predictions for 3 targets"):
        losses.squared_error([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="2 predictions for 1 targets"):
        losses.squared_error([1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="0 predictions"):
        losses.logistic([], [])
    for delta in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="delta"):
            losses.huber(1.0, 2.0, delta=delta)


def test_classes_that_cannot_be_cost_nothing_and_no_node():
    xs = [Value(x) for x in (0.3, -1.2, 2.0)]
    y = losses.cross_entropy(xs, [0, 1.0, 0])
    assert y.data == losses.cross_entropy(xs, 1).data
    assert [v._op for v in toposort(y)[1]] == ["nll(1)", "weighed", "sum"]
    for n in (1, 2):
        nothing = losses.cross_entropy(xs[:n], [0.0] * n)
        nothing.backward()
        assert (nothing.data, xs[0].grad) == (0.0, 0.0)
    weights = (-1.0, 2.0)
    found = [losses.cross_entropy([0.3, -1.2], k) for k in (0, 1)]
    assert losses.cross_entropy([0.3, -1.2], weights) == mg.dot(weights, found)


# The lesson of the clipped error ----------------------------------------------------------


def test_clipping_the_error_kills_the_gradient_and_huber_clips_it():
    for error in (-7.0, -1.5, -0.5, 0.25, 30.0):
        a, b = Value(error + 2.0), Value(error + 2.0)
        losses.clipped_error(a, 2.0).backward()
        losses.huber(b, 2.0).backward()
        assert a.grad == (error if abs(error) < 1 else 0.0)
        assert b.grad == max(-1.0, min(1.0, error))


def test_far_predictions_learn_with_huber_and_never_with_the_clipped_error():
    ends = {}
    for loss in (losses.huber, losses.clipped_error):
        q = Value(10.0)
        opt = optim.SGD([q], lr=0.5)
        for _ in range(40):
            opt.zero_grad()
            loss(q, 0.0).backward()
            opt.step()
        ends[loss] = q.data
    assert ends[losses.clipped_error] == 10.0
    assert abs(ends[losses.huber]) < 1e-3


# Penalties --------------------------------------------------------------------------------


def test_l2_is_twice_a_weight_decay():
    paths = []
    for decay, strength in ((0.2, 0.0), (0.0, 0.1)):
        w = Value(1.5)
        opt = optim.SGD([w], lr=0.1, weight_decay=decay)
        for _ in range(10):
            opt.zero_grad()
            (losses.squared_error(2 * w, 1.0) + strength * losses.l2([w])).backward()
            opt.step()
        paths.append(w.data)
    assert paths[0] == pytest.approx(paths[1], rel=1e-13)


def test_a_weight_that_is_tied_is_pulled_once():
    v, w = Value(3.0), Value(-2.0)
    assert (losses.l1([w, v, w]).data, losses.l2([v, w, v, w]).data) == (5.0, 13.0)
    assert (losses.l1([1.0, 1.0]), losses.l2([2.0, 2.0])) == (2.0, 8.0)


def test_l1_sets_weights_to_zero_that_l2_only_shrinks():
    # Least squares in one weight with a pull of strength s: l1 stops at 0 below s.
    ends = {}
    for name, penalty in (("l1", losses.l1), ("l2", losses.l2)):
        w = Value(1.0)
        opt = optim.SGD([w], lr=0.01)
        for _ in range(2000):
            opt.zero_grad()
            ((w - 0.3) ** 2 + 1.0 * penalty([w])).backward()
            opt.step()
        ends[name] = w.data
    assert abs(ends["l1"]) < 0.03
    assert ends["l2"] == pytest.approx(0.15, abs=1e-3)


def test_max_norm_shrinks_the_long_and_leaves_the_short():
    short = [Value(0.3), Value(-0.4)]
    assert losses.max_norm(short, 1.0) == pytest.approx(0.5)
    assert [w.data for w in short] == [0.3, -0.4]
    neuron = nn.Neuron(3)
    for w, x in zip(neuron.w, (3.0, -4.0, 12.0)):
        w.data = x
    assert losses.max_norm(neuron.w, 2.0) == 13.0
    assert [w.data for w in neuron.w] == pytest.approx([6 / 13, -8 / 13, 24 / 13])
    assert math.hypot(*[w.data for w in neuron.w]) == pytest.approx(2.0)
    for limit in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive number"):
            losses.max_norm(short, limit)


def test_stronger_regularization_leaves_smaller_weights():
    random.seed(0)
    points = [([random.gauss(m, 1), random.gauss(m, 1)], y) for m, y in [(1, 1), (-1, 0)] * 15]
    lengths = []
    for strength in (0.0, 0.01, 0.1, 1.0):
        random.seed(1)
        neuron = nn.Neuron(2, nonlin=False)
        opt = optim.SGD(neuron.parameters(), lr=0.2)
        for _ in range(150):
            opt.zero_grad()
            loss = mg.mean([losses.logistic(neuron(x), y) for x, y in points])
            (loss + strength * losses.l2(neuron.w)).backward()
            opt.step()
        lengths.append(math.hypot(*[w.data for w in neuron.w]))
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < 0.3 * lengths[0]


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: losses.cross_entropy(0.0, 0), "cross_entropy: what it takes is a list"),
        (lambda: losses.cross_entropy([1.0, 2.0], None), "cross_entropy: the target: a real"),
        (lambda: losses.cross_entropy({0: 1.0, 1: 2.0}, 0), "cross_entropy: what it takes is a"),
        (lambda: losses.multiclass_hinge(0.0, 0), "multiclass_hinge: what it takes is a list"),
        (lambda: losses.multiclass_hinge([1.0], "a"), "multiclass_hinge: the target: a real"),
        (lambda: losses.squared_error("12", [1.0, 2.0]), "squared_error: the prediction: a real"),
        (lambda: losses.cross_entropy("12", 0), "cross_entropy: what it takes is a list"),
        (lambda: losses.squared_error(None, 1.0), "squared_error: the prediction: a real"),
        (lambda: losses.squared_error([1.0], ["a"]), "squared_error: a target: a real number"),
        (lambda: losses.logistic(1.0, None), "logistic: the target: a real number"),
        (lambda: losses.l2(nn.MLP(2, [1])), r"write model.parameters\(\)"),
        (lambda: losses.l1(1.0), "a list of numbers, such as model.parameters"),
        (lambda: mg.softmax(1.0), "softmax: a list of numbers is needed, not 1.0"),
    ],
    ids=range(13),
)
def test_what_a_loss_cannot_take_is_refused_in_a_sentence(ask, sentence):
    with pytest.raises(TypeError, match=sentence):
        ask()


def test_a_dict_is_no_list_of_numbers():
    p = Value(1.0)
    for loss in (losses.squared_error, losses.huber, losses.logistic, losses.hinge):
        for pair in (({0: p}, 0.0), ([p], {0: 1.0}), ({p}, 1.0)):
            with pytest.raises(TypeError, match="is a number, or a list in order"):
                loss(*pair)


def test_bounds_are_numbers_and_weights_are_moved_together():
    weights = [Value(3.0), 4.0]
    for bad in (None, "x", True, 0.0, -1.0, math.nan, [1.0]):
        for call in (
            lambda bad: losses.max_norm([Value(3.0)], bad),
            lambda bad: losses.huber(1.0, 2.0, bad),
            lambda bad: losses.clipped_error(1.0, 2.0, bad),
        ):
            with pytest.raises((TypeError, ValueError), match=r"max_norm|huber|clipped_error"):
                call(bad)
    with pytest.raises(TypeError, match="parameters are Values"):
        losses.max_norm(weights, 1.0)
    assert weights[0].data == 3.0
