"""The operations of JAX with the derivatives of the table in `ops.py`, in place of JAX's own.

JAX differentiates sums, products, slices and tables itself; each other operation is one function
with a rule made of its partials. A choice passes its gradient on where the slope is not 0, so
that what was not chosen gets none; below a choice a slope of inf or nan is dropped where nothing
flows.
"""

# JAX has no types for its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from ...core.operators import give_operators
from ...core.rule import CHOICE, TABLE, Rule, method
from ...core.rule import apply as apply_rule


class Traced:
    """An array of JAX that does arithmetic with the rules of the table."""

    __slots__ = ("functions", "x")

    def __init__(self, x: Any, functions: dict[str, Any]) -> None:
        self.x, self.functions = x, functions

    def _apply(self, rule: Rule, operands: tuple[Any, ...]) -> Any:
        xs = [x.x if isinstance(x, Traced) else x for x in operands]
        return Traced(self.functions[rule.name](*xs), self.functions)


def _operator(name: str, xs: tuple[Any, ...]) -> Any:
    x: Traced = xs[0] if isinstance(xs[0], Traced) else xs[1]
    return x._apply(TABLE[name], xs)


give_operators(Traced, _operator)
for _name, _rule in TABLE.items():
    if not _rule.internal and not hasattr(Traced, _name):
        setattr(Traced, _name, method(_rule, lambda rule, x: x._apply(rule, (x,)), apply_rule))


def differentiable(jax: Any, space: dict[str, Any]) -> dict[str, Any]:
    """The meanings of names, where each operation has the rule of the table.

    Names of `np` are operations, too: `np.log` is the table's logarithm.
    """
    np = space["np"]
    plain = dict(space)
    functions: dict[str, Any] = {}
    arithmetic = {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "neg": lambda a: -a, "identity": lambda a: a, "stop": jax.lax.stop_gradient,
        "sum": lambda *xs: sum(xs[1:], xs[0]), "ties": plain["ties"],
    }  # fmt: skip
    functions.update(arithmetic)
    for name, rule in TABLE.items():
        if name in arithmetic or (rule.arity == 0 and name != "hypot"):
            continue
        forward = meaning(name, plain, np)
        if forward is not None:
            functions[name] = ruled(jax, rule, forward, functions)
            space[f"{name}_reached"] = ruled(jax, rule, forward, functions, True)
    for name in ("maximum", "minimum"):
        functions[name] = tied(jax, plain[name])
    space.update({name: f for name, f in functions.items() if name in plain})
    space["power"] = functions["pow"]
    mul = TABLE["mul"]
    space["mul_reached"] = ruled(jax, mul, functions["mul"], functions, True)
    space.update({name: along(jax, plain, *two) for name, two in ALONG.items()})
    space["np"] = Operations(np, functions)
    return space


# Along the last dimension: the slopes of each.
ALONG = {"nll": ("nll", "dnll"), "logsumexp": ("logsumexp", "softmax"),
         "product": ("product", "dproduct"), "norm": ("norm", "dnorm"),
         "largest": ("largest", ""), "smallest": ("smallest", "")}  # fmt: skip
BY_NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
            "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
            "rint": "round"}  # fmt: skip


def meaning(name: str, plain: dict[str, Any], np: Any) -> Any:
    if name == "div":
        return lambda a, b: a / b
    if name == "pow":
        return np.power
    return plain.get(name) or getattr(np, BY_NUMPY.get(name, name), None)


class Operations:
    """`jax.numpy` with the table's operations under its own names for them."""

    def __init__(self, np: Any, functions: dict[str, Any]) -> None:
        self._np = np
        for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos",
                     "tan", "sinh", "cosh", "tanh", "ceil", "floor", "trunc", "sign", "fmod",
                     "hypot", "abs", *BY_NUMPY):  # fmt: skip
            setattr(self, BY_NUMPY.get(name, name), functions[name])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._np, name)


def ruled(
    jax: Any, rule: Rule, forward: Any, functions: dict[str, Any], reached: bool = False
) -> Any:
    """One operation, element by element, with its partials.

    `reached` is for one below a choice: where nothing flows to it, a slope of inf or nan gives
    nothing. That is known in reverse mode alone.
    """
    np = jax.numpy

    def slopes(xs: Any, y: Any) -> list[Any]:
        symbols = [x if isinstance(x, float) else Traced(x, functions) for x in xs]
        one = Traced(np.ones_like(y), functions)
        found = rule.local(symbols, Traced(y, functions), [True] * len(xs), one)
        return [s.x if isinstance(s, Traced) else s for s in found]

    @jax.custom_jvp
    def operation(*xs: Any) -> Any:
        return forward(*xs)

    @operation.defjvp
    def jvp(xs: Any, tangents: Any) -> Any:
        y = operation(*xs)
        total: Any = None
        for s, t in zip(slopes(xs, y), tangents):
            if s is None or (type(t) is not object and is_zero(t)):
                continue
            # What was not chosen, of slope 0, gets no gradient at all.
            part = np.where(s != 0, s * t, 0.0) if rule.kind == CHOICE else s * t
            total = part if total is None else total + part
        if total is None:
            total = np.zeros_like(y)
        return y, np.broadcast_to(total, np.shape(y)).astype(np.result_type(y))

    @jax.custom_vjp
    def guarded(*xs: Any) -> Any:
        return forward(*xs)

    def pull(saved: Any, d: Any) -> Any:
        xs, y = saved
        found = []
        for s, x in zip(slopes(xs, y), xs):
            if s is None:
                found.append(np.zeros_like(x))
                continue
            nothing = (d == 0) & ~np.isfinite(s)
            found.append((d * np.where(nothing, 0.0, s)).astype(x.dtype))
        return tuple(found)

    def push(*xs: Any) -> Any:
        y = guarded(*xs)
        return y, (xs, y)

    guarded.defvjp(push, pull)

    def called(*xs: Any) -> Any:
        if all(isinstance(x, (float, int)) for x in xs):
            return rule.forward(*map(float, xs))
        if reached:
            shape = np.broadcast_shapes(*map(np.shape, xs))
            xs = tuple(x if isinstance(x, (float, int)) else np.broadcast_to(x, shape) for x in xs)
        fixed = {k: x for k, x in enumerate(xs) if isinstance(x, (float, int))}
        if not fixed:
            return guarded(*xs) if reached else operation(*xs)
        return with_fixed(jax, rule, forward, functions, fixed, len(xs), reached)(
            *[x for k, x in enumerate(xs) if k not in fixed]
        )

    called.__name__ = rule.name
    return called


def is_zero(t: Any) -> bool:
    return type(t).__name__ in ("SymbolicZero", "Zero")


def with_fixed(
    jax: Any,
    rule: Rule,
    forward: Any,
    functions: dict[str, Any],
    fixed: dict[int, Any],
    n: int,
    reached: bool,
) -> Any:
    """The operation with some operands that are numbers, and known to the partials."""
    free = [k for k in range(n) if k not in fixed]
    each = rule.partials
    if rule.arity == 0:
        each = tuple(lambda *xs_y, k=k: rule.partials[0](xs_y[:-1], xs_y[-1])[k] for k in range(n))

    def whole(xs: Any) -> list[Any]:
        rest = iter(xs)
        return [float(fixed[k]) if k in fixed else next(rest) for k in range(n)]

    partials = tuple(each[k] for k in free) if each else ()
    upstream = rule.kind == CHOICE

    def bound(p: Any) -> Any:
        if upstream:
            return lambda d, *xs_y: p(d, *whole(xs_y[:-1]), xs_y[-1])
        return lambda *xs_y: p(*whole(xs_y[:-1]), xs_y[-1])

    smaller = Rule(
        rule.name, rule.forward, tuple(map(bound, partials)), len(free), kind=rule.kind,
        is_reflected=True,
    )  # fmt: skip
    return ruled(jax, smaller, lambda *xs: forward(*whole(xs)), functions, reached)


def tied(jax: Any, forward: Any) -> Any:
    """The larger or smaller of two, which share the gradient where they tie."""
    np = jax.numpy

    @jax.custom_jvp
    def operation(a: Any, b: Any) -> Any:
        return forward(a, b)

    @operation.defjvp
    def jvp(xs: Any, tangents: Any) -> Any:
        y = operation(*xs)
        total: Any = 0.0
        for x, t in zip(xs, tangents):
            other = xs[1] if x is xs[0] else xs[0]
            s = np.where(x == y, np.where(other == x, 0.5, 1.0), np.where(y == y, 0.0, np.nan))
            total = total + np.where(s != 0, s * t, 0.0)
        return y, np.broadcast_to(total, np.shape(y)).astype(np.result_type(y))

    def called(a: Any, b: Any) -> Any:
        a, b = np.broadcast_arrays(a, b)
        kind = np.result_type(a, b)
        return operation(a.astype(kind), b.astype(kind))

    return called


def along(jax: Any, plain: dict[str, Any], value: str, slope: str) -> Any:
    """An operation along the last dimension of its last operand, the only one with a gradient."""
    np = jax.numpy
    forward = plain[value]

    def slopes(given: Any, x: Any, y: Any) -> Any:
        if slope:
            return plain[slope](*given, x)
        top = x == y[..., None]
        shared = np.where(top, 1.0, 0.0).sum(-1)[..., None]
        return np.where(top, 1.0 / shared, np.where(y[..., None] == y[..., None], 0.0, np.nan))

    @jax.custom_jvp
    def operation(*xs: Any) -> Any:
        return forward(*xs)

    @operation.defjvp
    def jvp(xs: Any, tangents: Any) -> Any:
        y = operation(*xs)
        s, t = slopes(xs[:-1], xs[-1], y), tangents[-1]
        part = s * t if slope else np.where(s != 0, s * t, 0.0)
        return y, part.sum(-1).astype(np.result_type(y))

    return operation
