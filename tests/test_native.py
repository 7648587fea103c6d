"""The native backend against the eager engine, bit for bit on one example.

Every operation of the table, random expressions, batches of awkward sizes, what is
refused, threads. Sums over a batch are made in another order than in Python, so they
agree to rounding, except where that cannot matter: over 2, 8 or 16 equal examples every
sum is exact. Training loops are in `test_native_fit.py`.
"""

from __future__ import annotations

import itertools
import math
import random
import struct
import sys
import threading

import numpy as np
import pytest
from graphs import recipes, run
from helpers import LONG, SERIES
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ops import points

import micrograd as mg
from micrograd import Value, losses, nn
from micrograd.compiler.native.encode import WITHOUT_C
from micrograd.core.rule import TABLE
from micrograd.graph import trace

pytest.importorskip(
    "micrograd.compiler.native._machine",
    reason="the machine was not built: this checkout runs as Python, or there is no C compiler",
)

inf, nan = math.inf, math.nan
SIZES = (1, 7, 8, 9, 100, 127, 128, 129, 1000)
EDGES = (
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 5e-324, -5e-324, 1e-310, -1e-310,
    2.2250738585072014e-308, 1e-16, 1 - 2**-53, 1 + 2**-52, 20.0, -20.0, 37.0, 710.0, -746.0,
    math.pi, 1e16, 2.0**53 + 2, 1e154, 1e308, -1e308, sys.float_info.max, inf, -inf, nan,
)  # fmt: skip
# Operands that are whole numbers: which of the others is meant, how often to differentiate.
WHOLE = {
    "nll": {0: (0, 1, 2)},
    "take": {0: (0, 1, 2)},
    "polygamma": {0: (0, 1, 2, 5)},
    "dsinc": {0: (0, 1, 2, 3)},
    "power_partial": {2: (0, 1, 2), 3: (0, 1, 2)},
    "route": {3: (1, 2, 3)},
    "round": {1: (-2, 0, 1, 15)},
}
# Operands that are settings, and have no derivative.
SETTINGS = {"polygamma": [0], "dsinc": [0], "power_partial": [2, 3], "ldexp": [1], "nll": [0],
            "take": [0]}  # fmt: skip


def bits(x: float) -> bytes:
    """The bits of a float; all nans are one."""
    return struct.pack("<d", float(x)) if x == x else b"nan"


def same(found, expected, what="") -> None:
    found, expected = list(map(float, found)), list(map(float, expected))
    assert len(found) == len(expected), what
    for i, (a, b) in enumerate(zip(found, expected)):
        assert bits(a) == bits(b), f"{what}[{i}]: {a!r} where eager has {b!r}"


def operation(name):
    """A row of the table as a function of numbers, also for rows that only serve others."""
    rule = TABLE[name]

    def f(*xs):
        for x in xs:
            if hasattr(x, "_apply"):
                return x._apply(rule, xs)
        return rule.forward(*map(float, xs))

    return f


def native(f, **kwargs):
    return mg.jit(f, backend="native", **kwargs)


def numbers(name):
    """Points of the operation's domain, and where it has its edges."""
    rule = TABLE[name]
    found = [list(map(float, xs)) for xs in points(rule, 1500)]
    n = len(found[0])
    rng = random.Random(name)
    if n <= 2:
        edges = [list(xs) for xs in itertools.product(EDGES, repeat=n)]
    else:
        edges = [[rng.choice(EDGES) for _ in range(n)] for _ in range(1500)]
    for xs in edges:
        for i, choices in WHOLE.get(name, {}).items():
            xs[i] = float(rng.choice(choices))
    return found + edges


def eagerly(f, xs):
    """The eager result, or the error."""
    try:
        return f(*map(Value, xs)).data
    except (ValueError, TypeError) as error:
        return error


# The machine calls Python for these, which takes up to milliseconds for a number: one of each kind
# is enough, and `erfinv` is it.
QUICK = [name for name in TABLE if LONG or name not in SERIES - {"erfinv"}]


def test_a_row_without_c_says_so_once(recwarn):
    WITHOUT_C.discard("betainc")
    with pytest.warns(RuntimeWarning, match="betainc has no C"):
        assert native(lambda x: mg.betainc(2.0, 3.0, x))(0.5) == mg.betainc(2.0, 3.0, 0.5)
    native(lambda x: 2.0 * mg.betainc(2.0, 3.0, x))(0.5)
    assert not recwarn.list


@pytest.mark.parametrize("name", QUICK)
def test_values_of_each_operation(name):
    f = operation(name)
    fast = native(f)
    kept, expected, refused = [], [], []
    for xs in numbers(name):
        y = eagerly(f, xs)
        if isinstance(y, Exception):
            refused.append((xs, y))
        else:
            kept.append(xs)
            expected.append(y)
    columns = list(map(list, zip(*kept)))
    same(fast.map(*columns), expected, name)
    same(fast.map(*map(np.array, columns)), expected, name)
    same([fast(*xs) for xs in kept[::3]], expected[::3], name)
    for xs, error in refused[:50]:
        with pytest.raises(type(error)) as found:
            fast(*xs)
        assert str(found.value) == str(error)
        with pytest.raises(type(error)) as found:
            fast.map(*([x] for x in xs))
        assert str(found.value) == str(error)


def gradients(f, xs, which):
    """Eager value and gradients by those operands; the others are numbers."""
    values = [Value(x) if i in which else x for i, x in enumerate(xs)]
    y = f(*values)
    y.backward()
    return y.data, [values[i].grad for i in which]


@pytest.mark.parametrize("name", QUICK)
def test_gradients_of_each_operation(name):
    f = operation(name)
    given = numbers(name)
    n = len(given[0])
    which = [i for i in range(n) if i not in SETTINGS.get(name, [])]
    ps = [Value(0.0) for _ in which]

    def of_settings(*rest):
        rest, parameters = iter(rest), iter(ps)
        return f(*[next(parameters) if i in which else next(rest) for i in range(n)])

    made = {}  # a setting is a number in the program
    for xs in given[:300] + given[1500::7]:
        try:
            value, expected = gradients(f, xs, which)
        except (ValueError, TypeError):
            continue
        key = tuple(x for i, x in enumerate(xs) if i not in which)
        if key not in made:
            made[key] = native(lambda *, key=key: of_settings(*key), parameters=ps)
        for p, i in zip(ps, which):
            p.data = xs[i]
        found, gradient = made[key].value_and_grad()
        same([found, *gradient], [value, *expected], f"{name}{tuple(xs)}")


def column_gradients(name):
    """The operation of inputs scaled by parameters that are 1: columns, and their sums."""
    f = operation(name)
    n = len(numbers(name)[0])
    ps = [Value(1.0) for _ in range(n)]
    constant = SETTINGS.get(name, [])
    return (
        f,
        ps,
        lambda *xs: f(*[x if i in constant else x * p for i, (x, p) in enumerate(zip(xs, ps))]),
    )


@pytest.mark.parametrize("name", [name for name in QUICK if name not in SETTINGS])
def test_sums_of_equal_gradients_are_exact(name):
    _, ps, scaled = column_gradients(name)
    fast = native(scaled, parameters=ps)
    for xs in numbers(name)[:60] + numbers(name)[1500::29]:
        for p in ps:
            p.grad = 0.0
        try:
            y = scaled(*xs)
        except (ValueError, TypeError):
            continue
        if not hasattr(y, "backward"):
            continue
        y.backward()
        expected = [y.data, *[p.grad for p in ps]]
        if any(abs(g) > 1e300 or 0 < abs(g) < 1e-290 for g in expected if math.isfinite(g)):
            continue  # the sum leaves the range of floats
        # Where a sum is nan, the examples are added one by one, and 3 times a number rounds.
        for n in (2, 8, 16) if all(map(math.isfinite, xs + expected)) else (2,):
            value, gradient = fast.value_and_grad(*[np.full(n, x) for x in xs])
            # A mean of zeros has lost their sign; what the eager engine adds into .grad, too.
            same(np.add([value, *gradient], 0.0), [g + 0.0 for g in expected], f"{name}{tuple(xs)}")


SMOOTH = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a, b: -a,
    "abs": lambda a, b: abs(a),
    "pow": lambda a, b: a**b,
    "square": lambda a, b: a**2,
    "tanh": lambda a, b: mg.tanh(a),
    "exp": lambda a, b: mg.exp(a),
    "log": lambda a, b: mg.log(a),
    "sqrt": lambda a, b: mg.sqrt(a),
    "sigmoid": lambda a, b: mg.sigmoid(a),
    "relu": lambda a, b: mg.relu(a),
    "leaky": lambda a, b: mg.leaky_relu(a, 0.1),
    "maximum": lambda a, b: mg.maximum(a, b),
    "minimum": lambda a, b: mg.minimum(a, b),
    "clip": lambda a, b: mg.clip(a, -1.0, 1.0),
    "where": lambda a, b: mg.where(a, b, a * b),
    "sum": lambda a, b: mg.sum([a, b, a]),
    "dot": lambda a, b: mg.dot([a, b, 2.0], [b, b, a]),
    "products": lambda a, b: a * b + a * 3.0 + 0.5 * b + b,
    "hypot": lambda a, b: mg.hypot(a, b),
    "sinc": lambda a, b: mg.sinc(a),
    "softmax": lambda a, b: mg.softmax([a, b, 1.0])[0],
    "gelu": lambda a, b: mg.gelu(a),
    "mod": lambda a, b: a % b,
}  # fmt: skip
FLOATS = st.sampled_from(EDGES) | st.floats(-3, 3) | st.integers(-2, 2).map(float) | st.floats()


@given(recipes(FLOATS, list(SMOOTH), max_leaves=4, max_steps=14), st.integers(0, 4), st.data())
@settings(max_examples=150, deadline=None)
def test_random_expressions(recipe, inputs, data):
    """The leaves are inputs or parameters; values, and gradients of one example, bit for bit."""
    inputs = min(inputs, len(recipe.leaves))
    ps = [Value(x) for x in recipe.leaves[inputs:]]

    def f(*xs):
        return run(recipe, [*xs, *ps], SMOOTH)[-1]

    fast = native(f, parameters=ps)
    xs = recipe.leaves[:inputs]
    for p in ps:
        p.grad = 0.0
    root = f(*map(Value, xs))
    root.backward()
    expected = [p.grad for p in ps]
    same([fast(*xs)], [root.data], "value")
    value, gradient = fast.value_and_grad(*[[x] for x in xs])
    same([value, *gradient], [root.data, *expected], "gradient")
    if not inputs:
        return
    n = data.draw(st.sampled_from(SIZES))
    rng = random.Random(n)
    rows = [[rng.choice([x, rng.gauss(0, 1), rng.choice(EDGES)]) for x in xs] for _ in range(n)]
    found = fast.map(*map(list, zip(*rows)))
    same(found, [f(*map(Value, row)).data for row in rows], "map")


@given(recipes(st.floats(-2, 2), list(SMOOTH), max_leaves=4, max_steps=14), st.sampled_from(SIZES))
@settings(max_examples=100, deadline=None)
def test_sums_of_random_expressions(recipe, n):
    """Mean and gradient over a batch: what an exact sum over the examples gives, to rounding."""
    x0, *rest = recipe.leaves
    ps = [Value(x) for x in rest] or [Value(0.5)]

    def f(x):
        return run(recipe, [x * ps[0], *ps], SMOOTH)[-1] + ps[-1]

    def pieces(x):
        """The value, and what arrives at each parameter, from each place where it stands."""
        copies = [[] for _ in ps]

        def copy(i):
            copies[i].append(Value(ps[i].data))
            return copies[i][-1]

        nodes = [Value(x) * copy(0), *range(len(ps))]
        for name, i, j in recipe.steps:
            a, b = (copy(v) if isinstance(v, int) else v for v in (nodes[i], nodes[j]))
            nodes.append(SMOOTH[name](a, b))
        y = (copy(nodes[-1]) if isinstance(nodes[-1], int) else nodes[-1]) + copy(-1)
        y.backward()
        # What a relative error of each node does to the result: that many roundings matter.
        shaken = sum(abs(v.data * v.grad) for v in trace(y)[0])
        # And within an operation: what arrives by a dot product may be small between large parts.
        within = {id(c): 0.0 for them in copies for c in them}
        for v in trace(y)[0]:
            for c in v._prev:
                if id(c) in within:
                    within[id(c)] += abs(v.grad) * (2.0 + sum(abs(u.data) for u in v._prev))
        return [
            ([y.data], shaken),
            *[([c.grad for c in them], sum(within[id(c)] for c in them)) for them in copies],
        ]

    fast = native(f, parameters=ps)
    rng = random.Random(n)
    xs = [rng.gauss(x0, 1) for _ in range(n)]
    value, gradient = fast.value_and_grad(np.array(xs))
    for found, column in zip([value, *gradient], zip(*map(pieces, xs))):
        terms = [t for several, _ in column for t in several]
        size = sum(map(abs, terms)) + sum(shaken for _, shaken in column)
        if math.isfinite(size):
            # Each addition rounds, and so does each product that is left to be made of a sum.
            assert abs(found - math.fsum(terms) / n) <= 2**-52 * size * (8 + 2 * n) / n
        else:
            total = sum(terms)
            if total != total or math.isinf(total):
                assert bits(found) == bits(total)


# Kinks: what was not selected gets nothing ---------------------------------------------------


KINKS = {
    "dead relu": lambda x, p, q: mg.relu(x * p - 100.0) * q,
    "half dead": lambda x, p, q: mg.relu(x * p) + mg.relu(-x) * q,
    "at the kink": lambda x, p, q: mg.relu((x - x) * p) + abs(x - x) * q,
    "ties": lambda x, p, q: mg.maximum(x * p, p * x) + mg.minimum(p, p) * q,
    "clip": lambda x, p, q: mg.clip(x * p, -0.5, q),
    "where": lambda x, p, q: mg.where(x != 0, p * x, q / x),
    "where nan": lambda x, p, q: mg.where(x != 0, p, mg.log(x - 1e9) * q),
    "where inf": lambda x, p, q: mg.where(x != 0, p, q * mg.exp(1000.0 + x)),
    "floor": lambda x, p, q: (x * p) // 1 + q,
    "mod": lambda x, p, q: (x * p) % q,
    "sqrt of 0": lambda x, p, q: mg.sqrt((x - x) * p) + q,
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks(name):
    p, q = Value(0.75), Value(0.5)
    fast = native(lambda x: KINKS[name](x, p, q), parameters=[p, q])
    xs = [-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, inf, -inf, nan, 1e-320, 1e300]
    for x in xs:
        p.grad = q.grad = 0.0
        y = KINKS[name](Value(x), p, q)
        y.backward()
        value, gradient = fast.value_and_grad([x])
        same([value, *gradient], [y.data, p.grad, q.grad], f"{name} at {x}")
    same(fast.map(xs), [KINKS[name](x, p, q).data for x in xs], name)


def test_a_dead_unit_does_not_spread_its_infinity():
    """0 times inf is nan; a gradient that does not arrive is not multiplied."""
    w, b = Value(1.0), Value(0.0)
    fast = native(lambda x: mg.relu(mg.log(x) * w) + b, parameters=[w, b])
    xs = [0.0, 0.5, 2.0]  # log 0 is -inf, and relu lets nothing through
    expected = [0.0, 0.0]
    for x in xs:
        w.grad = b.grad = 0.0
        (mg.relu(mg.log(x) * w) + b).backward()
        expected = [e + g for e, g in zip(expected, (w.grad, b.grad))]
    _, gradient = fast.value_and_grad(xs)
    assert list(gradient) == pytest.approx([e / 3 for e in expected])


# Shapes of batches ------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", [list, np.array])
def test_a_network_over_batches(n, kind):
    random.seed(n)
    model = nn.MLP(3, [5, 4, 1])
    ps = model.parameters()
    xs = [[random.gauss(0, 1) for _ in range(3)] for _ in range(n)]
    y = [random.choice([-1.0, 1.0]) for _ in range(n)]

    def f(x, t):
        return losses.hinge(model(x), t) + 1e-4 * mg.sum([p * p for p in ps])

    fast = native(f, parameters=ps)
    expected = [f(x, t) for x, t in zip(xs, y)]
    same(fast.map(kind(xs), kind(y)), [v.data for v in expected])
    model.zero_grad()
    (mg.sum(expected) / n).backward()
    value, gradient = fast.value_and_grad(kind(xs), kind(y))
    assert value == pytest.approx(sum(v.data for v in expected) / n, rel=1e-13)
    assert list(gradient) == pytest.approx([p.grad for p in ps], rel=1e-11, abs=1e-15)
    again = fast.value_and_grad(kind(xs), kind(y))
    same([again[0], *again[1]], [value, *gradient])  # the order of sums is fixed


def test_an_empty_batch():
    p = Value(2.0)
    fast = native(lambda x: p * x, parameters=[p])
    fast(1.0)
    assert len(fast.map([])) == 0
    assert len(fast.map(np.empty(0))) == 0
    with pytest.raises(ValueError, match="no examples"):
        fast.value_and_grad([])
    with pytest.raises(ValueError, match="no examples"):
        fast.value_and_grad(np.empty(0))


def test_ten_thousand_parameters():
    ws = [Value(i * 1e-3) for i in range(10_000)]
    fast = native(lambda x: mg.tanh(mg.sum([w * x for w in ws]) * 1e-5), parameters=ws)
    xs = [0.5, -1.0, 2.0]
    expected = [mg.tanh(mg.sum([w * x for w in ws]) * 1e-5) for x in xs]
    same(fast.map(xs), [y.data for y in expected])
    (mg.sum(expected) / 3).backward()
    _, gradient = fast.value_and_grad(np.array(xs))
    np.testing.assert_allclose(gradient, [w.grad for w in ws], rtol=1e-13)
    _, one = fast.value_and_grad([0.5])
    for w in ws:
        w.grad = 0.0
    mg.tanh(mg.sum([w * 0.5 for w in ws]) * 1e-5).backward()
    same(one, [w.grad for w in ws])


def test_a_million_samples():
    p, q = Value(0.3), Value(-0.2)
    fast = native(lambda x: mg.tanh(p * x + q) ** 2, parameters=[p, q])
    xs = np.random.default_rng(0).normal(size=1_000_001)
    t = np.tanh(0.3 * xs - 0.2)
    np.testing.assert_allclose(fast.map(xs), t * t, rtol=1e-13, atol=1e-300)
    value, (dp, dq) = fast.value_and_grad(xs)
    slope = 2 * t * (1 - t * t)
    np.testing.assert_allclose(
        [value, dp, dq], [(t * t).mean(), (slope * xs).mean(), slope.mean()], rtol=1e-11
    )


def test_a_program_of_many_steps():
    """A chain of 50,000 operations, as one example and as a column."""
    p = Value(1.0)

    def f(x):
        for _ in range(25_000):
            x = x * 0.999 + p
        return x

    fast = native(f, parameters=[p])
    y = f(Value(0.5))
    y.backward()
    value, gradient = fast.value_and_grad([0.5])
    same([value, *gradient], [y.data, p.grad])
    same(fast.map([0.5] * 9), [y.data] * 9)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.bool_, np.uint8])
def test_arrays_of_any_kind(kind, order):
    """Other types, strides and byte orders: the numbers count, not how they are stored."""
    p = Value(1.5)
    fast = native(lambda x, t: mg.dot(x, [p, p * 2, 0.5]) - t, parameters=[p])
    xs = np.asarray(np.random.default_rng(1).integers(0, 2, (40, 3)), dtype=kind, order=order)
    t = np.arange(80)[::2]
    expected = [
        (mg.dot([p, p * 2, 0.5], list(map(float, x))) - float(y)).data for x, y in zip(xs, t)
    ]
    same(fast.map(xs, t), expected)
    same(fast.map(xs[::-1], t[::-1]), expected[::-1])
    same(fast.map(xs.astype(kind), t.astype(">f8")), expected)


def test_several_results_and_none():
    p = Value(2.0)
    fast = native(lambda x: [x * p, [x, p, 3.0]], parameters=[p])
    assert fast.map([1.0, 2.0]) == [[2.0, [1.0, 2.0, 3.0]], [4.0, [2.0, 2.0, 3.0]]]
    assert list(native(lambda x: p * 3.0, parameters=[p]).map([1.0, 2.0, 3.0])) == [6.0] * 3
    assert native(lambda x: 3.0 * p)(1.0) == 6.0


def test_a_parameter_that_is_not_used_has_no_gradient():
    p, q = Value(2.0), Value(3.0)
    fast = native(lambda x: p * x, parameters=[q, p])
    for xs in ([2.0], [1.0, 3.0]):
        value, gradient = fast.value_and_grad(xs)
        assert (value, list(gradient)) == (4.0, [0.0, 2.0])


# What is refused ---------------------------------------------------------------------------


def error_of(f, *args):
    with pytest.raises((ValueError, TypeError)) as found:
        f(*args)
    return type(found.value), str(found.value)


def test_refused_numbers_raise_what_eager_raises():
    p = Value(1.0)
    clip = native(lambda x, low: mg.clip(x * p, low, 1.0), parameters=[p])
    expected = error_of(lambda: mg.clip(0.5 * p, 2.0, 1.0))
    assert error_of(clip, 0.5, 2.0) == expected
    assert error_of(clip.map, [0.5] * 9, [0.0] * 8 + [2.0]) == expected
    assert error_of(clip.value_and_grad, [0.5] * 9, [0.0] * 8 + [2.0]) == expected
    assert error_of(clip.value_and_grad, np.full(9, 0.5), np.array([0.0] * 8 + [2.0])) == expected
    assert list(clip.map([0.5], [0.0])) == [0.5]  # and goes on

    nll = native(lambda a, b, k: losses.cross_entropy([a * p, b], k), parameters=[p])
    for wrong in (2, -1, 7.0, 0.5):
        expected = error_of(lambda k=wrong: losses.cross_entropy([0.5 * p, Value(1.0)], k))
        if expected[1] != error_of(nll, 0.5, 1.0, wrong)[1]:
            assert "class" in error_of(nll, 0.5, 1.0, wrong)[1]
        assert error_of(nll.map, [0.5, 0.5], [1.0, 1.0], [0, wrong])[0] is expected[0]
    assert len(nll.map([0.5, 0.5], [1.0, 1.0], [0, 1])) == 2


def test_an_error_of_a_custom_operation_comes_through():
    def forward(x):
        if x > 2:
            raise ArithmeticError("too large for me")
        return x * 2

    double = mg.custom(forward, lambda x, y: 2.0, name="doubled for the machine")
    p = Value(1.0)
    fast = native(lambda x: double(x * p), parameters=[p])
    same(fast.map([1.0, 2.0]), [2.0, 4.0])
    for n in (1, 3):
        with pytest.raises(ArithmeticError, match="too large"):
            fast.map([3.0] * n)
        with pytest.raises(ArithmeticError, match="too large"):
            fast.value_and_grad([3.0] * n)
    # In a batch that is cut in parts the first error is the one that counts.
    large = np.ones(9000)
    large[[10, 5000]] = 3.0
    for f in (fast.map, fast.value_and_grad):
        with pytest.raises(ArithmeticError, match="too large"):
            f(large)
    value, gradient = fast.value_and_grad([1.0, 2.0])
    assert (value, list(gradient)) == (3.0, [3.0])


# Threads -------------------------------------------------------------------------------------


def test_threads_share_a_compiled_function():
    """Machines have registers of their own: calls take turns, and none sees another's numbers."""
    random.seed(3)
    model = nn.MLP(2, [16, 16, 1])
    fast = native(lambda x: mg.tanh(model(x)), parameters=model.parameters())
    free = native(lambda x, y: mg.tanh(x * y) + mg.exp(x) * mg.log(y * y + 1.0))
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(200 + i, 2)) for i in range(4)]
    maps = [fast.map(X) for X in batches]
    sums = [fast.value_and_grad(X) for X in batches]
    ones = [fast(list(X[0])) for X in batches]
    frees = [[free(float(a), float(b)) for a, b in X] for X in batches]
    # One that is called in Python, and one now with floats and now with whole numbers.
    slow, mixed = native(lambda x: mg.lgamma(x) * x), native(lambda x: mg.exp(x) * x - x)
    slows = [slow(i + 0.5) for i in range(4)]
    mixes = [mixed(float(i)) for i in range(4)]
    wrong = []
    barrier = threading.Barrier(4)

    def work(i):
        try:
            barrier.wait()
            for _ in range(30):
                same(fast.map(batches[i]), maps[i])
                value, gradient = fast.value_and_grad(batches[i])
                same([value, *gradient], [sums[i][0], *sums[i][1]])
                same([fast(list(batches[i][0]))], [ones[i]])
                same([free(float(a), float(b)) for a, b in batches[i]], frees[i])
                same([slow(i + 0.5), mixed(float(i)), mixed(i)], [slows[i], mixes[i], mixes[i]])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong, wrong[0]
