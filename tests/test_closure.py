"""A `_backward` that someone assigned: called as its maker wrote it, and held without a cycle."""

from __future__ import annotations

import gc
import sys

import pytest

from micrograd import Value
from micrograd.core.own_step import OwnStep

pytestmark = pytest.mark.core


class Owner:
    """Anything that can be watched being freed."""

    freed = 0

    def __del__(self):
        Owner.freed += 1


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def made(log):
    owner = Owner()

    def step():
        log.append(owner)

    return owner, step


def test_the_step_is_called_with_its_owner():
    log = []
    owner, step = made(log)
    OwnStep(step, owner)(owner)
    assert log == [owner]


def test_there_is_no_cycle(without_collector):
    before = Owner.freed
    owner = Owner()

    def step():
        assert owner is not None  # noqa: F821 (deleted below, and that is the point)

    owner.step = OwnStep(step, owner)
    del step
    owner.step(owner)
    del owner
    assert Owner.freed == before + 1


def test_what_else_the_function_holds_is_shared_with_it():
    """Only the cell of the owner is replaced: a counter goes on counting for everybody."""
    count = 0
    owner = Owner()

    def step():
        nonlocal count
        assert owner is not None
        count += 1

    own = OwnStep(step, owner)
    own(owner)
    own(owner)
    step()
    assert count == 3


def test_defaults_keywords_names_and_attributes_come_along():
    owner, log = Owner(), []

    def step(factor=2.0, *, offset=1.0):
        log.append((owner, factor, offset, step.note))

    step.note = "mine"
    own = OwnStep(step, owner)
    own(owner)
    assert log == [(owner, 2.0, 1.0, "mine")]
    assert own.function.__name__ == "step"
    assert own.function.note == "mine"


def test_an_error_leaves_the_cell_empty(without_collector):
    owner = Owner()

    def step():
        raise RuntimeError(str(owner)[:0] + "on the way")

    own = OwnStep(step, owner)
    with pytest.raises(RuntimeError, match="on the way"):
        own(owner)
    assert len(own.cells) == 1
    with pytest.raises(ValueError, match="empty"):
        own.cells[0].cell_contents


def test_functions_that_do_not_hold_their_owner_stay_as_they_are():
    owner, log = Owner(), []

    def free():
        log.append(1)

    for step in (free, lambda: log.append(2), log.clear, print):
        assert OwnStep(step, owner).function is step
    OwnStep(free, owner)(owner)
    assert log == [1]


def test_a_cell_that_is_not_filled_yet():
    """A variable that gets its value after the function was assigned."""
    owner = Owner()

    def step():
        return later, owner

    own = OwnStep(step, owner)
    later = 3
    assert later == 3
    own(owner)


def graph():
    x = Value(2.0)
    out = Value(x.data**2, (x,), "square")

    def _backward():
        x.grad += 2 * x.data * out.grad

    out._backward = _backward
    return x, out


def test_a_value_with_a_step_of_ones_own_is_freed_at_once(without_collector):
    x, out = graph()
    held = sys.getrefcount(x)
    out.backward()
    assert x.grad == 4.0
    del out
    assert sys.getrefcount(x) < held


def test_the_step_can_be_called_by_hand_and_replaced():
    x, out = graph()
    out.grad = 1.0
    out._backward()
    assert x.grad == 4.0

    def twice():
        x.grad += 100.0 * out.grad

    out._backward = twice
    out._backward()
    assert x.grad == 104.0


def test_a_method_as_a_step():
    class Layer:
        def __init__(self):
            self.calls = 0

        def step(self):
            self.calls += 1

    layer = Layer()
    y = Value(1.0, (Value(1.0),), "f")
    y._backward = layer.step
    y.backward()
    assert layer.calls == 1


def test_what_cannot_be_called_is_refused():
    y = Value(1.0) * 2
    with pytest.raises(TypeError, match="_backward is a function"):
        y._backward = 3.0
    y.backward()
