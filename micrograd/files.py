"""Files written in one go: whoever reads one sees the old content or the new, never half."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """The path, once the file holds the text. Until then an old file stays as it was."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    return target


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """The path, once the file holds the content; every float reads back as itself."""
    return write_text(path, json.dumps(content, indent=1) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file; ValueError in a sentence where it is cut off or no JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged, or not JSON: {error}") from error
