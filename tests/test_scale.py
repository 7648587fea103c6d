"""A million nodes in a row, in a fan, around one leaf: built, run, copied, freed, printed."""

from __future__ import annotations

import copy
import gc
import pickle
import resource
import sys
import threading

import micrograd as mg
from micrograd import Value
from micrograd.core.sort import toposort

MILLION = 1_000_000


def chain(x, n):
    y = x
    for _ in range(n):
        y = y + 1
    return y


def test_chain():
    x = Value(1.0)
    y = chain(x, MILLION)
    y.backward()
    assert (y.data, x.grad) == (1_000_001.0, 1.0)
    assert len(toposort(y)[1]) == MILLION
    assert repr(y) == "Value(data=1000001.0, grad=1.0)"
    x.data = 2.0
    assert y.forward() == 1_000_002.0
    del y  # freed without recursion


def test_fan_out():
    x = Value(2.0)
    y = mg.sum([x * 1.0 for _ in range(MILLION // 2)])
    y.backward()
    assert x.grad == MILLION // 2


def test_fan_in():
    xs = [Value(1.0) for _ in range(MILLION)]
    y = mg.sum(xs)
    y.backward()
    assert y.data == MILLION
    assert {x.grad for x in xs} == {1.0}


def test_fan_of_interior_nodes_takes_linear_time():
    x = Value(1.0)
    inner = [x * 1.0 for _ in range(MILLION // 10)]
    y = mg.sum(inner) + mg.maximum(inner)
    y.backward()
    assert abs(x.grad - (MILLION // 10 + 1)) < 1e-3  # the ties share in parts of 1e-5


def test_copies_of_a_long_chain():
    x = Value(1.0)
    y = chain(x, MILLION // 10)
    x2, y2 = copy.deepcopy([x, y])
    y2.backward()
    assert (x2.grad, x.grad) == (1.0, 0.0)
    x3, y3 = pickle.loads(pickle.dumps([x, y]))
    y3.backward()
    assert x3.grad == 1.0


def test_gradients_as_values_of_a_long_chain():
    x = Value(0.5)
    y = x
    for _ in range(MILLION // 100):
        y = y.sin()
    y.backward(create_graph=True)
    first, x.grad = x.grad, 0
    first.backward()
    assert x.grad < 0 < first.data


def test_in_a_thread_with_a_small_stack():
    found = []

    def work():
        x = Value(1.0)
        y = chain(x, MILLION // 10)
        y.backward()
        copy.deepcopy(y)
        del y
        found.append(x.grad)

    # Python 3.13 itself frees a chain of any objects 10,000 deep before it stops to recurse.
    deep = sys.version_info[:2] == (3, 13) and not mg.compiled
    before = threading.stack_size(1024 * 1024 if deep else 64 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert found == [1.0]


def test_mixed_chains_of_every_kind_of_node_are_freed():
    x = Value(0.5)
    y = x
    for _ in range(MILLION // 20):
        y = mg.maximum(y, x)
        y = mg.sum(y, 0.0)
        y = (y - 1).relu() + 0.5
        y = mg.where(True, y, x)
    y.backward()
    del y


def test_memory_is_flat_over_training_steps():
    """With the collector off: what a step makes is gone when its names are."""
    gc.collect()
    gc.disable()
    try:
        w = [Value(0.1 * i) for i in range(10)]

        def step():
            y = mg.sum([(a * b).tanh() for a in w for b in w for _ in range(20)])
            for p in w:
                p.grad = 0
            y.backward()
            for p in w:
                p.data -= 0.01 * p.grad

        for _ in range(5):
            step()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(50):
            step()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    finally:
        gc.enable()
    unit = 1 if sys.platform == "darwin" else 1024
    assert grown * unit < 4 * 2**20, grown
