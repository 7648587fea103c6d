"""W5, training a small GPT on names: the script of docs/microgpt by three means.

The same model, first weights, words in the same order and Adam: with plain scalar Values in
the style of microgpt (`tuples.py`), as the script runs by itself, and compiled, in two ways. The
script's own loss of a word compiles to a program for each length. Or it is one program for words
of any length: a letter comes as a row of 27 numbers, one of them 1; places past the end of a word
count nothing.
"""

from __future__ import annotations

import importlib.util
import math
import os
import random
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent.parent / "docs" / "microgpt" / "microgpt.py"
RATE, BETAS, EPS = 0.01, (0.9, 0.99), 1e-8


def script() -> Any:
    """docs/microgpt/microgpt.py as a module."""
    spec = importlib.util.spec_from_file_location("microgpt", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Words:
    """The names as numbers, and an order in which to learn them."""

    def __init__(self) -> None:
        names = SCRIPT.with_name("names.txt").read_text(encoding="utf-8").split()
        alphabet = "." + "".join(sorted(set("".join(names))))
        self.letters, self.length = len(alphabet), max(map(len, names)) + 1
        self.words = [[alphabet.index(c) for c in f".{name}."] for name in names]

    def order(self, steps: int) -> list[int]:
        """As `fit` draws single examples."""
        from micrograd.compiler.fit import orders

        drawn = orders(len(self.words), 1, 0)
        return [int(next(drawn)[0]) for _ in range(steps)]


def first_weights(words: Words, width: int = 16) -> list[list[list[float]]]:
    """Embeddings of letters and places, query, key, value, out, up, down, logits."""
    rng = random.Random(1)
    shapes = [(words.letters, width), (words.length, width), *[(width, width)] * 4]
    shapes += [(4 * width, width), (width, 4 * width), (words.letters, width)]
    return [[[rng.gauss(0, 0.1) for _ in range(n)] for _ in range(m)] for m, n in shapes]


def plain(order: list[int]) -> list[float]:
    """Losses of these steps, scalar by scalar, without a library."""
    from tuples import Value

    sys.setrecursionlimit(20_000)
    words = Words()
    matrices = [[list(map(Value, row)) for row in m] for m in first_weights(words)]
    letter, place, query, key, value, out, up, down, last = matrices
    ps = [p for m in matrices for row in m for p in row]

    def exp(v: Any) -> Any:
        y = math.exp(v.data)
        return Value(y, (v,), (y,))

    def log(v: Any) -> Any:
        return Value(math.log(v.data), (v,), (1.0 / v.data,))

    def linear(w: Any, x: Any) -> Any:
        return [sum(wi * xi for wi, xi in zip(row, x)) for row in w]

    def norm(x: Any) -> Any:
        scale = (sum(v * v for v in x) * (1 / len(x)) + 1e-5) ** -0.5
        return [v * scale for v in x]

    def softmax(x: Any) -> Any:
        top = max(v.data for v in x)
        e = [exp(v + -top) for v in x]
        whole = sum(e) ** -1
        return [v * whole for v in e]

    def logits(k: int, past: Any) -> Any:
        x = norm([a + b for a, b in zip(letter[k], place[len(past)])])
        h = norm(x)
        q = linear(query, h)
        past.append((linear(key, h), linear(value, h)))
        found: Any = []
        for head in range(0, 16, 4):
            part = slice(head, head + 4)
            scores = [sum(a * b for a, b in zip(q[part], their[part])) * 0.5 for their, _ in past]
            weights = softmax(scores)
            for column in zip(*[v[part] for _, v in past]):
                found.append(sum(w * v for w, v in zip(weights, column)))
        x = [a + b for a, b in zip(x, linear(out, found))]
        h = [v.relu() for v in linear(up, norm(x))]
        x = [a + b for a, b in zip(x, linear(down, h))]
        return linear(last, norm(x))

    means, squares = [0.0] * len(ps), [0.0] * len(ps)
    losses = []
    for t, k in enumerate(order, 1):
        word = words.words[k]
        past: Any = []
        parts = [log(softmax(logits(a, past))[b]) * -1.0 for a, b in pairwise(word)]
        loss = sum(parts) * (1 / len(parts))
        for p in ps:
            p.grad = 0.0
        loss.backward()
        losses.append(loss.data)
        first, second = 1 - BETAS[0] ** t, math.sqrt(1 - BETAS[1] ** t)
        for i, p in enumerate(ps):
            means[i] += (1 - BETAS[0]) * (p.grad - means[i])
            squares[i] = BETAS[1] * squares[i] + (1 - BETAS[1]) * p.grad * p.grad
            p.data -= RATE / first * means[i] / (math.sqrt(squares[i]) / second + EPS)
    return losses


def model_of(words: Words, module: Any) -> Any:
    """The script's model with the first weights."""
    model = module.GPT(words.letters, words.length)
    block = model.blocks[0]
    parts = [model.letter, model.place, block.query, block.key, block.value, block.out, block.up]
    for matrix, numbers in zip([*parts, block.down, model.out], first_weights(words)):
        for row, data in zip(matrix, numbers):
            for p, x in zip(row, data):
                p.data = x
    return model


def eager(order: list[int]) -> list[float]:
    """The script's own loop."""
    from micrograd import optim

    module, words = script(), Words()
    model = model_of(words, module)
    optimizer = optim.Adam(model.parameters(), lr=RATE, betas=BETAS, eps=EPS)
    losses = []
    for k in order:
        loss = module.loss_of(model, words.words[k])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
    return losses


def by_length(steps: int) -> tuple[float, list[float]]:
    """The same for the script's own loss of a word: a program for each length."""
    start = time.perf_counter()
    import micrograd as mg

    module, words = script(), Words()
    model = model_of(words, module)
    fast = mg.jit(lambda word: module.loss_of(model, word), parameters=model.parameters())
    # After so many steps words of all lengths have been met, and there are all programs.
    return trained(model, fast, (words.words,), steps, start, 100)


def trained(
    model: Any, fast: Any, columns: tuple[Any, ...], steps: int, start: float, until: int = 1
) -> tuple[float, list[float]]:
    """Seconds from `start` until so many steps, and the losses, of a fit that begins anew."""
    from micrograd import optim

    def learned(steps: int) -> list[float]:
        optimizer = optim.Adam(model.parameters(), lr=RATE, betas=BETAS, eps=EPS)
        found: list[float] = fast.fit(
            *columns, optimizer, steps=steps, batch_size=1, progress=False
        ).loss
        return found

    before = [p.data for p in model.parameters()]
    learned(until)
    first = time.perf_counter() - start
    for p, x in zip(model.parameters(), before):
        p.data = x
    return first, learned(steps)


def compiled(steps: int, backend: str) -> tuple[float, list[float]]:
    """Seconds until the first step, and the losses: one program for a word, a word a step."""
    start = time.perf_counter()
    model, fast, columns = padded(backend)
    return trained(model, fast, columns, steps, start)


def padded(backend: str) -> tuple[Any, Any, tuple[Any, ...]]:
    """The model, its loss of a word of any length as one program, and the words for that."""
    import numpy as np

    import micrograd as mg
    from micrograd import losses

    module, words = script(), Words()
    model = model_of(words, module)
    linear, norm = module.linear, module.rmsnorm

    def loss(rows: Any, targets: Any, shares: Any) -> Any:
        past = model.start()
        surprise = []
        for row, place, target in zip(rows, model.place, targets):
            letter = [mg.dot(row, column) for column in zip(*model.letter)]
            x: Any = norm([a + b for a, b in zip(letter, place)])
            for block, its_past in zip(model.blocks, past):
                x = block(x, its_past)
            surprise.append(losses.cross_entropy(linear(model.out, norm(x)), target))
        return mg.dot(surprise, shares)

    n = len(words.words)
    rows = np.zeros((n, words.length, words.letters))
    targets, shares = np.zeros((n, words.length)), np.zeros((n, words.length))
    for i, word in enumerate(words.words):
        m = len(word) - 1
        rows[i, range(m), word[:-1]] = 1.0
        targets[i, :m], shares[i, :m] = word[1:], 1 / m
    fast = mg.jit(loss, parameters=model.parameters(), backend=backend)
    return model, fast, (rows, targets, shares)


def run(name: str, steps: int) -> dict[str, Any]:
    """Seconds of so many steps, preparation included, and the losses of the first ten.

    `first` are the seconds until one step was taken, of what has to be prepared.
    """
    order = Words().order(steps)
    start = time.perf_counter()
    first = None
    if name == "ours_ragged":
        first, losses = by_length(steps)
    elif name in ("ours", "ours_c"):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder  # where nothing was compiled yet
            first, losses = compiled(steps, "c" if name == "ours_c" else "auto")
    else:
        losses = {"eager": eager, "plain": plain}[name](order)
    seconds = time.perf_counter() - start
    return {"first": first, "seconds": seconds, "losses": losses[:10], "last": losses[-1]}
