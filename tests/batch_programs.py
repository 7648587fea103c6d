"""What a program of sums over a batch gives: the plainest interpreter of one, for the tests."""

from __future__ import annotations

from micrograd.compiler.ir.program import COUNT, INNER, TOTAL
from micrograd.core.rule import Rule


def interpreted(program, xs, ps, n):
    """The outputs of a program of sums over n times the same example; n is a power of two."""
    held = dict(program.data)
    inner = {
        first + k: (factor, x)
        for factor, others, first in program.rows
        for k, x in enumerate(others)
    }
    held.update(zip(program.inputs, xs))
    held.update(zip(program.parameters, ps))
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        given = [held[x] for x in inner.get(i, operands)]
        if rule is COUNT:
            held[i] = float(n)
        elif rule is TOTAL:
            held[i] = n * given[0]
        elif rule is INNER:
            held[i] = n * (given[0] * given[1])
        elif isinstance(rule, Rule):
            held[i] = rule.forward(*given)
    return [held[y] + 0.0 for y in program.outputs]
