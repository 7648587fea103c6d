"""Random graphs for hypothesis: recipes that build the same expression in any number type."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st


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
