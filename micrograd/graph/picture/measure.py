"""Text in a drawing: how wide it is at most without a font at hand, and what is left out."""

from __future__ import annotations

import unicodedata

# Advance widths in parts of the font size, those of the widest of the fonts that svg.py names.
WIDTHS = {
    **dict.fromkeys("iIjl.,:;|!'()[] ", 0.42), **dict.fromkeys("#+<=>^~", 0.84), "&": 0.8,
    **dict.fromkeys("mwMWQO@%", 1.015), "\t": 1.5,
}  # fmt: skip


def text_width(text: str, font_size: float, bold: bool = False) -> float:
    """How wide a line of text is at most, in pixels."""
    total = 0.0
    for c in text:
        if c in WIDTHS:
            total += WIDTHS[c]
        elif ord(c) < 0x250:
            total += 0.66 if c.islower() or c.isdigit() else 0.78
        elif unicodedata.combining(c):
            continue
        else:
            total += 1.05 if unicodedata.east_asian_width(c) in "WF" else 0.9
    return total * font_size * (1.09 if bold else 1.0)


JOINERS = "\u200c\u200d"  # not printable by themselves, but part of words and emoji


def clean(text: str) -> str:
    """The text on one line, without control characters, which XML does not allow."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in JOINERS else " " if c.isspace() else "\ufffd" for c in text
    )


def clipped(text: str, longest: int = 40) -> str:
    """The text, cut out in the middle where it is long."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}\u2026{text[-half:]}"
