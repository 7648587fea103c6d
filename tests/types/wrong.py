"""Wrong uses: type checkers find an error in every line that ends in `# wrong`."""

import math

import micrograd as mg
from micrograd import Value, nn

name: str = Value(2.0) * 2  # wrong
mg.tahn(0.3)  # wrong
Value(1.0).tahn()  # wrong
Value("2")  # wrong
number: float = mg.tanh(Value(1.0))  # wrong
math.exp(Value(1.0))  # wrong
Value(1.0) + "a"  # wrong
names: list[str] = nn.MLP(2, [1]).parameters()  # wrong
Value(1.0).data = "1"  # wrong


def f(x: float, y: float) -> float:
    return x * y


mg.jit(f)(1.0, 2.0, 3.0)  # wrong
