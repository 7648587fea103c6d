"""`load`: a compiled function from a file that `fast.save(path)` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..engine import Value
from ..files import name_of
from .compiled import Compiled
from .jit import Jit
from .saving import FORMAT, check_sum, example, read
from .structure import Structure, key_of


def load(path: Any, backend: str = "auto") -> Jit[...]:
    """The compiled function that was saved, with parameters of its own.

    It has everything that `jit` gives, `fit` and `to_jax` included, for arguments of the
    structure that it was saved for; ValueError for others, and for a file that is no program.
    `parameters` are new Values, which hold the numbers that were saved.
    """
    path = name_of(path)
    try:
        text = json.loads(Path(path).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        text = None
    if not isinstance(text, dict) or text.get("micrograd program") != FORMAT:
        raise ValueError(f"load: {str(path)!r} holds no program that fast.save(path) wrote")
    if text.get("check") != check_sum(text):
        raise ValueError(f"load: {str(path)!r} is damaged, or was changed after it was written")
    program = read(text)
    parameters = [Value(float.fromhex(p)) for p in text["parameters"]]
    arguments = tuple(example(x, float) for x in text["arguments"])
    keywords = {key: example(x, float) for key, x in text["keywords"].items()}
    name = text["name"]

    def saved(*args: Any, **kwargs: Any) -> Any:
        raise ValueError(
            f"{name}: the program was saved for arguments of another structure; save it once more "
            "after a call with such arguments"
        )

    saved.__name__ = saved.__qualname__ = name
    made = Compiled.__new__(Compiled)
    made.structure = Structure(arguments, keywords)
    made.structure.names = list(text["input names"])
    made.program, made.parameters = program, parameters
    made.result = Structure.of_result(example(text["result"], float))
    made.batches = {}
    fast = Jit(saved, parameters, backend)
    fast.cache[key_of(arguments), key_of(keywords)] = made
    fast.latest = made
    return fast
