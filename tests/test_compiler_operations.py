"""Every operation of the table, compiled: to the bit on floats, to 4 ulp on NumPy's arrays."""

from __future__ import annotations

import math
import random
import struct

import pytest
from graphs import recipes
from helpers import fewer, ulps
from hypothesis import given, settings
from hypothesis import strategies as st
from test_edges import EXPRESSIONS, ROWS, function, numbers
from test_ops import points

import micrograd as mg
from micrograd import Value
from micrograd.core.rule import TABLE
from micrograd.core.sort import toposort

EDGES = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-308,
    5e-324, 20.0, -20.0, 40.0, -40.0, 710.0, -710.0, -746.0, 1e-9, -1e-9, 1e150, -1e150, 1e16,
]  # fmt: skip


def grid(rule, inside=60, edges=200):
    """Operands from the domain of an operation, and on the edges of floats."""
    found = fewer(rule.name, points(rule, inside))
    edges = len(fewer(rule.name, range(edges)))
    rng = random.Random(rule.name)
    n = len(found[0])
    if n == 1:
        return [*found, *([x] for x in EDGES)]
    for _ in range(edges):
        xs = [rng.choice(EDGES) for _ in range(n)]
        for i in rule.settings:
            xs[i] = found[0][i]
        found.append(xs)
    return found


def bits(xs):
    return [b"nan" if x != x else struct.pack("d", x) for x in xs]


def eager(f, parameters):
    for p in parameters:
        p.grad = 0.0
    y = f()
    if not isinstance(y, Value):
        return float(y), [0.0] * len(parameters)
    y.backward()
    return y.data, [p.grad for p in parameters]


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.name)
def test_value_and_gradient_to_the_bit(rule):
    parameters = [Value(1.0) for _ in next(points(rule, 1))]
    settings = {i: next(points(rule, 1))[i] for i in rule.settings}

    def f():
        return rule.function(*[settings.get(i, p) for i, p in enumerate(parameters)]) * 3.0

    if rule.name == "dot":
        n = len(parameters) // 2

        def f():
            return mg.dot(parameters[:n], parameters[n:]) * 3.0

    fast = mg.jit(f, parameters=parameters, backend="python")
    for xs in grid(rule):
        for p, x in zip(parameters, xs, strict=True):
            p.data = x
        try:
            value, gradient = eager(f, parameters)
        except (ValueError, ZeroDivisionError) as error:  # clip's bounds the wrong way round
            with pytest.raises(type(error)):
                fast()
            continue
        assert bits([fast()]) == bits([value]), xs
        found = fast.value_and_grad()
        assert bits(found[1]) == bits(gradient), xs


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.name)
def test_a_trace_takes_no_offence_at_numbers_that_it_does_not_know(rule):
    xs = next(points(rule, 1))
    free = [
        i for i in range(len(xs)) if i not in rule.settings or rule.name in ("nll", "take", "clip")
    ]

    def f(*inputs):
        given = dict(zip(free, inputs))
        return rule.function(*[given.get(i, x) for i, x in enumerate(xs)])

    if rule.name == "dot":

        def f(*inputs):
            n = len(xs) // 2
            return mg.dot(inputs[:n], inputs[n:])

    assert mg.jit(f)(*(xs[i] for i in free)) == rule.forward(*xs)


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.name)
def test_on_arrays_to_4_ulp(rule):
    np = pytest.importorskip("numpy")

    operands = []
    for xs in grid(rule, 500, 500):
        try:
            rule.forward(*xs)
        except (ValueError, ZeroDivisionError):
            continue
        operands.append(xs)
    columns = list(map(np.array, zip(*operands, strict=True)))
    function = mg.ops._dot if rule.name == "dot" else rule.function
    found = mg.jit(lambda *xs: function(*xs), backend="numpy").map(*columns)
    for xs, y in zip(operands, found.tolist(), strict=True):
        expected = rule.forward(*xs)
        if max(abs(expected), abs(y)) < 1e-300:
            continue  # digits are missing near the denormals
        if (
            rule.name in ("dsilu", "dgelu", "logsumexp", "logaddexp", "sinc")
            and abs(expected) < 0.1
        ):
            assert abs(y - expected) < 1e-15  # next to a zero, of what cancels there
            continue
        assert ulps(y, expected) <= 4, (xs, y, expected)


FIRST_ORDER = [r for r in ROWS if r["op"] in EXPRESSIONS or hasattr(mg, r["op"])]


@pytest.mark.parametrize("row", FIRST_ORDER, ids=lambda r: f"{r['op']} {r['inputs']}")
def test_the_table_of_edge_values_compiled(row):
    xs = [Value(float(x)) for x in numbers(row["inputs"])]
    f = function(row["op"])

    def g():
        return f(*xs)

    try:
        value, gradient = eager(g, xs)
    except ValueError:
        with pytest.raises(ValueError, match="clip"):
            mg.jit(g, parameters=xs)()
        return
    fast = mg.jit(g, parameters=xs, backend="python")
    assert bits([fast()]) == bits([value])
    assert bits(fast.value_and_grad()[1]) == bits(gradient)


# Random graphs ----------------------------------------------------------------------------------


def without_gradient(a, b):
    with mg.no_grad():
        c = a * b + a
    return c * a


OPERATIONS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a, b: -a,
    "one less": lambda a, b: 1 - a,
    "two by": lambda a, b: 2 / a,
    "plus zero": lambda a, b: a + 0.0,
    "minus minus": lambda a, b: a - (-1.5),
    "times minus one": lambda a, b: -1 * a,
    "relu": lambda a, b: mg.relu(a),
    "leaky": lambda a, b: mg.leaky_relu(a),
    "max": lambda a, b: mg.maximum(a, b),
    "max with ties": lambda a, b: mg.maximum(a, b, a),
    "min": lambda a, b: mg.minimum(a, b),
    "clip": lambda a, b: mg.clip(a, -1, 1),
    "where": lambda a, b: mg.where(a > b, a * b, b),
    "where sqrt": lambda a, b: mg.where(a <= 0, mg.sqrt(b), a),
    "late": lambda a, b: mg.where(mg.exp(a * b) - mg.sin(a) > mg.cos(b), mg.sin(a), mg.exp(a * b)),
    "detach": lambda a, b: (a * b).detach() * a,
    "no_grad": without_gradient,
    "square": lambda a, b: a**2,
    "cube": lambda a, b: a**3,
    "root": lambda a, b: a**0.5,
    "inverse": lambda a, b: a**-1,
    "power": lambda a, b: mg.abs(a) ** b,
    "exp": lambda a, b: mg.exp(a),
    "log": lambda a, b: mg.log(a),
    "tanh": lambda a, b: mg.tanh(a),
    "sigmoid": lambda a, b: mg.sigmoid(a),
    "gelu": lambda a, b: mg.gelu(a),
    "abs": lambda a, b: abs(a),
    "hypot": lambda a, b: mg.hypot(a, b),
    "logsumexp": lambda a, b: mg.logsumexp(a, b, 1.0),
    "softmax": lambda a, b: mg.softmax([a, b, 0.5])[0],
    "sum": lambda a, b: mg.sum(a, b, a),
    "mean": lambda a, b: mg.mean(a, b),
    "dot": lambda a, b: mg.dot([a, b], [b, a]),
    "prod": lambda a, b: mg.prod(a, b, b),
    "mod": lambda a, b: a % b,
    "floor": lambda a, b: a // b,
    "atan2": lambda a, b: mg.atan2(a, b),
    "round": lambda a, b: round(a) + a,
    "xlogy": lambda a, b: mg.xlogy(a, b),
}
NUMBERS = st.one_of(
    st.floats(-2, 2), st.integers(-2, 2).map(float), st.sampled_from([math.inf, 1e308, -800.0])
)
LEAVES = st.tuples(st.booleans(), NUMBERS)


@given(recipes(LEAVES, list(OPERATIONS), max_steps=16))
@settings(max_examples=400, deadline=None)
def test_random_graphs_to_the_bit(recipe):
    """Leaves are parameters or inputs; inputs are Values in the eager run, so 1/0 is inf."""
    parameters = [Value(x) for is_parameter, x in recipe.leaves if is_parameter]
    xs = [x for is_parameter, x in recipe.leaves if not is_parameter]

    def f(*inputs):
        ps, rest = iter(parameters), iter(inputs)
        nodes = [next(ps) if is_parameter else next(rest) for is_parameter, _ in recipe.leaves]
        for name, i, j in recipe.steps:
            nodes.append(OPERATIONS[name](nodes[i], nodes[j]))
        return nodes[-1]

    value, gradient = eager(lambda: f(*map(Value, xs)), parameters)
    fast = mg.jit(f, parameters=parameters, backend="python")
    assert bits([fast(*xs)]) == bits([value])
    found = fast.value_and_grad(*([x] for x in xs))
    assert bits(found[1]) == bits(gradient)


@given(recipes(LEAVES, list(OPERATIONS), max_steps=16))
@settings(max_examples=150, deadline=None)
def test_a_program_runs_as_the_graph_it_came_from(recipe):
    """On Values a program leaves the graph that the function would leave."""
    xs = [x for _, x in recipe.leaves]

    def f(*inputs):
        nodes = list(inputs)
        for name, i, j in recipe.steps:
            nodes.append(OPERATIONS[name](nodes[i], nodes[j]))
        return nodes[-1]

    given, again = [Value(x) for x in xs], [Value(x) for x in xs]
    value, gradient = eager(lambda: f(*given), given)
    fast = mg.jit(f)
    assert bits([value]) == bits([fast(*again).data])
    assert bits(gradient) == bits(eager(lambda: fast(*again), again)[1])
    if isinstance(f(*given), Value):
        assert len(toposort(f(*given))[1]) == len(toposort(fast(*again))[1])


@pytest.mark.parametrize("choose", [mg.maximum, mg.minimum], ids=["maximum", "minimum"])
def test_the_gradient_of_a_choice_among_many_is_known_on_arrays(choose):
    pytest.importorskip("numpy")
    slope = mg.jit(mg.grad(lambda x: choose(x * x, x, 2.0 * x - 1.0, x * x * x)), backend="numpy")
    assert list(slope.map([1.0, 1.0])) == [2.0, 2.0]  # all four tie: the mean of 2, 1, 2, 3
