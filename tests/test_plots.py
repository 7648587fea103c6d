"""Pictures of training: what is drawn is what happened. Skipped where matplotlib is missing."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

import micrograd as mg
from micrograd import Value, data, losses, nn, optim
from micrograd.train import History, fit

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

from micrograd.train import plots  # noqa: E402

pytestmark = pytest.mark.once

POINTS = data.moons(30, noise=0.1, seed=1)


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


@pytest.fixture
def model():
    random.seed(0)
    return nn.MLP(2, [4, 3, 1])


def drawn(ax):
    """The figure renders; matplotlib finds many mistakes only then."""
    ax.figure.canvas.draw()
    return ax


def test_history_shows_both_losses_and_the_best_epoch():
    history = History(loss=[3.0, 2.0, 1.0], held_out=[3.5, 2.5, 2.75], best=1)
    ax = drawn(plots.plot_history(history))
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert list(lines["training"].get_ydata()) == history.loss
    assert list(lines["held out"].get_ydata()) == history.held_out
    assert list(lines["best: 2"].get_xdata()) == [2, 2]
    assert ax.get_yscale() == "log"


def test_history_of_nothing_and_of_zeros_is_drawn():
    drawn(plots.plot_history(History()))
    ax = drawn(plots.plot_history(History(loss=[1.0, 0.0], best=1)))
    assert ax.get_yscale() == "linear"


def test_history_of_a_real_training_goes_on_given_axes(model):
    opt = optim.Adam(model.parameters(), lr=0.05)
    history = fit(model, losses.logistic, POINTS, opt, epochs=3, held_out=POINTS, progress=False)
    _, (left, right) = pyplot.subplots(1, 2)
    assert plots.plot_history(history, ax=right) is drawn(right)
    assert not left.get_lines()


def test_boundary_is_where_the_score_is_zero():
    line = nn.Neuron(2, nonlin=False)  # x1 = 0.25
    line.w[0].data, line.w[1].data, line.b.data = 2.0, 0.0, -0.5
    ax = drawn(plots.plot_boundary(line, [[-1.0, 0.0], [1.0, 1.0]], [-1, 1]))
    contours = [c for c in ax.collections if len(getattr(c, "levels", ())) == 1]
    across = {
        float(c.levels[0]): {round(float(v[0]), 9) for v in c.get_paths()[0].vertices}
        for c in contours
    }
    assert across == {-1.0: {-0.25}, 0.0: {0.25}, 1.0: {0.75}}
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["class 0", "class 1"]


def test_boundary_of_several_classes_names_them():
    random.seed(0)
    model = nn.MLP(2, [4, 3])
    points = data.spiral(30, seed=2)
    ax = drawn(plots.plot_boundary(model, *points, resolution=20, names=["a", "b", "c"]))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b", "c"]
    marks = [c.get_paths()[0].vertices.shape for c in ax.collections[-3:]]
    assert len(set(marks)) == 3  # told apart without colour


def test_boundary_leaves_the_model_as_it_was(model):
    model.train()
    plots.plot_boundary(model, *POINTS, resolution=5)
    assert all(m.training for m in model.modules())
    with pytest.raises(ValueError, match="points in the plane"):
        plots.plot_boundary(model, [[1.0, 2.0, 3.0]], [0])


def test_boundary_of_a_constant_model_is_drawn():
    neuron = nn.Neuron(2, nonlin=False, init="zeros")
    for score in (0.0, 0.3, -5.0):
        neuron.b.data = score
        drawn(plots.plot_boundary(neuron, *POINTS, resolution=5))


def test_activations_are_those_of_each_layer(model):
    found = plots.activations(model, POINTS[0])
    assert [len(v) for v in found.values()] == [30 * 4, 30 * 3, 30]
    assert found["layer 1"][:4] == [v.data for v in model.layers[0](POINTS[0][0])]
    assert found["layer 3"] == [model(x).data for x in POINTS[0]]
    axes = plots.plot_activations(model, POINTS[0])
    assert len(axes) == 3
    zeros = sum(v == 0 for v in found["layer 1"]) / 120
    assert drawn(axes[0]).get_title() == f"layer 1\n{zeros:.0%} are 0"
    assert sum(bar.get_height() for bar in axes[1].patches) == 90


def test_activations_of_a_row_of_modules_with_batch_norm():
    random.seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm(4), nn.Tanh(), lambda x: x[0])
    found = plots.activations(model, POINTS[0])
    assert [len(v) for v in found.values()] == [120, 120, 120, 30]
    drawn(plots.plot_activations(model, POINTS[0])[0])


def test_gradients_are_those_of_each_layer(model):
    losses.logistic(model(POINTS[0][0]), 1).backward()
    found = plots.gradients(model)
    assert [g for v in found.values() for g in v] == [p.grad for p in model.parameters()]
    axes = plots.plot_gradients(model)
    for ax, numbers in zip(axes, found.values()):
        assert sum(bar.get_height() for bar in drawn(ax).patches) == sum(g != 0 for g in numbers)
    assert len(plots.gradients(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.PReLU()))) == 2


def test_what_cannot_be_drawn_is_said(model):
    with pytest.raises(ValueError, match="2 axes for 3 layers"):
        plots.plot_gradients(model, axes=pyplot.subplots(1, 2)[1])
    with pytest.raises(ValueError, match="no parameters"):
        plots.plot_gradients(nn.Sequential(nn.ReLU()))
    assert plots.activations(nn.ReLU(), [[Value(1.0).data]]) == {"ReLU": [1.0]}


def test_without_matplotlib_one_sentence_says_so():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from micrograd import plots, train\n"
        "try: plots.plot_history(train.History())\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "plots need matplotlib, which is not installed: pip install matplotlib\n"


def test_history_of_a_compiled_fit_and_of_a_list():
    p = Value(1.0)
    fast = mg.jit(lambda x: (p * x - 3.0) ** 2, parameters=[p])
    fitted = fast.fit([1.0, 2.0], optim.SGD([p], lr=0.01), steps=5, progress=False)
    for given in (fitted, fitted.loss):
        ax = drawn(plots.plot_history(given))
        assert list(ax.get_lines()[0].get_ydata()) == fitted.loss
        assert ax.get_xlabel() == "step"
    with pytest.raises(TypeError, match="list of losses"):
        plots.plot_history(3.0)


def test_what_are_no_axes_is_refused():
    model = nn.Linear(2, 2)
    for draw in (
        lambda: plots.plot_gradients(model, [[1.0, 2.0]]),
        lambda: plots.plot_activations(model, [[1.0, 2.0]], [3.0]),
        lambda: plots.plot_history([1.0, 0.5], ax=5),
    ):
        with pytest.raises(TypeError, match="no axes of matplotlib"):
            draw()
