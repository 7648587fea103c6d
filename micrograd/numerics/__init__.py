"""Floats of the table of operations: IEEE 754's answers, tails of functions, special functions.

`ieee.py` first; `tails.py` holds the derivatives that lose digits written out, `special.py` the
gamma function and `psi.py` the derivatives of its logarithm, `bessel.py`, `incomplete.py` and
`error.py` what is summed in the numbers with as many digits as are asked for of `fixed.py`.
"""
