"""Drawing beside Graphviz: time, and how many edges cross, on networks and on random graphs.

Run `python benchmarks/draw.py`; the pictures of the gallery are compared by
`python docs/gallery.py --beside`. A network's graph is its loss, every operation in a box but
long sums, which are one; dot gets the same boxes, and frames as clusters. "crossings" are points
at which two lines of the picture cross, what several edges share counted once; "pairs" are pairs
of edges without a common end that meet anywhere. Both are counted from the coordinates of the
finished pictures. The time is the best of several, from the graph of Values, or for Graphviz
from its description, to the text of the SVG.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import subprocess
import time

import micrograd as mg
from micrograd import Value
from micrograd.graph import draw, scope
from micrograd.graph.picture.svg import Picture
from micrograd.nn import MLP

GRAPHS = {
    "MLP(3, [4, 4, 1])": (3, [4, 4, 1]),
    "MLP(6, [12, 9, 1]), 600 nodes": (6, [12, 9, 1]),
    "MLP(2, [16, 16, 1]), as for moons": (2, [16, 16, 1]),
    "MLP(10, [24, 16, 1]), 2,000 nodes": (10, [24, 16, 1]),
}


def loss(nin, nouts):
    """The squared error of a network with fixed weights and inputs."""
    random.seed(1)
    model = MLP(nin, nouts)
    y = model([Value(random.uniform(-1, 1)) for _ in range(nin)])
    root = (y - 1) ** 2
    root.backward()
    return root


def scoped(seed, leaves=4, operations=30):
    """A graph of random operations on earlier ones, in scopes up to three deep."""
    chance = random.Random(seed)
    nodes = [Value(chance.uniform(-2, 2)) for _ in range(leaves)]
    ways = [[chance.choice("abc") for _ in range(chance.randint(0, 3))] for _ in range(6)]
    for k in range(operations):
        with contextlib.ExitStack() as stack:
            for name in ways[k * len(ways) // operations]:
                stack.enter_context(scope(name))
            a, b = chance.choice(nodes[-8:]), chance.choice(nodes[-8:])
            kind = chance.randrange(4)
            nodes.append(a * b if kind == 0 else a + b if kind < 3 else mg.tanh(a))
    root = mg.sum([node for node in nodes if node not in {x for v in nodes for x in v._prev}])
    root.backward()
    return root


def best(f, least=3):
    """The result of f and its shortest time in seconds, of several calls."""
    times = []
    while len(times) < least:
        start = time.perf_counter()
        result = f()
        times.append(time.perf_counter() - start)
    return result, min(times)


def dot(option, description):
    """What Graphviz's program writes."""
    return subprocess.run(
        ["dot", option], input=description, capture_output=True, encoding="utf-8", check=True
    ).stdout


# Curves as lines ------------------------------------------------------------------------------


def cubic(points, parts=8):
    """A cubic Bezier curve as straight lines."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    found = [(x0, y0)]
    for i in range(1, parts + 1):
        t = i / parts
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        found.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
    return list(itertools.pairwise(found))


def of_ours(shown, style="node"):
    """The lines of our picture: for each edge its ends, and its lines, each drawn once."""
    picture = Picture(shown, style=style)
    edges = []
    look, where = picture.look, picture.where
    ways = [*zip(look.edges, where.routes, strict=True)]
    ways += [(look.edges[k], route) for k, route in where.ends]
    for edge, route in ways:
        lines = []
        for i in range(len(route) - 1):
            a, b = route[i], route[i + 1]
            if i % 2 == 0 and a.y != b.y:
                half = (a.x + b.x) / 2
                lines += cubic([a, (half, a.y), (half, b.y), b])
            else:
                lines.append((tuple(a), tuple(b)))
        edges.append((edge.source, edge.target, lines))
    return edges


def of_dot(description):
    """The same of the picture that Graphviz makes of a description."""
    plain = dot("-Tplain", description)
    edges = []
    for line in plain.replace("\\\n", "").splitlines():
        words = line.split()
        if words and words[0] == "edge":
            n = int(words[3])
            numbers = [72 * float(x) for x in words[4 : 4 + 2 * n]]  # of inches
            points = list(zip(numbers[::2], numbers[1::2], strict=True))
            lines = []
            for i in range(0, n - 1, 3):
                lines += cubic(points[i : i + 4])
            edges.append((words[1], words[2], lines))
    return edges


def crossings(edges):
    """How many points there are at which lines cross, and pairs of edges that do."""
    segments = []
    seen = {}
    for k, (source, target, lines) in enumerate(edges):
        for line in lines:
            if (source, line) in seen:
                seen[source, line].append(k)
            else:
                users = seen[source, line] = [k]
                segments.append((min(line[0][0], line[1][0]), line, source, target, users))
    segments.sort(key=lambda s: s[0])
    active = []
    points, pairs = set(), set()
    for left, line, source, target, users in segments:
        active = [s for s in active if max(s[1][0][0], s[1][1][0]) >= left]  # ends may meet
        for _, other, source2, _, users2 in active:
            if source != source2 and meet(line, other):
                apart = [
                    (min(a, b), max(a, b)) for a in users for b in users2
                    if edges[a][1] != edges[b][1]
                ]  # fmt: skip
                if apart:
                    at = tuple(round(x) for x in where_they_meet(line, other))
                    points.add((min(source, source2), max(source, source2), *at))
                pairs.update(apart)
        active.append((left, line, source, target, users))
    return len(points), len(pairs)


def where_they_meet(p, q):
    """The point of two lines that cross."""
    (ax, ay), (bx, by) = p
    (cx, cy), (dx, dy) = q
    both = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    t = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / both
    return ax + t * (bx - ax), ay + t * (by - ay)


def meet(p, q):
    """Whether two lines cross."""
    (ax, ay), (bx, by) = p
    (cx, cy), (dx, dy) = q
    if max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
        return False

    def side(px, py, qx, qy, rx, ry):
        return (qx - px) * (ry - py) - (qy - py) * (rx - px)

    a, b = side(cx, cy, dx, dy, ax, ay), side(cx, cy, dx, dy, bx, by)
    c, d = side(ax, ay, bx, by, cx, cy), side(ax, ay, bx, by, dx, dy)
    return (a > 0) != (b > 0) and (c > 0) != (d > 0)


# The measurement ------------------------------------------------------------------------------


def both(graph):
    """Crossings of our picture of a graph, and of dot's, None where dot fails."""
    ours = crossings(of_ours(graph.diagram, graph.style))
    try:
        return ours, crossings(of_dot(graph.to_dot().source))
    except subprocess.CalledProcessError:
        return ours, None


def at_random(sizes=(15, 30, 60, 100), count=40):
    """For each size: our crossings and dot's in all, in how many graphs we have more, and how
    many dot draws; over graphs in random scopes."""
    for operations in sizes:
        pairs = [both(draw(scoped(i, operations=operations), most=1000)) for i in range(count)]
        drawn = [(ours[0], theirs[0]) for ours, theirs in pairs if theirs is not None]
        yield (
            operations, sum(a for a, _ in drawn), sum(b for _, b in drawn),
            sum(a > b for a, b in drawn), len(drawn),
        )  # fmt: skip


def networks(have_dot):
    """Print time and crossings for networks with all their operations."""
    print(f"{'graph':<36}{'boxes':>6}{'edges':>6}  {'':<9}{'ms':>8}{'crossings':>11}{'pairs':>8}")
    for name, (nin, nouts) in GRAPHS.items():
        root = loss(nin, nouts)
        graph = draw(root, most=100_000, constants=False)
        shown = graph.diagram
        _, seconds = best(lambda root=root: draw(root, most=100_000, constants=False).svg)
        points, pairs = crossings(of_ours(shown))
        head = f"{name:<36}{len(shown.boxes):>6}{len(shown.links):>6}  "
        print(f"{head}{'builtin':<9}{1000 * seconds:8.0f}{points:11,}{pairs:8,}")
        if not have_dot:
            continue
        text = graph.to_dot().source
        _, theirs = best(lambda text=text: dot("-Tsvg", text))
        points2, pairs2 = crossings(of_dot(text))
        print(f"{'':50}{'dot':<9}{1000 * theirs:8.0f}{points2:11,}{pairs2:8,}")
        ratios = [seconds / theirs, points / max(1, points2), pairs / max(1, pairs2)]
        print(f"{'':50}{'ratio':<9}{ratios[0]:8.2f}{ratios[1]:11.2f}{ratios[2]:8.2f}")


def main():
    have_dot = shutil.which("dot")
    networks(have_dot)
    if not have_dot:
        print("(Graphviz's program dot is not installed: nothing to compare with)")
        return
    print("\nCrossings in all, graphs of operations in random scopes, dot with clusters:")
    count = 40
    for operations, ours, theirs, more, drawn in at_random(count=count):
        print(
            f"{operations:4} operations: builtin {ours:5,}, dot {theirs:5,}; builtin has more in "
            f"{more} of {drawn}, and dot fails on {count - drawn}"
        )


if __name__ == "__main__":
    main()
