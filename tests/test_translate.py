"""functions.h: up to date, and every function in it its Python original, bit for bit."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import random
import textwrap

import pytest
from test_native import EDGES, bits, native, operation, same
from test_ops import points

from micrograd.compiler.native.translate import (
    HEADER,
    Translator,
    Untranslatable,
    functions,
    header,
    sources,
)
from micrograd.core.rule import TABLE

machine = pytest.importorskip(
    "micrograd.compiler.native._machine", reason="the machine was not built: no C compiler"
)
# What needs more of Python than C has: whole numbers without end, sums without rounding, decimals.
PYTHON = {
    "power_partial", "gamma", "lgamma", "digamma", "polygamma", "sinc", "dsinc", "fsum", "round",
    "erfinv", "derfinv", "erfcx", "erfcx_by", "gammainc", "gammaincc", "gammainc_by",
    "gamma_density", "gamma_slope", "betainc", "betainc_by", "beta_density", "beta_slope",
    "j0", "j1", "y0", "y1", "i0", "i1", "bessel_j", "bessel_y", "bessel_i",
}  # fmt: skip


def test_the_header_is_up_to_date():
    if not HEADER.exists():
        pytest.skip("functions.h is written while the machine is built")
    assert HEADER.read_text(encoding="utf-8") == header(), (
        "ieee.py or tails.py has changed: run python -m micrograd.compiler.native.translate"
    )


def test_what_is_translated():
    """All of the table but a few; a row that falls out of C would only become slow."""
    assert set(TABLE) - set(machine.FUNCTIONS) == PYTHON
    assert set(machine.FUNCTIONS) <= set(TABLE)


@pytest.mark.parametrize("name", sorted(set(TABLE) - PYTHON))
def test_each_function(name):
    """Through a program that does nothing else, in columns and on one example."""
    rule = TABLE[name]
    rng = random.Random(name)
    rows = [list(map(float, xs)) for xs in points(rule, 1000)]
    n = len(rows[0])
    rows += [list(xs) for xs in itertools.islice(itertools.product(EDGES, repeat=n), 1100)]
    # Neighbours of edges, and any pattern of bits.
    rows += [
        [rng.choice(EDGES) * (1 + rng.randrange(-3, 4) * 2**-52) for _ in range(n)]
        for _ in range(500)
    ]
    rows += [[random_bits(rng) for _ in range(n)] for _ in range(1000)]
    kept, expected = [], []
    for xs in rows:
        try:
            y = rule.forward(*xs)
        except (ValueError, ZeroDivisionError):
            continue  # refused, or outside of what the rows that use it ask for
        kept.append(xs)
        expected.append(y)
    assert len(kept) > 100
    fast = native(operation(name))
    same(fast.map(*map(list, zip(*kept))), expected, name)
    for xs, y in list(zip(kept, expected))[::9]:
        found = fast(*xs)
        assert bits(found) == bits(y), f"{name}{tuple(xs)}: {found!r} where Python has {y!r}"


def random_bits(rng: random.Random) -> float:
    """Any float, all exponents alike."""
    return float.fromhex(
        f"{rng.choice('+-')}0x1.{rng.getrandbits(52):013x}p{rng.randrange(-1080, 1024)}"
    )


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("clip", [0.0, 1.0, -1.0]),
        ("nll", [2.0, 1.0, 1.0]),
        ("nll", [-1.0, 1.0, 0.0]),
        ("nll", [0.5, 1.0, 0.0]),
        ("nll", [math.inf, 1.0, 0.0]),
        ("nll", [math.nan, 1.0, 0.0]),
    ],
)
def test_what_python_refuses_the_machine_refuses(name, refused):
    rule, fast = TABLE[name], native(operation(name))
    with pytest.raises(ValueError) as expected:
        rule.forward(*refused)
    with pytest.raises(ValueError) as found:
        fast(*refused)
    assert str(found.value) == str(expected.value)


def test_more_than_c_has_is_not_translated():
    """Never to something else: a function with a list, a string or a while stays Python."""

    def with_list(x):
        return [x][0]

    def with_while(x):
        while x > 1.0:
            x = x / 2.0
        return x

    def with_unknown(x):
        return random.gauss(x, 1.0)

    for f in (with_list, with_while, with_unknown):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(f))).body
        with pytest.raises(Untranslatable):
            Translator(tree, sources()).text()


def test_each_function_comes_after_those_it_calls():
    texts = functions()
    seen: set[str] = set()
    for name, text in texts.items():
        seen.add(name)
        called = {other for other in texts if f"mg_{other}(" in text}
        assert called <= seen
