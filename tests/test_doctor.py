"""The doctor: every code on a model that has it and on one that just does not; reports; no trace."""

# ruff: noqa: N806
from __future__ import annotations

import math
import random

import pytest
from patients import BROKEN, Recurrent, ended, healthy, irises, line, moons, scaled, signs, stepped

import micrograd as mg
from micrograd import Value, losses, nn, ops, optim
from micrograd.doctor import CODES, THRESHOLDS, Finding, Report, diagnose

pytestmark = pytest.mark.once

# A quick look at the same suites that benchmarks/doctor.py runs in full.
QUICK = sorted(BROKEN)


@pytest.fixture(autouse=True)
def _seed():
    random.seed(5)


@pytest.mark.parametrize("name", QUICK)
def test_broken_models_are_named_and_located(name):
    make, codes, where = BROKEN[name]
    report = diagnose(**make())
    assert not report
    assert {*report.codes[:2]} & {*codes}, report
    assert any(where in f.where for f in report.findings if f.code in codes), report


@pytest.mark.parametrize("k", [0, 1, 9, 16, 27])
def test_healthy_runs_have_no_finding(k):
    title, case, train = healthy(k, epochs=4)
    assert diagnose(**case).codes == [], title
    train()
    assert diagnose(**case).codes == [], title


def test_every_code_has_a_broken_model():
    assert {code for _, codes, _ in BROKEN.values() for code in codes} == {*CODES}


def test_every_threshold_has_a_reason_and_a_source():
    for name, t in THRESHOLDS.items():
        assert t.reason and t.source, name
        assert t.code in ("", *CODES), name


# One that has it, one that just does not -----------------------------------------------------


def sigmoids(k):
    model = nn.MLP(2, [10, 1], activation="sigmoid", init="xavier")
    for i, n in enumerate(model.layers[0].neurons):
        n.b.data = 6.5 if i < k else 0.0
        for w in n.w:
            w.data *= 0.1
    return {"model": model, "loss": losses.logistic, "data": moons()}


def rectifiers(k):
    rng = random.Random(1)
    X = [[rng.uniform(1, 2), rng.uniform(1, 2)] for _ in range(40)]
    model = nn.MLP(2, [10, 1], init="he")
    for i, n in enumerate(model.layers[0].neurons):
        for w in n.w:
            w.data = (-1.0 if i < k else 1.0) * rng.uniform(0.5, 1.0)
    model.layers[1].neurons[0].w = [Value(0.01 * rng.uniform(-1, 1)) for _ in range(10)]
    return {"model": model, "loss": losses.logistic, "data": (X, [int(x[0] > x[1]) for x in X])}


def passing(activation, ratio):
    """A network whose first layer gets `ratio` of the last one's gradient."""
    model = nn.MLP(2, [6, 6, 1], activation=activation, init="xavier")
    case = {"model": model, "loss": losses.logistic, "data": moons()}
    for p in model.layers[1].parameters():
        p.data *= 1e-3 if activation == "tanh" else 1.0
    for _ in range(3):
        strips = diagnose(**case).strips
        factor = ratio / (strips[0].gradient / strips[-1].gradient)
        for p in model.layers[1].parameters():
            p.data *= factor
    return case


def inputs(size):
    X, y = moons()
    return {
        "model": nn.MLP(2, [8, 1], init="torch"),
        "loss": losses.logistic,
        "data": ([[size * (1 if v > 0 else -1) for v in x] for x in X], y),
    }


def weights(gain):
    model = nn.MLP(2, [9, 1], init="torch")
    last = model.layers[1].neurons[0]
    for w in last.w:
        w.data = math.copysign(gain / 3, w.data)
    X, y = moons()
    return {"model": model, "loss": losses.logistic, "data": ([[24 * v for v in x] for x in X], y)}


def alike(off):
    model = nn.MLP(2, [4, 1], activation="tanh")
    a, b, c, d = model.layers[0].neurons
    last = model.layers[1].neurons[0]
    for x, y in ((a, b), (b, c), (c, d)):
        for v, w in zip(x.parameters(), y.parameters()):
            w.data = v.data
    for w in last.w:
        w.data = 0.4
    for n, step in ((b, 1), (c, 2), (d, 3)):
        n.w[0].data += off * step
    return {"model": model, "loss": losses.logistic, "data": moons()}


def clipped(size):
    X, y = line()
    model = nn.MLP(2, [4, 1], init="torch")
    for p in model.parameters():
        p.data *= 1e-2
    top = max(map(abs, y))
    return {"model": model, "loss": losses.clipped_error, "data": (X, [size * t / top for t in y])}


def bounded(factor):
    return {
        "model": ended(lambda z: factor * z.tanh(), 2, 8, 1),
        "loss": losses.logistic,
        "data": moons(),
    }


def descending(factor):
    """Least squares with the learning rate at `factor` times the bound of stability."""
    X, y = line()
    model = nn.Neuron(2, nonlin=False)
    rows = [[*x, 1.0] for x in X]
    v = [1.0, 0.7, 0.4]
    for _ in range(200):  # the largest eigenvalue of the mean of 2 x x'
        v = [
            sum(2 * r[i] * sum(a * b for a, b in zip(r, v)) for r in rows) / len(rows)
            for i in range(3)
        ]
        size = math.hypot(*v)
        v = [x / size for x in v]
    return {
        "model": model,
        "loss": losses.squared_error,
        "data": (X, y),
        "optimizer": optim.SGD(model.parameters(), lr=2 * factor / size),
    }


class Net(nn.Module):
    def __init__(self, bend=mg.tanh, spare=False):
        self.first, self.last = nn.Layer(2, 6, nonlin=False), nn.Layer(6, 1, nonlin=False)
        self.bend = bend
        if spare:
            self.spare = Value(1.0)

    def __call__(self, x):
        return self.last([self.bend(z) for z in self.first(x)])


def net(data=None, optimizer=None, loss=losses.logistic, **settings):
    model = Net(**settings)
    return {
        "model": model,
        "loss": loss,
        "data": data or moons(),
        "optimizer": optimizer and optimizer(model.parameters()),
    }


def loop(**settings):
    model = nn.MLP(2, [6, 1], activation="tanh")
    return stepped(
        model, losses.logistic, moons(24), optim.Adam(model.parameters(), lr=0.01), 8, **settings
    )


def recurrent(factor):
    rng = random.Random(1)
    X = [[rng.gauss(0, 1) for _ in range(12)] for _ in range(16)]
    return {
        "model": Recurrent(factor),
        "loss": losses.squared_error,
        "data": (X, [x[0] for x in X]),
    }


PAIRS = {
    "saturated": (lambda: sigmoids(6), lambda: sigmoids(5)),
    "dead": (lambda: rectifiers(9), lambda: rectifiers(8)),
    "vanishing": (lambda: passing("tanh", 1.5e-4), lambda: passing("tanh", 2.5e-4)),
    "exploding": (lambda: passing("relu", 80.0), lambda: passing("relu", 60.0)),
    "input_scale": (lambda: inputs(31.0), lambda: inputs(29.0)),
    "init_scale": (lambda: weights(6.2), lambda: weights(5.8)),
    "symmetric": (lambda: alike(0.0), lambda: alike(1e-3)),
    "clipped_error": (lambda: clipped(1.3), lambda: clipped(0.9)),
    "loss_mismatch": (lambda: bounded(2.0), lambda: bounded(4.0)),
    "target_range": (lambda: {**net(loss=lambda s, y: (1 - y * s).relu())}, lambda: net(loss=lambda s, y: (1 - y * s).relu(), data=signs())),
    "learning_rate_high": (lambda: descending(1.1), lambda: descending(0.9)),
    "learning_rate_low": (lambda: net(optimizer=lambda p: optim.SGD(p, lr=1e-5)), lambda: net(optimizer=lambda p: optim.SGD(p, lr=1e-3))),
    "unreached": (lambda: net(spare=True), lambda: net()),
    "never_backward": (lambda: loop(backward=False), lambda: loop()),
    "not_zeroed": (lambda: loop(zero=False), lambda: loop()),
    "detached": (lambda: net(bend=lambda z: z.detach()), lambda: net(bend=lambda z: z.tanh() if z.data < 9 else z)),
    "stale": (lambda: net(bend=lambda z: Value(math.tanh(z.data))), lambda: net(bend=lambda z: (z - z.data + z.data).tanh())),
    "nonfinite": (lambda: net(loss=lambda z, y: mg.log(0.0 * z)), lambda: net(loss=lambda z, y: mg.log(0.0 * z + 1e-9 + ops.sigmoid(z)))),
    "stuck": (lambda: net(data=([[0.0 * a, 0.0 * b] for a, b in moons()[0]], moons()[1])), lambda: net()),
}  # fmt: skip


def test_every_code_has_a_pair():
    assert {*PAIRS} == {*CODES}


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_one_that_has_it_and_one_that_just_does_not(code):
    ill, well = PAIRS[code]
    random.seed(11)
    assert code in diagnose(**ill()).codes
    random.seed(11)
    assert code not in diagnose(**well()).codes


# Places ----------------------------------------------------------------------------------------


def test_layers_written_as_loops_are_found():
    class Hand(nn.Module):
        def __init__(self):
            self.W = [[Value(random.uniform(-1, 1)) for _ in range(2)] for _ in range(5)]
            self.b = [Value(0.0) for _ in range(5)]
            self.v = [Value(random.uniform(-1, 1)) for _ in range(5)]

        def __call__(self, x):
            h = [
                1 / (1 + mg.exp(-sum((w * a for w, a in zip(row, x)), b)))
                for row, b in zip(self.W, self.b)
            ]
            return sum(w * a for w, a in zip(self.v, h))

    strips = diagnose(Hand(), losses.logistic, moons()).strips
    assert [(s.name, s.activation) for s in strips] == [("W", "sigmoid"), ("v", "linear")]


def test_a_sequential_network_has_its_layers():
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    assert [s.name for s in diagnose(model, losses.cross_entropy, irises()).strips] == [
        "steps.0",
        "steps.2",
    ]


def test_growth_through_time_stands_beside_the_eigenvalue():
    [finding] = [f for f in diagnose(**recurrent(0.2)).findings if f.code == "vanishing"]
    assert "largest eigenvalue" in finding.sentence
    assert finding.where == "cell.weight_ih, time step 1 of 12"


# Bare graphs -----------------------------------------------------------------------------------


def test_a_graph_is_healthy_before_and_after_backward():
    x, y = Value(3.0), Value(-2.0)
    z = (x * y + x.tanh()) ** 2
    assert diagnose(root=z)
    z.backward()
    assert diagnose(root=z)


def test_backward_twice_on_a_graph_is_not_zeroed():
    x = Value(3.0, label="x")
    z = x * x
    z.backward()
    z.backward()
    report = diagnose(root=z)
    assert report.codes == ["not_zeroed"]
    assert report.findings[0].where == "x"


def test_a_number_taken_from_another_node_is_found_in_a_graph():
    x = Value(0.7, label="x")
    h = x * 1.3
    report = diagnose(root=h + math.exp(h.data))
    assert report.codes[0] == "detached"
    assert "exp of" in report.findings[0].sentence


def test_the_shift_of_a_softmax_is_no_finding():
    xs = [Value(v) for v in (0.3, -1.2, 0.8)]
    top = max(x.data for x in xs)
    es = [(x - top).exp() for x in xs]
    assert diagnose(root=-(es[0] / sum(es)).log())


# It leaves no trace ----------------------------------------------------------------------------


def test_nothing_changes():
    numpy = pytest.importorskip("numpy")
    model = nn.Sequential(
        nn.Linear(2, 6),
        nn.BatchNorm(6),
        nn.Tanh(),
        nn.Dropout(0.3, rng=random.Random(3)),
        nn.Linear(6, 1),
        lambda out: out,
    )
    model.steps[1].eval()
    X, y = moons(20)
    X = [[Value(v) for v in x] for x in X]
    opt = optim.Adam(model.parameters(), lr=0.01)
    for k, p in enumerate([*model.parameters(), *(v for x in X for v in x)]):
        p.grad = 0.1 * k
    opt.steps = 3

    def everything():
        return (
            model.state_dict(),
            [p.grad for p in model.parameters()],
            [(v.data, v.grad) for x in X for v in x],
            [m.training for m in model.modules()],
            random.getstate(),
            numpy.random.get_state()[1].tolist(),
            model.steps[3].rng.getstate(),
            opt.state_dict(),
        )

    before = everything()
    diagnose(model, losses.logistic, (X, y), opt)
    assert everything() == before


def test_a_graph_looked_at_keeps_its_gradients_and_its_own_steps():
    x = Value(2.0)
    y = Value(math.sin(2.0), (x,), "sin")

    def step():
        x.grad += math.cos(x.data) * y.grad

    y._backward = step
    z = y * y
    z.backward()
    before = [v.grad for v in (x, y, z)]
    assert diagnose(root=z)
    assert [v.grad for v in (x, y, z)] == before


# Reports ---------------------------------------------------------------------------------------


def test_findings_of_one_code_are_one_and_errors_come_first():
    a = Finding("dead", "warning", "layer 1", "First.", 1.0, "x")
    b = Finding("dead", "error", "layer 2", "Second.", 2.0, "x")
    c = Finding("input_scale", "warning", "input 0", "Third.", 3.0, "x")
    report = Report([a, c, b])
    assert report.codes == ["dead", "input_scale"]
    assert (report.findings[0].where, report.findings[0].severity) == ("layer 2; layer 1", "error")
    assert not report


def test_a_report_is_a_page_for_light_and_dark(tmp_path):
    report = diagnose(scaled(nn.MLP(2, [6, 1], activation="tanh"), 30.0), losses.logistic, moons())
    page = report.save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<section") == len(report.findings)
    assert page.count("<svg") == 4 * len(report.strips)
    assert "light-dark(" in page and "<body class" not in page
    assert "<script" not in page
    assert report.save(tmp_path / "report.txt").read_text(encoding="utf-8").startswith(report.text)
    assert {*report._repr_mimebundle_()} == {"text/html", "text/plain"}
    with pytest.raises(ValueError, match="ends in"):
        report.save(tmp_path / "report.pdf")


def test_what_is_missing_is_said():
    with pytest.raises(TypeError, match="loss="):
        diagnose(nn.MLP(2, [1]))
    with pytest.raises(TypeError, match="root is a Value"):
        diagnose(root=3.0)
    with pytest.raises(ValueError, match="2 examples and 1 targets"):
        diagnose(nn.MLP(2, [1]), losses.logistic, ([[0.0, 1.0], [1.0, 0.0]], [1]))


def test_a_large_set_is_sampled_and_the_report_says_so():
    report = diagnose(nn.MLP(2, [4, 1], init="torch"), losses.logistic, moons(400))
    assert report.examined == "96 of 400 examples, at even distances"


def test_a_class_that_is_no_module_is_a_model_too():
    class Line:
        def __init__(self):
            self.w, self.b = Value(0.2), Value(0.0)

        def parameters(self):
            return [self.w, self.b]

        def __call__(self, x):
            return self.w * x + self.b

    xs = [k / 10 for k in range(20)]
    model = Line()
    assert diagnose(
        model,
        losses.squared_error,
        (xs, [2 * x for x in xs]),
        optim.SGD(model.parameters(), lr=0.1),
    )
    assert diagnose(
        model, losses.squared_error, ([1000 * x for x in xs], [2 * x for x in xs])
    ).codes == ["input_scale"]
