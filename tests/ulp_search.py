"""Looks for the worst errors of the table: each row's value, first and second derivatives.

    python tests/ulp_search.py                 # every row, a few minutes
    python tests/ulp_search.py silu logaddexp  # some
    python tests/ulp_search.py --dense 4       # four times as many points
    python tests/ulp_search.py --climb 20 gammainc betainc  # 20 s each from bad to worse

Prints for each row and order the largest error in units in the last place, and where it
was. Points are random over many orders of magnitude, and as bad as they can be found: on
and beside the zeros of the function and of each derivative, on and beside ties of the
operands. With `--climb` operands come from wider domains, and the worst of them are moved, by
everything from an ulp to a factor, as long as the error grows. `test_ops.py` runs a part of this; the judge is `reference.py`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
from collections.abc import Iterator

import mpmath as mp
import reference
from mpmath import mpf

from micrograd import Value
from micrograd.core.node import apply
from micrograd.core.rule import TABLE, Rule

HOW_MANY = {
    "dot": 4,
    "weighted_sum": 5,
    "nll": 4,
    "take": 4,
}  # operands of those that take any number
NEEDS_BITS = {"erf", "erfc", "ndtr", "gelu", "dgelu", "tanh"}  # flat to hundreds of digits
FLATTER = {"logsumexp", "logaddexp", "share", "dshare", "nll", "sigmoid", "dsigmoid", "silu", "dsilu",
           "d2silu", "elu", "softplus", "logsigmoid"}  # fmt: skip
# Rows that are second derivatives themselves: their own derivative is the third.
SECOND = {"d2silu", "d2gelu", "gamma_slope", "beta_slope"}
# Rows whose judge is slow: fewer points.
SLOW = {"gammainc", "gammaincc", "gammainc_by", "betainc", "betainc_by", "erfinv", "derfinv"}
# Operands that are numbers, as no derivative by them is stated.
NUMBERS = {
    "polygamma": (0,),
    "dsinc": (0,),
    "power_partial": (2, 3),
    "ldexp": (1,),
    "nll": (0,),
    "take": (0,),
    "erfcx_by": (0,),
    "gammainc_by": (0,),
    "gamma_density": (0,),
    "betainc_by": (0, 1),
    "beta_density": (0, 1),
    "bessel_j": (0, 1),
    "bessel_y": (0, 1),
    "bessel_i": (0, 1),
}
TIES = {"logaddexp", "share", "dshare", "exp_gap", "exp_diff", "logsumexp", "hypot", "unit",
        "datan2", "inv_r2", "atan2", "nll", "sub", "div"}  # fmt: skip


def draw(low: float, high: float, rng: random.Random) -> float:
    """A number from the interval, near its ends and near 0 as often as in the middle."""
    if low == high:
        return low
    if high == math.inf:
        near, far = rng.uniform(0, 4), 10 ** rng.uniform(-12, 2.3)
        x = rng.choice([near, far, rng.uniform(0, 40)])
        if low == -math.inf:
            return rng.choice([-x, x])
        return low + (rng.choice([x, 10 ** rng.uniform(-100, 100)]) if low == 0 else x)
    width = high - low
    edge = width * 10 ** rng.uniform(-9, 0)
    return rng.choice(
        [rng.uniform(low, high), low + edge, high - edge, high * 10 ** rng.uniform(-12, 0)]
    )


def domain_of(rule: Rule) -> list[tuple[float, float]]:
    """For each operand of a row the interval to draw it from."""
    n = rule.arity or HOW_MANY.get(rule.name, 3)
    domain = rule.domain or ((-math.inf, math.inf),)
    if rule.name in ("sum", "mean", "dot", "weighted_sum"):
        domain = ((0.0, 100.0),)  # of one sign: a sum of floats is not right to 4 ulp otherwise
    if rule.name in ("nll", "take"):
        domain = ((1, 1), *[(-30.0, 30.0)] * (n - 1))
    return list(domain * n if len(domain) == 1 else domain)


def points(rule: Rule, how_many: int, seed: object = "") -> Iterator[list[float]]:
    """Operands within the domain of a rule, always the same ones."""
    rng = random.Random(f"{rule.name}{seed}")
    domain = domain_of(rule)
    for _ in range(how_many):
        yield [draw(*interval, rng) for interval in domain]


def operands(rule: Rule, xs: list[float]) -> list[Value | float]:
    """Values, but numbers for settings that have no derivative."""
    constant = NUMBERS.get(rule.name, ())
    return [x if i in constant else Value(x) for i, x in enumerate(xs)]


def ours(rule: Rule, xs: list[float], order: int) -> dict[tuple[int, ...], float]:
    """The engine's value, its first, or its second derivatives, by the operands' places."""
    if order == 0:
        return {(): rule.forward(*xs)}
    values = operands(rule, xs)
    apply(rule, tuple(values)).backward(create_graph=order == 2)
    free = {i: v for i, v in enumerate(values) if isinstance(v, Value)}
    first = {i: v.grad for i, v in free.items()}
    if order == 1:
        return {(i,): g for i, g in first.items()}
    found = {}
    for i, gradient in first.items():
        for v in free.values():
            v.grad = 0.0
        if isinstance(gradient, Value) and not any(gradient is v for v in free.values()):
            gradient.backward()
        for j, v in free.items():
            if j >= i:
                found[i, j] = v.grad if gradient is not v else 1.0
    return found


def exactly(rule: Rule, xs: list[float], place: tuple[int, ...]) -> mpf:
    """The same by mpmath."""
    f = reference.SMOOTH[rule.name]
    if place:
        f = reference.DIFFERENTIATED.get(rule.name, f)
    # exp(-x*x) is lost beside 1 unless there are that many bits; past 4000 it is no float.
    extra = min(4000, 100 + int(3 * xs[0] * xs[0])) if rule.name in NEEDS_BITS else 0
    if rule.name in FLATTER:
        extra = 1200
    with mp.workprec(reference.PRECISION + (extra if not place else 0)):
        them = [mpf(x) for x in xs]
        try:
            return mp.re(f(*them)) if not place else reference.derivative(f, them, place, extra)
        except (ValueError, ZeroDivisionError):
            return mp.nan  # a pole


def error(found: float, exact: mpf) -> float:
    """The distance in units in the last place; 0 where the exact one is no normal float."""
    expected = float(exact)
    if not math.isfinite(expected) or abs(exact) < 1e-300 > abs(found):
        return 0.0
    if found - found != 0:
        return math.inf
    with mp.workprec(reference.PRECISION):
        return float(abs(mpf(found) - exact) / mpf(math.ulp(expected)))


def beside(x: float, rng: random.Random) -> Iterator[float]:
    """x, its neighbours, and points at all distances."""
    yield x
    for sign in (-1.0, 1.0):
        for k in range(0, 50, 5):
            yield x + sign * math.ulp(x) * 2.0**k * (1 + (rng.random() if k else 0.0))


def zeros(
    rule: Rule, xs: list[float], place: tuple[int, ...], axis: int, steps: int
) -> list[float]:
    """Where the function or derivative changes its sign along one operand, to the last bit."""
    low, high = domain_of(rule)[axis]
    if low == high:
        return []
    low, high = max(low, -40.0), min(high, 40.0)
    grid = [low + (high - low) * (k + 0.5) / steps for k in range(steps)]

    def at(x: float) -> list[float]:
        return [*xs[:axis], x, *xs[axis + 1 :]]

    def sign(x: float) -> float:
        found = ours(rule, at(x), len(place))[place]
        return 0.0 if found == 0 or found != found else math.copysign(1.0, found)

    def true(x: float) -> float:
        exact = exactly(rule, at(x), place)
        return float(mp.sign(exact)) if abs(exact) < 1e8 else 0.0  # not where it is a pole

    found = []
    signs = [sign(x) for x in grid]
    for a, b, p, q in zip(grid, grid[1:], signs, signs[1:]):
        if p * q >= 0:
            continue
        while math.nextafter(a, b) != b:
            middle = (a + b) / 2
            middle_sign = true(middle)
            if middle_sign == 0:
                break
            if middle_sign == p:
                a = middle
            else:
                b = middle
        else:
            found.append(a)
    return found


def bad_points(rule: Rule, place: tuple[int, ...], dense: int) -> Iterator[list[float]]:
    """Points beside zeros and ties."""
    rng = random.Random(f"{rule.name}{place}")
    free = [i for i in range(len(domain_of(rule))) if i not in NUMBERS.get(rule.name, ())]
    starts = list(points(rule, 1 if len(free) == 1 else 2 * dense, "zeros"))
    for xs in starts:
        for axis in free[:2]:
            some = zeros(rule, xs, place, axis, 150)
            for zero in rng.sample(some, min(len(some), 6 * dense)):
                for x in beside(zero, rng):
                    yield [*xs[:axis], x, *xs[axis + 1 :]]
    if rule.name in TIES:
        for xs in points(rule, 6 * dense, "ties"):
            i, j = free[:2]
            for x in beside(rng.choice([-1, 1]) * xs[i], rng):
                yield [*xs[:j], x, *xs[j + 1 :]]


def places(rule: Rule, order: int) -> list[tuple[int, ...]]:
    free = [i for i in range(len(domain_of(rule))) if i not in NUMBERS.get(rule.name, ())]
    return list(itertools.combinations_with_replacement(free, order))


def worst(rule: Rule, order: int, dense: float) -> tuple[float, str, int]:
    """The largest error of a row in derivatives of that order, where, and points tried."""
    count = int((1000, 120, 60)[order] * dense * (0.1 if rule.name in SLOW else 1.0))
    largest, where, tried = 0.0, "", 0
    inside = domain_of(rule)
    for place in places(rule, order):
        for xs in itertools.chain(points(rule, count), bad_points(rule, place, max(1, int(dense)))):
            if any(not low <= x <= high for x, (low, high) in zip(xs, inside)):
                continue
            try:
                found = ours(rule, xs, order)[place]
            except (ValueError, ZeroDivisionError, OverflowError) as problem:
                found, where = math.nan, repr(problem)
            exact = exactly(rule, xs, place)
            # Exactly on a tie a derivative may be 0, and the judge has only his step's error left.
            off = (
                0.0
                if found == 0 and rule.name in TIES and abs(exact) < 1e-40
                else error(found, exact)
            )
            tried += 1
            if off > largest:
                largest, where = off, f"{place or ''} at {tuple(xs)}: {found!r}"
    return largest, where, tried


# Where a climb looks: further out than the domains that tests and documents draw from.
WIDE = {
    "gammainc": ((0.0, 3000.0), (0.0, 3000.0)),
    "gammaincc": ((0.0, 3000.0), (0.0, 3000.0)),
    "betainc": ((0.0, 1000.0), (0.0, 1000.0), (0.0, 1.0)),
    "gamma": ((-170.0, 171.0),),
    "lgamma": ((-1e6, math.inf),),
    "digamma": ((-1e6, math.inf),),
    "polygamma": ((1, 1), (-1e6, math.inf)),
}


def far_and_near(low: float, high: float, others: list[float], rng: random.Random) -> float:
    """A number of any size from an interval, or one beside another operand."""
    if low == high:
        return low
    for _ in range(100):
        near = rng.choice(others) if others and rng.random() < 0.3 else 0.0
        width = min(high, 1e4) - max(low, -1e4)
        x = rng.choice(
            [
                near + rng.choice([-1, 1]) * max(1e-9, abs(near)) * 10 ** rng.uniform(-9, 0),
                max(low, -1e4) + width * rng.random(),
                rng.choice([-1, 1]) * width * 10 ** rng.uniform(-12, 0),
                high - width * 10 ** rng.uniform(-12, 0) if high < math.inf else near,
                rng.choice([-1, 1]) * rng.uniform(0, 5),
            ]
        )
        if low < x < high:
            return x
    return (max(low, -1e4) + min(high, 1e4)) / 2


def moved(x: float, low: float, high: float, rng: random.Random) -> float:
    """x moved by anything from an ulp to a factor, within an interval."""
    if low == high:
        return low
    step = rng.choice([math.ulp(x) * 2 ** rng.uniform(0, 12), abs(x) * 10 ** rng.uniform(-9, -0.3)])
    y = x + rng.choice([-1, 1]) * step
    return y if low < y < high else x


def climb(rule: Rule, order: int, seconds: float) -> tuple[float, str, int]:
    """As `worst`, by a walk from bad points to worse ones for so many seconds."""
    rng = random.Random(f"{rule.name}{order}")
    inside = list(WIDE.get(rule.name, domain_of(rule)))
    largest, where, tried = 0.0, "", 0

    def off(xs: list[float], place: tuple[int, ...]) -> float:
        nonlocal largest, where, tried
        if 0.0 in xs or (place and min(map(abs, xs)) < 1e-290):
            return 0.0  # a kink, or the judge's step, which is in units of x, is no float
        try:
            found = ours(rule, xs, order)[place]
        except (ValueError, ZeroDivisionError, OverflowError):
            found = math.nan
        result = error(found, exactly(rule, xs, place))
        tried += 1
        if result > largest:
            largest, where = result, f"{place or ''} at {tuple(xs)}: {found!r}"
        return result

    def start() -> list[float]:
        xs: list[float] = []
        for low, high in inside:
            xs.append(far_and_near(low, high, xs, rng))
        return xs

    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        place = rng.choice(places(rule, order))
        height, xs = max((off(p, place), p) for p in (start() for _ in range(8)))
        failures = 0
        while failures < 25 and time.perf_counter() < end:
            some = rng.random() < 0.5
            ys = [
                moved(x, *interval, rng) if some or rng.random() < 0.5 else x
                for x, interval in zip(xs, inside)
            ]
            now = off(ys, place)
            failures += 1
            if now > height:
                height, xs, failures = now, ys, 0
    return largest, where, tried


def orders(rule: Rule) -> tuple[int, ...]:
    """The orders of derivatives that are promised: up to the second of an operation's own."""
    return (0,) if rule.name in SECOND else (0, 1) if rule.internal else (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="names of operations; all unless given")
    parser.add_argument("--dense", type=float, default=1.0, help="how many times the usual points")
    parser.add_argument("--climb", type=float, metavar="SECONDS", help="walk to worse points")
    given = parser.parse_args()
    for name in given.rows or reference.SMOOTH:
        rule = TABLE[name]
        for order in orders(rule):
            start = time.perf_counter()
            if given.climb:
                off, where, tried = climb(rule, order, given.climb)
            else:
                off, where, tried = worst(rule, order, given.dense)
            mark = "  " if off <= 4 else "!!"
            seconds = time.perf_counter() - start
            print(
                f"{mark} {name:13s} {['value', 'first', 'second'][order]:6s} {off:9.3g} ulp "
                f"{tried:5d} points {seconds:5.1f} s  {where}",
                flush=True,
            )


if __name__ == "__main__":
    main()
