"""Folding: layers, neurons, scopes and repetitions as boxes, and large graphs readable."""

from __future__ import annotations

import threading

import pytest
from graphs import recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import batch_norm_loss, mlp_loss
from test_graph import OPERATIONS, check_geometry, compare

import micrograd as mg
from micrograd import Value
from micrograd.core.node import attribute
from micrograd.graph import draw, name_values, scope, trace
from micrograd.graph.folding.fold import LARGEST, READABLE

pytestmark = pytest.mark.once


def titles(root, **options):
    """The title of each box but numbers; "x3" is how many it stands for."""
    boxes = draw(root, constants=False, **options).diagram.boxes
    return [box.title.replace("  \u00d7", " x") for box in boxes]


def network(sizes, x):
    model = mg.nn.MLP(*sizes)
    return model, model([Value(v, label=f"x{i}") for i, v in enumerate(x)])


def test_layers_neurons_operations():
    _, y = network((2, [3, 1]), (1.0, 2.0))
    assert titles(y, depth=1) == ["x x2", "layer 0", "layer 1"]
    notes = [box.note for box in draw(y, depth=1).diagram.boxes if box.kind == "fold"]
    assert notes == ["3 ReLU neurons, 9 parameters", "1 linear neuron, 4 parameters"]
    assert sorted(titles(y, depth=2)) == [
        "layer 1", "neuron 0", "neuron 1", "neuron 2", "x x2"
    ]  # fmt: skip
    everything = draw(y, depth=3).diagram
    plain = draw(y).diagram
    assert {f.path for f in everything.frames} == {f.path for f in plain.frames}
    kinds = [sorted((b.op, b.data, b.grad) for b in d.boxes) for d in (everything, plain)]
    assert kinds[0] == kinds[1]
    assert len(everything.links) == len(plain.links)


@pytest.mark.parametrize("examples", [1, 3, 40])
@pytest.mark.parametrize("depth", [1, 2, None])
def test_sums_written_out_fold_like_those_of_neurons(examples, depth):
    a = mlp_loss((2, 8, 1), examples, penalty=True)
    b = mlp_loss((2, 8, 1), examples, penalty=True, by_hand=True)
    pictures = [draw(root, depth=depth).diagram for root in (a, b)]
    assert pictures[0].operations == pictures[1].operations
    if depth is None:
        return  # the places of parameters are known of one alone
    found = [
        sorted(numbers(box) for box in shown.boxes if box.kind != "leaf") for shown in pictures
    ]
    assert found[0] == found[1]


def numbers(box):
    """What is in a box, whatever it is called."""
    return box.kind, box.times, box.rows


def test_a_large_loss_folds_by_itself():
    graph = draw(mlp_loss((2, 16, 16, 1), 30, penalty=True))
    shown = graph.diagram
    assert shown.folded
    assert len(shown.boxes) <= 30
    assert shown.operations > 19_000
    assert "folded into" in repr(graph)
    assert "folded into" in graph.svg
    names = titles(mlp_loss((2, 16, 16, 1), 30, penalty=True))
    assert {"layer 0 x30", "layer 1 x30", "layer 2 x30"} <= set(names)
    assert {"parameters x48", "parameters x272", "parameters x17"} <= set(names)
    assert "x x60" in names
    assert len(graph.text.splitlines()) < 60


def test_parameters_are_shown_with_their_range():
    loss = mlp_loss((2, 16, 16, 1), 30, penalty=True)
    shown = draw(loss).diagram
    box = next(box for box in shown.boxes if box.label == "parameters" and box.times == 272)
    leaves = [v for v in trace(loss)[0] if not v._prev]
    assert box.spread.low in {v.data for v in leaves}
    assert {box.spread.grad_low, box.spread.grad_high} <= {v.grad for v in leaves}
    assert box.spread.low < 0 < box.spread.high


def test_names_of_parameters_survive_folding():
    model, y = network((2, [2, 1]), (1.0, 2.0))
    name_values({"model": model})
    assert titles(y, depth=1) == ["x x2", "layer 0", "layer 1"]
    model, y = network((2, [16, 16, 1]), (1.0, 2.0))
    name_values({"model": model})
    penalized = y + sum(p * p for p in model.parameters())
    shown = draw(penalized).diagram.boxes
    held = {box.note: box.times for box in shown if box.label == "parameters"}
    assert held == {"layer 0": 48, "layer 1": 272, "layer 2": 17}


def test_two_networks_that_are_used_differently_stay_apart():
    actor, critic = mg.nn.MLP(2, [16, 16, 1]), mg.nn.MLP(2, [16, 16, 1])
    losses = []
    for i in range(9):
        x = [Value(0.1 * i), Value(-0.2)]
        losses.append(actor(x).tanh() * critic(x) + critic(x) ** 2)
    names = titles(sum(losses))
    assert names.count("layer 1 x9") == names.count("layer 1 x18") == 1
    assert names.count("x x18") == 1
    assert names.count("parameters x272") == names.count("parameters x48") == 2


def test_what_repeats_irregularly_is_cut_into_pieces():
    x = Value(1.0, label="x")
    y = x
    for i in range(3000):
        y = y * 1.0001 + (0.1 if i % 7 else x.sin())
    graph = draw(y)
    assert 2 < len(graph.diagram.boxes) <= READABLE
    check_geometry(graph.svg, "node")


SCOPES = st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=25), SCOPES, st.integers(1, 3))
def test_folded_graphs_have_no_circles_and_lose_nothing(recipe, names, depth):
    """Scopes entered in any order, so that whole boxes would depend on each other in circles."""
    nodes = [Value(x) for x in recipe.leaves]
    for k, step in enumerate(recipe.steps):
        name = names[k % len(names)]
        if name:
            with scope(name):
                nodes = run(recipe._replace(steps=(step,)), nodes, OPERATIONS)
        else:
            nodes = run(recipe._replace(steps=(step,)), nodes, OPERATIONS)
    root = nodes[-1]
    graph = draw(root, depth=depth)
    shown = graph.diagram
    assert all(link.source < link.target for link in shown.links)
    assert shown.boxes[-1].data == root.data
    used = {link.source for link in shown.links}
    assert used == set(range(len(shown.boxes) - 1))
    leaves = {v for v in trace(root)[0] if not v._prev}
    drawn = {box.node for box in shown.boxes if box.kind == "leaf" and box.node is not None}
    assert drawn <= leaves
    check_geometry(graph.svg, "node")


@settings(max_examples=100, deadline=None)
@given(recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=25))
def test_stacking_never_makes_circles(recipe):
    from micrograd.core.view import View
    from micrograd.graph.folding.fold import Fold
    from micrograd.graph.folding.pattern import Mesh

    root = run(recipe, [Value(x) for x in recipe.leaves], OPERATIONS)[-1]
    mesh = Mesh(View(root))
    fold = Fold(mesh, True)
    fold.cut(1)
    before = fold.count()
    fold.stack()
    assert fold.count() <= before
    shown = fold.assemble()
    assert all(link.source < link.target for link in shown.links)
    assert shown.boxes[-1].data == root.data
    singles = sum(box.times for box in shown.boxes if box.kind == "op")
    assert singles <= mesh.operations
    fold.band()
    banded = fold.assemble()
    assert all(link.source < link.target for link in banded.links)


# Scopes -------------------------------------------------------------------------------------


def test_scopes_nest():
    x = Value(2.0, label="x")
    with scope("outer"):
        y = x * 3
        with scope("inner"):
            y = y.tanh().exp()
        y = y + 1
    z = y * x
    assert titles(z, depth=1) == ["x", "outer", "*"]
    assert titles(z, depth=2) == ["x", "*", "inner", "+", "*"]


def test_a_scope_is_also_a_decorator():
    @scope("twice")
    def twice(v):
        return v + v * 1.0

    assert titles(twice(Value(1.0, label="x")), depth=1) == ["x", "twice"]


def test_a_name_goes_on():
    x = Value(2.0, label="x")
    with scope("stage"):
        a = x * 2
    with scope("stage"):
        b = x * 3
    assert titles(a + b, depth=1) == ["x", "stage", "+"]


def test_scopes_are_those_of_the_thread():
    found = []

    def other():
        found.append(Value(1.0) * 2)

    with scope("here"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert attribute(found[0], "_scope") is None


def test_an_error_leaves_the_scope():
    with pytest.raises(ZeroDivisionError), scope("broken"):
        1 / 0
    assert attribute(Value(1.0) * 2, "_scope") is None


@pytest.mark.parametrize("name", ["", 3, None])
def test_names_of_scopes(name):
    with pytest.raises(TypeError, match="scope"):
        scope(name)


def test_neurons_inside_a_scope_belong_to_it_when_unfolded():
    model = mg.nn.MLP(2, [2, 1])
    with scope("model"):
        y = model([Value(1.0), Value(2.0)])
    names = titles(y, depth=1)
    assert names == ["x x2", "model"]
    assert titles(y, depth=2) == ["x x2", "layer 0", "layer 1"]
    draw(y, depth=4)  # unfolds the neurons
    assert titles(y, depth=1) == names


# Batch normalization, as in the course pictures ----------------------------------------------


@pytest.mark.parametrize(("depth", "name"), [(1, "folded"), (None, "unfolded")])
def test_batch_normalization(depth, name):
    """Forward black, backward red; one box per stage, and every operation."""
    graph = draw(batch_norm_loss(), style="circuit", depth=depth)
    check_geometry(graph.svg, "circuit")
    compare(f"batch-norm-{name}.svg", graph.svg)
    assert graph.svg.count('class="mg-back"') >= len(graph.diagram.boxes) - 1


def test_stages_of_batch_normalization():
    assert titles(batch_norm_loss(), depth=1) == [
        "gamma", "x x3", "mean", "center", "variance", "1 / deviation", "normalize", "beta",
        "scale and shift", "loss",
    ]  # fmt: skip


def test_a_dead_unit_sends_no_red_back():
    x = Value(-1.0, label="x")
    y = (x * 2).relu() + x
    y.backward()
    live = draw(y, style="circuit").diagram
    dead = [link for link in live.links if not link.live]
    assert len(dead) == 1  # into the ReLU


def test_everything_in_one_scope():
    with scope("all"):
        y = Value(2.0) * 3.0 + 1.0
    graph = draw(y, depth=1)
    assert repr(graph) == (
        "<Graph: Computation graph of 2 operations on 1 leaf, folded into 2 boxes; "
        "the result is 7.0.>"
    )


def test_a_long_tree_is_cut_off():
    lines = draw(mg.sum([Value(float(i)) for i in range(5000)]), most=10_000).text.split("\n")
    assert len(lines) == 2001
    assert lines[-1] == "... and 3,001 more boxes"


def test_the_cap():
    x = Value(1.0)
    for _ in range(LARGEST // 2 - 1):
        x = x.tanh()
    assert not draw(x).diagram.folded
    for _ in range(LARGEST):
        x = x.tanh()
    assert draw(x).diagram.folded
