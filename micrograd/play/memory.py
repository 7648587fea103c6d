"""Python's memory as it is once this package is imported: the page goes on from there.

To start Python and import the package takes a browser some seconds, to put back its memory one or
two. It is made once by node, in `memory.mjs`, with what Pyodide has for that, and kept in the
user's cache. Where it cannot be made, or a browser cannot put it back, the page starts Python as
usual. Read on in `folder.py`.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ..files import write_bytes

SCRIPT = Path(__file__).with_suffix(".mjs")
PATIENCE = 120.0  # seconds for node


def memory(pyodide: Path, archive: bytes, cache: Path) -> tuple[str, bytes] | None:
    """A name and the compressed memory of this package under this Pyodide; None without node."""
    node = shutil.which("node")
    if node is None:
        return None
    sign = sha256(archive + SCRIPT.read_bytes() + (pyodide / "pyodide-lock.json").read_bytes())
    kept = cache / f"memory-{sign.hexdigest()[:12]}.bin"
    if kept.is_file():
        return kept.name, kept.read_bytes()
    print("preparing a quick start of the page, once: some ten seconds", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        package, raw = Path(folder, "package.zip"), Path(folder, "memory")
        package.write_bytes(archive)
        command = [node, str(SCRIPT), str(pyodide.resolve()), str(package), str(raw)]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
        if not raw.is_file():
            print("that failed: the page starts as usual, in some seconds", file=sys.stderr)
            return None
        found = gzip.compress(raw.read_bytes(), 6, mtime=0)
    with suppress(OSError):  # a cache is a convenience
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob("memory-*.bin"):
            old.unlink()
        write_bytes(kept, found)
    return kept.name, found
