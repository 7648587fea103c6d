"""Which boxes are alike: `graph/folding/alike.py` on small graphs, told by hand."""

from __future__ import annotations

import pytest

from micrograd.graph.folding.alike import classes


def graph(**boxes):
    """Kinds and operands of boxes, each given as its kind and its operands."""
    kinds = {name: kind for name, (kind, *_) in boxes.items()}
    return kinds, {name: below for name, (_, *below) in boxes.items()}


def groups(colours):
    """The boxes of each colour."""
    found = {}
    for name, colour in colours.items():
        found.setdefault(colour, set()).add(name)
    return {frozenset(names) for names in found.values()}


# Two relus that are computed alike, and used by an exp and by a log.
USED = graph(
    x=("leaf",), y=("leaf",), r=("relu", "x"), s=("relu", "y"), e=("exp", "r"), g=("log", "s"),
    out=("+", "e", "g"),
)  # fmt: skip


@pytest.mark.parametrize("most", [0, 4, 5, 6])
def test_what_is_computed_alike_is_alike_where_few_colours_are_wanted(most):
    found = groups(classes(*USED, most))
    assert found == {frozenset(names) for names in ({"x", "y"}, {"r", "s"}, "e", "g", {"out"})}


@pytest.mark.parametrize("most", [7, 8, 100])
def test_what_is_used_otherwise_is_told_apart_where_colours_suffice(most):
    assert len(groups(classes(*USED, most))) == 7


def test_a_call_is_what_it_is_whatever_is_made_of_what_it_gives():
    assert len(groups(classes(*USED, 7, calls={"r": 1, "s": 2}))) == 5
    inside = {"r": 1, "e": 1, "s": 2, "g": 2}
    assert len(groups(classes(*USED, 7, calls=inside))) == 7


def test_the_order_of_operands_matters_where_it_is_said_to():
    two = graph(a=("A",), b=("B",), u=("f", "a", "b"), v=("f", "b", "a"))
    colours = classes(*two, 0)
    assert colours["u"] == colours["v"]
    colours = classes(*two, 0, ordered={"u", "v"})
    assert colours["u"] != colours["v"]


def test_few_operands_are_counted_and_of_many_only_which_there_are():
    def alike(first, second):
        boxes = {"a": ("A",), "b": ("B",), "u": ("f", *first), "v": ("f", *second)}
        colours = classes(*graph(**boxes), 0)
        return colours["u"] == colours["v"]

    assert not alike("aab", "abb")
    assert not alike("a" * 7 + "b", "a" * 6 + "bb")
    assert alike("a" * 8 + "b", "a" * 10 + "bb")
    assert not alike("a" * 9, "a" * 8 + "b")


def test_leaves_are_told_by_what_is_made_of_them():
    colours = classes(*graph(x=("leaf",), y=("leaf",), e=("exp", "x"), g=("log", "y")), 0)
    assert colours["x"] != colours["y"]
