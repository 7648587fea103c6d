"""Random costs that draw, branch and loop, small enough to enumerate; and their enumeration."""

from __future__ import annotations

import random

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st

DRAWS = 5  # at most, on any way through a cost


class Recipe:
    """A program made at random: a list of statements over a growing list of numbers."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.params = [Value(self.rng.uniform(-1, 1)) for _ in range(self.rng.randint(1, 3))]
        self.block, _ = self.statements(len(self.params), DRAWS, 2)

    def statements(self, n: int, draws: int, depth: int):
        """Statements over n numbers with at most so many draws; each adds one number."""
        rng, found = self.rng, []
        for _ in range(rng.randint(2, 5)):
            kinds = ["op", "op", "charge"] + ["draw"] * 3 * (draws > 0)
            kinds += ["if", "loop"] * (depth > 0 and draws > 1)
            kind = rng.choice(kinds)
            i, j, c = rng.randrange(n), rng.randrange(n), round(rng.uniform(-1, 1), 2)
            if kind == "draw":
                found.append((rng.choice(["bernoulli", "bernoulli", "categorical"]), i, j, c))
                draws -= 1
            elif kind == "op":
                found.append((rng.choice(["add", "mul", "sub", "tanh", "where"]), i, j, c))
            elif kind == "charge":
                found.append(("charge", i, j, c))
            elif kind == "if":
                room = draws // 2
                yes, _ = self.statements(n, room, depth - 1)
                no, _ = self.statements(n, room, depth - 1)
                found.append(("if", i, yes, no))
                draws -= room
            else:
                times = rng.randint(1, 2)
                body, _ = self.statements(n, draws // times // 2, depth - 1)
                found.append(("loop", times, body, c))
                draws -= draws // times // 2 * times
            n += 1
        return found, draws

    def cost(self):
        env = list(self.params)
        self.run(self.block, env)
        return [env[-1] * env[0], mg.tanh(env[len(env) // 2] + env[-1])]

    def run(self, block, env) -> None:
        for kind, i, j, c in block:
            if kind == "if":
                inner = list(env)
                self.run(j if env[i] > 0.25 else c, inner)
                env.append(inner[-1])
            elif kind == "loop":
                inner = list(env)
                for _ in range(i):
                    self.run(j, inner)
                env.append(inner[-1] * c)
            elif kind == "charge":
                st.cost(env[i] * env[j] + c)
                env.append(env[i])
            elif kind == "bernoulli":
                env.append(st.sample(st.Bernoulli(mg.sigmoid(env[i] + c * env[j]))))
            elif kind == "categorical":
                env.append(st.sample(st.Categorical([env[i], c, c - env[j]])))
            elif kind == "where":
                env.append(mg.where(env[i] > c, env[j] * 0.5, env[i]))
            elif kind == "tanh":
                env.append(mg.tanh(env[i] + c))
            else:
                a, b = env[i], env[j] * 0.7 + c
                env.append(a + b if kind == "add" else a - b if kind == "sub" else a * b)


class EveryWay:
    """Noise that leads a run along one way after the other; `weight` is its probability."""

    def __init__(self) -> None:
        self.way: list[int] = []
        self.sizes: list[int] = []
        self.weight = 1.0

    def __call__(self, place, shape=None):
        d = shape.__self__
        chances = [p.data if isinstance(p, Value) else p for p in d.probabilities()]
        if place == len(self.way):
            self.way.append(0)
        if place == len(self.sizes):
            self.sizes.append(len(chances))
            self.weight *= chances[self.way[place]]
        k = self.way[place]
        below = 1 - sum(chances[k:]) if isinstance(d, st.Bernoulli) is False else 0.0
        if isinstance(d, st.Bernoulli):  # 1 where the noise is below p
            return chances[1] / 2 if k else (1 + chances[1]) / 2
        return below + chances[k] / 2

    def advance(self) -> bool:
        """On to the next way; False after the last one."""
        while self.way and self.way[-1] + 1 == self.sizes[len(self.way) - 1]:
            self.way.pop()
        self.sizes, self.weight = [], 1.0
        if not self.way:
            return False
        self.way[-1] += 1
        return True


def expectation(estimator, baseline):
    """The expected cost and gradient of an estimator that draws each place once, in full."""
    noise = EveryWay()
    total, sums = 0.0, None
    while True:
        cost, gradient, _ = estimator(noise, baseline)
        total += noise.weight * cost
        sums = sums or [0.0] * len(gradient)
        sums = [s + noise.weight * g for s, g in zip(sums, gradient)]
        if not noise.advance():
            return total, sums
