"""What somebody types on the page, as a graph: an expression, or some lines of Python.

A number that a name is given becomes a leaf with that name, so that `a = 2` and `a * a` are all
it takes; the last line, or else the last name that was given a Value, is the result. It runs for
a few seconds at most. Read on in `engine.py`.
"""

from __future__ import annotations

import ast
import builtins
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import micrograd

from ..core.observe import Observer
from ..engine import Value

NAME = "<lines>"  # of the file that they would stand in
SECONDS = 3.0
NODES = 20_000
RESULT = "_result"


class LinesError(ValueError):
    """Why the lines cannot be run, and where: a line from 1, a column from 0, 0 for nowhere."""

    def __init__(self, sentence: str, line: int = 0, column: int = 0) -> None:
        super().__init__(sentence)
        self.line, self.column = line, column


@dataclass
class Leaf:
    """A number with a name, and where it is written: its line from 1, its columns in UTF-16."""

    value: Value
    name: str
    line: int
    start: int
    end: int


@dataclass
class Ran:
    """A result, its leaves, the names that were given, and all nodes in the order of making."""

    root: Value
    leaves: list[Leaf] = field(default_factory=list)
    names: dict[str, Value] = field(default_factory=dict)
    made: list[Any] = field(default_factory=list)

    def free(self) -> None:
        """Let go of the graph, the last node first: in a browser Python ends where a long chain
        is freed from one end, each node by the one before."""
        self.root = Value(0.0)
        self.names.clear()
        let_go(self.made)


def let_go(made: list[Any]) -> None:
    """Drop nodes, those that were made last before what they hold."""
    while made:
        made.pop()


def run(text: str, seconds: float = SECONDS) -> Ran:
    """What the lines come to. LinesError for all that goes wrong in them.

    >>> ran = run("a = 2\\nb = -3\\na * b + 10")
    >>> ran.root.data, [(leaf.name, leaf.value.data, leaf.line) for leaf in ran.leaves]
    (4.0, [('a', 2.0, 1), ('b', -3.0, 2)])
    """
    tree = parsed(text)
    leaves = number_leaves(tree, text)
    room = vocabulary()
    room.update({f"_leaf{i}": leaf.value for i, leaf in enumerate(leaves)})
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.copy_location(
            ast.Assign([ast.Name(RESULT, ast.Store())], last.value), last
        )
    code = compile(ast.fix_missing_locations(tree), NAME, "exec")
    before = set(room)
    counter = Counter()
    wrong = execute(code, room, seconds, counter)
    if wrong is not None:
        room.clear()
        let_go(counter.nodes)
        raise wrong
    given = {k: v for k, v in room.items() if k not in before and isinstance(v, Value)}
    for name, value in given.items():
        if name != RESULT and not value.label:
            value.label = name
    named = {k: v for k, v in given.items() if k != RESULT}
    root = room.get(RESULT, next(reversed(named.values()), None))
    if isinstance(root, (int, float)) and not isinstance(root, bool):
        root = Value(root)
    if not isinstance(root, Value):
        what = "nothing" if root is None else f"{type(root).__name__}, and not a number"
        for names in (room, given, named):
            names.clear()
        let_go(counter.nodes)
        raise LinesError(
            f"the last line gives {what}: end with an expression such as a * b", last.lineno
        )
    return Ran(root, leaves, named, counter.nodes)


def parsed(text: str) -> ast.Module:
    """The syntax tree, which has at least one line."""
    try:
        tree = ast.parse(text, NAME)
    except SyntaxError as error:
        raise LinesError(
            f"this is no Python: {error.msg}", error.lineno or 1, max(0, (error.offset or 1) - 1)
        ) from None
    except (RecursionError, MemoryError):
        raise LinesError("this expression is nested too deeply to be read") from None
    except ValueError as error:
        raise LinesError(f"this is no Python: {error}") from None
    if not tree.body:
        raise LinesError("type an expression, such as relu(2 * 3 - 1)")
    return tree


def number_leaves(tree: ast.Module, text: str) -> list[Leaf]:
    """The leaves; in the tree a name stands for each in the place of its number."""
    leaves: list[Leaf] = []
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        (target,), number = statement.targets, statement.value
        found = constant(number)
        if found is None or not isinstance(target, ast.Name):
            continue
        leaf = Leaf(
            Value(found, label=target.id), target.id, number.lineno,
            column(text, number.lineno, number.col_offset),
            column(text, number.end_lineno or number.lineno, number.end_col_offset or 0),
        )  # fmt: skip
        statement.value = ast.copy_location(ast.Name(f"_leaf{len(leaves)}", ast.Load()), number)
        leaves.append(leaf)
    return leaves


def constant(at: ast.expr) -> float | None:
    """The number that is written there, with its sign."""
    sign = 1.0
    if isinstance(at, ast.UnaryOp) and isinstance(at.op, (ast.USub, ast.UAdd)):
        sign = -1.0 if isinstance(at.op, ast.USub) else 1.0
        at = at.operand
    if not isinstance(at, ast.Constant) or type(at.value) not in (int, float):
        return None
    try:
        return sign * float(at.value)  # type: ignore[arg-type]
    except OverflowError:
        raise LinesError("this number is too large for a float", at.lineno, at.col_offset) from None


def column(text: str, line: int, offset: int) -> int:
    """A column as a browser counts it, from one in bytes."""
    written = text.splitlines()[line - 1].encode()[:offset].decode(errors="ignore")
    return len(written.encode("utf-16-le")) // 2


def vocabulary() -> dict[str, Any]:
    """The names that lines may use without importing them."""
    import math

    names = {name: getattr(micrograd, name) for name in ("nn", "losses", "optim", "data", "grad")}
    operations = {name: getattr(micrograd, name) for name in micrograd.ops.__all__}
    room = {"__name__": "__lines__", "__builtins__": allowed(), "micrograd": micrograd}
    numbers = {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan}
    return {**room, **operations, **names, **numbers, "mg": micrograd, "Value": Value}


def allowed() -> dict[str, Any]:
    """The built-ins without those that reach beyond the page; import takes mathematics alone."""
    found = dict(vars(builtins))
    for name in ("open", "input", "exit", "quit", "breakpoint", "help"):
        found.pop(name, None)

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        first = name.partition(".")[0]
        if first not in ("micrograd", "math", "random", "itertools", "functools"):
            raise LinesError(f"{first} is not on this page; micrograd, math and random are")
        return __import__(name, *args, **kwargs)

    found["__import__"] = importing
    return found


class Counter(Observer):
    """Holds what is made, and ends it before there is too much to draw."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []

    def made(self, node: Any) -> None:
        self.nodes.append(node)
        if len(self.nodes) > NODES:
            raise LinesError(f"these are more than {NODES:,} operations, too many for a page")


class Stopped(BaseException):
    """Time is over: lines that catch every Exception do not catch this."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """A block whose lines end after so long, loops of theirs without end included.

    In a browser there are no threads, with which `learn/checker/limits.py` does the same.
    """
    end = time.monotonic() + seconds

    def inside(frame: FrameType, event: str, argument: Any) -> Any:
        if time.monotonic() > end:
            raise Stopped(frame.f_lineno)
        return inside

    def outside(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != NAME:
            return None
        frame.f_trace_opcodes = True  # a loop on one line comes by no other line
        return inside

    before = sys.gettrace()
    sys.settrace(outside)
    try:
        yield
    finally:
        sys.settrace(before)


def execute(
    code: CodeType, room: dict[str, Any], seconds: float, counter: Counter
) -> LinesError | None:
    """Run the lines; what went wrong, in a sentence and with its line, or None.

    It is given back and not raised, so that nothing holds what the lines had built.
    """
    try:
        with limited(seconds), counter:
            exec(code, room)
    except Stopped as stopped:
        said = f"these lines took longer than {seconds:g} seconds and were stopped"
        return LinesError(said, stopped.args[0])
    except LinesError as error:
        return LinesError(str(error), error.line or line_of(error))
    except RecursionError as error:
        return LinesError("a function calls itself too often", line_of(error))
    except MemoryError as error:
        return LinesError("this needs more memory than a page has", line_of(error))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        said = str(error) or type(error).__name__
        return LinesError(f"{type(error).__name__}: {said}", line_of(error))
    return None


def line_of(error: BaseException) -> int:
    """The last of the lines that an error came through."""
    line, at = 0, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == NAME:
            line = at.tb_lineno
        at = at.tb_next
    return line
