"""The kernels of the machine: the same bits on every kind of processor, and as the engine's.

What one instruction does to a block of examples is compiled three times; `use` chooses. A
batch of twice the same example goes through columns, and its mean is that example's own
value and gradient, exactly: so columns can be held to the eager engine bit for bit.
"""

from __future__ import annotations

import itertools
import math
import random
from array import array
from functools import partial

import numpy as np
import pytest
from batch_programs import interpreted
from helpers import bits
from hypothesis import example, given, settings
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.compiler.ir.batch import gradient_over_batch
from micrograd.compiler.native.backend import NativeBatch
from micrograd.core.rule import TABLE

_machine = pytest.importorskip(
    "micrograd.compiler.native._machine", reason="the machine was not built: no C compiler"
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
    ("sizes", "classes"),
    [([2, 5, 3, 1], 2), ([3, 6, 4], 4), ([7, 9, 5], 5), ([2, 1, 3], 3), ([9, 17, 12, 3], 3)],
)
def test_all_kinds_of_processors_give_the_same_bits(sizes, classes, n):
    found = {}
    for kind in KINDS:
        if _machine.use(kind):
            found[kind] = bits(trained(sizes, classes, n, seed=n))
    widest()
    assert all(other == found["plain"] for other in found.values())


def twice(f, ps, rows):
    """Value and gradient of each row from the machine's columns, and from the engine.

    From the machine itself. Where that finds a nan, perhaps because a sum over the batch is
    made term by term, `value_and_grad` asks the engine; at least half of the rows are not so.
    """
    fast = mg.jit(f, parameters=ps, backend="native")
    fast.value_and_grad(*[np.array([x, x]) for x in rows[0]])
    machine = fast.latest.batch("native").sums
    numbers = array("d", [p.data for p in ps])
    alone = 0
    for row in rows:
        columns, results = array("d", np.repeat(row, 8)), array("d", bytes(8 * (1 + len(ps))))
        machine.run(numbers, columns, 2, 8, results, array("d"))
        found = [x / 2 for x in results]
        if any(x != x for x in found):
            value, gradient = fast.value_and_grad(*[np.array([x, x]) for x in row])
            found = [value, *gradient]
        else:
            alone += 1
        for p in ps:
            p.grad = 0.0
        eager = f(*map(Value, row))
        eager.backward()
        # Sums have no -0.0.
        yield row, [x + 0.0 for x in found], [eager.data + 0.0, *[p.grad + 0.0 for p in ps]]
    assert alone >= len(rows) / 2


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

    for row, ours, eager in twice(f, ps, list(itertools.product(ODD, ODD))):
        assert bits(ours) == bits(eager), row


def relu_net():
    random.seed(3)
    model = nn.MLP(3, [6, 7, 2])

    def f(a, b, c):
        y, z = model([a, b, c])
        return y * z + y

    return f, model.parameters()


def test_layers_with_relu_keep_their_bits(kind):
    f, ps = relu_net()
    ps[5].data = -0.0
    rng = random.Random(2)
    finite = [x for x in ODD if abs(x) < 1e9]
    rows = [rng.choices(finite, k=3) for _ in range(60)]
    rows += [[rng.gauss(0, 1) for _ in range(3)] for _ in range(60)]
    for row, ours, eager in twice(f, ps, rows):
        assert bits(ours) == bits(eager), row


@pytest.mark.filterwarnings("ignore")
def test_nan_and_inf_flow_through_layers_as_in_the_engine(kind):
    f, ps = relu_net()
    ps[0].data, ps[5].data, ps[9].data = math.inf, -0.0, math.nan
    fast = mg.jit(f, parameters=ps, backend="native")
    rng = random.Random(2)
    for mended in (0.5, -0.25, 2.0):
        rows = [rng.choices(ODD, k=3) for _ in range(70)]
        eager = [f(*map(Value, row)).data for row in rows]
        assert bits(fast.map(*np.array(rows).T)) == bits(eager)
        ps[0].data, ps[9].data = mended, mended


@pytest.mark.filterwarnings("ignore")
def test_comparisons_choices_and_maxima_keep_their_bits(kind):
    p = Value(0.5)

    def f(a, b):
        best = mg.maximum(a * p, b, 0.0)
        chosen = mg.where(a, a * p, b * p)
        return best + chosen + mg.leaky_relu(a * p, 0.1) + abs(b * p)

    for row, ours, eager in twice(f, [p], list(itertools.product(ODD, ODD))):
        assert bits(ours) == bits(eager), row


def beside(x):
    """It, and the four floats next to it."""
    below, above = math.nextafter(x, -math.inf), math.nextafter(x, math.inf)
    return [math.nextafter(below, -math.inf), below, x, above, math.nextafter(above, math.inf)]


def many_numbers():
    """Numbers for exp: anywhere, near 0, at its ends, and where it turns to another power."""
    rng = random.Random(9)
    found = [rng.uniform(-size, size) for size in (760, 40, 1, 1e-9) for _ in range(40_000)]
    for edge in (*ODD, 512.0, -512.0, 709.782712893384, -745.1332191019412, -708.3964185322641):
        found += beside(edge)
    for k in range(-2000, 2000):
        found += beside((k + 0.5) * math.log(2) / 128)
    # Where a multiplication that is not fused into an addition makes a difference.
    found += map(
        float.fromhex, ("-0x1.c551793b1ap-1", "-0x1.8f7c60623438p+1", "0x1.d407339c96bcp+3")
    )
    return found


@pytest.mark.parametrize("name", ["exp", "sigmoid", "dsigmoid", "silu", "sech2"])
def test_functions_of_one_exponential_keep_their_bits(kind, name):
    rule = TABLE[name]
    xs = many_numbers()
    found = mg.jit(lambda x: x._apply(rule, (x,)), backend="native").map(np.array(xs))
    wrong = [x for x, y in zip(xs, found) if bits([y]) != bits([rule.forward(x)])]
    assert not wrong


def test_an_index_that_is_no_class_is_refused_as_by_the_engine(kind):
    p = Value(1.0)
    fast = mg.jit(
        lambda a, k: losses.cross_entropy([a * p, p], k), parameters=[p], backend="native"
    )
    for wrong in (2.0, -1.0, 0.5, math.nan):
        with pytest.raises(ValueError, match="class"):
            fast.value_and_grad(np.array([1.0, 2.0]), np.array([1.0, wrong]))


# Batches whose last block is not full: what stands beside the last example is in no result.


def inverse_and_gate(q):
    """A function whose columns are summed over the batch and then used on."""

    def f(x):
        h = x + 1.0
        return h * mg.relu(x - 7.0) + mg.tanh(x * q) * mg.log(h)

    return f


def no_fallback(monkeypatch):
    def asked(*args):
        raise AssertionError("the machine gave up")

    monkeypatch.setattr(NativeBatch, "one_by_one", asked)


@pytest.mark.parametrize("n", [2, 3, 7, 9, 127, 129, 1001, 4099])
def test_a_ragged_batch_is_done_by_the_machine_alone(kind, n, monkeypatch):
    q = Value(1.5)
    f, xs = inverse_and_gate(q), np.linspace(1, 3, n)
    wanted = mg.jit(f, parameters=[q], backend="python").value_and_grad(xs)
    no_fallback(monkeypatch)
    fast = mg.jit(f, parameters=[q], backend="native")
    value, gradient = fast.value_and_grad(xs)
    assert value == pytest.approx(wanted[0], rel=1e-12)
    assert gradient[0] == pytest.approx(wanted[1][0], rel=1e-12)
    done = fast.fit(xs, optim.SGD([q], lr=1e-9), steps=3, progress=False)
    assert done.loss == pytest.approx([wanted[0]] * 3, rel=1e-6)


def test_functions_in_python_never_see_what_is_beside_the_examples(kind):
    """The divisions of `inv` would raise ZeroDivisionError for a 0 that nobody gave."""
    inv = mg.custom(lambda x: 1.0 / x, lambda x, y: -(y * y), name="inv")
    p, q = Value(2.0), Value(1.5)

    def f(x):
        h, g = x + 1.0, mg.relu(x * q - 0.5)
        return (h * g + inv(h) * p) + inv(g + 1.0)

    xs = np.linspace(1, 3, 3)
    found = mg.jit(f, parameters=[p, q], backend="native").value_and_grad(xs)
    wanted = mg.jit(f, parameters=[p, q], backend="python").value_and_grad(xs)
    assert found[0] == pytest.approx(wanted[0], rel=1e-12)
    assert found[1] == pytest.approx(wanted[1], rel=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_an_infinite_last_example_stays_infinite(kind):
    found = {}
    for backend in ("native", "python"):
        p = Value(1.0)
        fast = mg.jit(
            lambda x, z, p=p: (x + 1.0) * (z * 1e300 * 1e300) + p * x,
            parameters=[p], backend=backend,
        )  # fmt: skip
        ones = np.ones(3)
        sgd = optim.SGD([p], lr=0.1)
        found[backend] = fast.fit(ones, ones, sgd, steps=3, progress=False).loss
    assert found["native"] == found["python"] == [math.inf] * 3


def test_gradients_after_a_step_that_is_refused_are_those_of_the_step_before():
    found = {}
    for backend in ("native", "python"):
        p, q = Value(1.0), Value(0.5)
        fast = mg.jit(
            lambda a, k, p=p, q=q: losses.cross_entropy([a * p, q], k),
            parameters=[p, q], backend=backend,
        )  # fmt: skip
        classes = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 9.0])
        with pytest.raises(ValueError, match="class"):
            fast.fit(
                np.arange(6.0), classes, optim.SGD([p, q], lr=0.1), steps=20, batch_size=1, seed=3,
                progress=False,
            )  # fmt: skip
        found[backend] = [p.data, q.data, p.grad, q.grad]
    assert found["native"] == found["python"]


@pytest.mark.parametrize("n", [2, 7, 8, 20, 64, 100])
def test_a_sum_of_negative_zeros_is_zero(n, kind):
    """As it is where sums begin at 0.0: of products, in tables of all sizes, and of columns."""
    ps = [Value(1.0) for _ in range(17)]
    fast = mg.jit(
        lambda xs, y: mg.sum([p * x * y for p, x in zip(ps, xs)]) + y * ps[-1],
        parameters=ps, backend="native",
    )  # fmt: skip
    gradient = fast.value_and_grad(np.full((n, 16), 1.0), np.full(n, -0.0))[1]
    assert bits(gradient) == bits([0.0] * 17)
    p = Value(1.0)
    fast = mg.jit(lambda x, y: p * x * y, parameters=[p], backend="native")
    assert bits([fast.value_and_grad(np.full(n, 1.0), np.full(n, -0.0))[0]]) == bits([0.0])


@given(
    st.lists(st.sampled_from([-0.0, 0.0, 1.5, -2.25, 1e-200, 1e200, math.inf, math.nan, 0.1]),
             min_size=1, max_size=9),
    st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_sums_of_products_of_scalars(numbers, rng):
    """Some of the products are needed elsewhere, some terms are none, some come twice."""
    ps = [Value(x) for x in numbers]
    pairs = [(rng.choice(ps), rng.choice(ps)) for _ in range(rng.randrange(1, 9))]
    alone = [rng.choice(ps) for _ in range(rng.randrange(3))]
    again = rng.random() < 0.5

    def f(x):
        products = [a * b for a, b in pairs]
        total = mg.sum(products + alone)
        return x * total + (products[0] if again else 0.0)

    fast = mg.jit(f, parameters=ps, backend="native")
    for x in (1.0, -3.0):
        wanted = f(Value(x))
        assert bits([fast(x)]) == bits([wanted.data])
        assert bits(fast.map(np.array([x, x]))) == bits([wanted.data] * 2)
        found = fast.value_and_grad(np.array([x, x]))[0]
        assert bits([found]) == bits([wanted.data])


# Random programs, with all that the encoder makes of layers, gates, softmax and sums.


def pick(them, t):
    return them[int(t * len(them))]


def random_function(rng, ps):
    """A function of three numbers and the parameters, made of what networks are made of."""
    steps = [
        (rng.choice(MAKERS), [rng.random() for _ in range(12)]) for _ in range(rng.randrange(2, 14))
    ]
    last = [rng.random() for _ in range(3)]

    def f(*xs):
        columns = list(xs)
        for make, luck in steps:
            columns += make(partial(pick, columns), partial(pick, ps), luck)
        return mg.sum([pick(columns, t) * ps[0] for t in last])

    return f


def layer(column, parameter, luck, then=lambda y: y):
    inputs = [column(t) for t in luck[:3]]
    found = []
    for shift in range(1 + int(5 * luck[3])):
        ws = [parameter((t + 0.1 * shift) % 1.0) for t in luck[4:7]]
        start = parameter(luck[7]) if luck[8] < 0.5 else 0.0
        found.append(then(start + mg.sum([w * x for w, x in zip(ws, inputs)])))
    return found


MAKERS = [
    layer,
    lambda c, p, t: layer(c, p, t, mg.relu),
    lambda c, p, t: layer(c, p, t, mg.tanh),
    lambda c, p, t: [mg.relu(c(t[0])), mg.relu(c(t[0])) * c(t[1])],
    lambda c, p, t: [losses.cross_entropy([c(t[0]), c(t[1]), c(t[2])], int(3 * t[3]))],
    lambda c, p, t: [mg.logsumexp([c(t[0]), p(t[1]), c(t[2])]), mg.exp(c(t[0]) - 3.0)],
    lambda c, p, t: [mg.maximum(c(t[0]), c(t[1]), p(t[2])), abs(c(t[3]))],
    lambda c, p, t: [mg.leaky_relu(c(t[0]), 0.1) - c(t[1]) / (2.0 + abs(p(t[2])))],
    lambda c, p, t: [mg.where(c(t[0]), c(t[1]), p(t[2])), mg.log(1.0 + c(t[0]) ** 2)],
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.sampled_from([2, 4, 8, 16]))
@example(seed=343, n=2)  # rows that become alike, and add to the same sums
def test_random_programs_give_the_bits_of_their_steps(seed, n):
    rng = random.Random(seed)
    ps = [Value(rng.gauss(0, 1)) for _ in range(9)]
    fast = mg.jit(random_function(rng, ps), parameters=ps, backend="native")
    draw = lambda: rng.choice(ODD) if rng.random() < 0.1 else rng.gauss(0, 1.5)  # noqa: E731
    row = [draw() for _ in range(3)]
    fast.value_and_grad(*[np.array([x] * n) for x in row])
    made = fast.latest
    numbers, columns = array("d", [p.data for p in made.parameters]), array("d")
    width = len(made.program.inputs)
    for x in row[:width]:
        columns.extend([x] * max(n, 8))
    wanted = interpreted(gradient_over_batch(made.program), row, numbers, n)
    for kind in KINDS:
        if _machine.use(kind):
            results = array("d", bytes(8 * len(wanted)))
            made.batch("native").sums.run(numbers, columns, n, max(n, 8), results, array("d"))
            assert bits([x + 0.0 for x in results]) == bits(wanted), kind
    widest()


@pytest.mark.parametrize("xs", [(-1.0, -0.3), (-2.0, -1.1, -0.65), (-0.7, -0.69314718056)])
def test_logsumexp_near_zero_keeps_its_digits_beside_its_gradient(xs, kind):
    """There its exponentials are at hand, and do not say it: they add up to almost 1."""
    fast = mg.jit(lambda *xs: mg.logsumexp(xs), backend="native")
    mean, _ = fast.value_and_grad(*[np.array([x, x]) for x in xs])
    assert mean == mg.logsumexp(xs)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 63, 100, 777])
def test_means_of_gradients_are_quotients_to_the_last_bit(n, kind):
    """Of sums that are random, close to ties, tiny, zero and infinite, by the number of examples."""
    rng = random.Random(n)
    sums = [rng.uniform(-1, 1) * 2.0 ** rng.randrange(-300, 300) for _ in range(100)]
    sums += [float(rng.randrange(2**53 // n) * n) for _ in range(30)]
    sums += [float(rng.randrange(2**53, 2**54) * n) / 2 for _ in range(30)]
    ties = [k * n // 2 * 5e-324 for k in range(1, 12, 2)]  # if n is even
    for edge in (0.0, *ties, -3e-320, 1e-308, 2.0**-960, -(2.0**-961), 1e308, -math.inf):
        if n == 1 and edge == -math.inf:
            continue  # a loss of 0 * inf is nan
        # The loss is 0, as the parameters are, and the gradients are the inputs.
        rows = np.zeros((n, len(sums) + 1))
        rows[0] = [*sums, max(edge, -1.7e308)]
        if edge == -math.inf:
            rows[-1, -1] = rows[0, -1]
        ps = [Value(0.0) for _ in rows[0]]
        fast = mg.jit(lambda x, ps=ps: mg.dot(ps, x), parameters=ps, backend="native")
        fast.fit(rows, optimizer=optim.SGD(ps, lr=1.0), steps=1, progress=False)
        assert [-p.data for p in ps] == [x / n for x in (*sums, edge)]


@pytest.mark.parametrize("n", [1, 3, 10, 777])
def test_the_gradient_of_a_square_that_is_the_same_for_all_examples(n):
    """It is c p + c p for each, n times: one row of products for all parameters."""
    ps = [Value(random.Random(k).gauss(0, 1)) for k in range(9)]
    fast = mg.jit(lambda x: x + 0.3 * mg.sum([p * p for p in ps]), parameters=ps, backend="native")
    _, gradient = fast.value_and_grad(np.ones(n))
    assert bits(gradient) == bits([(0.3 * p.data + 0.3 * p.data) * n / n for p in ps])


@pytest.mark.parametrize(
    ("n", "m", "k"), [(1, 8, 8), (7, 8, 16), (9, 16, 8), (63, 16, 24), (601, 16, 9)]
)
def test_many_sums_are_made_from_the_first_example_to_the_last(n, m, k, kind):
    rng = np.random.default_rng(n)
    ps = [[Value(0.0) for _ in range(k)] for _ in range(m)]
    us, xs = rng.normal(size=(n, m)), rng.normal(size=(n, k))
    xs[0] = -0.0  # whose sums are 0.0

    def loss(u, x):
        return mg.sum([c * mg.dot(row, x) for c, row in zip(u, ps)])

    flat = [p for row in ps for p in row]
    _, gradient = mg.jit(loss, parameters=flat, backend="native").value_and_grad(us, xs)
    wanted = np.zeros((m, k))
    for u, x in zip(us, xs):
        wanted += np.outer(u, x)
    if n < 64:
        assert bits(gradient) == bits((wanted / n).ravel())
    else:  # in parts and blocks
        np.testing.assert_allclose(gradient, (wanted / n).ravel(), rtol=1e-11, atol=1e-15)
