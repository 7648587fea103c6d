"""`sample`: a draw as a Value, and `Run`, which makes the draws of one run of a cost.

Outside of an estimator `sample` draws with Python's global random numbers. Inside one, the
`Run` that the estimator has made decides how: with noise of its own, with some outcomes
forced, and with or without a gradient. It also finds out what each draw can influence: what
is computed from it, and, once Python has looked at it in an `if` or by `.data`, all that
comes after. Read `influence.py` next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from ..autodiff.nested import flatten
from ..core.node import BLANK, Node, attribute, by_hand, made
from ..core.observe import Observer
from ..core.rule import real
from ..engine import Value
from .distributions import Distribution, plain, refusal, symbolic
from .noise import LANE, stream, uniform

CURRENT: ContextVar[Any] = ContextVar("the run that makes the draws", default=None)
R = TypeVar("R", bound="Run")
MOST = 100_000  # draws in one run: a loop that never ends is told from a long one


class Draw:
    """One draw of a run: from what, what came out, and what was known before it."""

    def __init__(
        self, distribution: Distribution, name: str, place: int, looks: int, context: Any
    ) -> None:
        self.distribution = distribution
        self.name = name
        self.place = place  # how many draws came before it
        self.looks = looks  # how often Python had looked at a number by then
        self.context = context  # as given to `sample`, or None
        self.value: Any = 0.0  # a number; in a trace what stands for it
        self.node: Any = None  # the Value that `sample` gave

    def __repr__(self) -> str:
        return f"<draw {self.name} from {self.distribution!r}: {self.value!r:.20}>"


class Noise:
    """The uniform numbers of one run, by place; it notes which were asked for, and how."""

    def __init__(self, seed: int, run: int) -> None:
        self.key = stream(seed, run)
        self.asked: dict[int, Callable[[float], float] | None] = {}

    def __call__(self, place: int, shape: Callable[[float], float] | None = None) -> Any:
        self.asked[place] = shape
        u = uniform(self.key, place)
        return u if shape is None else shape(u)


class Run(Observer):
    """One run of a cost: its draws, what they cost, and what Python looked at.

    This one makes constants of the draws, as the score function wants them; `forced`
    outcomes come first, in the places of what would have been drawn. Other methods
    override `make`.
    """

    def __init__(self, noise: Callable[..., Any], forced: Sequence[Any] = ()) -> None:
        self.noise = noise
        self.forced = forced
        self.draws: list[Draw] = []
        self.costs: list[tuple[Any, int]] = []  # each with the number of looks before it
        self.looked: list[Node] = []
        self.names: dict[str, int] = {}

    def of(self: R, cost: Callable[[], Any]) -> R:
        """This run, after the cost has been run in it."""
        before = CURRENT.set(self)
        try:
            with self:
                result = cost()
        finally:
            CURRENT.reset(before)
        if result is not None:
            for part in flatten(result):
                self.charge(part)
        if not self.costs:
            raise TypeError(
                "stochastic: the cost gives None, and nothing was charged with stochastic.cost: "
                "does it return?"
            )
        return self

    # What happens meanwhile -----------------------------------------------------------------

    def draw(self, d: Distribution, name: str, context: Any) -> Any:
        place = len(self.draws)
        if place >= MOST:
            raise ValueError(f"stochastic: one run of the cost has made {MOST} draws without end")
        draw = Draw(d, name or f"{d.name} {place}", place, len(self.looked), context)
        self.draws.append(draw)
        draw.node = self.make(draw)
        return draw.node

    def make(self, draw: Draw) -> Any:
        """The Value of a draw: here a leaf, through which no gradient passes."""
        return self.constant(draw, self.outcome(draw))

    def outcome(self, draw: Draw) -> Any:
        """What is drawn, as a number."""
        if draw.place < len(self.forced):
            return self.forced[draw.place]
        d = draw.distribution
        return d.value(self.noise(draw.place, d.noise))

    def constant(self, draw: Draw, value: Any) -> Any:
        draw.value = value
        if isinstance(value, Value):  # in a trace
            draw.value = value.detach()
            return draw.value
        return Value(value)

    def further(self, draw: Draw) -> Callable[[int], Any]:
        """More uniform numbers for the same draw."""
        return lambda lane: self.noise(draw.place + lane * LANE, None)

    def charge(self, part: Any) -> None:
        part = part if isinstance(part, Value) else real(part, "stochastic: the cost")
        self.costs.append((part, len(self.looked)))

    def read(self, node: Node, what: str) -> None:
        self.looked.append(node)

    def escaping(self, name: str, a: Any, b: Any) -> Any:
        if name != "stop":
            self.looked.extend(x for x in (a, b) if isinstance(x, Node))
        return None

    @property
    def total(self) -> Any:
        """The sum of all costs, a number; in a trace a Value."""
        total: Any = 0.0
        for part, _ in self.costs:
            total = total + plain(part)
        return total


def sample(
    distribution: Distribution, *, name: str = "", context: Sequence[Any] | None = None
) -> Any:
    """A Value drawn from a distribution; it belongs to a stochastic node.

    It can be computed with, compared, and branched on: `if x > 0`. Within
    `stochastic.gradient` it is drawn as the method there wants it. Elsewhere it is drawn
    with Python's global random numbers, and `backward()` goes through it to the parameters
    where outcomes are a smooth function of them (Normal, Uniform); where they are not it is
    refused with the methods that can.

    `name` is what baselines and critics know the draw by over many runs; without one it is
    called by its place, as "Bernoulli 0". `context` is what a learned baseline or a critic is
    told of it: a few numbers or Values, the state before the draw. TypeError for what is no
    distribution.

    >>> random.seed(0)
    >>> from micrograd.stochastic import Bernoulli, Normal
    >>> p, mu = Value(0.9), Value(1.0)
    >>> sample(Bernoulli(p)).data
    1.0
    >>> x = sample(Normal(mu, 0.5))
    >>> (x * x).backward()
    >>> mu.grad == 2 * x.data
    True
    """
    if not isinstance(distribution, Distribution):
        raise TypeError(
            "stochastic.sample: a distribution such as Bernoulli(0.5) is needed, not "
            f"{distribution!r:.60}"
        )
    run = CURRENT.get()
    if run is not None:
        return run.draw(distribution, name, context)
    if symbolic():
        raise TypeError(
            "stochastic.sample: a draw while a function is traced would be the same for ever; "
            "stochastic.gradient(..., backend=) compiles costs with draws"
        )
    return drawn(distribution, name)


def drawn(d: Distribution, name: str) -> Any:
    """A draw on its own."""
    noise = d.noise(uniform(random.getrandbits(64), 0))
    draw = Draw(d, name or d.name, 0, 0, None)
    draw.value = d.value(noise)
    parents = tuple(p for p in d.parameters if isinstance(p, Value))
    if not parents:
        draw.node = Value(draw.value)
    elif "reparameterized" in d.methods:
        draw.node = d.path(noise)
    else:
        step = Refusal(refusal(d, "backward"))
        draw.node = made(by_hand(Value(BLANK), parents, draw.value, f"~{d.name}", step))
    setattr(draw.node, "_draw", draw.distribution)
    if name:
        draw.node.label = name
    return draw.node


class Refusal:
    """The step of the chain rule at a draw that has none."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __call__(self, node: Node) -> None:
        raise ValueError(self.sentence)


def drawn_from(v: Node) -> Distribution | None:
    """The distribution that a Value was drawn from outside of an estimator, or None."""
    found: Distribution | None = attribute(v, "_draw")
    return found


def cost(x: Any) -> Any:
    """x itself, charged as a part of the cost now: to the draws made before it alone.

    For a function that is given to `stochastic.gradient`, in the place of returning the
    cost; where Python branches on draws, what is charged early is known not to depend on
    draws that come later. Elsewhere nothing happens.
    """
    run = CURRENT.get()
    if run is not None:
        run.charge(x)
    return x
