"""How weights start, and why each scheme exists. `mlp.py` and `layers.py` draw from here."""

from __future__ import annotations

import math
import random

INITS = ("uniform", "torch", "xavier", "he", "zeros")


def start(init: str, nin: int, nout: int) -> float:
    """One weight between `nin` inputs and `nout` outputs, drawn from the global `random`.

    "uniform"  between -1 and 1, as micrograd does. Simple, and right for a few inputs; a
               weighted sum of n inputs is sqrt(n/3) times as large as they are, so that
               wide or deep networks saturate or blow up.
    "torch"    uniform within 1 / sqrt(nin), as PyTorch's Linear does: sums stay small
               whatever the width.
    "xavier"   uniform with variance 2 / (nin + nout): keeps the size of tanh activations
               and of their gradients through the layers. Glorot and Bengio (2010).
    "he"       normal with variance 2 / nin: the same for relu, which lets half of the
               square through. He et al. (2015).
    "zeros"    all alike, to see why not: neurons that start equal get equal gradients and
               stay equal, however long they learn.
    """
    if init == "uniform":
        return random.uniform(-1, 1)
    if init == "torch":
        bound = 1 / math.sqrt(nin)
        return random.uniform(-bound, bound)
    if init == "xavier":
        bound = math.sqrt(6 / (nin + nout))
        return random.uniform(-bound, bound)
    if init == "he":
        return random.gauss(0, math.sqrt(2 / nin))
    if init == "zeros":
        return 0.0
    raise ValueError(f"the start of weights is one of {', '.join(INITS)}, not {init!r}")
