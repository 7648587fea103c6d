"""Writes what type checkers are told of the engine and the table: `engine.pyi` and `ops.pyi`.

The methods of `Value` and the functions of `ops` come from rows, which a type checker cannot see.
`python docs/stubs.py` writes both files from the table, `--check` says whether they are up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from written import main

from micrograd.core.operators import BINARY, COMPARISONS, UNARY
from micrograd.core.rule import TABLE, Rule
from micrograd.ops import __all__ as names

PACKAGE = Path(__file__).parents[1] / "micrograd"
OWN = ("where", "log", "dot")  # functions in ops.py with a signature of their own
LOGIC = ("__and__", "__or__", "__xor__")

HEAD = '''"""Written by docs/stubs.py: what type checkers know of `{0}`, which see."""

from collections.abc import Callable, Iterable
from typing import Any, SupportsFloat, TypeAlias, overload

'''

VALUE = """Real: TypeAlias = Value | SupportsFloat
LOCK: Any

class Value:
    def __init__(
        self,
        data: SupportsFloat,
        _children: Iterable[Value] = ...,
        _op: str = ...,
        label: str = ...,
    ) -> None: ...
    @property
    def data(self) -> float: ...
    @data.setter
    def data(self, number: SupportsFloat) -> None: ...
    @property
    def grad(self) -> Any: ...
    @grad.setter
    def grad(self, gradient: Real | None) -> None: ...
    @property
    def label(self) -> str: ...
    @label.setter
    def label(self, name: str) -> None: ...
    @property
    def requires_grad(self) -> bool: ...
    @requires_grad.setter
    def requires_grad(self, needed: bool) -> None: ...
    @property
    def _op(self) -> str: ...
    @_op.setter
    def _op(self, name: str) -> None: ...
    @property
    def _prev(self) -> tuple[Value, ...]: ...
    @property
    def _backward(self) -> Callable[[], object]: ...
    @_backward.setter
    def _backward(self, closure: Callable[[], object]) -> None: ...
    def _apply(self, rule: Any, xs: tuple[Any, ...]) -> Any: ...
    def backward(self, seed: SupportsFloat = ..., create_graph: bool = ...) -> None: ...
    def forward(self) -> float: ...
    def detach(self) -> Value: ...
    def conjugate(self) -> Value: ...
    @property
    def real(self) -> Value: ...
    @property
    def imag(self) -> float: ...
    # Attributes of one's own may be set, on any Value.
    def __setattr__(self, name: str, value: Any, /) -> None: ...
    def __pos__(self) -> Value: ...
    def __round__(self, digits: int | None = ..., /) -> Value: ...
    def __divmod__(self, other: Real, /) -> tuple[Value, Value]: ...
    def __rdivmod__(self, other: Real, /) -> tuple[Value, Value]: ...
    def __bool__(self) -> bool: ...
    def __hash__(self) -> int: ...
"""

TAIL = """
def sweep(order: list[Any], alone: bool = ...) -> None: ...
"""

OPS = """from .core.rule import Rule
from .engine import Value

Real: TypeAlias = Value | SupportsFloat
T = TypeVar("T")
TABLE: dict[str, Rule]

@overload
def where(condition: Real, a: Value, b: Real) -> Value: ...
@overload
def where(condition: Real, a: Real, b: Value) -> Value: ...
@overload
def where(condition: bool | int, a: SupportsFloat, b: SupportsFloat) -> float: ...
@overload
def where(condition: Value, a: SupportsFloat, b: SupportsFloat) -> Value: ...
@overload
def log(x: Value, base: Real | None = ...) -> Value: ...
@overload
def log(x: SupportsFloat, base: SupportsFloat | None = ...) -> float: ...
@overload
def log(x: Real, base: Value) -> Value: ...
@overload
def dot(xs: Iterable[SupportsFloat], ys: Iterable[SupportsFloat]) -> float: ...  # type: ignore[overload-overlap]
@overload
def dot(xs: Iterable[Real], ys: Iterable[Real]) -> Value: ...
@overload
def dist(p: Iterable[SupportsFloat], q: Iterable[SupportsFloat]) -> float: ...  # type: ignore[overload-overlap]
@overload
def dist(p: Iterable[Real], q: Iterable[Real]) -> Value: ...
@overload
def softmax(xs: Iterable[SupportsFloat]) -> list[float]: ...  # type: ignore[overload-overlap]
@overload
def softmax(xs: Iterable[Real]) -> list[Value]: ...
@overload
def take(values: Sequence[Sequence[Real]], index: Value) -> list[Value]: ...
@overload
def take(values: Sequence[Real], index: Value) -> Value: ...
@overload
def take(values: Sequence[T], index: SupportsFloat) -> T: ...
@overload
def take(values: Sequence[Any], index: Sequence[Any]) -> list[Any]: ...
"""


def public() -> list[Rule]:
    """The rows that have a method and a function."""
    return [rule for rule in TABLE.values() if not rule.internal]


def method(name: str, rule: Rule) -> str:
    """The declaration of a method of Value."""
    if rule.arity == 1:
        return f"    def {name}(self) -> Value: ...\n"
    if not rule.arity:
        return f"    def {name}(self, *others: Real) -> Value: ...\n"
    others = "".join(
        f", {key}: Real" + (" = ..." if key in rule.defaults else "") for key in operands(rule)[1:]
    )
    return f"    def {name}(self{others}) -> Value: ...\n"


def operands(rule: Rule) -> list[str]:
    """The names of the operands, with those that may be left out."""
    names = [f"x{i}" for i in range(rule.arity - len(rule.defaults))]
    return [*names, *rule.defaults]


def functions(name: str, rule: Rule) -> str:
    """The declarations of a function: a Value if any operand is one, else a float."""
    if not rule.arity:
        return (
            f"@overload\ndef {name}(xs: Iterable[SupportsFloat], /) -> float: ..."
            "  # type: ignore[overload-overlap]\n"
            f"@overload\ndef {name}(xs: Iterable[Real], /) -> Value: ...\n"
            f"@overload\ndef {name}(*xs: SupportsFloat) -> float: ..."
            "  # type: ignore[overload-overlap]\n"
            f"@overload\ndef {name}(*xs: Real) -> Value: ...\n"
        )
    keys = operands(rule)
    optional = set(rule.defaults)

    def declared(which: int | None) -> str:
        parts = []
        for i, key in enumerate(keys):
            kind = "SupportsFloat" if which is None else "Value" if i == which else "Real"
            parts.append(f"{key}: {kind}" + (" = ..." if key in optional and i != which else ""))
        slash = ", /" if not optional else ""
        if which is not None and keys[which] in optional:
            parts.insert(which, "*")
            slash = ""
        result = "float" if which is None else "Value"
        return f"@overload\ndef {name}({', '.join(parts)}{slash}) -> {result}: ...\n"

    return "".join(declared(i) for i in range(len(keys))) + declared(None)


def engine() -> str:
    """The text of engine.pyi."""
    text = HEAD.format("micrograd/engine.py").replace(", overload", "") + VALUE
    for name in UNARY:
        text += f"    def {name}(self) -> Value: ...\n"
    for name in BINARY:
        for form in (name, f"__r{name[2:]}"):
            text += f"    def {form}(self, other: Real, /) -> Value: ...\n"
    for name in COMPARISONS:
        text += f"    def {name}(self, other: Real, /) -> bool: ...\n"
    for rule in public():
        for name in (rule.name, *rule.aliases):
            text += method(name, rule)
    return text + TAIL


def ops() -> str:
    """The text of ops.pyi."""
    text = HEAD.format("micrograd/ops.py").replace("Callable, Iterable", "Iterable, Sequence")
    text = text.replace("overload", "TypeVar, overload") + OPS
    text += "__all__ = [\n" + "".join(f'    "{name}",\n' for name in names) + "]\n\n"
    for rule in public():
        if rule.name not in OWN:
            text += functions(rule.name, rule)
    return text


if __name__ == "__main__":
    sys.exit(
        main(PACKAGE / "engine.pyi", engine(), "docs/stubs.py")
        + main(PACKAGE / "ops.pyi", ops(), "docs/stubs.py")
    )
