"""What can be drawn: several results in one picture, modules, and showing them where the user is."""

from __future__ import annotations

import random
import sys
import types
import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from graphs import recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import the_example
from test_graph import OPERATIONS, check_geometry

import micrograd as mg
from micrograd import Value, nn
from micrograd.graph import draw, frames, scope
from micrograd.graph import show as showing

pytestmark = pytest.mark.once

STYLES = ("node", "record", "circuit")


def boxes(graph):
    return [box.title for box in graph.diagram.boxes]


def results(graph):
    return [graph.diagram.boxes[i].node for i in graph.diagram.results]


# Several results ----------------------------------------------------------------------------


def two():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    shared = a * b
    return a, b, shared, shared + 1, shared.tanh()


def test_what_results_share_is_drawn_once():
    *_, left, right = two()
    graph = draw([left, right])
    assert sorted(boxes(graph)) == ["*", "a", "b", "tanh", "· + 1"]
    assert results(graph) == [left, right]
    assert "the results are -5.0 and -1.0" in repr(graph)
    for style in STYLES:
        check_geometry(draw([left, right], style=style).svg, style)


def test_one_result_in_a_list_is_the_picture_of_it():
    *_, left, _ = two()
    assert draw([left]).svg == draw(left).svg == draw([left, left]).svg


def test_a_result_that_another_one_uses_and_a_leaf_are_results_too():
    a, _, shared, left, _ = two()
    graph = draw([left, shared, a])
    assert len(boxes(graph)) == 4
    assert results(graph) == [left, shared, a]
    assert graph.text.count("data -6.0") == 1


def test_a_leaf_that_nothing_uses():
    a, _, _, left, _ = two()
    lonely = Value(7.0, label="lonely")
    graph = draw([left, lonely])
    assert results(graph) == [left, lonely]
    check_geometry(graph.svg, "node")
    assert boxes(draw([lonely, a])) == ["lonely", "a"]


def test_the_order_of_results_is_kept_in_text():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    assert draw([a * b, a + b]).text.splitlines() == [
        "*: data 6.0, grad 0.0", "├─ a: data 2.0, grad 0.0", "└─ b: data 3.0, grad 0.0",
        "", "+: data 5.0, grad 0.0", "├─ a (above)", "└─ b (above)",
    ]  # fmt: skip


def test_lists_in_lists_dicts_and_arrays():
    numpy = pytest.importorskip("numpy")
    *_, left, right = two()
    for root in ([[left], (right,)], {"l": left, "r": right}, numpy.array([left, right])):
        assert results(draw(root)) == [left, right]
    model = nn.MLP(2, [3, 2])
    outs = [model(x) for x in ([1.0, 2.0], [0.0, 1.0])]
    numbers = [draw(outs).diagram.boxes[i].data for i in draw(outs).diagram.results]
    assert numbers == [v.data for out in outs for v in out]


def test_what_is_no_value():
    a = Value(1.0)
    with pytest.raises(TypeError, match=r"element 1 of element 'x' of the list is float 2.0"):
        draw({"x": [a, 2.0]})
    with pytest.raises(TypeError, match=r"draw takes a Value, a list of them, a module .* 'a'"):
        draw("a")
    with pytest.raises(ValueError, match="no Value in"):
        draw([])
    with pytest.raises(ValueError, match="inputs are those of a module"):
        draw(a, inputs=[1.0])


def test_looking_at_several_changes_nothing():
    *_, left, right = two()
    left.backward()
    before = [(v.data, v.grad) for v in mg.graph.trace(left)[0] | mg.graph.trace(right)[0]]
    assert draw([left, right]).svg
    after = [(v.data, v.grad) for v in mg.graph.trace(left)[0] | mg.graph.trace(right)[0]]
    assert sorted(before) == sorted(after)


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=30, deadline=None)
@given(
    recipe=recipes(st.floats(-1e3, 1e3), list(OPERATIONS), max_steps=25),
    picks=st.lists(st.integers(0, 40), min_size=2, max_size=6),
)
def test_any_nodes_as_results(style, recipe, picks):
    nodes = run(recipe, [Value(x) for x in recipe.leaves], OPERATIONS)
    chosen = list(dict.fromkeys(nodes[i % len(nodes)] for i in picks))
    graph = draw(chosen, style=style, most=600)
    assert results(graph) == chosen
    everything = set().union(*(mg.graph.trace(v)[0] for v in chosen))
    shown = [box.node for box in graph.diagram.boxes if box.node is not None]
    assert len(shown) == len(set(shown))
    assert {v for v in everything if v._prev} == {v for v in shown if v._prev}
    check_geometry(graph.svg, style)


@pytest.mark.parametrize("depth", [1, 2, None])
def test_many_results_fold(depth):
    random.seed(1)
    model = nn.MLP(2, [16, 16, 1])
    with scope("all"):
        outs = [model([1.0, float(i)]) for i in range(40)]
    graph = draw(outs, depth=depth)
    check_geometry(graph.svg, "node")
    assert len(graph.diagram.boxes) <= 600
    assert graph.html.count("<svg") >= 1


def test_an_activation_and_what_goes_into_it_are_two_boxes_where_both_are_asked_for():
    x = [Value(1.0), Value(2.0)]
    w = [Value(0.5), Value(-1.5)]
    sums = w[0] * x[0] + w[1] * x[1] + Value(0.25)
    graph = draw([sums, sums.relu()], depth=2)
    assert len(graph.diagram.results) == 2


# Modules ------------------------------------------------------------------------------------


def layers(graph):
    return [box.title for box in graph.diagram.boxes if box.kind != "leaf"]


def test_a_model_is_drawn_by_layers_with_their_parameters_counted():
    graph = draw(nn.MLP(2, [16, 16, 1]))
    assert layers(graph) == ["layer 0", "layer 1", "layer 2"]
    notes = [box.note for box in graph.diagram.boxes if box.kind == "fold"]
    assert notes == [
        "16 ReLU neurons, 48 parameters", "16 ReLU neurons, 272 parameters",
        "1 linear neuron, 17 parameters",
    ]  # fmt: skip
    assert [frame.title for frame in graph.diagram.frames] == ["MLP"]
    assert "Its inputs are examples, 1.0 each." in repr(graph)
    assert len(graph.diagram.boxes) == 4


def test_its_numbers_are_those_of_the_call():
    random.seed(3)
    model = nn.MLP(2, [3, 2])
    for inputs, graph in (([1.0, 1.0], draw(model)), ([0.5, -2.0], draw(model, inputs=[0.5, -2]))):
        found = graph.diagram.boxes[-1].spread
        expected = sorted(v.data for v in model(inputs))
        assert [found.low, found.high] == expected


def test_parameters_have_their_names_where_it_is_unfolded():
    graph = draw(nn.Neuron(2))
    leaves = sorted(box.label for box in graph.diagram.boxes if box.kind == "leaf")
    assert leaves == ["b", "w[0]", "w[1]", "x[0]", "x[1]"]
    assert len(boxes(draw(nn.MLP(2, [2, 1]), depth=2))) > len(boxes(draw(nn.MLP(2, [2, 1]))))


MODULES = [
    (lambda: nn.Layer(2, 3), 3),
    (lambda: nn.MLP(1, [3, 1]), 2),
    (lambda: nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 1)), 3),
    (lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm(3), nn.Linear(3, 1)), 3),
    (lambda: nn.LSTMCell(2, 3), None),
    (lambda: nn.LayerNorm(3), None),
    (lambda: nn.Maxout(2, 2), 4),
    (nn.Tanh, 1),
    (nn.PReLU, 1),
]


@pytest.mark.parametrize(("make", "count"), MODULES)
def test_modules_of_all_kinds_without_a_word_on_their_inputs(make, count):
    module = make()
    graph = draw(module)
    assert count is None or len(layers(graph)) == count
    check_geometry(graph.svg, "node")


def test_a_module_of_ones_own():
    class Net(nn.Module):
        def __init__(self):
            self.b = Value(0.0)
            self.w = [Value(1.0) for _ in range(3)]

        def __call__(self, x):
            return sum(
                (w * v for w, v in zip(self.w, x, strict=False)), self.b
            )  # loses what is more

    leaves = {box.label for box in draw(Net()).diagram.boxes if box.kind == "leaf"}
    assert leaves == {"b", "w[0]", "w[1]", "w[2]", "x[0]", "x[1]", "x[2]"}


def test_several_arguments_and_whole_numbers():
    graph = draw(nn.LSTMCell(1, 2), inputs=([1.0], ([0.5, 0.25], [0.125, 0.0625])))
    leaves = [box.label for box in graph.diagram.boxes if box.kind == "leaf"]
    assert any(label.startswith("state") for label in leaves)
    table = nn.Embedding(4, 2)
    assert results(draw(table, inputs=3)) == table.weight[3]
    numpy = pytest.importorskip("numpy")
    model = nn.MLP(2, [2, 1])
    given = numpy.array([1.0, 2.0])
    assert draw(model, inputs=given).text == draw(model, inputs=[1.0, 2.0]).text


def test_what_cannot_be_told_is_asked_for():
    with pytest.raises(ValueError, match=r"Embedding takes cannot be told .* inputs=\[1.0, 2.0\]"):
        draw(nn.Embedding(4, 2))
    with pytest.raises(TypeError, match=r"draw\(model, inputs=\[1.0, 2.0\]\)"):
        draw(nn.MLP(2, [1]), [1.0, 2.0])
    with pytest.raises((TypeError, ValueError), match="MLP"):
        draw(nn.MLP(2, [1]), inputs=[1.0, 2.0, 3.0])


def test_looking_at_a_module_changes_nothing():
    drop = nn.Dropout(0.5)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm(3), drop, nn.Linear(3, 1))
    drop.eval()
    seen = []

    class Looker(mg.core.observe.Observer):
        def made(self, node):
            seen.append(node)

    state, before = model.state_dict(), random.getstate()
    with Looker():
        draw(model)
    assert model.state_dict() == state
    assert random.getstate() == before
    assert not seen
    assert [m for m in model.modules() if not m.training] == [drop]
    assert all(p.grad == 0 for p in model.parameters())


# Shown --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [draw, frames, lambda x: draw(nn.MLP(2, [2, 1]))])
def test_in_a_terminal_the_page_opens_in_the_browser(make, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    picture = make(the_example())
    assert picture.show() is None
    [address] = opened
    path = Path(unquote(urlparse(address).path))
    assert path.read_text(encoding="utf-8") == picture.html
    assert capsys.readouterr().out == ""
    path.unlink()
    path.parent.rmdir()


def test_without_a_browser_it_says_where_the_picture_is(monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    draw(the_example()).show()
    said = capsys.readouterr().out
    path = Path(said.split("the picture is ")[1].strip())
    assert path.suffix == ".html"
    assert path.is_file()
    path.unlink()
    path.parent.rmdir()


@pytest.mark.parametrize("kernel", [True, False])
def test_in_a_notebook_it_is_displayed(kernel, monkeypatch):
    shown, opened = [], []
    shell = types.SimpleNamespace(kernel=object()) if kernel else types.SimpleNamespace()
    python = types.SimpleNamespace(
        get_ipython=lambda: shell, display=types.SimpleNamespace(display=shown.append)
    )
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    monkeypatch.setattr(showing, "write_text", lambda path, text: path)
    graph = draw(the_example())
    graph.show()
    assert (shown, len(opened)) == (([graph], 0) if kernel else ([], 1))
