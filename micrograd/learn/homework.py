"""`check_value_class`: grades a Value class that someone wrote as an exercise.

It builds small graphs with the class and compares with what calculus says. Each finding
is a sentence about what is wrong and why it usually is. (Past 300 lines because the sentences
make up much of it, each beside the trial it belongs to.)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any, Final, NamedTuple


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
        self.multiplies = False  # whether a product with a number has been found right
        self.adds = False  # and a sum

    def gradients(self, f: Callable[..., Any], *xs: float) -> tuple[float, list[float], list[Any]]:
        """The value of f, the gradients of its leaves, and the leaves."""
        leaves = [self.cls(x) for x in xs]
        y = f(*leaves)
        y.backward()
        return number(y.data), [number(x.grad) for x in leaves], leaves

    def expect(
        self, name: str, why: str, f: Callable[..., Any], xs: tuple[float, ...], value: float,
        gradients: tuple[float, ...], missing: str = "",
    ) -> bool:  # fmt: skip
        """Note whether f has this value and these gradients at xs, alone and in company.

        `why` explains a wrong number, `missing` an operation that is not there.
        """

        def attempt() -> str:
            try:
                found, slopes, leaves = self.gradients(f, *xs)
            except (TypeError, AttributeError) as error:
                return f"it raises {type(error).__name__}: {error}. {missing or why}"
            moved = [number(x.data) for x in leaves]
            if moved != list(xs):
                return (
                    f"the operation changed its operands from {list(xs)} to {moved}: it has to "
                    "leave self as it is and make a new node."
                )
            if not close(found, value):
                return (
                    f"the value at {shown(xs)} is {found:.9g} and should be {value:.9g}. "
                    f"{cause_of_value(found, value)}{why}"
                ).strip()
            wrong = self.difference(xs, slopes, gradients)
            if wrong:
                return f"{wrong} {self.cause(slopes, gradients)}{why}".strip()
            return self.under_a_factor(f, xs, gradients) or self.at_a_fork(f, xs, gradients)

        return self.note(name, attempt)

    def difference(
        self, xs: tuple[float, ...], found: list[float], right: tuple[float, ...]
    ) -> str:
        """The first gradient that is wrong, in words."""
        for i, (g, exact) in enumerate(zip(found, right, strict=True)):
            if not close(g, exact):
                which = f" of input {i}" if len(right) > 1 else ""
                return f"at {shown(xs)} the gradient{which} is {g:.9g} and should be {exact:.9g}."
        return ""

    def cause(self, found: list[float], right: tuple[float, ...]) -> str:
        """What the wrong numbers look like."""
        if number(self.cls(1.0).grad) != 0.0:
            return "Gradients are kept on the class, and each object needs its own, in self.grad. "
        x = self.cls(1.0)
        x.backward()
        if number(x.grad) != 1.0:
            return "backward() has to start with self.grad = 1, and nothing else. "
        if len(right) > 1 and all(map(close, found, reversed(right))):
            return "Those of the two operands are swapped. "
        for g, exact in zip(found, right, strict=True):
            if close(g, exact):
                continue
            if g == 0.0:
                return (
                    "Nothing arrives: the result does not have this operand among its parents, or "
                    "has no _backward. "
                )
            return "The sign is wrong. " if close(g, -exact) else cause_of_value(g, exact)
        return ""

    def under_a_factor(
        self, f: Callable[..., Any], xs: tuple[float, ...], right: tuple[float, ...]
    ) -> str:
        """Whether it multiplies with the gradient that comes from above."""
        if not self.multiplies:
            return ""
        scaled = tuple(-3.0 * g for g in right)
        found = self.gradients(lambda *leaves: f(*leaves) * -3.0, *xs)[1]
        wrong = self.difference(xs, found, scaled)
        if not wrong:
            return ""
        return (
            f"times -3, {wrong} By the chain rule each local gradient is multiplied with the "
            "gradient of the result, out.grad, and depends on data alone."
        )

    def at_a_fork(
        self, f: Callable[..., Any], xs: tuple[float, ...], right: tuple[float, ...]
    ) -> str:
        """Whether it adds to a gradient that is there already."""
        if not self.adds:
            return ""
        for i in range(len(xs)):
            found = self.gradients(lambda *leaves, i=i: f(*leaves) + leaves[i], *xs)[1]
            more = tuple(g + (k == i) for k, g in enumerate(right))
            wrong = self.difference(xs, found, more)
            if wrong:
                return (
                    f"with the operand used once more, by a sum, {wrong} Gradients add up where a "
                    "number is used twice: `self.grad += ...`, not `=`."
                )
        return ""

    def note(self, name: str, attempt: Callable[[], str]) -> bool:
        """Note the sentence that an attempt gives, or the error it ends with."""
        try:
            sentence = attempt()
        except RecursionError:
            sentence = "it recurses too deeply: Python stops at about 1,000 nested calls."
        except Exception as error:
            sentence = f"it raises {type(error).__name__}: {error}"
            if "unhashable" in sentence:
                sentence += ". A class with an __eq__ of its own loses __hash__; define neither."
        self.report.findings.append(Finding(name, not sentence, sentence))
        return not sentence


def shown(xs: tuple[float, ...]) -> str:
    return f"{xs[0]:g}" if len(xs) == 1 else f"({', '.join(f'{x:g}' for x in xs)})"


def cause_of_value(found: float, right: float) -> str:
    """What a wrong number looks like."""
    if found != right and math.isclose(found, right, rel_tol=1e-4):
        return "It has only some seven digits: keep Python's floats, not float32. "
    if found == math.floor(right) or found == math.trunc(right):
        return "The fraction is lost: / and not //, and no int(). "
    if close(found, -right):
        return "The sign is wrong. "
    return ""


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
    Value: 39 of 39 checks passed
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
                "setting the grad of one object changes another: it is kept on the class, and "
                "each object needs its own, in self.grad."
            )
        return ""

    if trial.note("data and grad", attempt):
        return True
    # A gradient that starts as None leaves the rest worth testing.
    return trial.report.findings[-1].sentence.startswith("the gradient starts")


def operations(trial: Trial) -> None:
    trial.multiplies = right_gradients(trial, lambda a: a * -3.0, -3.0)
    trial.adds = right_gradients(trial, lambda a: a + trial.cls(1.0), 1.0)
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
        ("number / value", lambda a: 7 / a, 2.0, 3.5, -1.75, "__rtruediv__"),
        ("value / number", lambda a: a / 2, 3.0, 1.5, 0.5, ""),
        ("sum of a list", lambda a: sum([a, a]), 3.0, 6.0, 2.0, "__radd__"),
    ):
        if method == "__radd__" and name.startswith("sum"):
            why = "sum() starts with the number 0, and 0 + value calls the value's __radd__."
        elif method:
            sign = name.split()[1]
            why = (
                f"Python calls {method} where the left side is a plain number: "
                f"number {sign} self, in that order."
            )
        else:
            why = ""
        missing = why or "A plain number has to become a node first."
        trial.expect(name, why, f, (x,), y, (g,), missing)

    def in_place() -> str:
        a = trial.cls(2.0)
        kept = a
        a += trial.cls(3.0)
        a *= trial.cls(2.0)
        if number(kept.data) == 2.0:
            return ""
        return (
            f"after b = a; a += 3; a *= 2 the number in b is {number(kept.data):g} and no longer "
            "2: __iadd__ and the like change a node that others still use. Leave them out."
        )

    trial.note("a += b", in_place)


def right_gradients(trial: Trial, f: Callable[..., Any], slope: float) -> bool:
    """Whether f, which other checks build on, works at all."""
    try:
        return close(trial.gradients(f, 2.0)[1][0], slope)
    except Exception:
        return False


def functions(trial: Trial) -> None:
    """Those of the usual functions that the class has."""
    s = 1 / (1 + math.exp(-0.5))
    for name, x, y, g, rule in (
        ("tanh", 0.5, math.tanh(0.5), 1 - math.tanh(0.5) ** 2, "1 - tanh(x)**2"),
        ("exp", 0.5, math.exp(0.5), math.exp(0.5), "exp(x)"),
        ("log", 0.5, math.log(0.5), 2.0, "1/x"),
        ("sigmoid", 0.5, s, s * (1 - s), "s * (1 - s), where s is the result"),
        ("relu", 2.0, 2.0, 1.0, "1 where the operand's data is positive, else 0"),
        ("relu", -2.0, 0.0, 0.0, "1 where the operand's data is positive, else 0"),
        ("sin", 0.5, math.sin(0.5), math.cos(0.5), "cos(x)"),
        ("cos", 0.5, math.cos(0.5), -math.sin(0.5), "-sin(x)"),
    ):
        if hasattr(trial.cls, name):
            title = f"{name}({x:g})"
            why = f"The local gradient of {name} is {rule}: {g:.6g} there."
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

    def plus() -> str:
        return twice_there(trial, "a + a", lambda a: a + a, 2.0)

    def times() -> str:
        return twice_there(trial, "a * a", lambda a: a * a, 6.0)

    trial.note("a number used twice", plus)
    trial.note("a square", times)
    trial.note("a diamond", lambda: compare_diamond(trial))

    def late(a: Any) -> Any:
        b = a + a
        c = b + b
        return c * b

    def order() -> str:
        found = trial.gradients(late, 3.0)[1][0]
        if close(found, 48.0) or not sound(trial):
            return ""
        return (
            f"for b = a + a; c = b + b; c * b at a = 3 the gradient is {found:.6g} and should be "
            "48: b is used by c and by the result, and has to wait for both. Call the nodes in "
            "topological order from the end, each once."
        )

    trial.note("order of the nodes", order)

    def equal() -> str:
        a, b = trial.cls(3.0), trial.cls(3.0)
        y = (a + 1) * (b + 1)
        y.backward()
        found = [number(a.grad), number(b.grad)]
        if all(close(g, 4.0) for g in found) or not sound(trial):
            return ""
        return (
            f"for (a + 1) * (b + 1) with a and b both 3 the gradients are {found} and should be "
            "4 and 4: nodes that hold equal numbers are taken for one. Leave out __eq__ and "
            "__hash__, so that a set tells objects apart."
        )

    trial.note("equal numbers", equal)

    def twice() -> str:
        x = trial.cls(3.0)
        y = x * x * x
        y.backward()
        first = number(x.grad)
        y.backward()
        second = number(x.grad)
        if close(second, 2 * first):
            return ""
        if close(second, first) and loses_leaves(trial):
            return LOST
        if close(second, first):
            return (
                "a second backward() adds nothing: what it has visited is remembered from the "
                "first, in a default argument or on the class. Start with a new set each time."
            )
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
        found = number(x.grad)
        if close(found, 42.0):
            return ""
        if loses_leaves(trial):
            return LOST
        return (
            f"two results that share x*x leave x.grad at {found:.6g} and should leave 42: "
            "the gradient of x*x from the first pass was not set back to 0."
        )

    trial.note("two results share a part", shared)
    trial.note("gradients accumulate on leaves", lambda: LOST if loses_leaves(trial) else "")


LOST: Final = (
    "(x * 2).backward() and then (x * 5).backward() leave x.grad at 5 and should leave 2 + 5: "
    "each backward() overwrites the gradients of the leaves. Only those inside the graph start "
    "again at 0; the leaves add up until someone sets them to 0."
)


def loses_leaves(trial: Trial) -> bool:
    """Whether a pass forgets what earlier ones left on the leaves."""
    x = trial.cls(3.0)
    (x * 2).backward()
    (x * 5).backward()
    return close(number(x.grad), 5.0)


def sound(trial: Trial) -> bool:
    """Whether gradients add up at forks; if not, that is said elsewhere, and is the cause."""
    x = trial.cls(3.0)
    (x * 2 + x * 5).backward()
    if not close(number(x.grad), 7.0):
        return False
    x = trial.cls(3.0)
    (x + x).backward()
    return close(number(x.grad), 2.0)


def twice_there(trial: Trial, what: str, f: Callable[..., Any], right: float) -> str:
    """The verdict on an operation both of whose operands are the same node."""
    found = trial.gradients(f, 3.0)[1][0]
    if close(found, right):
        return ""
    text = f"for {what} at 3 the gradient is {found:.6g} and should be {right:.6g}: "
    if close(found, right / 2):
        fork = trial.gradients(lambda a: a * 2 + a * 5, 3.0)[1][0]
        if close(fork, 7.0):
            return text + (
                "the same node is both operands, and counts once only. A set, or a dictionary by "
                "parent, loses one of the two: keep the parents in a tuple."
            )
        return text + (
            "gradients add up where a number is used twice: `self.grad += ...`, not `=`."
        )
    return text + "each of the two operands brings its part, and the parts are added."


def compare_diamond(trial: Trial) -> str:
    """Two paths that part and meet again, with the topological order put to the test."""
    a, b = 2.0, -3.0
    c = a + b
    right = [2 * c * a * b + c * c * b, 2 * c * a * b + c * c * a]

    def diamond(u: Any, v: Any) -> Any:
        w = u + v
        return (w * u) * (w * v)

    _, found, _ = trial.gradients(diamond, a, b)
    if all(map(close, found, right)) or not sound(trial):
        return ""
    return (
        f"for (c*a)*(c*b) with c = a+b at {shown((a, b))} the gradients are {found} and should be "
        f"{right}. A node may pass its gradient on only when all who use it have given theirs: in "
        "topological order, from the end, each once."
    )


def sizes(trial: Trial) -> None:
    """Many paths, many nodes."""

    def steps_of(doublings: int) -> int:
        """How many lines backward() runs."""
        y = trial.cls(1.0)
        for _ in range(doublings):
            y = y + y
        count = 0

        def tracer(frame: Any, event: str, arg: object) -> Any:
            nonlocal count
            count += event == "line"
            return tracer

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            y.backward()
        finally:
            sys.settrace(before)
        return count

    def paths() -> str:
        few, many = steps_of(6), steps_of(12)
        if many > 16 * few + 1000:
            return (
                f"a chain of 6 doublings takes {few} steps, one of 12 takes {many}: every "
                "doubling of the paths doubles the work, because a node that has been visited is "
                "visited again. Remember the visited ones in a set."
            )
        return ""

    trial.note("many paths", paths)

    def deep() -> str:
        x = trial.cls(1.0)
        y = x
        for _ in range(5000):
            y = y + 1
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(min(limit, 2000))
        try:
            y.backward()
        except RecursionError:
            return (
                "a chain of some thousand nodes raises RecursionError: backward() calls itself, or "
                "a function inside it, for each node. Keep a list as a stack instead."
            )
        finally:
            sys.setrecursionlimit(limit)
        return "" if close(number(x.grad), 1.0) else f"the gradient is {number(x.grad):.6g}, not 1."

    trial.note("a deep graph", deep)
