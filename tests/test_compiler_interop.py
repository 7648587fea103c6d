"""Compiled functions as functions of JAX and of PyTorch, where those are installed."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from corpus import CASES
from test_compiler_modes import batches, eager, is_one_number
from test_ops import points

import micrograd as mg
from micrograd import Value, losses, nn
from micrograd.autodiff.nested import flatten
from micrograd.compiler.backends.torch import SAME
from micrograd.core.rule import TABLE

pytestmark = pytest.mark.once


def near(found, expected, scale=1.0) -> bool:
    if found == expected or (found != found and expected != expected):
        return True
    return abs(found - expected) <= 1e-10 * max(abs(expected), scale)


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


NOT_AT_THE_EDGES = [name for name in CASES if name != "edges"]


@pytest.mark.parametrize("name", NOT_AT_THE_EDGES)
def test_jax_gives_our_values_and_gradients(name, jax):
    case = CASES[name]()
    ps = jax.numpy.array([p.data for p in case.parameters])
    fast = mg.jit(case.f, parameters=case.parameters)
    one = is_one_number(case)
    for args in case.examples:
        values, gradient = eager(case, args)
        fast.trace(*args)
        g = fast.to_jax()
        assert all(map(near, map(float, flatten_any(g(ps, *args))), values))
        if one:
            found = jax.grad(g)(ps, *args)
            assert all(map(near, found.tolist(), gradient))


@pytest.mark.parametrize(
    "name", ["quotient", "horner", "moons", "classes", "regression", "choices"]
)
def test_jax_over_a_batch(name, jax):
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters)
    (columns,) = batches(case)
    value, gradient = fast.value_and_grad(*columns)
    g = fast.to_jax()
    ps = jax.numpy.array([p.data for p in case.parameters])
    arrays = [jax.numpy.array(c) for c in columns]
    over = jax.jit(jax.vmap(g, (None, *[0] * len(arrays))))
    assert near(float(over(ps, *arrays).mean()), value)
    if case.parameters:
        found = jax.grad(lambda ps: over(ps, *arrays).mean())(ps)
        assert all(map(near, found.tolist(), gradient))


def test_jax_by_the_arguments_and_twice(jax):
    case = CASES["quotient"]()
    fast = mg.jit(case.f)
    fast(1.0, 2.0)
    g, none = fast.to_jax(), jax.numpy.zeros(0)
    for args in case.examples:
        found = jax.grad(g, (1, 2))(none, *args)
        assert all(map(near, map(float, found), mg.grad(case.f, (0, 1))(*args)))
        second = jax.grad(jax.grad(g, 1), 1)(none, *args)
        assert near(float(second), mg.grad(mg.grad(case.f))(*args), 1.0)


def test_jax_follows_our_conventions_at_kinks(jax):
    p = Value(0.0)
    fast = mg.jit(lambda: mg.relu(p) + abs(p) * 2 + mg.maximum(p, 0.0, -p) * 6 + mg.hypot(p, 0.0))
    fast()
    found = jax.grad(fast.to_jax())(jax.numpy.zeros(1))
    assert found.tolist() == list(fast.value_and_grad()[1])


UNCHOSEN = (
    lambda p: mg.where(p > 0, mg.log(p), p * 2),
    lambda p: mg.where(p > 0, 1 / p, p * 2),
    lambda p: mg.where(p > 0, mg.sqrt(p) * 3, p * 2),
    lambda p: mg.maximum(1.0, mg.log(p)) + p * 2,
    lambda p: mg.relu(mg.log(p)) + p * 2,
    lambda p: mg.where(p > 0, p**-0.5, p * 2),
)


@pytest.mark.parametrize("f", UNCHOSEN)
def test_what_was_not_chosen_gives_nothing_in_jax(f, jax):
    fast = mg.jit(f)
    fast.trace(0.0)
    assert float(jax.grad(fast.to_jax(), 1)(jax.numpy.zeros(0), 0.0)) == 2.0


@pytest.mark.parametrize("f", UNCHOSEN)
def test_what_was_not_chosen_gives_nothing_in_torch(f, torch):
    fast = mg.jit(f)
    fast.trace(0.0)
    x = torch.zeros((), dtype=torch.float64, requires_grad=True)
    fast.to_torch()(torch.zeros(0, dtype=torch.float64), x).backward()
    assert x.grad.item() == 2.0


def guarded_layer(xs):
    """A layer under `where`, the row of its parameters, and examples of which one is infinite."""
    ps = [Value(v) for v in (1.0, 0.5, -1.0, 0.5)]
    fast = mg.jit(
        lambda x: mg.where(mg.isfinite(x[0]), mg.dot(ps[:2], x) ** 2 + mg.dot(ps[2:], x), 0.0),
        parameters=ps,
    )
    fast(xs)
    return fast, [p.data for p in ps]


def test_an_infinite_example_that_where_guards_gives_nothing_in_torch(torch):
    fast, row = guarded_layer([0.5, 2.0])
    ps = torch.tensor(row, dtype=torch.float64, requires_grad=True)
    examples = torch.tensor([[math.inf, 1.0], [0.5, 2.0]], dtype=torch.float64)
    torch.func.vmap(fast.to_torch(), (None, 0))(ps, examples).sum().backward()
    assert ps.grad.tolist() == [1.5, 6.0, 0.5, 2.0]


def test_an_infinite_example_that_where_guards_is_nan_in_jax_as_the_deviations_say(jax):
    fast, row = guarded_layer([0.5, 2.0])
    slopes = jax.grad(fast.to_jax())(jax.numpy.array(row), jax.numpy.array([math.inf, 1.0]))
    assert math.isnan(slopes[0])


def test_jax_forward_mode_and_single_precision(jax):
    np = jax.numpy
    case = CASES["classes"]()
    fast = mg.jit(case.f, parameters=case.parameters)
    (columns,) = batches(case)
    fast.trace(*next(zip(*columns)))
    g = fast.to_jax()
    arrays = [np.array(c, dtype="float32") for c in columns]

    def mean(ps):
        return jax.vmap(g, (None, 0, 0))(ps, *arrays).mean()

    ps = np.array([p.data for p in case.parameters], dtype="float32")
    value, gradient = jax.jit(jax.value_and_grad(mean))(ps)
    assert value.dtype == gradient.dtype == ps.dtype
    ps = ps.astype("float64")
    ones = np.ones_like(ps)
    assert near(float(jax.jvp(mean, (ps,), (ones,))[1]), float(jax.grad(mean)(ps).sum()))


def test_jax_refuses_in_a_sentence(jax):
    p = Value(1.0)
    fast = mg.jit(lambda xs, mode: p * xs[0], parameters=[p])
    with pytest.raises(ValueError, match="first call"):
        fast.to_jax()
    fast([1.0, 2.0], "a")
    g, ps = fast.to_jax(), jax.numpy.ones(1)
    with pytest.raises(ValueError, match="1 numbers where 2"):
        g(ps, [1.0], "a")
    with pytest.raises(ValueError, match="traced for 'a'"):
        g(ps, [1.0, 2.0], "b")
    with pytest.raises(TypeError, match="1 arguments where 2"):
        g(ps, [1.0, 2.0])
    with pytest.raises(ValueError, match="array of 1 numbers"):
        g(jax.numpy.ones(2), [1.0, 2.0], "a")


PARALLEL = """
import random
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from jax.sharding import Mesh, PartitionSpec as P
import micrograd as mg
from micrograd import nn

random.seed(3)
model = nn.MLP(2, [8, 1])
fast = mg.jit(lambda x, y: mg.relu(1 - y * model(x)), parameters=model.parameters())
X = np.random.default_rng(0).normal(size=(16, 2))
Y = np.sign(X[:, 0] * X[:, 1])
value, gradient = fast.value_and_grad(X, Y)
ps = np.array([p.data for p in model.parameters()])
g = fast.to_jax()
loss = lambda ps, X, Y: jax.vmap(g, (None, 0, 0))(ps, X, Y).mean()
shard_map = getattr(jax, "shard_map", None)
if shard_map is None:
    from jax.experimental.shard_map import shard_map
assert len(jax.devices()) == 4
mesh = Mesh(jax.devices(), ("data",))

def step(ps, X, Y):
    # Each device has its examples, and a copy of the parameters of its own.
    mine = jax.lax.pcast(ps, ("data",), to="varying") if hasattr(jax.lax, "pcast") else ps
    return ps - 0.1 * jax.lax.pmean(jax.grad(loss)(mine, X, Y), "data")

parallel = jax.jit(shard_map(step, mesh=mesh, in_specs=(P(), P("data"), P("data")), out_specs=P()))
found = parallel(ps, X, Y)
alone = jax.jit(lambda ps, X, Y: ps - 0.1 * jax.grad(loss)(ps, X, Y))(ps, X, Y)
assert np.allclose(found, alone, rtol=1e-13, atol=1e-15)
assert np.allclose(found, ps - 0.1 * np.asarray(gradient), rtol=1e-13, atol=1e-15)
print("same")
"""


def test_a_step_over_four_devices_is_that_of_one(jax):
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(Path(mg.__file__).parent.parent), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", PARALLEL], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "same", done.stderr[-2000:]


# PyTorch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NOT_AT_THE_EDGES)
def test_torch_gives_our_values_and_gradients(name, torch):
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters)
    one = is_one_number(case)
    for args in case.examples:
        values, gradient = eager(case, args)
        ps = torch.tensor(
            [p.data for p in case.parameters], dtype=torch.float64, requires_grad=True
        )
        fast.trace(*args)
        y = fast.to_torch()(ps, *args)
        assert all(map(near, [float(x) for x in flatten_any(y)], values))
        if one:
            y.backward()
            found = ps.grad.tolist() if ps.grad is not None else []
            assert all(map(near, found, gradient))


@pytest.mark.parametrize("name", ["horner", "moons", "classes", "regression", "choices"])
def test_torch_over_a_batch(name, torch):
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters)
    (columns,) = batches(case)
    value, gradient = fast.value_and_grad(*columns)
    g = fast.to_torch()
    ps = torch.tensor([p.data for p in case.parameters], dtype=torch.float64, requires_grad=True)
    arrays = [torch.tensor(c, dtype=torch.float64) for c in columns]
    mean = torch.func.vmap(g, (None, *[0] * len(arrays)))(ps, *arrays).mean()
    assert near(float(mean.detach()), value)
    mean.backward()
    assert all(map(near, ps.grad.tolist(), gradient))


def test_torch_takes_a_batch_as_vmap_does(torch):
    """Value, gradient and second derivatives, by parameters and by inputs, of whole batches."""
    rng = random.Random(0)
    model = nn.MLP(3, [4, 2], activation="tanh")
    weights = [[Value(rng.gauss(0, 1)) for _ in range(2)] for _ in range(3)]  # stored by input

    def f(x, k, t):
        hidden = [mg.sum([x[i] * weights[i][j] for i in range(3)]) for j in range(2)]
        return losses.cross_entropy([a + b for a, b in zip(model(x), hidden)], k) * t

    ps = [*model.parameters(), *[w for row in weights for w in row]]
    fast = mg.jit(f, parameters=ps)
    fast.trace([0.1, 0.2, 0.3], 1, 0.5)
    one, whole = fast.to_torch(), fast.to_torch(batch=True)
    double = {"dtype": torch.float64}
    ps = torch.tensor([p.data for p in ps], **double, requires_grad=True)
    xs = torch.tensor([[rng.gauss(0, 1) for _ in range(3)] for _ in range(5)], **double)
    ks, ts = torch.tensor([0.0, 1, 1, 0, 1], **double), torch.rand(5, **double)
    over = torch.func.vmap(one, (None, 0, 0, 0))
    singly = torch.stack([one(ps, *row) for row in zip(xs, ks, ts)])
    grad = torch.autograd.grad
    by_ps = grad(singly.mean(), ps)[0]
    far = torch.empty(2 * len(ps), **double)[::2]  # not contiguous
    far.copy_(ps.detach())
    far.requires_grad_(True)
    for g in (over, whole):
        assert torch.allclose(g(ps, xs, ks, ts), singly, rtol=1e-12)
        assert torch.allclose(grad(g(ps, xs, ks, ts).mean(), ps)[0], by_ps, rtol=1e-12)
        assert torch.allclose(grad(g(far, xs, ks, ts).mean(), far)[0], by_ps, rtol=1e-12)
        mean = lambda ps, xs, g=g: g(ps, xs, ks, ts).mean()  # noqa: E731
        assert torch.autograd.gradcheck(mean, (ps, xs.clone().requires_grad_(True)))
        assert torch.autograd.gradgradcheck(mean, (ps, xs.clone().requires_grad_(True)))
        assert torch.allclose(torch.func.grad(mean)(ps.detach(), xs), by_ps, rtol=1e-12)
    # A gradient of each example, several sets of parameters at once, and both turned around.
    each = torch.stack([grad(one(ps, *row), ps)[0] for row in zip(xs, ks, ts)])
    per_example = torch.func.vmap(torch.func.grad(one), (None, 0, 0, 0))
    assert torch.allclose(per_example(ps.detach(), xs, ks, ts), each, rtol=1e-12)
    sets = torch.stack([ps.detach(), 2 * ps.detach()])
    for g in (over, whole):
        several = torch.func.vmap(g, (0, None, None, None))(sets, xs, ks, ts)
        assert torch.allclose(several[0], singly, rtol=1e-12)
        gradients = torch.func.vmap(
            torch.func.grad(lambda ps, g=g: g(ps, xs, ks, ts).mean())
        )(sets)  # fmt: skip
        assert torch.allclose(gradients[0], by_ps, rtol=1e-12)
    shared = torch.func.vmap(one, (None, None, 0, None))(ps, xs[0], ks, ts[0])
    assert torch.allclose(shared[1], one(ps, xs[0], ks[1], ts[0]), rtol=1e-12)


EDGES = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e300, -1e300, math.inf, -math.inf, math.nan)


@pytest.mark.parametrize("name", sorted(SAME - {"nll", "identity"}))
def test_what_torch_differentiates_has_our_derivatives_at_the_edges(name, torch):
    rule = TABLE[name]
    fast = mg.jit(rule.function)
    rows = [(a, b) for a in EDGES for b in EDGES] if rule.arity == 2 else [(a,) for a in EDGES]
    if name == "relu":
        rows.remove((math.nan,))  # of nan it passes the gradient on
    fast.trace(*[1.0] * rule.arity)
    none = torch.zeros(0, dtype=torch.float64)
    columns = [torch.tensor(c, dtype=torch.float64, requires_grad=True) for c in zip(*rows)]
    found = fast.to_torch(batch=True)(none, *columns)
    found.sum().backward()
    for k, row in enumerate(rows):
        xs = list(map(Value, row))
        y = rule.function(*xs)
        y.backward()
        assert near(found[k].item(), y.data), row
        for x, column in zip(xs, columns):
            assert near(column.grad[k].item(), x.grad), row


def test_torch_classifies_as_we_do_at_the_edges(torch):
    inf = math.inf
    rows = [[inf, 0.0, 0.0], [-inf, 0.0, 0.0], [0.0, -inf, 0.0], [-inf] * 3, [-inf, 0.0, -inf],
            [inf, inf, 0.0], [1e308, -1e308, 0.0], [800.0, 0.0, 0.0], [0.0, 40.0, 0.0],
            [0.0, 800.0, -800.0]]  # fmt: skip
    fast = mg.jit(losses.cross_entropy)
    fast.trace([0.1, 0.2, 0.3], 1)
    none, ones = torch.zeros(0, dtype=torch.float64), torch.ones(len(rows), dtype=torch.float64)
    for g in (fast.to_torch(batch=True), torch.func.vmap(fast.to_torch(), (None, 0, 0))):
        xs = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
        found = g(none, xs, ones)
        found.sum().backward()
        for k, row in enumerate(rows):
            values = list(map(Value, row))
            y = losses.cross_entropy(values, 1)
            y.backward()
            assert found[k].item() == pytest.approx(y.data, rel=1e-14, abs=0.0, nan_ok=True), row
            for slope, v in zip(xs.grad[k].tolist(), values):
                assert slope == pytest.approx(v.grad, rel=1e-14, abs=0.0), row


@pytest.mark.parametrize("name", ["lists", "tuples", "matrix"])
def test_torch_gives_structures_over_a_batch(name, torch):
    np = pytest.importorskip("numpy")
    f = {
        "lists": lambda x, y: [x[0] * y, [x[1], x[0] + x[1]]],
        "tuples": lambda x, y: {"a": x[0] / y, "b": (x[1],)},
        "matrix": lambda x, y: np.array([[x[0], x[1]], [y, x[0] * y], [x[1] * y, 1.0]]),
    }[name]
    fast = mg.jit(f)
    rng = random.Random(1)
    xs = [[rng.random(), rng.random()] for _ in range(4)]
    ys = [rng.random() + 1 for _ in range(4)]
    expected = [flatten_any(f(x, y)) for x, y in zip(xs, ys)]
    fast.trace(xs[0], ys[0])
    none, leaves = torch.zeros(0, dtype=torch.float64), torch.utils._pytree.tree_leaves
    for columns in ((torch.tensor(xs), torch.tensor(ys)), (np.array(xs), ys), (xs, ys)):
        found = leaves(fast.to_torch(batch=True)(none, *columns))
        for k, row in enumerate(expected):
            got = [x for leaf in found for x in leaf[k].reshape(-1).tolist()]
            assert got == pytest.approx(row, rel=1e-6)


@pytest.mark.parametrize("batch", [False, True])
def test_torch_takes_parameters_that_are_read_backwards(batch, torch):
    w = [[Value(0.1), Value(0.2)], [Value(0.3), Value(0.4)], [Value(0.5), Value(0.6)]]
    flat = [p for row in w for p in row]

    def f(x):
        found = [mg.tanh(mg.dot(row[::-1], x[::-1])) for row in w[::-1]]
        return mg.sum([y * y for y in found])

    fast = mg.jit(f, parameters=flat)
    value, slopes = fast.value_and_grad([[1.0, 2.0]])
    numbers = torch.tensor([p.data for p in flat], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[1.0, 2.0]] if batch else [1.0, 2.0], dtype=torch.float64)
    y = fast.to_torch(batch=batch)(numbers, x).sum()
    y.backward()
    assert y.item() == pytest.approx(value, rel=1e-14)
    assert numbers.grad.tolist() == pytest.approx(list(slopes), rel=1e-13)


def test_torch_checks_our_gradient(torch):
    case = CASES["special_functions"]()
    fast = mg.jit(case.f, parameters=case.parameters)
    fast(0.5)
    ps = torch.tensor([p.data for p in case.parameters], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda ps: fast.to_torch()(ps, 0.5), (ps,))


# Each operation -------------------------------------------------------------------------------


WHOLE = {"polygamma": (0,), "power_partial": (2, 3), "ldexp": (1,), "round": (1,),
         "gammainc": (0,), "gammaincc": (0,)}  # fmt: skip
# Without a formula there, or without one for the derivative.
MISSING = {"dsinc", "erfcx_by", "gammainc_by", "gamma_density", "gamma_slope", "betainc",
           "betainc_by", "beta_density", "beta_slope", "bessel_j", "bessel_y",
           "bessel_i"}  # fmt: skip
MISSING_IN_JAX = {"erfcx", "j0", "j1", "y0", "y1"}


def test_what_has_no_formula_is_refused_in_a_sentence(jax):
    fast = mg.jit(mg.j0)
    fast.trace(0.5)
    with pytest.raises(TypeError, match="the operation j0 cannot be exported"):
        fast.to_jax()(jax.numpy.zeros(0), 0.5)


@pytest.mark.parametrize(
    "rule", [r for r in TABLE.values() if r.name not in MISSING], ids=lambda rule: rule.name
)
@pytest.mark.parametrize("library", ["jax", "torch"])
def test_each_operation_there(rule, library, request):
    """Its value and its first derivatives, over a batch."""
    np = pytest.importorskip("numpy")
    there = request.getfixturevalue(library)
    if library == "jax" and rule.name in MISSING_IN_JAX:
        pytest.skip("JAX has no such function")
    operands = [xs for xs in points(rule, 20) if within(rule, xs)]
    whole = {i: operands[0][i] for i in WHOLE.get(rule.name, ())}
    call = mg.ops._dot if rule.name == "dot" else rule.function

    def f(*xs):
        rest = iter(xs)
        return call(*[whole[i] if i in whole else next(rest) for i in range(len(operands[0]))])

    columns = [np.array(c, dtype=float) for i, c in enumerate(zip(*operands, strict=True))
               if i not in whole]  # fmt: skip
    rows = list(zip(*columns, strict=True))
    fast = mg.jit(f)
    fast.trace(*rows[0])
    axes = (None, *[0] * len(columns))
    n = len(columns)
    if library == "jax":
        g, none = fast.to_jax(), there.numpy.zeros(0)
        found = there.vmap(g, axes)(none, *columns)
        slopes = there.vmap(there.grad(g, tuple(range(1, n + 1))), axes)(none, *columns)
    else:
        g, none = fast.to_torch(), there.zeros(0, dtype=there.float64)
        given = [there.tensor(c, requires_grad=True) for c in columns]
        found = there.func.vmap(g, axes)(none, *given)
        found.sum().backward()
        slopes = [x.grad for x in given]
        found = found.detach()
    for k, xs in enumerate(rows):
        # PyTorch's Bessel functions have 6 digits from 5 on: torch.special, version 2.13.
        within_of = 1e-6 if library == "torch" and rule.name in ("j0", "j1", "y0", "y1") else 1e-8
        close_to(float(found[k]), f(*map(float, xs)), xs, within_of)
        variables = [Value(float(x)) for x in xs]
        y = f(*variables)
        if isinstance(y, Value) and y._prev:
            y.backward()
        for slope, x in zip(slopes, variables):
            close_to(float(slope[k]), x.grad, xs, within_of)


def within(rule, xs) -> bool:
    """Not where a derivative is past what floats of another library reach."""
    return not (rule.name in ("gamma", "lgamma", "digamma") and xs[0] < 0.0)


def close_to(found, expected, xs, within_of) -> None:
    # Their gamma functions and their exp are not to the last digits everywhere.
    if found != expected and max(abs(expected), abs(found)) > 1e-290:
        scale = max(1e-3, min(1.0, *map(abs, xs)))
        assert abs(found - expected) <= within_of * max(abs(expected), scale), (xs, found, expected)


def flatten_any(y):
    """The numbers of a result, whose arrays and tensors have no or several dimensions."""
    if isinstance(y, (list, tuple, dict)):
        return [x for part in flatten([y]) for x in flatten_any(part)]
    return y.reshape(-1).tolist() if hasattr(y, "reshape") else [y]


def test_what_is_missing_is_named(monkeypatch):
    fast = mg.jit(lambda x: x * 2)
    fast(random.random())
    for name, method in (("jax", fast.to_jax), ("torch", fast.to_torch)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=f"pip install {name}"):
            method()
