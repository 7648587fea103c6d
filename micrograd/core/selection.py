"""`Selection`: which gradients are there at all, where that is decided when a program runs.

An eager graph has no edge to what `where`, `maximum` or a ReLU did not select. A program is
written down before the numbers are known: it passes `where(c, d, 0)` on, and further down 0 times
an infinite local gradient, as that of log at 0, would be nan. So where a gradient may be missing
and a local gradient may be infinite or nan, their product is selected too.

How much that concerns: behind a ReLU or a maximum only operations that are singular somewhere, if
operands are finite; but behind `where`, with which people guard against bad numbers, everything
that multiplies. Used by the chain rule of programs (`compiler/ir/reverse.py`) and by that of
Values while they are traced (`chain.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .build import mypyc_attr
from .rule import CHOICE, FLAT, TABLE, Rule

# What passes a gradient on times a constant.
LINEAR: Final = frozenset(
    (
        "add", "sub", "neg", "sum", "fsum", "mean", "identity", "degrees", "radians", "stop",
        "item", "element", "add_sequences",
    )
)  # fmt: skip
# What is finite, and has finite partials, wherever its operands are finite; but for overflow.
REGULAR: Final = LINEAR | frozenset(
    (
        "mul", "dot", "weighted_sum", "prod", "fma", "sin", "cos", "tanh", "sech2",
        "sigmoid", "dsigmoid", "logsigmoid", "softplus", "silu", "dsilu", "gelu", "dgelu",
        "ndtr", "normal", "erf", "erfc", "derf", "atan", "datan", "asinh", "dasinh",
        "hypot", "unit", "abs", "sign", "relu", "gate", "leaky_relu", "leaky_step", "elu",
        "elu_step", "maximum", "minimum", "route", "ties", "clip", "inside", "where", "take",
        "logsumexp", "logaddexp", "share", "dshare", "exp_gap", "nll", "floor", "ceil",
        "trunc", "rint", "sinc", "dsinc", "equal", "not_equal", "less", "less_equal",
        "greater", "greater_equal", "logical_and", "logical_or", "logical_not", "isnan",
        "isinf", "isfinite",
    )
)  # fmt: skip
SQUARES: Final = (1.0, 2.0, 3.0)  # powers that are finite with all derivatives
PRODUCTS: Final = frozenset(("mul", "dot", "weighted_sum"))
# Choices with which people guard against bad numbers: what they do not choose may be anything.
GUARDS: Final = frozenset(("where", "take"))

# What does not change but by jumps: its tangent is none, or nan where its value is.
STEPS: Final = frozenset(
    ("floor", "ceil", "trunc", "rint", "round", "sign", "truncdiv", "neardiv", "floordiv")
)
REGIONS: Final = ("loop", "branch")  # what they do not reach gets a gradient that is 0


def chooses(rule: Any) -> bool:
    """Whether an operation decides where its gradient goes; if none does, there is no choice."""
    return isinstance(rule, Rule) and (rule.kind == CHOICE or rule.name in REGIONS)


@mypyc_attr(allow_interpreted_subclasses=True)
class Whole:
    """A gradient, or a tangent, that is more than a number: of a loop's results or a sequence."""

    def step(self) -> Any:
        """All of it as one operand."""
        raise NotImplementedError


class Missing:
    """A condition that is 0 where a gradient is missing, else above 0 or nan.

    `guard` if `where` had a part in it.
    """

    def __init__(self, condition: Any, guard: bool) -> None:
        self.condition = condition
        self.guard = guard


class Selection:
    """The conditions of one backward pass, by whatever the caller numbers nodes with.

    Every node is announced by `node`, operands first. Then, for each node from the result down,
    `select` is given what it passes on. `finite` is for whoever looks for nan in what comes out and
    then does it over: all values count as finite.
    """

    def __init__(self, finite: bool = False) -> None:
        self.all_finite = finite
        self.guards = False
        self.choices = False
        self.finite: dict[Any, bool] = {}  # whether a value is finite if the leaves are
        self.singular: dict[Any, bool] = {}  # whether a local partial may be infinite or nan
        self.scales: dict[Any, bool] = {}  # whether a gradient that is not there may become one
        self.below: dict[Any, int] = {}  # 2 if something singular is below, 1 if something scales
        self.safe: dict[Any, list[bool]] = {}  # of products: which partials are finite nevertheless
        self.missing: dict[Any, Missing | None] = {}
        # Where gradients come together of which each may be missing, until somebody asks; by id.
        self.several: dict[Any, dict[int, Missing]] = {}
        self.joined: dict[tuple[int, ...], tuple[list[Missing], Missing]] = {}

    def node(self, key: Any, rule: Any, operands: Sequence[Any], numbers: Sequence[Any]) -> None:
        """Announce a node; `operands` are the keys of its operands, `numbers` the bare ones.

        A binary rule is the reflected one where the number stands first.
        """
        name: str = rule.name
        finite = self.all_finite or all([self.finite.get(x, True) for x in operands])
        regular = name in REGULAR
        if numbers and not rule.is_reflected:
            if name == "pow":
                regular = numbers[0] in SQUARES
            elif name == "div":
                regular = numbers[0] != 0.0
        if rule.kind == CHOICE:
            self.choices = True
            self.guards = self.guards or name in GUARDS
        if name in REGIONS:
            self.choices = True
            self.guards = self.guards or name == "branch"
        self.finite[key] = finite and regular
        # A choice passes nan on where its own value is nan, but for these.
        self.scales[key] = name not in LINEAR and name not in GUARDS and rule.kind != FLAT
        self.singular[key] = self.scales[key] and not (regular and finite)
        if name in PRODUCTS and not finite and not numbers:
            known = [self.finite.get(x, True) for x in operands]
            start = len(known) % 2
            half = (len(known) + start) // 2
            self.safe[key] = [True] * start + known[half:] + known[start:half]
        deepest = max([self.below.get(x, 0) for x in operands], default=0)
        self.below[key] = max(deepest, 2 if self.singular[key] else 1 if self.scales[key] else 0)

    def matters(self, key: Any) -> bool:
        """Whether somebody will ask if the gradient of this node is missing."""
        return self.below.get(key, 0) >= (1 if self.guards else 2)

    def missing_at(self, key: Any) -> Missing | None:
        """When the gradient of a node is missing, of which all have been told by now."""
        several = self.several.pop(key, None)
        if several is not None:
            ids = tuple(several)
            if ids not in self.joined:
                them = list(several.values())
                self.joined[ids] = them, any_of(them)
            self.missing[key] = self.joined[ids][1]
        return self.missing.get(key)

    def selects(self, key: Any) -> bool:
        """Whether what this node passes on is there only where its own gradient is."""
        mine = self.missing_at(key)
        return mine is not None and (self.singular[key] or (self.scales[key] and mine.guard))

    def select(
        self, key: Any, rule: Any, xs: Sequence[Any], y: Any, keys: Sequence[Any], parts: list[Any]
    ) -> list[Any]:
        """What a node passes on, `parts`, selected where its own gradient may be missing.

        `keys` are those of its operands, None for one that gets nothing.
        """
        if not self.choices:
            return parts
        mine = self.missing_at(key)
        if mine is not None and self.selects(key):
            safe = None if mine.guard else self.safe.get(key)
            parts = [
                p if p is None or isinstance(p, Whole) or (safe is not None and safe[i])
                else choose(mine.condition, p, 0.0)
                for i, p in enumerate(parts)
            ]  # fmt: skip
        chosen: list[Any] = []
        if rule.kind == CHOICE and any([k is not None and self.matters(k) for k in keys]):
            chosen = rule.pullback(xs, y, [None if p is None else 1.0 for p in parts])
        for i, k in enumerate(keys):
            if k is None or parts[i] is None or not self.matters(k):
                continue
            new = mine
            if rule.kind == CHOICE:
                guard = rule.name in GUARDS or (mine is not None and mine.guard)
                both = chosen[i] if mine is None else choose(mine.condition, chosen[i], 0.0)
                new = Missing(both, guard)
            elif rule.name in REGIONS and not isinstance(parts[i], (Whole, float)):
                there = parts[i]._apply(TABLE["not_equal"], (parts[i], 0.0))
                new = Missing(there, rule.name == "branch" or (mine is not None and mine.guard))
            if k not in self.missing:
                self.missing[k] = new
                continue
            old = self.missing[k]
            if old is None or new is None:
                self.missing[k] = None  # one of its gradients is always there
                self.several.pop(k, None)
            elif old is not new:
                self.several.setdefault(k, {id(old): old})[id(new)] = new
        return parts


class ForwardSelection:
    """The conditions of one forward pass: a tangent is missing where `where` selects none.

    Nodes are given to `select` operands first.
    """

    def __init__(self) -> None:
        self.there: dict[Any, Any] = {}  # 1 where the tangent of a node is there; for some nodes

    def select(
        self, key: Any, rule: Any, xs: Sequence[Any], rates: Sequence[Any], parts: list[Any]
    ) -> list[Any]:
        """What tangents of the operands xs give to that of a node, selected where they may miss."""
        there = [
            0.0 if r is None else self.there.get(x, 1.0) for x, r in zip(xs, rates, strict=True)
        ]
        if rule.name in STEPS:
            mine = key._apply(TABLE["isnan"], (key,))
        elif rule.name in GUARDS and [t for t in there[1:] if type(t) is not float or t == 0.0]:
            if rule.name == "where":
                mine = choose(xs[0], there[1], there[2])
            else:
                mine = key._apply(rule, (xs[0], *there[1:]))
        elif [t for t in there if type(t) is float and t == 1.0]:
            mine = 1.0
        else:
            mine = 0.0
            for t in there:
                if type(t) is not float:
                    mine = choose(t, 1.0, mine)
        if type(mine) is not float:
            self.there[key] = mine
        if rule.name in LINEAR or rule.name in GUARDS:
            return parts
        return [
            p if p is None or isinstance(p, (Whole, float)) or type(t) is float
            else choose(t, p, 0.0)
            for p, t in zip(parts, there, strict=True)
        ]  # fmt: skip


def any_of(them: Sequence[Missing]) -> Missing:
    """Missing where all of them are: no choice passes on less than 0, so that sums tell."""
    guard = any([one.guard for one in them])
    conditions = [one.condition for one in them]
    if len(them) == 2:
        return Missing(choose(conditions[0], 1.0, conditions[1]), guard)
    asked = next((c for c in conditions if not isinstance(c, (float, int))), None)
    if asked is None:
        return Missing(max(conditions), guard)
    return Missing(asked._apply(TABLE["sum"], tuple(conditions)), guard)


def choose(condition: Any, a: Any, b: Any) -> Any:
    """`where` on Values, symbols and numbers that a condition may have turned out to be."""
    if isinstance(condition, (float, int)):
        return a if condition else b
    rule: Rule = TABLE["where"]
    return condition._apply(rule, (condition, a, b))
