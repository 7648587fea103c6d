"""Code written for karpathy/micrograd, and for the lecture that builds it, runs unchanged.

The code here is in the style of its README, its two tests, its notebooks and the lecture;
the numbers are those that micrograd 0.1.0 gives, or torch where its tests compare with it.
"""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

import pytest
from helpers import notebook_trace, product_by_hand, readme_expression

from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Module, Neuron

pytestmark = pytest.mark.core

graphviz = pytest.importorskip("graphviz")


# The README and the two tests -----------------------------------------------------------------


def test_readme():
    a = Value(-4.0)
    b = Value(2.0)
    g = readme_expression(a, b)
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def test_sanity_check():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_more_ops():
    a = Value(-4.0)
    b = Value(2.0)
    g = readme_expression(a, b)
    g.backward()
    tol = 1e-12
    assert abs(g.data - 24.70408163265306) < tol
    assert abs(a.grad - 138.83381924198252) < 10 * tol
    assert abs(b.grad - 645.5772594752186) < 10 * tol


# The notebook with the moons ------------------------------------------------------------------

# Losses and accuracies of micrograd 0.1.0 at these steps of its demo, both seeds 1337.
TRAJECTORY = {
    0: (0.8958441028683222, 0.50),
    1: (1.7235905336972022, 0.81),
    2: (0.7429006313851131, 0.77),
    3: (0.7705641260584201, 0.82),
    5: (0.313545481918522, 0.86),
    10: (0.24507023853658044, 0.91),
    20: (0.18977522856087628, 0.91),
}


def moons():
    """make_moons(n_samples=100, noise=0.1) of scikit-learn, with np.random.seed(1337)."""
    with open(Path(__file__).with_name("moons.csv"), encoding="utf-8") as file:
        rows = [[float(x) for x in row] for row in list(csv.reader(file))[1:]]
    return [row[:2] for row in rows], [int(row[2]) for row in rows]


def test_the_moons_demo_follows_the_same_trajectory():
    X, y = moons()  # noqa: N806
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337

    def loss():
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores)]
        return total_loss, sum(accuracy) / len(accuracy)

    for k in range(21):
        total_loss, acc = loss()
        if k == 0:
            assert total_loss.data == TRAJECTORY[0][0]
        if k in TRAJECTORY:
            assert total_loss.data == pytest.approx(TRAJECTORY[k][0], rel=1e-9)
            assert acc == TRAJECTORY[k][1]
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad


def test_the_moons_are_those_of_scikit_learn():
    np = pytest.importorskip("numpy")
    datasets = pytest.importorskip("sklearn.datasets")
    np.random.seed(1337)
    X, y = datasets.make_moons(n_samples=100, noise=0.1)  # noqa: N806
    ours, labels = moons()
    assert np.allclose(X, ours, rtol=1e-12, atol=0)
    assert (y * 2 - 1).tolist() == labels


def test_weights_are_drawn_as_there():
    """One draw of the global `random` for each weight in order, none for a bias."""
    random.seed(7)
    n = Neuron(3)
    after = random.random()
    random.seed(7)
    assert [w.data for w in n.w] == [random.uniform(-1, 1) for _ in range(3)]
    assert random.random() == after
    assert (n.b.data, n.nonlin) == (0.0, True)
    assert n.parameters() == [*n.w, n.b]


def test_reprs_and_attributes():
    random.seed(1)
    model = MLP(2, [2, 1])
    assert str(Neuron(2)) == "ReLUNeuron(2)"
    assert str(Neuron(16, nonlin=False)) == "LinearNeuron(16)"
    assert str(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert (
        str(model) == "MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]"
    )
    assert [len(layer.neurons) for layer in model.layers] == [2, 1]
    assert isinstance(model, Module)
    assert isinstance(model([1.0, 2.0]), Value)
    assert len(Layer(2, 3)([1.0, 2.0])) == 3


def test_a_neuron_is_the_sum_of_products_that_is_written_there():
    random.seed(3)
    n = Neuron(4)
    x = [Value(0.1 * i) for i in range(4)]
    act = sum((wi * xi for wi, xi in zip(n.w, x)), n.b)
    assert n(x).data == act.relu().data


def test_a_module_of_ones_own():
    class Line(Module):
        def __init__(self):
            self.a, self.c = Value(1.0), Value(0.0)

        def __call__(self, x):
            return self.a * x + self.c

        def parameters(self):
            return [self.a, self.c]

    line = Line()
    for _ in range(100):
        loss = sum((line(x) - (3 * x + 1)) ** 2 for x in (-1.0, 0.0, 1.0, 2.0))
        line.zero_grad()
        loss.backward()
        for p in line.parameters():
            p.data -= 0.05 * p.grad
    assert [round(p.data, 3) for p in line.parameters()] == [3.0, 1.0]


# The notebook that draws ----------------------------------------------------------------------


def notebook_draw_dot(root, format="svg", rankdir="LR"):
    nodes, edges = notebook_trace(root)
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    for n in nodes:
        dot.node(
            name=str(id(n)),
            label="{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad),  # noqa: UP031
            shape="record",
        )
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def drawn(dot):
    """How many boxes, ovals and edges there are, and the labels, in the source of a Digraph."""
    lines = [line.strip() for line in dot.source.splitlines()]
    boxes = sorted(line.split("label=")[1] for line in lines if "shape=record" in line)
    edges = [line for line in lines if "->" in line]
    ovals = sorted(
        line.split("label=")[1].strip('"]')
        for line in lines
        if "label=" in line and "shape=record" not in line
    )
    return boxes, ovals, len(edges)


def test_the_notebook_draws_a_neuron():
    from micrograd.graph import draw_dot, trace

    random.seed(1337)
    n = Neuron(2)
    x = [Value(1.0), Value(-2.0)]
    y = n(x)
    y.backward()
    dot = draw_dot(y)
    assert isinstance(dot, graphviz.Digraph)
    boxes, ovals, edges = drawn(dot)
    # Two products, two sums and the ReLU; 5 leaves; each operation has an edge to its number.
    assert ovals == ["*", "*", "+", "+", "ReLU"]
    assert len(boxes) == 10
    assert edges == 5 + 9
    assert "rankdir=LR" in dot.source
    assert any(f"data {y.data:.4f} | grad 1.0000" in box for box in boxes)
    nodes, pairs = trace(y)
    assert (nodes, pairs) == notebook_trace(y)
    assert (len(nodes), len(pairs)) == (10, 9)


def test_the_notebooks_own_drawing_gives_the_same_picture():
    from micrograd.graph import draw_dot

    a = Value(2.0, label="a")
    b = Value(-3.0, label="b")
    y = (2 * a + b**2).relu()
    y.label = "y"
    y.backward()
    own, ours = notebook_draw_dot(y), draw_dot(y)
    assert drawn(own)[1:] == drawn(ours)[1:] == (["*", "**2", "+", "ReLU"], 4 + 6)
    for name in ("a", "b", "y"):
        assert sum(f"{name} | data" in box for box in drawn(ours)[0]) == 1
    assert "rankdir=TB" in draw_dot(y, rankdir="TB").source
    assert draw_dot(y, format="png").format == "png"


def test_looking_twice_gives_the_same_objects():
    """A notebook names nodes by their id()."""
    x = Value(3.0)
    y = x * 2 + 1
    assert [id(v) for v in y._prev] == [id(v) for v in y._prev]
    assert [v.data for v in y._prev] == [6.0, 1.0]
    assert notebook_trace(y) == notebook_trace(y)


# The lecture ----------------------------------------------------------------------------------


def lecture_neuron():
    x1 = Value(2.0, label="x1")
    x2 = Value(0.0, label="x2")
    w1 = Value(-3.0, label="w1")
    w2 = Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1 = x1 * w1
    x1w1.label = "x1*w1"
    x2w2 = x2 * w2
    x2w2.label = "x2*w2"
    x1w1x2w2 = x1w1 + x2w2
    x1w1x2w2.label = "x1*w1 + x2*w2"
    n = x1w1x2w2 + b
    n.label = "n"
    return x1, x2, w1, w2, b, x1w1, x2w2, x1w1x2w2, n


def tanh(self):
    """As written on the way through the lecture."""
    x = self.data
    t = (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1)
    out = Value(t, (self,), "tanh")

    def _backward():
        self.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


GRADIENTS = (-1.5, 0.5, 1.0, 0.0)  # of x1, x2, w1, w2


def test_tanh_written_by_hand():
    x1, x2, w1, w2, *_, n = lecture_neuron()
    o = tanh(n)
    assert o.data == pytest.approx(math.sqrt(0.5))
    assert o._prev == (n,)
    assert o._op == "tanh"
    o.backward()
    assert [v.grad for v in (x1, x2, w1, w2)] == pytest.approx(GRADIENTS)
    assert (o.grad, n.grad) == (1.0, pytest.approx(0.5))


def test_a_method_added_to_the_class():
    Value.tanh_by_hand = tanh
    try:
        x1, x2, w1, w2, *_, n = lecture_neuron()
        n.tanh_by_hand().backward()
        assert [v.grad for v in (x1, x2, w1, w2)] == pytest.approx(GRADIENTS)
    finally:
        del Value.tanh_by_hand


def test_tanh_taken_apart():
    x1, x2, w1, w2, *_, n = lecture_neuron()
    e = (2 * n).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    assert [v.grad for v in (x1, x2, w1, w2)] == pytest.approx(GRADIENTS)


@pytest.mark.parametrize("squash", [tanh, Value.tanh])
def test_stepping_by_hand(squash):
    x1, x2, w1, w2, b, x1w1, x2w2, x1w1x2w2, n = lecture_neuron()
    o = squash(n)
    o.grad = 1.0
    o._backward()
    n._backward()
    b._backward()
    x1w1x2w2._backward()
    x2w2._backward()
    x1w1._backward()
    assert [v.grad for v in (x1, x2, w1, w2)] == pytest.approx(GRADIENTS)
    assert b.grad == pytest.approx(0.5)


def test_a_topological_sort_by_hand():
    x1, x2, w1, w2, *_, n = lecture_neuron()
    o = tanh(n)
    topo = []
    visited = set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            topo.append(v)

    build_topo(o)
    o.grad = 1.0
    for node in reversed(topo):
        node._backward()
    assert [v.grad for v in (x1, x2, w1, w2)] == pytest.approx(GRADIENTS)
    assert len(topo) == 10


def test_prev_is_used_as_a_set():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert set(c._prev) == {a, b}
    assert a in c._prev
    assert len(c._prev) == 2
    assert Value(1.0)._prev == ()
    assert set((a + a)._prev) == {a}


def test_gradients_add_up_where_a_number_is_used_twice():
    a = Value(3.0, label="a")
    b = a + a
    b.backward()
    assert a.grad == 2.0
    a, b = Value(-2.0), Value(3.0)
    d = a * b
    e = a + b
    f = d * e
    f.backward()
    assert (a.grad, b.grad) == (-3.0, -8.0)


def test_operations_made_by_hand_in_a_chain():
    """Several nodes with steps of their own, one of them with two operands."""

    def times(p, q):
        return product_by_hand(p, q, "*")

    a, b = Value(0.5), Value(-1.5)
    y = times(tanh(times(a, b)), a)
    y.backward()
    c, d = Value(0.5), Value(-1.5)
    z = (c * d).tanh() * c
    z.backward()
    assert y.data == pytest.approx(z.data)
    assert (a.grad, b.grad) == (pytest.approx(c.grad), pytest.approx(d.grad))


def test_the_lectures_training_loop():
    """Networks and parameters by hand, squared errors, gradients reset before each step."""

    class OwnNeuron:
        def __init__(self, nin):
            self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
            self.b = Value(random.uniform(-1, 1))

        def __call__(self, x):
            act = sum((wi * xi for wi, xi in zip(self.w, x)), self.b)
            return act.tanh()

        def parameters(self):
            return [*self.w, self.b]

    random.seed(42)
    layers = [[OwnNeuron(3) for _ in range(4)], [OwnNeuron(4) for _ in range(4)], [OwnNeuron(4)]]
    parameters = [p for layer in layers for neuron in layer for p in neuron.parameters()]
    assert len(parameters) == 41

    def network(x):
        for layer in layers:
            x = [neuron(x) for neuron in layer]
        return x[0]

    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    losses = []
    for _ in range(40):
        loss = sum((yout - ygt) ** 2 for ygt, yout in zip(ys, [network(x) for x in xs]))
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data += -0.1 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 0.1 < losses[0]


def test_attributes_of_a_notebook():
    v = Value(1.0)
    v.note = "first"
    v.m = 0.0
    v.m += 1
    w = v * 2
    w.note = "second"
    assert (v.note, v.m, w.note) == ("first", 1.0, "second")
    assert not hasattr(Value(1.0), "note")
    del v.note
    assert not hasattr(v, "note")


def test_repr():
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert str(Value(-0.5) * 2) == "Value(data=-1.0, grad=0.0)"
