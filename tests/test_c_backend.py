"""The backend "c": what this machine's compiler made gives the bits of the engine."""

from __future__ import annotations

import math
import os
import random
import shutil
import threading
from pathlib import Path

import pytest
from array_code import GOLDEN, random_model
from corpus import CASES
from helpers import interrupted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_compiler_modes import bits

import micrograd as mg
from micrograd import Value, data, losses, nn, optim
from micrograd.compiler.c import build
from micrograd.compiler.native.backend import available

needs_c = pytest.mark.skipif(
    not available() or not any(map(shutil.which, ("cc", "gcc", "clang"))) or os.name == "nt",
    reason="there is no C compiler, or no compiled engine",
)


@pytest.fixture(autouse=True, scope="module")
def own_folder(tmp_path_factory):
    """Libraries are kept where the tests may write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        build.folder.cache_clear()
        yield
    build.folder.cache_clear()


def flat(x):
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (list, tuple)):
        return [y for part in x for y in flat(part)]
    return [bits(float(x))]


@needs_c
@pytest.mark.filterwarnings("ignore:.*has no (function in )?C")
@pytest.mark.parametrize("name", CASES)
def test_the_corpus(name):
    if "numpy" in name or "matmul" in name:
        pytest.importorskip("numpy")
    case = CASES[name]()
    fast, slow = (
        mg.jit(case.f, parameters=case.parameters, backend=backend) for backend in ("c", "python")
    )
    for args in case.examples[:3]:
        assert flat(fast(*args)) == flat(slow(*args))
        if fast.latest.result.is_scalar and case.parameters:
            batch = [[x] for x in args]
            (value, slopes), (other, others) = (f.value_and_grad(*batch) for f in (fast, slow))
            assert flat([value, *slopes]) == flat([other, *others])


@needs_c
@pytest.mark.parametrize("name", GOLDEN)
def test_models(name):
    f, parameters, args = GOLDEN[name]()
    fast, slow = (mg.jit(f, parameters=parameters, backend=b) for b in ("c", "python"))
    assert flat(fast(*args)) == flat(slow(*args))


@needs_c
@given(seed=st.integers(0, 10**9))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_code(seed):
    f, parameters, args = random_model(seed)
    fast, slow = (mg.jit(f, parameters=parameters, backend=b) for b in ("c", "python"))
    assert flat(fast(*args)) == flat(slow(*args))
    if fast.latest.result.is_scalar and parameters:
        batch = [[x] for x in args]
        (value, slopes), (other, others) = (g.value_and_grad(*batch) for g in (fast, slow))
        assert flat([value, *slopes]) == flat([other, *others])


def filtered(ys, q):
    """A filter written with a loop, a branch in it, and a loop that ends when it ends."""

    def turn(state, y):
        mean, total = state
        error = y - mean
        step = mg.cond(error > 0.0, lambda e: q * e, lambda e: 0.5 * q * e, error)
        return (mean + step, total + mg.log1p(error * error)), error

    (mean, total), errors = mg.scan(turn, (0.0, 0.0), ys)
    mean = mg.while_loop(lambda m: m > 0.25, lambda m: m * 0.5, mean)
    return total + mean + mg.sum(errors)


@needs_c
def test_loops_and_their_derivatives():
    rng = random.Random(3)
    ys = [rng.gauss(0.5, 1.0) for _ in range(40)]
    for f in (filtered, mg.value_and_grad(filtered, 1), mg.grad(mg.grad(filtered, 1), 1)):
        found = flat(mg.jit(f, backend="c")(ys, 0.3))
        assert found == flat(mg.jit(f, backend="python")(ys, 0.3))
    assert flat(mg.grad(mg.jit(filtered, backend="c"), 1)(ys, 0.3)) == flat(
        mg.jit(mg.grad(filtered, 1), backend="python")(ys, 0.3)
    )
    q = Value(0.3)
    fast = mg.jit(lambda y: filtered(y, q), parameters=[q], backend="c")
    for batch in ([ys], [ys, ys[::-1], [-y for y in ys]]):
        value, (slope,) = fast.value_and_grad(batch)
        q.grad = 0.0
        mean = mg.mean([filtered(row, q) for row in batch])
        mean.backward()
        assert value == pytest.approx(mean.data, rel=1e-14)
        assert slope == pytest.approx(q.grad, rel=1e-12)


@needs_c
@pytest.mark.parametrize("how", ["scan", "while", "nested"])
def test_bodies_that_are_layers(how):
    """What is long within a loop is kernels of arrays there."""
    rng = random.Random(5)
    size = 9
    rows = [[Value(rng.gauss(0, 0.4)) for _ in range(size)] for _ in range(size)]
    shifts = [Value(rng.gauss(0, 0.4)) for _ in range(size)]
    parameters = [*[w for row in rows for w in row], *shifts]

    def layer(h, x):
        return [mg.tanh(mg.dot(row, h) + x * b) for row, b in zip(rows, shifts)]

    def f(xs):
        h = [0.1 * k for k in range(size)]
        if how == "while":
            _, h = mg.while_loop(
                lambda c: c[0] < 4.0, lambda c: (c[0] + 1.0, layer(c[1], xs[0])), (0.0, h)
            )
        elif how == "nested":
            h, _ = mg.scan(
                lambda h, x: (mg.fori_loop(0, 2, lambda i, h: layer(h, x), h), None), h, xs
            )
        else:
            h, seen = mg.scan(lambda h, x: (layer(h, x), [h[0], h[-1] * x]), h, xs)
            return mg.sum([a * b for a, b in seen]) + mg.sum(h)
        return mg.sum([v * v for v in h])

    xs = [rng.gauss(0, 1) for _ in range(6)]
    fast, slow = (mg.jit(f, parameters=parameters, backend=b) for b in ("c", "python"))
    assert flat(fast(xs)) == flat(slow(xs))
    (value, slopes), (other, others) = (g.value_and_grad([xs]) for g in (fast, slow))
    assert flat([value, *slopes]) == flat([other, *others])
    twice = mg.grad(lambda xs: mg.sum(mg.grad(f)(xs)))
    for g in (mg.grad(f), *([twice] if how == "scan" else [])):
        assert flat(mg.jit(g, backend="c")(xs)) == flat(mg.jit(g, backend="python")(xs))


def layers_within(a, b):
    """A loop that is a layer with numbers in it, in a loop that carries ten numbers."""
    size = 9
    rows = [[0.3 * i - 0.1 * j for j in range(size)] for i in range(size)]

    def turn(h, x):
        return [mg.tanh(mg.dot(row, h) + x * b) for row in rows], None

    def outer(carry, x):
        h, total = carry
        h, _ = mg.scan(turn, h, [0.1, x])
        return (h, total + h[0]), None

    (h, total), _ = mg.scan(outer, ([a] * size, b), [0.1, 0.2, 0.3])
    return mg.sum(h) * total


@needs_c
def test_tables_are_called_unlike_carries():
    for f in (layers_within, mg.grad(layers_within, (0, 1))):
        assert flat(mg.jit(f, backend="c")(0.3, 0.5)) == flat(mg.jit(f, backend="python")(0.3, 0.5))


@needs_c
@pytest.mark.parametrize("batch_size", [None, 1, 5])
def test_training_takes_the_steps_of_the_native_backend(batch_size):
    points, y = data.linear(20, noise=0.1)
    found = {}
    for backend in ("c", "native"):
        random.seed(0)
        model = nn.MLP(2, [4, 1])
        fast = mg.jit(lambda x, y, m=model: losses.squared_error(m(x), y), backend=backend)
        fitted = fast.fit(
            points, y, optim.Adam(model.parameters(), lr=0.01), steps=60, batch_size=batch_size,
            progress=False,
        )  # fmt: skip
        found[backend] = [*fitted.loss, *[p.data for p in model.parameters()]]
    if batch_size == 5:
        assert flat(found["c"]) == flat(found["native"])
    assert found["c"] == pytest.approx(found["native"], rel=1e-9)


@needs_c
def test_what_was_compiled_is_kept(monkeypatch):
    built, real = [], build.build
    monkeypatch.setattr(build, "build", lambda *given: built.append(given) or real(*given))

    def call():
        return mg.jit(lambda x: mg.sin(x) * 0.731, backend="c")(0.5)

    assert call() == call() == mg.sin(0.5) * 0.731
    assert len(built) == 1
    monkeypatch.setattr(build, "KEPT", 3)
    for k in range(5):
        mg.jit(lambda x, k=k: x * (k + 0.25), backend="c")(0.5)
    assert len(list(build.folder().glob("*.so"))) == 3


@needs_c
def test_a_damaged_library_is_made_again(monkeypatch):
    def damaged(words, text, path):
        path.write_bytes(b"no library")

    def call():
        return mg.jit(lambda x: mg.sin(x) * 0.732, backend="c")(0.5)

    with monkeypatch.context() as patch:
        patch.setattr(build, "build", damaged)
        with pytest.raises(OSError):
            call()
    assert call() == mg.sin(0.5) * 0.732


@needs_c
def test_a_folder_that_others_may_write_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "micrograd").mkdir()
    (tmp_path / "micrograd").chmod(0o777)
    build.folder.cache_clear()
    try:
        assert mg.jit(lambda x: x * 0.377, backend="c")(0.5) == 0.5 * 0.377
        assert not list((tmp_path / "micrograd").iterdir())
    finally:
        build.folder.cache_clear()


@needs_c
def test_without_a_compiler_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("CC", "/nowhere/cc -O2")
    with pytest.raises(RuntimeError, match=r'backend="c" needs a C compiler, and \$CC says'):
        mg.jit(lambda x: x * 0.123, backend="c")(0.5)
    monkeypatch.setenv("CC", shutil.which("false"))
    with pytest.raises(RuntimeError, match="false fails"):
        mg.jit(lambda x: x * 0.123, backend="c")(0.5)


@pytest.mark.skipif(available(), reason="there is the compiled engine")
def test_without_the_compiled_engine_it_says_so():
    with pytest.raises(RuntimeError, match="was not built"):
        mg.jit(lambda x: x * 0.123, backend="c")(0.5)


def test_it_has_no_other_builds():
    for words in ({"fastmath": True}, {"dtype": "float32"}):
        with pytest.raises(ValueError, match="for the native backend"):
            mg.jit(lambda x: x, backend="c", **words)


@needs_c
@pytest.mark.filterwarnings("ignore:.*has no function in C")
def test_batches_that_go_different_ways_with_and_without_c():
    def f(x, q):
        c = mg.while_loop(lambda c: c < 3.0, lambda c: c * 1.5 + 0.01, x)
        return mg.cond(c > 3.5, lambda c: mg.sin(c) * q, lambda c: c * q, c)

    q = Value(0.7)
    xs = [0.1, 0.9, 2.9, 3.3, 3.7, 0.2, 1.1, 0.4, 2.0]
    for g in (f, lambda x, q: mg.lgamma(f(x, q) + 9.0)):
        fast, slow = (
            mg.jit(lambda x, g=g: g(x, q), parameters=[q], backend=b) for b in ("c", "python")
        )
        assert flat(list(fast.map(xs))) == flat(list(slow.map(xs)))
        assert fast.value_and_grad(xs)[0] == pytest.approx(slow.value_and_grad(xs)[0], rel=1e-14)
        assert fast.value_and_grad(xs)[1] == pytest.approx(slow.value_and_grad(xs)[1], rel=1e-14)
        ends = []
        for jitted in (fast, slow):
            q.data = 0.7
            jitted.fit(xs, optim.SGD([q], lr=0.01), steps=5, batch_size=4, progress=False)
            ends.append(q.data)
        q.data = 0.7
        assert ends[0] == pytest.approx(ends[1], rel=1e-12)


@needs_c
def test_what_has_no_c_runs_in_the_machine():
    p = Value(2.5)
    fast = mg.jit(lambda x: mg.lgamma(x * p), parameters=[p], backend="c")
    with pytest.warns(RuntimeWarning, match="lgamma has no function in C"):
        assert fast(1.5) == mg.lgamma(1.5 * 2.5)


def said(f, x):
    """The bits of the result, or the error."""
    try:
        return flat(f(x))
    except (ArithmeticError, ValueError) as error:
        return repr(error)


@needs_c
def test_what_is_refused_and_what_is_not_a_number():
    for f in (mg.log, mg.sqrt, mg.exp, mg.sin, lambda x: 1.0 / x, lambda x: x**-1.5):
        for x in (-1.0, 0.0, -0.0, 1e308, math.inf, math.nan):
            assert said(mg.jit(f, backend="c"), x) == said(mg.jit(f, backend="python"), x)
    p = Value(0.0)
    chosen = mg.jit(lambda x: mg.where(x > 0.0, p / x, p), parameters=[p], backend="c")
    assert chosen.value_and_grad([0.0]) == (0.0, [1.0])


@needs_c
def test_ctrl_c_ends_a_loop():
    fast = mg.jit(
        lambda a: mg.while_loop(lambda c: c < 2.0, lambda c: mg.sin(c) * a, a), backend="c"
    )
    fast.trace(0.5)
    with interrupted(0.5):
        fast(0.5)
    assert fast(3.0) == 3.0


@needs_c
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux alone says what is held")
def test_a_loop_that_is_ended_holds_no_memory():
    def f(a, n):
        def more(carry):
            return mg.less(carry[1], n)

        return mg.while_loop(more, lambda c: (mg.sin(c[0] * a) + 0.5, c[1] + 1.0), (a, 0.0))[0]

    def held():
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096

    fast = mg.jit(mg.grad(f), backend="c")
    fast(0.7, 10.0)
    sizes = []
    for _ in range(4):
        with interrupted(0.15):
            fast(0.7, 1e12)
        sizes.append(held())
    assert sizes[-1] - sizes[0] < 2**25  # the carries of the turns of 0.15 s are twice as much
    assert fast(0.7, 50.0) == mg.jit(mg.grad(f), backend="python")(0.7, 50.0)


@needs_c
def test_threads_share_it():
    random.seed(1)
    model = nn.MLP(3, [5, 1])
    fast = mg.jit(lambda x, y: (model(x) - y) ** 2, parameters=model.parameters(), backend="c")
    rng = random.Random(0)
    points = [([rng.gauss(0, 1) for _ in range(3)], rng.gauss(0, 1)) for _ in range(40)]
    wanted = [(fast(x, y), fast.value_and_grad([x], [y])) for x, y in points]
    wrong = []

    def work():
        for _ in range(20):
            for (x, y), (value, (loss, slopes)) in zip(points, wanted):
                again, others = fast.value_and_grad([x], [y])
                if fast(x, y) != value or again != loss or list(others) != list(slopes):
                    wrong.append((x, y))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
