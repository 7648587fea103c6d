"""`watch`: the doctor looking on while a model trains, and a history of what it saw.

Of each step it hears that it is taken and where its backward passes began, which costs next to
nothing. Now and then it glances at all numbers of the parameters, or examines the step's graph,
as often as its share of the time allows. It hears of steps from optimizers, `train.fit` and
`jit(...).fit` (see `optim/looking.py`); where a loop moves parameters by hand, from the calls of
the model itself and from backward(). What it makes of a loop is in `loop.py`. (A few lines past
300: what it hears and what it keeps are one state.)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..core.sort import toposort
from ..core.watch import WATCH
from ..engine import Value
from ..optim.looking import LOOKERS, Looker
from .case import Case, number, some_of
from .diagnose import examine, strips, title
from .history import Watched, course, plotted
from .listening import Lines, told_of_calls
from .loop import FIRST, Loop
from .names import parameters_of
from .report import Finding, Report, Strip
from .thresholds import limit

EAGER_SHARE = 0.03  # of the time of an eager loop that the watch may take
LOOKS = 0.6  # of that, for examining graphs
NATIVE_SHARE = 0.004
KEPT = 50  # losses of a chunk of compiled steps that go into the history
CONSEQUENCES = ("saturated", "dead", "vanishing", "exploding", "init_scale")  # of too long steps


class Watch(Looker):
    """Looks on at one model. `.report` says what is wrong so far, `.history` what was seen.

    `close()`, or the end of a `with` block, ends it.
    """

    def __init__(self, model: Any, share: float = EAGER_SHARE) -> None:
        self.model = model
        self.parameters, names = parameters_of(model)
        if not self.parameters and not callable(model):
            raise TypeError(f"watch: a model with parameters is watched, not {model!r:.60}")
        self.identities = set(map(id, self.parameters))
        self.history = Watched()
        self.share = share
        self.found: list[Finding] = []
        self.early: set[str] = set()  # the codes of the first look
        self.loop = Loop(self.parameters, names)
        self.strips: list[Strip] = []
        self.optimizer: Any = None
        n = len(self.parameters)
        self.places = sorted({0, n // 2, n - 1}) if n else []  # parameters whose moves are noticed
        self.before: list[float] | None = None  # gradients and numbers of the step before,
        self.at: list[float] | None = None  # where it was glanced at
        self.glance()
        self.due = True  # whether there is time to examine a graph
        self.latest: tuple[int, Any] = 0, None  # the last step whose root was kept, and that root
        self.pending: float | None = None  # a loss that fit told of
        self.counted = 0  # steps that were told one by one since the last chunk
        self.spent = self.looking = 0.0  # seconds, in all and for examining graphs
        self.began = time.perf_counter()
        self.open = True
        LOOKERS.append(self)
        WATCH.told.append(self.begun)
        self.base = told_of_calls(model, self.called)
        self.lines = Lines()
        self.lines.begin()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing; the watch has ended, and its report stays."""
        if not self.open:
            return
        if self.optimizer is None:
            self.by_hand()  # the last step of such a loop
        self.open = False
        _ = self.report  # after a last look
        self.latest = 0, None
        self.lines.end()
        LOOKERS.remove(self)
        WATCH.told.remove(self.begun)
        if self.base is not None:
            self.model.__class__ = self.base

    # Hearing of steps ------------------------------------------------------------------------

    def called(self, zeroed: bool) -> None:
        """The model is called, or its gradients are set to 0."""
        self.by_hand()
        self.loop.zeroed += zeroed

    def begun(self, root: Any) -> None:
        """A backward pass begins."""
        self.lines.end()
        self.by_hand()
        self.loop.begun(root, self.history.steps)

    def by_hand(self) -> None:
        """Has someone moved the parameters since the last step?"""
        if self.optimizer is not None:
            return
        here = self.parameters
        if any(here[i]._data != x for i, x in zip(self.places, self.noticed)):
            if self.loop.passes or self.loop.fed():
                self.boundary(None)
            else:
                self.glance()  # someone put numbers there, which is no step

    def stepping(self, optimizer: Any) -> None:
        if not self.open:
            return
        if self.concerns(optimizer):
            self.optimizer = optimizer
            self.boundary(optimizer)
        elif not self.history.steps:
            self.loop.other(f"{type(optimizer).__name__}(lr={optimizer.lr:g})")

    def lost(self, loss: float) -> None:
        self.pending = loss

    def broke(self, root: Any) -> None:
        if not self.open or not isinstance(root, Value):
            return
        case = Case(self.model, None, [], [], [], None, root)
        if any(id(p) in case.graph.index for p in self.parameters):
            self.note(float(root._data), self.history.steps + 1)
            self.examine(case)

    def concerns(self, optimizer: Any) -> bool:
        if optimizer is self.optimizer:
            return True
        return any(id(p) in self.identities for p in optimizer.parameters[:4]) or any(
            id(p) in self.identities for p in optimizer.parameters
        )

    # Steps -----------------------------------------------------------------------------------

    def glance(self) -> None:
        """Keep all gradients and numbers, to compare those of the next step with them."""
        self.before = [number(p.grad) for p in self.parameters]
        self.at = [p._data for p in self.parameters]
        self.noticed = [self.at[i] for i in self.places]

    def boundary(self, optimizer: Any) -> None:
        """A step is complete but for its update (or, by hand, with it)."""
        start = time.perf_counter()
        loop, seen = self.loop, self.history
        seen.steps += 1
        self.counted += 1
        loss = loop.loss if self.pending is None else self.pending
        if loss is not None:
            self.note(loss, seen.steps)
        loop.accumulated(self.before, seen.steps)
        if self.before is not None:
            self.compare(optimizer)
        loop.step(optimizer is None, loop.fed(), seen.steps)
        if loop.roots:
            self.latest = seen.steps, loop.roots[-1]
        self.pending = None
        now = time.perf_counter()
        self.spent += now - start
        allowed = self.share * (now - self.began)
        self.due = not seen.looks or self.looking < LOOKS * allowed
        wanted = self.due or seen.steps < FIRST or 0 < loop.silent <= FIRST
        loop.done(wanted, seen.steps - self.latest[0] >= seen.steps // 4)
        if loop.wanted or seen.steps < 2 * FIRST or loop.unzeroed or self.spent < allowed:
            self.glance()
            assert self.before is not None
            loop.mark(self.before)
        else:
            self.before = self.at = None
            self.noticed = [self.parameters[i]._data for i in self.places]
            loop.mark_again()
        self.spent += time.perf_counter() - now

    def note(self, loss: float, step: int) -> None:
        """Keep the loss of a step."""
        if not self.history.loss or self.history.loss[-1][0] != step:
            self.history.loss.append((step, loss))

    def compare(self, optimizer: Any) -> None:
        """A glance at this step beside the one before, and a look at its graph if it is wanted."""
        seen, loop, at = self.history, self.loop, self.at
        assert at is not None
        here = [p._data for p in self.parameters]
        if seen.steps > 1 or optimizer is None:
            seen.update.append((seen.steps - 1, self.length(here, at)))
        seen.gradient.append((seen.steps, math.sqrt(sum([p._grad**2 for p in self.parameters]))))
        if loop.wanted and loop.roots:
            start = time.perf_counter()
            self.look(here if optimizer else at)
            self.looking += time.perf_counter() - start

    @staticmethod
    def length(here: list[float], at: list[float]) -> float:
        """How far the parameters moved, by their size, taken as 0.1 each at least."""
        size = max(math.sqrt(sum([x * x for x in at])), 0.1 * math.sqrt(len(here)), 1e-9)
        return math.sqrt(sum([(a - b) * (a - b) for a, b in zip(here, at)])) / size

    def look(self, numbers: list[float]) -> None:
        """Is this step's graph a new one, does it reach the parameters, and what ails it?"""
        loop = self.loop
        for root in reversed(loop.roots):
            leaves, inner = toposort(root)
            if any(id(v) in self.identities for v in leaves):
                break
        else:
            loop.unheard(self.lines.reads)
            return
        if loop.previous is not None:
            loop.stale(root, inner, {id(p): x for p, x in zip(self.parameters, numbers)})
        if self.due or not loop.fed():
            case = Case(self.model, None, [], [], [], None, some_of(root))
            loop.reach = "some" if any(case.gradient) else "zero"
            self.examine(case)

    def examine(self, case: Case, step: int = 0) -> None:
        """What the graph of this step, or of an earlier one, says."""
        seen = self.history
        step = step or seen.steps
        self.note(float(case.root._data), seen.steps)
        if any(f.code == "nonfinite" for f in self.found):
            return  # what comes after the first such number comes from it
        if self.lines.kept or self.lines.places:
            (self.lines.name if self.lines.places else self.lines.learn)(case.graph)
        case.fitted = seen.loss[-1][1] < limit("fitted") * seen.first
        self.found = list(examine(case, loop=False))
        if not seen.looks:
            self.early = {f.code for f in self.found}
        self.strips = strips(case)
        seen.looks.append(step)
        seen.layers.append((step, {s.name: s.gradient for s in self.strips}))

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
        self.lines.end()
        seen = self.history
        self.optimizer = optimizer
        seen.steps += max(0, len(losses) - self.counted)  # those of the machine nobody told of
        self.counted = 0
        every = max(1, len(losses) // KEPT)
        first = seen.steps - len(losses) + 1
        seen.loss += zip(range(first, seen.steps + 1, every), losses[::every])
        elapsed = now - self.began
        if not seen.looks or self.spent < NATIVE_SHARE * elapsed:
            settle()
            case = Case(self.model, None, [], [], [], None, sample())
            case.compiled = True
            seen.gradient.append((seen.steps, math.hypot(*case.gradient)))
            self.examine(case)
            self.spent += time.perf_counter() - now

    # What it says ------------------------------------------------------------------------------

    @property
    def report(self) -> Report:
        """What is wrong, by the latest step and the history so far."""
        seen = self.history
        step, root = self.latest
        if root is not None and seen.looks and seen.looks[-1] < step:
            self.latest = step, None
            case = Case(self.model, None, [], [], [], None, some_of(root))
            if any(id(p) in case.graph.index for p in self.parameters):
                self.examine(case, step)
        loop = dict(self.loop.found)
        if any(f.severity == "error" for f in self.found):
            loop.pop("stuck", None)  # that it stands still has its reason
        found = [*loop.values(), *self.found]
        if not seen.steps:
            found += self.loop.without_steps()
        if self.at is not None and not seen.update and seen.steps:  # compiled steps
            mean = self.length([p._data for p in self.parameters], self.at) / seen.steps
            seen = replace(seen, update=[(seen.steps, mean)])
        told = course(seen, self.optimizer, self.parameters, [f.code for f in found])
        if any(f.code == "learning_rate_high" for f in told):
            late = {*CONSEQUENCES} - self.early
            found = [f for f in found if f.code not in late]
        found += told
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
        return plotted(self.history, axes)

    def __repr__(self) -> str:
        return f"<Watch: {self.history.steps} steps, {', '.join(self.codes) or 'healthy'}>"


def watch(model: Any) -> Watch:
    """A `Watch` that looks on while the model trains, by whatever loop.

    Ask it for `.report` at any time, for `.history`, for `.plot()`; `close()` ends it, and so
    does the end of a `with` block. It changes nothing that a training loop can see, and takes
    less than a tenth of an eager loop's time, a few hundredths of a compiled one's: the docs
    have the figures.

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
