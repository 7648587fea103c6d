"""The error for a name that a module does not have: it says which name was meant.

The packages that people type from, such as `nn` and `optim`, raise it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def close_to(name: str, known: Iterable[str]) -> str:
    """A question about the known name nearest to this one, or nothing if none is near."""
    words = list(known)
    near = difflib.get_close_matches(name, words, 1) or [
        word for word in words if word.lower() == name.lower()
    ]
    return f". Did you mean: {near[0]!r}?" if near else ""


def no_attribute(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error: "module 'micrograd.nn' has no attribute 'MPL'. Did you mean: 'MLP'?" """
    hint = close_to(name, known)
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
