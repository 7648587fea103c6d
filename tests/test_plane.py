"""The picture of a classifier's decisions: right places, well-formed, told apart without colour."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ElementTree

import pytest

from micrograd.train import contours, plane

pytestmark = pytest.mark.once

SVG = "{http://www.w3.org/2000/svg}"


def picture(classify, points, y, **options):
    return ElementTree.fromstring(plane.boundary(classify, points, y, "A title", **options))


def sides(test):
    """The probabilities of two classes: sure of the second where the test holds."""
    return lambda points: [[float(not test(*p)), float(test(*p))] for p in points]


def corners(root, k):
    """The points of the lines around the surest region of class k."""
    fill = plane.SHADES[k][-1]
    (d,) = [r.get("d") for r in root.iter(f"{SVG}path") if r.get("fill") == fill]
    return [tuple(map(float, pair.split())) for pair in re.findall(r"[-\d.]+ [-\d.]+", d)]


CORNERS = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]


def test_up_is_up_and_right_is_right():
    """A classifier of the upper right quarter colours that quarter."""
    root = picture(sides(lambda a, b: a > 0.5 and b > 0.5), CORNERS, [0, 0, 0, 1])
    half, cell = plane.SIZE / 2, plane.SIZE / plane.CELLS
    found = corners(root, 1)
    assert min(x for x, _ in found) == pytest.approx(half, abs=cell)
    assert max(y for _, y in found) == pytest.approx(half, abs=cell)
    assert max(x for x, _ in found) == plane.SIZE
    assert min(y for _, y in found) == 0


def test_edges_are_where_the_probability_is():
    """A probability that grows from left to right: each level is a line that stands upright."""
    root = picture(lambda points: [[1 - (a + 0.12) / 1.24, (a + 0.12) / 1.24] for a, _ in points],
                   CORNERS, [0, 1, 0, 1])  # fmt: skip
    for level, shade in zip((0.5, *plane.LEVELS), plane.SHADES[1]):
        (d,) = [r.get("d") for r in root.iter(f"{SVG}path") if r.get("fill") == shade]
        assert min(float(x) for x in re.findall(r"[ML]([-\d.]+)", d)) == pytest.approx(
            level * plane.SIZE, abs=0.1
        )


def test_a_region_has_a_hole_and_ends_at_the_edge():
    ring = [[float(1 <= max(abs(r - 3), abs(c - 3)) <= 2) for c in range(7)] for r in range(7)]
    assert len(contours.region(ring, 0.5)) == 2
    assert contours.region([[0.0, 0.0]] * 2, 0.5) == []
    square = contours.region([[1.0] * 3] * 3, 0.5)
    assert area(square) == 4.0


def test_areas_of_random_fields_add_up():
    """What is at least a level and what is below it cover the square, once."""
    random.seed(5)
    for _ in range(50):
        rows = [[random.random() for _ in range(8)] for _ in range(6)]
        high = area(contours.region(rows, 0.5))
        low = area(contours.region([[-x for x in row] for row in rows], -0.5))
        assert high + low == pytest.approx(35.0)


def area(lines):
    """What the lines enclose, holes left out: they run the other way round."""
    return abs(sum(
        a[0] * b[1] - b[0] * a[1]
        for line in lines for a, b in zip(line, [*line[1:], line[0]])
    )) / 2  # fmt: skip


def test_ticks_are_numbers_that_are_easily_read():
    assert plane.even(-1.3, 2.9) == [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5]
    for low, span in ((-3e-9, 1e-8), (1e6, 5.0), (0.0, 1.0), (-5.0, 123.0)):
        found = plane.even(low, span)
        assert 3 <= len(found) <= 8
        assert low <= found[0] and found[-1] <= low + span * (1 + 1e-9)


def test_points_stand_on_the_regions_that_they_belong_to():
    root = picture(sides(lambda a, b: a > 0.5), CORNERS, [0, 1, 0, 1])
    marks = [m for m in root.iter() if m.get("class") == "point"]
    circles = [
        float(m.get("cx")) for m in marks if m.get("cx") and float(m.get("cy")) <= plane.SIZE
    ]
    squares = [float(m.get("x")) for m in marks if m.get("x") and float(m.get("y")) <= plane.SIZE]
    assert len(circles) == len(squares) == 2
    assert max(circles) < plane.SIZE / 2 < min(squares)


def test_classes_differ_in_shape_and_not_in_colour_alone():
    markers = [plane.marker(k, 10.0, 10.0) for k in range(3)]
    shapes = {re.match(r"<(\w+)", m).group(1) for m in markers}
    assert shapes == {"circle", "rect", "path"}


@pytest.mark.parametrize("classes", [2, 5, 7])
def test_more_classes_than_colours(classes):
    points = [[float(k), float(k % 2)] for k in range(classes)]
    root = picture(
        lambda rows: [[float(int(a) % classes == k) for k in range(classes)] for a, _ in rows],
        points,
        list(range(classes)),
    )
    assert [r for r in root.iter(f"{SVG}path") if r.get("class") == "region"]


def test_one_point_and_points_on_a_line():
    for points in ([[2.0, 3.0]], [[0.0, 1.0], [5.0, 1.0]]):
        root = picture(lambda rows: [[1.0]] * len(rows), points, [0] * len(points))
        text = ElementTree.tostring(root, encoding="unicode")
        assert "nan" not in text
        assert "inf" not in text


def test_texts_are_escaped_and_there_for_screen_readers():
    root = ElementTree.fromstring(
        plane.boundary(
            lambda rows: [[1.0]] * len(rows),
            CORNERS,
            [0] * 4,
            "a < b & c",
            ("x<1", "y&2"),
            ("<one>",),
        )
    )
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "a < b & c"
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"a < b & c", "x<1", "y&2", "<one>"} <= set(texts)


def test_the_same_twice():
    arguments = (sides(lambda a, b: a > b), CORNERS, [0, 1, 0, 1], "t")
    assert plane.boundary(*arguments) == plane.boundary(*arguments)
