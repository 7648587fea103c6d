"""Gradients of random expressions: exact in rationals, and against differences in mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath as mp
import reference
from graphs import ANALYTIC, REALS, analytic, recipes, run
from helpers import ulps
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value

POLYNOMIAL = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a, b: -a,
    "double": lambda a, b: 2 * a,
    "less one": lambda a, b: 1 - a,
    "square": lambda a, b: a * a,
}


def fraction_gradients(recipe):
    """All derivatives of the last node by dual arithmetic on fractions: forward, not reverse."""
    n = len(recipe.leaves)
    values = [Fraction(x) for x in recipe.leaves]
    tangents = [[Fraction(i == j) for j in range(n)] for i in range(n)]
    for name, i, j in recipe.steps:
        a, b, da, db = values[i], values[j], tangents[i], tangents[j]
        f = POLYNOMIAL[name]
        values.append(f(a, b))
        slopes = {
            "add": (1, 1), "sub": (1, -1), "mul": (b, a), "neg": (-1, 0), "double": (2, 0),
            "less one": (-1, 0), "square": (2 * a, 0),
        }[name]  # fmt: skip
        tangents.append([slopes[0] * s + slopes[1] * t for s, t in zip(da, db, strict=True)])
    return values[-1], tangents[-1]


@given(recipes(st.integers(-3, 3), list(POLYNOMIAL)))
@settings(max_examples=400, deadline=None)
def test_whole_numbers_are_exact(recipe):
    value, gradient = fraction_gradients(recipe)
    assume(abs(value) < 2**50)
    leaves = [Value(x) for x in recipe.leaves]
    root = run(recipe, leaves, POLYNOMIAL)[-1]
    root.backward()
    assume(all(abs(g) < 2**50 for g in gradient))
    assert Fraction(root.data) == value
    assert [Fraction(x.grad) for x in leaves] == gradient
    root.backward()
    assert [Fraction(x.grad) for x in leaves] == [2 * g for g in gradient]


OURS, MPMATH = analytic(mg), analytic(mp)


@given(recipes(REALS, list(ANALYTIC), max_leaves=3, max_steps=9))
@settings(max_examples=150, deadline=None)
def test_real_expressions_against_mpmath(recipe):
    leaves = [Value(x) for x in recipe.leaves]
    root = run(recipe, leaves, OURS)[-1]
    assume(abs(root.data) < 1e6)
    root.backward()
    with mp.workprec(reference.PRECISION):
        xs = [mp.mpf(x) for x in recipe.leaves]
        for i, leaf in enumerate(leaves):
            exact = reference.partial(
                lambda *v: run(recipe, v, MPMATH)[-1], xs, i, 1, step=mp.mpf(2) ** -200
            )
            assert math.isclose(leaf.grad, float(exact), rel_tol=1e-9, abs_tol=1e-9)


@given(recipes(REALS, list(ANALYTIC), max_leaves=3, max_steps=9), st.floats(-3, 3))
@settings(max_examples=100, deadline=None)
def test_metamorphic_facts(recipe, c):
    def gradient(wrap):
        leaves = [Value(x) for x in recipe.leaves]
        root = wrap(run(recipe, leaves, OURS)[-1])
        root.backward()
        return [x.grad for x in leaves]

    once = gradient(lambda y: y)
    assume(all(abs(g) < 1e100 for g in once))
    assert gradient(lambda y: y + y) == [2 * g for g in once]
    assert gradient(lambda y: 2 * y) == [2 * g for g in once]
    assert gradient(lambda y: -y) == [-g for g in once]
    assert gradient(lambda y: y + 7) == once
    scaled = gradient(lambda y: c * y)
    assert all(
        math.isclose(s, c * g, rel_tol=1e-12, abs_tol=1e-12)
        for s, g in zip(scaled, once, strict=True)
    )


@given(recipes(REALS, list(ANALYTIC), max_leaves=3, max_steps=9))
@settings(max_examples=100, deadline=None)
def test_gradients_as_values_are_the_same_numbers(recipe):
    leaves = [Value(x) for x in recipe.leaves]
    root = run(recipe, leaves, OURS)[-1]
    root.backward()
    numbers = [x.grad for x in leaves]
    for x in leaves:
        x.grad = 0
    root.backward(create_graph=True)
    for x, expected in zip(leaves, numbers, strict=True):
        assert ulps(x.grad.data if isinstance(x.grad, Value) else x.grad, expected) == 0


def test_sixty_doublings_have_two_to_the_sixty_paths():
    x = Value(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert y.data == x.grad == 2.0**60
