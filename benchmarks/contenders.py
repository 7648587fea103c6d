"""One contender of `eager.py`, in a process of its own: it works when told to by its stdin.

Run as a file, so that `import micrograd` finds the one that PYTHONPATH names. A line in is
a command and a number, a line out its answer as JSON.

The workload is the demo of karpathy/micrograd: 100 points on two half moons, an MLP of
2-16-16-1, the hinge loss and a penalty on the squares of all parameters, whole batches.
"""

from __future__ import annotations

import csv
import gc
import json
import random
import resource
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

MOONS = Path(__file__).parent.parent / "tests" / "moons.csv"


class Demo:
    """The training step. What a contender does in another way, it overrides."""

    Value: Any

    def __init__(self) -> None:
        with open(MOONS, encoding="utf-8") as file:
            rows = [[float(x) for x in row] for row in list(csv.reader(file))[1:]]
        self.X = [row[:2] for row in rows]
        self.y = [row[2] for row in rows]
        self.prepare()
        self.start()

    def prepare(self) -> None:
        """Imports."""

    def start(self) -> None:
        """A new model, from the seed of the demo."""
        random.seed(1337)
        self.model = self.make_model()
        self.parameters = self.model.parameters()

    def make_model(self) -> Any:
        return WrittenOut(self.Value, self.relu)

    def relu(self, x: Any) -> Any:
        return x.relu()

    def loss(self) -> Any:
        value, relu = self.Value, self.relu
        scores = [self.model([value(x) for x in row]) for row in self.X]
        losses = [relu(1 + -y * score) for y, score in zip(self.y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        return data_loss + 1e-4 * sum(p * p for p in self.parameters)

    def value_and_gradient(self) -> float:
        for p in self.parameters:
            p.grad = 0.0
        root = self.loss()
        root.backward()
        return root.data

    def step(self, rate: float = 0.1) -> float:
        found = self.value_and_gradient()
        for p in self.parameters:
            p.data -= rate * p.grad
        return found

    # A chain --------------------------------------------------------------------------

    def chain(self, n: int) -> Any:
        """A leaf, and what n operations in a row make of it."""
        w = self.Value(1.0)
        y = w
        for _ in range(n // 2):
            y = y * 0.5
            y = y + w
        return w, y

    def chain_backward(self, w: Any, y: Any) -> float:
        y.backward()
        return float(w.grad)


class Micrograd(Demo):
    """micrograd, ours or the registry's: whichever PYTHONPATH leads to."""

    def prepare(self) -> None:
        from micrograd.engine import Value
        from micrograd.nn import MLP

        self.Value, self.mlp = Value, MLP

    def make_model(self) -> Any:
        return self.mlp(2, [16, 16, 1])


class Plain(Micrograd):
    """Our Values in a network that is written out, product by product."""

    def make_model(self) -> Any:
        return WrittenOut(self.Value, self.relu)


class Tuples(Demo):
    def prepare(self) -> None:
        from tuples import Value

        self.Value = Value


class Floats(Demo):
    """Python's own numbers: they have a value and no gradient."""

    def prepare(self) -> None:
        self.Value = float

    def relu(self, x: float) -> float:
        return x if x > 0.0 else 0.0

    def value_and_gradient(self) -> float:
        return self.loss()

    def step(self, rate: float = 0.1) -> float:
        return self.loss()

    def chain(self, n: int) -> Any:
        raise TypeError("no graph")


class Xad(Demo):
    """The C++ tape of xad, through its Python bindings."""

    def prepare(self) -> None:
        import xad.math
        from xad.adj_1st import Real, Tape

        self.Value, self.max = Real, xad.math.max
        self.tape = Tape()
        self.tape.activate()

    def relu(self, x: Any) -> Any:
        return self.max(x, 0.0)

    def value_and_gradient(self) -> float:
        self.tape.registerInputs(self.parameters)
        self.tape.newRecording()
        root = self.loss()
        self.tape.registerOutput(root)
        root.setDerivative(1.0)
        self.tape.computeAdjoints()
        return root.getValue()

    def step(self, rate: float = 0.1) -> float:
        found = self.value_and_gradient()
        moved = [self.Value(p.getValue() - rate * p.getDerivative()) for p in self.parameters]
        self.model.set(moved)
        self.parameters = moved
        return found

    def chain(self, n: int) -> Any:
        w = self.Value(1.0)
        self.tape.registerInput(w)
        self.tape.newRecording()
        y = w
        for _ in range(n // 2):
            y = y * 0.5
            y = y + w
        return w, y

    def chain_backward(self, w: Any, y: Any) -> float:
        self.tape.registerOutput(y)
        y.setDerivative(1.0)
        self.tape.computeAdjoints()
        return float(w.getDerivative())


class Torch(Demo):
    """Scalars of torch: tensors without dimensions, in double precision."""

    def prepare(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        self.Value = lambda x: torch.tensor(float(x), dtype=torch.float64)

    def start(self) -> None:
        super().start()
        for p in self.parameters:
            p.requires_grad_()

    def value_and_gradient(self) -> float:
        for p in self.parameters:
            p.grad = None
        root = self.loss()
        root.backward()
        return float(root)

    def step(self, rate: float = 0.1) -> float:
        found = self.value_and_gradient()
        with self.torch.no_grad():
            for p in self.parameters:
                p -= rate * p.grad
        return found

    def chain(self, n: int) -> Any:
        w = self.Value(1.0).requires_grad_()
        y = w
        for _ in range(n // 2):
            y = y * 0.5
            y = y + w
        return w, y


class WrittenOut:
    """The MLP of the demo in any kind of number: sums of products, with the same draws."""

    def __init__(self, value: Any, relu: Any) -> None:
        self.relu = relu
        self.layers = [
            [([value(random.uniform(-1, 1)) for _ in range(n)], value(0.0)) for _ in range(m)]
            for n, m in ((2, 16), (16, 16), (16, 1))
        ]

    def __call__(self, x: list[Any]) -> Any:
        for i, layer in enumerate(self.layers):
            x = [sum((wi * xi for wi, xi in zip(w, x)), b) for w, b in layer]
            if i < 2:
                x = [self.relu(v) for v in x]
        return x[0]

    def parameters(self) -> list[Any]:
        return [p for layer in self.layers for w, b in layer for p in (*w, b)]

    def set(self, parameters: list[Any]) -> None:
        """Put these in the places of the parameters."""
        rest = iter(parameters)
        self.layers = [
            [([next(rest) for _ in w], next(rest)) for w, _ in layer] for layer in self.layers
        ]


# What is measured -------------------------------------------------------------------------


def seconds(work: Any, times: int) -> float:
    """For one call, the mean of so many in a row: a share of every collection is in it."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def resident() -> int:
    """Bytes of memory that this process has now; where Linux's file is missing, its peak."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def losses(demo: Demo, n: int) -> Any:
    """The losses of the first steps of the demo: all contenders have to agree on them."""
    demo.start()
    found = [demo.step(1.0 - 0.9 * k / 100) for k in range(n)]
    demo.start()
    return found


def chain(demo: Demo, n: int) -> Any:
    """Seconds to build n operations in a row, to go back and to free them; the gradient."""
    gc.collect()
    gc.disable()
    t0 = time.perf_counter()
    w, y = demo.chain(n)
    t1 = time.perf_counter()
    slope = demo.chain_backward(w, y)
    t2 = time.perf_counter()
    del y
    t3 = time.perf_counter()
    gc.enable()
    gc.collect()
    return {"build": t1 - t0, "backward": t2 - t1, "free": t3 - t2, "gradient": slope}


def memory(demo: Demo, n: int) -> Any:
    """Bytes for each of n operations in a row: what Python allocated, and resident memory."""
    gc.collect()
    if isinstance(demo, (Torch, Xad)):
        traced = None  # C++ allocates behind Python's back
    else:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        held = demo.chain(n // 10)
        traced = (tracemalloc.get_traced_memory()[0] - before) / (n // 10)
        tracemalloc.stop()
        del held
    gc.collect()
    start = resident()
    held = demo.chain(n)
    return {"traced": traced, "resident": (resident() - start) / n}


def growth(demo: Demo, n: int) -> Any:
    """Bytes by which memory grows with each training step, with the collector off."""
    for _ in range(3):
        demo.step()
    gc.collect()
    gc.disable()
    demo.step()
    before = resident()
    for _ in range(n):
        demo.step()
    after = resident()
    gc.enable()
    return (after - before) / n


def main(name: str) -> None:
    contenders = {
        "micrograd": Micrograd,
        "plain": Plain,
        "tuples": Tuples,
        "floats": Floats,
        "xad": Xad,
        "torch": Torch,
    }
    try:
        demo = contenders[name]()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    # The registry's micrograd has one speed, and says nothing about it.
    compiled = getattr(sys.modules.get("micrograd"), "compiled", None)
    print(json.dumps({"compiled": compiled}), flush=True)
    for line in sys.stdin:
        command, number = line.split()
        n = int(number)
        try:
            if command == "step":
                answer = seconds(demo.step, n)
            elif command == "gradient":
                answer = seconds(demo.value_and_gradient, n)
            else:
                answer = {"losses": losses, "chain": chain, "memory": memory, "growth": growth}[
                    command
                ](demo, n)
        except (RecursionError, TypeError) as error:
            answer = {"failed": type(error).__name__ if str(error) != "no graph" else "no graph"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
