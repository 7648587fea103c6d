"""Frames, names, the shape of the page: from coordinates, on random graphs with random scopes."""

from __future__ import annotations

import copy
import importlib.util
import itertools
import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from graphs import recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import SVG, Shape, classes, mlp_loss, read, shape
from test_graph import OPERATIONS, check_geometry, extent

import micrograd as mg
from micrograd import Value, losses, nn
from micrograd.graph import draw, scope
from micrograd.graph.picture import svg
from micrograd.graph.picture.svg import Picture

pytestmark = pytest.mark.once

DOCS = Path(__file__).parent.parent / "docs"
SCOPES = st.lists(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple), min_size=1, max_size=6
)


def scoped(recipe, names):
    """The graph of a recipe, its steps in scopes that are entered in any order."""
    nodes = [Value(x) for x in recipe.leaves]
    for k, step in enumerate(recipe.steps):
        inner = list(names[k % len(names)])
        entered = [scope(name) for name in inner]
        for one in entered:
            one.__enter__()
        try:
            nodes = run(recipe._replace(steps=(step,)), nodes, OPERATIONS)
        finally:
            for one in reversed(entered):
                one.__exit__(None, None, None)
    nodes[-1].backward()
    return nodes[-1]


# Coordinates --------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=25),
    SCOPES,
    st.sampled_from(["node", "record", "circuit"]),
    st.sampled_from([None, 1, 2]),
)
def test_frames_nest_and_hold_their_boxes(recipe, names, style, depth):
    graph = draw(scoped(recipe, names), style=style, depth=depth)
    check_geometry(graph.svg, style)
    check_frames(graph)
    check_page(graph.svg)


@settings(max_examples=60, deadline=None)
@given(recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=25), SCOPES)
def test_frames_from_top_to_bottom(recipe, names):
    graph = draw(scoped(recipe, names), rankdir="TB")
    check_geometry(graph.svg, "node")
    check_frames(graph, down=True)


def check_frames(graph, down=False):
    """Each box and frame is in its frame, and in none that is not around that."""
    shown = graph.diagram
    if graph.rankdir == "LR":
        down = False  # it was too wide
    picture = Picture(shown, style=graph.style, down=down)
    look, where = picture.look, picture.where
    frames = [Shape(*corners) for corners in where.frames]
    around = [set(chain(shown, g)) for g in range(len(frames))]
    for g, frame in enumerate(frames):
        for h, other in enumerate(frames[:g]):
            if h in around[g]:
                assert other.holds(frame, 0.01)
            elif g not in around[h]:
                assert not other.touches(frame)
    boxes = []
    for i, (p, (w, h)) in enumerate(zip(where.boxes, look.sizes, strict=True)):
        box = Shape(p.x, p.y - h / 2, p.x + w, p.y + h / 2)
        boxes.append(box)
        mine = shown.boxes[look.owner(i)].frame
        for g, frame in enumerate(frames):
            if mine >= 0 and g in {mine, *around[mine]}:
                assert frame.holds(box, 0.01)
            else:
                assert not frame.touches(box)
    marks = [
        Shape(m.at.x, m.at.y - 10, m.at.x + m.width, m.at.y + 10) for m in where.marks
    ]  # fmt: skip
    solid = boxes + marks
    for a, b in itertools.combinations(solid, 2):
        assert not (a.touches(b) and overlap(a, b) > 0.1)
    heads = [Shape(f.left, f.top, f.right, f.top + 20) for f in frames]
    if not down:
        assert not any(h.touches(box) for h in heads for box in solid if overlap(h, box) > 0.1)
    for edge, route in zip(look.edges, where.routes, strict=True):
        target = boxes[edge.target]
        end = route[-1]
        if down:
            assert abs(end.y - target.top) < 0.1
        else:
            assert abs(end.x - target.left) < 0.1
            assert target.top - 0.1 <= end.y <= target.bottom + 0.1


def overlap(a, b):
    wide = min(a.right, b.right) - max(a.left, b.left)
    return min(wide, min(a.bottom, b.bottom) - max(a.top, b.top))


def chain(shown, g):
    """The frames around one."""
    while shown.frames[g].parent >= 0:
        g = shown.frames[g].parent
        yield g


def check_page(svg):
    """At most 4 to 1, and no text below 9 pixels where the page is 1,400 wide."""
    root = read(svg)
    width, height = float(root.get("width")), float(root.get("height"))
    assert width <= 4.0 * height + 1
    assert 11 * min(1.0, 1400 / width) >= 9 - 0.01
    left, top, *_ = map(float, root.get("viewBox").split())
    page = Shape(left, top, left + width, top + height)
    assert all(page.holds(extent(t), 0.6) for t in root.iter(f"{SVG}text"))


def test_captions_lie_in_their_frames():
    svg = draw(mlp_loss((3, 4, 1))).svg
    root = read(svg)
    frames = [shape(r) for r in root.iter(f"{SVG}rect") if "mg-frame" in classes(r)]
    heads = [extent(t) for t in root.iter(f"{SVG}text") if "mg-caption" in classes(t)]
    assert len(frames) == len(heads) > 1
    assert all(frame.holds(head) for frame, head in zip(frames, heads, strict=True))


def test_a_chain_goes_on_in_rows_and_says_so():
    y = Value(0.5, label="x")
    for _ in range(40):
        y = y.tanh()
    graph = draw(y)
    check_page(graph.svg)
    marks = [t.text for t in read(graph.svg).iter(f"{SVG}text") if "mg-faint" in classes(t)]
    assert any(marks.count(word) == 2 for word in marks)
    assert "mark of the same name" in graph.svg


def test_equal_gradients_have_equal_bars():
    a, b = Value(1.0, label="a"), Value(1234.5678, label="a long name")
    c = a + b
    c.backward()
    root = read(draw(c).svg)
    bars = [r.get("width") for r in root.iter(f"{SVG}rect") if "mg-plus" in classes(r)]
    bars = bars[1:]  # without that in the key
    assert len(bars) == 3
    assert len(set(bars)) == 1


def key_of(graph):
    """The words in the key, which stands below all boxes and frames."""
    root = read(graph.svg)
    held = {t for group in root.iter(f"{SVG}g") for t in group.iter(f"{SVG}text")}
    texts = [t for t in root if t.tag == f"{SVG}text" and t not in held]
    lowest = max(shape(r).bottom for g in root.iter(f"{SVG}g") for r in g.iter(f"{SVG}rect"))
    return [t.text for t in texts if extent(t).top > lowest and len(t.text) > 1]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_a_key_names_what_the_picture_has_and_nothing_else(theme, rankdir):
    first = "upper" if rankdir == "LR" else "left"
    bars = "gradient: \u2212 left, + right, length as \u221a|grad|"
    dots = "what comes in"
    order = f"the {first} arrow is the first operand"
    numbers = "data: numbers without a gradient"

    def drawn(y, **more):
        return key_of(draw(y, theme=theme, rankdir=rankdir, **more))

    x = Value(2.0)
    y = Value(3.0)
    for numbered, words in (
        (1 - x, [dots]), (x * x, []), (mg.sum([x, 1.0]), [numbers]), (x - y, [order]),
        ((x - y) * 2, [dots, order]),
    ):  # fmt: skip
        assert drawn(numbered) == words
        assert drawn(numbered, style="record") == words
    y = mg.sum([(1 - x) ** 2, 2.0])
    y.backward()
    assert drawn(y) == [bars, dots, numbers]
    assert drawn(y, style="record") == [dots, numbers]
    assert drawn(y, constants=False) == [bars]
    flow = drawn(y, flow=True)
    assert flow[0] == "gradient along an edge:"
    assert flow[-3:] == [bars, dots, numbers]
    wires = key_of(draw(y, theme=theme, style="circuit"))
    assert wires == ["value above, gradient below", dots, numbers]
    assert "gradient" not in draw(y).to_dot().source


# Names --------------------------------------------------------------------------------------


def labels(graph):
    return {box.label for box in graph.diagram.boxes if box.kind == "leaf"}


def mlp():
    model = nn.MLP(3, [4, 4, 1])
    loss = (model([Value(1.0), Value(2.0), Value(3.0)]) - 1.0) ** 2
    loss.backward()
    return loss


def lstm(steps=1):
    random.seed(1)
    cell = nn.LSTMCell(2, 2)
    state = None
    for _ in range(steps):
        state = cell([Value(1.0), Value(0.5)], state)
    loss = mg.sum(state[0])
    loss.backward()
    return loss


def test_parameters_are_called_by_their_place_in_a_model_that_is_gone():
    graph = draw(mlp(), most=600)
    assert {"w[1,2]", "b[3]", "x[0]", "x[2]"} <= labels(graph)
    assert "leaf" not in {box.title for box in graph.diagram.boxes}
    paths = {box.place for box in graph.diagram.boxes}
    assert "layers.0.neurons.1.w.2" in paths
    assert "[layers.0.neurons.1.w.2]" in graph.svg  # in the tooltip
    held = {f.title for f in graph.diagram.frames}
    assert {"MLP", "layer 0", "layer 1", "layer 2", "neuron 3"} <= held


def test_gates_have_frames():
    graph = draw(lstm())
    gates = {"input gate", "forget gate", "candidate", "output gate"}
    assert gates <= {frame.title for frame in graph.diagram.frames}
    assert "leaf" not in {box.title for box in graph.diagram.boxes}
    everything = draw(lstm(), most=600, zeros=True)
    assert "leaf" not in {box.title for box in everything.diagram.boxes}


def test_programs_and_pictures_name_alike():
    model = nn.MLP(2, [2, 1])

    class Box:
        pass

    box = Box()
    box.model = model

    fast = mg.jit(lambda x: box.model(x), parameters=model.parameters())
    fast([1.0, 2.0])
    assert "w0_1_0" in str(fast.program)
    assert "w[1,0]" in labels(draw(model([1.0, 2.0]), most=600))


def test_leaves_are_called_by_their_variables():
    first, weights = Value(1.0), [[Value(2.0)], [Value(3.0)]]
    loss = first * weights[0][0] * weights[1][0]
    assert labels(draw(loss)) == {"first", "weights[0,0]", "weights[1,0]"}
    assert not first.label  # looking changes nothing


def test_a_label_wins():
    mine = Value(1.0, label="its own")
    assert labels(draw(mine * 2.0)) == {"its own"}


def test_what_an_object_of_the_users_holds():
    class Net:
        def __init__(self):
            self.w = [[Value(0.1), Value(0.2)]]
            self.b = [Value(0.0)]

    net = Net()
    y = net.w[0][0] * 1.5 + net.w[0][1] * 2.5 + net.b[0]
    assert {"w[0,0]", "w[0,1]", "b[0]"} <= labels(draw(y))


def test_zeros_that_only_multiply_are_hidden_and_said():
    cell = nn.RNNCell(1, 2)
    y = mg.sum(cell([1.0]))
    graph = draw(y, most=600)
    assert "4 products with 0 are not drawn" in repr(graph)
    shown = draw(y, most=600, zeros=True)
    assert "not drawn" not in repr(shown)
    assert len(shown.diagram.boxes) > len(graph.diagram.boxes)
    assert graph.diagram.boxes[-1].data == shown.diagram.boxes[-1].data == y.data


def test_repeated_calls_are_drawn_once_with_a_count():
    random.seed(0)
    cell = nn.LSTMCell(2, 8)
    state = None
    for i in range(12):
        state = cell([Value(float(i)), Value(0.5)], state)
    graph = draw(mg.sum(state[0]))
    titles = [box.title for box in graph.diagram.boxes]
    assert "LSTMCell  \u00d711" in titles
    assert "LSTMCell" in {frame.title for frame in graph.diagram.frames}
    assert len(titles) <= 60
    check_page(graph.svg)


# What a call leaves behind ------------------------------------------------------------------


class Flag:
    gone = False

    def __del__(self):
        Flag.gone = True


def test_calls_keep_nothing_alive():
    cell = nn.RNNCell(2, 2)
    h = cell([Value(1.0), Value(2.0)])
    h = cell([Value(1.0), Value(2.0)], h)
    Flag.gone = False
    h[0]._prev[0].flag = Flag()
    del h
    assert Flag.gone


def test_copies_and_pickles_of_what_a_module_gave():
    y = mlp()
    for other in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        assert other.data == y.data
        assert draw(other).svg


def test_many_calls_in_a_row_are_freed():
    cell = nn.RNNCell(1, 1)
    h = None
    for _ in range(20_000):
        h = cell([1.0], h)
    del h


def test_a_module_that_keeps_its_state():
    class Counter(nn.Module):
        def __init__(self):
            self.w = Value(0.5)
            self.h = 0.0

        def __call__(self, x):
            self.h = mg.tanh(self.w * x + self.h)
            return self.h

    model = Counter()
    for x in (1.0, 2.0):
        y = model(x)
    frames = draw(y).diagram.frames
    assert {f.note for f in frames if f.kind == "call"} == {"1 of 2", "2 of 2"}


# Flow, findings, arrays, pages --------------------------------------------------------------


def test_flow_and_findings():
    random.seed(1)
    model = nn.MLP(2, [4, 4, 1], activation="sigmoid")
    for p in model.layers[0].parameters():
        p.data *= 20
    xs, ys = [[1.0, 2.0], [0.5, -1.0], [2.0, 0.3], [-1.0, 1.0]] * 3, [1.0, 0.0, 1.0, 0.0] * 3
    report = mg.diagnose(model, losses.squared_error, (xs, ys))
    assert "saturated" in report.codes
    loss = losses.squared_error(model(xs[0]), 1.0)
    loss.backward()
    graph = draw(loss, flow=True, findings=report)
    check_page(graph.svg)
    layer = next(f for f in graph.diagram.frames if f.path == "layers.0")
    assert "saturated" in layer.found
    assert "saturated" in layer.head
    assert "gradient along an edge" in graph.svg
    x = Value(-1.0, label="x")
    dead = (x * 3.0).relu() + x
    dead.backward()
    root = read(draw(dead, flow=True).svg)
    assert len([p for p in root.iter(f"{SVG}path") if "mg-dead" in classes(p)]) > 1


@pytest.mark.parametrize("width", [3, 40])
def test_a_network_of_any_width_is_the_same_array_picture(width):
    model = nn.MLP(2, [width, width, 1])
    fast = mg.jit(lambda x, y: losses.squared_error(model(x), y), parameters=model.parameters())
    fast([1.0, 2.0], 1.0)
    graph = draw(fast)
    assert [box.op for box in graph.diagram.boxes if box.op] == [
        "relu(W1 @ x + b1)", "relu(W2 @ v2 + b2)", "w3 @ v4 + b3 - y", "v6 * v6"
    ]  # fmt: skip
    assert f"W2 [{width}, {width}]" in graph.svg
    assert f"dW2 [{width}, {width}]" in graph.svg
    assert draw(fast.array_program).svg == graph.svg
    check_page(graph.svg)
    assert "relu(W1 @ x + b1)" in graph.text


@pytest.mark.parametrize("name", ["mlp", "lstm", "rnn", "batch-norm", "attention", "newton",
                                  "softmax", "lstm-arrays", "gpt-arrays", "gpt"])  # fmt: skip
def test_the_gallery(name):
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    gallery = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    try:
        spec.loader.exec_module(gallery)
        graph = gallery.ENTRIES[name].graph()
        check_page(graph.svg)
        if graph.style != "arrays":
            check_geometry(graph.svg, graph.style)
            check_frames(graph)
        if name != "newton":  # whose seeds nobody has named
            assert "leaf" not in {box.title for box in graph.diagram.boxes}
    finally:
        sys.path[:] = before


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
CLICK = 'const click = e => e.dispatchEvent(new MouseEvent("click", {bubbles: true}));'


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_folds_searches_lights_and_opens(tmp_path):
    page = draw(mlp()).save(tmp_path / "page.html")
    script = (
        CLICK
        + """
      const seen = place => document.querySelectorAll(place).length;
      const said = [];
      const frame = document.querySelector('[data-frame="1"]');
      click(frame); said.push(seen(".mg-cover.shut"));
      click(document.querySelector(".mg-cover.shut rect")); said.push(seen(".mg-cover.shut"));
      click(document.querySelector("#fold")); said.push(seen(".mg-cover.shut"));
      click(document.querySelector("#open"));
      const find = document.querySelector("#search");
      find.value = "neuron 2"; find.dispatchEvent(new Event("input"));
      said.push(seen("[data-box].lit"));
      const box = [...document.querySelectorAll("[data-box]")].find(
        g => g.querySelector("title").textContent.startsWith("neuron 2"));
      click(box); said.push(seen("[data-link].lit"), seen("[data-box].here"));
      click(box); said.push(seen(".lens svg"));
      document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
      said.push(seen(".lit"), seen(".lens"));
      document.body.insertAdjacentHTML("beforeend", `<p id="result">${said.join(" ")}</p>`);
    """
    )
    text = page.read_text(encoding="utf-8")
    page.write_text(
        text.replace(
            "</body>", f"<script>addEventListener('load', () => {{{script}}})</script></body>"
        )
    )
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = done.stdout.split('<p id="result">')[-1].split("</p>")[0].split()
    frames = len(draw(mlp()).diagram.frames)
    folded, unfolded, every, searched, lit, here, lens, *after = map(int, found)
    assert (folded, unfolded, every) == (1, 0, frames)
    assert searched == 2  # one in each hidden layer
    assert lit > 4
    assert (here, lens, after) == (1, 1, [0, 0])


def test_steps_and_explanations_name_as_pictures_do():
    model = nn.MLP(2, [2, 1])
    for p in model.parameters():
        p.data = 0.5  # no neuron is dead, whose steps pass nothing on
    y = model([Value(1.0), Value(2.0)])
    weight = model.layers[0].neurons[1].w[0]
    assert str(mg.graph.explain(y, weight)).startswith("d v")
    assert " / d w[1,0] = " in str(mg.graph.explain(y, weight))
    named = {step.name for step in mg.graph.steps(y)}
    assert {"x[0]", "b[0,0]", "b[1,0]", "w[1,1]"} <= named


# Where it was written -----------------------------------------------------------------------


class Gated(nn.Module):
    """Two lines of arithmetic in a module of the user's own."""

    def __init__(self):
        self.w, self.v = [Value(0.5), Value(-0.25)], [Value(1.0), Value(2.0)]

    def __call__(self, x):
        gate = mg.sigmoid(self.w[0] * x[0] + self.w[1] * x[1])
        return gate * (self.v[0] * x[0])


def tooltips(graph):
    return [title.text for title in read(graph.svg).iter(f"{SVG}title")][1:]


def line_of(text):
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(k for k, line in enumerate(lines, 1) if text in line)


def test_each_operation_of_a_drawn_module_tells_its_line():
    graph = draw(Gated(), inputs=[1.0 / 3.0, 2.0], depth=9)
    gate = line_of("gate = mg.sigmoid(self.w[0]")
    product = line_of("return gate * (self")
    said = {box.op: box.words for box in graph.diagram.boxes if box.kind == "op"}
    assert f"test_graph_frames.py:{gate}]" in said["sigmoid"]
    assert any(f"test_graph_frames.py:{product}]" in words for words in tooltips(graph))
    assert not any("/test_graph_frames" in words for words in tooltips(graph))


def test_operations_tell_their_line_in_a_scope_and_else_that_of_the_call():
    x = [Value(1.0), Value(2.0)]
    with scope("loss"):
        y = x[0] * x[1]  # in a scope
    said = tooltips(draw(y))
    assert any(f"test_graph_frames.py:{line_of('# in a scope')}]" in words for words in said)
    out = Gated()(x)  # here it is called
    said = tooltips(draw(out))
    called = f"called at test_graph_frames.py:{line_of('# here it is called')}]"
    assert any(words.startswith("sigmoid") and called in words for words in said)


def test_full_precision_in_tooltips():
    x = Value(1.0 / 3.0)
    y = mg.exp(x)
    y.backward()
    assert any(repr(y.data) in words for words in tooltips(draw(y)))
    assert any(f"grad {x.grad!r}" in words for words in tooltips(draw(y)))


class Cell(nn.Module):
    """Gates in a dict of matrices: as people write them without layers of ours."""

    def __init__(self):
        self.gates = {
            name: {"W": [[Value(0.1)] * 2] * 2, "U": [[Value(0.2)] * 2] * 2}
            for name in ("reset", "update")
        }
        for gate in self.gates.values():
            for key in gate:
                gate[key] = [[Value(0.1 * i + j) for j in range(2)] for i in range(2)]

    def gate(self, name, x, h):
        w, u = self.gates[name]["W"], self.gates[name]["U"]
        sums = [
            sum(a * b for a, b in zip(w[i], x)) + sum(a * b for a, b in zip(u[i], h))
            for i in range(2)
        ]
        return [s.sigmoid() for s in sums]

    def __call__(self, x, h):
        reset = self.gate("reset", x, h)
        return self.gate("update", x, [a * b for a, b in zip(reset, h)])


def test_gates_by_hand_have_frames_with_their_names():
    x, h = [Value(1.0), Value(2.0)], [Value(0.5), Value(0.1)]
    graph = draw(mg.sum(Cell()(x, h)))
    assert {frame.title for frame in graph.diagram.frames} >= {"gates, reset", "gates, update"}


class Window(nn.Module):
    """A weight in an attribute each: none of them names the sum."""

    def __init__(self):
        self.a, self.b, self.c = Value(1.0), Value(-2.0), Value(0.5)

    def __call__(self, xs):
        return [(self.a * x + self.b * y + self.c).relu() for x, y in itertools.pairwise(xs)]


def test_a_sum_is_not_called_by_one_of_its_weights():
    graph = draw(mg.sum(Window()([Value(1.0), Value(2.0), Value(3.0)])))
    titles = [frame.title for frame in graph.diagram.frames]
    assert titles == ["Window"]


def test_marks_of_different_boxes_have_different_names():
    class Gates(nn.Module):
        def __init__(self):
            self.forget, self.cand = nn.Layer(3, 2), nn.Layer(3, 2)

        def __call__(self, x, h):
            for gate in (self.forget, self.cand, self.forget, self.cand):
                h = [a * b for a, b in zip(gate([x, *h]), h)]
            return mg.sum(h)

    model, h = Gates(), [Value(0.5), Value(0.25)]
    for x in (1.0, -1.0, 2.0):
        h = [model(Value(x), h), Value(0.5)]
    picture = draw(h[0]).picture
    names = {}
    for mark in picture.where.marks:
        owner = picture.look.owner(mark.source)
        name = svg.mark_names(picture.look.shown)[owner]
        assert names.setdefault(name, owner) == owner
    assert names


class Table(nn.Module):
    """Rows that go into a layer: parameters, but not those of the layer."""

    def __init__(self):
        self.table, self.head = {c: [Value(0.1), Value(0.2)] for c in "ab"}, nn.Linear(2, 3)

    def __call__(self, c):
        return self.head(self.table[c])


def test_parameters_that_go_into_a_layer_are_not_counted_as_its_own():
    boxes = draw(mg.sum(Table()("a")), depth=1).diagram.boxes
    assert any(box.note.endswith("9 parameters") for box in boxes)
    assert any(box.kind == "leaf" and box.times == 2 for box in boxes)
