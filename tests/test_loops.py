"""Loops and branches run eagerly: they are what a Python loop or an `if` is, derivatives included."""

from __future__ import annotations

import math

import pytest

import micrograd as mg
from micrograd import Value


def test_scan_stacks_outputs_by_structure():
    def turn(carry, x):
        return carry + x["a"], (carry, [x["b"][0], 2 * carry])

    xs = {"a": [1.0, 2.0], "b": [[3.0], [4.0]]}
    last, (before, rows) = mg.scan(turn, 0.0, xs)
    assert last == 3.0
    assert before == [0.0, 1.0]
    assert rows == [[3.0, 0.0], [4.0, 2.0]]


def test_scan_in_reverse_leaves_outputs_where_their_x_is():
    last, ys = mg.scan(lambda c, x: (c * 10 + x, c), 0.0, [1.0, 2.0, 3.0], reverse=True)
    assert last == 321.0
    assert ys == [32.0, 3.0, 0.0]


def test_no_turn_and_one_turn():
    assert mg.scan(lambda c, x: (c + x, c), 1.0, []) == (1.0, [])
    assert mg.scan(lambda c, _: (c + 1, c), 1.0, length=1) == (2.0, [1.0])
    assert mg.fori_loop(3, 3, lambda i, c: c + i, 5.0) == 5.0
    assert mg.fori_loop(4, 3, lambda i, c: c + i, 5.0) == 5.0
    assert mg.while_loop(lambda c: c < 0, lambda c: c + 1, 5.0) == 5.0


def test_gradients_are_those_of_a_python_loop():
    def by_loop(a, xs):
        total = a
        for x in xs:
            total = total * mg.sin(x * a)
        return total

    def by_scan(a, xs):
        return mg.scan(lambda total, x: (total * mg.sin(x * a), None), a, xs)[0]

    xs = [0.5, 1.5, 2.5]
    assert by_loop(0.7, xs) == by_scan(0.7, xs)
    assert mg.grad(by_loop)(0.7, xs) == mg.grad(by_scan)(0.7, xs)
    assert mg.grad(by_loop, 1)(0.7, xs) == mg.grad(by_scan, 1)(0.7, xs)
    assert mg.derivative(by_loop, 3)(0.7, xs) == mg.derivative(by_scan, 3)(0.7, xs)


def test_a_loop_whose_turns_depend_on_the_number():
    def halvings(x):
        return mg.while_loop(lambda v: v > 1.0, lambda v: v / 2, x)

    assert mg.grad(halvings)(10.0) == 1 / 16
    assert mg.fori_loop(0, Value(3.0), lambda i, c: c + i, 0.0) == 3.0


@pytest.mark.parametrize("checkpoint", ["all", "sqrt", 1, 3, 100])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_is_kept_changes_no_gradient(checkpoint, reverse):
    a, xs = Value(0.7), [Value(x / 10) for x in range(11)]

    def turn(c, x):
        new = mg.sin(c * a) + x
        return new, new * x

    last, ys = mg.scan(turn, a, xs, reverse=reverse, checkpoint=checkpoint)
    (last + mg.sum(ys)).backward()
    b, zs = Value(0.7), [Value(x / 10) for x in range(11)]
    c, outputs = b, []
    for x in reversed(zs) if reverse else zs:
        c = mg.sin(c * b) + x
        outputs.append(c * x)
    (c + mg.sum(outputs[::-1] if reverse else outputs)).backward()
    assert a.grad == pytest.approx(b.grad, rel=1e-14)
    assert [x.grad for x in xs] == pytest.approx([z.grad for z in zs], rel=1e-14)


def test_the_branch_not_taken_is_not_run():
    def refuse(x):
        raise AssertionError("not taken")

    assert mg.cond(True, lambda x: x * 2, refuse, 3.0) == 6.0
    assert mg.cond(Value(0.0), refuse, lambda x: x * 2, 3.0) == 6.0
    x = Value(0.0)
    mg.cond(x > 0, mg.log, lambda v: v * 3, x).backward()
    assert x.grad == 3.0


@pytest.mark.parametrize("through", [lambda f: f, mg.jit], ids=["eager", "jit"])
def test_who_is_wrong_about_the_carry_is_named(through):
    for upper in (3, Value(3.0)):
        with pytest.raises(TypeError, match="fori_loop: the carry was a number and is a list of 2"):
            through(lambda x, n=upper: mg.fori_loop(0, n, lambda i, c: [c, c], x))(1.0)
        with pytest.raises(TypeError, match="fori_loop: the carry was a number and is None now"):
            through(lambda x, n=upper: mg.fori_loop(0, n, lambda i, c: None, x))(1.0)
    with pytest.raises(TypeError, match="entry 1 of entry 0 of the carry was a number and is a li"):
        through(lambda x: mg.fori_loop(0, 2, lambda i, c: [[x, [x]], x], [[x, x], x]))(1.0)
    with pytest.raises(ValueError, match="fori_loop: checkpoint is"):
        through(lambda x: mg.fori_loop(0, 2, lambda i, c: c, x, checkpoint="none"))(1.0)
    with pytest.raises(TypeError, match="while_loop: a condition is true or false, or a number"):
        through(lambda x: mg.while_loop(lambda c: [c < 3.0], lambda c: c + 1.0, x))(1.0)


def test_what_cannot_be_said_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match="the carry was a number and is a tuple of 2 now"):
        mg.scan(lambda c, x: ((c, c), None), 0.0, [1.0])
    with pytest.raises(TypeError, match="f gives a pair"):
        mg.scan(lambda c, x: c, 0.0, [1.0])
    with pytest.raises(ValueError, match="give length=n"):
        mg.scan(lambda c, x: (c, x), 0.0)
    with pytest.raises(ValueError, match="2 and 3 turns"):
        mg.scan(lambda c, x: (c, x), 0.0, ([1.0, 2.0], [1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match="does its function return"):
        mg.while_loop(lambda c: None, lambda c: c, 0.0)
    with pytest.raises(ValueError, match="checkpoint is"):
        mg.scan(lambda c, x: (c, x), 0.0, [1.0], checkpoint=0)
    with pytest.raises(ValueError, match="needs to know the number of turns"):
        mg.while_loop(lambda c: c < 3, lambda c: c + 1, 0.0, checkpoint="sqrt")
    with pytest.raises(TypeError, match="length is a whole number"):
        mg.scan(lambda c, x: (c, x), 0.0, length=Value(3.0))


# Roots --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", range(6))
def test_derivatives_of_a_root(order):
    import mpmath

    found = mg.derivative(lambda a: mg.root(lambda x: x * x - a, 1.0), order)(2.0)
    exact = float(mpmath.diff(mpmath.sqrt, 2, order))
    assert abs(found - exact) <= 4 * math.ulp(exact)


def test_roots_of_systems():
    def circle(a, b):
        return mg.root(lambda x: [x[0] ** 2 + x[1] ** 2 - a, x[1] - b * x[0]], [1.0, 1.0])

    a, b = 5.0, 2.0
    assert circle(a, b) == pytest.approx([1.0, 2.0], rel=1e-15)
    # x = sqrt(a / (1 + b**2))
    rows = mg.jacobian(circle, (0, 1))(a, b)
    assert rows[0] == pytest.approx((1 / 10, -2 / 5), rel=1e-14)
    assert mg.hessian(lambda a, b: circle(a, b)[0], (0, 1))(a, b)[0][0] == pytest.approx(-1 / 100)


def test_a_fixed_point_and_a_solver_of_ones_own():
    def iterate(f, x):
        for _ in range(200):
            x = f(x)
        return x

    for solver in (None, iterate):
        a = Value(1.0)
        x = mg.fixed_point(lambda x, a=a: mg.cos(a * x), 1.0, solver)
        x.backward()
        r = 0.7390851332151607
        assert x.data == pytest.approx(r, rel=1e-15)
        assert a.grad == pytest.approx(-r * math.sin(r) / (1 + math.sin(r)), rel=1e-14)


def test_newton_is_guarded():
    assert mg.root(lambda x: mg.log(x) - 1.0, 100.0) == pytest.approx(math.e, rel=1e-15)
    assert mg.root(mg.atan, 30.0) == 0.0
    with pytest.raises(ValueError, match="residual of 1"):
        mg.root(lambda x: x * x + 1.0, 3.0)
    with pytest.raises(ValueError, match="2 equations for 1 unknown"):
        mg.root(lambda x: [x, x], 3.0)


def test_a_root_that_reaches_nothing_is_a_number():
    assert type(mg.root(lambda x: x - 2.0, 1.0)) is float
    x0 = Value(1.0)
    x = mg.root(lambda x: x - 2.0, x0)
    x.backward()
    assert (x.data, x0.grad) == (2.0, 0.0)
