"""One contender of `compiled.py`, in a process of its own: it works when told to by its stdin.

Run as a file, so that `import micrograd` finds the one that PYTHONPATH names. A line in is a
command and its arguments, a line out its answer as JSON. All compute in float64.

A contender trains a `Task`: a network, its examples and its loss, by gradient descent with
the whole batch. `steps` takes that many steps, `gradient` asks as often for the loss and its
gradient, with numbers that come from Python and go back to it.
"""

from __future__ import annotations

import csv
import ctypes
import gc
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MOONS = HERE.parent / "tests" / "moons.csv"
HINGE, ENTROPY = 0, 1


class Task:
    """A network of these sizes with its first weights, and the examples."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "moons":  # W2: the demo of karpathy/micrograd
            with open(MOONS, encoding="utf-8") as file:
                rows = [[float(x) for x in row] for row in list(csv.reader(file))[1:]]
            self.sizes, self.kind, self.rate = [2, 16, 16, 1], HINGE, 0.05
            self.xs, self.ys = [row[:2] for row in rows], [row[2] for row in rows]
        else:  # W4, or a network of the size of MNIST's digits
            rng = random.Random(4)
            self.sizes = [784, 400, 400, 10] if name == "large" else [64, 32, 10]
            self.kind, self.rate = ENTROPY, 0.05
            self.xs = [[rng.random() for _ in range(self.sizes[0])] for _ in range(64)]
            self.ys = [float(rng.randrange(10)) for _ in range(64)]

    def weights(self) -> list[float]:
        """Of each neuron its weights, then its bias, layer by layer: as micrograd draws them."""
        rng = random.Random(1337)
        found: list[float] = []
        for n, m in zip(self.sizes, self.sizes[1:]):
            scale = 1.0 if self.name == "moons" else n**-0.5
            for _ in range(m):
                found += [*[rng.uniform(-1, 1) * scale for _ in range(n)], 0.0]
        return found

    def layers(self) -> list[tuple[list[list[float]], list[float]]]:
        """The same as matrices (a row for each neuron) and biases."""
        rest = iter(self.weights())
        found = []
        for n, m in zip(self.sizes, self.sizes[1:]):
            neurons = [([next(rest) for _ in range(n)], next(rest)) for _ in range(m)]
            found.append(([w for w, _ in neurons], [b for _, b in neurons]))
        return found


class Peer:
    """What every contender does; `steps` and `gradient` are its own."""

    task: Task

    def start(self, name: str) -> None:
        self.task = Task(name)
        self.begin()

    def begin(self) -> None:
        """From the first weights."""

    def steps(self, n: int) -> float:
        """The loss before the last of n steps."""
        raise NotImplementedError

    def gradient(self, n: int) -> float:
        """The loss, after asking n times for it and its gradient."""
        raise NotImplementedError


class Ours(Peer):
    """`jit` of the loss of one example."""

    backend, fastmath = "auto", False

    def begin(self) -> None:
        import numpy as np

        import micrograd as mg
        from micrograd import losses, nn, optim

        task = self.task
        random.seed(1337)
        model = nn.MLP(task.sizes[0], task.sizes[1:])
        self.ps = ps = model.parameters()
        for p, data in zip(ps, task.weights()):
            p.data = data
        if task.kind == HINGE:

            def f(x: Any, y: Any) -> Any:
                return losses.hinge(model(x), y) + 1e-4 * mg.sum([p * p for p in ps])
        else:

            def f(x: Any, y: Any) -> Any:
                return losses.cross_entropy(model(x), y)

        self.fast = mg.jit(f, parameters=ps, backend=self.backend, fastmath=self.fastmath)
        self.optimizer = optim.SGD(ps, lr=task.rate)
        self.xs, self.ys = np.array(task.xs), np.array(task.ys)

    def steps(self, n: int) -> float:
        return self.fast.fit(self.xs, self.ys, self.optimizer, steps=n, progress=False).loss[-1]

    def gradient(self, n: int) -> float:
        for _ in range(n):
            loss, _ = self.fast.value_and_grad(self.xs, self.ys)
        return loss


class OursFast(Ours):
    """With fused multiply-add and functions right to 4 ulp, as the C by hand."""

    fastmath = True


class OursOne(Ours):
    """On one thread, though there be more processors."""

    def begin(self) -> None:
        os.environ["MICROGRAD_THREADS"] = "1"
        super().begin()

    gradient = Peer.gradient  # by call there is one thread anyway


class OursPython(Ours):
    backend = "python"


class OursNumPy(Ours):
    backend = "numpy"


class Eager(Peer):
    """micrograd's `Value`, ours or the registry's, as its demo uses it."""

    def begin(self) -> None:
        from micrograd.engine import Value
        from micrograd.nn import MLP

        self.value = Value
        self.model = MLP(self.task.sizes[0], self.task.sizes[1:])
        self.ps = self.model.parameters()
        for p, data in zip(self.ps, self.task.weights()):
            p.data = data

    def backward(self) -> float:
        scores = [self.model(list(map(self.value, x))) for x in self.task.xs]
        losses = [(1 + -y * s).relu() for y, s in zip(self.task.ys, scores)]
        loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in self.ps)
        for p in self.ps:
            p.grad = 0.0
        loss.backward()
        return float(loss.data)

    def steps(self, n: int) -> float:
        for _ in range(n):
            found = self.backward()
            for p in self.ps:
                p.data -= self.task.rate * p.grad
        return found

    def gradient(self, n: int) -> float:
        for _ in range(n):
            found = self.backward()
        return found


class Torch(Peer):
    """Tensors, a module, an optimizer: a training step as people write it; one thread."""

    def begin(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        parts: list[Any] = []
        for w, b in self.task.layers():
            line = torch.nn.Linear(len(w[0]), len(w), dtype=torch.float64)
            with torch.no_grad():
                line.weight.copy_(torch.tensor(w, dtype=torch.float64))
                line.bias.copy_(torch.tensor(b, dtype=torch.float64))
            parts += [line, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*parts[:-1])
        self.ps = list(self.model.parameters())
        self.optimizer = torch.optim.SGD(self.ps, lr=self.task.rate)
        self.xs = torch.tensor(self.task.xs, dtype=torch.float64)
        self.ys = torch.tensor(self.task.ys, dtype=torch.float64)
        if self.task.kind == ENTROPY:
            self.ys = self.ys.long()

    def loss(self) -> Any:
        scores = self.model(self.xs)
        if self.task.kind == ENTROPY:
            return self.torch.nn.functional.cross_entropy(scores, self.ys)
        data = (1 - self.ys * scores[:, 0]).relu().mean()
        return data + 1e-4 * sum((p * p).sum() for p in self.ps)

    def steps(self, n: int) -> float:
        for _ in range(n):
            self.optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            self.optimizer.step()
        return float(loss)

    def gradient(self, n: int) -> float:
        for _ in range(n):
            loss = self.loss()
            self.torch.autograd.grad(loss, self.ps)
        return float(loss)


class Jax(Peer):
    """`jax.jit`, called for each step."""

    def begin(self) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        task = self.task
        self.ps = [(jnp.array(w), jnp.array(b)) for w, b in task.layers()]
        self.xs = jnp.array(task.xs)
        self.ys = jnp.array(task.ys) if task.kind == HINGE else jnp.array(task.ys, dtype=int)

        def loss(ps: Any, x: Any, y: Any) -> Any:
            for i, (w, b) in enumerate(ps):
                x = x @ w.T + b
                if i < len(ps) - 1:
                    x = jax.nn.relu(x)
            if task.kind == ENTROPY:
                right = jnp.take_along_axis(x, y[:, None], axis=1)[:, 0]
                return jnp.mean(jax.nn.logsumexp(x, axis=1) - right)
            squares = sum((p * p).sum() for layer in ps for p in layer)
            return jax.nn.relu(1 - y * x[:, 0]).mean() + 1e-4 * squares

        self.both = jax.value_and_grad(loss)

        def step(ps: Any, x: Any, y: Any) -> Any:
            found, grads = self.both(ps, x, y)
            return found, jax.tree.map(lambda p, g: p - task.rate * g, ps, grads)

        self.step = step
        self.made()

    def made(self) -> None:
        self.one, self.fast = self.jax.jit(self.step), self.jax.jit(self.both)

    def steps(self, n: int) -> float:
        for _ in range(n):
            loss, self.ps = self.one(self.ps, self.xs, self.ys)
        self.jax.block_until_ready(self.ps)
        return float(loss)

    def gradient(self, n: int) -> float:
        for _ in range(n):
            loss, _ = self.jax.block_until_ready(self.fast(self.ps, self.xs, self.ys))
        return float(loss)


class JaxRead(Jax):
    """`jax.jit`, called for each step, whose loss is read at once: `fit` has them all, too."""

    def steps(self, n: int) -> float:
        losses = []
        for _ in range(n):
            loss, self.ps = self.one(self.ps, self.xs, self.ys)
            losses.append(float(loss))
        self.jax.block_until_ready(self.ps)
        return losses[-1]

    gradient = Peer.gradient


class JaxLoop(Jax):
    """All steps in one `fori_loop`, compiled once for any number of them."""

    def made(self) -> None:
        def loop(n: Any, ps: Any, x: Any, y: Any) -> Any:
            first = (self.jax.numpy.zeros(()), ps)
            return self.jax.lax.fori_loop(0, n, lambda _, state: self.step(state[1], x, y), first)

        self.loop = self.jax.jit(loop)

    def steps(self, n: int) -> float:
        loss, self.ps = self.jax.block_until_ready(self.loop(n, self.ps, self.xs, self.ys))
        return float(loss)

    gradient = Peer.gradient


class Casadi(Peer):
    """A function of matrices, and its gradient by all weights at once."""

    def begin(self) -> None:
        import casadi as ca
        import numpy as np

        task = self.task
        n = len(task.xs)
        self.w = np.array(task.weights())
        w = ca.MX.sym("w", len(self.w))
        x = ca.DM(np.array(task.xs).T)
        y = np.array(task.ys)
        h, at = x, 0
        for i, (k, m) in enumerate(zip(task.sizes, task.sizes[1:])):
            part = ca.reshape(w[at : at + m * (k + 1)], k + 1, m).T
            h = part[:, :k] @ h + ca.repmat(part[:, k], 1, n)
            h = ca.fmax(h, 0) if i < len(task.sizes) - 2 else h
            at += m * (k + 1)
        if task.kind == HINGE:
            loss = ca.sum2(ca.fmax(1 - ca.DM(y).T * h, 0)) / n + 1e-4 * ca.sumsqr(w)
        else:
            right = np.zeros((10, n))
            right[y.astype(int), range(n)] = 1.0
            top = ca.mmax(h)
            whole = ca.log(ca.sum1(ca.exp(h - top))) + top
            loss = (ca.sum2(whole) - ca.sum1(ca.sum2(ca.DM(right) * h))) / n
        self.f = ca.Function("f", [w], [loss, ca.gradient(loss, w)])

    def steps(self, n: int) -> float:
        for _ in range(n):
            loss, g = self.f(self.w)
            self.w = self.w - self.task.rate * g.full()[:, 0]
        return float(loss)

    def gradient(self, n: int) -> float:
        for _ in range(n):
            loss, _ = self.f(self.w)
        return float(loss)


class Pytensor(Peer):
    """A function with updates of shared variables."""

    def begin(self) -> None:
        import numpy as np
        import pytensor
        import pytensor.tensor as pt

        task = self.task
        n = len(task.xs)
        ps = []
        x: Any = pt.constant(np.array(task.xs))
        layers = task.layers()
        for i, (w, b) in enumerate(layers):
            ps += [pytensor.shared(np.array(w)), pytensor.shared(np.array(b))]
            x = x @ ps[-2].T + ps[-1]
            x = pt.maximum(x, 0) if i < len(layers) - 1 else x
        y = np.array(task.ys)
        if task.kind == HINGE:
            loss = pt.mean(pt.maximum(1 - y * x[:, 0], 0)) + 1e-4 * sum(pt.sum(p * p) for p in ps)
        else:
            loss = pt.mean(pt.logsumexp(x, axis=1) - x[np.arange(n), y.astype(int)])
        gs = pytensor.grad(loss, ps)
        self.step = pytensor.function(
            [], loss, updates=[(p, p - task.rate * g) for p, g in zip(ps, gs)]
        )
        self.both = pytensor.function([], [loss, *gs])

    def steps(self, n: int) -> float:
        for _ in range(n):
            loss = self.step()
        return float(loss)

    def gradient(self, n: int) -> float:
        for _ in range(n):
            loss = self.both()[0]
        return float(loss)


class NumPy(Peer):
    """The backward pass written by hand."""

    def begin(self) -> None:
        import numpy as np

        self.np = np
        self.layers = [(np.array(w), np.array(b)) for w, b in self.task.layers()]
        self.xs, self.ys = np.array(self.task.xs), np.array(self.task.ys)
        self.right = self.ys.astype(int)

    def both(self) -> Any:
        np, n = self.np, len(self.xs)
        units = [self.xs]
        for i, (w, b) in enumerate(self.layers):
            z = units[-1] @ w.T + b
            units.append(np.maximum(z, 0) if i < len(self.layers) - 1 else z)
        if self.task.kind == HINGE:
            gap = 1 - self.ys * units[-1][:, 0]
            squares = sum((w * w).sum() + (b * b).sum() for w, b in self.layers)
            loss = np.maximum(gap, 0).mean() + 1e-4 * squares
            d = np.where(gap > 0, -self.ys / n, 0.0)[:, None]
        else:
            z = units[-1] - units[-1].max(axis=1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=1)
            loss = (np.log(total) - z[np.arange(n), self.right]).mean()
            d = e / (total[:, None] * n)
            d[np.arange(n), self.right] -= 1 / n
        grads = []
        for i in range(len(self.layers) - 1, -1, -1):
            w, b = self.layers[i]
            dw, db = d.T @ units[i], d.sum(axis=0)
            if self.task.kind == HINGE:
                dw, db = dw + 2e-4 * w, db + 2e-4 * b
            grads.append((dw, db))
            if i:
                d = (d @ w) * (units[i] > 0)
        return loss, grads[::-1]

    def steps(self, n: int) -> float:
        for _ in range(n):
            loss, grads = self.both()
            for (w, b), (dw, db) in zip(self.layers, grads):
                w -= self.task.rate * dw
                b -= self.task.rate * db
        return float(loss)

    def gradient(self, n: int) -> float:
        for _ in range(n):
            loss, _ = self.both()
        return float(loss)


class PlainC(Peer):
    """plain.c, built for this machine."""

    library: Any = None

    def begin(self) -> None:
        task = self.task
        if self.library is None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "plain.so"
                source = str(HERE / "plain.c")
                flags = ["-O3", "-march=native", "-ffast-math", "-w", "-shared", "-fPIC"]
                try:
                    command = ["gcc", *flags, source, "-o", str(path), "-lm"]
                    subprocess.run(command, check=True, capture_output=True)
                except (OSError, subprocess.CalledProcessError) as error:
                    raise ImportError(f"no C compiler: {error}") from None
                PlainC.library = ctypes.CDLL(str(path))
        real = len(task.xs)
        n = self.n = (real + 7) // 8 * 8
        fill = [0.0] * (n - real)
        numbers = [x for column in zip(*task.xs) for x in (*column, *fill)]
        self.xs = (ctypes.c_double * len(numbers))(*numbers)
        self.ys = (ctypes.c_double * n)(*task.ys, *fill)
        weights = task.weights()
        self.w = (ctypes.c_double * len(weights))(*weights)
        self.g = (ctypes.c_double * len(weights))()
        self.sizes = (ctypes.c_int * len(task.sizes))(*task.sizes)

    def run(self, n: int, rate: float) -> float:
        losses = (ctypes.c_double * n)()
        self.library.steps(
            self.task.kind, len(self.task.sizes) - 1, self.sizes, ctypes.c_long(self.n),
            ctypes.c_long(len(self.task.xs)), self.xs, self.ys, self.w, ctypes.c_double(rate), n,
            losses, self.g,
        )  # fmt: skip
        return losses[-1]

    def steps(self, n: int) -> float:
        return self.run(n, self.task.rate)

    def gradient(self, n: int) -> float:
        for _ in range(n):
            found = self.run(1, 0.0)
        return found


# W1: the expression of micrograd's README ------------------------------------------------------


def readme(a: Any, b: Any, relu: Any) -> Any:
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + relu(b + a))
    d = d + (3 * d + relu(b - a))
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def plain_relu(x: float) -> float:
    return x if x > 0 else 0.0


class Expression:
    """For one contender: a call that gives the value, and one that gives the gradient too."""

    def __init__(self, name: str) -> None:
        self.value: Any = None
        self.both: Any = None
        getattr(self, name)()

    def ours(self, backend: str = "auto") -> None:
        import micrograd as mg

        self.value = mg.jit(lambda a, b: readme(a, b, mg.relu), backend=backend)
        ps = [mg.Value(-4.0), mg.Value(2.0)]
        fast = mg.jit(lambda: readme(*ps, mg.relu), parameters=ps, backend=backend)

        def both(a: float, b: float) -> Any:
            ps[0].data, ps[1].data = a, b
            value, gradient = fast.value_and_grad()
            return value, *gradient

        self.both = both

    def ours_python(self) -> None:
        self.ours("python")

    def eager(self) -> None:
        from micrograd.engine import Value

        def both(a: float, b: float) -> Any:
            x, y = Value(a), Value(b)
            g = readme(x, y, lambda v: v.relu())
            g.backward()
            return g.data, x.grad, y.grad

        self.both = both
        self.value = lambda a, b: readme(Value(a), Value(b), lambda v: v.relu()).data

    def floats(self) -> None:
        self.value = lambda a, b: readme(a, b, plain_relu)

    def xad(self) -> None:
        import xad.math
        from xad.adj_1st import Real, Tape

        tape = Tape()
        tape.activate()

        def both(a: float, b: float) -> Any:
            xs = [Real(a), Real(b)]
            tape.registerInputs(xs)
            tape.newRecording()
            g = readme(*xs, lambda v: xad.math.max(v, 0.0))
            tape.registerOutput(g)
            g.setDerivative(1.0)
            tape.computeAdjoints()
            return g.getValue(), xs[0].getDerivative(), xs[1].getDerivative()

        self.both = both

    def torch(self) -> None:
        import torch

        torch.set_num_threads(1)

        def both(a: float, b: float) -> Any:
            xs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (a, b)]
            g = readme(*xs, torch.relu)
            g.backward()
            return float(g), float(xs[0].grad), float(xs[1].grad)

        self.both = both

    def jax(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        f = jax.jit(lambda a, b: readme(a, b, jax.nn.relu))
        g = jax.jit(jax.value_and_grad(lambda a, b: readme(a, b, jax.nn.relu), argnums=(0, 1)))
        self.value = lambda a, b: float(f(a, b))

        def both(a: float, b: float) -> Any:
            value, gradient = g(a, b)
            return float(value), *map(float, gradient)

        self.both = both

    def casadi(self) -> None:
        import casadi as ca

        xs = ca.SX.sym("a"), ca.SX.sym("b")
        g = readme(*xs, lambda v: ca.fmax(v, 0))
        f = ca.Function("f", xs, [g])
        h = ca.Function("h", xs, [g, *[ca.gradient(g, x) for x in xs]])
        self.value = lambda a, b: float(f(a, b))
        self.both = lambda a, b: tuple(map(float, h(a, b)))


# Commands ------------------------------------------------------------------------------------

PEERS: dict[str, type[Peer]] = {
    "ours": Ours, "ours_fast": OursFast, "ours_one": OursOne,
    "ours_python": OursPython, "ours_numpy": OursNumPy, "eager": Eager,
    "torch": Torch, "jax": Jax, "jax_read": JaxRead, "jax_loop": JaxLoop, "casadi": Casadi,
    "pytensor": Pytensor, "numpy": NumPy, "c": PlainC,
}  # fmt: skip


class Session:
    """What a process remembers between commands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.peers: dict[str, Peer] = {}
        self.expression: Expression | None = None

    def peer(self, task: str) -> Peer:
        if task not in self.peers:
            self.peers[task] = PEERS[self.name]()
            self.peers[task].start(task)
        return self.peers[task]

    def losses(self, task: str, n: str) -> list[float]:
        """The losses of the first steps, on which all have to agree."""
        peer = self.peer(task)
        peer.begin()
        return [peer.steps(1) for _ in range(int(n))]

    def steps(self, task: str, n: str) -> float:
        """Seconds a step."""
        peer = self.peer(task)
        start = time.perf_counter()
        found = peer.steps(int(n))
        spent = time.perf_counter() - start
        if not math.isfinite(found):
            raise ArithmeticError(f"the loss of {self.name} is {found}")
        return spent / int(n)

    def gradient(self, task: str, n: str) -> float:
        """Seconds for the value and the gradient, asked for from Python."""
        peer = self.peer(task)
        start = time.perf_counter()
        peer.gradient(int(n))
        return (time.perf_counter() - start) / int(n)

    def cold(self, task: str, n: str) -> float:
        """Seconds from a model to n steps of it, all preparation included, imports excluded."""
        warm = PEERS[self.name]()
        warm.start("digits" if task == "moons" else "moons")
        warm.steps(1)  # what libraries load and start at their first use is there
        del warm
        gc.collect()
        peer = PEERS[self.name]()
        start = time.perf_counter()
        peer.start(task)
        peer.steps(int(n))
        return time.perf_counter() - start

    def readme(self) -> list[float]:
        """Value and gradient of the expression."""
        if self.expression is None:
            self.expression = Expression(self.name)
        both, value = self.expression.both, self.expression.value
        return list(both(-4.0, 2.0)) if both else [value(-4.0, 2.0)]

    def gpt(self, steps: str) -> dict[str, Any]:
        """W5: seconds and losses."""
        import gpt

        return gpt.run(self.name, int(steps))

    def digits(self) -> dict[str, Any]:
        """W6: seconds and steps."""
        import digits

        return digits.run(self.name)

    def readme_seconds(self, what: str, n: str) -> float | None:
        """Seconds a call; `what` is value or both."""
        self.readme()
        f = getattr(self.expression, what)
        if f is None:
            return None
        for _ in range(3):
            f(-4.0, 2.0)
        start = time.perf_counter()
        for _ in range(int(n)):
            f(-4.0, 2.0)
        return (time.perf_counter() - start) / int(n)


def main(name: str) -> None:
    session = Session(name)
    print(json.dumps({"python": sys.version.split()[0]}), flush=True)
    for line in sys.stdin:
        if not line.strip():
            continue
        command, *arguments = line.split()
        try:
            answer = getattr(session, command)(*arguments)
        except (
            ImportError,
            NotImplementedError,
            KeyError,
            AttributeError,
            RuntimeError,
            TypeError,
        ) as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
