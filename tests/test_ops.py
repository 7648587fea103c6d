"""Every row of the table against mpmath: value, first and second partial derivatives.

The test goes through the table, so an operation without a reference is an error. Every
number must be right to 4 units in the last place; where, `ulp_search.py` looks for.
"""

from __future__ import annotations

import math
import random

import mpmath as mp
import pytest
import reference
import ulp_search
from helpers import LONG, SERIES, ulps
from ulp_search import operands, points

import micrograd as mg
from micrograd import Value
from micrograd.core.node import apply
from micrograd.core.rule import CHOICE, FLAT, TABLE

# Where the promise does not hold, as docs/mathematics.md says: with three operands and more
# of which one outweighs the others, 1 - s*s is taken with s near 1.
EXEMPT = {("hypot", 2)}
# How much of the search is done: all of it by `python tests/ulp_search.py`.
SHARE = 0.25 if LONG else 0.04


def test_every_row_has_a_reference():
    assert set(TABLE) == set(reference.SMOOTH) | reference.PIECEWISE


# Whose judge takes many seconds, or loses more digits than the row: by the long search alone.
HARD = SERIES - {"i0", "i1", "j0", "j1"}
ROWS = [(n, k) for n in reference.SMOOTH for k in ulp_search.orders(TABLE[n])]


@pytest.mark.parametrize(("name", "order"), ROWS)
def test_value_and_derivatives_to_4_ulp(name, order):
    """At random points, and on and beside the zeros of the function and of each derivative."""
    if (name, order) in EXEMPT:
        pytest.skip("listed in docs/deviations.md")
    if not LONG and (name in HARD or (name, order) == ("digamma", 2)):
        pytest.skip("only with MICROGRAD_LONG=1")
    largest, where, tried = ulp_search.worst(TABLE[name], order, SHARE)
    assert largest <= 4, f"{name}, derivative {order}: {largest:.1f} ulp {where}"
    assert tried


@pytest.mark.parametrize("name", sorted(HARD & set(reference.SMOOTH)))
def test_values_beside_the_judge(name):
    """A few values of the rows that the search leaves out, where the judge is quick and exact."""
    rule = TABLE[name]
    for xs in VALUES[name]:
        exact = reference.SMOOTH[name](*[mp.mpf(x) for x in xs])
        assert ulps(rule.forward(*xs), exact) <= 4, (name, xs)


@pytest.mark.parametrize("name", sorted((HARD | ulp_search.SECOND) & set(reference.SMOOTH)))
def test_partials_beside_the_slope_of_the_row(name):
    """Each stated partial is the slope of the row's own values, which the test above holds."""
    rule, h = TABLE[name], 2e-4
    settings = ulp_search.NUMBERS.get(name, ())
    for xs in VALUES.get(name, []) + SLOPES.get(name, []):
        y = rule.forward(*xs)
        free = [i not in settings for i in range(len(xs))]
        for i, partial in enumerate(rule.local(xs, y, free)):
            if partial is None:
                continue
            near = {k: rule.forward(*xs[:i], xs[i] + k * h, *xs[i + 1 :]) for k in (-2, -1, 1, 2)}
            slope = (8.0 * (near[1] - near[-1]) - (near[2] - near[-2])) / (12.0 * h)
            assert partial == pytest.approx(slope, rel=1e-6, abs=1e-9), (name, xs, i)


VALUES = {
    "gammainc": [(0.5, 0.25), (2.0, 3.5), (30.0, 20.0)],
    "gammaincc": [(0.5, 0.25), (2.0, 3.5), (30.0, 40.0)],
    "betainc": [(0.5, 0.5, 0.25), (2.0, 3.0, 0.7), (20.0, 4.0, 0.9)],
    "y0": [(0.5,), (3.0,), (20.0,)],
    "y1": [(0.5,), (3.0,), (20.0,)],
    "erfcx": [(-1.5,), (0.5,), (30.0,)],
    "erfcx_by": [(1.0, 0.5)],
    "erfinv": [(-0.75,), (0.25,), (0.97,)],
    "derfinv": [(-0.75,), (0.25,), (0.6,)],
    "bessel_j": [(0.0, 0.0, 1.5), (1.0, 1.0, 2.5)],
    "bessel_y": [(0.0, 0.0, 1.5), (1.0, 1.0, 2.5)],
    "bessel_i": [(0.0, 0.0, 1.5), (1.0, 1.0, 2.5)],
    "gamma_density": [(0.0, 2.0, 1.5), (0.0, 0.5, 0.25)],
    "gammainc_by": [(1.0, 2.0, 1.5)],
    "gamma_slope": [],
    "betainc_by": [],
    "beta_density": [],
    "beta_slope": [],
}
SLOPES = {
    "d2silu": [(0.7,), (-1.3,), (4.0,)],
    "d2gelu": [(0.7,), (-1.3,), (2.5,)],
    "erfcx_by": [(2.0, 1.5), (3.0, -0.5)],
    "bessel_j": [(1.0, 0.0, 1.5), (0.0, 1.0, 0.7)],
    "bessel_y": [(1.0, 0.0, 1.5), (0.0, 1.0, 0.7)],
    "bessel_i": [(1.0, 0.0, 1.5), (0.0, 1.0, 0.7)],
    "gamma_density": [(1.0, 2.0, 1.5), (2.0, 3.5, 0.5)],
    "gammainc_by": [(2.0, 3.0, 2.5)],
    "gamma_slope": [(2.5, 1.5), (0.5, 3.0)],
    "betainc_by": [(1.0, 0.0, 2.0, 3.0, 0.4), (0.0, 1.0, 2.5, 1.5, 0.7), (1.0, 1.0, 2.0, 3.0, 0.4)],
    "beta_density": [
        (0.0, 0.0, 2.0, 3.0, 0.4),
        (1.0, 0.0, 2.0, 3.0, 0.6),
        (1.0, 2.0, 2.5, 1.5, 0.3),
        (2.0, 0.0, 2.0, 3.0, 0.6),
    ],
    "beta_slope": [(2.0, 3.0, 0.4), (0.5, 1.5, 0.7)],
}


@pytest.mark.parametrize(
    ("name", "order", "x"),
    [
        ("atan", 2, 1.0149910766381498),
        ("atanh", 2, 2.8856085812562238e-08),
        ("atanh", 2, 0.0001206434924136411),
        ("acosh", 2, 3.1070427758899384),
        ("silu", 1, -2.5815921548733067),
        ("silu", 2, 1.6808779405380814),
        ("silu", 2, -4.1504144476132305),
    ],
)
def test_where_a_walk_to_worse_points_had_ended_past_4_ulp(name, order, x):
    rule, place = TABLE[name], (0,) * order
    found = ulp_search.ours(rule, [x], order)[place]
    assert ulp_search.error(found, ulp_search.exactly(rule, [x], place)) <= 4


def test_the_check_rejects_a_wrong_rule():
    """A derivative that is off by one part in 10**15 does not pass."""
    with pytest.raises(AssertionError, match="ulp"):
        assert ulp_search.error(math.cos(1.0) * (1 + 1e-15), mp.cos(1)) <= 4, "ulp"


# What is chosen, not computed -----------------------------------------------------------------


PIECES = {
    "mod": lambda a, b: a % b,
    "floordiv": lambda a, b: a // b,
    "fmod": math.fmod,
    "remainder": math.remainder,
    "truncdiv": lambda a, b: float(int(a / b)),
    "neardiv": lambda a, b: float(round(a / b)),
    "relu": lambda x: max(x, 0.0),
    "gate": lambda a, b: a if b > 0 else 0.0,
    "leaky_step": lambda x, s: 1.0 if x > 0 else s,
    "maximum": max,
    "minimum": min,
    "fmax": max,
    "fmin": min,
    "ties": lambda top, *xs: float(sum(x == top for x in xs)),
    "route": lambda d, x, top, n: d * (1.0 / n) if x == top else 0.0,
    "clip": lambda x, low, high: min(max(x, low), high),
    "inside": lambda d, x, low, high: d if low <= x <= high else 0.0,
    "where": lambda c, a, b: a if c else b,
    "guard": lambda c, y: c,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "rint": round,
    "round": lambda x, n: round(x, int(n)),
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
    "stop": lambda x: x,
    "equal": lambda a, b: a == b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "not_equal": lambda a, b: a != b,
    "logical_and": lambda a, b: bool(a and b),
    "logical_or": lambda a, b: bool(a or b),
    "logical_not": lambda x: not x,
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
}
LOGIC = (
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_not",
    "isnan",
    "isinf",
    "isfinite",
)


@pytest.mark.parametrize("name", sorted(reference.PIECEWISE))
def test_pieces_are_exact(name):
    rule = TABLE[name]
    rng = random.Random(name)
    n = rule.arity or 3
    for _ in range(500):
        xs = [rng.choice([-2.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.5, 7.0]) for _ in range(n)]
        if name in ("clip", "inside"):
            xs[-2:] = sorted(xs[-2:])
        if name == "round":
            xs[1] = 0.0
        if name in LOGIC:
            xs = [rng.choice([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf]) for _ in range(n)]
        assert rule.forward(*xs) == PIECES[name](*xs), xs


@pytest.mark.parametrize("name", sorted(n for n in reference.PIECEWISE if TABLE[n].kind == FLAT))
def test_flat_operations_pass_no_gradient(name):
    xs = [Value(1.0 + i) for i in range(TABLE[name].arity or 3)]
    apply(TABLE[name], tuple(xs)).backward()
    assert [x.grad for x in xs] == [0.0] * len(xs)


DENOMINATORS = (31, 37, 41, 43)


@pytest.mark.parametrize("name", sorted(n for n in reference.PIECEWISE if TABLE[n].kind != FLAT))
def test_pieces_have_the_slope_of_their_piece(name):
    """Away from the jumps: against differences, which are exact on straight pieces."""
    rule = TABLE[name]
    rng = random.Random(name)
    n = rule.arity or 3
    for _ in range(200):
        # Fractions with different denominators: no quotient comes near a whole number.
        xs = [
            rng.choice([-1, 1]) * (rng.randrange(1, 9) + rng.randrange(1, 30) / d)
            for d in DENOMINATORS[:n]
        ]
        if name in ("clip", "inside"):
            xs[-2:] = sorted(xs[-2:])
        if name == "round":
            xs[1] = 0.0
        if name in ("where", "route"):
            xs[0] = float(rng.random() < 0.5)
        values = [Value(x) for x in xs]
        apply(rule, tuple(values)).backward()
        for i, v in enumerate(values):
            h = 2.0**-20
            if (name, i) in {("round", 1), ("route", 3)}:
                continue
            above, below = (rule.forward(*xs[:i], xs[i] + s * h, *xs[i + 1 :]) for s in (1, -1))
            assert v.grad == pytest.approx((above - below) / (2 * h), abs=1e-7), (xs, i)


# The promises that hold for every row -----------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n, rule in TABLE.items() if rule.kind != FLAT and not rule.internal]
)
def test_where_the_value_is_nan_the_partials_are(name):
    rule = TABLE[name]
    if name in ("add", "sub", "neg", "sum", "fsum", "mean", "identity", "degrees", "radians"):
        return  # linear: the slope is what it is
    n = rule.arity or 3
    for where in range(n):
        xs = [Value(0.5 + i) for i in range(n)]
        if name in ("polygamma", "dsinc", "ldexp", "round", "power_partial"):
            xs = [x.data if i in rule.settings else x for i, x in enumerate(xs)]
            xs = [round(x) * 1.0 if i in rule.settings else x for i, x in enumerate(xs)]
        if not isinstance(xs[where], Value):
            continue
        xs[where].data = math.nan
        y = apply(rule, tuple(xs))
        if y.data == y.data:
            continue
        y.backward()
        by_nan = xs[where].grad
        assert by_nan != by_nan or linear_in(name, where), (name, where)


def linear_in(name: str, i: int) -> bool:
    """Whether the operation is linear, or a choice that passes on, in that operand."""
    return name in ("mul", "prod", "dot", "weighted_sum", "fma", "ldexp", "pow", "copysign") or (
        (name, i) in {("div", 0), ("ratio", 0), ("gate", 0), ("where", 1), ("where", 2), ("xlogy", 0),
                      ("route", 0), ("inside", 0), ("guard", 0), ("leaky_relu", 0)}
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", [n for n, rule in TABLE.items() if rule.arity and not rule.internal]
)
def test_numbers_and_values_give_the_same(name):
    rule = TABLE[name]
    for xs in points(rule, 50):
        values = operands(rule, xs)
        assert ulps(apply(rule, tuple(values)).data, rule.forward(*xs)) == 0


def test_ties_share_equally():
    for n in range(1, 6):
        xs = [Value(2.0) for _ in range(n)] + [Value(1.0)]
        mg.maximum(xs).backward()
        assert [x.grad for x in xs] == [1 / n] * n + [0.0]


def test_a_choice_is_a_choice_in_the_second_derivative():
    for f in (mg.relu, lambda x: mg.maximum(x, 0.0), lambda x: mg.clip(x, -5.0, 5.0)):
        x = Value(2.0)
        (f(x) ** 2).backward(create_graph=True)
        g, x.grad = x.grad, 0
        g.backward()
        assert (g.data, x.grad) == (4.0, 2.0)


def test_kinds_are_known():
    assert {rule.kind for rule in TABLE.values()} == {"smooth", CHOICE, FLAT}


def test_docs_say_something():
    assert all(rule.doc.endswith(".") for rule in TABLE.values())


@pytest.mark.parametrize("x", [-2.6783883948176834, -2.7476823214040182, -4.8279241806334765])
def test_digamma_below_zero_keeps_its_digits_beside_the_cotangent(x):
    exact = float(mp.digamma(mp.mpf(x)))
    assert ulps(mg.digamma(x), exact) <= 4
    assert ulps(mg.grad(mg.lgamma)(x), exact) <= 4


# What no search over one row meets --------------------------------------------------------------


@pytest.mark.parametrize("p", [0.3, 0.1, 1 / 3, 1e-17, 0.7])
@pytest.mark.parametrize("x", [1e300, 1e-300, 2.5])
def test_slopes_of_powers_where_the_exponent_less_one_is_rounded(x, p):
    found = TABLE["pow"].local([x, p], x**p, [True, False])[0]
    with mp.workprec(400):
        exact = mp.mpf(p) * mp.mpf(x) ** (mp.mpf(p) - 1)
    assert ulps(found, exact) <= 4


def test_slopes_of_powers_of_infinity():
    for p in (-1.0, 0.5, 2.0):
        assert math.isnan(TABLE["pow"].local([math.inf, p], math.inf**p, [False, True])[1])
    assert TABLE["pow"].local([0.5, 2.0], 0.25, [True, True]) == [1.0, 0.25 * math.log(0.5)]


@pytest.mark.parametrize(("a", "b"), [(3.0, 4.0), (-1e-5, 2.0), (1e200, 1e-3), (0.25, -8.0)])
def test_hypot_of_two(a, b):
    """The search takes three operands; of two they have a row of their own."""
    x, y = Value(a), Value(b)
    r = mg.hypot(x, y)
    r.backward()
    with mp.workprec(200):
        length = mp.hypot(a, b)
        assert ulps(x.grad, a / length) <= 4
        assert ulps(y.grad, b / length) <= 4
        seconds = mg.hessian(lambda x, y: mg.hypot(x, y), (0, 1))(a, b)
        exact = [[mp.mpf(b) * b, -mp.mpf(a) * b], [-mp.mpf(a) * b, mp.mpf(a) * a]]
        for row, right in zip(seconds, exact):
            for found, product in zip(row, right):
                assert ulps(found, product / length**3) <= 4


def test_of_one_operand():
    """The largest of one, the logarithm of one exponential: the number, with slope 1."""
    for f in (mg.logsumexp, mg.maximum, mg.minimum, mg.hypot, mg.sum, mg.prod, mg.mean):
        x = Value(3.0)
        f([x]).backward()
        assert x.grad == 1.0
    x = Value(3.0)
    apply(TABLE["nll"], (0.0, x)).backward()
    assert x.grad == 0.0


def test_a_class_that_is_known_when_the_program_runs():
    nll = TABLE["nll"].function
    fast = mg.jit(mg.grad(lambda a, b, c, k: nll(k, a, b, c), (0, 1, 2)), backend="python")
    for k in range(3):
        xs = [Value(0.5), Value(-1.0), Value(2.0)]
        apply(TABLE["nll"], (float(k), *xs)).backward()
        assert list(fast(0.5, -1.0, 2.0, float(k))) == [x.grad for x in xs]


def test_settings_are_part_of_the_name():
    x = Value(2.0)
    named = {
        "**3": x**3, "clip(-1, 1)": mg.clip(x, -1.0, 1.0), "leaky_relu(0.1)": mg.leaky_relu(x, 0.1),
        "nll(1)": apply(TABLE["nll"], (1.0, x, x)), "take(1)": apply(TABLE["take"], (1.0, x, x)),
    }  # fmt: skip
    assert {v._op for v in named.values()} == set(named)
    for name in ("elu", "elu_step", "leaky_step"):
        assert apply(TABLE[name], (x, 0.5))._op == f"{name}(0.5)"


def test_what_is_left_out_has_its_default():
    x = Value(-2.0)
    y = mg.leaky_relu(x)
    y.backward()
    assert (y.data, x.grad) == (-0.02, 0.01)
    assert mg.clip(Value(7.0), high=1.0).data == mg.clip(Value(7.0), None, 1.0).data == 1.0
    assert mg.clip(Value(-7.0), -1.0).data == -1.0
    assert mg.clip(Value(-7.0), high=1.0).data == -7.0
    assert TABLE["ties"].arity == 0
    assert TABLE["elu"].function(Value(-1.0)).data == mg.elu(-1.0, 1.0)
    assert [mg.round(2.567), mg.round(Value(2.567)).data, mg.round(7.4)] == [3.0, 3.0, 7.0]


@pytest.mark.parametrize("base", [2, 2.0, 10, 10.0, 3, 1.5, 9, 11, 0.5, 100.0])
def test_logarithms_to_a_base(base):
    """By 2 and by 10 as `log2` and `log10`, which are exact where that can be."""
    own = {2: mg.log2, 10: mg.log10}.get(base, lambda x: mg.log(x) / mg.log(base))
    for number in (8.0, 1000.0, 0.3, 17.0):
        x, y = Value(number), Value(number)
        found, wanted = mg.log(x, base), own(y)
        found.backward()
        wanted.backward()
        assert (found.data, x.grad) == (wanted.data, y.grad)
        assert mg.log(number, base) == own(number)
    b = Value(float(base))
    mg.log(8.0, b).backward()
    assert math.isclose(b.grad, -math.log(8.0) / (base * math.log(base) ** 2), rel_tol=1e-14)


def test_a_product_of_vectors_of_unequal_lengths():
    for a, b in (([1.0, 2.0], [3.0]), ([1.0], [2.0, 3.0])):
        for f in (mg.dot, mg.dist):
            with pytest.raises(ValueError, match=f"{len(a)} .* on the left, {len(b)} on the right"):
                f(a, [Value(x) for x in b])
    a = [Value(1.0), Value(-2.0)]
    distance = mg.dist(iter(a), iter([4.0, 2.0]))
    distance.backward()
    assert (distance.data, a[0].grad, a[1].grad) == (5.0, -0.6, -0.8)


def test_ldexp_has_its_exponent_as_a_setting():
    x, n = Value(1.5), Value(3.0)
    y = mg.ldexp(x, n)
    y.backward()
    assert (y.data, x.grad, n.grad) == (12.0, 8.0, 12.0 * math.log(2.0))
    assert mg.ldexp(x, 3.0)._op == "ldexp(3)"


@pytest.mark.parametrize("condition", [2, -2, 0.5, math.nan, "x", None, [1], 1j])
def test_where_asks_for_a_condition(condition):
    with pytest.raises(TypeError, match="where: the condition"):
        mg.where(condition, Value(1.0), 2.0)
