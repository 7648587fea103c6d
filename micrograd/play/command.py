"""`python -m micrograd play`: the page, built and opened in a browser, or built into a folder."""

from __future__ import annotations

import argparse
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .folder import build

TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


class Quiet(SimpleHTTPRequestHandler):
    """Files of one folder, with the types that a browser wants, and no line for each."""

    def guess_type(self, path: Any) -> str:
        """The type of a file, which some systems do not know."""
        return TYPES.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of that folder for this machine alone, not running yet; port 0 is any free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=str(folder)))


def port(text: str) -> int:
    """The number of a port, for the command line."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def opened(folder: Path, port: int) -> ThreadingHTTPServer:
    """The server of that folder; OSError says which port it cannot have."""
    try:
        return server(folder, port)
    except OSError as error:
        words = f"port {port} cannot be had ({error.strerror}); without --port a free one is taken"
        raise OSError(error.errno, words) from None


def play(words: Sequence[str]) -> int:
    """The exit code, once Ctrl-C has ended the server or the folder is written."""
    parser = argparse.ArgumentParser(
        prog="micrograd play",
        description="Open a page on which expressions and small networks can be tried: values, "
        "gradients, pictures, the backward pass step by step, training. It runs in the browser "
        "alone. The first time Pyodide is fetched with npm, 13 MB, and a quick start prepared.",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="only write the page there")
    parser.add_argument("--pyodide", type=Path, metavar="FOLDER", help="where Pyodide's files are")
    parser.add_argument("--port", type=port, default=0, help="of the server (any that is free)")
    parser.add_argument("--no-browser", action="store_true", help="only say where the page is")
    options = parser.parse_args(words)
    if options.out is not None:
        print(f"wrote {build(options.out, options.pyodide)}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        print("building the page", file=sys.stderr)
        with opened(build(Path(folder), options.pyodide), options.port) as serving:
            address = f"http://127.0.0.1:{serving.server_address[1]}/"
            print(f"the page is at {address} until Ctrl-C", flush=True)
            if not options.no_browser:
                webbrowser.open(address)
            serving.serve_forever()
    return 0
