"""The picture of a classifier's decisions: right places, well-formed, told apart without colour."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from micrograd.train import plane

SVG = "{http://www.w3.org/2000/svg}"


def picture(classify, points, y, **options):
    return ElementTree.fromstring(plane.boundary(classify, points, y, "A title", **options))


def regions(root):
    """The rectangles of the background as (x, y, width, fill)."""
    return [
        (float(r.get("x")), float(r.get("y")), float(r.get("width")), r.get("fill"))
        for r in root.iter(f"{SVG}rect")
        if r.get("fill") in plane.REGIONS
    ]


CORNERS = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]


def test_the_regions_cover_the_square_once():
    root = picture(lambda rows: [int(a > b) for a, b in rows], CORNERS, [0, 1, 0, 1])
    found = regions(root)
    assert sum(width for _, _, width, _ in found) == pytest.approx(plane.SIZE * plane.CELLS)
    lines = {y for _, y, _, _ in found}
    assert len(lines) == plane.CELLS


def test_up_is_up_and_right_is_right():
    """A classifier of the upper right quarter colours that quarter."""
    root = picture(lambda rows: [int(a > 0.5 and b > 0.5) for a, b in rows], CORNERS, [0, 0, 0, 1])
    ones = [r for r in regions(root) if r[3] == plane.REGIONS[1]]
    assert ones
    half = plane.SIZE / 2
    assert min(x for x, _, _, _ in ones) == pytest.approx(half, abs=plane.SIZE / plane.CELLS)
    assert max(y for _, y, _, _ in ones) < half


def test_points_stand_on_the_regions_that_they_belong_to():
    root = picture(lambda rows: [int(a > 0.5) for a, b in rows], CORNERS, [0, 1, 0, 1])
    circles = [float(c.get("cx")) for c in root.iter(f"{SVG}circle")]
    assert len(circles) == 2
    assert max(circles) < plane.SIZE / 2
    squares = [
        float(r.get("x")) for r in root.iter(f"{SVG}rect") if r.get("fill") == plane.POINTS[1]
    ]
    assert len(squares) == 2
    assert min(squares) > plane.SIZE / 2


def test_classes_differ_in_shape_and_not_in_colour_alone():
    markers = [plane.marker(k, 10.0, 10.0) for k in range(3)]
    shapes = {re.match(r"<(\w+)", m).group(1) for m in markers}
    assert shapes == {"circle", "rect", "path"}


@pytest.mark.parametrize("classes", [2, 5, 7])
def test_more_classes_than_colours(classes):
    points = [[float(k), float(k % 2)] for k in range(classes)]
    root = picture(lambda rows: [int(a) % classes for a, _ in rows], points, list(range(classes)))
    assert regions(root)


def test_one_point_and_points_on_a_line():
    for points in ([[2.0, 3.0]], [[0.0, 1.0], [5.0, 1.0]]):
        root = picture(lambda rows: [0] * len(rows), points, [0] * len(points))
        text = ElementTree.tostring(root, encoding="unicode")
        assert "nan" not in text
        assert "inf" not in text


def test_texts_are_escaped_and_there_for_screen_readers():
    root = ElementTree.fromstring(
        plane.boundary(
            lambda rows: [0] * len(rows), CORNERS, [0] * 4, "a < b & c", ("x<1", "y&2"), ("<one>",)
        )
    )
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "a < b & c"
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"a < b & c", "x<1", "y&2", "<one>"} <= set(texts)


def test_the_same_twice():
    arguments = (lambda rows: [int(a > b) for a, b in rows], CORNERS, [0, 1, 0, 1], "t")
    assert plane.boundary(*arguments) == plane.boundary(*arguments)
