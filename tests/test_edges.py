"""The table of edge values, row by row: what we promise where functions end or bend.

`edge_cases.csv` lists inputs, what PyTorch and JAX answer, and what we promise. A row is
an operation or expression with its inputs; its value and its gradients must be the
promised ones, up to 4 units in the last place.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from helpers import derivative, ulps

import micrograd as mg
from micrograd import Value

ROWS = list(csv.DictReader(Path(__file__).with_name("edge_cases.csv").read_text().splitlines()))

EXPRESSIONS = {
    "x+x": lambda x: x + x,
    "x*x": lambda x: x * x,
    "x-x": lambda x: x - x,
    "x/x": lambda x: x / x,
    "x*y": lambda x, y: x * y,
    "x/y": lambda x, y: x / y,
    "1/x": lambda x: 1 / x,
    "x**-1": lambda x: x**-1,
    "x**0": lambda x: x**0,
    "x**0.0": lambda x: x**0.0,
    "x**1": lambda x: x**1,
    "x**2": lambda x: x**2,
    "x**2.0": lambda x: x**2.0,
    "x**3": lambda x: x**3,
    "x**1.5": lambda x: x**1.5,
    "x**-0.5": lambda x: x**-0.5,
    "x**(1/3)": lambda x: x ** (1 / 3),
    "x**400": lambda x: x**400,
    "x**-1.0": lambda x: x**-1.0,
    "pow(x,y)": lambda x, y: x**y,
    "0**x": lambda x: 0**x,
    "(-2)**x": lambda x: (-2) ** x,
    "hypot(x,y)": mg.hypot,
    "xlogy(x,y)": mg.xlogy,
    "x*log(x)": lambda x: x * x.log(),
    "logaddexp(x,y)": mg.logaddexp,
    "logsumexp(x,y)": lambda x, y: mg.logsumexp([x, y]),
    "leaky_relu(.01)": lambda x: mg.leaky_relu(x, 0.01),
    "max(x,y)": mg.maximum,
    "min(x,y)": mg.minimum,
    "fmax(x,y)": mg.fmax,
    "max(inf,inf)": mg.maximum,
    "max([x,y,z])": lambda *xs: mg.maximum(xs),
    "clip(x,-1,1)": lambda x: mg.clip(x, -1, 1),
    "clip(x,1,-1)": lambda x: mg.clip(x, 1, -1),
    "where(x>0,log x,0)": lambda x: mg.where(x > 0, x.log(), 0),
    "where(x>0,sqrt x,0)": lambda x: mg.where(x > 0, x.sqrt(), 0),
    "where(x>0,sin(x)/x,1)": lambda x: mg.where(x > 0, x.sin() / x, 1),
    "atan2(y,x)": mg.atan2,
    "digamma(zero)": mg.digamma,
    "round": round,
    "x%y": lambda x, y: x % y,
    "fmod(x,y)": mg.fmod,
    "copysign(x,y)": mg.copysign,
    "exp(x)/(1+exp(x))": lambda x: x.exp() / (1 + x.exp()),
    "1/(1+exp(-x))": lambda x: 1 / (1 + (-x).exp()),
    "x*0": lambda x: x * 0,
    "abs(x)/x": lambda x: abs(x) / x,
    "norm(x,y)=sqrt(x2+y2)": lambda x, y: (x * x + y * y).sqrt(),
    "prod(x,y,z)": lambda *xs: mg.prod(xs),
    "std(x,y)": lambda x, y: (((x - (x + y) / 2) ** 2 + (y - (x + y) / 2) ** 2) / 2).sqrt(),
    "softmax0(x,y)": lambda x, y: mg.softmax([x, y])[0],
    "bce_logits(x;t=1)": lambda x: -mg.logsigmoid(x),
    "-log(sigmoid(x))": lambda x: -x.sigmoid().log(),
    "exp(-(x**2))": lambda x: (-(x**2)).exp(),
}


def function(name: str):
    """The expression of a row, or the function of the table that it names."""
    return EXPRESSIONS.get(name) or getattr(mg, name)


def same(found: float, promised: str) -> bool:
    return ulps(found, float(promised)) <= 4


def numbers(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";")]


def is_plain(row: dict) -> bool:
    special = ("program:", "D2 ", "D3 ", "D4 ", "D5 ", "D6 ", "d2 ", "construct", "compare", "bool")
    return not row["op"].startswith((*special, "relu(x)*inf"))


@pytest.mark.parametrize(
    "row", [r for r in ROWS if is_plain(r)], ids=lambda row: f"{row['op']} at {row['inputs']}"
)
def test_value_and_gradient(row):
    xs = [Value(float(x)) for x in numbers(row["inputs"])]
    if row["promised_value"] == "ValueError":
        with pytest.raises(ValueError):
            function(row["op"])(*xs)
        return
    y = function(row["op"])(*xs)
    assert same(y.data, row["promised_value"]), y
    y.backward()
    found = [x.grad for x in xs]
    assert all(map(same, found, numbers(row["promised_grads"]))), found


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r["op"][0] == "D"], ids=lambda row: f"{row['op']} at {row['inputs']}"
)
def test_higher_derivative(row):
    order, name = row["op"].split(" ", 1)
    n = int(order[1:])
    x = float(row["inputs"])
    below = derivative(function(name), x, n - 1)
    found = derivative(function(name), x, n)
    assert same(below, row["promised_value"]), below
    assert same(found, row["promised_grads"]), found


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r["op"].startswith("d2 pow")], ids=lambda row: row["op"]
)
def test_second_derivatives_of_a_power(row):
    x, y = (Value(float(v)) for v in numbers(row["inputs"]))
    (x**y).backward(create_graph=True)
    first = x.grad
    x.grad = y.grad = 0
    assert same(first.data, row["promised_value"])
    first.backward()
    found = [x.grad, y.grad]
    assert all(map(same, found, numbers(row["promised_grads"]))), found


def test_an_infinite_gradient_into_a_dead_relu():
    row = next(r for r in ROWS if r["op"] == "relu(x)*inf-seed")
    x = Value(float(row["inputs"]))
    y = x.relu() * math.inf
    y.backward()
    assert same(y.data, row["promised_value"])
    assert same(x.grad, row["promised_grads"])
