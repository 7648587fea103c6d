"""Loops and branches as Python: the blocks of a source that `emit.py` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.rule import Rule
from ..ir.region import Branch, Loop

if TYPE_CHECKING:
    from .emit import Writer

LOOSE = -1  # how tightly a condition binds that stands alone


def region_lines(writer: Writer, i: int, rule: Loop | Branch) -> list[str]:
    """A loop or a branch, over several lines."""
    return (
        branch_lines(writer, i, rule) if isinstance(rule, Branch) else loop_lines(writer, i, rule)
    )


def block(inner: Writer, targets: Sequence[str], last: Sequence[str] = ()) -> list[str]:
    """The lines of a body, which give their results these names."""
    program = inner.program
    lines = inner.lines(0, len(program))
    lines += [
        f"{name}.append({inner.output(y)})"
        for name, y in zip(last, program.outputs[len(targets) :])
    ]
    lines += assigned(targets, [inner.output(y) for y in program.outputs[: len(targets)]])
    return ["    " + line for line in lines or ["pass"]]


def assigned(names: Sequence[str], texts: Sequence[str]) -> list[str]:
    """All of them at once, but what stays as it is."""
    pairs = [(name, text) for name, text in zip(names, texts) if name != text]
    if not pairs:
        return []
    return [f"{', '.join(n for n, _ in pairs)} = {', '.join(t for _, t in pairs)}"]


def loop_lines(writer: Writer, i: int, loop: Loop) -> list[str]:
    scope = writer.scope
    assert scope is not None
    xs = writer.program.operands[i]
    a, b = loop.constants, loop.constants + loop.carries
    carries, puts, entries = scope.carries[i], scope.puts[i], scope.entries[i]
    lines = assigned(carries, [writer.output(x) for x in xs[a:b]])
    lines += [f"{put} = []" for put in puts]
    body = type(writer)(loop.body, writer, scope.inside[i][0])
    if loop.test is not None:
        test = type(writer)(loop.test, writer, scope.inside[i][1])
        test.others = test.others - set(loop.test.outputs)
        asked = test.lines(0, len(loop.test))
        end = loop.test.outputs[0]
        if len(asked) == 1 and isinstance(loop.test.rules[end], Rule) and end not in test.text:
            lines.append(f"while {test.expression(end)[0]}:")
        else:
            lines += ["while True:", *["    " + line for line in asked]]
            lines += [f"    if not {test.output(end)}:", "        break"]
    else:
        given = [writer.names[x] for x in xs[b:]]
        if loop.backwards:
            given = [f"reversed({x})" for x in given]
        if not entries:
            lines.append(f"for _ in range({loop.length}):")
        elif len(entries) == 1:
            lines.append(f"for {entries[0]} in {given[0]}:")
        else:
            lines.append(f"for {', '.join(entries)} in zip({', '.join(given)}):")
    lines += block(body, carries, puts)
    return lines + ([f"{put}.reverse()" for put in puts] if loop.backwards else [])


def branch_lines(writer: Writer, i: int, branch: Branch) -> list[str]:
    scope = writer.scope
    assert scope is not None
    names = scope.carries[i]
    yes, no = [
        block(type(writer)(side, writer, inner), names)
        for side, inner in zip((branch.yes, branch.no), scope.inside[i])
    ]
    return [f"if {writer.part(writer.program.operands[i][0], LOOSE)}:", *yes, "else:", *no]
