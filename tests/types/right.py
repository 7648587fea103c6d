"""Right uses: type checkers find no error here."""

import micrograd as mg
from micrograd import Value, losses, nn, optim
from micrograd.graph import draw, explain

a: Value = Value(2.0, label="a")
b: Value = a * 2 + 1 / a - a**2
c: Value = mg.tanh(a)
d: float = mg.tanh(0.3)
model = nn.MLP(2, [2, 1])
parameters: list[Value] = model.parameters()
larger: Value = mg.maximum(a, 0.0)
largest: float = mg.maximum([1.0, 2.0])
chosen: Value = mg.where(a > 0, a, 0.0)
leaky: Value = a.leaky_relu()
steeper: Value = a.leaky_relu(slope=0.1)
total: Value = mg.sum([a, b])
product: Value = mg.dot([a, b], [1.0, 2.0])
shares: list[Value] = mg.softmax([a, b])
element: Value = mg.take([a, b], 1)
row: list[Value] = mg.take([[a, b], [b, a]], a)
rows: list[list[Value]] = mg.take([[a, b], [b, a]], [1, 0])
a.momentum = 0.0
a.grad = None
a.data = 3
b.backward()
optimizer = optim.Adam(parameters, lr=0.1)
optimizer.step()
loss = losses.squared_error(a, 1.0)
text: str = draw(b).text
rate: float = explain(b, a).total
slope = mg.grad(lambda x: x * x)(3.0)


class Weight(Value):
    """A subclass."""


w: Value = Weight(1.0) * 2


def f(x: float, y: float) -> float:
    return x * y


fast = mg.jit(f)
fast(1.0, y=2.0)
