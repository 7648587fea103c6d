"""A small network that learns on the page, a few steps at a time.

After each it tells the loss, how sure it is where in the plane, how large the gradients are by
layer, and now and then what the doctor finds. Read on in `folder.py`.
"""

from __future__ import annotations

import math
import random
from collections import deque
from typing import Any

from .. import data, losses, nn, optim
from ..compiler.jit import jit
from ..doctor.diagnose import diagnose
from .lines import LinesError

CELLS = 24  # of the plane, in each direction
KEPT = 300  # steps that can be taken back
EXAMINED = 25  # steps from one look of the doctor to the next
SETS = {
    "moons": lambda n: data.moons(n, noise=0.1, seed=1),
    "circles": lambda n: data.circles(n, noise=0.08, seed=1),
    "spiral": lambda n: data.spiral(n, classes=2, noise=0.04, seed=1),
}


class Training:
    """A network, its data, and the way it came."""

    def __init__(
        self,
        data: str = "moons",
        layers: Any = (8, 8),
        activation: str = "tanh",
        rate: float = 0.05,
        seed: int = 1,
    ) -> None:
        if data not in SETS:
            raise LinesError(f"the data are one of {', '.join(SETS)}, not {data!r}")
        sizes = [int(n) for n in layers]
        if len(sizes) > 4 or any(not 1 <= n <= 16 for n in sizes):
            raise LinesError("a network here has up to four layers of 1 to 16 neurons each")
        if not 0.0 < float(rate) <= 10.0:
            raise LinesError("the learning rate is above 0 and at most 10")
        self.X, self.y = SETS[data](60)
        random.seed(seed)
        self.model = nn.MLP(2, [*sizes, 1], activation=activation, init="he")
        self.fast = jit(
            lambda x, y: losses.logistic(self.model(x), y), parameters=self.model.parameters()
        )
        self.says = jit(lambda x: self.model(x), parameters=self.model.parameters())
        self.optimizer = optim.Adam(self.model.parameters(), lr=float(rate))
        self.loss: list[float] = []
        self.past: deque[Any] = deque(maxlen=KEPT)
        self.findings: list[str] = []

    def advance(self, count: int) -> dict[str, Any]:
        """Take steps, each on all examples."""
        for _ in range(max(1, min(int(count), 200))):
            self.past.append((self.model.state_dict(), self.optimizer.state_dict()))
            self.optimizer.zero_grad()
            loss = self.fast.backward(self.X, self.y)
            self.optimizer.step()
            self.loss.append(loss)
            if not math.isfinite(loss):
                break
            if len(self.loss) % EXAMINED == 0:
                self.findings = self.examined()
        return self.state()

    def back(self) -> dict[str, Any]:
        """Take one step back, with what the optimizer remembered then."""
        if not self.past:
            raise LinesError("this is as far back as it goes")
        model, optimizer = self.past.pop()
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        self.loss.pop()
        return self.state()

    def examined(self) -> list[str]:
        """What the doctor finds, a sentence each."""
        report = diagnose(self.model, losses.logistic, data=(self.X, self.y))
        return [f"{f.sentence} Try: {f.remedy}" for f in report.findings]

    def state(self) -> dict[str, Any]:
        """Everything that the page shows of it."""
        low = [min(x[i] for x in self.X) - 0.3 for i in (0, 1)]
        high = [max(x[i] for x in self.X) + 0.3 for i in (0, 1)]

        def at(i: int, part: float) -> float:
            return low[i] + part * (high[i] - low[i])

        grid = [
            [at(0, (c + 0.5) / CELLS), at(1, 1 - (r + 0.5) / CELLS)]
            for r in range(CELLS)
            for c in range(CELLS)
        ]
        right = sum((float(self.says(x)) > 0) == bool(t) for x, t in zip(self.X, self.y))
        points = [
            [(x[0] - low[0]) / (high[0] - low[0]), 1 - (x[1] - low[1]) / (high[1] - low[1]), t]
            for x, t in zip(self.X, self.y)
        ]
        return {
            "step": len(self.loss),
            "loss": [round(x, 6) if math.isfinite(x) else None for x in self.loss[-500:]],
            "accuracy": right / len(self.X),
            "cells": CELLS,
            "plane": [round(chance(float(self.says(p))), 3) for p in grid],
            "points": points,
            "gradients": [
                {"name": f"layer {i + 1}", "size": size_of(layer)}
                for i, layer in enumerate(self.model.layers)
            ],
            "findings": self.findings,
            "back": len(self.past),
            "parameters": self.model.parameter_count(),
        }


def chance(score: float) -> float:
    """The probability of class 1."""
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, score))))


def size_of(layer: Any) -> float:
    """The root mean square of a layer's gradients."""
    gradients = [p.grad for p in layer.parameters()]
    return math.sqrt(sum(g * g for g in gradients) / len(gradients))
