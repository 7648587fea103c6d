"""What the scripts that write a page of the docs share: they write it, or compare it.

Which pages these are, and what they hold, is in `mathematics.py` and `deviations.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(page: Path, text: str, script: str = "") -> int:
    """The exit code of a script named as its page: the text is written there.

    With `--check` nothing is written, and the code is 1 if the page holds something else.
    """
    if "--check" in sys.argv[1:]:
        if page.exists() and page.read_text(encoding="utf-8") == text:
            return 0
        script = script or f"docs/{page.stem}.py"
        print(f"{page.name} is not what the table says: run python {script}")
        return 1
    page.write_text(text, encoding="utf-8")
    print(f"wrote {page}")
    return 0
