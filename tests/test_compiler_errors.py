"""What cannot be compiled says so: the user's file and line, what was done, what to write."""

from __future__ import annotations

import copy
import sys
import threading

import pytest

import micrograd as mg
from micrograd import Value, nn
from micrograd.compiler import TraceError
from micrograd.compiler.backends.runtime import define

P = Value(0.5, label="p")


def branch(x):
    if x > 0:  # here
        return x
    return -x


def loop(x):
    while x < 3.0:  # here
        x = x * 2
    return x


def truth(x):
    return x if x else 1.0  # here


def equals(x):
    return x if x == 1 else -x  # here


def differs(x):
    return x if x != 0 else -x  # here


def member(x):
    return x if x in (0, 1) else -x  # here


def largest(x):
    return max(x, 0.0)  # here


def ordered(x):
    return sorted([x * 2, x + 1])[0]  # here


def as_float(x):
    return float(x) * 2  # here


def as_int(x):
    return int(x) * x  # here


def library(x):
    import math

    return math.exp(x)  # here


def text(x):
    return x * len(f"{x}")  # here


def formatted(x):
    return x * len(f"{x:.2f}")  # here


def index(x):
    return [1.0, 2.0][x] * x  # here


def count(x):
    return sum(x for _ in range(x))  # here


def burnt(x):
    return x * P.data  # here


def burnt_into_a_value(x):
    return x * Value(P.data * 2)  # here


def copied(x):
    return x * copy.deepcopy(P)  # here


def copied_shallow(x):
    return x * copy.copy(P)  # here


def copied_model(x):
    model = nn.Neuron(1)
    return copy.deepcopy(model)([x])  # here


def optimized(x):
    mg.optim.SGD([P], lr=0.1).step()  # here
    return x * P


def backwards(x):
    y = x * P
    y.backward()  # here
    return y


def input_data(x):
    return x * x.data  # here


def assigned(x):
    P.data = 3.0  # here
    return x * P


def replayed(x):
    y = x * P
    return y.forward()  # here


def burnt_gradient(x):
    return x + P.grad  # here


MISTAKES = [
    branch, loop, truth, equals, differs, member, largest, ordered, as_float, as_int, library,
    text, formatted, index, count, burnt, burnt_into_a_value, copied, copied_shallow,
    copied_model, burnt_gradient, assigned, replayed, optimized, backwards, input_data,
]  # fmt: skip


@pytest.mark.parametrize("f", MISTAKES)
def test_a_trace_names_the_line(f):
    import inspect

    lines, first = inspect.getsourcelines(f)
    line = first + next(i for i, text in enumerate(lines) if "# here" in text)
    before = P.data, P.grad
    with pytest.raises(TraceError) as error:
        mg.jit(f)(0.5)
    message = str(error.value)
    assert message.startswith(f"{__file__}:{line}: ")
    assert "traced for jit" in message
    assert (P.data, P.grad) == before


def test_a_failed_trace_leaves_nothing_behind():
    with pytest.raises(TraceError):
        mg.jit(branch)(1.0)
    assert branch(Value(2.0)).data == 2.0
    assert Value(3.0).data == 3.0


@pytest.mark.parametrize(
    ("good", "x", "expected"),
    [
        (lambda x: mg.where(x > 0, x, -x), -2.0, 2.0),
        (lambda x: mg.where(x == 1, 10.0, x), 1, 10.0),
        (lambda x: mg.maximum(x, 0.0), -2.0, 0.0),
        (lambda x: round(x) * x, 1.6, 3.2),
        (lambda x: x * P.detach(), 2.0, 1.0),
    ],
)
def test_what_to_write_instead_works(good, x, expected):
    assert mg.jit(good)(x) == expected


def test_errors_of_the_function_itself_come_through():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mg.jit(f)(1.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        mg.jit(lambda x, y: x)(1.0)


def test_a_number_is_needed():
    fast = mg.jit(lambda x: x * 2)
    for wrong in (1j, object(), {1, 2}, [object()], nn.Neuron(2)):
        with pytest.raises(TypeError, match="real number"):
            fast(wrong)
    with pytest.raises(TypeError, match="no number"):
        mg.jit(lambda x: None)(1.0)
    with pytest.raises(TypeError, match="a result"):
        mg.jit(lambda x: object())(1.0)


def test_a_step_made_by_hand_has_no_rule():
    def f(x):
        out = Value(1.0, (x,), "mine")
        out._backward = lambda: None
        return out

    with pytest.raises(TypeError, match=r"micrograd\.custom"):
        mg.jit(f)(1.0)


def test_parameters_that_are_not_listed_are_refused():
    q = Value(2.0, label="q")
    with pytest.raises(ValueError, match="the function uses q, which is not among the parameters"):
        mg.jit(lambda x: x * P * q, parameters=[P])(1.0)
    with pytest.raises(TypeError, match="parameters are Values"):
        mg.jit(lambda x: x, parameters=[1.0])


def test_arguments_of_jit():
    with pytest.raises(ValueError, match="backend"):
        mg.jit(lambda x: x, backend="cuda")
    with pytest.raises(TypeError, match="function"):
        mg.jit(3.0)
    fast = mg.jit(lambda x: x)
    for what in ("program", "source", "parameters"):
        with pytest.raises(ValueError, match="first call"):
            getattr(fast, what)


# Batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["python", "numpy", "auto"])
def test_mistakes_in_batches(backend):
    if backend == "numpy":
        pytest.importorskip("numpy")
    fast = mg.jit(lambda x, y: P * x[0] * y, backend=backend)
    with pytest.raises(ValueError, match="1 and 2 examples"):
        fast.value_and_grad([[1.0], [2.0]], [1.0])
    with pytest.raises(TypeError, match="one entry for each example"):
        fast.value_and_grad([[1.0]], 3.0)
    with pytest.raises(ValueError, match="example 1 has another structure"):
        fast.value_and_grad([[1.0, None], [2.0, True]], [1.0, 2.0])
    with pytest.raises(IndexError):  # of the user's own line
        fast.value_and_grad([[1.0], []], [1.0, 2.0])
    with pytest.raises(TypeError, match="real number"):
        fast.value_and_grad([[1.0], [object()]], [1.0, 2.0])
    with pytest.raises(ValueError, match="no examples"):
        fast.value_and_grad([], [])
    with pytest.raises(ValueError, match="no examples"):
        fast.backward([], [])
    assert P.grad == 0.0
    assert len(fast.map([], [])) == 0
    value, gradient = fast.value_and_grad([[1.0], [2.0]], [1.0, 3.0])
    assert (value, list(gradient)) == (1.75, [3.5])


def test_an_empty_batch_before_any_other():
    fast = mg.jit(lambda x: P * x)
    assert len(fast.map([])) == 0
    with pytest.raises(ValueError, match="no examples"):
        fast.value_and_grad([])


# What is seen at once, and what is traced anew ------------------------------------------------


def test_parameters_are_read_at_each_call():
    p = Value(2.0)
    fast = mg.jit(lambda x: p * x)
    assert fast(3.0) == 6.0
    p.data = 5.0
    assert fast(3.0) == 15.0
    assert list(fast.value_and_grad([3.0])) == [15.0, [3.0]]
    p.data = -1
    assert list(fast.map([1.0, 2.0])) == [-1.0, -2.0]


def test_a_new_structure_is_traced_anew():
    traced = []

    def f(xs, scale=1.0, *, mode="sum"):
        traced.append((len(xs), mode))
        return mg.sum(xs) * scale if mode == "sum" else mg.prod(xs)

    fast = mg.jit(f)
    assert fast([1.0, 2.0]) == 3.0
    assert fast([3.0, 4.0]) == 7.0
    assert fast([1.0, 2.0, 3.0]) == 6.0
    assert fast([1.0, 2.0], 2.0) == 6.0
    assert fast([1.0, 2.0], scale=3.0) == 9.0
    assert fast([1.0, 5.0], mode="prod") == 5.0
    assert fast([3.0, 5.0], mode="prod") == 15.0
    assert traced == [(2, "sum"), (3, "sum"), (2, "sum"), (2, "sum"), (2, "prod")]
    with pytest.raises(TypeError, match="unexpected keyword"):
        fast([1.0], wrong=2.0)


def test_bools_are_static_and_numbers_are_not():
    fast = mg.jit(lambda x, flag: x * 2 if flag is True else x * 3)
    assert fast(1.0, True) == 2.0
    assert fast(1.0, False) == 3.0
    assert fast(1.0, 1) == 3.0
    assert len(fast.cache) == 3
    fast(2.0, 7.5)
    assert len(fast.cache) == 3


def test_order_of_parameters():
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    fast = mg.jit(lambda x: b * x + a)
    fast(1.0)
    assert set(fast.parameters) == {a, b}
    fixed = mg.jit(lambda x: b * x + a, parameters=[c, a, b])
    value, gradient = fixed.value_and_grad([4.0])
    assert fixed.parameters == [c, a, b]
    assert (value, list(gradient)) == (9.0, [0.0, 1.0, 4.0])


def test_decorator():
    @mg.jit
    def f(x):
        """Twice x."""
        return 2 * x

    @mg.jit(backend="python")
    def g(x):
        return 3 * x

    assert (f(1.0), g(1.0)) == (2.0, 3.0)
    assert (f.__name__, f.__doc__) == ("f", "Twice x.")
    assert repr(f).startswith("<jit of f: <Program: 1 steps")


def test_threads_define_functions_while_others_are_dropped():
    failed = []

    def work():
        try:
            for k in range(200):
                assert define(f"def f():\n    return {k}\n", {})() == k
        except Exception as error:
            failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failed


def test_threads_share_a_compiled_function():
    p = Value(0.5)
    fast = mg.jit(lambda xs: mg.sum([mg.tanh(p * x) for x in xs]))
    sizes = [1, 2, 3, 4] * 4
    expected = {n: fast.f([0.1 * i for i in range(n)]).data for n in sizes}
    wrong = []

    def work(n):
        for _ in range(50):
            if fast([0.1 * i for i in range(n)]) != expected[n]:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_trace_in_one_thread_does_not_touch_another():
    inside, done = threading.Event(), threading.Event()

    def f(x):
        inside.set()
        done.wait(10)
        return x * 2

    thread = threading.Thread(target=lambda: mg.jit(f)(1.0))
    thread.start()
    inside.wait(10)
    try:
        assert (Value(3.0) > 2.0) is True
        assert Value(3.0).data == 3.0
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("f", "write"),
    [
        (lambda x, y: mg.where(x == y, x, y), "equal(a, b)"),
        (lambda x, y: mg.where(x * 1 == y * 1, x, y), "equal(a, b)"),
        (lambda x, y: mg.where(x * 1 != y * 1, x, y), "not_equal(a, b)"),
    ],
    ids=["arguments", "results", "unequal"],
)
def test_equality_between_two_values_is_refused_in_a_trace(f, write):
    with pytest.raises(TraceError, match="test_compiler_errors.py:.* micrograd." + write[:-6]):
        mg.jit(f)(1.0, 1.0)


def test_conditions_are_compared_in_a_trace_as_bools_are():
    def f(x):
        return mg.where((x > 0) == (x < 2), 5.0 * x, 7.0 * x)

    def g(x):
        return mg.where((x > 0) != (x < 2), 5.0 * x, 7.0 * x)

    for x in (-1.0, 1.0, 3.0):
        assert mg.jit(f)(x) == f(x)
        assert mg.jit(mg.grad(f))(x) == mg.grad(f)(x)
        assert mg.jit(g)(x) == g(x)
