"""What to write where a traced function decides by a number: `cond` or `while_loop`, written out.

The statement is read from the user's file, so that the call in the message is one to be copied.
"""

from __future__ import annotations

import ast
import linecache
from typing import Any


def instead_of(line: str) -> str:
    """The call to write for the `if` or `while` at "file:number"; nothing where there is none."""
    file, _, number = line.rpartition(":")
    if not number.isdigit():
        return ""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ""
    found = ""
    for block in blocks(tree):
        for statement, after in zip(block, [*block[1:], None]):
            found = call_for(statement, after, int(number)) or found
    return found


def blocks(tree: ast.AST) -> list[list[ast.stmt]]:
    """All blocks of statements, outer ones first."""
    found = []
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                found.append(block)
    return found


def call_for(statement: ast.stmt, after: ast.stmt | None, line: int) -> str:
    if isinstance(statement, (ast.If, ast.While)):
        end = statement.test.end_lineno or statement.test.lineno
        if statement.test.lineno <= line <= end:
            made = while_call if isinstance(statement, ast.While) else if_call
            return made(statement, after)
        return ""
    if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
        for node in ast.walk(statement):
            if isinstance(node, ast.IfExp) and node.test.lineno <= line:
                test, yes, no = map(text, (node.test, node.body, node.orelse))
                return f"cond({test}, lambda: {yes}, lambda: {no})"
    return ""


def if_call(statement: Any, after: ast.stmt | None) -> str:
    test, yes = text(statement.test), statement.body
    no = statement.orelse or ([after] if after is not None else [])
    if len(yes) == 1 and len(no) == 1 and both(yes[0], no[0], ast.Return):
        return f"return cond({test}, lambda: {text(yes[0].value)}, lambda: {text(no[0].value)})"
    name = assigned(yes)
    other = assigned(statement.orelse)
    if len(name) == 1 and len(yes) == 1 and (not statement.orelse or other == name):
        otherwise = new_value(statement.orelse[0]) if other else name[0]
        return f"{name[0]} = cond({test}, lambda: {new_value(yes[0])}, lambda: {otherwise})"
    names = list(dict.fromkeys([*name, *other]))
    left = f"{', '.join(names)} = " if names else ""
    return f"{left}cond({test}, yes, no), where yes and no are functions of what each side does"


def while_call(statement: Any, after: ast.stmt | None) -> str:
    test, names = text(statement.test), assigned(statement.body)
    if len(names) == 1 and len(statement.body) == 1:
        (name,) = names
        new = new_value(statement.body[0])
        return f"{name} = while_loop(lambda {name}: {test}, lambda {name}: {new}, {name})"
    state = ", ".join(names) or "..."
    return (
        f"{state} = while_loop(more, turn, ({state})), where more(state) is {test} and "
        "turn(state) gives the new state"
    )


def both(a: Any, b: Any, kind: type) -> bool:
    return isinstance(a, kind) and isinstance(b, kind) and bool(a.value and b.value)  # type: ignore[attr-defined]


def assigned(block: list[ast.stmt]) -> list[str]:
    """The names that the statements of a block give new values."""
    found: dict[str, None] = {}
    for statement in block:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found[node.id] = None
    return list(found)


def new_value(statement: Any) -> str:
    """The right side of an assignment, that of `x += 1` written out."""
    if isinstance(statement, ast.AugAssign):
        target = ast.Name(getattr(statement.target, "id", "x"), ast.Load())
        return text(ast.BinOp(target, statement.op, statement.value))
    value = getattr(statement, "value", None)
    return text(value) if value is not None else "..."


class Spelled(ast.NodeTransformer):
    """and, or, not and chains of comparisons as functions, which can be traced."""

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        name = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
        return joined(name, [self.visit(value) for value in node.values])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return joined("logical_not", [self.visit(node.operand)])
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) == 1:
            return self.generic_visit(node)
        sides = [node.left, *node.comparators]
        return joined(
            "logical_and",
            [ast.Compare(a, [op], [b]) for a, op, b in zip(sides, node.ops, sides[1:])],
        )


def joined(name: str, values: list[Any]) -> Any:
    first, *rest = values
    if not rest:
        return ast.Call(ast.Name(name, ast.Load()), [first], []) if name == "logical_not" else first
    return ast.Call(ast.Name(name, ast.Load()), [first, joined(name, rest)], [])


def text(node: Any) -> str:
    return ast.unparse(ast.fix_missing_locations(Spelled().visit(node)))
