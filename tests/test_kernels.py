"""The kernels of the machine: the same bits on every kind of processor, and as the engine's.

What one instruction does to a block of examples is compiled three times; `use` chooses. A
batch of twice the same example goes through columns, and its mean is that example's own
value and gradient, exactly: so columns can be held to the eager engine bit for bit.
"""

from __future__ import annotations

import itertools
import math
import random
import struct

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, losses, nn, optim

_machine = pytest.importorskip(
    "micrograd.compiler._machine", reason="the machine was not built: no C compiler"
)

KINDS = ["plain", "avx2", "avx512"]


@pytest.fixture(params=KINDS)
def kind(request):
    if not _machine.use(request.param):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    widest()


def widest():
    for kind in KINDS:
        _machine.use(kind)


def bits(xs):
    """Bytes that tell 0.0 from -0.0; every nan is the same."""
    return [struct.pack("d", math.nan if x != x else x) for x in xs]


def test_only_the_three_kinds_are_known():
    assert _machine.use("plain")
    assert not _machine.use("mmx")
    assert not _machine.use("")
    widest()


def trained(sizes, classes, n, seed):
    """Parameters after some steps, losses, and what the machine makes of each example."""
    rng = random.Random(seed)
    random.seed(seed)
    model = nn.MLP(sizes[0], sizes[1:])
    ps = model.parameters()
    xs = np.array([[rng.gauss(0, 1) for _ in range(sizes[0])] for _ in range(n)])
    ys = np.array([float(rng.randrange(classes)) for _ in range(n)])

    def loss(x, y):
        scores = model(x)
        if classes == 2:
            return losses.hinge(scores, 2 * y - 1) + 1e-3 * mg.sum([p * p for p in ps])
        return losses.cross_entropy(scores, y)

    fast = mg.jit(loss, parameters=ps, backend="native")
    first = fast.value_and_grad(xs, ys)
    done = fast.fit(xs, ys, optim.Adam(ps, lr=0.01), steps=5, progress=False)
    return [first[0], *first[1], *done.loss, *[p.data for p in ps], *fast.map(xs, ys)]


@pytest.mark.parametrize("n", [2, 7, 8, 63, 100, 129, 300])
@pytest.mark.parametrize(
    ("sizes", "classes"), [([2, 5, 3, 1], 2), ([3, 6, 4], 4), ([7, 9, 5], 5), ([2, 1, 3], 3)]
)
def test_all_kinds_of_processors_give_the_same_bits(sizes, classes, n):
    found = {}
    for kind in KINDS:
        if _machine.use(kind):
            found[kind] = bits(trained(sizes, classes, n, seed=n))
    widest()
    assert all(other == found["plain"] for other in found.values())


def twice(f, ps, rows):
    """Value and gradient of each row from the machine's columns, and from the engine."""
    fast = mg.jit(f, parameters=ps, backend="native")
    for row in rows:
        pair = [np.array([x, x]) for x in row]
        value, gradient = fast.value_and_grad(*pair)
        for p in ps:
            p.grad = 0.0
        eager = f(*map(Value, row))
        eager.backward()
        yield row, [value, *gradient], [eager.data, *[p.grad for p in ps]]


ODD = [0.0, -0.0, 1.0, -2.5, 700.0, -745.0, 1e300, -1e300, math.inf, -math.inf, math.nan, 5e-324]


@pytest.mark.filterwarnings("ignore")
def test_softmax_shares_its_exponentials_and_keeps_its_bits(kind):
    ps = [Value(1.0), Value(-0.5), Value(1.5)]

    def f(a, b, c, k):
        return losses.cross_entropy([a * ps[0], b * ps[1], c + ps[2]], k)

    rng = random.Random(1)
    rows = [(*rng.choices(ODD, k=3), float(rng.randrange(3))) for _ in range(150)]
    rows += [(*[rng.gauss(0, 3) for _ in range(3)], float(rng.randrange(3))) for _ in range(150)]
    for row, ours, eager in twice(f, ps, rows):
        assert bits(ours) == bits(eager), row


@pytest.mark.filterwarnings("ignore")
def test_logsumexp_shares_its_exponentials_too(kind):
    ps = [Value(1.0), Value(2.0)]

    def f(a, b):
        return mg.logsumexp([a * ps[0], b, ps[1], a * b])

    for row, ours, eager in twice(f, ps, itertools.product(ODD, ODD)):
        assert bits(ours) == bits(eager), row


@pytest.mark.filterwarnings("ignore")
def test_layers_with_relu_keep_their_bits(kind):
    random.seed(3)
    model = nn.MLP(3, [6, 7, 2])
    ps = model.parameters()
    ps[0].data, ps[5].data, ps[9].data = math.inf, -0.0, math.nan

    def f(a, b, c):
        y, z = model([a, b, c])
        return y * z + y

    rng = random.Random(2)
    rows = [rng.choices(ODD, k=3) for _ in range(60)]
    for _ in range(2):
        for row, ours, eager in twice(f, ps, rows):
            assert bits(ours) == bits(eager), row
        ps[0].data, ps[9].data = 0.5, -0.25
        rows = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(60)]


@pytest.mark.filterwarnings("ignore")
def test_comparisons_choices_and_maxima_keep_their_bits(kind):
    p = Value(0.5)

    def f(a, b):
        best = mg.maximum(a * p, b, 0.0)
        chosen = mg.where(a, a * p, b * p)
        return best + chosen + mg.leaky_relu(a * p, 0.1) + abs(b * p)

    for row, ours, eager in twice(f, [p], itertools.product(ODD, ODD)):
        assert bits(ours) == bits(eager), row


def test_an_index_that_is_no_class_is_refused_as_by_the_engine(kind):
    p = Value(1.0)
    fast = mg.jit(
        lambda a, k: losses.cross_entropy([a * p, p], k), parameters=[p], backend="native"
    )
    for wrong in (2.0, -1.0, 0.5, math.nan):
        with pytest.raises(ValueError, match="class"):
            fast.value_and_grad(np.array([1.0, 2.0]), np.array([1.0, wrong]))
