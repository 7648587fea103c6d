"""What a picture shows on request: how much gradient flows along each edge, and findings.

The width of an edge stands for the size of the gradient that goes back along it, on a scale of
powers of ten below the largest; where it is 0 the edge is dashed. Findings are those of the
doctor, or whatever else has a code, a place in a model and a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log10
from typing import Any

from .diagram import Diagram

DECADES = 6  # from the widest edge to the thinnest
WIDE, THIN = 7.0, 0.8


def widths(shown: Diagram) -> list[float]:
    """The width of each link in pixels; 0 where no gradient flows."""
    finite = [link.flow for link in shown.links if 0.0 < link.flow < float("inf")]
    largest = max(finite, default=1.0)
    return [width(link.flow, largest) if link.live else 0.0 for link in shown.links]


def width(flow: float, largest: float) -> float:
    if flow != flow or flow == float("inf"):
        return WIDE
    if flow == 0.0:
        return 0.0
    below = min(max(-log10(flow / largest), 0.0), DECADES)
    return WIDE - (WIDE - THIN) * below / DECADES


def legend(shown: Diagram) -> list[tuple[str, float]]:
    """Samples for a legend: words and widths, the largest first."""
    finite = [link.flow for link in shown.links if 0.0 < link.flow < float("inf")]
    largest = max(finite, default=0.0)
    if not largest:
        return [("0", 0.0)]
    steps = [0, 2, 4, 6]
    return [(f"{largest / 10**k:.1e}", width(largest / 10**k, largest)) for k in steps] + [
        ("0", 0.0)
    ]


def with_findings(shown: Diagram, report: Any) -> Diagram:
    """The diagram with each finding at its place: the module, layer or neuron that it names."""
    findings: Iterable[Any] = getattr(report, "findings", report)
    boxes, frames = list(shown.boxes), list(shown.frames)
    remarks = list(shown.remarks)
    for finding in findings:
        paths = [place.split(" ")[0] for place in str(finding.where).split("; ")]
        for path in paths:
            hit = [i for i, frame in enumerate(frames) if frame.path and frame.path == path]
            for i in hit:
                codes = joined(frames[i].found, finding.code)
                frames[i] = frames[i]._replace(found=codes)
            if not hit:
                for i, box in enumerate(boxes):
                    if box.path and (box.path == path or box.path.startswith(path + ".")):
                        boxes[i] = box._replace(found=joined(box.found, finding.code))
        remarks.append(f"{finding.code}: {finding.sentence}")
    boxes = [box._replace(note=noted(box.note, box.found)) for box in boxes]
    frames = [frame._replace(note=noted(frame.note, frame.found)) for frame in frames]
    return shown._replace(boxes=boxes, frames=tuple(frames), remarks=tuple(remarks))


def noted(note: str, found: str) -> str:
    return ", ".join(filter(None, (note, f"finding: {found}" if found else "")))


def joined(words: str, word: str) -> str:
    return words if word in words.split(", ") else ", ".join(filter(None, (words, word)))
