"""The collector is off while a compiler works, and as it was afterwards, however that ends."""

from __future__ import annotations

import gc

import pytest

import micrograd as mg
from micrograd.compiler.paused import gc_paused


@gc_paused
def seen(inner=None):
    found = gc.isenabled()
    if inner is not None:
        inner()
    return found, gc.isenabled()


@pytest.fixture
def collector():
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled, collector):
    (gc.enable if enabled else gc.disable)()
    assert seen(inner=seen) == (False, False)  # the inner one leaves it off
    assert gc.isenabled() is enabled
    with pytest.raises(ZeroDivisionError):
        seen(inner=lambda: 1 / 0)
    assert gc.isenabled() is enabled


def test_a_function_is_traced_undisturbed(collector):
    gc.enable()
    states = []

    def f(x):
        states.append(gc.isenabled())
        return x * x

    fast = mg.jit(f)
    assert fast(3.0) == 9.0
    assert states == [False] and gc.isenabled()
    with pytest.raises(TypeError):
        mg.jit(lambda x: "no number")(1.0)
    assert gc.isenabled()
