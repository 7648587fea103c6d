"""`checkpoint`: compute a part of the graph again instead of keeping it.

Recomputation for memory, as in Chen, Xu, Zhang and Guestrin, "Training deep nets with
sublinear memory cost" (2016).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.node import BLANK, Node, by_hand, made, operands_of
from ..core.observe import Observer
from ..core.watch import WATCH
from ..engine import Value
from .anomaly import detect_anomaly
from .nested import flatten, rebuild
from .tape import Tape
from .transforms import DEPTH, pull_on_tape


class Surroundings(Observer):
    """The nodes from outside that were used while it looked on."""

    def __init__(self) -> None:
        self.made_here: set[Node] = set()
        self.used: dict[Node, None] = {}

    def made(self, node: Node) -> None:
        self.made_here.add(node)
        for x in operands_of(node):
            if isinstance(x, Node) and x not in self.made_here:
                self.used[x] = None


def checkpoint(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), keeping of its graph nothing but the result; backward() computes it again.

    f must give the same each time. What it uses from outside, such as weights, gets its
    gradient as well. Several results, in a list or another structure, are computed again
    once for all of them. The gradients are those without checkpoint to the last bit where
    f is all that uses what it uses, and to rounding else: sums of more than two parts come
    in another order. Gradients of gradients need the whole graph: inside a transform f is
    simply called.

    >>> from micrograd import Value, checkpoint
    >>> x = Value(0.5)
    >>> y = checkpoint(lambda v: (v * v).sin() * v, x)
    >>> y.backward()
    >>> y._prev == (x,), f"{x.grad:.6f}"
    (True, '0.731860')
    """
    if DEPTH.value or WATCH.symbolic():
        return f(*args)
    with Surroundings() as seen:
        outputs = f(*args)
    flat = flatten(outputs)
    fresh = [i for i, y in enumerate(flat) if isinstance(y, Value) and y in seen.made_here]
    numbers = {i: flat[i].data for i in fresh}
    used = tuple(seen.used)
    again = Again(f, args, used, numbers)
    del seen
    if len(fresh) == 1:
        [i] = fresh
        flat[i] = made(by_hand(Value(BLANK), used, numbers[i], "checkpoint", again.alone))
    elif fresh:
        # One node in front of all results: its step comes after theirs, and does the work.
        hub = made(by_hand(Value(BLANK), used, 0.0, "checkpoint", again.together))
        for i in fresh:
            step = Seed(again.seeds, i)
            flat[i] = made(by_hand(Value(BLANK), (hub,), numbers[i], "result", step))
    return rebuild(outputs, iter(flat))


class Seed:
    """The step of one of several results: it leaves its gradient for the recomputation.

    The gradient of the hub, which has no other use, counts how many have done so in this
    pass: what a pass that broke off has left behind comes earlier in the dictionary.
    """

    def __init__(self, seeds: dict[int, float], i: int) -> None:
        self.seeds, self.i = seeds, i

    def __call__(self, result: Node) -> None:
        self.seeds.pop(self.i, None)
        self.seeds[self.i] = result._grad
        [hub] = operands_of(result)
        hub._grad += 1.0


class Again:
    """The computation that was not kept."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], used: tuple[Node, ...],
        numbers: dict[int, float],
    ) -> None:  # fmt: skip
        self.f, self.args, self.used, self.numbers = f, args, used, numbers
        self.seeds: dict[int, float] = {}

    def alone(self, result: Node) -> None:
        [i] = self.numbers
        self.run({i: result._grad})

    def together(self, hub: Node) -> None:
        latest = list(self.seeds.items())[-int(hub._grad) :]
        self.seeds.clear()
        self.run(dict(latest))

    def run(self, seeds: dict[int, float]) -> None:
        """Build the graph, pull the gradients to what was used from outside, and drop it."""
        hidden = WATCH.hide()
        # Who only records the graph has seen it; who looks for nan is to see this one too.
        WATCH.show(tuple(o for o in hidden if isinstance(o, detect_anomaly)))
        try:
            flat = flatten(self.f(*self.args))
        finally:
            WATCH.show(hidden)
        for i, number in self.numbers.items():
            now = flat[i].data
            if now != number and (now == now or number == number):
                raise ValueError(
                    f"checkpoint: the function gave {number} in the forward pass and {now} now; it "
                    "must give the same each time, so its inputs may not change in between"
                )
        cotangents: dict[Any, float] = {}
        for i, seed in seeds.items():
            cotangents[flat[i]] = cotangents.get(flat[i], 0.0) + seed
        tape = Tape(list(cotangents), self.used)
        # The sums go on from where they are, and so round as they would without a break.
        for x in self.used:
            cotangents[x] = x._grad
        gradients = pull_on_tape(tape, cotangents)
        for x in self.used:
            x._grad = gradients[tape.place[x]]
