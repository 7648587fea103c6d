"""`Selection`: which products of a backward pass that is written down are selected, and which not.

Rule by rule, with numbers for conditions; and in the source that `jit` prints, which has to give
what the eager engine gives where a local gradient is infinite.
"""

from __future__ import annotations

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.compiler.compiled import differentiated
from micrograd.core.rule import CHOICE, SMOOTH
from micrograd.core.selection import ForwardSelection, Missing, Selection, Whole
from micrograd.ops import TABLE

LINEAR = (True, False, False, 0)  # finite, scales, singular, below: of a node on leaves
REGULAR = (True, True, False, 1)
SINGULAR = (False, True, True, 2)
REGIONS = {name: SimpleNamespace(name=name, kind=SMOOTH) for name in ("loop", "branch")}
for region in REGIONS.values():
    region.is_reflected = False


class Asked:
    """A rule that notes how often its derivative is asked for."""

    def __init__(self, name):
        self.name, self.kind, self.is_reflected = name, TABLE[name].kind, False
        self.times = 0

    def pullback(self, xs, y, rates):
        self.times += 1
        return TABLE[self.name].pullback(xs, y, rates)


def facts(selection, key="y"):
    named = (selection.finite, selection.scales, selection.singular, selection.below)
    return tuple(of[key] for of in named)


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("add", [0.0], LINEAR),
        ("relu", [], REGULAR),  # where it is nan, it passes nan on
        ("less", [0.0], LINEAR),
        ("maximum", [3.0], REGULAR),
        ("where", [0.0], LINEAR),
        ("mul", [0.0], REGULAR),
        ("tanh", [], REGULAR),
        ("exp", [], SINGULAR),
        ("sqrt", [], SINGULAR),
        ("atan2", [1.0], SINGULAR),
        ("xlogy", [], SINGULAR),
        *(("pow", [c], REGULAR) for c in (1.0, 2.0, 3.0)),
        *(("pow", [c], SINGULAR) for c in (-1.0, 0.0, 0.5, 4.0)),
        *(("div", [c], REGULAR) for c in (-2.0, -1.0, 1.0, 2.0)),
        ("div", [0.0], SINGULAR),
    ],
)
def test_what_an_operation_may_do_to_a_gradient(name, numbers, expected):
    selection = Selection()
    selection.node("y", TABLE[name], ["x"], numbers)
    assert facts(selection) == expected


@pytest.mark.parametrize("name", ["div", "pow"])
@pytest.mark.parametrize("number", [1.0, 2.0])
def test_a_number_above_the_bar_or_under_an_exponent_tames_nothing(name, number):
    selection = Selection()
    selection.node("y", TABLE[name].reflected, ["x"], [number])
    assert facts(selection) == SINGULAR
    selection.node("z", TABLE[name], ["x", "w"], [])
    assert facts(selection, "z") == SINGULAR


def test_what_is_below_counts():
    selection = Selection()
    selection.node("log", TABLE["log"], ["x"], [])
    selection.node("tanh", TABLE["tanh"], ["log"], [])
    assert facts(selection, "tanh") == SINGULAR  # regular, but of what may be infinite
    selection.node("sin", TABLE["sin"], ["x"], [])
    selection.node("sum", TABLE["add"], ["sin", "x"], [])
    assert facts(selection, "sum") == (True, False, False, 1)
    selection.node("both", TABLE["add"], ["sum", "log"], [])
    assert facts(selection, "both") == (False, False, False, 2)
    selection.node("nothing", TABLE["sum"], [], [])
    assert facts(selection, "nothing") == LINEAR


@pytest.mark.parametrize(
    ("names", "choices", "guards"),
    [
        (["tanh"], False, False),
        (["less"], False, False),
        (["relu"], True, False),
        (["maximum"], True, False),
        (["where"], True, True),
        (["where", "maximum"], True, True),
        (["loop"], True, False),
        (["branch"], True, True),
        (["branch", "loop"], True, True),
    ],
)
def test_who_asks_what_is_missing(names, choices, guards):
    selection = Selection()
    for name in names:
        selection.node(name, REGIONS.get(name) or TABLE[name], ["x"], [])
    assert (selection.choices, selection.guards) == (choices, guards)
    selection.below.update(singular=2, scaled=1, linear=0)
    assert selection.matters("singular")
    assert selection.matters("scaled") == guards
    assert not selection.matters("linear")
    assert not selection.matters("a leaf")


def below(*names):
    """A selection in which there are choices, and nodes of these operations on x."""
    selection = Selection()
    selection.node("relu", TABLE["relu"], ["x"], [])
    for name in names:
        selection.node(name, TABLE[name], ["x"], [])
    return selection


@pytest.mark.parametrize(
    ("name", "guard", "selected"),
    [("log", False, True), ("log", True, True), ("tanh", False, False), ("tanh", True, True),
     ("neg", True, False)],
)  # fmt: skip
@pytest.mark.parametrize("condition", [0.0, 1.0])
def test_what_is_selected_where_a_gradient_is_missing(name, guard, selected, condition):
    selection = below(name)
    selection.missing[name] = Missing(condition, guard)
    whole = Whole()
    parts = selection.select(name, TABLE[name], [2.0], 0.5, [None] * 3, [7.0, None, whole])
    assert parts == [0.0 if selected and not condition else 7.0, None, whole]
    selection.choices = False
    parts = [7.0]
    assert selection.select(name, TABLE[name], [2.0], 0.5, ["x"], parts) is parts


def test_without_a_missing_gradient_nothing_is_selected():
    assert below("log").select("log", TABLE["log"], [2.0], 0.5, ["x"], [7.0]) == [7.0]


@pytest.mark.parametrize(
    ("x", "mine", "condition", "guard"),
    [
        (2.0, None, 1.0, False),
        (-2.0, None, 0.0, False),
        (2.0, Missing(1.0, True), 1.0, True),
        (2.0, Missing(0.0, False), 0.0, False),
        (-2.0, Missing(1.0, False), 0.0, False),
    ],
)
def test_a_choice_may_miss_its_operand(x, mine, condition, guard):
    selection = below("log")
    rule = Asked("relu")
    selection.node("y", rule, ["log"], [])
    selection.missing["y"] = mine
    passed = [0.0 if mine is not None and not mine.condition else 7.0]
    assert selection.select("y", rule, [x], max(x, 0.0), ["log"], [7.0]) == passed
    found = selection.missing["log"]
    assert (found.condition, found.guard, rule.times) == (condition, guard, 1)


def test_where_guards_what_it_chooses_between():
    selection = below("log", "sqrt")
    rule = Asked("where")
    selection.node("y", rule, ["c", "log", "sqrt"], [])
    selection.select("y", rule, [1.0, 2.0, 3.0], 2.0, [None, "log", "sqrt"], [None, 7.0, 7.0])
    found = selection.missing
    assert (found["log"].condition, found["log"].guard) == (1.0, True)
    assert (found["sqrt"].condition, found["sqrt"].guard) == (0.0, True)
    assert "c" not in found


def test_nobody_is_asked_in_vain():
    for name, key in (("relu", "x"), ("relu", None), ("relu", "neg"), ("tanh", "log")):
        selection = below("log", "neg")
        rule = Asked(name)
        selection.node("y", rule, ["log"], [])
        selection.select("y", rule, [2.0], 2.0, [key], [7.0])
        assert rule.times == 0
        assert set(selection.missing) <= {"log"}


def test_what_a_node_misses_its_operands_miss():
    selection = below("log", "sqrt", "exp", "neg")
    mine = Missing(0.0, False)
    selection.node("y", TABLE["sum"], ["log", "neg", "sqrt", "exp"], [])
    selection.missing["y"] = mine
    keys, parts = ["log", "neg", None, "sqrt", "exp"], [7.0, 7.0, 7.0, None, 7.0]
    selection.select("y", TABLE["sum"], [2.0] * 5, 0.5, keys, parts)
    assert selection.missing == {"y": mine, "log": mine, "exp": mine}


A, B = Missing(0.0, False), Missing(1.0, True)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, A, None),
        (A, None, None),
        (None, None, None),
        (A, A, (0.0, False)),
        (A, B, (1.0, True)),
        (B, A, (1.0, True)),
        (A, Missing(0.0, False), (0.0, False)),
        (B, Missing(1.0, True), (1.0, True)),
    ],
)
def test_of_two_gradients_both_have_to_be_missing(old, new, expected):
    selection = below("log")
    for key, mine in (("first", old), ("second", new)):
        selection.node(key, TABLE["neg"], ["log"], [])
        selection.missing[key] = mine
        selection.select(key, TABLE["neg"], [2.0], -2.0, ["log"], [7.0])
    found = selection.missing_at("log")
    assert (found and (found.condition, found.guard)) == expected
    assert found is old or old is not new


@pytest.mark.parametrize("name", ["loop", "branch"])
@pytest.mark.parametrize("mine", [None, Missing(1.0, False), B])
def test_what_a_region_passes_on_is_missing_where_it_is_zero(name, mine):
    rule = REGIONS[name]
    for part, missing in ((Value(3.0), 1.0), (Value(0.0), 0.0), (7.0, None), (Whole(), None)):
        selection = below("log")
        selection.node("y", rule, ["log"], [])
        selection.missing["y"] = mine
        selection.select("y", rule, [2.0], 2.0, ["log"], [part])
        found = selection.missing["log"]
        if missing is None:
            assert found is mine
        else:
            assert found.condition.data == missing
            assert found.guard == (name == "branch" or mine is B)
    neg = below("log")
    neg.node("y", TABLE["neg"], ["log"], [])
    neg.missing["y"] = mine
    neg.select("y", TABLE["neg"], [2.0], -2.0, ["log"], [Value(3.0)])
    assert neg.missing["log"] is mine  # as for any other operation


@pytest.mark.parametrize(
    ("f", "x", "selected"),
    [
        (lambda p: (-(1 / p)).relu(), 0.0, 1),
        (lambda p: mg.maximum(1 / p, 3.0), -0.0, 1),
        (lambda p: (-(2**p)).relu(), 2000.0, 1),
        (lambda p: (-p.exp()).relu(), 1000.0, 1),
        (lambda p: (p / 2 - 1).relu() + (p**3 - 9).relu(), 1.0, 0),
        (lambda p: (-(p / 0)).relu() + (p**0.5 - 9).relu(), 1.0, 2),
    ],
)
def test_a_program_passes_nothing_to_what_was_not_selected(f, x, selected):
    p = Value(x)
    y = f(p)
    y.backward()
    fast = mg.jit(lambda: f(p), parameters=[p], backend="python")
    fast()
    written = differentiated(fast.latest.program)  # `jit` itself asks again where this gives nan
    assert written.run([], [Value(x)]) == [y.data, p.grad]
    arrays: dict = {}
    exec(fast.array_program.source, arrays)
    with np.errstate(all="ignore"):
        assert arrays["f"](np.array([x])) == (y.data, [p.grad])
    inside = mg.jit(mg.grad(f), backend="python")
    inside(x)
    assert inside.latest.program.run([Value(x)], []) == [p.grad]
    for program in (written, inside.latest.program):
        assert [rule.name for rule in program.rules].count("where") == selected


def tangents(c, rates):
    """A forward pass through `where` on a condition, and the node that it gave."""
    selection, node = ForwardSelection(), Value(4.0)
    xs, parts = [Value(c), Value(2.0), Value(3.0)], [None, 7.0, 8.0]
    assert selection.select(node, TABLE["where"], xs, [None, *rates], parts) is parts
    return selection, node


@pytest.mark.parametrize("c", [0.0, 1.0])
def test_forwards_a_tangent_is_there_where_it_was_selected(c):
    for rates, there in (((1.0, None), c), ((None, 1.0), 1.0 - c)):
        selection, k = tangents(c, rates)
        assert selection.there[k].data == there
        whole, part, log = Whole(), Value(5.0), Value(6.0)
        for given in (part, 5.0, None, whole):
            (found,) = selection.select(log, TABLE["log"], [k], [1.0], [given])
            assert found.data == 5.0 * there if given is part else found is given
        assert selection.there[log].data == there
        assert selection.select(log, TABLE["neg"], [k], [1.0], [part]) == [part]
        again = Value(1.0)
        selection.select(again, TABLE["where"], [Value(1.0), k, k], [None, 1.0, 1.0], [None] * 3)
        assert selection.there[again].data == there
        selection.select(
            again, TABLE["where"], [Value(0.0), Value(1.0), k], [None, 1.0, 1.0], [None] * 3
        )
        assert selection.there[again].data == there
    selection, k = tangents(c, (1.0, 1.0))
    assert k not in selection.there
    (found,) = selection.select(k, TABLE["log"], [k], [1.0], [part])
    assert found is part
    assert not selection.there


def test_forwards_one_tangent_is_enough():
    for a, b in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        selection, k = tangents(a, (1.0, None))
        other, x, y = Value(1.0), Value(2.0), Value(3.0)
        selection.there[other] = Value(b)
        for name in ("mul", "xlogy"):
            parts = [Value(5.0), Value(7.0)]
            parts = selection.select(x, TABLE[name], [k, other], [1.0, 1.0], parts)
            assert [p.data for p in parts] == [5.0 * a, 7.0 * b]
        assert selection.there[x].data == max(a, b)
        selection.select(y, TABLE["mul"], [k, 2.0], [1.0, None], [Value(5.0), None])
        assert selection.there[y].data == a
        z = Value(4.0)
        selection.select(z, TABLE["mul"], [k, Value(2.0)], [1.0, 1.0], [Value(5.0), Value(7.0)])
        assert z not in selection.there  # the second one is always there


def test_forwards_a_step_has_a_tangent_where_it_is_nan():
    for name in ("floor", "sign"):
        for x in (2.0, math.nan):
            selection, node = ForwardSelection(), Value(x)
            selection.select(node, TABLE[name], [Value(1.0)], [1.0], [Value(5.0)])
            assert selection.there[node].data == (x != x)


# Many gradients that may be missing ---------------------------------------------------------------


def gathered(missing):
    """A node to which each of these gradients comes, and when its own is missing."""
    selection = below("log")
    for k, mine in enumerate(missing):
        selection.node(k, TABLE["neg"], ["log"], [])
        selection.missing[k] = mine
        selection.select(k, TABLE["neg"], [2.0], -2.0, ["log"], [7.0])
    return selection, selection.missing_at("log")


@pytest.mark.parametrize("conditions", [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.25, 0.0)])
def test_of_many_gradients_all_have_to_be_missing(conditions):
    _, found = gathered([Missing(Value(c), False) for c in conditions])
    assert bool(found.condition.data) == any(conditions)
    assert found.condition._op == "sum"
    _, found = gathered([Missing(c, c == 0.5) for c in conditions])
    assert bool(found.condition) == any(conditions)
    assert found.guard == (0.5 in conditions)
    _, found = gathered([Missing(Value(c), False) for c in conditions] + [None])
    assert found is None
    _, found = gathered([None] + [Missing(Value(c), False) for c in conditions])
    assert found is None


def test_what_the_same_gradients_come_to_has_one_condition():
    missing = [Missing(Value(1.0), False) for _ in range(3)]
    selection, found = gathered(missing)
    for key in ("sqrt", "other"):
        selection.node(key, TABLE["sqrt"], ["x"], [])
        for k in range(3):
            selection.select(k, TABLE["neg"], [2.0], -2.0, [key], [7.0])
        assert selection.missing_at(key) is found


CHOICES = [name for name, rule in TABLE.items() if rule.kind == CHOICE]


@pytest.mark.parametrize("name", CHOICES)
def test_no_choice_passes_on_less_than_nothing(name):
    """Of 1 it passes on 1, a share of it or 0; or nan."""
    rule = TABLE[name]
    numbers = [-math.inf, -2.0, -0.0, 0.0, 0.5, 1.0, 2.0, math.inf, math.nan]
    rng = random.Random(name)
    for _ in range(300):
        xs = [rng.choice(numbers) for _ in range(rule.arity or 3)]
        if name == "take":
            xs[0] = rng.choice([0.0, 1.0])
        if name == "route":
            xs[0], xs[3] = 1.0, rng.choice([1.0, 2.0])
        if name == "clip":
            xs[1:] = sorted(xs[1:], key=lambda x: (x != x, x))
        for part in rule.local(xs, rule.forward(*xs), [True] * len(xs), 1.0):
            assert part is None or part != part or 0.0 <= part <= 1.0


@pytest.mark.parametrize(("name", "n"), [("mul", 2), ("dot", 4), ("weighted_sum", 5)])
def test_partials_of_products_that_are_finite_need_no_condition(name, n):
    """A product of a leaf and of what may be infinite: the slope by the latter is the leaf."""
    keys = ["bias", "log", "a", "b", "c"][5 - n :] if n == 5 else ["log", "a", "b", "c"][:n]
    selection = below("log")
    selection.node("y", TABLE[name], keys, [])
    selection.missing["y"] = Missing(Value(0.0), False)
    parts = [Value(7.0) for _ in keys]
    found = selection.select("y", TABLE[name], [Value(2.0)] * n, Value(4.0), keys, parts)
    beside = {"mul": 1, "dot": 2, "weighted_sum": 3}[name]  # the factor of the logarithm
    assert [i for i, (p, q) in enumerate(zip(found, parts)) if p is not q] == [beside]
    selection.missing["y"] = Missing(Value(0.0), True)
    found = selection.select("y", TABLE[name], [Value(2.0)] * n, Value(4.0), keys, parts)
    assert not any(p is q for p, q in zip(found, parts))


def test_values_taken_for_finite_leave_products_as_they_are():
    for finite in (False, True):
        selection = Selection(finite)
        selection.node("log", TABLE["log"], ["x"], [])
        selection.node("y", TABLE["mul"], ["log", "x"], [])
        assert selection.singular == {"log": True, "y": not finite}
