"""The report as a page: each finding in words, each layer as a strip of small pictures.

Shares stand as numbers beside their bars, so that nothing is told by colour alone. Colours are
those of the drawings, light and dark. `report.py` holds what is shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ..graph.picture.theme import COLOURS, EITHER, FONT, following

if TYPE_CHECKING:
    from .report import Report, Strip

WIDTH, HEIGHT = 150, 34


def report_page(report: Report) -> str:
    """The text of the page, one HTML document without script."""
    body = [f"<h2>{escape(report.title or 'Diagnosis')}</h2>"]
    about = f" ({escape(report.examined)})" if report.examined else ""
    if not report.findings:
        body.append(f"<p><b>Healthy</b>: no finding{about}.</p>")
    else:
        body.append(f"<p>{len(report.findings)} found{about}.</p>")
    for i, f in enumerate(report.findings, 1):
        reason = f"<p>{escape(f.reason)}</p>" if f.reason else ""
        body.append(
            f'<section class="{f.severity}"><h3>{i}. <code>{escape(f.code)}</code> '
            f"<small>{f.severity} at {escape(f.where)}</small></h3>"
            f"<p>{escape(f.sentence)}</p>{reason}<p><b>Try:</b> {escape(f.remedy)}</p></section>"
        )
    if report.strips:
        head = "".join(
            f"<th>{h}</th>" for h in ("layer", "outputs", "gradients", "dead", "saturated")
        )
        rows = "".join(row(s) for s in report.strips)
        body.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(report.title or 'Diagnosis')}</title><style>{style()}</style></head>"
        f'<body><div class="mg-doctor">{"".join(body)}</div></body></html>\n'
    )


def style() -> str:
    """The style sheet, for light and for dark."""
    shape = (
        f".mg-doctor{{font:14px/1.45 {FONT};padding:8px 16px;max-width:60em}}"
        ".mg-doctor section{border-left:4px solid;padding:2px 12px;margin:12px 0}"
        ".mg-doctor h3{margin:6px 0}.mg-doctor p{margin:6px 0}"
        ".mg-doctor small{font-weight:normal}"
        ".mg-doctor table{border-collapse:collapse;margin-top:18px}"
        ".mg-doctor td,.mg-doctor th{padding:4px 12px 4px 0;text-align:left;vertical-align:middle}"
    )

    def paint(c: dict[str, str]) -> str:
        return (
            f".mg-doctor{{background:{c['paper']};color:{c['ink']}}}"
            f".mg-doctor section{{background:{c['box']}}}"
            f".mg-doctor .error{{border-color:{c['red']}}}"
            f".mg-doctor .warning{{border-color:{c['plus']}}}"
            f".mg-doctor small,.mg-doctor .faint{{color:{c['faint']}}}"
            f".mg-doctor .bar{{fill:{c['minus']}}}.mg-doctor .hot{{fill:{c['plus']}}}"
            f".mg-doctor .line{{stroke:{c['border']};fill:none}}"
        )

    # Where it is a page of its own, that has the reader's theme: in a notebook it is none.
    alone = ":root:has(>body>.mg-doctor:only-child){color-scheme:light dark}"
    return shape + alone + following(".mg-doctor", paint(COLOURS["light"]), paint(EITHER))


def row(strip: Strip) -> str:
    name = f"{escape(strip.name)}<br><small>{escape(strip.activation)}</small>"
    sizes = [math.log10(g) for g in strip.gradients if 0 < g < math.inf]
    cells = (
        name,
        histogram(strip.values, f"outputs of {strip.name}"),
        histogram(sizes, f"log10 of the gradients that reach {strip.name}", ", as powers of 10")
        + f"<br><small>{strip.gradient:.2g} on the whole</small>",
        share(strip.dead),
        share(strip.saturated),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def histogram(numbers: Sequence[float], title: str, unit: str = "") -> str:
    """A histogram with its least and largest number written under it."""
    shown = [x for x in numbers if math.isfinite(x)]
    if not shown:
        return '<span class="faint">none</span>'
    low, high = min(shown), max(shown)
    bins = 24
    counts = [0] * bins
    for x in shown:
        at = 0.5 if high == low else (x - low) / (high - low)
        counts[min(bins - 1, int(at * bins))] += 1
    top, w = max(counts), WIDTH / bins
    bars = "".join(
        f'<rect class="bar" x="{i * w:.1f}" y="{HEIGHT - c / top * HEIGHT:.1f}" '
        f'width="{w - 0.8:.1f}" height="{c / top * HEIGHT:.1f}"/>'
        for i, c in enumerate(counts)
        if c
    )
    return (
        f'<svg role="img" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>{escape(title)}, from {low:.3g} to {high:.3g}</title>{bars}"
        f'<path class="line" d="M0 {HEIGHT - 0.5}H{WIDTH}"/></svg>'
        f"<br><small>{low:.3g} to {high:.3g}{unit}</small>"
    )


def share(part: float) -> str:
    """A bar from 0 to 1, with the share in percent beside it."""
    return (
        f'<svg role="img" width="60" height="10" viewBox="0 0 60 10"><title>{part:.0%}</title>'
        f'<path class="line" d="M0.5 0.5H59.5V9.5H0.5Z"/>'
        f'<rect class="hot" x="1" y="1" width="{58 * part:.1f}" height="8"/></svg> {part:.0%}'
    )
