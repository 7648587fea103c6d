"""What goes on between two steps of a training loop, and what is wrong with it.

A `Loop` hears of each backward pass as it begins and of each step, and says: backward() never
called, gradients not set to 0, or set to 0 too late, graphs of earlier steps, losses that reach no
parameter, parameters that nobody moves. Read on in `watch.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..core.lines import with_source
from ..core.node import Node, closure_of, is_made_by_hand, operands_of, rule_of
from ..core.sort import toposort
from .checks import held
from .names import layer_name
from .report import Finding

FIRST = 3  # times that something has to happen before it is no accident
MOST = 32  # passes of one step that are looked at


class Mark(NamedTuple):
    """A parameter of a layer, with its gradient and its number at a step."""

    name: str
    p: Any
    gradient: float
    number: float


class Loop:
    """The passes since the last step, and what they say; `found` has a finding for each code."""

    def __init__(self, parameters: Sequence[Any], names: dict[int, str]) -> None:
        self.parameters, self.names = parameters, names
        self.groups: dict[str, list[int]] = {}
        for i, p in enumerate(parameters):
            self.groups.setdefault(layer_name(names.get(id(p), str(i))), []).append(i)
        self.found: dict[str, Finding] = {}
        self.roots: list[Any] = []  # of the passes of this step; the last one, if not wanted
        self.loss: float | None = None  # of the last of them
        self.wanted = True  # whether this step is going to be looked at
        self.keeps = True  # and whether a graph of it is kept at all: memory is what watching costs
        self.passes = 0  # of this step
        self.marks: list[Mark] = []  # of each layer the largest gradient of the step before
        self.held: list[Mark] = []  # those of them that all passes of this step found as they were
        self.unzeroed = 0  # steps in a row in which some of them were not set to 0
        self.previous: Any = None  # the root of the step before, if it was looked at
        self.silent = 0  # steps in a row without any gradient
        self.heard = 0  # passes in them
        self.reach = ""  # what the latest of them reached
        self.began = 0  # passes of a loop without steps that began with no gradient
        self.zeroed = 0  # and how often it set gradients to 0
        self.total = 0  # and all its passes
        self.others: dict[str, int] = {}  # steps of optimizers that hold none of these parameters

    # Hearing -------------------------------------------------------------------------------

    def begun(self, root: Any, steps: int) -> None:
        """A backward pass begins."""
        self.passes += 1
        self.held = [m for m in self.held if m.p._grad == m.gradient]
        self.loss = float(root._data)
        if self.keeps and not self.wanted:
            self.roots.clear()
        if self.keeps and len(self.roots) < MOST:
            self.roots.append(root)
        if not steps:
            self.total += 1
            if self.began < FIRST:
                self.began += not self.fed()

    def fed(self) -> bool:
        """Whether any parameter has a gradient."""
        return any(p._grad for p in self.parameters)

    def other(self, name: str) -> None:
        """An optimizer took a step that holds none of the parameters."""
        if self.fed():
            self.others[name] = self.others.get(name, 0) + 1

    def mark(self, gradients: Sequence[float]) -> None:
        """Remember the largest gradient of each layer, to see whether it is set to 0."""
        self.marks = []
        for name, places in self.groups.items():
            i = max(places, key=lambda i: abs(gradients[i]))
            if gradients[i]:
                p = self.parameters[i]
                self.marks.append(Mark(name, p, gradients[i], p._data))
        self.held = self.marks

    def mark_again(self) -> None:
        """The same for the next step, of the parameters that are marked."""
        self.marks = [m._replace(gradient=m.p._grad, number=m.p._data) for m in self.marks]
        self.held = self.marks = [m for m in self.marks if m.gradient]

    def accumulated(self, before: Sequence[float] | None, steps: int) -> None:
        """Whether gradients of the step before are in those of this one still.

        Those that no pass of this step found set to 0, and that it added to.
        """
        kept = self.held if self.passes else []
        names = [m.name for m in kept if m.p._grad != m.gradient and m.p._data != m.number]
        self.unzeroed = self.unzeroed + 1 if names else 0
        if self.unzeroed < FIRST - 1 or before is None:
            return
        gradients = [p._grad for p in self.parameters]
        own = math.hypot(*[g - b for g, b in zip(gradients, before)])
        times = math.hypot(*gradients) / max(own, 1e-300)
        some = len(names) < len(self.groups)
        self.found["not_zeroed"] = held.accumulated(
            f"the training loop, step {steps}" + (f": {', '.join(names[:4])}" if some else ""),
            times,
            f"The gradients at step {steps} hold those of the step before as well: {times:.3g} "
            "times as much as this step gave"
            + (f"; those of {', '.join(names[:4])} were not set to 0." if some else "."),
        )  # fmt: skip

    def step(self, by_hand: bool, fed: bool, steps: int) -> None:
        """A step is about to be taken: was there a gradient?"""
        if fed or by_hand:
            self.silent = self.heard = 0
            for code in ("never_backward", "detached", "stuck"):
                self.found.pop(code, None)
            return
        self.silent += 1
        self.heard += self.passes
        if self.silent < FIRST:
            return
        where = "the training loop"
        if not self.heard:
            self.found["never_backward"] = held.never(where, self.silent)
        elif self.reach == "some":
            self.found["never_backward"] = Finding(
                "never_backward", "error", f"{where}, step {steps}",
                f"{self.silent} steps were taken without a gradient: backward() gave one, and it "
                "was set to 0 before the step.", float(self.silent),
                "Call zero_grad() before backward(), or after step(), but not between them.",
                "A step with gradients of 0 leaves the parameters where they are.",
            )  # fmt: skip
        elif self.reach == "zero":
            self.found["stuck"] = Finding(
                "stuck", "error", where,
                f"{self.silent} steps were taken, and the gradient of every parameter was 0.", 0.0,
                "Look where the gradient is lost: a rounding, a comparison, a product with 0.",
                "Steps follow the gradient, and there is none.",
            )  # fmt: skip

    def done(self, wanted: bool, keeps: bool) -> None:
        """The step is over; the next one is going to be looked at, or its graph kept, or not."""
        self.previous = self.roots[-1] if wanted and self.roots else None
        self.roots, self.loss, self.passes = [], None, 0
        self.wanted, self.keeps = wanted, wanted or keeps

    # Looking -------------------------------------------------------------------------------

    def unheard(self, reads: Sequence[str]) -> None:
        """No loss of this step reached a parameter."""
        self.reach = "none"
        if self.silent + 1 < FIRST or not self.passes:
            return
        line = with_source(reads[0]) if reads else ""
        self.found["detached"] = Finding(
            "detached", "error", line or "the training loop",
            f"backward() ran in each of {self.silent + 1} steps from a loss that leads back to no "
            "parameter" + (": a bare number was read with .data there." if line else "."),
            float(self.silent + 1),
            "Compute the output outside of no_grad(), and the loss from the Values of the output: "
            "v.exp(), not math.exp(v.data).",
            "What is computed from a bare number, or under no_grad(), passes no gradient back.",
        )  # fmt: skip

    def stale(self, root: Any, inner: Sequence[Any], here: dict[int, float]) -> None:
        """Whether an operation of the step before is used again with the numbers it had then.

        `inner` is what lies under the root; `here` has the numbers of the parameters, by identity,
        as they are in this forward pass.
        """
        old = {id(v) for v in toposort(self.previous)[1]}
        for v in inner:
            if id(v) not in old or closure_of(v) is not None or is_made_by_hand(v):
                continue
            xs = operands_of(v)
            mine = [x for x in xs if id(x) in here]
            if not mine:
                continue
            now = rule_of(v).forward(
                *[here.get(id(x), x._data) if isinstance(x, Node) else x for x in xs]
            )
            if now == v._data or abs(now - v._data) <= 1e-12 * abs(now):
                continue
            name = self.names.get(id(mine[0]), "a parameter")
            whole = root is self.previous
            self.found["stale"] = Finding(
                "stale", "error", "the training loop" + ("" if whole else f", at {name}"),
                "backward() runs on the graph of an earlier step: nothing was computed since the "
                "parameters moved." if whole else
                f"The loss is computed from operations of an earlier step: {rule_of(v).name} of "
                f"{name} gave {v._data:.6g} then, and would give {now:.6g} now.", now,
                "Compute the loss anew in every turn, inside the loop." if whole else
                "Compute all that depends on parameters anew in every turn; cut what is carried "
                "over from the last one with detach().",
                "A graph keeps the numbers it was built from.",
            )  # fmt: skip
            return

    def without_steps(self) -> Iterator[Finding]:
        """What is wrong where no step of these parameters was seen at all."""
        if self.others:
            name, times = max(self.others.items(), key=lambda pair: pair[1])
            if times >= FIRST:
                yield Finding(
                    "unreached", "error", f"the optimizer, {name}",
                    f"The optimizer took {times} steps, and none of its parameters is one of the "
                    f"{len(self.parameters)} of this model, which got gradients.", float(times),
                    "Make the optimizer after the model, from model.parameters().",
                    "A model that is made anew has new parameters; the optimizer still moves the "
                    "old.",
                )  # fmt: skip
        elif self.began >= FIRST:
            yield Finding(
                "stuck", "error", "the training loop",
                f"backward() ran {self.total} times, and no parameter has moved: no step was "
                "taken.", float(self.total),
                "Call optimizer.step(), or write p.data -= rate * p.grad; p = p - ... only gives "
                "another number the name p.",
                "A gradient says where to go; a step has to go there.",
            )  # fmt: skip
        elif self.zeroed >= FIRST and not self.total:
            yield held.never("the training loop", self.zeroed)
