"""Draws the pictures of the README and of "How to draw": `python docs/picture.py`."""

from __future__ import annotations

import random
from pathlib import Path

import micrograd as mg
from micrograd import Value, nn
from micrograd.graph import frames

IMAGES = Path(__file__).parent / "images"


def neuron() -> Value:
    """A sigmoid neuron with two inputs, after its backward pass."""
    w0, x0, w1, x1 = Value(2.0), Value(-1.0), Value(-3.0), Value(-2.0)
    b = Value(-3.0)
    s = w0 * x0 + w1 * x1 + b
    f = s.sigmoid()
    mg.name_values(locals())
    f.backward()
    return f


def film() -> str:
    """The backward pass of that neuron, a step after the other."""
    return frames(neuron(), style="circuit").animation()


def model() -> str:
    """A network by layers."""
    random.seed(1)
    return mg.draw(nn.MLP(2, [16, 16, 1])).svg


def pictures() -> dict[str, str]:
    """The text of each picture, by the name of its file."""
    return {
        "neuron.svg": mg.draw(neuron(), style="circuit").svg,
        "film.svg": film(),
        "model.svg": model(),
    }


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (IMAGES / name).write_text(text, encoding="utf-8")
        print(f"wrote {IMAGES / name}")
