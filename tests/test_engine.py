"""Value and backward(): what the design promises, sentence by sentence."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import threading
import tracemalloc
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from helpers import readme_expression
from test_ops import points

import micrograd as mg
from micrograd import Value, nn
from micrograd.core.rule import TABLE

pytestmark = pytest.mark.core

# Construction ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "data"),
    [
        (3, 3.0),
        (True, 1.0),
        (2**53 + 1, 9007199254740992.0),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 3), 1 / 3),
        (np.float32(0.1), 0.10000000149011612),
        (np.float64(0.1), 0.1),
        (np.int8(-3), -3.0),
        (np.True_, 1.0),
        (np.array([2.5]), 2.5),
        (np.array(2.5), 2.5),
        (-math.inf, -math.inf),
    ],
)
def test_any_real_number_becomes_a_float(given, data):
    value = Value(given)
    assert value.data == data
    assert type(value.data) is float
    value.data = 0
    value.data = given
    assert type(value.data) is float
    assert value.data == data


def test_nan_is_a_number_too():
    assert math.isnan(Value(math.nan).data)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("3", r"float\('3'\)"),
        (b"1", "float"),
        (None, "return"),
        (1 + 2j, r"\.real"),
        (np.complex128(1), r"\.real"),
        (np.array([1.0, 2.0]), "elements"),
        ([1.0], "elements"),
        (Value(1), r"\.data"),
        (object(), "__float__"),
    ],
)
def test_what_is_no_real_number_is_refused_in_a_sentence(given, hint):
    with pytest.raises(TypeError, match=hint):
        Value(given)
    value = Value(1.5)
    with pytest.raises(TypeError, match=hint):
        value.data = given
    assert value.data == 1.5


def test_a_whole_number_past_the_floats_overflows():
    for make in (Value, lambda n: Value(1) + n, lambda n: n * Value(1)):
        with pytest.raises(OverflowError):
            make(10**400)


def test_repr():
    assert repr(Value(2)) == "Value(data=2.0, grad=0.0)"


def test_fields_of_micrograd():
    a, b = Value(2.0, label="a"), Value(3.0)
    c = Value(6.0, (a, b), "*", "c")
    assert (c._prev, c._op, c.label, a.label, b.label) == ((a, b), "*", "c", "a", "")
    with pytest.raises(TypeError, match="_children"):
        Value(1.0, (2.0,), "+")


def test_a_name_without_operands_and_operands_without_a_name():
    a = Value(2.0)
    assert (Value(1.0, (), "c")._op, Value(1.0, (), "c")._prev) == ("c", ())
    assert (Value(1.0, (a,))._op, Value(1.0, (a,))._prev) == ("", (a,))


def test_what_divides_a_value_and_is_no_number_is_left_to_python():
    with pytest.raises(TypeError, match="'str' and 'Value'"):
        "a" / Value(2.0)


# The graph -------------------------------------------------------------------------------------


def test_parents_in_operand_order_and_twice_if_used_twice():
    a, b = Value(2.0), Value(3.0)
    assert (b - a)._prev == (b, a)
    assert (a * a)._prev == (a, a)
    assert a._prev == ()
    assert [x.data for x in (1 - a)._prev] == [1.0, 2.0]
    assert [x.data for x in (a / 4)._prev] == [2.0, 4.0]


def test_a_number_in_an_expression_is_a_leaf_once_it_is_looked_at():
    a = Value(3.0)
    b = a * 5
    b.backward()
    two = b._prev[1]
    assert (two.data, two.grad, two._prev) == (5.0, 3.0, ())
    assert b._prev[1] is two
    b.backward()
    assert a.grad == 10.0
    assert b._prev[1].grad == 3.0  # that of the latest pass: the graph keeps none for a number
    b.grad = 2.0
    b._backward()
    assert b._prev[1].grad == 6.0  # a step by hand counts too, and so does every other pass
    b.backward(4.0)
    assert b._prev[1].grad == 12.0
    b.backward(5.0, create_graph=True)
    assert b._prev[1].grad == 15.0
    b.forward()
    assert b._prev[1].grad == 0.0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda a, b: a + b, "+"),
        (lambda a, b: a - b, "-"),
        (lambda a, b: a * b, "*"),
        (lambda a, b: a / b, "/"),
        (lambda a, b: a**b, "**"),
        (lambda a, b: a**2, "**2"),
        (lambda a, b: a**-0.5, "**-0.5"),
        (lambda a, b: 2**a, "**"),
        (lambda a, b: -a, "neg"),
        (lambda a, b: a % b, "%"),
        (lambda a, b: a // b, "//"),
        (lambda a, b: a.relu(), "ReLU"),
        (lambda a, b: a.tanh(), "tanh"),
        (lambda a, b: mg.clip(a, 0, 1), "clip(0, 1)"),
        (lambda a, b: mg.sum(a, b), "sum"),
        (lambda a, b: a, ""),
    ],
)
def test_names_of_operations(make, name):
    assert make(Value(2.0), Value(3.0))._op == name


def test_operators_agree_with_the_table():
    """What the operators state in place is what the table says, to the last bit."""
    from micrograd.core.node import local_gradients, operands_of, partials_of, rule_of

    numbers = [-3.0, -0.5, 0.0, 1e-200, 0.7, 2.0, 1e200, math.inf, math.nan]
    for x in numbers:
        for y in numbers:
            a, b = Value(x), Value(y)
            for c in (a + b, a - b, a * b, a / b, a**b, -a, a.relu(), a.exp(), a**2, a + y,
                      a - y, a * y, a / y, a**y, y + a, y - a, y * a, y / a, y**a):  # fmt: skip
                rule = rule_of(c)
                operands = operands_of(c)
                data = [v.data if isinstance(v, Value) else v for v in operands]
                assert repr(c.data) == repr(float(rule.forward(*data))), (rule, data)
                table = local_gradients(rule, list(operands), data, c.data)
                assert repr(list(partials_of(c))) == repr(table), (rule, data)


def test_where_a_number_stands():
    a = Value(2.0)
    for c, expected in (
        (10 - a, [10.0, 2.0]),
        (a - 10, [2.0, 10.0]),
        (10 / a, [10.0, 2.0]),
        (10**a, [10.0, 2.0]),
        (10 % a, [10.0, 2.0]),
        (mg.atan2(10, a), [10.0, 2.0]),
        (mg.where(True, a, 10), [1.0, 2.0, 10.0]),
    ):
        assert [x.data for x in c._prev] == expected


# backward --------------------------------------------------------------------------------------


def test_chain_rule():
    a, b = Value(2.0), Value(-3.0)
    d = a * b + b**2
    d.backward()
    assert (a.grad, b.grad, d.grad) == (-3.0, -4.0, 1.0)


def test_readme_expression_of_micrograd():
    a, b = Value(-4.0), Value(2.0)
    g = readme_expression(a, b)
    g.backward()
    assert f"{g.data:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


def test_forks_add_up():
    x = Value(3.0)
    y = x + x
    z = y * y + y
    z.backward()
    assert (y.grad, x.grad) == (13.0, 26.0)


def test_twice_is_exactly_twice():
    xs = [Value(0.1 * i) for i in range(1, 6)]

    def f():
        return mg.sum([x.sin() * x for x in xs]) ** 2

    once = f()
    once.backward()
    first = [x.grad for x in xs]
    once.backward()
    assert [x.grad for x in xs] == [2 * g for g in first]


def test_interior_nodes_hold_the_adjoint_of_the_latest_call():
    x = Value(3.0)
    h = x * x
    y = 3 * h
    z = 5 * h
    y.backward()
    assert (h.grad, x.grad) == (3.0, 18.0)
    z.backward()
    assert (h.grad, x.grad, y.grad) == (5.0, 48.0, 1.0)


def test_any_node_may_be_the_root():
    x = Value(3.0)
    h = x * x
    y = h * h
    y.backward()
    x.grad = 0
    h.backward()
    assert (x.grad, h.grad) == (6.0, 1.0)
    x.backward()
    assert x.grad == 7.0


def test_seed():
    x = Value(3.0)
    y = x * x
    y.backward(5)
    assert (x.grad, y.grad) == (30.0, 5.0)
    y.backward(math.inf)
    assert x.grad == math.inf
    with pytest.raises(TypeError, match="seed"):
        y.backward("1")
    with pytest.raises(TypeError, match="seed"):
        y.backward(None)


def test_a_changed_leaf_does_not_change_the_gradient_of_what_was_run():
    x = Value(3.0)
    y = x * x
    x.data = 10
    y.backward()
    assert x.grad == 6.0
    e = x.exp()
    e.data += 1
    x.grad = 0
    e.backward()
    assert x.grad == math.exp(10)


def test_forward_replays():
    x, y = Value(3.0), Value(2.0)
    z = mg.maximum(x * y, 7.0) ** 2 + (x - 4).relu() + 1 / y
    z.backward()
    assert (z.data, x.grad, y.grad) == (49.5, 0.0, -0.25)
    x.data = 5.0
    assert z.forward() == 10.0**2 + 1 + 0.5
    x.grad = y.grad = 0
    z.backward()
    assert (x.grad, y.grad) == (41.0, 99.75)


def test_forward_replays_all_or_nothing():
    x = Value(2.0)
    low, high = Value(0.0), Value(1.0)
    y = x * x
    z = mg.clip(y, low, high)
    x.data, low.data = 3.0, 5.0
    with pytest.raises(ValueError, match="lower bound"):
        z.forward()
    assert (y.data, z.data) == (4.0, 1.0)


def test_a_dead_branch_gets_a_gradient_of_zero_and_no_nan():
    x = Value(0.0)
    bad = x.log()
    y = mg.where(False, bad, x * 2)
    bad.backward()
    assert bad.grad == 1.0
    x.grad = 0
    y.backward()
    assert (x.grad, bad.grad) == (2.0, 0.0)
    r = (x - 1).relu()
    r.backward()
    assert r._prev[0].grad == 0.0


# A step of one's own ---------------------------------------------------------------------------


def lecture_tanh(x):
    t = (math.exp(2 * x.data) - 1) / (math.exp(2 * x.data) + 1)
    out = Value(t, (x,), "tanh")

    def _backward():
        x.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def test_an_assigned_backward_is_honoured():
    a, b = Value(0.5), Value(0.25)
    y = lecture_tanh(a * b) * 3
    y.backward()
    t = math.tanh(0.125)
    assert (a.grad, b.grad) == pytest.approx((3 * (1 - t * t) * 0.25, 3 * (1 - t * t) * 0.5))
    y.backward()
    assert a.grad == pytest.approx(6 * (1 - t * t) * 0.25)


def test_an_assigned_backward_replaces_the_step_of_an_operation():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    seen = []
    c._backward = lambda: seen.append(c.grad)
    d = c + 1
    d.backward()
    assert (seen, a.grad, c._prev, c._op) == ([1.0], 0.0, (a, b), "*")
    with pytest.raises(TypeError, match=r"'\*' was made by hand, with a _backward of numbers"):
        d.backward(create_graph=True)
    a.data = 5.0
    assert (d.forward(), c.data, c.grad) == (16.0, 15.0, 0.0)
    d.backward(2.0)
    assert seen == [1.0, 2.0]


def test_stepping_by_hand():
    x1, w1, b = Value(2.0), Value(-3.0), Value(8.0)
    n = x1 * w1 + b
    o = n.tanh()
    o.grad = 1.0
    o._backward()
    n._backward()
    for p in n._prev:
        p._backward()
    x1._backward()
    o2 = (x1 * w1 + b).tanh()
    grads = (x1.grad, w1.grad, b.grad)
    for p in (x1, w1, b):
        p.grad = 0
    o2.backward()
    assert grads == (x1.grad, w1.grad, b.grad)


def test_without_a_step_nothing_flows():
    a = Value(2.0)
    Value(4.0, (a,), "square").backward()
    assert a.grad == 0.0


def test_no_gradient_of_the_gradient_through_a_step_made_by_hand():
    with pytest.raises(TypeError, match=r"'tanh' was made by hand.*micrograd\.custom"):
        lecture_tanh(Value(0.5)).backward(create_graph=True)
    with pytest.raises(TypeError, match="cannot be replayed"):
        lecture_tanh(Value(0.5)).forward()
    with pytest.raises(TypeError, match="function"):
        Value(1.0)._backward = 3


def test_an_error_in_a_step_leaves_the_leaves_alone():
    a, b = Value(2.0), Value(3.0)
    a.grad, b.grad = 10.0, 20.0
    c = a * b
    d = c * 2

    def broken():
        a.grad += 1.0
        raise RuntimeError("broken")

    c._backward = broken
    with pytest.raises(RuntimeError, match="broken"):
        (d + a * b).backward()
    assert (a.grad, b.grad) == (10.0, 20.0)


# Attributes, classes, threads, memory ----------------------------------------------------------


def test_attributes_of_ones_own():
    p = Value(1.0)
    p.m = 0.5
    p.velocity = [1, 2]
    p.m += 1
    assert (p.m, p.velocity, hasattr(p, "m"), hasattr(p, "q")) == (1.5, [1, 2], True, False)
    del p.m
    with pytest.raises(AttributeError, match="no attribute 'm'"):
        _ = p.m
    with pytest.raises(AttributeError):
        del p.m
    q = p * p
    q.note = "interior"
    assert q.note == "interior"
    assert mg.Value(2.0).label == ""


class Weight(Value):
    """As a person subclasses it."""


@pytest.mark.parametrize(
    "rule", [r for r in TABLE.values() if not r.internal], ids=lambda rule: rule.name
)
def test_an_operation_takes_a_subclass_for_a_value(rule):
    for xs in points(rule, 4):
        found = []
        for cls in (Value, Weight):
            for several in (False, True):  # operands that are floats beside one, or all Values
                try:
                    ps = [cls(x) for x in xs]
                    y = rule.function(*(ps if several else [ps[0], *xs[1:]]))
                    y.backward()
                    again = [p.grad for p in ps]
                    ps[0].data = xs[0]
                    y.forward()
                    for p in ps:
                        p.grad = 0.0
                    y.backward(create_graph=True)
                except (TypeError, ValueError) as error:  # as for whole numbers that are parameters
                    found.append(str(error).replace("Weight", "Value"))
                    continue
                slopes = [getattr(p.grad, "data", p.grad) for p in ps]
                found.append((y.data, again, slopes, len(y._prev), y._op))
        half = len(found) // 2
        assert repr(found[:half]) == repr(found[half:])


class OfWeights(nn.Module):
    def __init__(self):
        self.w, self.l = Weight(1.0), [Weight(2.0), Weight(3.0)]
        self.d = {"a": [Value(1.0), Weight(4.0)]}


def test_a_module_names_parameters_of_a_subclass():
    model = OfWeights()
    assert [name for name, _ in model.named_parameters()] == ["w", "l.0", "l.1", "d.a.0", "d.a.1"]
    twin = pickle.loads(pickle.dumps(model))
    assert [type(p) for p in twin.parameters()] == [Weight, Weight, Weight, Value, Weight]
    y = copy.deepcopy(model.w * model.w + 2.0)
    assert (y.data, y._prev[0]._prev[0].data) == (3.0, 1.0)
    assert type(y._prev[0]._prev[0]) is Weight


def test_a_subclass_is_a_value_and_its_results_are_values():
    class Weight(Value):
        def __init__(self, data, name="w"):
            super().__init__(data, label=name)
            self.name = name

        def doubled(self):
            return self * 2

    w = Weight(3.0, name="slope")
    y = w.doubled() * w
    y.backward()
    assert (w.grad, w.name, w.label, w._prev) == (12.0, "slope", "slope", ())
    assert (type(w), type(y), type(w.tanh()), type(-w)) == (Weight, Value, Value, Value)
    w.note = 1
    for same in (copy.copy(w), copy.deepcopy(w), pickle.loads(pickle.dumps(Value(2.0)))):
        assert same.data in (2.0, 3.0)
    assert type(copy.deepcopy(w)) is Weight
    assert copy.deepcopy(w).name == "slope"
    assert repr(w) == "Value(data=3.0, grad=12.0, label='slope')"


def test_value_is_a_real_number_of_python():
    import numbers

    assert isinstance(Value(1.0), numbers.Real)
    assert not hasattr(Value, "__array__")
    for name in ("__array_ufunc__", "__array_priority__", "__len__", "__getitem__"):
        assert not hasattr(Value, name)


def test_threads_share_leaves():
    w = Value(2.0)
    errors = []

    def work():
        try:
            for _ in range(200):
                (w * w * 0.5).backward()
        except Exception as error:  # pragma: no cover
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert w.grad == 4 * 200 * 2.0


def test_no_grad_is_of_one_thread():
    with mg.no_grad():
        found = []
        thread = threading.Thread(target=lambda: found.append((Value(1.0) * 2)._prev))
        thread.start()
        thread.join()
        assert len(found[0]) == 2
        assert (Value(1.0) * 2)._prev == ()


def test_no_grad_and_detach():
    x = Value(3.0)
    with mg.no_grad():
        y = x * x + mg.maximum(x, 2)
    assert (y.data, y._prev, y._op) == (12.0, (), "")
    z = (x * x).detach() * x
    z.backward()
    assert x.grad == 9.0

    @mg.no_grad()
    def f(v):
        return v * 2

    assert f(x)._prev == ()


def graph():
    x = Value(0.5)
    y = x
    for _ in range(50):
        y = ((y * x + 1).tanh() + mg.maximum(y, x, 0.1) + mg.where(True, y, x)) * 0.2
    return x, y


def test_dropping_the_last_name_frees_the_graph():
    """With the collector off: no cycles, also where someone assigned a closure."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            graph()[1].backward()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(50):
            x, y = graph()
            y = lecture_tanh(y)
            y.backward()
            y._prev[0]._prev[0]._prev
            del x, y
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    finally:
        gc.enable()
    assert grown < 20_000, grown


def test_bytes_per_node():
    x = Value(1.0)
    y = x + 1
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10_000):
        y = y * 1.0001
    per_node = (tracemalloc.get_traced_memory()[0] - before) / 10_000
    tracemalloc.stop()
    assert per_node <= (100 if mg.compiled else 130)
