"""Compiled functions as C, with the bits of `jit`; and programs in files."""

from __future__ import annotations

import ctypes
import json
import random
import shutil
import subprocess

import pytest
from array_code import GOLDEN, random_model
from corpus import CASES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_compiler_modes import bits

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.compiler.structure import numbers_of

pytestmark = pytest.mark.once

GCC = shutil.which("gcc")
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC")
needs_gcc = pytest.mark.skipif(GCC is None, reason="there is no C compiler")
BEYOND_C = {"powers": "power_partial", "special_functions": "lgamma", "sums": "fsum"}


class InC:
    """A function compiled by gcc, called with lists."""

    def __init__(self, fast, folder) -> None:
        name = f"net{next(COUNT)}"
        source = fast.to_c(folder / f"{name}.c")
        library = folder / f"{name}.so"
        command = [GCC, *FLAGS, "-o", str(library), str(source), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.library, self.name, self.made = ctypes.CDLL(str(library)), name, fast.latest
        header = source.with_suffix(".h").read_text(encoding="utf-8")
        self.work = int(header.split(f"{name.upper()}_WORK ")[1].split()[0])

    def __call__(self, xs):
        made = self.made
        ps = made.numbers()
        y, g, w = (room(n) for n in (made.program.values, len(ps), self.work))
        given = array(xs), array(ps), y
        refused = getattr(self.library, self.name)(*given, w)
        values = list(y)[: made.program.values]
        if not made.result.is_scalar:
            return refused, values, []
        getattr(self.library, f"{self.name}_gradient")(*given, g, w)
        assert list(map(bits, y)) == list(map(bits, values))
        return refused, values, list(g)[: len(ps)]


def numbers():
    n = 0
    while True:
        yield (n := n + 1)


COUNT = numbers()


def room(n):
    return (ctypes.c_double * max(1, n))()


def array(xs):
    return (ctypes.c_double * max(1, len(xs)))(*xs)


def same(made, in_c, xs):
    refused, values, gradient = in_c(xs)
    assert not refused
    assert list(map(bits, values)) == list(map(bits, made.run(xs)))
    if made.result.is_scalar:
        value, slopes = made.run_gradient(xs, made.numbers())
        assert bits(value) == bits(values[0])
        assert [bits(g + 0.0) for g in gradient] == [bits(g + 0.0) for g in slopes]


@needs_gcc
@pytest.mark.parametrize("name", [n for n in CASES if n not in BEYOND_C and n != "edges"])
def test_the_corpus_in_c(name, tmp_path):
    if "numpy" in name or "matmul" in name:
        pytest.importorskip("numpy")
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters, backend="python")
    for args in case.examples[:3]:
        fast.trace(*args)
        same(fast.latest, InC(fast, tmp_path), [float(x) for x in numbers_of(args, {})])


@needs_gcc
@given(seed=st.integers(0, 10**9))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_code_in_c(seed, tmp_path):
    f, parameters, args = random_model(seed)
    rng = random.Random(seed)
    for p in parameters:
        p.data = rng.uniform(-1, 1)
    fast = mg.jit(f, parameters=parameters, backend="python")
    fast.trace(*args)
    same(fast.latest, InC(fast, tmp_path), [rng.uniform(-1, 1) for _ in numbers_of(args, {})])


@needs_gcc
@pytest.mark.parametrize("name", GOLDEN)
def test_models_in_c(name, tmp_path):
    f, parameters, args = GOLDEN[name]()
    fast = mg.jit(f, parameters=parameters, backend="python")
    fast.trace(*args)
    same(fast.latest, InC(fast, tmp_path), [float(x) for x in numbers_of(args, {})])


def test_c_of_a_network_is_as_long_whatever_its_size(tmp_path):
    def lines(n):
        random.seed(0)
        model = nn.MLP(4, [n, 3])
        fast = mg.jit(lambda x, y: losses.squared_error(model(x), [y] * 3))
        fast.trace([1.0] * 4, 1.0)
        text = fast.to_c(tmp_path / "net.c").read_text(encoding="utf-8")
        return sum(line.endswith(";") for line in text.splitlines())  # without the tables

    assert lines(9) == lines(17) < 100


@needs_gcc
@pytest.mark.parametrize(
    "name", ["sum_1", "c1", "at1", "double", "sin", "1st", "main", "v", "free", "mg_refused"]
)
def test_any_name_of_a_file_will_do(name, tmp_path):
    ps = [Value(0.1 * k) for k in range(9)]
    fast = mg.jit(lambda xs: mg.sin(mg.dot(ps, xs)) * xs[0], parameters=ps)
    fast.trace([1.0] * 9)
    source = fast.to_c(tmp_path / f"{name}.c")
    command = [GCC, *FLAGS, "-o", str(tmp_path / "f.so"), str(source), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", BEYOND_C)
def test_what_has_no_c_is_named(name, tmp_path):
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters)
    fast.trace(*case.examples[0])
    with pytest.raises(TypeError, match=f"{BEYOND_C[name]} has no function in C"):
        fast.to_c(tmp_path / "f.c")


@needs_gcc
def test_a_class_that_is_none_is_refused(tmp_path):
    model = nn.MLP(2, [3])
    fast = mg.jit(lambda x, label: losses.cross_entropy(model(x), label), backend="python")
    fast.trace([0.0, 1.0], 1.0)
    in_c = InC(fast, tmp_path)
    assert not in_c([0.5, 1.0, 2.0])[0]
    assert in_c([0.5, 1.0, 3.0])[0]


# Programs in files -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in CASES if n != "nested_arguments"])
def test_a_saved_program_is_the_same(name, tmp_path):
    if "numpy" in name or "matmul" in name:
        pytest.importorskip("numpy")
    case = CASES[name]()
    fast = mg.jit(case.f, parameters=case.parameters, backend="python")
    for args in case.examples:
        fast.trace(*args)
        fast.save(tmp_path / "f.json")
        again = mg.compiler.load(tmp_path / "f.json", backend="python")
        assert repr(again(*args)) == repr(fast(*args))
        assert [p.data for p in again.parameters] == [p.data for p in fast.parameters]
        assert str(again.program) == str(fast.program)
        if fast.latest.result.is_scalar:
            columns = [[x] for x in args]
            (a, g), (b, h) = again.value_and_grad(*columns), fast.value_and_grad(*columns)
            assert bits(a) == bits(b) and list(map(bits, g)) == list(map(bits, h))


def test_a_loaded_program_goes_on_learning(tmp_path):
    random.seed(1)
    model = nn.MLP(2, [4, 1])
    fast = mg.jit(lambda x, y: losses.squared_error(model(x), y), parameters=model.parameters())
    xs = [[random.uniform(-1, 1), random.uniform(-1, 1)] for _ in range(20)]
    ys = [x[0] - x[1] for x in xs]
    fast.trace(xs[0], ys[0])
    fast.save(tmp_path / "net.json")
    again = mg.compiler.load(tmp_path / "net.json")
    done = again.fit(xs, ys, optim.SGD(again.parameters, lr=0.1), steps=200, progress=False)
    assert done.loss[-1] < 0.05 * done.loss[0]
    assert "W1 @ x" in str(again.array_program)


def test_loading_refuses_in_a_sentence(tmp_path):
    path = tmp_path / "f.json"
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match="holds no program"):
        mg.compiler.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="holds no program"):
        mg.compiler.load(path)
    fast = mg.jit(lambda x: x[0] * Value(2.0))
    fast([1.0, 2.0])
    fast.save(path)
    again = mg.compiler.load(path)
    assert again([3.0, 0.0]) == 6.0
    with pytest.raises(ValueError, match="another structure"):
        again([3.0])
    twice = mg.custom(lambda x: 2 * x, lambda x, y: 2.0, name="twice")
    own = mg.jit(lambda x: twice(x))
    own(1.0)
    with pytest.raises(TypeError, match="one of your own"):
        own.save(path)
    with pytest.raises(TypeError, match="no function in C"):
        own.to_c(tmp_path / "own.c")


def test_a_program_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "f.json"
    fast = mg.jit(lambda x: x[0] * Value(2.0) + mg.tanh(x[1]))
    fast([1.0, 2.0])
    fast.save(path)
    whole = json.loads(path.read_text())
    for key in whole:
        for x in (-1, "x", [99999], {"a": 1}):
            path.write_text(json.dumps({**whole, key: x}))
            with pytest.raises(ValueError, match=r"holds no program|is damaged"):
                mg.compiler.load(path)
    path.write_text(json.dumps(whole))
    assert mg.compiler.load(path)([3.0, 0.0]) == 6.0
