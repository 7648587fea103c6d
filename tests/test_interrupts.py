"""Ctrl-C in the middle of backward(): every leaf has its old gradient, or every leaf the new.

Python delivers a signal between two bytecodes. A trace function raises KeyboardInterrupt
before any chosen one of them, so that each place where it can strike is tried.
"""

from __future__ import annotations

import signal
import sys

import pytest

import micrograd as mg
from micrograd import Value
from micrograd.engine import LOCK


class Strike:
    """A trace function that raises before the n-th traced opcode.

    Not at lines: what is raised at the line of a comprehension passes by the `except`
    around it in Python 3.12 and 3.13. A signal there does not.
    """

    def __init__(self, n):
        self.left = n

    def __call__(self, frame, event, arg):
        frame.f_trace_opcodes = True
        if "micrograd" not in frame.f_code.co_filename:
            return None
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def graph():
    leaves = [Value(0.5 * i + 1, label=str(i)) for i in range(4)]
    a, b, c, d = leaves
    h = a * b + c
    y = h * h + mg.maximum(a, h, d) + (c - 9).relu() * d + mg.where(False, a, b).tanh()
    for i, x in enumerate(leaves):
        x.grad = float(i)
    return leaves, y


@pytest.mark.skipif(mg.compiled, reason="a signal cannot strike inside machine code")
def test_backward_is_all_or_nothing():
    leaves, y = graph()
    before = [x.grad for x in leaves]
    y.backward()
    after = [x.grad for x in leaves]
    assert before != after
    outcomes = set()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks for one when tracing starts
    for n in range(1, 10_000):
        for x, g in zip(leaves, before, strict=True):
            x.grad = g
        sys.settrace(Strike(n))
        try:
            y.backward()
        except KeyboardInterrupt:
            found = [x.grad for x in leaves]
            assert found in (before, after), n
            outcomes.add(found == before)
        else:
            break
        finally:
            sys.settrace(None)
            # A traced strike can fall between `__enter__` and the body of a `with`, where
            # Python delivers no signal; it leaves the lock taken.
            while LOCK._is_owned():
                LOCK.release()
    assert outcomes >= {True}
    assert n > 300
    # And the engine still works.
    y.backward()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer")
def test_a_real_signal_while_a_step_of_ones_own_runs():
    leaves, y = graph()
    before = [x.grad for x in leaves]
    h = y * 2

    def slow():
        leaves[0].grad += 100.0
        while True:
            pass

    h._backward = slow

    def interrupt(*_):
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            (h + leaves[1]).backward()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert [x.grad for x in leaves] == before
