"""`BackpropQ`: learned local costs in the place of the gradients that draws do not have.

Every stochastic node has a critic Q, a small network that learns what will be spent after
the node's draw, given the outcome and what was known before. The critic is differentiable, or
can be asked about every outcome, and so it says to the node's parameters what backprop
cannot; from there on ordinary backprop does the rest. After Xu, Zu and Zhou, "Backprop-Q:
generalized backpropagation for stochastic computation graphs" (2018); what is not said there,
or differs, is ours, and none of its figures is claimed.

Biased as long as the critics are wrong. Read `critic.py` before this.
"""

from __future__ import annotations

import random
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..engine import Value
from .critic import Critic, Seeded, encoded, width
from .distributions import Distribution, plain
from .influence import Influence
from .pull import pull
from .sample import Draw, Noise, Run
from .score import Sampled


class Item(NamedTuple):
    """What the memory keeps of a draw."""

    draw: Draw
    earlier: dict[str, Draw]  # the draws before it, by name
    own: float  # what was spent after it and before the next one
    next: Any  # the item of the next draw, or None


class BackpropQ:
    """Gradients of an expected cost through learned critics, run by run.

    ::

        for every run of the cost
          1 draw     run it; of every draw i note the outcome x_i, the context h_i, and the
                     cost c_i that it is the last draw to influence
          2 store    put (h_i, x_i, c_i, the next draw) into the memory
          3 learn    for batches from the memory, the last draw first:
                         target = c_i + Q'_next(h_next, x'),   x' drawn afresh from what the
                                                               next draw is drawn from *now*
                         one step of Q_i(h_i, x_i) towards the target
                         Q'_i goes a part of the way towards Q_i
          4 signal   where x_i is one of several outcomes:  sum over x of Q_i(h_i, x) dP(x)
                     where it is a smooth function:         dQ_i/dx, through the sampler
          5 back     ordinary backprop from these, and from the cost where it depends on
                     parameters directly

    The last critic learns from the true cost alone, the others from their own costs and the
    next critic (step 3). It is off-policy: what is stored was drawn by older parameters, and
    the target is of the present ones, since the graph of the next distribution is kept and
    replayed. The context of a draw is what `sample` was given as such (a recurrent state, say;
    then draws of one `name` share a critic), or the earlier draws on which something after it
    still depends directly.

    `hidden`, `rate`:  size of a critic, and the step size of its Adam
    `batch`, `updates`: how many stored draws a step takes, and how many steps follow a run
    `memory`, `pace`:  how many runs are kept, and how fast the copies Q' follow
    `expected`:        takes in step 3 the mean over all x' where they are few, not one draw

    >>> from micrograd.stochastic import Bernoulli, sample
    >>> p = Value(0.3)
    >>> learner = BackpropQ(lambda: 2.0 * sample(Bernoulli(p)), [p], batch=8, rate=0.05)
    >>> gradients = [run.gradient[0] for run in learner.runs(60)]
    >>> abs(gradients[-1] - 2.0) < 0.2
    True
    """

    def __init__(
        self,
        cost: Callable[[], Any],
        params: Iterable[Value],
        *,
        hidden: int = 8,
        rate: float = 0.02,
        batch: int = 16,
        updates: int = 2,
        memory: int = 500,
        pace: float = 0.2,
        expected: bool = False,
        seed: int = 0,
    ) -> None:
        self.cost, self.params = cost, list(params)
        self.hidden, self.rate, self.batch, self.updates = hidden, rate, batch, updates
        self.pace, self.expected, self.seed = pace, expected, seed
        self.memory: dict[str, deque[Item]] = {}
        self.kept = memory
        self.critics: dict[str, Critic] = {}
        self.matters: dict[str, dict[str, Distribution]] = {}  # by name the names in its context
        self.order: dict[str, int] = {}  # where a name stands in a run, for "the last first"
        self.costs: list[float] = []  # of the first runs, which set the scale
        self.count = 0
        self.rng = random.Random(seed)

    def runs(self, samples: int) -> Iterator[Sampled]:
        """What each of so many further runs says."""
        for _ in range(samples):
            yield self.run()

    def run(self) -> Sampled:
        """One run of the cost: the five steps."""
        run = Run(Noise(self.seed, self.count)).of(self.cost)
        self.count += 1
        items = self.noted(run)
        for item in items:
            stored = self.memory.setdefault(item.draw.name, deque(maxlen=self.kept))
            stored.append(item)
        if len(self.costs) < self.batch:  # nothing to learn from yet
            self.costs.append(run.total)
        else:
            for _ in range(self.updates):
                for name in sorted(self.order, key=self.order.__getitem__, reverse=True):
                    self.learn(name)
        seeds: list[tuple[Any, Any]] = [(part, 1.0) for part, _ in run.costs]
        for item in items:
            seeds += self.signal(item)
        return Sampled(run.total, pull(seeds, self.params), [])

    def backward(self) -> float:
        """The cost of one run; the gradient it gives is added to each parameter's `.grad`."""
        cost, gradient, _ = self.run()
        for p, g in zip(self.params, gradient, strict=True):
            p.grad = p.grad + g
        return float(cost)

    # 1 draw and 2 store -----------------------------------------------------------------------

    def noted(self, run: Run) -> list[Item]:
        """The draws of a run, each with its own costs; contexts grow by what matters."""
        influence = Influence(run)
        own = [0.0] * len(run.draws)
        last = [mask.bit_length() - 1 for mask in influence.costs]
        for (part, _), place in zip(run.costs, last, strict=True):
            if place >= 0:
                own[place] += plain(part)
        for draw in run.draws:
            self.order[draw.name] = max(draw.place, self.order.get(draw.name, 0))
            if draw.context is None:
                after = 0
                for mask in influence.direct[draw.place + 1 :]:
                    after |= mask
                for mask, place in zip(influence.direct_costs, last, strict=True):
                    after |= mask if place >= draw.place else 0
                known = self.matters.setdefault(draw.name, {})
                for earlier in run.draws[: draw.place]:
                    if after >> earlier.place & 1 and earlier.name not in known:
                        known[earlier.name] = earlier.distribution
                        self.critics.pop(draw.name, None)  # it has another input now
        items: list[Item] = []
        following: Any = None
        for draw in reversed(run.draws):
            earlier_draws = {e.name: e for e in run.draws[: draw.place]}
            following = Item(draw, earlier_draws, own[draw.place], following)
            items.append(following)
        return items[::-1]

    # 3 learn ----------------------------------------------------------------------------------

    def learn(self, name: str) -> None:
        """One step of a critic, on stored draws of its name."""
        stored = self.memory[name]
        batch = [stored[self.rng.randrange(len(stored))] for _ in range(self.batch)]
        targets = [item.own for item in batch]
        ahead: dict[str, list[tuple[int, float, list[float]]]] = {}
        for i, item in enumerate(batch):
            if item.next is not None:
                for x, weight in self.afresh(item.next.draw.distribution):
                    ahead.setdefault(item.next.draw.name, []).append(
                        (i, weight, self.row(item.next, x))
                    )
        for following, asked in ahead.items():
            critic = self.critic(following, asked[0][2])
            for (i, weight, _), q in zip(
                asked, critic.of([row for _, _, row in asked], slow=True), strict=True
            ):
                targets[i] += weight * q
        rows = [self.row(item, item.draw.value) for item in batch]
        self.critic(name, rows[0]).learn(rows, targets, self.pace)

    def afresh(self, d: Distribution) -> list[tuple[float, float]]:
        """A new draw from a distribution as its parameters are now, or all with their chances."""
        for p in d.parameters:
            if isinstance(p, Value):
                p.forward()
        if self.expected and d.outcomes:
            chances = d.probabilities()
            return [(x, plain(p)) for x, p in zip(d.outcomes, chances, strict=True)]
        return [(d.value(d.noise(self.rng.random() or 0.5)), 1.0)]

    # 4 signal ---------------------------------------------------------------------------------

    def signal(self, item: Item) -> list[tuple[Any, float]]:
        """Where the critic's opinion enters the parameters of a draw, and how much of it."""
        draw, d = item.draw, item.draw.distribution
        if draw.name not in self.critics or not any(isinstance(p, Value) for p in d.parameters):
            return []
        critic = self.critics[draw.name]
        row = self.row(item, draw.value)
        if len(row) != critic.inputs:
            return []
        if d.outcomes:
            qs = critic.of([self.row(item, x) for x in d.outcomes])
            return list(zip(d.probabilities(), qs, strict=True))
        if "reparameterized" in d.methods:
            return [(self.smooth(draw), critic.slope(row))]
        # Infinitely many outcomes: the score, weighed by what the critic says of two draws.
        other = d.value(d.noise(self.rng.random() or 0.5))
        q, usual = critic.of([row, self.row(item, other)])
        return [(d.log_density(draw.value), q - usual)]

    def smooth(self, draw: Draw) -> Any:
        """The draw as a function of its parameters, with the noise that it had."""
        d = draw.distribution
        return d.path(Noise(self.seed, self.count - 1)(draw.place, d.noise))

    # Critics and their inputs -----------------------------------------------------------------

    def row(self, item: Item, x: float) -> list[float]:
        """The inputs of a critic: the outcome, then the context."""
        found = encoded(item.draw.distribution, x)
        if item.draw.context is not None:
            return found + [float(plain(c)) for c in item.draw.context]
        for name, d in self.matters[item.draw.name].items():
            earlier = item.earlier.get(name)
            found += [0.0] * width(d) if earlier is None else encoded(d, earlier.value)
        return found

    def critic(self, name: str, row: list[float]) -> Critic:
        """The critic of a name, made when it is first asked for."""
        if name not in self.critics:
            centre = statistics.fmean(self.costs)
            scale = statistics.pstdev(self.costs) or 1.0
            with Seeded(f"{self.seed} {name}"):
                self.critics[name] = Critic(len(row), self.hidden, self.rate, centre, scale)
        return self.critics[name]
