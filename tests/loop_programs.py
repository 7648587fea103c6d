"""Functions with loops and branches, by hand and at random, for the tests of every backend."""

from __future__ import annotations

from hypothesis import strategies as st

import micrograd as mg


def outputs(a, b):
    last, ys = mg.scan(lambda c, x: (mg.sin(c * b) + x * a, c * x), a, [0.5, 1.5, 2.5])
    return last + mg.sum(ys)


def newton(a, b):
    def better(x):
        return x - (x * x - a) / (2 * x) * b

    return mg.while_loop(lambda x: abs(x * x - a) > 1e-10, better, a)


def nested(a, b):
    def outer(i, c):
        return mg.fori_loop(0, 3, lambda j, d: mg.sin(d * a) + i * j * 0.1, c) * b

    return mg.fori_loop(0, 4, outer, a)


def branch(a, b):
    return mg.cond(a > b, lambda x: x * a * mg.exp(b), lambda x: mg.log(x), a) + b


def branch_in_a_loop(a, b):
    def turn(c, x):
        c = mg.cond(c > 0.5, lambda c: c * a, lambda c: c + b * x, c)
        return c, (c, {"k": x * c})

    last, (p, q) = mg.scan(turn, a * b, [0.1 * k for k in range(9)], reverse=True)
    return last + p[3] * q["k"][2] + p[0]


def carries_that_change_places(a, b):
    def turn(c, x):
        u, v = c
        return (v * x[0], u + mg.tanh(v * x[1]) + b), [u * v, u]

    last, ys = mg.scan(turn, (a, b), [[a * k, b + k] for k in range(5)], length=5)
    return last[0] * last[1] + ys[2][0] + ys[4][1]


def swaps(a, b):
    u, v = mg.scan(lambda c, _: ((c[1], c[0]), None), (a, b), length=5)[0]
    return u * 2 + v


def while_in_a_loop(a, b):
    def turn(c, x):
        c = mg.while_loop(lambda z: z > 1, lambda z: z * a * 0.3, c + x)
        return c, c * x

    last, ys = mg.scan(turn, b, [3.0, 5.0, a * 9])
    return last + mg.sum(ys)


def some_turns_or_none(a, b):
    def turn(c, x):
        c = mg.while_loop(lambda z: z < x, lambda z: z * (a + 1.5), c)
        return c, None

    return mg.scan(turn, b, [5.0, 1.0, 20.0, 0.5])[0]


def guarded(a, b):
    def turn(c, x):
        return mg.where(c > 0, mg.sqrt(c) * a, b * x) - x, None

    return mg.scan(turn, a, [0.5, 1.5, 2.0, 0.0])[0]


def in_parts(a, b):
    def turn(c, x):
        return mg.sin(c * a) + x * b, c * x

    last, ys = mg.scan(turn, a, [0.5, 1.5, 2.5, b, 0.3, a, 0.2], checkpoint=2)
    return last + ys[1] + ys[2] * ys[6]


def in_parts_backwards(a, b):
    def turn(c, x):
        return mg.sin(c * a) + x * b, c * x

    xs = [0.5, 1.5, 2.5, b, 0.3, a, 0.2]
    last, ys = mg.scan(turn, a, xs, checkpoint="sqrt", reverse=True)
    return last + ys[1] + ys[2] * ys[6]


def while_in_parts(a, b):
    return mg.while_loop(lambda x: x < 20, lambda x: x * (a + 1) + b * 0.1, a, checkpoint=3)


def no_turn(a, b):
    return mg.while_loop(lambda x: x < -5, lambda x: x * b, a) * b


def solved(a, b):
    return mg.root(lambda x: x * x * x + b * x - a, 1.0)


def solved_by_a_loop(a, b):
    """Each turn of Newton's method has a reverse loop in it."""

    def end(s):
        return mg.scan(lambda c, x: (c + 0.1 * mg.sin(c * a) + x * s, None), b, [1.0, 0.5, 0.2])[0]

    return mg.root(lambda s: end(s) - 1.0, 0.0)


def recurrent(a, b):
    w = [[mg.sin(a * i + j) for j in range(3)] for i in range(3)]

    def turn(h, x):
        h = [mg.tanh(mg.sum([w[i][j] * h[j] for j in range(3)]) + x * b) for i in range(3)]
        return h, h[0]

    h, ys = mg.scan(turn, [a, b, a], [0.1, 0.2, 0.3, 0.4])
    return h[1] + mg.sum(ys)


def vectors_that_change_places(a, b):
    """Both are rows of one array before the loop, and columns of a matrix after it."""
    u, v = [a * 0.5, b * 0.5], [a * 0.25, b * 0.25]
    u, v = mg.fori_loop(0, 3, lambda i, c: (c[1], c[0]), (u, v))
    return u[0] * 2 + v[1] + u[0] * v[0] + u[1] * v[1]


def slope_of_a_while(a, b):
    """What a derivative puts out of the loop has as many entries as there were turns."""
    return mg.grad(lambda x: mg.while_loop(lambda c: c < 9, lambda c: c * c + x * b, x))(a + 1)


FUNCTIONS = [
    outputs, newton, nested, branch, branch_in_a_loop, carries_that_change_places, swaps,
    while_in_a_loop, some_turns_or_none, guarded, in_parts, in_parts_backwards, while_in_parts, no_turn, solved,
    solved_by_a_loop, recurrent, vectors_that_change_places, slope_of_a_while,
]  # fmt: skip
POINTS = [(0.7, 0.9), (1.3, 0.4), (0.3, 0.8)]


# At random ----------------------------------------------------------------------------------

UNARY = ["sin", "tanh", "neg", "abs", "relu", "atan"]
BINARY = ["add", "sub", "mul", "maximum"]


def expressions(depth: int):
    """Trees of operations, loops and branches; a leaf is a number or the place of a variable."""
    leaf = st.one_of(
        st.integers(0, 5), st.sampled_from([0.5, -1.25, 2.0, 0.0, 1e-3]).map(lambda c: ("c", c))
    )
    if depth == 0:
        return leaf
    inner = expressions(depth - 1)
    return st.one_of(
        leaf,
        st.tuples(st.sampled_from(UNARY), inner),
        st.tuples(st.sampled_from(BINARY), inner, inner),
        st.tuples(st.just("where"), inner, inner, inner),
        st.tuples(st.just("cond"), inner, inner, inner),
        st.tuples(st.just("scan"), st.integers(0, 4), inner, inner, inner, st.booleans(),
                  st.sampled_from(["all", 2, "sqrt"])),
        st.tuples(st.just("while"), st.integers(0, 3), inner, inner),
        st.tuples(st.just("fori"), st.integers(0, 3), inner, inner),
    )  # fmt: skip


def value(tree, xs):
    """The number that a tree stands for, given the variables around it, the innermost first."""
    if isinstance(tree, int):
        return xs[tree % len(xs)]
    kind, *rest = tree
    if kind == "c":
        return rest[0]
    if kind in UNARY:
        return getattr(mg, kind)(value(rest[0], xs)) if kind != "neg" else -value(rest[0], xs)
    if kind in BINARY:
        return getattr(mg, kind)(value(rest[0], xs), value(rest[1], xs))
    if kind == "where":
        a, b, c = rest
        return mg.where(mg.less(value(a, xs), 0.3), value(b, xs), value(c, xs))
    if kind == "cond":
        a, b, c = rest
        condition = mg.less(value(a, xs), 0.3)
        return mg.cond(condition, lambda x: value(b, [x, *xs]), lambda x: value(c, [x, *xs]), xs[0])
    if kind == "scan":
        n, first, new, put, reverse, checkpoint = rest

        def turn(carry, x):
            c, i = carry
            return (mg.tanh(value(new, [c, x, *xs])), i + 1), (value(put, [x, c, i, *xs]), c)

        given = [value(first, xs), *[0.3 * k for k in range(1, n)]][:n]
        start = (value(first, xs), 0.0)
        (c, i), ys = mg.scan(turn, start, given, length=n, reverse=reverse, checkpoint=checkpoint)
        total = c * 0.5 + i
        return total + mg.sum(ys[0]) + ys[1][0] if n else total
    if kind == "while":
        n, first, new = rest

        def more(carry):
            return mg.logical_and(mg.less(carry[1], n), mg.less(carry[0], 3.0))

        def step(carry):
            return mg.sin(value(new, [carry[0], *xs])) + 0.25, carry[1] + 1

        return mg.while_loop(more, step, (value(first, xs), 0.0))[0]
    n, first, new = rest
    return mg.fori_loop(0, n, lambda i, c: mg.sin(value(new, [c, i, *xs])), value(first, xs))


# Vectors as carries ---------------------------------------------------------------------------

TURNS = ["swap", "rotate", "mean", "layer", "back", "old", "along", "dot", "choose"]


def vector_loops():
    """How long vectors are, how many there are, and what the turns of two loops do with which."""
    turn = st.lists(
        st.tuples(st.sampled_from(TURNS), st.integers(0, 3), st.integers(0, 3)), max_size=4
    )
    loop = st.tuples(st.integers(1, 3), turn)
    return st.tuples(st.integers(1, 4), st.integers(1, 3), loop, loop)


def over_vectors(plan, x, weights):
    """A number made by these loops of the numbers x and a square matrix of weights."""
    n, k, *loops = plan
    x = x[:n]

    def turn(what, state):
        old, now = state, [list(v) for v in state]
        for kind, a, b in what:
            a, b = a % k, b % k
            u, v = now[a], now[b]
            if kind == "swap":
                now[a], now[b] = v, u
            elif kind == "rotate":
                now = now[1:] + now[:1]
            elif kind == "mean":
                now[a] = [(p + q) * 0.5 for p, q in zip(u, v)]
            elif kind == "layer":
                now[a] = [mg.tanh(mg.dot(row[:n], v)) for row in weights[:n]]
            elif kind == "back":
                now[a] = [mg.tanh(mg.dot(row[n - 1 :: -1], v)) for row in weights[n - 1 :: -1]]
            elif kind == "old":
                now[a] = list(old[b])
            elif kind == "along":
                for j in range(n):
                    u[j] = mg.sin(u[j - 1] + v[j] * 0.5)
            elif kind == "dot":
                now[a] = [mg.tanh(p + 0.1 * mg.dot(u, v)) for p in v]
            else:
                now[a] = mg.cond(u[0] > 0.1, lambda p, q: p, lambda p, q: q, u, v)
        return now

    state = [[(0.5 + j) * p for p in x] for j in range(k)]
    for often, what in loops:
        state = mg.fori_loop(0, often, lambda i, c, what=what: turn(what, c), state)
    return mg.sum([(0.3 + j) * p for v in state for j, p in enumerate(v)])
