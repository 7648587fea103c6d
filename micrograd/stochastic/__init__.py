"""Chance inside a graph: draws that are nodes, and gradients of what is expected of them.

`sample` draws from a distribution; `gradient` estimates the gradient of the expected cost of
a function that does. `docs/chance.md` introduces it; in the code begin with `noise.py`, then
`distributions.py`, `sample.py`, `influence.py`, `estimate.py`, and a file for each method.
"""

from .backprop_q import BackpropQ
from .counts import Geometric, Poisson
from .distributions import Bernoulli, Categorical, Distribution
from .estimate import Estimate, gradient
from .one_run import one_run
from .sample import Draw, cost, sample
from .smooth import Normal, Uniform

__all__ = [
    "BackpropQ", "Bernoulli", "Categorical", "Distribution", "Draw", "Estimate", "Geometric",
    "Normal", "Poisson", "Uniform", "cost", "gradient", "one_run", "sample",
]  # fmt: skip
