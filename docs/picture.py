"""Draws the picture of the README: `python docs/picture.py` writes `images/neuron.svg`."""

from __future__ import annotations

from pathlib import Path

import micrograd as mg
from micrograd import Value

PICTURE = Path(__file__).parent / "images" / "neuron.svg"


def neuron() -> Value:
    """A sigmoid neuron with two inputs, after its backward pass."""
    w0, x0, w1, x1 = Value(2.0), Value(-1.0), Value(-3.0), Value(-2.0)
    b = Value(-3.0)
    s = w0 * x0 + w1 * x1 + b
    f = s.sigmoid()
    mg.name_values(locals())
    f.backward()
    return f


def svg() -> str:
    return mg.draw(neuron(), style="circuit").svg


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(), encoding="utf-8")
    print(f"wrote {PICTURE}")
