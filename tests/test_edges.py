"""The table of edge values, row by row: what we promise where functions end or bend.

`edge_cases.csv` lists inputs, what PyTorch and JAX answer, and what we promise. A row is
an operation or expression with its inputs; its value and its gradients must be the
promised ones, up to 4 units in the last place.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
from pathlib import Path

import pytest
from helpers import derivative, ulps

import micrograd as mg
from micrograd import Value
from micrograd.core.node import apply
from micrograd.core.rule import TABLE

ROWS = list(csv.DictReader(Path(__file__).with_name("edge_cases.csv").read_text().splitlines()))

EXPRESSIONS = {
    "x+x": lambda x: x + x,
    "x*x": lambda x: x * x,
    "x-x": lambda x: x - x,
    "x/x": lambda x: x / x,
    "x*y": lambda x, y: x * y,
    "x/y": lambda x, y: x / y,
    "1/x": lambda x: 1 / x,
    "x**-1": lambda x: x**-1,
    "x**0": lambda x: x**0,
    "x**0.0": lambda x: x**0.0,
    "x**1": lambda x: x**1,
    "x**2": lambda x: x**2,
    "x**2.0": lambda x: x**2.0,
    "x**3": lambda x: x**3,
    "x**1.5": lambda x: x**1.5,
    "x**-0.5": lambda x: x**-0.5,
    "x**(1/3)": lambda x: x ** (1 / 3),
    "x**400": lambda x: x**400,
    "x**-1.0": lambda x: x**-1.0,
    "pow(x,y)": lambda x, y: x**y,
    "0**x": lambda x: 0**x,
    "(-2)**x": lambda x: (-2) ** x,
    "hypot(x,y)": mg.hypot,
    "xlogy(x,y)": mg.xlogy,
    "x*log(x)": lambda x: x * x.log(),
    "logaddexp(x,y)": mg.logaddexp,
    "logsumexp(x,y)": lambda x, y: mg.logsumexp([x, y]),
    "leaky_relu(.01)": lambda x: mg.leaky_relu(x, 0.01),
    "max(x,y)": mg.maximum,
    "min(x,y)": mg.minimum,
    "fmax(x,y)": mg.fmax,
    "max(inf,inf)": mg.maximum,
    "max([x,y,z])": lambda *xs: mg.maximum(xs),
    "clip(x,-1,1)": lambda x: mg.clip(x, -1, 1),
    "clip(x,1,-1)": lambda x: mg.clip(x, 1, -1),
    "where(x>0,log x,0)": lambda x: mg.where(x > 0, x.log(), 0),
    "where(x>0,sqrt x,0)": lambda x: mg.where(x > 0, x.sqrt(), 0),
    "where(x>0,sin(x)/x,1)": lambda x: mg.where(x > 0, x.sin() / x, 1),
    "atan2(y,x)": mg.atan2,
    "digamma(zero)": mg.digamma,
    "round": round,
    "x%y": lambda x, y: x % y,
    "fmod(x,y)": mg.fmod,
    "copysign(x,y)": mg.copysign,
    "exp(x)/(1+exp(x))": lambda x: x.exp() / (1 + x.exp()),
    "1/(1+exp(-x))": lambda x: 1 / (1 + (-x).exp()),
    "x*0": lambda x: x * 0,
    "abs(x)/x": lambda x: abs(x) / x,
    "norm(x,y)=sqrt(x2+y2)": lambda x, y: (x * x + y * y).sqrt(),
    "prod(x,y,z)": lambda *xs: mg.prod(xs),
    "std(x,y)": lambda x, y: (((x - (x + y) / 2) ** 2 + (y - (x + y) / 2) ** 2) / 2).sqrt(),
    "softmax0(x,y)": lambda x, y: mg.softmax([x, y])[0],
    "bce_logits(x;t=1)": lambda x: -mg.logsigmoid(x),
    "-log(sigmoid(x))": lambda x: -x.sigmoid().log(),
    "exp(-(x**2))": lambda x: (-(x**2)).exp(),
}


def function(name: str):
    """The expression of a row, or the function of the table that it names."""
    return EXPRESSIONS.get(name) or getattr(mg, name)


def same(found: float, promised: str) -> bool:
    return ulps(found, float(promised)) <= 4


def numbers(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";")]


def is_plain(row: dict) -> bool:
    special = ("program:", "D2 ", "D3 ", "D4 ", "D5 ", "D6 ", "d2 ", "construct", "compare", "bool")
    return not row["op"].startswith((*special, "relu(x)*inf"))


@pytest.mark.parametrize(
    "row", [r for r in ROWS if is_plain(r)], ids=lambda row: f"{row['op']} at {row['inputs']}"
)
def test_value_and_gradient(row):
    xs = [Value(float(x)) for x in numbers(row["inputs"])]
    if row["promised_value"] == "ValueError":
        with pytest.raises(ValueError):
            function(row["op"])(*xs)
        return
    y = function(row["op"])(*xs)
    assert same(y.data, row["promised_value"]), y
    y.backward()
    found = [x.grad for x in xs]
    assert all(map(same, found, numbers(row["promised_grads"]))), found


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r["op"][0] == "D"], ids=lambda row: f"{row['op']} at {row['inputs']}"
)
def test_higher_derivative(row):
    order, name = row["op"].split(" ", 1)
    n = int(order[1:])
    x = float(row["inputs"])
    below = derivative(function(name), x, n - 1)
    found = derivative(function(name), x, n)
    assert same(below, row["promised_value"]), below
    assert same(found, row["promised_grads"]), found


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r["op"].startswith("d2 pow")], ids=lambda row: row["op"]
)
def test_second_derivatives_of_a_power(row):
    x, y = (Value(float(v)) for v in numbers(row["inputs"]))
    (x**y).backward(create_graph=True)
    first = x.grad
    x.grad = y.grad = 0
    assert same(first.data, row["promised_value"])
    first.backward()
    found = [x.grad, y.grad]
    assert all(map(same, found, numbers(row["promised_grads"]))), found


def test_an_infinite_gradient_into_a_dead_relu():
    row = next(r for r in ROWS if r["op"] == "relu(x)*inf-seed")
    x = Value(float(row["inputs"]))
    y = x.relu() * math.inf
    y.backward()
    assert same(y.data, row["promised_value"])
    assert same(x.grad, row["promised_grads"])


# Every row at the edges of the floats ---------------------------------------------------------

EDGES = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, math.inf, -math.inf, math.nan, 1.7e308, -1.7e308,
    1e154, 1e-154, 2.3e-308, -2.3e-308, 5e-324, -5e-324, 710.0, -745.0, 1e-9, -1e-9, 1e16, 40.0,
]  # fmt: skip


def at_edges(rule, how_many: int = 400) -> list[list[float]]:
    """Operands at all edges, or some of the combinations; helpers are asked what rows ask them."""
    n = rule.arity or (4 if rule.name == "dot" else 3)
    rng = random.Random(rule.name)
    rows = list(map(list, itertools.product(EDGES, repeat=n))) if n <= 2 else [
        [rng.choice(EDGES) for _ in range(n)] for _ in range(2 * how_many)
    ]  # fmt: skip
    if (rule.internal and rule.settings) or rule.name == "polygamma":
        for xs in rows:
            for i in rule.settings:
                xs[i] = rng.choice([0.0, 1.0])
    if rule.name == "route":
        for xs in rows:
            xs[3] = rng.choice([1.0, 2.0])  # a count
    return rng.sample(rows, min(how_many, len(rows)))


def alike(found: float, expected: float) -> bool:
    """The same up to 4 ulp, and the same zero."""
    if found == 0 == expected:
        return math.copysign(1.0, found) == math.copysign(1.0, expected)
    return ulps(found, expected) <= 4


@pytest.mark.parametrize("name", list(TABLE))
def test_edges_raise_nothing_and_arrays_agree(name):
    """A value and gradients for every float, and the same value, sign of zero included, on arrays."""
    np = pytest.importorskip("numpy")
    rule = TABLE[name]
    kept, expected = [], []
    slow = name.startswith(("gamma_d", "gammainc", "beta"))
    for xs in at_edges(rule, 40 if slow else 400):
        try:
            y = rule.forward(*xs)
        except ValueError as refused:  # bounds the wrong way round, a class that is none
            if name not in ("clip", "nll", "take"):
                raise AssertionError(name) from refused
            continue
        assert type(y) is float
        kept.append(xs)
        expected.append(y)
        if len(kept) % 4 == 0 and rule.kind != "flat":
            apply(rule, tuple(map(Value, xs))).backward()
    columns = list(map(np.array, zip(*kept, strict=True)))
    fast = mg.jit(lambda *xs: apply(rule, xs), backend="numpy")
    fast.trace(*kept[0])
    runner = fast.latest.batch("numpy")
    with np.errstate(all="ignore"):
        found = np.broadcast_to(runner.values(*columns), len(kept)).tolist()
    for xs, a, b in zip(kept, found, expected, strict=True):
        of_zeros = name in ("sum", "dot") and a == b  # an array's sum may begin with its first term
        assert alike(a, b) or of_zeros, f"{name}{tuple(xs)}: {a} on arrays, {b} on floats"


def test_rounding_past_the_floats():
    assert mg.round(Value(1.7e308), -308).data == math.inf
    assert mg.round(-1.7e308, -308) == -math.inf
    assert mg.round(1.25, math.inf) == 1.25
    assert math.copysign(1.0, mg.round(-1.25, -math.inf)) == -1.0
    assert math.isnan(mg.round(1.25, math.nan))


@pytest.mark.parametrize("bounds", [(math.nan, 1.0), (0.0, math.nan), (math.nan, math.nan)])
def test_clip_beside_nan(bounds):
    x, low, high = Value(1.0), Value(bounds[0]), Value(bounds[1])
    y = mg.clip(x, low, high)
    y.backward()
    assert all(map(math.isnan, (y.data, x.grad, low.grad, high.grad)))
    fast = mg.jit(mg.clip, backend="python")
    assert math.isnan(fast(1.0, *bounds))


def test_what_cannot_be_costs_nothing():
    """0 log 0 is 0, for numbers and for Values, eager and traced."""
    logits, target = [-math.inf, 0.0, 0.0], [0.0, 1.0, 0.0]
    assert mg.losses.cross_entropy(logits, target) == math.log(2)
    xs, ws = [Value(x) for x in logits], [Value(w) for w in target]
    y = mg.losses.cross_entropy(xs, ws)
    y.backward()
    assert y.data == math.log(2)
    assert [x.grad for x in xs] == [0.0, -0.5, 0.5]
    assert mg.jit(mg.losses.cross_entropy)(logits, target) == math.log(2)
    assert isinstance(mg.losses.cross_entropy(xs, [0, 0, 0]), Value)


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (lambda: mg.hessian(lambda a, b: mg.logsumexp([a, b]), (0, 1))(40.0, 0.0)[0][0],
         4.248354255291589e-18),
        (lambda: mg.hessian(lambda a, b: mg.losses.cross_entropy([a, b], 1), (0, 1))(40.0, 0.0)[1][1],
         4.248354255291589e-18),
        (lambda: mg.logaddexp(-0.6931, -0.6932), -2.81819005473498e-06),
        (lambda: mg.grad(mg.silu)(-1.278464542761074), -2.452007938935708e-17),
    ],
)  # fmt: skip
def test_digits_that_would_cancel(found, right):
    assert ulps(found(), right) <= 4


def test_the_kink_of_a_norm_hides_the_second_derivative():
    """As docs/deviations.md says: the square written out has it."""
    assert mg.hessian(lambda x: abs(x) ** 2)(0.0) == 0.0
    assert mg.hessian(lambda x, y: x * x + y * y, (0, 1))(0.0, 0.0) == ((2.0, 0.0), (0.0, 2.0))
    assert mg.hessian(lambda x: abs(x) ** 2)(1e-300) == 2.0


@pytest.mark.parametrize("name", ["silu", "gelu"])
def test_far_tails_keep_their_digits_where_a_factor_falls_below_the_normal_floats(name):
    mpmath = pytest.importorskip("mpmath")
    points = {"silu": (-701.5, -709.3, -711.2, -713.9), "gelu": (-37.1, -37.4, -37.6, -37.68)}
    op = getattr(mg, name)
    with mpmath.workdps(400):
        exact = {
            "silu": lambda x: x / (1 + mpmath.exp(-x)),
            "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
        }[name]
        for x in points[name]:
            found = [op(x), mg.grad(op)(x), mg.grad(mg.grad(op))(x)]
            right = [float(mpmath.diff(exact, mpmath.mpf(x), k)) for k in range(3)]
            for y, wanted in zip(found, right):
                assert abs(y - wanted) <= 4 * math.ulp(wanted), (x, y, wanted)
    np = pytest.importorskip("numpy")
    for f in (op, mg.grad(op)):
        arrays = mg.jit(lambda x: f(x), backend="numpy").map(np.array(points[name]))  # noqa: B023
        for x, y in zip(points[name], arrays):
            assert abs(y - f(x)) <= 8 * math.ulp(f(x))
