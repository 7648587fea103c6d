"""The layout by itself: columns, order, and few crossings, without any drawing."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd.graph import draw
from micrograd.graph.picture.layout import layout
from micrograd.graph.picture.ranks import Edge, ranks

pytestmark = pytest.mark.once

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "draw.py"


@st.composite
def graphs(draw):
    """Sizes of boxes, and edges from earlier to later ones."""
    n = draw(st.integers(1, 30))
    sizes = draw(st.lists(st.tuples(st.floats(5, 200), st.floats(5, 90)), min_size=n, max_size=n))
    edges = []
    if n > 1:
        for _ in range(draw(st.integers(0, 45))):
            a = draw(st.integers(0, n - 2))
            b = draw(st.integers(a + 1, n - 1))
            edges.append(Edge(a, b, draw(st.floats(-2, 2))))
    free = draw(st.sets(st.integers(0, n - 1)))
    return sizes, edges, free


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_boxes_stay_apart_and_edges_join_them(graph):
    sizes, edges, free = graph
    found = layout(sizes, edges, (30.0, 10.0), free)
    spans = [
        (p.x, p.x + w, p.y - h / 2, p.y + h / 2)
        for p, (w, h) in zip(found.boxes, sizes, strict=True)
    ]
    for i, (left, right, top, bottom) in enumerate(spans):
        assert -1e-6 <= left <= right <= found.width + 1e-6
        assert -1e-6 <= top <= bottom <= found.height + 1e-6
        for left2, right2, top2, bottom2 in spans[i + 1 :]:
            beside = right <= left2 or right2 <= left
            assert beside or bottom <= top2 + 1e-6 or bottom2 <= top + 1e-6
    for edge, route in zip(edges, found.routes, strict=True):
        assert route[0].x == pytest.approx(spans[edge.source][1])
        assert route[-1].x == pytest.approx(spans[edge.target][0])
        assert all(a.x <= b.x + 1e-6 for a, b in itertools.pairwise(route))
        if edge.target not in free:
            assert route[-1].y == pytest.approx(found.boxes[edge.target].y + edge.port)


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_edges_do_not_run_through_boxes(graph):
    sizes, edges, free = graph
    found = layout(sizes, edges, (30.0, 10.0), free)
    for route in found.routes:
        for a, b in zip(route[1::2], route[2::2]):  # straight through a column
            for p, (w, h) in zip(found.boxes, sizes, strict=True):
                inside = a.x < p.x + w - 1e-6 and p.x + 1e-6 < b.x
                assert not (inside and abs(a.y - p.y) < h / 2 - 1e-6)


@settings(max_examples=300, deadline=None)
@given(graphs(), st.booleans())
def test_curves_do_not_run_through_boxes(graph, upright):
    sizes, edges, free = graph
    found = layout(sizes, edges, (30.0, 10.0), free, upright=upright)
    for edge, route in zip(edges, found.routes, strict=True):
        others = [
            (p, w, h)
            for i, (p, (w, h)) in enumerate(zip(found.boxes, sizes, strict=True))
            if i not in (edge.source, edge.target)
        ]
        for a, b in zip(route[::2], route[1::2]):
            for x, y in curve(a, b):
                for p, w, h in others:
                    assert not (p.x + 0.6 < x < p.x + w - 0.6 and abs(y - p.y) < h / 2 - 0.1)


def curve(a, b):
    """Points of a bend."""
    half = (a.x + b.x) / 2
    for k in range(1, 16):
        t = k / 16
        u = 1 - t
        x = u**3 * a.x + 3 * u * t * half + t**3 * b.x
        yield x, (u**3 + 3 * u * u * t) * a.y + (3 * u * t * t + t**3) * b.y


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_columns(graph):
    sizes, edges, _ = graph
    column = ranks(len(sizes), edges)
    assert min(column) == 0
    assert all(column[edge.source] < column[edge.target] for edge in edges)


def test_columns_of_parallel_chains_begin_together():
    """Trees that hang on several common inputs are not pushed apart by their users."""
    # 0 and 1 are inputs of 2, 3 and 4; the sum 5 = 2 + 3, then 6 = 5 + 4.
    edges = [Edge(i, j) for j in (2, 3, 4) for i in (0, 1)]
    edges += [Edge(2, 5), Edge(3, 5), Edge(5, 6), Edge(4, 6)]
    column = ranks(7, edges)
    assert column[2] == column[3] == column[4]


def test_operands_that_may_change_places_do_not_twist():
    sizes = [(20.0, 20.0)] * 3
    edges = [Edge(1, 2, -5.0), Edge(0, 2, 5.0)]
    found = layout(sizes, edges, free={2})
    ends = {found.boxes[e.source].y: r[-1].y for e, r in zip(edges, found.routes, strict=True)}
    (_, first), (_, second) = sorted(ends.items())
    assert first < second


def test_wide_and_long_graphs():
    n = 3000
    fan = layout([(10.0, 10.0)] * (n + 1), [Edge(i, n) for i in range(n)])
    assert fan.height > n * 10
    chain = layout([(10.0, 10.0)] * n, [Edge(i, i + 1) for i in range(n - 1)])
    assert len({round(p.y, 6) for p in chain.boxes}) == 1


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz's program")
@pytest.mark.parametrize("sizes", [(3, [4, 4, 1]), (2, [8, 8, 1]), (6, [12, 9, 1])])
def test_crossings_beside_graphviz(sizes):
    """At most as many as dot has with clusters, from the coordinates of both pictures."""
    benchmark = the_benchmark()
    ours, theirs = benchmark.both(draw(benchmark.loss(*sizes), most=10_000, constants=False))
    assert ours[0] <= theirs[0]


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz's program")
def test_crossings_of_random_graphs_in_random_scopes():
    """In all at most as many as dot has where it draws them, and seldom more in one."""
    for _, ours, theirs, more, drawn in the_benchmark().at_random((20, 50), count=10):
        assert drawn > 2
        assert ours <= theirs
        assert more <= drawn / 2


def test_edges_of_dense_bundles_share_trunks():
    """From 8 boxes to 8 others: an upright line each, and corners alone."""
    n = 8
    sizes = [(20.0, 40.0)] * (2 * n)
    edges = [Edge(i, n + j, 4.0 * i - 16) for i in range(n) for j in range(n)]
    curves = layout(sizes, edges)
    found = layout(sizes, edges, upright=True)
    assert found.crossings < 0.5 * curves.crossings
    trunks = {}
    for edge, route in zip(edges, found.routes, strict=True):
        for a, b in itertools.pairwise(route):
            assert a.x == b.x or a.y == b.y
            if a.x == b.x and a.y != b.y:
                trunks.setdefault(edge.source, set()).add(a.x)
    assert all(len(xs) == 1 for xs in trunks.values())
    assert len(trunks) == n


def test_edges_of_small_bundles_enter_so_that_few_cross():
    """From 3 passages to 3 boxes in any order: what turns off first is outermost at both ends."""
    sizes = [(0.0, 2.0)] * 3 + [(20.0, 60.0)] * 3
    edges = [Edge(i, 3 + j, 12.0 * i - 12) for i in range(3) for j in range(3)]
    free = range(3, 6)
    assert layout(sizes, edges, free=free).crossings == 9
    assert layout(sizes, edges, free=free, first=range(3), upright=True).crossings == 6
    assert layout(sizes, edges, first=range(3), upright=True).crossings == 9  # an order is kept


def test_boxes_that_differ_in_width_alone_share_a_layout():
    known = {}
    edges = [Edge(0, 2, -4.0), Edge(1, 2, 4.0), Edge(0, 3), Edge(2, 3)]
    for wide in (20.0, 90.0, 40.0):
        sizes = [(wide + 3 * i, 24.0) for i in range(4)]
        shared = layout(sizes, edges, free={3}, upright=True, known=known)
        assert shared == layout(sizes, edges, free={3}, upright=True)
    assert len(known) == 1
    layout([(20.0, 25.0)] * 4, edges, free={3}, known=known)
    assert len(known) == 2


def the_gallery():
    spec = importlib.util.spec_from_file_location(
        "gallery", BENCHMARK.parent.parent / "docs" / "gallery.py"
    )
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    return gallery


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz's program")
def test_no_picture_of_the_gallery_has_more_crossings_than_that_of_dot():
    benchmark = the_benchmark()
    for name, entry in the_gallery().ENTRIES.items():
        graph = entry.graph()
        if graph.style != "arrays":
            ours, theirs = benchmark.both(graph)
            assert ours[0] <= theirs[0], name


def test_edges_leave_a_box_where_they_are_told_to():
    """Two edges from different heights of one box to another do not become one."""
    found = layout([(20.0, 60.0)] * 2, [Edge(0, 1, 5.0, -20.0), Edge(0, 1, -5.0, 20.0)])
    (a, _), (b, _) = found.routes
    assert b.y - a.y == pytest.approx(40.0)
    assert found.crossings == 1


def the_benchmark():
    spec = importlib.util.spec_from_file_location("benchmark", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    return benchmark


def test_the_benchmark_counts_crossings():
    benchmark = the_benchmark()
    cross = [("a", "b", [((0, 0), (2, 2))]), ("c", "d", [((0, 2), (2, 0))])]
    assert benchmark.crossings(cross) == (1, 1)
    assert benchmark.crossings([cross[0], ("c", "d", [((0, 1), (2, 3))])]) == (0, 0)
    joined = [
        ("a", "b", [((0, 0), (1, 1)), ((1, 1), (2, 2))]),
        ("c", "d", [((1, 2), (1, 1)), ((1, 1), (2, 0))]),
    ]
    assert benchmark.crossings(joined)[1] == 1  # where the pieces of both meet
    shared = [*cross, ("c", "e", [((0, 2), (2, 0)), ((2, 0), (3, 0))])]
    assert benchmark.crossings(shared) == (1, 2)
