"""The random numbers behind every draw: a formula of seed, run and place, no state.

Every draw turns one uniform number into an outcome. Which number that is depends on the
seed, on which run of the cost it is and on how many draws came before in that run, and on
nothing else; so a run can be repeated, changed at one draw and left alone at the others,
and made by compiled code from an array, and everywhere the draws are the same.

Read `distributions.py` next.
"""

from __future__ import annotations

from typing import Any

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
LANE = 1 << 32  # further random numbers for one draw lie this far apart


def mix(z: Any) -> Any:
    """Scramble 64 bits, one number or an array: SplitMix64 (Steele, Lea and Flood 2014)."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def stream(seed: int, run: int) -> int:
    """The key of all random numbers of one run."""
    start: int = mix(seed & MASK)
    key: int = mix((start + GOLDEN * (run + 1)) & MASK)
    return key


def uniform(key: int, place: int) -> float:
    """A number strictly between 0 and 1, one of 2**52 of equal probability.

    >>> uniform(stream(0, 0), 0) == uniform(stream(0, 0), 0) != uniform(stream(0, 1), 0)
    True
    """
    bits: int = mix((key + GOLDEN * (place + 1)) & MASK)
    return ((bits >> 12) + 0.5) * 2.0**-52
