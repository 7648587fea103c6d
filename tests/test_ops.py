"""Every row of the table against mpmath: value, first and second partial derivatives.

The test goes through the table, so an operation without a reference is an error. Points
are spaced over many orders of magnitude. Every number must be right to 4 units in the
last place; `EXEMPT` names the regions where it is not, and why.
"""

from __future__ import annotations

import itertools
import math
import random

import mpmath as mp
import pytest
import reference
from helpers import ulps
from mpmath import mpf

import micrograd as mg
from micrograd import Value
from micrograd.core.node import apply
from micrograd.core.rule import CHOICE, FLAT, TABLE, Rule

VALUES = 2000  # points for the value, a sixteenth of them for the partials
HOW_MANY = {"dot": 4, "weighted_sum": 5, "nll": 4}  # operands of those that take any number
NEEDS_BITS = {"erf", "erfc", "ndtr", "gelu", "dgelu", "tanh"}  # flat to hundreds of digits

# Where the result is the small difference of large numbers, or not a normal float: there
# the error is small next to what is subtracted, not next to the result.
EXEMPT = {
    ("gamma", 1): lambda x: x < 0,  # digamma has zeros between its poles
    ("lgamma", 0): lambda x: x < 0,  # likewise
    ("lgamma", 1): lambda x: x < 0,
    ("digamma", 0): lambda x: x < 0,
    ("digamma", 2): lambda x: x < 0,
    ("gamma", 2): lambda x: x < 0,
    ("lgamma", 2): lambda x: x < 0,
    ("digamma", 1): lambda x: x < 0,
    ("silu", 1): lambda x: abs(x + 1.2784645427610738) < 1,
    ("silu", 2): lambda x: abs(abs(x) - 2.3993572805154677) < 0.8,
    ("gelu", 1): lambda x: abs(x + 0.7517915246935645) < 0.6,
    ("gelu", 2): lambda x: abs(abs(x) - math.sqrt(2)) < 0.4,
    ("dsilu", 0): lambda x: abs(x + 1.2784645427610738) < 1,
    ("dsilu", 1): lambda x: abs(abs(x) - 2.3993572805154677) < 0.4,
    ("dgelu", 0): lambda x: abs(x + 0.7517915246935645) < 0.6,
    ("dgelu", 1): lambda x: abs(abs(x) - math.sqrt(2)) < 0.4,
    # Each derivative of sinc has a zero between two of the one before.
    ("sinc", 1): lambda x: abs(x) > 0.9,
    ("sinc", 2): lambda x: abs(x) > 0.4,
    ("dsinc", 0): lambda n, x: abs(x) > 0.9,
    ("dsinc", 1): lambda n, x: abs(x) > 0.4,
    # One operand outweighs the others: 1 - s**2 with s near 1.
    ("hypot", 2): lambda *xs: True,
    ("logsumexp", 2): lambda *xs: True,
    ("nll", 2): lambda *xs: True,
    ("datan2", 1): lambda a, b: abs(abs(a) - abs(b)) < 0.1 * abs(a),
    ("logaddexp", 0): lambda a, b: abs(mg.logaddexp(a, b)) < 0.1,
    ("logsumexp", 0): lambda *xs: abs(mg.logsumexp(xs)) < 0.1,
}


def draw(low: float, high: float, rng: random.Random) -> float:
    """A number from the interval, near its ends and near 0 as often as in the middle."""
    if low == high:
        return low
    if high == math.inf:
        near, far = rng.uniform(0, 4), 10 ** rng.uniform(-12, 2.3)
        x = rng.choice([near, far, rng.uniform(0, 40)])
        if low == -math.inf:
            return rng.choice([-x, x])
        return low + (rng.choice([x, 10 ** rng.uniform(-100, 100)]) if low == 0 else x)
    width = high - low
    edge = width * 10 ** rng.uniform(-9, 0)
    return rng.choice(
        [rng.uniform(low, high), low + edge, high - edge, high * 10 ** rng.uniform(-12, 0)]
    )


def points(rule: Rule, how_many: int):
    """Operands within the domain of a rule, always the same ones."""
    rng = random.Random(rule.name)
    n = rule.arity or HOW_MANY.get(rule.name, 3)
    domain = rule.domain or ((-math.inf, math.inf),)
    if rule.name in ("sum", "mean", "dot", "weighted_sum"):
        domain = ((0.0, 100.0),)  # of one sign: nothing cancels
    if rule.name == "nll":
        domain = ((1, 1), *[(-30.0, 30.0)] * (n - 1))
    domain = domain * n if len(domain) == 1 else domain
    for _ in range(how_many):
        yield [draw(*interval, rng) for interval in domain]


def is_exempt(rule: Rule, order: int, xs: list[float]) -> bool:
    region = EXEMPT.get((rule.name, order))
    return region is not None and region(*xs)


def check(found: float, exact: mpf, what: str) -> None:
    """4 units in the last place of a normal float; near the denormals digits are missing."""
    expected = float(exact)
    if not math.isfinite(expected) or abs(exact) < 1e-300 > abs(found):
        return
    if found - found != 0:
        raise AssertionError(f"{what}: {found} for {expected}")
    error = abs(mpf(found) - exact)
    assert error <= 4 * math.ulp(expected), (
        f"{what}: {found!r} for {expected!r}, {float(error / math.ulp(expected)):.1f} ulp"
    )


def operands(rule: Rule, xs: list[float]) -> list[Value | float]:
    """Values, but numbers for settings that have no derivative."""
    constant = {
        "polygamma": [0],
        "dsinc": [0],
        "power_partial": [2, 3],
        "ldexp": [1],
        "nll": [0],
    }.get(rule.name, [])
    return [x if i in constant else Value(x) for i, x in enumerate(xs)]


def test_every_row_has_a_reference():
    assert set(TABLE) == set(reference.SMOOTH) | reference.PIECEWISE


@pytest.mark.parametrize("name", reference.SMOOTH)
def test_value(name):
    rule, exact = TABLE[name], reference.SMOOTH[name]
    with mp.workprec(reference.PRECISION):
        for xs in points(rule, VALUES):
            if not is_exempt(rule, 0, xs):
                check(rule.forward(*xs), mp.re(exact(*map(mpf, xs))), f"{name}{tuple(xs)}")


@pytest.mark.parametrize("name", reference.SMOOTH)
def test_partials(name):
    rule, exact = TABLE[name], reference.SMOOTH[name]
    orders = (1,) if rule.internal else (1, 2)
    for xs, order in itertools.product(points(rule, VALUES // 16), orders):
        if is_exempt(rule, order, xs):
            continue
        # exp(-x*x) is lost beside 1 unless there are that many bits; past 4000 it is no float.
        extra = min(4000, 100 + int(3 * xs[0] * xs[0])) if name in NEEDS_BITS else 0
        values = operands(rule, xs)
        apply(rule, tuple(values)).backward(create_graph=order == 2)
        for i, x in enumerate(values):
            if not isinstance(x, Value):
                continue
            found = x.grad
            if order == 2:
                found = second(x, values)
            with mp.workprec(reference.PRECISION):
                true = reference.partial(exact, [mpf(v) for v in xs], i, order, extra)
            check(found, true, f"derivative {order} of {name}{tuple(xs)} by operand {i}")


def second(x: Value, values: list) -> float:
    """The derivative of x.grad by x."""
    gradient = x.grad
    kept = [(v, v.grad) for v in values if isinstance(v, Value)]
    for v, _ in kept:
        v.grad = 0
    gradient.backward()
    found = x.grad if gradient is not x else 0.0
    for v, old in kept:
        v.grad = old
    return found


def test_the_check_rejects_a_wrong_rule():
    """A derivative that is off by one part in 10**15 does not pass."""
    with pytest.raises(AssertionError, match="ulp"):
        check(math.cos(1.0) * (1 + 1e-15), mp.cos(1), "cos")


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
