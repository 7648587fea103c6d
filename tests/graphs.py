"""Random graphs for hypothesis: recipes that build the same expression in any number type."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

REALS = st.integers(-200, 200).map(lambda n: n / 100)
# Operations with derivatives of every order, with the functions of a module m: ours or mpmath's.
ANALYTIC = {
    "add": lambda m, a, b: a + b,
    "sub": lambda m, a, b: a - b,
    "mul": lambda m, a, b: a * b,
    "div": lambda m, a, b: a / (b * b + 1),
    "tanh": lambda m, a, b: m.tanh(a),
    "sin": lambda m, a, b: m.sin(a),
    "exp": lambda m, a, b: m.exp(-a * a),
    "atan": lambda m, a, b: m.atan(a),
    "sqrt": lambda m, a, b: m.sqrt(a * a + 1),
    "log": lambda m, a, b: m.log(a * a + 1),
    "cube": lambda m, a, b: a**3 * 0.125,
    "hypot": lambda m, a, b: m.hypot(a, b + 4),
}


def analytic(m):
    """The operations of ANALYTIC with the functions of m."""
    return {name: lambda a, b, f=f: f(m, a, b) for name, f in ANALYTIC.items()}


class Recipe(NamedTuple):
    """Leaves, then steps: each an operation and the places of its operands before it."""

    leaves: tuple[Any, ...]
    steps: tuple[tuple[str, int, int], ...]


def recipes(leaves, operations, max_leaves=4, max_steps=12):
    """Recipes with these kinds of leaves and operations; operands are any earlier nodes."""

    @st.composite
    def build(draw):
        xs = draw(st.lists(leaves, min_size=1, max_size=max_leaves))
        steps = []
        for _ in range(draw(st.integers(1, max_steps))):
            n = len(xs) + len(steps)
            place = st.integers(0, n - 1)
            steps.append((draw(st.sampled_from(operations)), draw(place), draw(place)))
        return Recipe(tuple(xs), tuple(steps))

    return build()


def run(recipe: Recipe, leaves, functions):
    """The nodes of a recipe, built from the given leaves with the given functions."""
    nodes = list(leaves)
    for name, i, j in recipe.steps:
        nodes.append(functions[name](nodes[i], nodes[j]))
    return nodes
