"""Watching training: loops by hand, with optimizers, train.fit, jit(...).fit; the command line."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from patients import moons

import micrograd as mg
from micrograd import losses, nn, ops, optim
from micrograd.core.observe import WATCH
from micrograd.optim.looking import LOOKERS

pytestmark = pytest.mark.once

X, Y = moons(24)


def model():
    random.seed(3)
    return nn.MLP(2, [6, 6, 1], activation="tanh")


def train(
    optimizer=None, zero="model", backward=True, once=False, late=False, steps=12, start=None
):
    """A watch after a training loop; without an optimizer parameters are moved by hand."""
    net = start or model()
    opt = optimizer and optimizer(net.parameters())
    watch = mg.watch(net)
    total = None

    def zeroed():
        if zero == "model":
            net.zero_grad()
        elif zero == "hand":
            for p in net.parameters():
                p.grad = 0.0

    for _ in range(steps):
        if not late:
            zeroed()
        if total is None or not once:
            total = ops.mean([losses.logistic(net(x), y) for x, y in zip(X, Y)])
        if late:
            zeroed()
        if backward:
            total.backward()
        if opt:
            opt.step()
        else:
            for p in net.parameters():
                p.data -= 0.1 * p.grad
    watch.close()
    assert type(net) is nn.MLP
    assert not LOOKERS
    assert not WATCH.active
    return watch


def sgd(p):
    return optim.SGD(p, lr=0.1)


@pytest.mark.parametrize("optimizer", [None, sgd])
@pytest.mark.parametrize("zero", ["model", "hand"])
@pytest.mark.parametrize("late", [False, True])
def test_a_sound_loop_has_no_finding(optimizer, zero, late):
    assert train(optimizer, zero, late=late).codes == []


@pytest.mark.parametrize("optimizer", [None, sgd, lambda p: optim.Adam(p, lr=0.01)])
def test_gradients_that_are_never_zeroed(optimizer):
    assert train(optimizer, zero=None).codes == ["not_zeroed"]


def test_steps_that_accumulate_on_purpose_are_sound():
    net, steps = model(), 6
    opt = sgd(net.parameters())
    with mg.watch(net) as watch:
        for _ in range(steps):
            opt.zero_grad()
            for k in (0, 12):
                ops.mean(
                    [losses.logistic(net(x), y) for x, y in zip(X[k : k + 12], Y[k : k + 12])]
                ).backward()
            opt.step()
    assert watch.codes == []
    assert watch.history.steps == steps


def test_backward_that_is_forgotten():
    assert train(sgd, backward=False).codes == ["never_backward"]


@pytest.mark.parametrize("optimizer", [None, sgd])
def test_a_graph_that_is_used_again(optimizer):
    assert train(optimizer, once=True).codes == ["stale"]


def test_rates_that_are_too_high_and_too_low():
    assert "learning_rate_high" in train(lambda p: optim.SGD(p, lr=500.0)).codes
    assert train(lambda p: optim.SGD(p, lr=1e-9), steps=40).codes == ["learning_rate_low"]


def test_a_network_of_zeros():
    net = model()
    for p in net.parameters():
        p.data = 0.0
    assert train(sgd, start=net).codes == ["symmetric"]


def test_train_fit_tells_every_loss():
    net = model()
    opt = optim.Adam(net.parameters(), lr=0.05)
    with mg.watch(net) as watch:
        history = mg.train.fit(net, losses.logistic, (X, Y), opt, epochs=15, progress=False)
    assert watch.codes == []
    assert [x for _, x in watch.history.loss] == history.loss
    assert watch.history.looks[0] == 1
    assert "15 steps" in watch.report.examined


@pytest.mark.parametrize("backend", ["python", "auto"])
def test_compiled_loops_are_watched(backend):
    net = model()
    fast = mg.jit(lambda x, y: losses.logistic(net(x), y), backend=backend)
    with mg.watch(net) as watch:
        fast.fit(X, Y, optim.Adam(net.parameters(), lr=0.05), steps=30, progress=False)
    assert watch.codes == []
    assert watch.history.steps == 30
    assert watch.history.looks
    assert {name for _, layers in watch.history.layers for name in layers} == {
        "layers.0",
        "layers.1",
        "layers.2",
    }


def test_watching_changes_no_number_of_a_run():
    def run(watched):
        net = model()
        opt = optim.Adam(net.parameters(), lr=0.05)
        watch = mg.watch(net) if watched else None
        mg.train.fit(net, losses.logistic, (X, Y), opt, epochs=8, batch_size=7, progress=False)
        if watch:
            watch.close()
        return [p.data for p in net.parameters()], random.getstate()

    assert run(True) == run(False)


def test_a_compiled_run_is_the_same_watched():
    def run(watched):
        net = model()
        fast = mg.jit(lambda x, y: losses.logistic(net(x), y))
        watch = mg.watch(net) if watched else None
        fitted = fast.fit(
            X, Y, optim.Adam(net.parameters(), lr=0.05), steps=20, batch_size=7, progress=False
        )
        if watch:
            watch.close()
        return [p.data for p in net.parameters()], fitted.loss

    assert run(True) == run(False)


def test_the_history_is_drawn():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = train(sgd).plot()
    assert [ax.get_ylabel() for ax in axes] == ["loss", "|gradient|", "gradient by layer"]
    pyplot.close("all")


# The command line ------------------------------------------------------------------------------

SCRIPT = """
import random, sys
from micrograd import data, losses, nn, ops
random.seed(1)
X, y = data.moons(20)

class Net(nn.Module):
    def __init__(self):
        self.a, self.b = nn.Layer(2, 6, activation="tanh"), nn.Layer(6, 1, nonlin=False)

    def __call__(self, x):
        return self.b(self.a(x))

def main():
    net = Net()
    for k in range(8):
        if "zero" in sys.argv:
            net.zero_grad()
        total = ops.mean([losses.logistic(net(p), t) for p, t in zip(X, y)])
        total.backward()
        for p in net.parameters():
            p.data -= 0.05 * p.grad
    if "interrupt" in sys.argv:
        raise KeyboardInterrupt
    print("trained")

main()
"""


def diagnosed(tmp_path, *words):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "micrograd", "diagnose", *words[:2], str(script), *words[2:]],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip


def test_a_script_runs_under_watch(tmp_path):
    done = diagnosed(tmp_path, "-o", "report.pdf")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "micrograd: error: the report ends in .html or .txt, not as report.pdf\n"
    )
    done = diagnosed(tmp_path, "-o", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr
    assert "trained" in done.stdout
    assert "not_zeroed (error)" in done.stdout
    assert "not_zeroed" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_sound_script_and_one_that_is_interrupted(tmp_path):
    done = diagnosed(tmp_path, "-o", "r.txt", "zero")
    assert "healthy: no finding" in done.stdout
    done = diagnosed(tmp_path, "-o", "r.txt", "interrupt")
    assert done.returncode == 130
    assert "not_zeroed" in done.stdout


def test_a_script_that_is_not_there(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "micrograd", "diagnose", str(tmp_path / "none.py")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "there is no file" in done.stderr
