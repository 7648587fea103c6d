"""From an exception that a learner's class raises to the cause of it, in words.

`of_error` gives the cause for `trials.py`, `in_line` the place for whoever tells of an error. The
sentences for wrong numbers are in `causes.py`.
"""

from __future__ import annotations

import re
from typing import Final

from .causes import Wrong

KNOWN: Final = ("+", "-", "*", "/", "**", "+=", "-=", "*=", "/=", "**=", "pow()")
REFLECTED: Final = {"__radd__": "+", "__rmul__": "*", "__rsub__": "-", "__rtruediv__": "/"}


def of_error(error: BaseException, doing: str, method: str, cls: type) -> Wrong:
    """The cause of an exception, raised while `doing` "the operation" or "backward"."""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    evidence = f"it raises {said}{in_line(error)}"
    if isinstance(error, RecursionError):
        return Wrong("endless recursion", "it raises RecursionError")
    if "unhashable" in said:
        return Wrong("no __hash__", evidence)
    if doing == "backward":
        if isinstance(error, TypeError) and "'NoneType' object is not callable" in said:
            return Wrong("called, not kept", evidence)
        return Wrong("backward raises", evidence, "backward() ends with an error.")
    if method == "__init__":
        return of_making(error, evidence)
    if isinstance(error, TypeError) and "must be real number" in said:
        why = "A function of math takes a plain number, the data of a node, and not the node."
        return Wrong("math of a node", evidence, why)
    foreign = re.search(r"unsupported operand type\(s\) for (\S+?):", said)
    if foreign and foreign[1] not in KNOWN:
        why = f"Between nodes there is no {foreign[1]}: take operations that the class has."
        return Wrong(f"no {foreign[1]}", evidence, why)
    for reflected, sign in REFLECTED.items():  # inside another method
        if f"for {sign}: 'int' and" in said or f"for {sign}: 'float' and" in said:
            method = reflected
    if "bad operand type for unary -" in said:
        method = "__neg__"
    if method and getattr(cls, method, None) is None:
        if method in REFLECTED:
            sentence = (
                f"There is no {method}, which Python calls where the left side is a plain number: "
                f"number {REFLECTED[method]} self, in that order."
            )
            return Wrong(f"no {method}", evidence, sentence)
        return Wrong(f"no {method}", evidence, f"The class has no {method}.")
    numbers = ("'int'", "'float'", "unsupported operand")
    if isinstance(error, (TypeError, AttributeError)) and any(n in said for n in numbers):
        return Wrong("plain number", evidence)
    name = method or "an operation"
    return Wrong(f"{name} raises", evidence, f"{name.capitalize()} ends with an error.", said)


def in_line(error: BaseException) -> str:
    """Where in a learner's file, which runs as the module `mine`, an error comes from, in words."""
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_globals.get("__name__") == "mine":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", in line {line}" if line else ""


def of_making(error: BaseException, evidence: str) -> Wrong:
    """The cause of an exception where a leaf is made and looked at."""
    if isinstance(error, TypeError) and "argument" in evidence:
        why = (
            "A Value cannot be made of a number alone. What makes it is called __init__, with two "
            "underscores before and behind; it takes the number, and all else has a default."
        )
        return Wrong("making a Value", evidence, why)
    for kept in ("data", "grad"):
        if isinstance(error, AttributeError) and f"no attribute '{kept}'" in evidence:
            return Wrong(f"no {kept}", evidence, f"A new Value has no .{kept}: keep it on self.")
    return Wrong("making a Value", evidence, "Value(2.0) ends with an error.")
