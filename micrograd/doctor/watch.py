"""`watch`: the doctor looking on while a model trains, and a history of what it saw.

Most steps cost it a glance at the gradients. Now and then it has the engine tell it of every node
of one step and examines that step's graph, as often as its share of the time allows. It hears of
steps from optimizers, `train.fit` and `jit(...).fit` (see `optim/looking.py`); where a loop
moves parameters by hand, from the calls of the model itself. (A few lines past 300: what it hears
and what it keeps are one state.)
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..optim.looking import LOOKERS, Looker
from ..train.plots import new_axes
from .case import Case, number
from .checks import held
from .diagnose import examine, strips, title
from .history import Watched, course
from .listening import Listener, told_of_calls
from .names import parameters_of
from .report import Finding, Report, Strip
from .thresholds import limit

EAGER_SHARE = 0.05  # of the time of an eager loop that looks may take
NATIVE_SHARE = 0.01
FIRST = 3  # steps that are looked at in any case


class Watch(Looker):
    """Looks on at one model. `.report` says what is wrong so far, `.history` what was seen.

    `close()`, or the end of a `with` block, ends it.
    """

    def __init__(self, model: Any, share: float = EAGER_SHARE) -> None:
        self.model = model
        self.parameters, _ = parameters_of(model)
        self.identities = set(map(id, self.parameters))
        self.history = Watched()
        self.share = share
        self.found: list[Finding] = []
        self.loop: dict[str, Finding] = {}
        self.strips: list[Strip] = []
        self.optimizer: Any = None
        self.listener: Listener | None = None
        self.before = [number(p.grad) for p in self.parameters]
        self.at = [p._data for p in self.parameters]
        self.last_root: Any = None
        self.silent = 0  # steps without any gradient
        self.unzeroed = 0
        self.pending: float | None = None  # a loss that fit told of
        self.spent = 0.0
        self.began = time.perf_counter()
        self.usual = 0.0  # seconds of a step that nobody looks at
        self.last = self.began
        self.open = True
        LOOKERS.append(self)
        self.base = told_of_calls(model, self.by_hand)
        self.listen()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing; the watch has ended, and its report stays."""
        if not self.open:
            return
        if self.optimizer is None and self.listener is not None and self.listener.roots:
            self.boundary(None)  # the last step of a loop by hand
        self.open = False
        self.unlisten()
        LOOKERS.remove(self)
        if self.base is not None:
            self.model.__class__ = self.base

    # Hearing of steps ------------------------------------------------------------------------

    def by_hand(self) -> None:
        """The model is called or zeroed: has someone moved its parameters since the last step?"""
        if self.optimizer is not None:
            return
        here = self.parameters
        for i in (0, len(here) // 2, len(here) - 1):
            if here and here[i]._data != self.at[i]:
                self.boundary(None)
                return

    def stepping(self, optimizer: Any) -> None:
        if self.open and self.concerns(optimizer):
            self.optimizer = optimizer
            self.boundary(optimizer)

    def lost(self, loss: float) -> None:
        self.pending = loss

    def concerns(self, optimizer: Any) -> bool:
        return any(id(p) in self.identities for p in optimizer.parameters[:4]) or any(
            id(p) in self.identities for p in optimizer.parameters
        )

    def listen(self) -> None:
        if self.listener is None:
            marked = max(self.parameters, key=lambda p: abs(p._grad), default=None)
            self.listener = Listener(marked)
            self.listener.__enter__()

    def unlisten(self) -> None:
        if self.listener is not None:
            self.listener.__exit__()
            self.listener = None

    # Steps -----------------------------------------------------------------------------------

    def boundary(self, optimizer: Any) -> None:
        """A step is complete but for its update (or, by hand, with it)."""
        now = time.perf_counter()
        took = now - self.last
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.__exit__()
        seen = self.history
        seen.steps += 1
        gradients = [p._grad for p in self.parameters]
        here = [p._data for p in self.parameters]
        size = max(math.sqrt(sum([x * x for x in self.at])), 0.1 * math.sqrt(len(here)))
        step = math.sqrt(sum([(a - b) * (a - b) for a, b in zip(here, self.at)]))
        if seen.steps > 1 or optimizer is None:
            seen.update.append((seen.steps - 1, step / max(size, 1e-9)))
        size = math.sqrt(sum([g * g for g in gradients]))
        seen.gradient.append((seen.steps, size))
        self.silent = self.silent + 1 if size == 0.0 else 0
        if self.pending is not None:
            seen.loss.append((seen.steps, self.pending))
        if listener is not None:
            self.look(listener, gradients)
            self.spent += time.perf_counter() - now + max(0.0, took - self.usual) * 0.5
        else:
            self.usual = took if not self.usual else 0.9 * self.usual + 0.1 * took
        self.pending = None
        self.at = here
        self.before = gradients
        elapsed = time.perf_counter() - self.began
        if self.open and (seen.steps < FIRST or self.spent < self.share * elapsed):
            self.listen()
        self.last = time.perf_counter()

    def look(self, listener: Listener, gradients: list[float]) -> None:
        """Examine the graphs that this step went back through, as far as time allows.

        After the first, a step whose gradients were set to 0 before it is looked at only when
        there is time for it.
        """
        again = self.last_root is not None and any(r is self.last_root for r in listener.roots)
        due = self.spent < self.share * (time.perf_counter() - self.began)
        if self.history.looks and listener.roots and not (due or listener.kept or again):
            self.silent = 0
            self.last_root = listener.roots[-1]
            if self.pending is None:
                self.history.loss.append((self.history.steps, float(self.last_root._data)))
            return
        expected = [0.0] * len(self.parameters)
        case = None
        for root in listener.roots:
            made = Case(self.model, None, [], [], [], None, root)
            if not any(id(p) in made.graph.index for p in self.parameters):
                continue
            case = made
            expected = [a + b for a, b in zip(expected, made.gradient)]
        steps = self.history.steps
        if case is None:
            if self.silent >= FIRST and not listener.roots:
                self.loop["never_backward"] = held.never("the training loop", steps)
            return
        self.silent = 0
        self.loop.pop("never_backward", None)
        if case.root is self.last_root and not listener.made_any:
            self.loop["stale"] = Finding(
                "stale", "error", "the training loop",
                "backward() runs on the graph of an earlier step: nothing was computed since the "
                "parameters moved.", float(steps),
                "Compute the loss anew in every turn, inside the loop.",
                "A graph keeps the numbers it was built from.",
            )  # fmt: skip
        self.last_root = case.root
        self.zeroed(gradients, expected)
        self.examine(case)

    def zeroed(self, gradients: list[float], expected: list[float]) -> None:
        """Whether what was there before the step is in its gradient still."""
        rest = [g - e for g, e in zip(gradients, expected)]
        kept = math.hypot(*self.before) if self.before else 0.0
        off = math.hypot(*[r - b for r, b in zip(rest, self.before)])
        if kept > 0.0 and off <= 1e-6 * kept and math.isfinite(off):
            self.unzeroed += 1
            times = math.hypot(*gradients) / max(math.hypot(*expected), 1e-300)
            self.loop["not_zeroed"] = held.accumulated(
                f"the training loop, step {self.history.steps}", times,
                f"The gradients at step {self.history.steps} hold those of the step before as "
                f"well: {times:.3g} times as much as this step gave.",
            )  # fmt: skip

    def examine(self, case: Case) -> None:
        seen = self.history
        loss = float(case.root._data)
        if not seen.loss or seen.loss[-1][0] != seen.steps:
            seen.loss.append((seen.steps, loss))
        first = statistics.median([x for _, x in seen.loss[:3]])
        case.fitted = loss < limit("fitted") * first
        self.found = list(examine(case, loop=False))
        self.strips = strips(case)
        seen.looks.append(seen.steps)
        seen.layers.append((seen.steps, {s.name: s.gradient for s in self.strips}))

    # Compiled loops ----------------------------------------------------------------------------

    def chunk(
        self,
        optimizer: Any,
        losses: Sequence[float],
        settle: Callable[[], None],
        sample: Callable[[], Any],
    ) -> None:
        if not self.open or not self.concerns(optimizer):
            return
        now = time.perf_counter()
        self.unlisten()
        seen = self.history
        if self.optimizer is not optimizer or seen.steps < len(losses):
            self.began = min(self.began, now)
        before = seen.steps
        counted = sum(step > before - len(losses) for step, _ in seen.gradient[-len(losses) :])
        if counted < len(losses) or self.optimizer is None:  # the machine took them, nobody told
            seen.steps += len(losses)
        every = max(1, len(losses) // 50)
        start = seen.steps - len(losses)
        seen.loss += [(start + i + 1, losses[i]) for i in range(0, len(losses), every)]
        elapsed = now - self.began
        if not seen.looks or self.spent < NATIVE_SHARE * elapsed:
            settle()
            size = math.hypot(*[number(p.grad) for p in self.parameters])
            seen.gradient.append((seen.steps, size))
            case = Case(self.model, None, [], [], [], None, sample())
            self.examine(case)
            self.spent += time.perf_counter() - now
        self.last = time.perf_counter()

    # What it says ------------------------------------------------------------------------------

    @property
    def report(self) -> Report:
        """What is wrong, by the latest look and the history so far."""
        seen = self.history
        found = [*self.loop.values(), *self.found]
        codes = [f.code for f in found]
        found += course(seen, self.optimizer, self.parameters, codes)
        looks = f"{len(seen.looks)} of them examined"
        return Report(found, f"{seen.steps} steps, {looks}", self.strips, title(self.model))

    @property
    def findings(self) -> list[Finding]:
        return self.report.findings

    @property
    def codes(self) -> list[str]:
        return self.report.codes

    def plot(self, axes: Any = None) -> list[Any]:
        """Axes with loss, length of the gradient and gradient by layer over the steps."""
        row = new_axes(3) if axes is None else list(axes)
        seen = self.history
        for ax, pairs, name in zip(row, (seen.loss, seen.gradient), ("loss", "|gradient|")):
            ax.plot([k for k, _ in pairs], [x for _, x in pairs])
            ax.set(xlabel="step", ylabel=name)
        for name in dict.fromkeys(n for _, layer in seen.layers for n in layer):
            known = [(k, layer[name]) for k, layer in seen.layers if layer.get(name, 0.0) > 0.0]
            row[2].plot([k for k, _ in known], [x for _, x in known], marker=".", label=name)
        row[2].set(xlabel="step", ylabel="gradient by layer", yscale="log")
        row[2].legend()
        return row

    def __repr__(self) -> str:
        return f"<Watch: {self.history.steps} steps, {', '.join(self.codes) or 'healthy'}>"


def watch(model: Any) -> Watch:
    """A `Watch` that looks on while the model trains, by whatever loop.

    Ask it for `.report` at any time, for `.history`, for `.plot()`; `close()` ends it, and so
    does the end of a `with` block. It changes nothing that a training loop can see, and takes
    about one twentieth of an eager loop's time, one hundredth of a compiled one's.

    >>> import random
    >>> from micrograd import data, losses, nn, optim, train
    >>> random.seed(1)
    >>> model = nn.MLP(2, [8, 1], activation="tanh")
    >>> opt = optim.Adam(model.parameters(), lr=0.05)
    >>> with watch(model) as seen:
    ...     _ = train.fit(model, losses.logistic, data.moons(40), opt, epochs=10, progress=False)
    >>> seen.codes, seen.history.steps
    ([], 10)
    """
    return Watch(model)
