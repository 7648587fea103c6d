"""`check_value_class`: grades a Value class that someone wrote as an exercise.

It builds small graphs with the class and compares with what calculus says: first each
operation on leaves, then on results of others and in every position, then whole graphs, then
what a right class need not do. One cause is one finding. Read on in `checker/`: `trials.py` (how an
attempt is made), `operations.py` and `graphs.py` (what is tried), `causes.py` (the sentences).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from .checker.beyond import BEYOND, beyond, missing
from .checker.causes import DIGITS, Wrong, close, shown
from .checker.graphs import chain, equal, order, passes, shared_step
from .checker.limits import within
from .checker.operations import EXPONENTS, FUNCTIONS, LATER, OPERATORS, OTHERS, Operation, has
from .checker.report import Finding, Report
from .checker.trials import Halt, Trial
from .ladder import at_stage

Asked = Callable[[str], bool]
# What is wrong with the first chain is wrong with all that follows.
HIDING: Final = {"no upstream", "order", "upstream changed", "another node's gradient"}


def everything(what: str) -> bool:
    """What is asked for where no stage says otherwise."""
    return True


def check_class(cls: Any, asked: Asked = everything, strict: bool = False) -> Report:
    """A `Report` on a class, of the checks that are asked for by name.

    Names are those of `operations.py`, "forks", "order", and those of `beyond.py`. With `strict`
    an operation that is asked for and missing is a fault, and so is what is beyond the class; and
    no rule is told, since that is what the learner has to find.
    """
    trial = Trial(cls, tells=not strict)
    digits = DIGITS.set(DIGITS.get())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the class: NumPy's, where it counts with that
        with suppress(Halt):
            run(trial, asked, strict)
    DIGITS.reset(digits)
    faults, past = trial.settle(), trial.beyond
    if strict:
        faults, past = [*faults, *past], []
    return Report(getattr(cls, "__name__", repr(cls)), faults, past, trial.tried)


def run(trial: Trial, asked: Asked, strict: bool) -> None:
    """All of it, each part where those before it leave something to stand on."""
    basics(trial, asked)
    if not strict:
        needed(trial)
    good = {op.text for op in wanted(trial, asked, strict) if trial.on_leaves(op)}
    if shared_step(trial):
        raise Halt
    if not strict:
        trial.beyond += missing(trial.cls)
    exponents(trial, asked, good)
    links = "".join(s for s in "*+" if f"a {s} b" in good)
    if not links or not asked("chain"):
        return
    through = "".join(s for s in links if chain(trial, s))
    hidden = {f.wrong.name for f in trial.failures} & HIDING
    if not through or hidden or not equal(trial, through):
        return
    trial.link = (lambda a, b: a * b) if "*" in through else (lambda a, b: a + b)
    sound = set()
    stuck = {f"a {sign} b" for sign in links if sign not in through}
    for op in (*OPERATORS, *EXPONENTS, *FUNCTIONS):
        if op.text not in good - stuck:
            continue
        if trial.on_results(op, forks=asked("forks")):
            sound.add(op.text)
        elif trial.failures[-1].wrong.name in HIDING and op.text == f"a {through[0]} b":
            return  # with this one the others are tried
    signs = "".join(s for s in through if f"a {s} b" in sound)
    if not signs:
        return
    in_place(trial)
    if asked("order") and order(trial, signs):
        passes(trial, signs[0])
        beyond(trial, signs, asked)


def basics(trial: Trial, asked: Asked) -> None:
    """Whether there is something to test."""

    def what() -> None:
        a, b = trial.cls(2.0), trial.cls(3.0)
        for name, start in (
            ("data", "The number is kept in data."),
            ("grad", "A gradient starts at 0, where sums start."),
        ):
            kept = getattr(a, name)
            if isinstance(kept, (str, bytes, list, tuple, dict, set)):
                raise Wrong(name, f"in Value(2.0) it is {kept!r}, and no number", start)
        if trial.number(a.data) != 2.0:
            there = f"Value(2.0).data is {a.data!r}"
            if trial.number(a.data) == 3.0:
                raise Wrong("data is shared", f"{there} after Value(3.0) was made")
            raise Wrong("data", there, "The number is not kept in data.")
        if trial.number(a.grad) != 0.0:
            start = f"it starts as {a.grad!r}"
            raise Wrong("grad", start, "A gradient starts at 0, where sums start.")
        a.grad = 5.0
        if trial.number(b.grad) != 0.0:
            raise Wrong("grad is shared", "setting the grad of one object changes another's")
        for x in (0.1, -1 / 3, 12345.678):
            kept = trial.number(trial.cls(x).data)
            if abs(kept - x) > 1e-7 * max(1.0, abs(x)):
                text = "The number is changed: keep it as it is, without int(), round() or abs()."
                raise Wrong("data", f"Value({x!r}).data is {kept!r}", text)
        if not callable(getattr(a, "backward", None)):
            raise Wrong("no backward", "there is none", "The class has no method backward().")
        a = trial.cls(2.0)
        trial.backward(a)
        if trial.number(a.grad) != 1.0:
            raise Wrong("start of backward", f"after Value(2.0).backward() it is {a.grad!r}")

    if not trial.attempt("Value(data)", what, "__init__"):
        raise Halt
    if trial.number(trial.cls(0.1).data) != 0.1:  # float32
        DIGITS.set(1e-5)
        if asked("few digits"):
            trial.beyond.append(Finding("few digits", BEYOND["few digits"]))


def needed(trial: Trial) -> None:
    """What no class can do without."""

    def what() -> None:
        for method, text in (("__add__", "a + b"), ("__mul__", "a * b")):
            if not has(trial.cls, method):
                raise Wrong(f"no {method}", f"{text} has no meaning", f"There is no {method}.")

    if not trial.attempt("sums and products", what):
        raise Halt


def wanted(trial: Trial, asked: Asked, strict: bool) -> list[Operation]:
    """The operations to try: those asked for, and not those that are beyond the class."""

    def there(op: Operation) -> bool:
        return has(trial.cls, op.method)

    def expected(op: Operation) -> bool:
        if op.method in LATER:
            return there(op)
        needs = has(trial.cls, op.needs) if op.needs else False
        return strict or there(op) or needs or op.method in ("__add__", "__mul__")

    rows = [op for op in OPERATORS if asked(op.text) and expected(op)]
    rows += [op for op in FUNCTIONS if asked(op.text) and (strict or there(op))]
    return rows


def exponents(trial: Trial, asked: Asked, good: set[str]) -> None:
    """Exponents that a right class may refuse, but may not get wrong; and further functions."""
    for op in EXPONENTS:
        if not asked(op.text):
            continue
        try:
            within(partial(trial.build, op.f, trial.leaves(op.points[0])))
        except (Exception, SystemExit):
            if has(trial.cls, "__pow__"):
                trial.tried += 1
                text = f"{op.text} is refused: exponents are plain whole numbers, or plain numbers."
                trial.beyond.append(Finding(op.text, text))
        else:
            if trial.on_leaves(op):
                good.add(op.text)
    for name in OTHERS:
        if asked("others") and callable(getattr(trial.cls, name, None)):
            other(trial, name)


def other(trial: Trial, name: str) -> None:
    """A function by the slope of its own values."""

    def what() -> None:
        for x in (0.4, 0.9):
            leaf = trial.leaves((x,))[0]
            trial.backward(trial.build(lambda v: getattr(v, name)(), [leaf]))
            near = [trial.number(getattr(trial.cls(x + h), name)().data) for h in (1e-5, -1e-5)]
            slope, found = (near[0] - near[1]) / 2e-5, trial.grads([leaf])[0]
            if abs(found - slope) > 1e-6 * max(1.0, abs(slope)):
                evidence = f"at {shown([x])} the gradient is {found:.6g}, its values' {slope:.6g}"
                text = f"The local gradient of {name} is wrong."
                raise Wrong(f"gradient of {name}", evidence, text)

    trial.attempt(f"a.{name}()", what, name)


def in_place(trial: Trial) -> None:
    def what() -> None:
        a = trial.cls(2.0)
        kept = a
        with trial.watched():
            a += trial.cls(3.0)
        if not close(trial.number(kept.data), 2.0):
            raise Wrong("in place", f"after b = a; a += 3 it is {trial.number(kept.data):g}")

    trial.attempt("a += b", what, "__iadd__")


def check_value_class(cls: Any, stage: int | None = None) -> Report:
    """A `Report` on a class with `.data`, `.grad`, operators and `backward()`.

    True if nothing is wrong. `.faults` has what is, one finding for each cause, and `.beyond`
    what a right class does not do yet. Tries each operation on leaves and on results, with
    numbers on either side, at forks; graphs with shared parts; several passes; functions such
    as `tanh` and `relu` if the class has them. Each trial is stopped after a second.

    With `stage` it looks at one stage of the ladder alone (`python -m micrograd learn`), where
    what is missing is a fault; from the seventh on at what the class's file has beside it.
    ValueError for a stage that is not there.

    >>> from micrograd import Value, check_value_class
    >>> check_value_class(Value)
    Value: right, 86 checks
    >>> bool(check_value_class(Value, stage=6))
    True
    """
    return check_class(cls) if stage is None else at_stage(cls, stage, check_class)
