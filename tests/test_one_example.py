"""One example in the machine, where all is scalars: matrices of them, to the bits of the engine.

Sums that share factors are made together, side by side, however their factors lie in memory.
"""

from __future__ import annotations

import random
from array import array

import pytest
from helpers import bits
from hypothesis import given, settings
from hypothesis import strategies as st

import micrograd as mg
from micrograd import Value
from micrograd.compiler.ir.batch import gradient_of_one
from micrograd.compiler.native import instructions as op
from micrograd.compiler.native.encode import Encoder

_machine = pytest.importorskip(
    "micrograd.compiler.native._machine", reason="the machine was not built: no C compiler"
)
KINDS = ["plain", "avx2", "avx512"]
ODD = [0.0, -0.0, 1e300, -1e300, float("inf"), float("nan"), 5e-324]


def matrix(rng, ps, m, k):
    """m rows of k parameters: in rows of memory, down columns, backwards, or anywhere."""
    kind = rng.choice(["rows", "columns", "backwards", "apart", "anywhere"])
    step = {"rows": (k, 1), "columns": (1, m), "backwards": (-k, -1), "apart": (k + 2, 1)}
    if kind == "anywhere":
        return [[rng.choice(ps) for _ in range(k)] for _ in range(m)]
    down, along = step[kind]
    places = [[j * down + i * along for i in range(k)] for j in range(m)]
    low = min(map(min, places))
    return [[ps[(place - low) % len(ps)] for place in row] for row in places]


def function(rng, ps):
    """Some layers, each with a start, something added after it, or neither."""
    plan = []
    width = 3
    for _ in range(rng.randrange(1, 4)):
        m = rng.choice([1, 2, 3, 4, 5, 8, 9, 13, 16, 21])
        plan.append((matrix(rng, ps, m, width), rng.choice(["start", "after", "none", "dot"]),
                     rng.choice([mg.tanh, mg.relu, lambda v: v]), rng.choice(ps)))  # fmt: skip
        width = m

    def f(*xs):
        hs = list(xs)
        for rows, how, then, other in plan:
            if how == "dot":
                sums = [mg.dot(row, hs) for row in rows]
            elif how == "start":
                sums = [sum((w * h for w, h in zip(row, hs)), other) for row in rows]
            else:
                sums = [sum(w * h for w, h in zip(row, hs)) for row in rows]
            if how == "after":
                sums = [y + hs[j % len(hs)] for j, y in enumerate(sums)]
            hs = [then(y) for y in sums]
        return mg.sum(hs) if len(hs) > 1 else hs[0]

    return f


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_layers_of_one_example_have_the_bits_of_the_engine(seed):
    rng = random.Random(seed)
    odd = rng.random() < 0.2
    ps = [Value(rng.choice(ODD) if odd and rng.random() < 0.1 else rng.gauss(0, 1))
          for _ in range(rng.choice([7, 60, 300]))]  # fmt: skip
    f = function(rng, ps)
    xs = [rng.gauss(0, 1) for _ in range(3)]
    fast = mg.jit(f, parameters=ps, backend="native")
    eager = f(*map(Value, xs))
    eager.backward()
    wanted = [eager.data, *[p.grad for p in ps]]
    try:
        for kind in KINDS:
            if _machine.use(kind):
                value, gradient = fast.value_and_grad(*[[x] for x in xs])
                assert bits([value, *gradient]) == bits(wanted), kind
                assert bits([fast(*xs)]) == bits([eager.data]), kind
    finally:
        for kind in KINDS:
            _machine.use(kind)


def instructions(f, ps, *xs):
    """How many instructions of each kind the gradient of one example has."""
    fast = mg.jit(f, parameters=ps, backend="native")
    fast.trace(*xs)
    caught = []

    class Module:
        @staticmethod
        def Machine(*sections, **_):  # noqa: N802
            caught.extend(sections[:3])

    Encoder(gradient_of_one(fast.program), single=True).machine(op.Build(Module, "d"))
    found: dict[int, int] = {}
    for section in caught:
        code, at = array("i", section), 0
        while at < len(code):
            found[code[at]] = found.get(code[at], 0) + 1
            at += 3 + code[at + 2]
    return found


@pytest.mark.parametrize("residual", [False, True])
def test_a_layer_is_one_instruction(residual):
    """However it is written, forward and backward, and what is added to it stays beside."""
    ps = [Value(0.01 * i) for i in range(64)]
    rows = [ps[8 * j : 8 * j + 8] for j in range(8)]

    def f(x):
        ys = [sum(w * a for w, a in zip(row, x)) for row in rows]
        ys = [a + b for a, b in zip(x, ys)] if residual else ys
        zs = [mg.dot(row, ys) for row in rows]
        return mg.sum([mg.tanh(z) for z in zs])

    found = instructions(f, ps, [0.5] * 8)
    assert found[op.LAYER] == 3  # two forward, one backward
    assert op.DOTS not in found


def body(rng, ps, n):
    """The turn of a loop over n carries, which exchange places, grow by products, and mix."""
    plan = [(rng.choice(["swap", "grow", "mix", "same", "scale", "product"]),
             [rng.randrange(n) for _ in range(4)], [rng.randrange(len(ps)) for _ in range(2)])
            for _ in range(n)]  # fmt: skip
    rows = [[rng.choice(ps) for _ in range(n)] for _ in range(n)]

    def turn(cs):
        found = []
        for j, (what, places, (p, q)) in enumerate(plan):
            a, b, c, d = (cs[i] for i in places)
            if what == "swap":
                found.append(a)
            elif what == "grow":  # as the sums of gradients do
                found.append(cs[j] + ps[p] * mg.tanh(ps[q]))
            elif what == "mix":
                found.append(mg.tanh(mg.dot(rows[j], cs)) + d)
            elif what == "same" and found:
                found.append(found[-1])
            elif what == "product":
                found.append(cs[j] + mg.sin(a) * mg.cos(b))
            else:
                found.append(cs[j] * ps[p] + (c - d) * 0.1)
        return found

    return turn


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_carries_that_are_replaced_in_place(seed):
    rng = random.Random(seed)
    ps = [Value(rng.gauss(0, 0.7)) for _ in range(rng.choice([2, 5, 9]))]
    n, turns = rng.choice([1, 2, 5, 8]), rng.choice([0, 1, 2, 5])
    turn = body(rng, ps, n)
    weights = [rng.gauss(0, 1) for _ in range(n)]

    def f(x):
        found = mg.fori_loop(0, turns, lambda i, cs: turn(cs), [x + 0.1 * k for k in range(n)])
        return mg.sum([w * mg.sin(c) for w, c in zip(weights, found)])

    found = {}
    for backend in ("python", "native"):
        fast = mg.jit(f, parameters=ps, backend=backend)
        value, gradient = fast.value_and_grad([0.3])
        found[backend] = bits([fast(0.3), value, *gradient, *fast.map([0.3, -0.2])])
    assert found["native"] == found["python"]
