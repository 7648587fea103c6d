"""What a right class need not do: the checker of homework tries it, and does not call it wrong.

Large graphs, a second backward() without setting gradients to 0, large arguments, operations
that are missing. A stage of the ladder may ask for some of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .causes import Wrong, close, wrong_numbers
from .graphs import LINKS
from .limits import TimeUp, within
from .operations import AS_WRITTEN, EXPECTED, has
from .report import Finding
from .trials import Failure, Trial

BEYOND: Final = {
    "a second pass": "A second backward() over the same nodes, or over a part that two results "
    "share, adds to gradients left over inside the graph from the first: set those to 0 before "
    "each, and leave the leaves as they are.",
    "deep graphs": "A chain of 5,000 nodes is too much for it: Python stops at about 1,000 nested "
    "calls. Keep a list as a stack instead of a function that calls itself.",
    "many paths": "A chain of 40 doublings takes too long: every doubling of the paths doubles "
    "the work. Visit each node once, and remember the visited ones in a set.",
    "large arguments": "tanh(400) or sigmoid(-1000) is an error or no number: written with exp it "
    "overflows. Use math.tanh, or exp of negative numbers alone.",
    "grad starts as None": "A gradient is None before the first backward(): as 0.0 it is where "
    "sums start, and nobody has to ask.",
    "few digits": "Its numbers have some seven digits: keep Python's floats, not float32.",
}  # fmt: skip


def beyond(trial: Trial, signs: str, asked: Callable[[str], bool]) -> None:
    """Try it all; what a stage asks for is a fault there."""
    link = LINKS["*" if "*" in signs else "+"]

    def second_pass() -> bool:
        x, two = trial.leaves((3.0, 2.0))
        h = link(x, x)
        y = link(h, two)
        trial.backward(y)
        first = trial.grads([x])[0]
        trial.backward(y)
        trial.backward(link(h, two))
        return close(trial.grads([x])[0], 3 * first)

    def deep() -> bool:
        for n in (300, 5000):
            x, one = trial.leaves((1.0, 1.0))
            y = x
            for _ in range(n):
                y = link(y, one)
            trial.backward(y)
            found = trial.grads([x])
            if not close(found[0], 1.0):  # without a word: that is no limit
                text = wrong_numbers(f"at the start of a chain of {n:,} nodes", found, [1.0])
                trial.failures.append(Failure("a long chain", Wrong("cut short", text)))
                break
        return True

    def paths() -> bool:
        x = y = trial.leaves((1.0,))[0]
        for _ in range(40):
            y = link(y, y)
        trial.backward(y)
        return trial.grads([x])[0] > 0

    def large() -> bool:
        for name, x, value in (("tanh", 400.0, 1.0), ("tanh", -400.0, -1.0), ("sigmoid", -1e3, 0)):
            if hasattr(trial.cls, name):
                leaf = trial.leaves((x,))[0]
                y = getattr(leaf, name)()
                trial.backward(y)
                if not (close(trial.number(y.data), value) and abs(trial.grads([leaf])[0]) < 1e-9):
                    return False
        return True

    for name, attempt in (
        ("a second pass", second_pass), ("deep graphs", deep), ("many paths", paths),
        ("large arguments", large),
        ("grad starts as None", lambda: trial.leaves((1.0,))[0].grad is not None),
    ):  # fmt: skip
        if asked(name):
            limit(trial, name, attempt)


def limit(trial: Trial, name: str, attempt: Callable[[], bool]) -> None:
    trial.tried += 1
    trial.doing = "the operation"
    try:
        if within(attempt):
            return
    except (TimeUp, Exception):
        pass
    trial.beyond.append(Finding(name, BEYOND[name]))


def missing(cls: Any) -> list[Finding]:
    """The usual operations that a class does not have."""
    found = [AS_WRITTEN[name] for name in EXPECTED if not has(cls, name)]
    if not found:
        return []
    return [Finding("not there yet", f"There is no {', no '.join(found)}.", tuple(found))]
