"""Transforms: against mpmath, against each other, nested in every order, and at the edges."""

from __future__ import annotations

import itertools
import math
import random
from collections import namedtuple

import mpmath as mp
import pytest
import reference
from graphs import ANALYTIC, REALS, analytic, recipes, run
from helpers import fewer, ulps
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mpf

import micrograd as mg
from micrograd import Value, jvp, vjp
from micrograd.core.observe import Observer
from micrograd.core.rule import FLAT, SMOOTH
from micrograd.ops import TABLE

# One operand, against the coefficients of Taylor's series ---------------------------------------

UNARY = [
    name
    for name, rule in TABLE.items()
    if rule.arity == 1 and rule.kind == SMOOTH and name not in ("abs",)
]
INSIDE = {
    "erfcx": (-1.5, 0.3, 2.0),
    "y0": (0.7, 1.5, 6.0),
    "y1": (0.7, 1.5, 6.0),
    "gamma": (0.7, 2.5, 4.25),
    "lgamma": (0.7, 2.5, 4.25),
    "digamma": (0.7, 2.5, 4.25),
}
POINTS = {  # well inside the domain, so that a contour of mpmath's fits around them
    (-math.inf, math.inf): (-1.75, -0.4, 0.3, 1.5),
    (0.0, math.inf): (0.3, 1.5, 20.0),
    (-1.0, 1.0): (-0.6, 0.2, 0.7),
    (-1.0, math.inf): (-0.5, 0.3, 4.0),
    (1.0, math.inf): (1.25, 2.0, 7.5),
}


def points_of(name):
    domain = TABLE[name].domain
    return INSIDE.get(name) or POINTS[domain[0] if domain else (-math.inf, math.inf)]


def taylor(name, x, order):
    with mp.workprec(reference.PRECISION):
        if name in ("y0", "y1"):  # DLMF 10.6.7, where mpmath's own way takes seconds
            return [
                mp.fsum(
                    (-1) ** j * mp.binomial(n, j) * mp.bessely(int(name[1]) - n + 2 * j, x)
                    for j in range(n + 1)
                )
                / 2**n
                for n in range(order + 1)
            ]
        return [
            c * mp.factorial(n)
            for n, c in enumerate(mp.taylor(reference.SMOOTH[name], mpf(x), order))
        ]


@pytest.mark.parametrize("name", UNARY)
def test_orders_one_to_six_against_taylor(name):
    """Within 4 units of the last place of the Taylor coefficients' size, four times as many an order.

    A derivative is a sum of terms of either sign, which may cancel to nothing: the error is
    measured by the largest coefficient up to that order. Each differentiation multiplies the
    number of terms by a constant, and with it the roundings.
    """
    rule = TABLE[name]
    for x in fewer(name, points_of(name)):
        exact = taylor(name, x, 6)
        size = mp.mpf(0)
        for n in range(7):
            size = max(size, abs(exact[n]) / mp.factorial(n))
            found = mg.derivative(lambda v: rule.function(v), n)(x)
            error = abs(mpf(found) - exact[n])
            bound = 4 * 2.0**-53 * 4**n * mp.factorial(n) * size
            assert error <= bound, (name, x, n, found, float(exact[n]))


@pytest.mark.parametrize("name", UNARY)
def test_forward_mode_repeated_is_reverse_mode_repeated(name):
    rule = TABLE[name]
    x = points_of(name)[1]

    def pushed(f):
        return lambda v: jvp(f, (v,), (1.0,))[1]

    def function(v):
        return rule.function(v)

    forward = function
    for n in range(1, 5):
        forward = pushed(forward)
        reverse = mg.derivative(function, n)(x)
        assert forward(x) == pytest.approx(reverse, rel=1e-9, abs=1e-12), n


# Two operands, over the whole grid of edges -----------------------------------------------------

GRID = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-8, 1e-160, 1e160, 700.0, 5e-324, 1.5e308,
        math.inf, -math.inf, math.nan]  # fmt: skip
BINARY = [name for name, rule in TABLE.items() if rule.arity == 2 and rule.kind != FLAT]
WHOLE = {"polygamma", "dsinc", "erfcx_by"}  # their first operand is a setting


def close(a, b, size=0.0):
    """Nearly the same number; both nan, or both the same infinity."""
    absolute = max(1e-290, 1e-15 * size if size < math.inf else 0.0)
    return ulps(a, b) == 0 or math.isclose(a, b, rel_tol=1e-14, abs_tol=absolute)


def size_beside(name, hessian):
    """By what errors are measured: for helpers, third derivatives, by the largest entry."""
    return max(map(abs, hessian)) if TABLE[name].internal else 0.0


@pytest.mark.parametrize("name", [n for n in BINARY if n not in WHOLE])
def test_hessians_are_symmetric_over_the_grid(name):
    function = TABLE[name].function
    for a, b in fewer(name, itertools.product(GRID, GRID)):
        if name in ("ldexp", "round") and not (b == b and abs(b) < 400 and b == int(b)):
            continue
        (xx, xy), (yx, yy) = mg.hessian(lambda u, v: function(u, v), (0, 1))(a, b)
        size = size_beside(name, (xx, xy, yx, yy))
        if TABLE[name].internal and (xy != xy or yx != yx):
            continue  # a third derivative, which may overflow on one way and not on the other
        assert close(xy, yx, size), f"{name}({a}, {b}): {xy} and {yx}"


@pytest.mark.parametrize("name", [n for n in BINARY if n not in WHOLE])
def test_the_hessian_is_the_jacobian_of_the_gradient_over_the_grid(name):
    """By the tape and by Values: where either is nan it may be either way an honest 0 * inf."""
    function = TABLE[name].function

    def f(u, v):
        return function(u, v)

    for a, b in fewer(name, itertools.product(GRID, GRID)):
        if name in ("ldexp", "round") and not (b == b and abs(b) < 400 and b == int(b)):
            continue
        first = mg.hessian(f, (0, 1))(a, b)
        second = mg.jacobian(mg.grad(f, (0, 1)), (0, 1))(a, b)
        for p, q in zip(sum(first, ()), sum(second, ()), strict=True):
            size = size_beside(name, sum(first, ()))
            assert close(p, q, size) or p != p or q != q, f"{name}({a}, {b}): {first}, {second}"


@pytest.mark.parametrize("name", [n for n in TABLE if TABLE[n].arity and not TABLE[n].internal])
def test_no_edge_makes_a_transform_raise(name):
    """Constants on either side too: between two plain numbers Python itself would raise."""
    rule = TABLE[name]
    n = rule.arity
    rng = random.Random(name)
    grids = [(0.0, 1.0, 2.0) if i in rule.settings else GRID for i in range(n)]
    points = list(itertools.product(*grids))
    for xs in fewer(name, rng.sample(points, min(len(points), 120))):
        for i in range(n):
            if i in rule.settings or (name == "clip" and xs[1] > xs[2]):
                continue

            def f(v, i=i, xs=xs):
                return rule.function(*xs[:i], v, *xs[i + 1 :])

            assert isinstance(mg.grad(mg.grad(f))(xs[i]), float)
            assert isinstance(mg.hessian(f)(xs[i]), float)
            assert isinstance(jvp(f, (xs[i],), (1.0,))[1], float)


@pytest.mark.parametrize("name", ["div", "mul", "pow", "logaddexp", "atan2", "hypot", "xlogy"])
def test_mixed_partials_against_mpmath(name):
    exact = reference.SMOOTH[name]
    function = TABLE[name].function
    for a, b in [(0.7, 1.3), (2.0, 0.25), (3.5, 3.0)]:
        hessian = mg.hessian(lambda u, v: function(u, v), (0, 1))(a, b)
        with mp.workdps(60):
            for i, j in itertools.product((0, 1), (0, 1)):
                order = (2, 0) if i == j == 0 else (0, 2) if i == j == 1 else (1, 1)
                true = mp.diff(exact, (mpf(a), mpf(b)), order)
                assert hessian[i][j] == pytest.approx(float(true), rel=1e-13, abs=1e-15)


# Random graphs: every way to the same number ----------------------------------------------------

OURS, MPMATH = analytic(mg), analytic(mp)


def as_function(recipe, functions=OURS):
    return lambda *xs: run(recipe, xs, functions)[-1]


def size_of(values):
    return max(1.0, *(abs(v) for v in values))


@given(recipes(REALS, list(ANALYTIC), max_leaves=3, max_steps=8))
@settings(max_examples=80, deadline=None)
def test_reverse_forward_and_exact_agree(recipe):
    f, xs = as_function(recipe), recipe.leaves
    n = len(xs)
    value, reverse = mg.value_and_grad(f, tuple(range(n)))(*xs)
    assume(abs(value) < 1e4 and all(abs(g) < 1e6 for g in reverse))
    unit = [tuple(float(i == k) for k in range(n)) for i in range(n)]
    forward = [jvp(f, xs, e)[1] for e in unit]
    pulled = vjp(f, *xs)[1](1.0)
    scale = 1e-11 * size_of(reverse)
    assert forward == pytest.approx(reverse, rel=1e-11, abs=scale)
    assert pulled == pytest.approx(reverse, rel=1e-11, abs=scale)
    with mp.workprec(reference.PRECISION):
        points = [mpf(x) for x in xs]
        for i in range(n):
            true = reference.partial(as_function(recipe, MPMATH), points, i, 1, step=mpf(2) ** -200)
            assert math.isclose(reverse[i], float(true), rel_tol=1e-9, abs_tol=1e-9)


@given(recipes(REALS, list(ANALYTIC), max_leaves=3, max_steps=7))
@settings(max_examples=60, deadline=None)
def test_second_derivatives_agree_in_every_composition(recipe):
    f, xs = as_function(recipe), recipe.leaves
    n = len(xs)
    everything = tuple(range(n))
    hessian = mg.hessian(f, everything)(*xs)
    flat = [h for row in hessian for h in row]
    assume(all(abs(h) < 1e6 for h in flat))
    near = {"rel": 1e-9, "abs": 1e-10 * size_of(flat)}
    gradient = mg.grad(f, everything)
    reverse_over_reverse = mg.jacobian(gradient, everything)(*xs)
    assert [h for row in reverse_over_reverse for h in row] == pytest.approx(flat, **near)
    for k in range(n):
        e = tuple(float(i == k) for i in range(n))
        column = [row[k] for row in hessian]
        forward_over_reverse = jvp(gradient, xs, e)[1]
        reverse_over_forward = mg.grad(lambda *v, e=e: jvp(f, v, e)[1], everything)(*xs)
        forward_over_forward = [
            jvp(lambda *v, e=e: jvp(f, v, e)[1], xs, tuple(float(i == m) for i in range(n)))[1]
            for m in range(n)
        ]
        assert mg.hvp(f, xs, e) == pytest.approx(column, **near)
        assert forward_over_reverse == pytest.approx(column, **near)
        assert reverse_over_forward == pytest.approx(column, **near)
        assert forward_over_forward == pytest.approx(column, **near)


@given(recipes(st.integers(-2, 2), ["add", "sub", "mul"], max_leaves=3, max_steps=5))
@settings(max_examples=60, deadline=None)
def test_whole_numbers_are_exact_to_the_third_order(recipe):
    """Polynomials over whole numbers, against polynomials with whole coefficients."""
    f, xs = as_function(recipe), tuple(map(float, recipe.leaves))
    p = as_function(recipe, analytic(None))(*(Polynomial.variable(i) for i in range(len(xs))))
    for i, j, k in itertools.product(range(len(xs)), repeat=3):
        first = p.by(i)
        assert mg.grad(f, i)(*xs) == first.at(xs)
        assert mg.grad(mg.grad(f, i), j)(*xs) == first.by(j).at(xs)
        assert mg.grad(mg.grad(mg.grad(f, i), j), k)(*xs) == first.by(j).by(k).at(xs)


class Polynomial(dict):
    """Coefficients by tuples of exponents of up to three variables."""

    @classmethod
    def variable(cls, i):
        return cls({tuple(int(i == k) for k in range(3)): 1})

    def __add__(self, other):
        return Polynomial({k: self.get(k, 0) + other.get(k, 0) for k in {*self, *other}})

    def __sub__(self, other):
        return Polynomial({k: self.get(k, 0) - other.get(k, 0) for k in {*self, *other}})

    def __mul__(self, other):
        product = Polynomial()
        for (p, a), (q, b) in itertools.product(self.items(), other.items()):
            key = tuple(map(sum, zip(p, q, strict=True)))
            product[key] = product.get(key, 0) + a * b
        return product

    def by(self, i):
        return Polynomial(
            {(*k[:i], k[i] - 1, *k[i + 1 :]): c * k[i] for k, c in self.items() if k[i]}
        )

    def at(self, xs):
        xs = [int(x) for x in xs] + [1] * (3 - len(xs))
        return sum(c * math.prod(x**e for x, e in zip(xs, k, strict=True)) for k, c in self.items())


# Perturbation confusion: an inner derivative must not take an outer variable for its own --------


def test_the_classical_example():
    """d/dx (x * d/dy (x + y)) is 1 (Siskind and Pearlmutter 2005); confused it is 2."""

    def by_grad(x):
        return x * mg.grad(lambda y: x + y)(1.0)

    def by_jvp(x):
        return x * jvp(lambda y: x + y, 1.0, 1.0)[1]

    def by_vjp(x):
        return x * vjp(lambda y: x + y, 1.0)[1](1.0)[0]

    for f in (by_grad, by_jvp, by_vjp):
        assert mg.grad(f)(3.0) == 1.0
        assert jvp(f, 3.0, 1.0) == (3.0, 1.0)
        assert vjp(f, 3.0)[1](1.0) == (1.0,)


TRANSFORMS = {
    "grad": lambda f: mg.grad(f),
    "jvp": lambda f: lambda x: jvp(f, x, 1.0)[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "jacobian": lambda f: mg.jacobian(f),
}


@pytest.mark.parametrize(
    "names", list(itertools.product(["grad", "jvp", "vjp", "jacobian"], repeat=3)), ids=" ".join
)
def test_three_levels_with_captured_variables(names):
    """d/dx [x * d/dy (x**2 y + d/dz (x y z**2 + y**3) at z=y) at y=x], which is 15 x**2."""
    outer, middle, inner = (TRANSFORMS[name] for name in names)

    def f(x):
        def g(y):
            return x * x * y + inner(lambda z: x * y * z * z + y * y * y)(y)

        # inner at z = y is 2 x y**2, whose derivative by y is 4 x y: 4 x**2 at y = x.
        return x * middle(g)(x)

    # f(x) = x (x**2 + 4 x**2) = 5 x**3
    assert outer(f)(2.0) == pytest.approx(15 * 4.0, rel=1e-15)


def test_an_outer_variable_as_point_and_as_capture():
    def f(x):
        return mg.grad(lambda y: x * y * y)(x)  # 2 x**2

    assert mg.derivative(f, 1)(3.0) == 12.0
    assert mg.derivative(f, 2)(3.0) == 4.0
    assert mg.derivative(f, 3)(3.0) == 0.0


def test_a_function_that_hands_out_its_argument():
    """The escaping of a curried function: D (x -> y -> x * y) applied inside."""

    def shift(x):
        return lambda y: mg.grad(lambda z: z * x + y * z)(y) * y

    assert mg.grad(lambda x: shift(x)(2.0))(5.0) == 2.0
    assert mg.grad(lambda y: shift(5.0)(y))(2.0) == 9.0


def test_a_pullback_that_outlives_its_transform():
    value, pullback = vjp(lambda x, y: x * x * y, 3.0, 5.0)
    assert (value, pullback(1.0), pullback(2.0)) == (45.0, (30.0, 9.0), (60.0, 18.0))
    assert mg.grad(lambda c: pullback(c * c)[0])(2.0) == 120.0
    assert pullback(1.0) == (30.0, 9.0)
    assert all(type(g) is float for g in pullback(1.0))


# Values, and other people's gradients -----------------------------------------------------------


def test_no_transform_touches_a_gradient():
    w, x = Value(2.0), Value(3.0)
    h = w * x
    h.backward()
    grads = [(v, v.grad) for v in (w, x, h)]

    def f(a, b):
        return mg.sin(a) * b * h * w

    for run_it in (
        lambda: mg.grad(f, (0, 1))(1.0, 2.0),
        lambda: mg.grad(f, (0, 1))(w, x),
        lambda: mg.hessian(f, (0, 1))(w, x),
        lambda: mg.hessian(f, (0, 1))(1.0, 2.0),
        lambda: mg.jacobian(f)(w, x),
        lambda: mg.hvp(f, (w, x), (1.0, 2.0)),
        lambda: mg.hvp(f, (1.0, 2.0), (1.0, 2.0)),
        lambda: jvp(f, (w, x), (1.0, 2.0)),
        lambda: vjp(f, w, x)[1](1.0),
        lambda: mg.derivative(lambda a: f(a, a), 3)(w),
    ):
        run_it()
        assert [(v, v.grad) for v in (w, x, h)] == grads


def test_on_values_the_gradient_is_a_value_with_a_graph():
    x, k = Value(2.0), Value(5.0)
    slope = mg.grad(lambda v: k * v**3)(x)
    assert slope.data == 60.0
    slope.backward()
    assert (x.grad, k.grad) == (60.0, 12.0)


def test_the_loss_of_a_differential_equation():
    """u' = u fitted by the gradient of a loss that holds a derivative of the model."""
    w = Value(0.5)

    def residual(x):
        return (mg.grad(lambda t: mg.exp(w * t))(x) - mg.exp(w * x)) ** 2

    loss = residual(Value(1.0))
    loss.backward()
    # ((w - 1) e^w)^2 differentiated: 2 (w - 1) e^(2w) (1 + (w - 1))
    assert w.grad == pytest.approx(2 * -0.5 * math.exp(1.0) * 0.5)


def test_create_graph_and_the_transforms_agree():
    def f(x, y):
        return mg.sin(x * y) + x**3 / y

    x, y = Value(0.7), Value(1.3)
    f(x, y).backward(create_graph=True)
    gx, gy = x.grad, y.grad
    assert (gx.data, gy.data) == pytest.approx(mg.grad(f, (0, 1))(0.7, 1.3), rel=1e-15)
    rows = []
    for g in (gx, gy):
        x.grad = y.grad = 0
        g.backward()
        rows.append((x.grad, y.grad))
    for row, exact in zip(rows, mg.hessian(f, (0, 1))(0.7, 1.3), strict=True):
        assert row == pytest.approx(exact, rel=1e-14)


def test_create_graph_adds_to_what_the_leaf_had():
    x = Value(3.0)
    (x * x).backward()
    (x * x).backward(create_graph=True)
    assert isinstance(x.grad, Value)
    assert x.grad.data == 12.0
    x.grad.backward()
    assert x.grad == 14.0  # the number replaces the Value: 12 and the second derivative


def test_a_changed_leaf_is_an_error_and_not_a_wrong_number():
    x = Value(2.0)
    y = x**3
    x.data = 5.0
    with pytest.raises(ValueError, match="changed since the forward pass"):
        y.backward(create_graph=True)
    from micrograd.autodiff.transforms import gradient_and_hessian

    with pytest.raises(ValueError, match="changed since the forward pass"):
        gradient_and_hessian(y, [x])


@pytest.mark.parametrize("now", [3.0, 1.0, math.nan])
def test_a_change_in_either_direction_is_an_error(now):
    x = Value(2.0)
    y = x * x * x
    x.data = now
    with pytest.raises(ValueError, match=r"operand of '\*' has changed since the forward pass"):
        y.backward(create_graph=True)


def test_nan_that_became_a_number_has_changed_and_nan_that_stayed_has_not():
    x = Value(math.nan)
    y = x * x
    y.backward(create_graph=True)
    assert math.isnan(x.grad.data)
    x.data = 1.0
    with pytest.raises(ValueError, match="changed since the forward pass"):
        y.backward(create_graph=True)


@pytest.mark.parametrize("before", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_a_gradient_of_values_is_added_to_a_number(before):
    x = Value(3.0)
    x.grad = before
    (x * x).backward(create_graph=True)
    assert isinstance(x.grad, Value)
    assert x.grad.data == before + 6.0


def test_what_a_pass_of_values_does_not_reach_has_a_gradient_of_zero():
    x = Value(-3.0)
    h = x * 2
    y = h.relu() + x
    h.backward()
    y.backward(create_graph=True)
    assert (h.grad, x.grad.data) == (0.0, 3.0)


def test_a_tangent_given_to_an_interior_node_is_the_one_that_counts():
    from micrograd.core.chain import tangents_of

    x = Value(3.0)
    h = x * x
    y = h * 5
    found = tangents_of([y], {h: Value(1.0), x: Value(100.0)})
    assert (found[h].data, found[y].data) == (1.0, 5.0)


def test_no_grad_inside_counts_and_outside_does_not():
    with mg.no_grad():
        assert mg.grad(lambda x: x * x)(3.0) == 6.0
        assert mg.hessian(lambda x: x * x)(3.0) == 2.0
        assert mg.derivative(lambda x: x**4, 3)(1.0) == 24.0
        assert jvp(lambda x: x * x, 3.0, 1.0) == (9.0, 6.0)
        x = Value(3.0)
        slope = mg.grad(lambda v: v * v)(x)
        assert slope.data == 6.0
    slope.backward()
    assert x.grad == 0.0

    def half_hidden(x):
        with mg.no_grad():
            constant = x * x
        return constant * x

    assert mg.grad(half_hidden)(3.0) == 9.0

    def slope_hidden(x):
        with mg.no_grad():
            slope = mg.grad(lambda v: v * v * x)(x)  # 2 x**2
            rate = jvp(lambda v: v * x, x, 1.0)[1]  # x
        return slope * rate * x

    assert mg.grad(slope_hidden)(3.0) == 18.0 * 3.0
    assert mg.grad(lambda x: x.detach() * x)(3.0) == 3.0


def test_a_long_loop_of_inner_gradients_does_not_go_over_its_own_past():
    """Gradient descent differentiated by its step: work grows with the steps, not their square."""

    def end(rate, steps):
        w = 1.0
        for _ in range(steps):
            w = w - rate * mg.grad(lambda v: 0.5 * v * v)(w)
        return w

    made = Counter()
    counts = []
    for steps in (40, 80):
        with made:
            slope = mg.grad(end)(0.1, steps)
        assert slope == pytest.approx(-steps * 0.9 ** (steps - 1))
        counts.append(made.take())
    assert counts[1] < 2.2 * counts[0]


class Counter(Observer):
    count = 0

    def made(self, node):
        self.count += 1

    def take(self):
        count, self.count = self.count, 0
        return count


# Structures, arguments, errors ------------------------------------------------------------------

Pair = namedtuple("Pair", "left right")


def test_structures_go_through():
    def f(w, b):
        return w["a"][0] * w["a"][1] * b.left + mg.sin(w["c"]) * b.right

    w, b = {"a": [2.0, 3.0], "c": 0.0}, Pair(5.0, 7.0)
    dw, db = mg.grad(f, (0, 1))(w, b)
    assert dw == {"a": [15.0, 10.0], "c": 7.0}
    assert db == Pair(6.0, 0.0)
    assert mg.vjp(f, w, b)[1](1.0) == (dw, db)
    assert mg.hessian(f, 1)(w, b) == ((0.0, 0.0), (0.0, 0.0))
    assert mg.hessian(f)(w, b)["a"][0]["a"] == (0.0, 5.0)
    assert jvp(f, (w, b), ({"a": [1.0, 0.0], "c": 0.0}, Pair(0.0, 0.0))) == (30.0, 15.0)


def test_outputs_in_structures():
    def f(x, y):
        return {"sum": x + y, "list": [x * y, (x,)]}

    value, pullback = vjp(f, 2.0, 3.0)
    assert value == {"sum": 5.0, "list": [6.0, (2.0,)]}
    assert pullback({"sum": 1.0, "list": [10.0, (100.0,)]}) == (131.0, 21.0)
    assert jvp(f, (2.0, 3.0), (1.0, 0.0))[1] == {"sum": 1.0, "list": [3.0, (1.0,)]}
    assert mg.jacobian(f, (0, 1))(2.0, 3.0) == {
        "sum": (1.0, 1.0),
        "list": ((3.0, 2.0), ((1.0, 0.0),)),
    }


def test_outputs_that_are_inputs_or_constants():
    assert mg.jacobian(lambda x: [x, 7.0, 2 * x])(3.0) == (1.0, 0.0, 2.0)
    assert mg.grad(lambda x: 7.0)(3.0) == 0.0
    assert mg.grad(lambda x: x)(3.0) == 1.0
    assert mg.hessian(lambda x: 7)(3.0) == 0.0
    assert mg.hessian(lambda x: x)(3.0) == 0.0
    assert mg.grad(mg.grad(lambda x: 7.0))(3.0) == 0.0
    assert jvp(lambda x: 7.0, 3.0, 1.0) == (7.0, 0.0)
    assert mg.vjp(lambda x: [x, x], 3.0)[1]([1.0, 10.0]) == (11.0,)


def test_arrays_are_structures():
    np = pytest.importorskip("numpy")
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    g = mg.grad(lambda m: (m @ m)[0, 1])(x)
    assert g.dtype == float
    assert g.tolist() == [[2.0, 5.0], [0.0, 2.0]]
    assert np.array(mg.jacobian(lambda v: v * v)(np.array([1.0, 2.0]))).tolist() == [[2, 0], [0, 4]]
    assert np.array(mg.hessian(lambda v: v @ v)(np.array([1.0, 2.0]))).tolist() == [[2, 0], [0, 2]]


def test_jacobian_is_the_same_by_rows_and_by_columns():
    def wide(x):  # three inputs, two outputs: by rows
        return [x[0] * mg.sin(x[1]), x[2] / x[0]]

    def padded(x):  # the same with more outputs than inputs: by columns
        return [*wide(x), x[0], x[1]]

    x = [0.7, 1.3, -2.0]
    by_rows, by_columns = mg.jacobian(wide)(x), mg.jacobian(padded)(x)
    for row, same in zip(by_rows, by_columns, strict=False):
        assert row == pytest.approx(same, rel=1e-15)
    assert by_columns[2:] == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    nested = mg.jacobian(lambda y: mg.jacobian(padded)([y, 1.3, -2.0])[0][1])(0.7)
    assert nested == pytest.approx(math.cos(1.3))


def test_what_is_not_asked_for_is_not_multiplied():
    """An infinite slope beside a zero seed: no 0 * inf."""
    assert mg.jacobian(lambda x: [mg.sqrt(x), 2 * x])(0.0) == (math.inf, 2.0)
    assert mg.jacobian(lambda x: [mg.sqrt(x[0]), x[1], x[1]])([0.0, 1.0]) == (
        (math.inf, 0.0), (0.0, 1.0), (0.0, 1.0),
    )  # fmt: skip
    assert mg.hessian(lambda x, y: mg.sqrt(x) * y, (0, 1))(0.0, 1.0) == (
        (-math.inf, math.inf), (math.inf, 0.0),
    )  # fmt: skip


def test_argnums():
    def f(x, y, z):
        return x * y * y * z

    assert mg.grad(f, 1)(1.0, 2.0, 3.0) == 12.0
    assert mg.grad(f, -1)(1.0, 2.0, 3.0) == 4.0
    assert mg.grad(f, (2, 0))(1.0, 2.0, 3.0) == (4.0, 12.0)
    assert mg.grad(f, (1,))(1.0, 2.0, 3.0) == (12.0,)
    assert mg.grad(lambda x, k=1.0: x * k)(2.0, k=5.0) == 5.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mg.grad(math.sin, 3)(1.0), ValueError, "argument 3, counted from 0"),
        (lambda: mg.grad(math.sin, -2)(1.0), ValueError, "called with 1"),
        (lambda: mg.grad(math.sin, "x"), TypeError, "position of an argument"),
        (lambda: mg.grad(math.sin, 1.5), TypeError, "position of an argument"),
        (lambda: mg.grad(math.sin, True), TypeError, "position of an argument"),
        (lambda: mg.grad(math.sin, ()), TypeError, "position of an argument"),
        (lambda: mg.hessian(lambda x, y: x, (0, -2))(1.0, 2.0), ValueError, "argument 0 twice"),
        (lambda: mg.grad(lambda x: [x, x])(1.0), TypeError, "list of 2.*jacobian"),
        (lambda: mg.hessian(lambda x: (x,))(1.0), TypeError, "tuple of 1.*jacobian"),
        (lambda: mg.hvp(lambda x: [x], 1.0, 1.0), TypeError, "hvp: the function gives list"),
        (lambda: mg.grad(lambda x: None)(1.0), TypeError, "without return"),
        (lambda: mg.grad(lambda x: x)("1"), TypeError, "grad: the argument.*float"),
        (lambda: mg.grad(3.0)(1.0), TypeError, "a function is differentiated, not 3.0"),
        (lambda: jvp(lambda x: x, (1.0,), (1.0, 2.0)), ValueError, "2 tangents for 1 numbers"),
        (lambda: jvp(lambda x: x, 1.0, "a"), TypeError, "jvp: the tangent"),
        (lambda: vjp(lambda x: x, 1.0)[1]([1.0, 2.0]), ValueError, "2 cotangents for 1 outputs"),
        (lambda: mg.hvp(lambda x: x, 1.0, [1.0, 2.0]), ValueError, "2 tangents for 1 numbers"),
        (lambda: mg.derivative(math.sin, -1), ValueError, "order is a whole number"),
        (lambda: mg.derivative(math.sin, 1.5), ValueError, "order is a whole number"),
        (lambda: mg.grad(math.sin)(1.0), TypeError, "micrograd.exp"),
    ],
)  # fmt: skip
def test_errors_are_sentences(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_an_error_inside_leaves_the_depth_as_it_was():
    with pytest.raises(ZeroDivisionError):
        mg.grad(lambda x: 1 // 0)(1.0)
    assert mg.grad(lambda x: x)(1.0) == 1.0
    assert type(mg.grad(lambda x: x * x)(1.0)) is float


def test_names_say_what_it_is():
    def area(r):
        """Of a circle."""

    assert mg.grad(area).__name__ == "grad(area)"
    assert mg.hessian(area).__doc__ == "hessian of area. Of a circle."


# What it is good for ----------------------------------------------------------------------------


def rosenbrock(x):
    return mg.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)])


def solve(matrix, right):
    n = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                k = rows[r][i] / rows[i][i]
                rows[r] = [a - k * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]


@pytest.mark.parametrize("start", [[-1.2, 1.0], [0.8, 1.2, 0.9, 1.1, 0.9]])
def test_newtons_method_converges_quadratically(start):
    """Near the minimum each error is at most a constant times the square of the one before."""
    x, errors = start, []
    for _ in range(30):
        errors.append(math.dist(x, [1.0] * len(x)))
        if errors[-1] < 1e-12:
            break
        g, h = mg.grad(rosenbrock)(x), mg.hessian(rosenbrock)(x)
        x = [a - d for a, d in zip(x, solve(h, g), strict=True)]
    assert errors[-1] < 1e-12, errors
    near = [e for e in errors if e < 0.02]
    assert len(near) >= 3
    assert all(after <= 400 * before**2 + 1e-13 for before, after in itertools.pairwise(near)), near


def test_hvp_is_the_hessian_times_the_vector():
    rng = random.Random(3)
    x, v = [rng.uniform(-1, 1) for _ in range(8)], [rng.uniform(-1, 1) for _ in range(8)]
    h = mg.hessian(rosenbrock)(x)
    product = [sum(a * b for a, b in zip(row, v, strict=True)) for row in h]
    assert mg.hvp(rosenbrock, x, v) == pytest.approx(product, rel=1e-12, abs=1e-10)
    assert [row[:] for row in zip(*h, strict=True)] == [pytest.approx(row, rel=1e-12) for row in h]


def test_the_function_runs_once_whatever_the_number_of_inputs():
    calls = []

    def f(x):
        calls.append(1)
        return rosenbrock(x)

    for transform in (mg.grad, mg.hessian, mg.jacobian):
        calls.clear()
        transform(f)([0.5] * 20)
        assert len(calls) == 1


def test_an_error_half_way_leaves_gradients_of_values_as_they_were():
    x, y = Value(2.0), Value(3.0)
    (x * y).backward(create_graph=True)
    kept = x.grad, y.grad
    root = x * x + y * y * Value(math.nan)
    with pytest.raises(mg.AnomalyError), mg.detect_anomaly():
        root.backward(create_graph=True)
    assert (x.grad, y.grad) == kept


def test_threads_do_not_meet():
    from concurrent.futures import ThreadPoolExecutor

    def work(k):
        return [mg.grad(mg.grad(lambda x: k * x**3))(float(i)) for i in range(50)]

    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(work, range(16))):
            assert found == [6.0 * k * i for i in range(50)]


@pytest.mark.parametrize("root", [mg.log, mg.sqrt], ids=["log", "sqrt"])
def test_hessian_of_a_singular_function_times_zero_is_nan_on_the_tape_too(root):
    def f(x):
        return root(x) * 0.0

    assert math.isnan(mg.grad(mg.grad(f))(0.0))
    assert math.isnan(mg.hessian(f)(0.0))
    assert math.isnan(mg.hvp(f, 0.0, 1.0))


# The type of a derivative does not depend on the numbers -----------------------------------------

KINDS = {
    "relu": mg.relu,
    "floor": mg.floor,
    "constant": lambda t: 3.0,
    "where": lambda t: mg.where(t > 0, 1.0, t),
    "detach": lambda t: t.detach() if isinstance(t, Value) else t,
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("x", [-1.0, 0.0, 1.0])
def test_derivatives_on_values_and_beside_values_are_values(name, x):
    f, w = KINDS[name], Value(2.0)

    def beside(t):
        return f(t) * w

    found = [
        mg.grad(f)(Value(x)), *mg.grad(lambda a, b: f(a), (0, 1))(Value(x), 1.0),
        *mg.value_and_grad(f)(Value(x)), *mg.jvp(f, (Value(x),), (1.0,)), mg.hessian(f)(Value(x)),
        *mg.vjp(f, Value(x))[1](1.0), *mg.jvp(f, (x,), (Value(1.0),)), *mg.vjp(f, x)[1](Value(1.0)),
        mg.hvp(f, Value(x), 1.0), mg.grad(mg.grad(f))(Value(x)),
        mg.grad(beside)(x), mg.hessian(beside)(x), mg.hvp(beside, x, 1.0),
        *mg.jvp(beside, x, 0.0), *mg.vjp(beside, x)[1](0.0), mg.jacobian(beside)(x),
    ]  # fmt: skip
    assert [type(d) for d in found] == [Value] * len(found)
    for d in found:
        ((d - 1.0) ** 2).backward()


def test_the_gradient_of_a_function_that_reaches_a_value_can_be_differentiated_by_it():
    w = Value(2.0)
    slope = mg.grad(lambda t: w * w * t)(5.0)
    slope.backward()
    assert (slope.data, w.grad) == (4.0, 4.0)
    with mg.no_grad():
        slope = mg.grad(lambda t: w * w * t)(5.0)
    assert slope.data == 4.0 and slope._prev == ()


def test_values_that_a_function_makes_itself_do_not_make_its_gradient_one():
    def f(t):
        total = Value(0.0)
        for k in range(3):
            total += Value(float(k)) * t
        return total + (Value(1.0) * 2).detach()

    assert type(mg.grad(f)(1.0)) is float
    assert type(mg.hessian(f)(1.0)) is float
    assert type(mg.grad(mg.grad(f))(1.0)) is float


def test_second_derivatives_through_the_kink_of_a_norm_are_the_same_in_every_way_to_ask():
    def f(x, y):
        return mg.hypot(x, y) ** 2

    for found in (
        mg.hessian(f, (0, 1))(0.0, 0.0),
        mg.jacobian(mg.grad(f, (0, 1)), (0, 1))(0.0, 0.0),
        mg.jit(mg.hessian(f, (0, 1)), backend="python")(0.0, 0.0),
    ):
        assert all(math.isnan(d) for row in found for d in row)
    assert mg.hessian(lambda x: abs(x) ** 2)(0.0) == 0.0


def test_a_function_that_gives_a_value_of_someone_else_as_it_is():
    p = Value(3.0)
    found = mg.jacobian(lambda x: [p, x, 2.0])(1.0)
    assert [type(d) for d in found] == [Value] * 3
    assert [d.data for d in found] == [0.0, 1.0, 0.0]
    assert mg.jacobian(lambda x: [Value(2.0), x, 2.0])(1.0) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("bad", [None, 5, "x*x", Value(2.0) * 3])
def test_what_is_no_function_is_told_at_once(bad):
    for take in (mg.grad, mg.value_and_grad, mg.jacobian, mg.hessian, mg.derivative, mg.vjp):
        with pytest.raises(TypeError, match=f"{take.__name__}: a function is differentiated, not"):
            take(bad)
    for take in (mg.jvp, mg.hvp):
        with pytest.raises(TypeError, match=f"{take.__name__}: a function is differentiated, not"):
            take(bad, (1.0,), (1.0,))


def test_dictionaries_are_paired_by_their_keys():
    def f(d):
        return d["a"] ** 2 * d["b"]

    at, one = ({"a": 2.0, "b": 3.0},), ({"a": 0.0, "b": 1.0},)
    other = ({"b": 1.0, "a": 0.0},)
    assert mg.jvp(f, at, one) == mg.jvp(f, at, other) == (12.0, 4.0)
    assert mg.hvp(f, at, one) == mg.hvp(f, at, other) == ({"a": 4.0, "b": 0.0},)
    _, pullback = mg.vjp(lambda x: [{"a": x, "b": x * x}], 2.0)
    assert pullback([{"a": 1.0, "b": 0.0}]) == pullback([{"b": 0.0, "a": 1.0}]) == (1.0,)
    for call in (lambda: mg.jvp(f, at, ({"a": 1.0, "c": 0.0},)),
                 lambda: mg.hvp(f, at, ({"a": 1.0, "c": 0.0},)),
                 lambda: pullback([{"a": 1.0, "c": 0.0}])):  # fmt: skip
        with pytest.raises(ValueError, match="has the keys 'a', 'c', where 'a', 'b' are wanted"):
            call()

    def turn(c, x):
        return {"b": c["a"], "a": c["b"] + x}, None

    for through in (lambda g: g, mg.jit):
        end = through(lambda u: list(mg.scan(turn, {"a": u, "b": 2.0}, [1.0, 2.0])[0].values()))
        assert [float(y) for y in end(1.0)] == [3.0, 3.0]
        point = through(
            lambda u: mg.fixed_point(lambda s: {"b": 0.5 * s["a"] + u, "a": 0.25 * s["b"]},
                                     {"a": 0.0, "b": 0.0})["a"]
        )  # fmt: skip
        assert float(point(1.0)) == pytest.approx(2 / 7)
        chosen = through(
            lambda u: mg.cond(u > 0.0, lambda x: {"a": x, "b": 2 * x},
                              lambda x: {"b": x, "a": -x}, u)["a"]
        )  # fmt: skip
        assert [float(chosen(at)) for at in (3.0, -3.0)] == [3.0, 3.0]
        with pytest.raises(
            TypeError, match="the carry was a dict with the keys 'a' and is a dict with"
        ):
            through(lambda u: mg.scan(lambda c, x: ({"c": x}, None), {"a": u}, [1.0])[0]["a"])(1.0)
