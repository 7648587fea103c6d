"""Looking never changes a graph: no node is made, no gradient moves, the pickle stays the same."""

from __future__ import annotations

import copy
import pickle

import pytest
from graphs import recipes, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import mlp_loss

import micrograd as mg
from micrograd import Value, nn
from micrograd.core.sort import toposort
from micrograd.core.view import View
from micrograd.graph import draw, draw_dot, explain, frames, latex, steps, trace

OPERATIONS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b * 3.0,
    "sub": lambda a, b: 2 - b,
    "pow": lambda a, b: (a * a + 1.0) ** 0.5 / 4,
    "relu": lambda a, b: b.relu(),
    "max": lambda a, b: mg.maximum(a, b, 0.25),
    "neuron": lambda a, b: weighted(a, b),
    "start": lambda a, b: weighted(a, b, 1.5),
}


def weighted(a, b, start=None):
    from micrograd.core.weighted_sum import weighted_sum

    return weighted_sum([a, 0.5, b], [b, a, 2.0], Value(0.1) if start is None else start)


LOOKS = {
    "_prev": lambda root: [v._prev for v in View(root).nodes],
    "trace": trace,
    "draw": lambda root: draw(root).svg,
    "draw, folded": lambda root: draw(root, depth=1).svg,
    "circuit": lambda root: draw(root, style="circuit", constants=False).svg,
    "text": lambda root: draw(root).text,
    "dot": lambda root: draw_dot(root).source,
    "steps": lambda root: list(steps(root)),
    "explain": lambda root: [str(explain(root, x)) for x in toposort(root)[0]],
    "frames": lambda root: frames(root).html,
    "latex": latex,
    "staged": mg.staged,
    "repr": repr,
    "copy": copy.deepcopy,
    "compare_backward": lambda root: mg.compare_backward(root).svg(),
    "diagnose": lambda root: str(mg.diagnose(root=root)),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_network_is_the_same_after_every_look(look):
    root = mlp_loss((2, 3, 1))
    before, count = pickle.dumps(root), len(View(root, products=False).nodes)
    gradients = [v.grad for v in toposort(root)[0]]
    LOOKS[look](root)
    assert len(View(root, products=False).nodes) == count
    assert [v.grad for v in toposort(root)[0]] == gradients
    assert pickle.dumps(root) == before


@settings(max_examples=60, deadline=None)
@given(recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=10), st.sampled_from(sorted(LOOKS)))
def test_random_graphs_are_the_same_after_every_look(recipe, look):
    root = run(recipe, [Value(x) for x in recipe.leaves], OPERATIONS)[-1]
    root.backward()
    before = pickle.dumps(root)
    LOOKS[look](root)
    assert pickle.dumps(root) == before


@settings(max_examples=100, deadline=None)
@given(recipes(st.floats(-2, 2), list(OPERATIONS), max_steps=10))
def test_the_chain_rule_by_prev_and_op_alone(recipe):
    """What somebody computes who walks `_prev` and steps each node is what backward computes."""
    leaves = [Value(x) for x in recipe.leaves]
    others = [Value(x) for x in recipe.leaves]
    run(recipe, leaves, OPERATIONS)[-1].backward()
    root = run(recipe, others, OPERATIONS)[-1]
    order, seen = [], set()

    def build(v):
        if v not in seen:
            seen.add(v)
            for child in v._prev:
                build(child)
            order.append(v)

    build(root)
    root.grad = 1.0
    for v in reversed(order):
        v._backward()
    assert [v.grad for v in others] == pytest.approx([v.grad for v in leaves], rel=1e-12)


def test_written_constants_answer_with_data_and_gradient():
    x = Value(2.0)
    y = x * 3.0
    z = y * y
    z.backward()
    assert (y._prev[1].data, y._prev[1].grad) == (3.0, 24.0)
    assert y._prev[1] is y._prev[1]
    neuron = nn.Neuron(2, nonlin=False)
    out = neuron([1.0, 2.0])
    out.backward(2.0)
    total, product = out._prev
    assert (total._op, product._op, product.grad) == ("+", "*", 2.0)
    assert product._prev[0] is neuron.w[1]


def test_no_grad_follows_a_generator_and_a_coroutine():
    import asyncio

    x = Value(3.0)

    @mg.no_grad()
    def numbers():
        for k in range(2):
            yield x * k

    @mg.no_grad()
    async def slowly():
        y = x * 2
        await asyncio.sleep(0)
        return y, x * 3

    taken = []
    for y in numbers():
        taken.append((y, x * x))  # made while the generator waits
    assert all(y._prev == () and z._prev == (x, x) for y, z in taken)

    async def both():
        task = asyncio.create_task(slowly())
        await asyncio.sleep(0)
        outside = x * x  # while the other one is suspended inside its block
        return outside, await task

    outside, inside = asyncio.run(both())
    assert outside._prev == (x, x)
    assert all(y._prev == () for y in inside)
