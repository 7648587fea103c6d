"""What `show()` does: in a notebook it displays, elsewhere the picture opens in the browser.

Every desktop has a browser, and with it the page can fold and search; other viewers of SVG do not.
"""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..files import write_text


def show(picture: Any, page: Callable[[], str], ending: str = ".html") -> None:
    """Nothing; shows a picture where the user is: its page is asked for only in a terminal."""
    if in_notebook():
        sys.modules["IPython"].display.display(picture)
        return
    folder = Path(tempfile.mkdtemp(prefix="micrograd-"))  # the viewer reads it when it is up
    path = write_text(folder / f"picture{ending}", page())
    if not webbrowser.open(path.as_uri()):
        print(f"no browser opens here; the picture is {path}")


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, which can show more than text."""
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python is not None else None
    return getattr(shell, "kernel", None) is not None
