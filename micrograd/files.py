"""Files written in one go: whoever reads one sees the old content or the new, never half.

`Saved` gives `save` and `load` to whatever has a `state_dict`: models, optimizers,
learning rate schedules.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, TypeVar

FORMAT = "micrograd 1"
BINARY = getattr(os, "O_BINARY", 0)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """The path, once the file holds the text. Until then an old file stays as it was."""
    return write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """The same of bytes.

    A new file has the permissions that the umask leaves, an old one keeps its own. One without
    permission to write is a PermissionError, for root too. A device or a pipe is written to as it
    is; what is no file at all is an OSError.
    """
    path = check_place(path)
    if writes_directly(path):
        try:
            with open(path, "wb") as file:
                file.write(content)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
        return Path(path)
    target = Path(os.path.realpath(path))  # where a link points, so that the link stays one
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.stat() if target.exists() else None
    name = target.with_name(f".{target.name[:100]}.{os.urandom(6).hex()}")
    try:
        handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | BINARY, 0o666)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        if old is not None:
            with contextlib.suppress(OSError):  # whose file it is, where that can be kept
                if hasattr(os, "chown"):
                    os.chown(name, old.st_uid, old.st_gid)
            os.chmod(name, old.st_mode & 0o7777)
        os.replace(name, target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(target)) from None
        raise
    return Path(path)


def check_place(path: str | os.PathLike[str]) -> str:
    """The name of the file; the OSError if nothing could be written there, before any work."""
    path = name_of(path)
    if writes_directly(path):
        return path
    target = Path(os.path.realpath(path))
    if target.exists():
        if not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
            raise PermissionError(errno.EACCES, "the file is read-only", str(target))
        return path
    near = next(folder for folder in target.parents if folder.exists())
    if not near.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "this is a file, and no folder", str(near))
    if not os.access(near, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "nothing may be written in this folder", str(near))
    return path


def name_of(path: Any) -> str:
    """The name of a file as text; a number, which would be an open file to close, is none."""
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise TypeError(f"a file is named by a string or a Path, not by {path!r:.60}") from None
    if not name or "\0" in name:
        raise ValueError(f"{name!r:.60} is no name of a file")
    return name


def writes_directly(path: str | os.PathLike[str]) -> bool:
    """Whether there is a device or a pipe; OSError for a socket or a disk, which are no files.

    What stands under /dev and /proc is written to in place too: another file cannot take its name.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder", os.fspath(path))
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        raise OSError(errno.EINVAL, "this is no file that can be written", os.fspath(path))
    if not stat.S_ISREG(mode):
        return True
    return os.path.abspath(path).startswith(("/dev/", "/proc/"))


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """The path, once the file holds the content; every float reads back as itself.

    ValueError for what would not read back: two keys that are written alike.
    """
    text = json.dumps(content, indent=1) + "\n"
    parsed(text)
    return write_text(path, text)


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file; ValueError in a sentence where it is cut off or no JSON.

    Nor may it hold a number past the range of floats, or two entries of one name.
    """
    try:
        return parsed(Path(name_of(path)).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged, or not JSON: {error}") from error


def parsed(text: str) -> Any:
    """What the JSON says, if it is whole and plain."""
    return json.loads(text, parse_float=in_range, object_pairs_hook=without_twins)


def in_range(digits: str) -> float:
    x = float(digits)
    if math.isinf(x):
        raise ValueError(f"{digits:.40} is past the range of floats")
    return x


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r:.60} is there twice")
    return found


S = TypeVar("S", bound="Saved")


def without_nan(x: Any, name: str = "the state") -> None:
    """ValueError that names where a nan is: that is no state to go on from."""
    if isinstance(x, dict):
        for key, element in x.items():
            without_nan(element, str(key))
    elif isinstance(x, (list, tuple)):
        for element in x:
            without_nan(element, name)
    elif x != x:
        raise ValueError(f"{name} is nan: training has diverged")


class Saved:
    """Whatever can be written to a file and go on from there."""

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept: names and numbers, fit for JSON."""
        raise NotImplementedError(f"{type(self).__name__} has no state_dict")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards self is in that state. What does not fit changes nothing."""
        raise NotImplementedError(f"{type(self).__name__} has no load_state_dict")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Nothing; afterwards the file holds the state as JSON. The old file stays until then.

        ValueError for a state with nan in it, which would not load.
        """
        try:
            state = self.state_dict()
            without_nan(state)
            write_json(path, {"format": FORMAT, "state": state})
        except ValueError as error:
            raise ValueError(f"{path} is not written: {error}") from error

    def load(self: S, path: str | os.PathLike[str]) -> S:
        """The object itself, in the state that `save` wrote; a misfit is a ValueError."""
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"{path} was not saved by micrograd")
        state = content.get("state")
        if not isinstance(state, dict):
            raise ValueError(f"{path} is damaged: there is no state in it")
        try:
            without_nan(state)
            self.load_state_dict(state)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{path}: {error}") from error
        return self
