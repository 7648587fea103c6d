"""Which operand comes first, and which module made what: pictures say both as they are."""

from __future__ import annotations

import random
import re

import pytest
from graphs import recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import mlp_loss

import micrograd as mg
from micrograd import Value, losses, nn
from micrograd.core.observe import Observer
from micrograd.core.view import is_virtual
from micrograd.graph import draw
from micrograd.graph.picture.svg import Picture
from micrograd.graph.written import COMMUTATIVE
from micrograd.nn.recorded import OPEN

pytestmark = pytest.mark.once

ORDERED = {
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "mod": lambda a, b: a % b,
    "atan2": mg.atan2,
    "where": lambda a, b: mg.where(a > b, a, b),
    "fma": lambda a, b: mg.fma(a, b, a),
    "one minus": lambda a, b: 1 - a,
    "less two": lambda a, b: a - 2,
    "one over": lambda a, b: 1 / a,
    "third": lambda a, b: b / 3,
    "power of two": lambda a, b: 2**a,
    "square": lambda a, b: b**2,
    "where half": lambda a, b: mg.where(a, 0.5, b),
    "angle": lambda a, b: mg.atan2(-1.5, b),
    "scaled": lambda a, b: mg.fma(a, 0.25, b),
    "twice": lambda a, b: 2 * a,
    "shift": lambda a, b: a + -0.5,
    "add": lambda a, b: a + b,
}
GRAPHS = recipes(st.floats(0.1, 4.0), list(ORDERED), max_steps=25)


def built(recipe):
    nodes = run(recipe, [Value(x) for x in recipe.leaves], ORDERED)
    used = {x for v in nodes for x in v._prev}
    root = mg.sum([v for v in nodes if v not in used])
    root.backward()
    return root


def arrivals(graph):
    """By box: the boxes that it is computed from, in the order in which their edges arrive."""
    down = graph.rankdir == "TB"
    picture = Picture(graph.diagram, style=graph.style, down=down)
    found = {i: [] for i in range(len(graph.diagram.boxes))}
    for link, route in zip(graph.diagram.links, picture.where.routes, strict=False):
        end = route[-1]
        found[link.target].append((end.x if down else end.y, link.place, link.source))
    return {i: sorted(ends) for i, ends in found.items()}


def value(title, operands):
    """What a box says that it computes, in Python: each dot is the next operand that arrives."""
    names = {f"x{k}": x for k, x in enumerate(operands)}
    left = iter(names)
    source = re.sub("\u00b7", lambda _: next(left), title)
    if source in ("+", "-", "*", "/", "**", "%"):
        source = f"x0 {source} x1"
    elif source.startswith("**"):
        source = f"x0{source}"
    elif source.isidentifier():
        source = f"{source}({', '.join(names)})"
    tools = {name: getattr(mg, name) for name in ("where", "atan2", "fma", "sum")}
    tools |= {"true": 1.0, "false": 0.0}
    return eval(source, tools, {name: Value(x) for name, x in names.items()})


@settings(max_examples=60, deadline=None)
@given(GRAPHS, st.sampled_from(["node", "record", "circuit", "TB"]))
def test_read_in_the_order_of_arrival_each_box_gives_its_value(recipe, style):
    down = style == "TB"
    style, rankdir = ("node", "TB") if down else (style, "LR")
    graph = draw(built(recipe), style=style, rankdir=rankdir, most=1000)
    boxes = graph.diagram.boxes
    for i, ends in arrivals(graph).items():
        box = boxes[i]
        if box.kind != "op":
            continue
        again = value(box.op, [boxes[source].data for _, _, source in ends])
        again = float(again.data if isinstance(again, Value) else again)
        if box.node._rule.name in COMMUTATIVE:
            assert again == pytest.approx(box.data, rel=1e-12, nan_ok=True), box.words
        else:
            assert again == box.data or (again != again and box.data != box.data), box.words
            assert box.ordered or box.node._rule.arity == 1
            assert [place for _, place, _ in ends] == sorted(place for _, place, _ in ends)


@pytest.mark.parametrize("order", ["t - y", "y - t", "t / y", "y / t"])
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_data_of_a_stack_arrives_at_its_place(order, rankdir):
    random.seed(1)
    model = nn.MLP(2, [3, 1])
    examples = [([random.random(), random.random()], 1.0 + k) for k in range(9)]
    parts = [eval(order, {"t": t, "y": model(x)}) ** 2 for x, t in examples]
    graph = draw(mg.mean(parts), rankdir=rankdir)
    (box,) = [i for i, b in enumerate(graph.diagram.boxes) if b.op in ("-", "/")]
    shown = graph.diagram.boxes
    kinds = [shown[source].kind for *_, source in arrivals(graph)[box]]
    assert kinds == (["number", "fold"] if order[0] == "t" else ["fold", "number"])


def test_what_stands_in_a_stack_is_the_same_in_all_of_it():
    xs = [Value(float(k), label=f"x{k}") for k in range(9)]
    shown = draw(mg.sum([(1 - x) ** 2 for x in xs] + [(x - 1) ** 2 for x in xs]), most=12).diagram
    titles = sorted(box.title for box in shown.boxes if box.kind == "op")
    assert "1 - \u00b7  \u00d79" in titles
    assert "\u00b7 - 1  \u00d79" in titles


def test_numbers_of_all_kinds():
    x = Value(2.0, label="x")
    said = {
        "1 - \u00b7": 1 - x, "\u00b7 - 1": x - 1, "\u00b7 * -1": x * -1, "\u00b7 - (-1)": x - -1, "(-2)**\u00b7": (-2) ** x, "2**\u00b7": 2**x,
        "**2": x**2, "\u00b7 / 3": x / 3, "1 / \u00b7": 1 / x, "\u00b7 + 1e-05": x + 1e-5,
        "\u00b7 + inf": x + float("inf"), "where(true, 0.5, \u00b7)": mg.where(1.0, 0.5, x),
        "clip(0, 1)": mg.clip(x, 0, 1), "tanh": x.tanh(),
    }  # fmt: skip
    for title, y in said.items():
        shown = draw(y)
        assert shown.diagram.boxes[-1].title == title
        assert shown.text.startswith(f"{title}: ")


def test_inputs_of_neurons_are_boxes_of_their_own():
    shown = draw(mlp_loss((2, 2, 1)), depth=4).diagram
    assert any(box.frame >= 0 for box in shown.boxes)
    assert not any("\u00b7" in box.title for box in shown.boxes if box.frame >= 0)
    random.seed(1)
    shown = draw(nn.Neuron(2)([0.25, 0.75])).diagram
    assert [box.data for box in shown.boxes if box.kind == "number"] == [0.25, 0.75]


def test_dot_says_which_operand_is_which():
    pytest.importorskip("graphviz")
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    assert draw(a - b).to_dot().source.count("headlabel") == 2
    assert "headlabel" not in draw(a + b).to_dot().source


# Who made what --------------------------------------------------------------------------------


class Makers(Observer):
    """For each node the call that it was made in."""

    def __init__(self):
        self.of = {}

    def made(self, node):
        self.of[node] = OPEN.get()


class Skip(nn.Module):
    """A skip connection around layers: how many, and what is done to both."""

    def __init__(self, width, layers, kind, seed):
        chance = random.Random(seed)
        self.inner = [nn.Linear(width, width) for _ in range(layers)]
        self.gate = nn.Linear(width, width)
        self.kind = kind
        for p in self.parameters():
            p.data = chance.uniform(-1, 1)

    def __call__(self, x):
        h = x
        for layer in self.inner:
            h = [v.tanh() for v in layer(h)]
        if self.kind == "add":
            return [a + b for a, b in zip(x, h, strict=True)]
        if self.kind == "weighed":
            return [0.5 * a + b for a, b in zip(h, x, strict=True)]
        gates = [mg.sigmoid(g) for g in self.gate(x)]
        return [g * a + (1 - g) * b for g, a, b in zip(gates, h, x, strict=True)]


MAKERS = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from(["add", "weighed", "gated"]), st.booleans()),
    min_size=1, max_size=3,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(MAKERS, st.integers(0, 99), st.booleans(), st.sampled_from([2, 3]))
def test_frames_hold_what_was_made_in_the_module(blocks, seed, leaves, width):
    random.seed(seed)
    makers = Makers()
    with makers:
        x = [Value(0.5), Value(-1.0), Value(2.0)][:width]
        h = x if leaves else [v * v for v in x]
        for layers, kind, outside in blocks:
            found = Skip(width, layers, kind, seed)(h)
            h = [a + b for a, b in zip(found, h, strict=True)] if outside else found
        last = nn.Linear(width, 1)
        loss = losses.squared_error(last(h), 1.0) + 0.1 * mg.sum([p * p for p in last.parameters()])
    loss.backward()
    check_makers(draw(loss, depth=9, most=5000).diagram, makers)


def check_makers(shown, makers):
    """Each operation lies in the frames of the calls that made it, and in no others."""
    checked = 0
    for box in shown.boxes:
        if box.kind != "op" or box.node is None or is_virtual(box.node):
            continue
        around, g = [], box.frame
        while g >= 0:
            around.append(shown.frames[g])
            g = around[-1].parent
        call = makers.of[box.node]
        checked += 1
        if call is None:
            assert not around, (box.words, [frame.head for frame in around])
            continue
        paths = {frame.path for frame in around}
        assert around[-1].title == call.places.title
        assert call.path in paths
        assert all(path.startswith(call.path) or call.path.startswith(path) for path in paths)
    assert checked


def linear(w, b, x):
    return [
        sum((wi * xi for wi, xi in zip(row, x, strict=True)), bi)
        for row, bi in zip(w, b, strict=True)
    ]


class ByHand(nn.Module):
    """Two layers and a skip connection in one module, with lists of parameters."""

    def __init__(self, width):
        self.w, self.v = ([[Value(0.3 + i - j) for j in range(width)] for i in range(width)]
                          for _ in range(2))  # fmt: skip
        self.b, self.c = ([Value(0.1) for _ in range(width)] for _ in range(2))

    def __call__(self, x):
        h = [v.tanh() for v in linear(self.w, self.b, x)]
        self.sums = [a + b for a, b in zip(x, linear(self.v, self.c, h), strict=True)]
        return self.sums


@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("penalty", [True, False])
def test_a_skip_connection_by_hand_is_in_no_neuron(leaves, width, penalty):
    x = [Value(0.5 + k) for k in range(width)]
    x = x if leaves else [v.exp() for v in x]
    model = ByHand(width)
    loss = mg.sum([y * y for y in model(x)])
    if penalty:
        loss = loss + 0.1 * sum(p * p for p in model.parameters())
    shown = draw(loss, depth=9, most=5000).diagram
    frames = {box.node: box.frame for box in shown.boxes if box.node is not None}
    for node in model.sums:
        assert shown.frames[frames[node]].title == "ByHand"
    for p in (*model.b, *model.c):
        if not penalty:
            assert "neuron" in shown.frames[frames[p]].title
    kinds = [frame.kind for frame in shown.frames]
    assert kinds.count("neuron") == 2 * width
    assert kinds.count("layer") == 2


def test_what_came_in_by_another_way_is_not_in_the_frame():
    class Conditioned(nn.Module):
        def __init__(self):
            self.layer, self.context = nn.Linear(2, 2), None

        def __call__(self, x):
            return [y * self.context for y in self.layer(x)]

    x = [Value(1.0), Value(2.0)]
    model = Conditioned()
    model.context = (x[0] * x[1]).exp()
    shown = draw(mg.sum([*model(x), model.context])).diagram
    outside = {box.op for box in shown.boxes if box.frame < 0 and box.kind == "op"}
    assert outside == {"*", "exp", "sum"}


def test_like_operations_on_operands_the_other_way_round_are_not_one_box():
    x = Value(1.5, label="x")
    ys = [mg.exp(Value(0.1 * k)) for k in range(9)]
    zs = [mg.sin(Value(0.2 * k)) for k in range(9)]
    parts = [y - z for y, z in zip(ys, zs)] + [z - y for y, z in zip(ys, zs)]
    graph = draw(mg.sum([x * p.tanh() for p in parts]), most=20)
    assert [box.title for box in graph.diagram.boxes].count("-  \u00d79") == 2
    shown = graph.diagram.boxes
    orders = [
        [shown[source].op for *_, source in ends]
        for i, ends in arrivals(graph).items()
        if shown[i].op == "-"
    ]
    assert sorted(orders) == [["exp", "sin"], ["sin", "exp"]]


def test_examples_are_one_frame_whatever_is_made_of_what_a_model_gives():
    random.seed(1)
    model = nn.MLP(2, [16, 16, 1])
    xs = [[random.random(), random.random()] for _ in range(40)]
    loss = mg.mean([losses.logistic(model(x), k % 2) for k, x in enumerate(xs)])
    shown = draw(loss).diagram
    assert [frame.head for frame in shown.frames] == ["MLP  \u00d740"]
    assert sorted(box.times for box in shown.boxes if box.op == "softplus") == [20, 20]
