"""`reverse`: the steps it adds to small programs, worked out by hand."""

from __future__ import annotations

import math

import pytest

from micrograd.compiler.ir.program import Program
from micrograd.compiler.ir.reverse import Symbol, reverse


def inputs(names):
    program = Program()
    return program, [Symbol(program, program.input(name)) for name in names]


def test_only_what_depends_on_the_asked_for_has_a_gradient():
    program, (x, y) = inputs("xy")
    z = y.exp() * x
    program.outputs = [z.i]
    assert reverse(program, by=[x.i]) == {z.i, x.i}
    assert program.run([2.0, 0.0], []) == [2.0, 1.0]
    program, (x, y) = inputs("xy")
    exp = x.exp()
    z = exp + (y < 0.0)
    program.outputs = [z.i]
    assert reverse(program, by=[x.i, y.i]) == {z.i, exp.i, x.i}
    assert program.run([0.0, 1.0], []) == [1.0, 1.0, 0.0]


def test_of_several_outputs_and_an_unreached_input():
    program, (x, y, z) = inputs("xyz")
    program.outputs = [(x * y).i, x.i, (x * y + x).i]
    reverse(program, by=[x.i, y.i, z.i])
    assert program.values == 3
    assert program.run([2.0, 5.0, 7.0], [])[3:] == [12.0, 4.0, 0.0]
    program, (x, y) = inputs("xy")
    program.outputs = [(x * y).i, (x * y).i]
    reverse(program, [10.0, y], by=[x.i], start={x.i: 3.0})
    assert program.run([2.0, 5.0], [])[2:] == [3.0 + 50.0 + 25.0]


@pytest.mark.parametrize("settings", [{}, {"chained": True}])
def test_in_a_loop_a_seed_of_zero_selects_nothing(settings):
    """The turns after this one did not select what it gives: then nothing flows, 0 * inf included."""
    program, (x, s) = inputs("xs")
    program.outputs = [x.log().i]
    x.relu()
    reverse(program, [s], by=[x.i], **settings)
    for seed in (2.0, 1.0, -1.0):
        assert program.run([4.0, seed], [])[1] == seed / 4.0
    found = program.run([0.0, 0.0], [])[1]
    assert found == 0.0 if settings else math.isnan(found)


def test_in_a_loop_an_output_that_comes_twice_is_selected_by_either_seed():
    program, (x, s, t) = inputs("xst")
    y = x.log()
    x.relu()
    program.outputs = [y.i, y.i]
    reverse(program, [s, t], by=[x.i], chained=True)
    for s, t in ((1.0, 0.0), (0.0, 1.0), (1.0, 2.0)):
        assert program.run([4.0, s, t], [])[2] == (s + t) / 4.0
