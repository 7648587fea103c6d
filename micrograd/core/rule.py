"""What one row of the table of operations is: `Rule`, and how it is called.

A rule knows the name of an operation, its value on floats and its partial derivatives.
The partials are written with operators and with other operations, so the same lines
give numbers when the operands are floats, Values when they are Values (derivatives of
derivatives), and a program when they are being traced.

The rows stand in `ops.py`, the numbers in `numerics/ieee.py` and `numerics/special.py`. (Past 300
lines because a row, how it is added and how it is called are read together.)
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any, Final

from .operators import give_operators

# By name, in the order of ops.py: what the tests, the compiler and the docs go through.
TABLE: Final[dict[str, Rule]] = {}
# Operations that users added, by name: where pickles find them.
CUSTOM: Final[dict[str, Rule]] = {}

SMOOTH: Final = "smooth"  # gradients are multiplied by the partials
CHOICE: Final = "choice"  # a gradient is passed on or not; unchosen operands get no edge
FLAT: Final = "flat"  # locally constant: no edges at all


class Rule:
    """A row of the table: one operation and its derivative.

    ============  ======================================================================
    name          of the function, the method and the step in a program: "tanh"
    symbol        what a drawing shows: "+", "ReLU", "tanh"
    arity         how many operands, or 0 for any number
    forward       floats to float, defined for every float
    partials      one function for each operand, called with the operands and the result;
                  for any number of operands one function of (operands, result)
    kind          SMOOTH, CHOICE or FLAT. A CHOICE's partials take the upstream gradient
                  first and return what goes to the operand
    settings      positions of operands that are settings when they are numbers: part of
                  the operation's name in a drawing, like the exponent of `**2`
    latex         a template for the formula, with {0}, {1} or {args}
    aliases       further names for the method, such as NumPy's
    domain        for each operand the interval in which a test draws its numbers
    defaults      of trailing operands that may be left out, by name
    internal      whether it serves other rows alone, and is not a method
    reflected     of a binary rule, the same one for a number as first operand
    is_reflected  whether it is that one
    ============  ======================================================================
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., float],
        partials: tuple[Callable[..., Any], ...],
        arity: int,
        symbol: str = "",
        kind: str = SMOOTH,
        settings: tuple[int, ...] = (),
        latex: str = "",
        aliases: tuple[str, ...] = (),
        domain: tuple[tuple[float, float], ...] = (),
        doc: str = "",
        internal: bool = False,
        is_reflected: bool = False,
    ) -> None:
        self.name: Final = name
        self.forward: Final = forward
        self.partials: Final = partials
        self.arity: Final = arity
        self.symbol: Final = symbol or name
        self.kind: Final = kind
        self.settings: Final = settings
        self.latex: Final = latex
        self.aliases: Final = aliases
        self.domain: Final = domain
        self.doc: Final = doc
        self.internal: Final = internal
        self.is_reflected: Final = is_reflected
        self.function: Callable[..., Any] = forward
        self.defaults: dict[str, float] = {}
        self.reflected: Rule | None = None
        if arity == 2 and not is_reflected:
            self.reflected = Rule(
                name, forward, partials, 2, symbol, kind, settings, latex, is_reflected=True
            )
            self.reflected.reflected = self

    def local(
        self, xs: Sequence[Any], y: Any, wanted: Sequence[bool], upstream: Any = 1.0
    ) -> list[Any]:
        """The local partials of the wanted operands, None for the others.

        Operands and result are floats, Values or symbols, and so are the partials. A CHOICE
        has none: what comes is what it makes of the gradient `upstream`. Partials may divide
        by a zero among the operands, or overflow: where Python's floats raise, the answer is
        IEEE 754's.
        """
        if self.kind == FLAT:
            return [None] * len(wanted)
        try:
            return self._local(xs, y, wanted, upstream)
        except ArithmeticError:
            able = [IEEE(x) if type(x) is float else x for x in xs]
            found = self._local(able, IEEE(y) if type(y) is float else y, wanted, upstream)
            return [p.x if isinstance(p, IEEE) else p for p in found]

    def _local(self, xs: Sequence[Any], y: Any, wanted: Sequence[bool], upstream: Any) -> list[Any]:
        first = (upstream,) if self.kind == CHOICE else ()
        if self.arity:
            return [p(*first, *xs, y) if w else None for p, w in zip(self.partials, wanted)]
        return [p if w else None for p, w in zip(self.partials[0](*first, xs, y), wanted)]

    def pullback(self, xs: Sequence[Any], y: Any, rates: Sequence[Any]) -> list[Any]:
        """For each operand its local partial times the rate given for it; None where nothing flows.

        Backwards all rates are the gradient of y, forwards each is the tangent of its operand;
        None asks for nothing.
        """
        if self.kind != CHOICE:
            local = self.local(xs, y, [r is not None for r in rates])
            return [None if p is None else times(p, r) for p, r in zip(local, rates)]
        parts: list[Any] = [None] * len(rates)
        for rate in {id(r): r for r in rates if r is not None}.values():
            wanted = [r is rate for r in rates]
            for i, part in enumerate(self.local(xs, y, wanted, rate)):
                if part is not None:
                    parts[i] = part
        return parts

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __reduce__(self) -> Any:
        if self is UNRECORDED:
            return "UNRECORDED"  # the object of that name in this module
        known = TABLE.get(self.name) or CUSTOM.get(self.name)
        if known is not None and known is not self and known is not self.reflected:
            raise TypeError(
                f"cannot pickle the operation {self.name!r}: another one of that name has been "
                "defined since; give each micrograd.custom a name of its own"
            )
        return find, (self.name, self.symbol, self.is_reflected)

    def __deepcopy__(self, memo: object) -> Rule:
        return self


def times(partial: Any, rate: Any) -> Any:
    """partial * rate, without writing down a multiplication by 1 or -1."""
    if type(partial) is float:
        if partial == 1.0:
            return rate
        if partial == -1.0:
            return -rate
    if type(rate) is float and rate == 1.0:
        return partial
    return partial * rate


def find(name: str, symbol: str, is_reflected: bool) -> Rule:
    """The rule of that name, for unpickling; an opaque one where the table has none."""
    rule = TABLE.get(name) or CUSTOM.get(name)
    if rule is None or rule.symbol != symbol:
        return opaque(symbol)
    return rule.reflected if is_reflected and rule.reflected is not None else rule


_opaque: Final[dict[str, Rule]] = {}
NAMES: Final = 1000  # of operations made by hand that are remembered


def _unknown(*xs: float) -> float:
    raise TypeError("an operation made by hand has no rule to evaluate")


def opaque(symbol: str) -> Rule:
    """The rule of a node that someone made by hand: a name, and nothing known."""
    rule = _opaque.get(symbol)
    if rule is None:
        if len(_opaque) >= NAMES:  # of a name for each exponent, say; nodes keep the rule they have
            _opaque.clear()
        rule = _opaque[symbol] = Rule("", _unknown, (), 0, symbol, FLAT)
    return rule


# That of a result under no_grad: a leaf, but one that nobody meant.
UNRECORDED: Final = Rule("", _unknown, (), 0, "", FLAT)


def op(
    name: str,
    forward: Callable[..., float],
    *partials: Callable[..., Any],
    many: bool = False,
    operands: int = 0,
    defaults: dict[str, float] | None = None,
    **columns: Any,
) -> Callable[..., Any]:
    """Add a row to the table; what comes back is its function of numbers and Values.

    The number of partials is the number of operands; a FLAT operation says `operands`,
    one that takes any number says `many`. `defaults` names trailing operands that may be
    left out or given by keyword.
    """
    arity = 0 if many else len(partials) or operands
    rule = TABLE[name] = Rule(name, forward, partials, arity, **columns)
    rule.defaults = defaults or {}
    rule.function = function_of(rule, rule.defaults)
    return rule.function


# Rows that answer a question. Their functions give a bool for bare numbers, so that & and | do
# there what they do with x > 0.
CONDITIONS: Final = frozenset(
    (
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and",
        "logical_or", "logical_not", "isnan", "isinf", "isfinite",
    )
)  # fmt: skip


def function_of(rule: Rule, defaults: dict[str, float]) -> Callable[..., Any]:
    """The function of numbers and Values that a row defines."""
    name, forward, arity = rule.name, rule.forward, rule.arity
    names = list(defaults)

    def of_one(x: Any, /) -> Any:
        if type(x) is float:
            return forward(x)
        return x._apply(rule, (x,)) if hasattr(x, "_apply") else forward(real(x, name))

    def of_many(*xs: Any) -> Any:
        if len(xs) == 1 and hasattr(xs[0], "__iter__"):
            xs = tuple(xs[0])
        return apply(rule, xs)

    def of_several(*xs: Any, **given: Any) -> Any:
        first = arity - len(names)
        for i, key in enumerate(names, first):
            if i == len(xs):
                xs += (given.pop(key, None),)
            if i < len(xs) and xs[i] is None:
                xs = (*xs[:i], defaults[key], *xs[i + 1 :])
        if len(xs) != arity or given:
            extra = f" and not {', '.join(given)}" if given else ""
            raise TypeError(f"{name} takes {arity} operands, not {len(xs)}{extra}")
        return apply(rule, xs)

    function = of_one if arity == 1 else of_several if arity else of_many
    if name not in CONDITIONS:
        return named(function, rule)

    def condition(*xs: Any) -> Any:
        y = function(*xs)
        return y != 0.0 if type(y) is float else y

    return named(condition, rule)


def named(function: Callable[..., Any], rule: Rule) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = rule.name
    function.__doc__ = rule.doc
    return function


def method(rule: Rule, unary: Callable[..., Any], apply: Callable[..., Any]) -> Callable[..., Any]:
    """The method of Value for a row, given how the engine applies it."""

    def of_one(self: Any) -> Any:
        return unary(rule, self)

    def of_many(self: Any, *others: Any) -> Any:
        return apply(rule, (self, *others))

    def of_several(self: Any, *others: Any, **given: Any) -> Any:
        return rule.function(self, *others, **given)

    return named(of_one if rule.arity == 1 else of_several if rule.arity else of_many, rule)


def apply(rule: Rule, operands: tuple[Any, ...]) -> Any:
    """The operation on numbers, or on whatever has an `_apply` of its own: a Value."""
    for x in operands:
        if type(x) is not float and hasattr(x, "_apply"):
            return x._apply(rule, operands)
    return rule.forward(*[real(x, rule.name) for x in operands])


def real(x: Any, where: str) -> float:
    """x as a float, for any kind of real number; TypeError in a sentence for the rest."""
    if isinstance(x, (float, int)):
        try:
            return float(x)
        except OverflowError:
            raise OverflowError(
                f"{where}: a whole number of {int(x).bit_length()} bits is past the range of "
                "floats, which ends at 1.8e308: scale it down before"
            ) from None
    shape = getattr(x, "shape", ())
    if (
        hasattr(x, "__float__")
        and not hasattr(x, "_apply")
        and all(n == 1 for n in shape)
        and (isinstance(x, numbers.Real) or not isinstance(x, numbers.Complex))
    ):
        return float(getattr(x, "item")() if shape else x)
    if x is None:
        hint = "a function without return gives None"
    elif isinstance(x, (str, bytes)):
        hint = f"write float({x!r}) if it spells a number"
    elif isinstance(x, numbers.Complex) and not hasattr(x, "_apply"):
        hint = "take .real, .imag or abs() of it"
    elif hasattr(x, "_apply"):
        hint = "take its .data for the bare number"
    elif shape or hasattr(x, "__iter__"):
        hint = "go through its elements one by one"
    else:
        hint = "give it a __float__ method"
    raise TypeError(f"{where}: a real number is needed, not {type(x).__name__} {x!r:.60}: {hint}")


class IEEE:
    """A float whose operators answer as IEEE 754 says where Python's raise."""

    __slots__ = ("x",)

    def __init__(self, x: float) -> None:
        self.x = x

    def __float__(self) -> float:
        return self.x

    def _apply(self, rule: Rule, operands: tuple[Any, ...]) -> Any:
        for x in operands:
            if not isinstance(x, (float, int, IEEE)):
                return NotImplemented  # a Value or a symbol computes with it
        return IEEE(rule.forward(*[float(x) for x in operands]))


def _ieee(name: str, xs: tuple[Any, ...]) -> Any:
    return xs[0 if isinstance(xs[0], IEEE) else 1]._apply(TABLE[name], xs)


give_operators(IEEE, _ieee)
