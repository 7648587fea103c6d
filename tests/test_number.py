"""Value as a number: operators with reals, comparisons, conversions, NumPy."""

from __future__ import annotations

import math
import operator
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value
from micrograd.core import rule

pytestmark = pytest.mark.core

REALS = [
    2,
    2.5,
    True,
    Fraction(5, 2),
    Decimal("2.5"),
    np.float32(2.5),
    np.float64(2.5),
    np.int64(2),
]
OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
    operator.floordiv, divmod,
]  # fmt: skip


def numbers(result):
    return tuple(v.data for v in result) if isinstance(result, tuple) else result.data


@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("real", REALS, ids=lambda r: type(r).__name__)
def test_operators_take_reals_on_either_side(f, real):
    v = Value(7.0)
    assert numbers(f(v, real)) == f(7.0, float(real))
    result = f(real, v)
    assert numbers(result) == f(float(real), 7.0)
    first = result[0] if isinstance(result, tuple) else result
    assert isinstance(first, Value)


@pytest.mark.parametrize(
    "other", ["2", None, 1j, [1.0], object(), b"2"], ids=lambda x: type(x).__name__
)
@pytest.mark.parametrize("f", [*OPERATORS, operator.lt, operator.ge], ids=lambda f: f.__name__)
def test_operators_refuse_the_rest(f, other):
    with pytest.raises(TypeError):
        f(Value(1.0), other)
    with pytest.raises(TypeError):
        f(other, Value(1.0))


class Foreign:
    """A kind of number of somebody else's, which knows what to do with a Value."""


for _f in OPERATORS:
    _name = _f.__name__
    setattr(Foreign, f"__r{_name}__", lambda self, other, name=_name: name)


@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
def test_operators_give_other_kinds_of_numbers_their_turn(f):
    assert f(Value(1.0), Foreign()) == f.__name__


def test_power_with_a_modulus_is_no_business_of_reals():
    with pytest.raises(TypeError):
        pow(Value(2.0), 2, 3)


def test_unary_operators():
    v = Value(-2.5)
    assert (abs(v).data, (-v).data, +v) == (2.5, 2.5, v)
    assert (round(v).data, round(Value(2.675), 2).data) == (-2.0, round(2.675, 2))
    assert (math.floor(v).data, math.ceil(v).data, math.trunc(v).data) == (-3.0, -2.0, -2.0)
    assert (v.real, v.imag, v.conjugate()) == (v, 0.0, v)
    round(v, 1).backward()
    assert v.grad == 0.0


def test_comparisons_look_at_the_data():
    a, b = Value(1.0), Value(2.0)
    assert (a < b, a <= b, a > b, a >= b) == (True, True, False, False)
    assert (a < 2, 2 > a, a >= Fraction(1), 1.5 <= b) == (True, True, True, True)
    assert not (Value(math.nan) < 1 or Value(math.nan) >= 1)
    assert (a < b) is True
    assert sorted([b, a]) == [a, b]
    assert max(a, b) is b
    with pytest.raises(TypeError):
        _ = a < "1"


def test_equality_and_hash_are_those_of_the_object():
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert len({a, b, a}) == 2
    assert {a: 1}[a] == 1
    assert (a == 1.0) is True
    assert (a == 2.0, a != 1.0, a != 2.0, 1 == a, a == "1", a != None) == (  # noqa: E711
        False, False, True, True, False, True,
    )  # fmt: skip
    assert a != 10**400
    assert Value(math.nan) != Value(math.nan)


def test_truth():
    assert not Value(0.0)
    assert Value(-1.0)
    assert Value(math.nan)


def test_what_would_drop_the_gradient_raises_and_says_why():
    v = Value(1.0)
    with pytest.raises(TypeError, match=r"v\.exp\(\)"):
        math.exp(v)
    with pytest.raises(TypeError, match=r"v\.data"):
        float(v)
    with pytest.raises(TypeError, match=r"v\.data"):
        int(v)
    with pytest.raises(TypeError):
        np.array([v], dtype=float)


def test_formatting():
    v = Value(2.0 / 3.0)
    assert f"{v:.3f} {v:8.2e}" == "0.667 6.67e-01"
    assert f"{v}" == str(v) == repr(v)


def test_functions_take_numbers_and_values_alike():
    assert mg.tanh(0.3) == math.tanh(0.3)
    assert mg.tanh(Value(0.3)).data == Value(0.3).tanh().data == math.tanh(0.3)
    assert mg.exp(1) == math.e
    assert mg.maximum(1, Value(2), 3.0).data == 3.0
    assert mg.maximum([1, 2]) == 2.0
    assert mg.hypot(3, 4) == 5.0
    assert mg.where(True, 1, 2) == 1.0
    for wrong in ("1", None, 1j, np.array([1.0, 2.0])):
        with pytest.raises(TypeError, match="exp: a real number is needed"):
            mg.exp(wrong)
    with pytest.raises(TypeError, match="atan2 takes 2 operands, not 3"):
        mg.atan2(1, 2, 3)


def test_everything_differentiable_in_math_is_there():
    skip = {
        "comb", "factorial", "frexp", "gcd", "isclose", "isfinite", "isinf", "isnan", "isqrt", "lcm",
        "modf", "nextafter", "perm", "ulp", "sumprod", "issubnormal", "isnormal", "signbit",
    }  # fmt: skip
    for name in dir(math):
        f = getattr(math, name)
        if not callable(f) or name.startswith("_") or name in skip:
            continue
        name = {"fabs": "abs"}.get(name, name)
        assert callable(getattr(mg, name)), name
        assert name in ("dist", "fsum", "prod", "log") or hasattr(Value, name), name


def test_settings_may_be_left_out_or_named():
    v = Value(-2.0)
    assert v.leaky_relu().data == -0.02
    assert v.leaky_relu(0.5).data == mg.leaky_relu(v, slope=0.5).data == -1.0
    assert v.elu().data == math.expm1(-2.0)
    assert v.clip(-1, 1).data == mg.clip(v, low=-1).data == -1.0
    assert mg.clip(v, high=-3).data == -3.0
    assert mg.clip(v, None, 1).data == -2.0
    with pytest.raises(TypeError, match="and not slop"):
        mg.leaky_relu(v, slop=1)
    assert mg.log(8, 2) == 3.0
    assert mg.log(Value(100.0), 10).data == 2.0


def test_a_learned_setting_has_a_gradient():
    x, slope = Value(-2.0), Value(0.25)
    mg.leaky_relu(x, slope).backward()
    assert (x.grad, slope.grad) == (0.25, -2.0)


# NumPy -----------------------------------------------------------------------------------------


def test_numpy_scalars_on_the_left():
    v = Value(3.0)
    y = np.float64(2) * v + np.int64(1) - np.float32(0.5)
    assert isinstance(y, Value)
    y.backward()
    assert (y.data, v.grad) == (6.5, 2.0)


UFUNCS = [
    np.exp, np.log, np.sqrt, np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh,
    np.tanh, np.arcsinh, np.arctanh, np.expm1, np.log1p, np.log2, np.log10, np.exp2, np.cbrt, np.rint,
    np.floor, np.ceil, np.trunc, np.degrees, np.radians, np.deg2rad, np.rad2deg, np.absolute, np.fabs,
    np.square, np.reciprocal, np.negative, np.positive, np.conjugate,
]  # fmt: skip


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_ufuncs_call_the_method(ufunc):
    y = ufunc(Value(0.5))
    assert isinstance(y, Value)
    assert y.data == pytest.approx(float(ufunc(0.5)), rel=1e-15)
    array = ufunc(np.array([Value(0.5), Value(0.25)]))
    assert [v.data for v in array] == pytest.approx(list(map(float, ufunc(np.array([0.5, 0.25])))))


def test_object_arrays():
    rng = random.Random(1)
    w = np.array([[Value(rng.random()) for _ in range(3)] for _ in range(2)])
    x = np.array([Value(rng.random()) for _ in range(3)])
    numbers_w = np.array([[v.data for v in row] for row in w])
    numbers_x = np.array([v.data for v in x])
    y = np.tanh(w @ x)
    loss = (y**2).mean() + np.sum(w) * 0.1 + np.dot(x, x)
    loss.backward()
    t = np.tanh(numbers_w @ numbers_x)
    assert loss.data == pytest.approx((t**2).mean() + numbers_w.sum() * 0.1 + numbers_x @ numbers_x)
    slope = t * (1 - t**2)
    gradient = np.array([[v.grad for v in row] for row in w])
    assert np.allclose(gradient, np.outer(slope, numbers_x) + 0.1)
    assert [v.data for v in np.sort(x)] == sorted(numbers_x)
    assert np.max(x).data == numbers_x.max()
    assert np.maximum(x, 0.5)[0].data == max(numbers_x[0], 0.5)
    assert np.std(x).data == pytest.approx(numbers_x.std())
    assert np.arctan2(x[0], x[1]).data == math.atan2(numbers_x[0], numbers_x[1])
    assert np.hypot(x[0], x[1]).data == pytest.approx(math.hypot(numbers_x[0], numbers_x[1]))


def test_an_array_broadcasts_over_a_value():
    v = Value(2.0)
    for y in (v * np.array([1.0, 2.0]), np.array([1.0, 2.0]) * v):
        assert y.dtype == object
        assert [e.data for e in y] == [2.0, 4.0]
    y = v + np.array(3.0)
    assert isinstance(y, Value)
    assert y.data == 5.0


def test_functions_that_ask_give_bools_for_bare_numbers_and_combine_with_comparisons():
    def f(x):
        return mg.where(mg.isfinite(x) & (x > 0) | mg.equal(x, -1.0), 5.0 * x, 7.0 * x)

    for x in (1.0, -1.0, -2.0):
        assert f(x) == f(Value(x)).data == mg.jit(f)(x)
    assert mg.isnan(math.nan) is True and mg.less(2, 1.0) is False and mg.logical_not(0) is True


def test_whole_numbers_past_the_floats_and_children_that_are_none_say_so():
    for ask in (lambda: Value(10**400), lambda: Value(1.0) + 10**400, lambda: mg.exp(10**400)):
        with pytest.raises(OverflowError, match="1329 bits is past the range of floats"):
            ask()
    with pytest.raises(TypeError, match="_children is a tuple of Values, not 5"):
        Value(1.0, 5, "+")
    with pytest.raises(TypeError, match="check_grad: a function is checked, not 3"):
        mg.check_grad(3, 1.0)


def test_names_of_operations_made_by_hand_are_not_kept_without_end():
    first = Value(1.0, (Value(2.0),), "first")
    for i in range(rule.NAMES + 10):
        Value(1.0, (Value(2.0),), f"**{i}")
    assert len(rule._opaque) <= rule.NAMES
    assert first._op == "first"
