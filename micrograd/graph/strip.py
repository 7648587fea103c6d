"""A film as still pictures one below the other, without a script. Read `frames.py` first."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from ..files import write_text
from .diagram import plural
from .picture import page


class Strip:
    """A film strip: `.svgs` has each picture, `.html` all of them with their arithmetic."""

    def __init__(self, film: Any) -> None:
        self.film = film

    @cached_property
    def svgs(self) -> list[str]:
        return [self.film.svg(i) for i in range(len(self.film))]

    @cached_property
    def html(self) -> str:
        """A page of all pictures, without a script."""
        return page.strip(self.film.title, self.body, self.film.theme)

    @property
    def body(self) -> str:
        return "".join(
            page.figure(i, svg, frame.text, frame.words, frame.formula)
            for i, (svg, frame) in enumerate(zip(self.svgs, self.film.frames, strict=True))
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the page was written to it; the name ends in .html."""
        target = Path(path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"save: the name ends in .html, not as {target}")
        return write_text(target, self.html)

    def _repr_html_(self) -> str:
        return self.body

    def __repr__(self) -> str:
        return f"<Strip of {plural(len(self.film), 'picture')}>"
