"""`check_value_class`: grades a Value class that someone wrote as an exercise.

It builds small graphs with the class and compares with what calculus says. Each finding
is a sentence about what is wrong and why it usually is.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One thing that was tried: its name, whether it went well, and a sentence if not."""

    name: str
    passed: bool
    sentence: str


class Report:
    """The findings on a class. True if all went well; printed, it lists what did not."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.findings: list[Finding] = []

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.passed]

    def __bool__(self) -> bool:
        return not self.faults

    def __repr__(self) -> str:
        tried = len(self.findings)
        head = f"{self.cls.__name__}: {tried - len(self.faults)} of {tried} checks passed"
        return "\n".join([head, *(f"  {f.name}: {f.sentence}" for f in self.faults)])


class Trial:
    """Runs checks on one class and writes down how they went."""

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.report = Report(cls)

    def gradients(self, f: Callable[..., Any], *xs: float) -> tuple[float, list[float], list[Any]]:
        """The value of f, the gradients of its leaves, and the leaves."""
        leaves = [self.cls(x) for x in xs]
        y = f(*leaves)
        y.backward()
        return number(y.data), [number(x.grad) for x in leaves], leaves

    def expect(
        self, name: str, why: str, f: Callable[..., Any], xs: tuple[float, ...], value: float,
        gradients: tuple[float, ...],
    ) -> bool:  # fmt: skip
        """Note whether f has this value and these gradients at xs."""

        def attempt() -> str:
            found, slopes, leaves = self.gradients(f, *xs)
            if not close(found, value):
                return f"the value at {xs} is {found:.6g} and should be {value:.6g}. {why}"
            for i, (g, right) in enumerate(zip(slopes, gradients, strict=True)):
                if not close(g, right):
                    return (
                        f"at {xs} the gradient of input {i} is {g:.6g} and should be "
                        f"{right:.6g}. {why}"
                    )
            moved = [number(x.data) for x in leaves]
            if moved != list(xs):
                return f"the operation changed its operands from {list(xs)} to {moved}. {why}"
            return ""

        return self.note(name, attempt)

    def note(self, name: str, attempt: Callable[[], str]) -> bool:
        """Note the sentence that an attempt gives, or the error it ends with."""
        try:
            sentence = attempt()
        except RecursionError:
            sentence = "it recurses too deeply: Python stops at about 1,000 nested calls."
        except Exception as error:
            sentence = f"it raises {type(error).__name__}: {error}"
        self.report.findings.append(Finding(name, not sentence, sentence))
        return not sentence


def number(x: Any) -> float:
    return float(getattr(x, "data", x))


def close(a: float, b: float) -> bool:
    return (a != a and b != b) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def check_value_class(cls: Any) -> Report:
    """A `Report` on a class with `.data`, `.grad`, operators and `backward()`.

    Tries each operation, with numbers on either side; forks, diamonds and reuse; a second
    backward; graphs with many paths and with many nodes; large inputs. Functions such as
    `tanh` and `relu` are tried if the class has them. True if nothing is wrong; printed,
    it says in sentences what is, and why that usually happens.

    >>> from micrograd import Value, check_value_class
    >>> check_value_class(Value)
    Value: 37 of 37 checks passed
    """
    trial = Trial(cls)
    if basics(trial):
        operations(trial)
        functions(trial)
        graphs(trial)
        sizes(trial)
    return trial.report


def basics(trial: Trial) -> bool:
    """Whether there is anything to test."""

    def attempt() -> str:
        a, b = trial.cls(2.0), trial.cls(3.0)
        if number(a.data) != 2.0:
            return f"{trial.cls.__name__}(2.0).data is {a.data!r}."
        if a.grad is None or number(a.grad) != 0.0:
            return f"the gradient starts as {a.grad!r}; it should start at 0, where sums start."
        a.grad = 5.0
        if number(b.grad) != 0.0:
            return (
                "setting the grad of one object changes another: it belongs to the class, "
                "not to self."
            )
        return ""

    return trial.note("data and grad", attempt)


def operations(trial: Trial) -> None:
    reversed_hint = "Python tries the reflected method, {}, when the left side is a plain number."
    trial.expect(
        "addition", "d(a+b) is 1 for both.", lambda a, b: a + b, (2.0, 3.0), 5.0, (1.0, 1.0)
    )
    trial.expect(
        "multiplication", "The gradient of each factor is the other one.",
        lambda a, b: a * b, (2.0, -3.0), -6.0, (-3.0, 2.0),
    )  # fmt: skip
    trial.expect(
        "subtraction", "d(a-b) is 1 and -1.", lambda a, b: a - b, (2.0, 3.0), -1.0, (1.0, -1.0)
    )
    trial.expect(
        "division", "d(a/b) is 1/b and -a/b**2.",
        lambda a, b: a / b, (3.0, 2.0), 1.5, (0.5, -0.75),
    )  # fmt: skip
    trial.expect("negation", "d(-a) is -1.", lambda a: -a, (2.0,), -2.0, (-1.0,))
    trial.expect("power", "d(a**n) is n * a**(n-1).", lambda a: a**3, (-2.0,), -8.0, (12.0,))
    trial.expect(
        "negative power", "d(a**n) is n * a**(n-1), for any n.",
        lambda a: a**-2, (2.0,), 0.25, (-0.25,),
    )  # fmt: skip
    for name, f, x, y, g, method in (
        ("number + value", lambda a: 2 + a, 3.0, 5.0, 1.0, "__radd__"),
        ("value + number", lambda a: a + 2, 3.0, 5.0, 1.0, ""),
        ("number * value", lambda a: 2 * a, 3.0, 6.0, 2.0, "__rmul__"),
        ("value * number", lambda a: a * 2, 3.0, 6.0, 2.0, ""),
        ("number - value", lambda a: 2 - a, 3.0, -1.0, -1.0, "__rsub__"),
        ("value - number", lambda a: a - 2, 3.0, 1.0, 1.0, ""),
        ("number / value", lambda a: 6 / a, 3.0, 2.0, -2 / 3, "__rtruediv__"),
        ("value / number", lambda a: a / 2, 3.0, 1.5, 0.5, ""),
        ("sum of a list", lambda a: sum([a, a]), 3.0, 6.0, 2.0, "__radd__"),
    ):
        why = (
            reversed_hint.format(method) if method else "A plain number has to become a node first."
        )
        trial.expect(name, why, f, (x,), y, (g,))


def functions(trial: Trial) -> None:
    """Those of the usual functions that the class has."""
    s = 1 / (1 + math.exp(-0.5))
    for name, x, y, g in (
        ("tanh", 0.5, math.tanh(0.5), 1 - math.tanh(0.5) ** 2),
        ("exp", 0.5, math.exp(0.5), math.exp(0.5)),
        ("log", 0.5, math.log(0.5), 2.0),
        ("sigmoid", 0.5, s, s * (1 - s)),
        ("relu", 2.0, 2.0, 1.0),
        ("relu", -2.0, 0.0, 0.0),
        ("sin", 0.5, math.sin(0.5), math.cos(0.5)),
        ("cos", 0.5, math.cos(0.5), -math.sin(0.5)),
    ):
        if hasattr(trial.cls, name):
            title = f"{name}({x:g})"
            why = f"The local gradient of {name} there is {g:.6g}."
            trial.expect(title, why, methodcaller(name), (x,), y, (g,))
    for name, x, y in (("tanh", 400.0, 1.0), ("tanh", -400.0, -1.0), ("sigmoid", -1000.0, 0.0)):
        if hasattr(trial.cls, name):
            trial.note(f"{name}({x:g})", partial(saturated, trial, name, x, y))


def saturated(trial: Trial, name: str, x: float, y: float) -> str:
    why = (
        f"Written with exp it overflows; use math.{name}, or exp of negative numbers alone."
        if name == "tanh"
        else "exp(1000) overflows; take exp of negative numbers alone."
    )
    try:
        found, slopes, _ = trial.gradients(methodcaller(name), x)
    except OverflowError:
        return f"it raises OverflowError. {why}"
    if not close(found, y) or not abs(slopes[0]) < 1e-100:
        return (
            f"it gives {found:.6g} with gradient {slopes[0]:.6g}, and should give {y:g} and 0. "
            f"{why}"
        )
    return ""


def graphs(trial: Trial) -> None:
    """Graphs in which a number is used more than once."""
    trial.expect(
        "a number used twice", "Gradients add up at a fork: `+=`, not `=`, and an operand that is "
        "there twice counts twice (a set of parents would lose one).",
        lambda a: a + a, (3.0,), 6.0, (2.0,),
    )  # fmt: skip
    trial.expect(
        "a square", "Both factors are the same node, and each brings its part: `+=`, not `=`.",
        lambda a: a * a, (3.0,), 9.0, (6.0,),
    )  # fmt: skip

    def diamond(a: Any, b: Any) -> Any:
        c = a + b
        return (c * a) * (c * b)

    trial.note("a diamond", lambda: compare_diamond(trial, diamond))

    def late(a: Any) -> Any:
        b = a + a
        c = b + b
        return c * b

    trial.expect(
        "order of the nodes", "b is used by c and by the result: it has to wait for both. Depth "
        "first without a topological sort passes half a gradient on.",
        late, (3.0,), 72.0, (48.0,),
    )  # fmt: skip

    def twice() -> str:
        x = trial.cls(3.0)
        y = x * x * x
        y.backward()
        first = number(x.grad)
        y.backward()
        second = number(x.grad)
        if close(second, 2 * first):
            return ""
        return (
            f"after a second backward() the gradient is {second:.6g}, after the first it was "
            f"{first:.6g}: it should double. The gradients inside the graph are left over from the "
            "first pass; set them to 0 before each."
        )

    trial.note("backward twice", twice)

    def shared() -> str:
        x = trial.cls(3.0)
        h = x * x
        (h * 2).backward()
        (h * 5).backward()
        if close(number(x.grad), 42.0):
            return ""
        return (
            f"two results that share x*x leave x.grad at {number(x.grad):.6g} and should leave 42: "
            "the gradient of x*x from the first pass was not set back to 0."
        )

    trial.note("two results share a part", shared)

    def separate() -> str:
        x = trial.cls(3.0)
        (x * 2).backward()
        (x * 5).backward()
        if close(number(x.grad), 7.0):
            return ""
        return f"two results of x leave x.grad at {number(x.grad):.6g} and should leave 2 + 5."

    trial.note("gradients accumulate on leaves", separate)


def compare_diamond(trial: Trial, diamond: Callable[..., Any]) -> str:
    a, b = 2.0, -3.0
    c = a + b
    right = [2 * c * a * b + c * c * b, 2 * c * a * b + c * c * a]
    _, found, _ = trial.gradients(diamond, a, b)
    if all(map(close, found, right)):
        return ""
    return (
        f"for (c*a)*(c*b) with c = a+b at {(a, b)} the gradients are {found} and should be "
        f"{right}. "
        "A node may pass its gradient on only when all who use it have given theirs: in "
        "topological order, from the end."
    )


def sizes(trial: Trial) -> None:
    """Many paths, many nodes."""

    def time_of(doublings: int) -> float:
        x = trial.cls(1.0)
        y = x
        for _ in range(doublings):
            y = y + y
        start = time.perf_counter()
        y.backward()
        return time.perf_counter() - start

    def paths() -> str:
        time_of(8)
        few, many = time_of(10), time_of(14)
        if many > 0.002 and many > 6 * few:
            return (
                "every doubling of the paths doubles the time: a node that has been visited is "
                "visited again. Remember the visited ones in a set."
            )
        return ""

    trial.note("many paths", paths)

    def deep() -> str:
        x = trial.cls(1.0)
        y = x
        for _ in range(max(5000, 3 * sys.getrecursionlimit())):
            y = y + 1
        try:
            y.backward()
        except RecursionError:
            return (
                "a chain of some thousand nodes raises RecursionError: the sort calls itself for "
                "each node. Keep a list as a stack instead."
            )
        return "" if close(number(x.grad), 1.0) else f"the gradient is {number(x.grad):.6g}, not 1."

    trial.note("a deep graph", deep)
