"""Files written in one go: whoever reads one sees the old content or the new, never half.

`Saved` gives `save` and `load` to whatever has a `state_dict`: models, optimizers,
learning rate schedules.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

FORMAT = "micrograd 1"


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """The path, once the file holds the text. Until then an old file stays as it was."""
    return write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """The same of bytes."""
    target = Path(os.path.realpath(path))  # where a link points, so that the link stays one
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    return Path(path)


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """The path, once the file holds the content; every float reads back as itself."""
    return write_text(path, json.dumps(content, indent=1) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file; ValueError in a sentence where it is cut off or no JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged, or not JSON: {error}") from error


S = TypeVar("S", bound="Saved")


class Saved:
    """Whatever can be written to a file and go on from there."""

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept: names and numbers, fit for JSON."""
        raise NotImplementedError(f"{type(self).__name__} has no state_dict")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards self is in that state. What does not fit changes nothing."""
        raise NotImplementedError(f"{type(self).__name__} has no load_state_dict")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Nothing; afterwards the file holds the state as JSON. The old file stays until then."""
        write_json(path, {"format": FORMAT, "state": self.state_dict()})

    def load(self: S, path: str | os.PathLike[str]) -> S:
        """The object itself, in the state that `save` wrote; a misfit is a ValueError."""
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"{path} was not saved by micrograd")
        state = content.get("state")
        if not isinstance(state, dict):
            raise ValueError(f"{path} is damaged: there is no state in it")
        try:
            self.load_state_dict(state)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{path}: {error}") from error
        return self
