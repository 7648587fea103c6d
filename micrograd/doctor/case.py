"""A `Case`: a model with its loss, data and optimizer, run once, with all that checks may ask.

It can run again with other parameters, for slopes and trial steps; `record.restored` around
it puts everything back. Read on in `probe.py`.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from .. import ops
from ..core.no_grad import no_grad
from ..core.node import closure_of, operands_of, rule_of
from ..core.view import View
from ..core.watch import WATCH
from ..engine import Value
from ..nn.layers import Dropout
from ..nn.module import Module
from .anatomy import Anatomy
from .names import parameters_of
from .record import Graph, Recorder
from .report import Finding


def flat(x: Any) -> list[Any]:
    """The numbers and Values in nested lists."""
    return [v for part in x for v in flat(part)] if isinstance(x, (list, tuple)) else [x]


def number(x: Any) -> float:
    return x._data if isinstance(x, Value) else float(x)


EXAMINED: Final = 32  # of a batch's losses, in a graph alone
CONSTANT: Final = Finding(
    "detached", "error", "the loss",
    "The loss is a plain number and no Value: nothing in it remembers the parameters.", 0.0,
    "Compute it with operations on Values; read .data only to print.",
)  # fmt: skip


class Refused(Exception):
    """The loss would not take an output or a target; `finding` says which."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


def refusal(error: Exception, i: int, target: Any) -> Finding:
    """What it means that the loss raised this error for example i."""
    words = str(error) or type(error).__name__
    if "gradient" in words and isinstance(error, TypeError):
        return Finding(
            "detached", "error", "the loss", f"A bare number is asked of a Value: {words}", 0.0,
            "Write the operation on the Value: v.exp(), not math.exp(v).",
        )  # fmt: skip
    shape = (
        isinstance(error, TypeError) or "predictions for" in words or "probabilities for" in words
    )
    return Finding(
        "loss_mismatch" if shape else "target_range", "error",
        "the loss, on the output" if shape else f"the targets: Y[{i}] = {target!r:.40}",
        f"The loss refuses example {i}, target {target!r:.40}: {words}.", float(i),
        "Give the loss as many outputs as it wants: one for each class, or one number."
        if shape else "Bring the targets to what this loss wants: classes counted from 0, labels "
        "0 and 1, or -1 and 1.",
    )  # fmt: skip


class Case:
    """One patient. `root` alone is a graph without a model."""

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any] | None,
        xs: Sequence[Any],
        ys: Sequence[Any],
        all_ys: Sequence[Any],
        optimizer: Any,
        root: Value | None,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.xs, self.ys, self.all_ys = xs, ys, all_ys
        self.parameters, self.names = parameters_of(model)
        self.held = [number(p.grad) for p in self.parameters]  # gradients that were there
        self.start = [p._data for p in self.parameters]
        self.recorder = Recorder()
        self.outputs: list[Any] = []
        self.losses: list[Any] = []
        self.given = root is not None
        self.compiled = False  # whether compiled code computed it, which the root only repeats
        self.ideal: float | None = None  # the least the loss can be, where that is known
        self.guess: float | None = None  # and what the best constant output costs
        self.fit: float | None = None  # where the loss lies between the two, 0 to 1 and beyond
        self.fitted = False
        self.seed = random.getstate()
        self.drew = False
        if root is None:
            with self.recorder:
                root = self.forward(keep=True)
            self.drew = random.getstate() != self.seed
        self.root: Any = root
        if not isinstance(root, Value):
            raise Refused(CONSTANT)
        self.graph = Graph(View(root, products=False), self.recorder.lines)
        if not self.parameters:  # a function, or a bare graph: its labelled or free leaves
            free = self.graph.nodes[: self.graph.first]
            born = self.recorder.births
            inputs = {id(v) for v in flat([*xs, *ys]) if isinstance(v, Value)}
            self.parameters = [v for v in free if id(v) not in born and id(v) not in inputs]
            self.names = {id(v): v.label for v in self.parameters if v.label}
            self.start = [p._data for p in self.parameters]
            self.held = [number(p.grad) for p in self.parameters]
        ends = [v for out in self.outputs for v in flat(out) if isinstance(v, Value)]
        self.anatomy = Anatomy(self.graph, self.parameters, self.names, ends)
        index = self.graph.index
        self.gradient = [
            self.graph.gradient[index[id(p)]] if id(p) in index else 0.0 for p in self.parameters
        ]

    def out(self, xs: Sequence[Any]) -> list[Any]:
        """What the model says to each example."""
        if isinstance(self.model, Module) and any(m.whole_batch for m in self.model.modules()):
            return list(self.model(xs))
        return [self.model(x) for x in xs]

    def forward(self, keep: bool = False, examples: Sequence[int] | None = None) -> Any:
        """The mean loss, as a Value; the outputs and losses of each example kept if asked."""
        random.setstate(self.seed)
        chosen = range(len(self.xs)) if examples is None else examples
        xs, ys = [self.xs[i] for i in chosen], [self.ys[i] for i in chosen]
        assert self.loss is not None
        if keep:
            self.outputs = self.out(xs)
            for i, (out, y) in enumerate(zip(self.outputs, ys, strict=True)):
                try:
                    self.losses.append(self.loss(out, y))
                except (ValueError, TypeError, IndexError, KeyError) as error:
                    raise Refused(refusal(error, chosen[i], y)) from error
            return ops.mean(self.losses)
        return ops.mean([self.loss(o, y) for o, y in zip(self.out(xs), ys, strict=True)])

    @property
    def draws(self) -> bool:
        """Whether a pass in training depends on chance, or on which examples stand together."""
        modules = self.model.modules() if isinstance(self.model, Module) else []
        return self.drew or any(m.whole_batch or isinstance(m, Dropout) for m in modules)

    # Running again -------------------------------------------------------------------------

    @property
    def can_run(self) -> bool:
        return self.loss is not None and not self.given

    def put(self, numbers: Sequence[float]) -> None:
        for p, x in zip(self.parameters, numbers, strict=True):
            p.data = x

    def loss_at(self, numbers: Sequence[float], examples: Sequence[int] | None = None) -> float:
        """The mean loss with these parameters."""
        self.put(numbers)
        try:
            with no_grad():
                return number(self.forward(examples=examples))
        finally:
            self.put(self.start)

    def gradient_at(
        self, numbers: Sequence[float], examples: Sequence[int] | None = None
    ) -> tuple[float, list[float]]:
        """The mean loss and its gradient with these parameters."""
        self.put(numbers)
        kept = [p.grad for p in self.parameters]
        try:
            root = self.forward(examples=examples)
            for p in self.parameters:
                p.grad = 0.0
            if not isinstance(root, Value):
                return float(root), [0.0] * len(kept)
            root.backward()
            return root._data, [number(p.grad) for p in self.parameters]
        finally:
            for p, g in zip(self.parameters, kept, strict=True):
                p.grad = g
            self.put(self.start)

    def example_gradients(self, numbers: Sequence[float]) -> list[list[float]]:
        """The gradient of each single example; none where examples are not on their own."""
        if isinstance(self.model, Module) and any(m.whole_batch for m in self.model.modules()):
            return []
        return [self.gradient_at(numbers, [i])[1] for i in range(len(self.xs))]

    def trial(
        self, steps: int, examples: Sequence[int], start: Sequence[float], fresh: bool = False
    ) -> tuple[list[float], list[float]]:
        """The losses of some steps of a copy of the optimizer from `start`, and where they end."""
        chosen = copy.copy(self.optimizer)
        place = {id(p): i for i, p in enumerate(self.parameters)}
        mine = [place.get(id(p)) for p in chosen.parameters]
        if fresh:
            chosen.steps = 0
            chosen.state = [chosen.first_state() for _ in chosen.parameters]
        state = list(chosen.state)
        at, losses = list(start), []
        for _ in range(steps):
            loss, gradient = self.gradient_at(at, examples)
            losses.append(loss)
            if not math.isfinite(loss) or loss > 1e200:
                break
            chosen.steps += 1
            coefficients = chosen.coefficients()
            for k, i in enumerate(mine):
                if i is not None:
                    at[i], state[k] = chosen.update(at[i], gradient[i], state[k], coefficients)
            if not all(map(math.isfinite, at)):
                losses.append(math.inf)
                break
        return losses, at


def fresh_weights(case: Case) -> list[float]:
    """Parameters as a sound start would have them: uniform within 1 / sqrt(fan-in)."""
    rng = random.Random(0)
    rows: dict[str, int] = {}
    names = [case.names.get(id(p), str(i)) for i, p in enumerate(case.parameters)]
    for name in names:
        rows[name.rpartition(".")[0]] = rows.get(name.rpartition(".")[0], 0) + 1
    bounds = [1 / math.sqrt(rows[name.rpartition(".")[0]]) for name in names]
    return [0.0 if name.endswith(".b") else rng.uniform(-b, b) for name, b in zip(names, bounds)]


def some_of(root: Any) -> Any:
    """A mean of many losses as that of some of them, at even distances: less to examine."""
    xs = operands_of(root)
    if rule_of(root).name not in ("mean", "sum") or len(xs) <= EXAMINED or closure_of(root):
        return root
    hidden = WATCH.hide()  # nobody has made this node
    try:
        return ops.mean([xs[i * len(xs) // EXAMINED] for i in range(EXAMINED)])
    finally:
        WATCH.show(hidden)
