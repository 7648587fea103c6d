"""Pictures as pixels: a film as GIF, by two optional packages that need no program of the system.

resvg_py turns SVG into pixels, Pillow writes GIF. What is drawn comes from `film.py`.
"""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import Any

from .theme import FONT

NEEDED = 'a film as GIF needs the packages Pillow and resvg_py: pip install "micrograd[gif]"'
PROBE = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="15" '
    f'font-family="{FONT}">M</text></svg>'
)


def gif(pictures: list[str], seconds: list[float], scale: float) -> bytes:
    """The bytes of a GIF without an end: texts of SVG files, and how long each stands."""
    try:
        image, resvg = import_module("PIL.Image"), import_module("resvg_py")
    except ImportError:
        raise ImportError(f"{NEEDED}; save as .svg, which also moves, needs nothing") from None

    def pixels(svg: str) -> Any:
        return image.open(BytesIO(bytes(resvg.svg_to_bytes(svg_string=svg, zoom=scale))))

    if pixels(PROBE).getbbox() is None:
        raise OSError(
            "a film as GIF needs a font, and this machine has none: install one, such as "
            "fonts-dejavu of Debian, or save as .svg"
        )
    # One palette for all, of a picture with every colour, so that nothing flickers.
    shots = [pixels(svg).convert("RGB") for svg in pictures]
    palette = together(image, shots).quantize(255)
    first, *rest = [shot.quantize(palette=palette, dither=0) for shot in shots]
    found = BytesIO()
    first.save(
        found, "GIF", save_all=True, append_images=rest, loop=0, optimize=False,
        duration=[round(1000 * s) for s in seconds],
    )  # fmt: skip
    return found.getvalue()


def together(image: Any, shots: list[Any]) -> Any:
    """The first, the middle and the last picture as one."""
    chosen = [shots[0], shots[len(shots) // 2], shots[-1]]
    width, height = shots[0].size
    found = image.new("RGB", (width, height * len(chosen)))
    for k, shot in enumerate(chosen):
        found.paste(shot, (0, height * k))
    return found
