"""The error for a name that a module does not have: it says which name was meant.

The packages that people type from, such as `nn` and `optim`, raise it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def no_attribute(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error: "module 'micrograd.nn' has no attribute 'MPL'. Did you mean: 'MLP'?" """
    near = difflib.get_close_matches(name, known, 1, 0.6) or difflib.get_close_matches(
        name.lower(), [word for word in known if word.islower()], 1, 0.6
    )
    hint = f". Did you mean: {near[0]!r}?" if near else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
