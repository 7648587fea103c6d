"""Programs in files: what a compiled function does, without the function and without pickle.

A file is JSON: the steps by the names of their operations, constants to the last bit, the
structure of arguments and result, and the parameters. `load.py` reads it.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ..core.foreign import is_array
from ..core.rule import TABLE, Rule
from ..files import write_text
from .arrays.spaces import is_own
from .ir.program import CONSTANT, INPUT, PARAMETER, Program, Source
from .ir.region import ADD, PACK, Branch, Element, Item, Loop, element, item
from .ir.structural import Structural
from .structure import STATIC

if TYPE_CHECKING:
    from .compiled import Compiled

FORMAT = 1
SOURCES: dict[str, Source] = {s.name: s for s in (INPUT, PARAMETER, CONSTANT)}


def save(made: Compiled, path: Any, name: str) -> None:
    """Nothing; the file holds the program and its parameters. TypeError for a user's operations."""
    program = made.program
    for rule in program.all_rules():
        if isinstance(rule, Rule) and not isinstance(rule, Structural) and is_own(rule):
            raise TypeError(
                f"{name}.save: the operation {rule.name} is one of your own, and a file cannot "
                "hold it; save the parameters, and compile the function again"
            )
    text = {
        "micrograd program": FORMAT,
        "name": name,
        "arguments": [structure(x) for x in made.structure.args],
        "keywords": {key: structure(x) for key, x in made.structure.kwargs.items()},
        "input names": made.structure.names,
        "result": structure(made.result.args[0]),
        **written(program),
        "parameters": [p._data.hex() for p in made.parameters],
    }
    text["check"] = check_sum(text)
    write_text(path, json.dumps(text, indent=None, separators=(", ", ": ")))


def check_sum(text: dict[str, Any]) -> str:
    """What changes with every entry: who runs a program of steps has to know that it is whole."""
    rest = {key: x for key, x in text.items() if key != "check"}
    return f"{crc32(json.dumps(rest, sort_keys=True).encode()):08x}"


def written(program: Program) -> dict[str, Any]:
    """A program, or the body of a loop."""
    return {
        "rules": [operation(rule) for rule in program.rules],
        "operands": [list(xs) for xs in program.operands],
        "constants": {str(i): c.hex() for i, c in program.data.items()},
        "names": {str(i): label for i, label in program.names.items()},
        "numbers": {str(i): n for i, n in program.numbers.items()},
        "notes": {str(i): note for i, note in program.notes.items()},
        "inputs": program.inputs,
        "steps of parameters": program.parameters,
        "outputs": program.outputs,
        "bare": sorted(program.bare),
        "order": program.order,
        "sequences": sorted(program.sequences),
    }


def operation(rule: Any) -> Any:
    """The name of an operation, and what else a loop, a branch or a part of them is."""
    if isinstance(rule, Loop):
        test = None if rule.test is None else written(rule.test)
        sizes = [rule.constants, rule.carries, rule.entries]
        return {
            "loop": [written(rule.body), test, sizes, rule.length, rule.backwards, rule.history]
        }
    if isinstance(rule, Branch):
        return {"branch": [written(rule.yes), written(rule.no)]}
    if isinstance(rule, Item):
        return {"item": [rule.k, rule.sequence]}
    if isinstance(rule, Element):
        return {"element": [rule.k, rule.n, rule.sequence]}
    return rule.name


def operation_read(text: Any) -> Any:
    """The operation again; None for one that is not known."""
    if isinstance(text, str):
        return {"pack": PACK, "add_sequences": ADD}.get(text) or TABLE.get(text)
    ((kind, inside),) = text.items()
    if kind == "loop":
        body, test, sizes, length, backwards, history = inside
        asked = None if test is None else read(test)
        return Loop(read(body), asked, tuple(sizes), length, backwards, history)
    if kind == "branch":
        return Branch(read(inside[0]), read(inside[1]))
    return {"item": item, "element": element}[kind](*inside)


def structure(x: Any) -> Any:
    """What an argument or a result looks like; a number is null."""
    if is_array(x):
        return {"array": list(x.shape)}
    if isinstance(x, dict):
        return {"dict": [[key, structure(element)] for key, element in x.items()]}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        raise TypeError(
            f"save: the named tuple {type(x).__name__} cannot be kept in a file: take a plain tuple"
        )
    if isinstance(x, (list, tuple)):
        kind = "list" if isinstance(x, list) else "tuple"
        return {kind: [structure(element) for element in x]}
    if isinstance(x, bytes):
        return {"bytes": x.hex()}
    if isinstance(x, STATIC):
        return {"same": x}
    return None


def example(described: Any, number: Any) -> Any:
    """An argument that looks like this, with numbers made by `number()`."""
    if described is None:
        return number()
    ((kind, inside),) = described.items()
    if kind == "array":
        import numpy as np

        filled = np.empty(inside, dtype=object)
        for i in range(filled.size):
            filled.flat[i] = number()
        return filled
    if kind == "dict":
        return {key: example(element, number) for key, element in inside}
    if kind == "bytes":
        return bytes.fromhex(inside)
    if kind == "same":
        return inside
    elements = [example(element, number) for element in inside]
    return elements if kind == "list" else tuple(elements)


def read(text: dict[str, Any]) -> Program:
    """The program in a file."""
    program = Program()
    for name, xs in zip(text["rules"], text["operands"], strict=True):
        source = isinstance(name, str) and not xs and name in SOURCES
        rule: Any = SOURCES[name] if source else operation_read(name)
        if rule is None:
            raise ValueError(f"load: the operation {name} is not known in this version")
        program.step(rule, tuple(xs))
    program.data = {int(i): float.fromhex(c) for i, c in text["constants"].items()}
    program._constants = {pack(c): i for i, c in program.data.items()}
    program.names = {int(i): label for i, label in text["names"].items()}
    program.numbers = {int(i): n for i, n in text["numbers"].items()}
    program.notes = {int(i): note for i, note in text["notes"].items()}
    program.inputs, program.parameters = text["inputs"], text["steps of parameters"]
    program.outputs, program.order = text["outputs"], text["order"]
    program.bare = set(text["bare"])
    program.sequences = set(text.get("sequences", ()))
    program.forward_steps, program.values = len(program), len(program.outputs)
    return program


def pack(x: float) -> bytes:
    return struct.pack("d", x)
