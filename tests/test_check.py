"""check_grad: passes what is right, rejects what is off by a part in a million, and says why."""

from __future__ import annotations

import math
import random

import pytest
from graphs import recipes, run
from helpers import LONG, SERIES
from hypothesis import assume, given, settings
from test_random_graphs import OURS, REALS
from ulp_search import HOW_MANY

import micrograd as mg
from micrograd import Value, check_grad, custom
from micrograd.autodiff.check import WrongGradient
from micrograd.core.node import apply
from micrograd.core.rule import FLAT, TABLE

# All operations of the table ---------------------------------------------------------------------

# Operands that are settings, or that choose: not differentiated by.
FIXED = {
    "polygamma": {0: 1.0}, "dsinc": {0: 1.0}, "power_partial": {2: 1.0, 3: 1.0},
    "ldexp": {1: 3.0}, "nll": {0: 1.0}, "take": {0: 1.0}, "round": {1: 0.0}, "where": {0: 1.0},
    "gate": {1: 1.0}, "guard": {1: 1.0}, "route": {1: 1.0, 2: 1.0, 3: 2.0},
    "inside": {1: 0.0, 2: -9.0, 3: 9.0}, "ties": {0: 1.0},
}  # fmt: skip
INTERVALS = {
    "gamma": [(0.5, 4.0)], "lgamma": [(0.5, 4.0)], "digamma": [(0.5, 4.0)],
    "polygamma": [(1, 1), (0.5, 4.0)], "clip": [(-1.0, 1.0), (-3.0, -2.0), (2.0, 3.0)],
    "atan2": [(0.5, 2.0)], "tan": [(-1.0, 1.0)],
}  # fmt: skip


def smooth_point(rule, rng):
    """Operands in the domain, away from its ends and from the kinks of the pieces."""
    n = rule.arity or HOW_MANY.get(rule.name, 3)
    domain = INTERVALS.get(rule.name) or list(rule.domain) or [(-2.0, 2.0)]
    domain = domain * n if len(domain) == 1 else domain
    xs = []
    for i, (low, high) in enumerate(domain):
        low, high = max(low, -2.0), min(high, max(low, -2.0) + 4.0)
        margin = 0.1 * (high - low)
        x = FIXED.get(rule.name, {}).get(i)
        while x is None or (
            i not in FIXED.get(rule.name, {})
            and high > low
            and (abs(x) < 0.1 or abs(x - round(x)) < 0.05 or any(abs(x - y) < 0.1 for y in xs))
        ):
            x = rng.uniform(low + margin, high - margin) if high > low else low
        xs.append(x)
    return xs


def is_near_a_jump(rule, xs):
    if rule.name in ("mod", "floordiv", "truncdiv", "fmod", "neardiv", "remainder"):
        quotient = xs[0] / xs[1]
        half = 0.5 if rule.name in ("neardiv", "remainder") else 0.0
        return abs(quotient - half - round(quotient - half)) < 0.2
    return False


@pytest.mark.parametrize("name", [n for n, rule in TABLE.items() if rule.kind != FLAT])
def test_it_accepts_every_operation_to_the_second_order(name):
    rule = TABLE[name]
    rng = random.Random(name)
    held = {i for i, (low, high) in enumerate(rule.domain) if low == high}
    fixed = {**dict.fromkeys(held), **FIXED.get(name, {})}
    tried = 0
    while tried < (4 if LONG or name not in SERIES else 1):
        xs = smooth_point(rule, rng)
        if is_near_a_jump(rule, xs):
            continue
        tried += 1
        moving = [i for i in range(len(xs)) if i not in fixed]

        def f(*values, xs=xs, moving=moving):
            operands = list(xs)
            for i, v in zip(moving, values, strict=True):
                operands[i] = v
            if not any(isinstance(x, Value) for x in operands):
                return rule.forward(*operands)
            return apply(rule, tuple(operands))

        assert check_grad(f, *[xs[i] for i in moving], order=2)


@given(recipes(REALS, list(OURS), max_leaves=3, max_steps=6))
@settings(max_examples=40, deadline=None)
def test_it_accepts_random_expressions(recipe):
    def f(*xs):
        return run(recipe, xs, OURS)[-1]

    assume(abs(mg.value_and_grad(f)(*recipe.leaves)[0]) < 1e3)
    assert check_grad(f, *recipe.leaves)


@pytest.mark.parametrize("scale", [1e-150, 0.125, 1e150])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_it_accepts_powers_where_they_are_flat(n, scale):
    assert check_grad(lambda x: x**n * scale, 0.0)
    assert check_grad(lambda x, y: x**n * scale + y, 0.0, 1.0)
    assert check_grad(lambda x, y: (x - y) ** n * scale, 0.04, 0.04)
    assert check_grad(lambda x, y: (x - y) ** n * scale, 4e3, 4e3)


# What is wrong ----------------------------------------------------------------------------------


def scaled(f, slope, factor, name):
    return custom(f, lambda x, y: slope(x, y) * factor, name=name)


SMOOTH = [
    ("exp_", math.exp, lambda x, y: y),
    ("sin_", math.sin, lambda x, y: mg.cos(x)),
    ("cube_", lambda x: x**3, lambda x, y: 3 * x * x),
    ("log_", math.log, lambda x, y: 1 / x),
    ("tanh_", math.tanh, lambda x, y: 1 - y * y),
    ("sqrt_", math.sqrt, lambda x, y: 0.5 / y),
    ("small_", lambda x: 1e-5 * x * x + 1.0, lambda x, y: 2e-5 * x),
    ("large_", lambda x: 1e9 * x * x, lambda x, y: 2e9 * x),
    ("fast_", lambda x: math.sin(200 * x), lambda x, y: 200 * mg.cos(200 * x)),
]


@pytest.mark.parametrize(("name", "f", "slope"), SMOOTH, ids=[row[0] for row in SMOOTH])
@pytest.mark.parametrize("x", [0.001, 0.3, 1.7, 12.5])
def test_it_rejects_a_millionth(name, f, slope, x):
    if (name == "tanh_" and x > 2) or (name == "small_" and x < 0.1):
        pytest.skip("the rounding of the function itself is as large there")
    for sign in (1, -1):
        right = scaled(f, slope, 1.0, name)
        wrong = scaled(f, slope, 1 + sign * 1e-6, name)
        assert check_grad(right, x)
        for mode in ("reverse", "forward"):
            with pytest.raises(WrongGradient, match=f"derivative of {name}.*{mode} mode"):
                check_grad(wrong, x, modes=(mode,))


def test_it_rejects_a_wrong_second_derivative():
    slope = custom(lambda x: math.cos(x), lambda x, y: -mg.sin(x) * (1 + 1e-5), name="slope_")
    sine = custom(math.sin, lambda x, y: slope(x), name="sine_")
    assert check_grad(sine, 0.7)
    with pytest.raises(WrongGradient, match="second derivative of sine_"):
        check_grad(sine, 0.7, order=2)


def test_it_rejects_a_wrong_third_derivative():
    two = custom(lambda x: -math.sin(x), lambda x, y: -mg.cos(x) * 1.01, name="two_")
    one = custom(lambda x: math.cos(x), lambda x, y: two(x), name="one_")
    sine = custom(math.sin, lambda x, y: one(x), name="sine__")
    assert check_grad(sine, 0.7, order=2)
    with pytest.raises(WrongGradient, match="third derivative"):
        check_grad(sine, 0.7, order=3)
    assert check_grad(mg.sin, 0.7, order=4)


def test_the_message_names_the_input_both_numbers_and_the_tolerance():
    wrong = custom(
        lambda a, b: a * b, [lambda a, b, y: b, lambda a, b, y: a * 1.5], name="product_"
    )

    def loss(weights, bias):
        return wrong(weights["w"][1], bias) + weights["w"][0]

    with pytest.raises(WrongGradient) as caught:
        check_grad(loss, {"w": [1.0, 2.0]}, 3.0)
    assert str(caught.value) == (
        "derivative of loss by input 1 (bias = 3.0), reverse mode: 3.0 should be 2.000000 "
        "(tolerance 2e-07)"
    )
    with pytest.raises(
        WrongGradient, match=r"by input 0\['w'\]\[1\] \(weights\['w'\]\[1\] = 2.0\)"
    ):
        check_grad(lambda weights, bias: wrong(bias, weights["w"][1]), {"w": [1.0, 2.0]}, 3.0)
    x = Value(2.0)
    x.label = "slope of the roof"
    with pytest.raises(WrongGradient, match=r"input 1 \(slope of the roof = 2.0\)"):
        check_grad(lambda *xs: wrong(*xs), 3.0, x)


def test_several_outputs():
    wrong = custom(lambda x: x * x, lambda x, y: 2.5 * x, name="square_")
    assert check_grad(lambda x: [x * x, {"a": mg.sin(x)}], 0.7, order=2)
    with pytest.raises(WrongGradient, match=r"of output 1 of .* by input 0"):
        check_grad(lambda x: [x * x, wrong(x)], 0.7)


def test_a_forgotten_part_of_a_gradient():
    def forgets(x):
        return x * x.detach()

    with pytest.raises(WrongGradient, match=r"3.0 should be 6.0"):
        check_grad(forgets, 3.0)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (abs, 0.0),
        (mg.relu, 0.0),
        (lambda v: mg.maximum(v, 1.0), 1.0),
        (mg.floor, 2.0),
        (mg.sqrt, 0.0),
        (mg.log, 0.0),
        (lambda v: mg.cbrt(v), 0.0),
    ],
)
def test_at_a_kink_a_jump_or_an_end_it_says_so(f, x):
    with pytest.raises(WrongGradient, match=r"cannot be checked.*kink"):
        check_grad(f, x)


def test_beside_them_it_does_not():
    assert check_grad(abs, 1e-3)
    assert check_grad(mg.relu, -1e-3)
    assert check_grad(mg.floor, 2.25)
    assert check_grad(mg.sqrt, 1e-6)
    assert check_grad(mg.log, 1e-6)
    assert check_grad(mg.sin, 1e4)
    assert check_grad(lambda x: mg.sin(x) * 1e-9, 0.5)


def test_a_function_that_raises_outside_its_domain():
    root = custom(math.sqrt, lambda x, y: 0.5 / y, name="root_")
    assert check_grad(root, 1e-3, order=2)
    with pytest.raises(ValueError, match="math domain error"):
        check_grad(root, -1.0)


def test_inputs_stay_as_they_are():
    x = Value(3.0)
    x.grad = 7.0
    assert check_grad(lambda v: v[0] * v[1], [x, 2.0], order=2)
    assert (x.data, x.grad, x._prev) == (3.0, 7.0, ())


def test_arrays():
    np = pytest.importorskip("numpy")
    assert check_grad(lambda m: (m @ m).sum(), np.array([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: check_grad(mg.sin, 1.0, modes=("sideways",)), "modes are"),
        (lambda: check_grad(mg.sin, 1.0, modes=()), "modes are"),
        (lambda: check_grad(mg.sin, 1.0, order=0), "order is a whole number"),
        (lambda: check_grad(lambda: 1.0), "no number to differentiate"),
        (lambda: check_grad(lambda x: 1.0, []), "no number to differentiate"),
    ],
)
def test_wrong_calls(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_one_mode_by_its_name():
    def by_hand(x):
        out = Value(x.data**2, (x,), "sq")

        def _backward():
            x.grad += 2 * x.data * out.grad

        out._backward = _backward
        return out

    assert check_grad(by_hand, 3.0, modes="reverse")
    with pytest.raises(TypeError, match="made by hand"):
        check_grad(by_hand, 3.0, modes="forward")
