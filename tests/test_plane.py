"""The decision regions as SVG: each cell and each example in its place, well formed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from micrograd import data
from micrograd.plane import CELLS, POINTS, REGIONS, SIZE, boundary, marker

NS = "{http://www.w3.org/2000/svg}"


def halves(points):
    return [int(x[0] > 0) for x in points]


def picture(**more):
    xs, ys = [[-1.0, 0.0], [1.0, 2.0], [1.0, -2.0]], [0, 1, 1]
    return boundary(halves, xs, ys, "<halves> & more", **more)


def test_it_is_well_formed_titled_and_the_same_each_time():
    root = ElementTree.fromstring(picture(axes=("a<b", "c"), names=("left", "right & up")))
    assert root.get("role") == "img"
    assert root.find(f"{NS}title").text == "<halves> & more"
    texts = [t.text for t in root.iter(f"{NS}text")]
    assert texts == ["<halves> & more", "left", "right & up", "a<b", "c"]
    assert picture() == picture()


def test_the_regions_cover_the_plane_and_meet_where_the_class_changes():
    rects = list(ElementTree.fromstring(picture()).iter(f"{NS}rect"))
    cells = [r for r in rects if r.get("fill") in REGIONS]
    assert len(cells) == 2 * CELLS
    assert sum(float(r.get("width")) for r in cells) == pytest.approx(SIZE * CELLS)
    for r in cells:
        left = r.get("fill") == REGIONS[0]
        assert (float(r.get("x")) < SIZE / 2) == left
        assert float(r.get("width")) == SIZE / 2


def test_each_example_is_where_it_belongs_with_the_mark_of_its_class():
    root = ElementTree.fromstring(picture())
    (circle,) = root.iter(f"{NS}circle")
    assert circle.get("fill") == POINTS[0]
    assert (float(circle.get("cx")), float(circle.get("cy"))) == pytest.approx(
        (38.7, 200.0), abs=0.1
    )
    squares = [r for r in root.iter(f"{NS}rect") if r.get("fill") == POINTS[1]]
    assert len(squares) == 2
    assert len({marker(k, 0, 0).split()[0] for k in range(3)}) == 3


def test_iris_has_three_classes():
    xs, ys = data.iris()
    points = [x[2:] for x in xs]
    svg = boundary(
        lambda ps: [min(2, int(p[0] / 2.5)) for p in ps], points, ys, "iris", names=data.SPECIES
    )
    root = ElementTree.fromstring(svg)
    assert len(list(root.iter(f"{NS}circle"))) == 50 + 1
    assert len(list(root.iter(f"{NS}path"))) == 50 + 1


def test_a_single_point_has_room_and_wrong_shapes_are_refused():
    ElementTree.fromstring(boundary(halves, [[1.0, 1.0]], [0], "one"))
    for xs, ys in (([], []), ([[1.0, 2.0]], []), ([[1.0]], [0])):
        with pytest.raises(ValueError, match="two numbers"):
            boundary(halves, xs, ys, "wrong")
