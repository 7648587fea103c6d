"""A GPT that learns to make up names, one letter at a time, from nothing but `Value`s.

    python docs/microgpt/microgpt.py                # half a minute: train, then ten new names
    python docs/microgpt/microgpt.py --steps 2000   # better names

Everything that a language model is made of is here: letters become vectors (embedding),
look back at the letters before them (attention), are thought over one by one (MLP), and
become a probability for each next letter. Large models differ in size, not in kind:
Vaswani et al., "Attention is all you need" (2017); Radford et al., GPT-2 (2019); RMSNorm
for LayerNorm, Zhang and Sennrich (2019).

The names are in `names.txt`, one a line; another list of short words will do as well.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import micrograd as mg
from micrograd import Value, losses, nn, optim

NAMES = Path(__file__).with_name("names.txt")
END = "."  # stands before the first letter and after the last

Vector = Sequence[Any]  # of Values
Matrix = list[list[Value]]  # a row for each output


# Three things done to a vector ------------------------------------------------------------


def matrix(rows: int, columns: int, size: float = 0.1) -> Matrix:
    """Small random numbers to begin with."""
    return [[Value(random.gauss(0, size)) for _ in range(columns)] for _ in range(rows)]


def linear(w: Matrix, x: Vector) -> list[Any]:
    """Each row's weighted sum of x."""
    return [mg.dot(row, x) for row in w]


def rmsnorm(x: Vector) -> list[Any]:
    """x, made as long as a vector of ones: keeps numbers in bounds from layer to layer."""
    scale = (mg.mean([v * v for v in x]) + 1e-5) ** -0.5
    return [v * scale for v in x]


# The model --------------------------------------------------------------------------------


class Block(nn.Module):
    """Attention, then an MLP; each adds what it finds to the vector that passes through."""

    def __init__(self, width: int, heads: int) -> None:
        self.heads = heads
        self.query, self.key, self.value = (matrix(width, width) for _ in range(3))
        self.out = matrix(width, width)
        self.up, self.down = matrix(4 * width, width), matrix(width, 4 * width)

    def __call__(self, x: Vector, past: list[tuple[Vector, Vector]]) -> list[Any]:
        """The next vector; `past` has a key and a value for each letter so far, and gets one."""
        x = [a + b for a, b in zip(x, self.attend(rmsnorm(x), past))]
        hidden = [mg.relu(v) for v in linear(self.up, rmsnorm(x))]
        return [a + b for a, b in zip(x, linear(self.down, hidden))]

    def attend(self, x: Vector, past: list[tuple[Vector, Vector]]) -> list[Any]:
        """What this letter takes from those before it, and from itself.

        Its query is compared with the key of each; the better they match, the more of that
        letter's value is taken. Each head does so with a part of the vector of its own.
        """
        query = linear(self.query, x)
        past.append((linear(self.key, x), linear(self.value, x)))
        size = len(x) // self.heads
        found: list[Any] = []
        for head in range(self.heads):
            part = slice(head * size, (head + 1) * size)
            matches = [mg.dot(query[part], key[part]) * size**-0.5 for key, _ in past]
            weights = mg.softmax(matches)
            values = [value[part] for _, value in past]
            found += [mg.dot(weights, column) for column in zip(*values)]
        return linear(self.out, found)


class GPT(nn.Module):
    """Letters in, for each the logits of the letter that follows."""

    def __init__(
        self, letters: int, length: int, width: int = 16, heads: int = 4, depth: int = 1
    ) -> None:
        self.letter, self.place = matrix(letters, width), matrix(length, width)
        self.blocks = [Block(width, heads) for _ in range(depth)]
        self.out = matrix(letters, width)

    def start(self) -> list[list[tuple[Vector, Vector]]]:
        """A past without letters, for each block."""
        return [[] for _ in self.blocks]

    def __call__(self, letter: int, past: list[list[tuple[Vector, Vector]]]) -> list[Any]:
        place = len(past[0])
        x = rmsnorm([a + b for a, b in zip(mg.take(self.letter, letter), self.place[place])])
        for block, its_past in zip(self.blocks, past):
            x = block(x, its_past)
        return linear(self.out, rmsnorm(x))


# Learning and making up -------------------------------------------------------------------


def loss_of(model: GPT, word: Sequence[int]) -> Any:
    """How surprised the model is by each letter of a word, on average, in nats."""
    past = model.start()
    surprise = [losses.cross_entropy(model(a, past), b) for a, b in pairwise(word)]
    return mg.mean(surprise)


def train(model: GPT, words: list[list[int]], steps: int, every: int = 50) -> list[float]:
    """The loss of each step; a word a step, the learning rate falling to 0."""
    optimizer = optim.Adam(model.parameters(), lr=0.01, betas=(0.9, 0.99))
    schedule = optim.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    found = []
    for step in range(steps):
        loss = loss_of(model, words[step % len(words)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        found.append(loss.data)
        if every and (step + 1) % every == 0:
            print(f"step {step + 1:5}  loss {sum(found[-every:]) / every:.3f}", flush=True)
    return found


@mg.no_grad()
def sample(model: GPT, alphabet: str, length: int, temperature: float = 0.6) -> str:
    """A new word. The lower the temperature, the more the likely letters are preferred."""
    past, letter, word = model.start(), alphabet.index(END), ""
    while len(word) < length:
        logits = model(letter, past)
        weights = [p.data for p in mg.softmax([v / temperature for v in logits])]
        (letter,) = random.choices(range(len(alphabet)), weights)
        if alphabet[letter] == END:
            break
        word += alphabet[letter]
    return word


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a tiny GPT on names, and make up new ones.")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--names", type=Path, default=NAMES)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    random.seed(options.seed)

    names = options.names.read_text(encoding="utf-8").split()
    alphabet = END + "".join(sorted(set("".join(names))))
    length = max(map(len, names)) + 1
    random.shuffle(names)
    words = [[alphabet.index(c) for c in END + name + END] for name in names]
    model = GPT(len(alphabet), length)
    print(f"{len(names)} names, {len(alphabet)} letters, {model.parameter_count()} parameters")
    train(model, words, options.steps)
    for _ in range(10):
        name = sample(model, alphabet, length)
        print(name, "(known)" if name in names else "")


if __name__ == "__main__":
    main()
