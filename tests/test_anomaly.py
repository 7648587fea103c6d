"""detect_anomaly: the operation, its inputs and the user's own line, forward and backward."""

from __future__ import annotations

import inspect
import math
import re

import pytest

import micrograd as mg
from micrograd import AnomalyError, Value, detect_anomaly, nn


def line_of(mark):
    """The number of the line in this file that ends with that mark."""
    lines = inspect.getsource(inspect.getmodule(line_of)).splitlines()
    [found] = [i for i, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
    return found


def message(act, **settings):
    with pytest.raises(AnomalyError) as caught, detect_anomaly(**settings):
        act()
    return str(caught.value)


def names_line(text, mark):
    """Whether the message has this file, that line and what stands there."""
    return f"{__file__}:{line_of(mark)}: " in text and f"# {mark}" in text


def test_a_value():
    def act():
        x = Value(-2.0)
        return x.log() * 0.0  # a value

    text = message(act)
    assert text.startswith("log(-2.0) is nan, at ")
    assert names_line(text, "a value")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Value(math.inf) - Value(math.inf), "inf - inf is nan"),
        (lambda: Value(0.0) / 0.0, "0.0 / 0.0 is nan"),
        (lambda: 0.0 * Value(math.inf), r"inf \* 0.0 is nan"),
        (lambda: Value(-8.0) ** (1 / 3), r"-8.0 \*\*0.333333 is nan"),
        (lambda: mg.sqrt(Value(-1.0)), r"sqrt\(-1.0\) is nan"),
        (lambda: mg.sum([Value(math.nan), Value(1.0)]), r"sum\(nan, 1.0\) is nan"),
        (lambda: mg.sum([Value(math.nan)] * 20), r"sum\(nan, .*, ... 12 more\) is nan"),
    ],
)
def test_the_operation_and_its_inputs(make, words):
    assert re.match(words, message(make))


def test_a_gradient():
    x, y = Value(0.0), Value(3.0)
    x.label = "weight"

    def act():
        z = x * y
        root = z.sqrt() * 0.0  # infinite slope
        root.backward()

    text = message(act)
    assert text.startswith("the gradient of the operand 0.0 is nan after the step of sqrt(0.0)")
    assert "upstream gradient 0.0, local gradient inf" in text
    assert names_line(text, "infinite slope")
    assert x.grad == y.grad == 0.0

    def named():
        (x.sqrt() * 0.0).backward()

    assert "the gradient of weight = 0.0 is nan" in message(named)


def test_the_graph_may_be_older_than_the_block():
    y = Value(0.0).sqrt() * 0.0
    text = message(y.backward)
    assert "made outside of detect_anomaly" in text


def test_inside_a_layer_the_line_is_the_callers():
    neuron = nn.Neuron(2)
    for w in neuron.w:
        w.data = 1.0

    def act():
        return neuron([Value(math.inf), Value(-math.inf)])  # calls a layer

    assert names_line(message(act), "calls a layer")


def test_inside_a_loss_the_line_is_the_callers():
    def act():
        score = Value(math.nan)
        return mg.losses.squared_error(score, 1.0)  # calls a loss

    assert names_line(message(act), "calls a loss")


def test_in_numpy_the_line_is_the_callers():
    np = pytest.importorskip("numpy")
    numbers = np.array([Value(1.0), Value(math.nan)], dtype=object)

    def act():
        return np.sum(numbers)  # calls NumPy

    assert names_line(message(act), "calls NumPy")


def test_a_folder_beside_the_package_is_not_the_package(tmp_path):
    from micrograd.core import lines

    beside = lines.OURS.rstrip("/\\") + "_of_a_user.py"
    code = compile("def act(x):\n    return x.log()\n", beside, "exec")
    space = {}
    exec(code, space)
    assert f"{beside}:2" in message(lambda: space["act"](Value(-1.0)))


def test_infinite_numbers_on_request():
    def act():
        return Value(0.0).log()

    with detect_anomaly():
        assert act().data == -math.inf
    assert "log(0.0) is -inf" in message(act, inf=True)
    text = message(lambda: Value(0.0).sqrt().backward(), inf=True)
    assert "is inf after the step of sqrt(0.0)" in text


def test_numbers_that_are_fine_pass():
    with detect_anomaly():
        x = Value(0.5)
        y = mg.tanh(x * 3) + x**2
        y.backward()
        assert mg.hessian(lambda v: v**3)(2.0) == 12.0
    plain = Value(0.5)
    (mg.tanh(plain * 3) + plain**2).backward()
    assert x.grad == plain.grad


# In the transforms ------------------------------------------------------------------------------


def rooted(v):
    return (v * v).sqrt() * 0.0  # in a function to differentiate


def test_a_gradient_by_grad():
    text = message(lambda: mg.grad(rooted)(0.0))
    assert "after the step of sqrt(0.0): upstream gradient 0.0, local gradient inf" in text
    assert names_line(text, "in a function to differentiate")


@pytest.mark.parametrize(
    "act",
    [
        lambda: mg.grad(mg.grad(rooted))(0.0),
        lambda: rooted(Value(0.0)).backward(create_graph=True),
        lambda: mg.grad(rooted)(Value(0.0)),
    ],
)
def test_a_gradient_of_values_names_both_lines(act):
    text = message(act)
    assert re.search(r"is nan, in the gradient of .*sqrt\(0.0\), made at", text)
    assert names_line(text, "in a function to differentiate")
    assert "differentiated at " in text


def test_the_mode_goes_on_after_a_gradient_of_values():
    def act():
        x = Value(2.0)
        (x**3).backward(create_graph=True)
        return Value(-1.0).log()  # after it

    text = message(act)
    assert text.startswith("log(-1.0) is nan, at ")
    assert names_line(text, "after it")


def test_inside_a_checkpoint():
    x = Value(0.0)

    def part(v):
        return v.sqrt() * 0.0  # not kept

    def act():
        mg.checkpoint(part, x).backward()

    text = message(act)
    assert "after the step of sqrt(0.0)" in text
    assert names_line(text, "not kept")
    assert x.grad == 0.0


# The block itself -------------------------------------------------------------------------------


def test_outside_of_the_block_nothing_is_watched():
    with detect_anomaly():
        pass
    assert math.isnan(Value(-1.0).log().data)
    with pytest.raises(AnomalyError), detect_anomaly():
        Value(-1.0).log()
    assert math.isnan(Value(-1.0).log().data)


def test_as_a_decorator():
    @detect_anomaly()
    def f(x):
        return x.log()

    with pytest.raises(AnomalyError):
        f(Value(-1.0))


def test_it_is_a_floating_point_error():
    assert issubclass(AnomalyError, FloatingPointError)


def test_what_becomes_nan_when_a_graph_is_replayed():
    x = Value(4.0)
    with mg.detect_anomaly():
        y = mg.sqrt(x) * 2.0
        z = y + 1.0
        x.data = -1.0
        with pytest.raises(
            AnomalyError, match=r"sqrt\(-1.0\) is nan after forward\(\), at .*forward"
        ):
            z.forward()
        x.data = 9.0
        assert z.forward() == 7.0
