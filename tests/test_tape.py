"""`Tape`: each edge, rate and sum of a flattened graph, against numbers worked out by hand."""

from __future__ import annotations

import math
import pickle

import pytest

import micrograd as mg
from micrograd import Value
from micrograd.autodiff.tape import Tape, second_partials
from micrograd.core.observe import Observer
from micrograd.core.rule import CUSTOM


def by_name(tape, numbers, **nodes):
    return {name: numbers[tape.place[v]] for name, v in nodes.items()}


def doubled(x):
    """2 x with a step made by hand."""
    out = Value(2.0 * x.data, (x,), "doubled")

    def _backward():
        x.grad += 2.0 * out.grad

    out._backward = _backward
    return out


def bare(x):
    """A node made by hand that nobody gave a step."""
    return Value(x.data, (x,), "mystery")


def test_pull_and_push_along_every_edge():
    x, y = Value(3.0), Value(5.0)
    h = x * y
    k = 2 * h - y
    z = mg.sum([k, h, x, 7.0])
    tape = Tape([z])
    assert tape.leaves == 2
    nodes = {"x": x, "y": y, "h": h, "k": k, "z": z}
    pulled = tape.pull({z: 10.0})
    assert by_name(tape, pulled, **nodes) == {
        "x": 160.0,
        "y": 80.0,
        "h": 30.0,
        "k": 10.0,
        "z": 10.0,
    }
    assert all(tape.reached)
    pushed = tape.push({x: 10.0})
    assert by_name(tape, pushed, **nodes) == {
        "x": 10.0,
        "y": 0.0,
        "h": 50.0,
        "k": 100.0,
        "z": 160.0,
    }
    assert by_name(tape, tape.moved, **nodes) == {**dict.fromkeys(nodes, True), "y": False}
    assert tape.push({Value(1.0): 1.0}) == [0.0] * len(tape.nodes)  # of a node that is not there
    assert not any(tape.moved)


def test_one_leaf_and_one_operation():
    x = Value(3.0)
    y = x * x
    tape = Tape([y])
    assert tape.pull({y: 1.0}) == [6.0, 1.0]
    assert tape.push({x: 1.0}) == [1.0, 6.0]
    assert tape.curve().product(y, tape.pull({y: 1.0}), {x: 1.0}) == [2.0, 0.0]
    assert Tape([x]).pull({x: 4.0}) == [4.0]


def test_what_an_output_does_not_reach_gets_nothing_and_multiplies_nothing():
    x, y = Value(3.0), Value(0.0)
    a, b = x * 2, y.log()
    tape = Tape([a, b])
    pulled = tape.pull({a: 1.0})
    assert by_name(tape, pulled, x=x, y=y, a=a, b=b) == {"x": 2.0, "y": 0.0, "a": 1.0, "b": 0.0}
    assert by_name(tape, tape.reached, x=x, y=y, a=a, b=b) == {
        "x": True,
        "y": False,
        "a": True,
        "b": False,
    }
    pushed = tape.push({x: 1.0})
    assert by_name(tape, pushed, y=y, a=a, b=b) == {"y": 0.0, "a": 2.0, "b": 0.0}
    both = tape.pull({b: 1.0, a: 3.0})
    assert by_name(tape, both, x=x, y=y) == {"x": 6.0, "y": math.inf}


def test_a_tape_may_end_at_an_operation():
    x, y = Value(3.0), Value(5.0)
    h = x * y
    z = h * h + y
    tape = Tape([z], (h,))
    assert set(tape.nodes) == {h, y, h * h and z._prev[0], z}
    assert tape.leaves == 2
    assert by_name(tape, tape.pull({z: 1.0}), h=h, y=y) == {"h": 30.0, "y": 1.0}


# Steps made by hand -----------------------------------------------------------------------------


def test_a_step_made_by_hand_is_lent_its_nodes():
    x, y = Value(3.0), Value(5.0)
    (x * x).backward(create_graph=True)
    kept = x.grad
    h = x * y
    d = doubled(h)
    d.grad, h.grad = 70.0, 80.0
    z = d + x
    tape = Tape([z])
    pulled = tape.pull({z: 3.0})
    assert by_name(tape, pulled, x=x, y=y, h=h, d=d) == {"x": 33.0, "y": 18.0, "h": 6.0, "d": 3.0}
    assert all(tape.reached)
    assert x.grad is kept
    assert (d.grad, h.grad) == (70.0, 80.0)


def test_forward_mode_refuses_it_where_it_moves_and_nowhere_else():
    x, y = Value(3.0), Value(5.0)
    z = doubled(x) * y
    tape = Tape([z])
    assert by_name(tape, tape.push({y: 1.0}), z=z) == {"z": 6.0}
    with pytest.raises(TypeError, match="'doubled' was made by hand"):
        tape.push({x: 1.0})
    assert mg.jvp(lambda v: mg.where(False, doubled(v), v * v), 3.0, 1.0) == (9.0, 6.0)


def test_an_error_in_the_step_gives_the_gradients_back():
    x = Value(3.0)
    broken = Value(1.0, (x,), "broken")
    broken._backward = lambda: 1 // 0
    x.grad, broken.grad = 7.0, 8.0
    with pytest.raises(ZeroDivisionError):
        Tape([broken]).pull({broken: 1.0})
    assert (x.grad, broken.grad) == (7.0, 8.0)


def test_without_a_step_nothing_flows_and_nothing_moves():
    def f(v):
        return bare(v * 2) + mg.where(False, v.log(), v)

    assert mg.grad(f)(2.0) == 1.0
    with pytest.raises(TypeError, match="'mystery'"):
        mg.jvp(f, 2.0, 1.0)


# Second derivatives -----------------------------------------------------------------------------

X, Y = Value(2.0), Value(4.0)


@pytest.mark.parametrize(
    ("v", "triples"),
    [
        (X, []),
        (X + Y, []),
        (X - Y, []),
        (-X, []),
        (mg.sum([X, Y]), []),
        (mg.mean([X, Y]), []),
        (X.relu(), []),
        (mg.maximum(X, Y), []),
        (X * Y, [(0, 1, 1.0), (1, 0, 1.0)]),
        (X * 3, []),
        (3 * X, []),
        (X**2, [(0, 0, 2.0)]),
        (X**3, [(0, 0, 12.0)]),
        (X**1, []),
        (X**0.5, [(0, 0, -0.25 * 2.0**-1.5)]),
        (2**X, [(1, 1, 4 * math.log(2) ** 2)]),
        (X**Value(2.0), [(0, 0, 2.0), (0, 1, 2 + 4 * math.log(2)), (1, 0, 2 + 4 * math.log(2)),
                         (1, 1, 4 * math.log(2) ** 2)]),
        (X.exp(), [(0, 0, math.exp(2.0))]),
        (X / Y, [(0, 1, -0.0625), (1, 0, -0.0625), (1, 1, 0.0625)]),
        (X / 2, []),
        (mg.xlogy(X, 2.0), []),
        (1 / X, [(1, 1, 0.25)]),
        (mg.nn.Neuron(2, nonlin=False)([X, 3.0]), [(1, 3, 1.0), (3, 1, 1.0)]),
        (mg.nn.Neuron(2, nonlin=False)([3.0, X]), [(2, 4, 1.0), (4, 2, 1.0)]),
        (mg.nn.Neuron(1, nonlin=False)([Y]), [(1, 2, 1.0), (2, 1, 1.0)]),
    ],
)  # fmt: skip
def test_second_partials(v, triples):
    found = [triple for triple in second_partials(v) if triple[2]]
    assert [t[:2] for t in found] == [t[:2] for t in triples]
    assert [t[2] for t in found] == pytest.approx([t[2] for t in triples], rel=1e-15)


def test_products_with_the_hessian():
    x, y = Value(3.0), Value(5.0)
    z = x * x * y + x * 7
    w = z * 2
    tape = Tape([w])
    curve = tape.curve()
    for output, factor in ((w, 2.0), (z, 1.0)):
        adjoint = tape.pull({output: 1.0})
        along_x = curve.product(output, adjoint, {x: 10.0})
        assert by_name(tape, along_x, x=x, y=y) == {"x": 100.0 * factor, "y": 60.0 * factor}
        along_y = curve.product(output, adjoint, {y: 1.0})
        assert by_name(tape, along_y, x=x, y=y) == {"x": 6.0 * factor, "y": 0.0}


def test_what_does_not_move_is_not_multiplied():
    x, y = Value(3.0), Value(0.0)
    z = x * y.log()
    tape = Tape([z, (x * 0.0).log()])
    curve = tape.curve()
    found = curve.product(z, tape.pull({z: 1.0}), {x: 1.0})
    assert by_name(tape, found, x=x, y=y) == {"x": 0.0, "y": math.inf}


def test_a_gradient_of_zero_is_one():
    """0 times a slope that changes at an infinite rate is nan."""
    x = Value(0.0)
    z = x.sqrt() * 0.0
    tape = Tape([z])
    found = tape.curve().product(z, tape.pull({z: 1.0}), {x: 1.0})
    assert math.isnan(found[tape.place[x]])


def test_a_changed_operand_is_an_error():
    x = Value(3.0)
    y = x.exp()
    x.data = 4.0
    with pytest.raises(ValueError, match="changed since the forward pass"):
        Tape([y]).curve()


def test_a_node_that_lost_its_rule_has_a_slope_and_no_curvature():
    cube = mg.custom(lambda x: x**3, lambda x, y: 3 * x * x, name="cube_to_be_lost")
    pickled = pickle.dumps(cube(Value(2.0)))
    del CUSTOM["cube_to_be_lost"]
    lost = pickle.loads(pickled)
    (x,) = lost._prev
    z = lost * x
    tape = Tape([z])
    curve = tape.curve()
    adjoint = tape.pull({z: 1.0})
    assert adjoint[tape.place[x]] == 8.0 + 2.0 * 12.0
    assert curve.product(z, adjoint, {Value(0.0): 1.0}) == [0.0] * 3
    with pytest.raises(TypeError, match="cube_to_be_lost"):
        curve.product(z, adjoint, {x: 1.0})


def test_nobody_watches_second_derivatives_being_made():
    class Notes(Observer):
        made_any = False

        def made(self, node):
            self.made_any = True

    x = Value(2.0)
    y = x.exp()
    with Notes() as notes:
        Tape([y]).curve()
        assert not notes.made_any
        x * x
    assert notes.made_any
