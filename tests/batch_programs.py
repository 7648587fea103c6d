"""What a program of sums over a batch gives: the plainest interpreter of one, for the tests."""

from __future__ import annotations

from micrograd.compiler.ir.program import COUNT, INNER, TOTAL
from micrograd.core.rule import Rule


def interpreted(program, xs, ps, n):
    """The outputs of a program of sums over n times the same example; n is a power of two.

    Rows are taken in their order, after all other steps but those behind them.
    """
    held = dict(program.data)
    inner = {}
    for factor, others, sums in program.rows:
        for at, x in zip(sums, others, strict=True):
            inner.setdefault(at, []).append((factor, x))
    held.update(zip(program.inputs, xs))
    held.update(zip(program.parameters, ps))
    for i, (rule, operands) in enumerate(zip(program.rules, program.operands)):
        given = [held[x] for x in operands]
        if rule is COUNT:
            held[i] = float(n)
        elif rule is TOTAL:
            held[i] = n * given[0]
        elif rule is INNER:
            held[i] = 0.0
            for a, b in inner.get(i, [operands]):
                held[i] += n * (held[a] * held[b])
        elif isinstance(rule, Rule):
            held[i] = rule.forward(*given)
    return [held[y] + 0.0 for y in program.outputs]
