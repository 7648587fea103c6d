"""Programs with loops in JAX and PyTorch: `lax.scan` and its kin there, Python loops here.

JAX differentiates a `lax.scan` and a `lax.cond` both ways, a `lax.while_loop` forwards alone: where
the number of turns depends on numbers, `jax.jvp` works and `jax.grad` is refused by JAX. PyTorch
runs the reverse program of ours, whatever the loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...core.rule import Rule
from ..arrays.runtime import function_of
from ..arrays.source import emit
from ..arrays.spaces import is_own, jax_space, torch_space
from ..ir.program import Program
from ..ir.prune import pruned
from ..ir.region import Loop, remembers
from ..ir.reverse import Symbol, reverse
from ..ir.simplify import simplify
from ..ir.structural import Structural
from .interop import library, shaped, taken
from .pieces import Pieces, Segment, Side
from .rules import differentiable

if TYPE_CHECKING:
    from ..compiled import Compiled


class JaxSide(Side):
    """One example in JAX; `vmap` has many."""

    def __init__(self, jax: Any, dtype: Any, who: str) -> None:
        self.jax, self.dtype, self.who = jax, dtype, who
        self.space = differentiable(jax, jax_space(dtype))

    def function(self, segment: Segment) -> Callable[..., Any]:
        numpy = import_module("numpy")
        return function_of(
            emit(segment.rolled, stops=True), self.space,
            lambda data: numpy.asarray(data, self.dtype),
            lambda positions: numpy.asarray(positions, numpy.int32), no_meaning(self.who),
        )  # fmt: skip

    def row(self, values: Sequence[Any], n: Any) -> Any:
        return self.jax.numpy.stack([self.number(v) for v in values])

    def number(self, v: Any) -> Any:
        return self.jax.numpy.asarray(v, self.dtype)

    def pack(self, values: list[Any], n: Any) -> Any:
        return self.row(values, n)

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def loop(self, loop: Loop, turn: Any, test: Any, given: Any, n: Any) -> list[Any]:
        lax = self.jax.lax
        constants, carry, sequences = given
        first = tuple(map(self.number, carry))

        def step(carry: Any, entries: Any) -> tuple[Any, Any]:
            found = list(map(self.number, turn(constants, list(carry), list(entries or ()), None)))
            return tuple(found[: loop.carries]), tuple(found[loop.carries :])

        if test is None:
            last, puts = lax.scan(
                step, first, tuple(sequences) or None, loop.length, reverse=loop.backwards
            )
            return [*last, *puts]

        def goes_on(carry: Any) -> Any:
            return self.number(test(constants, list(carry), None)[0]) != 0

        return list(lax.while_loop(goes_on, lambda carry: step(carry, None)[0], first))

    def stopped(self, given: list[Any]) -> list[Any]:
        return [self.jax.lax.stop_gradient(x) for x in given]

    def branch(self, condition: Any, yes: Any, no: Any, given: list[Any], n: Any) -> list[Any]:
        def of(side: Any) -> Any:
            return lambda given: tuple(map(self.number, side(list(given), None)))

        operands = tuple(map(self.number, given))
        return list(self.jax.lax.cond(self.number(condition) != 0, of(yes), of(no), operands))


class TorchSide(Side):
    """One example in PyTorch, with Python's loops."""

    def __init__(self, torch: Any, dtype: Any, device: Any, who: str) -> None:
        self.torch, self.who = torch, who
        self.kind = {"dtype": dtype, "device": device}
        self.space = torch_space(dtype, device)

    def function(self, segment: Segment) -> Callable[..., Any]:
        return function_of(
            emit(segment.rolled), self.space,
            lambda data: self.torch.tensor(data, **self.kind),
            lambda positions: self.torch.tensor(positions, device=self.kind["device"]),
            no_meaning(self.who),
        )  # fmt: skip

    def row(self, values: Sequence[Any], n: Any) -> Any:
        return self.torch.stack([self.torch.as_tensor(v, **self.kind) for v in values])


def no_meaning(who: str) -> Callable[[Rule], Any]:
    def refuse(rule: Rule) -> Any:
        raise TypeError(
            f"{who}: the operation {rule.name} is one of your own, and known to Python alone"
        )

    return refuse


def refuse_own(program: Program, who: str) -> None:
    """Say now, and not at the first call, what has no meaning elsewhere."""
    for rule in program.all_rules():
        if isinstance(rule, Rule) and not isinstance(rule, Structural) and is_own(rule):
            no_meaning(who)(rule)


def numbers_of(made: Compiled, args: tuple[Any, ...], name: str, flat: Any) -> list[Any]:
    """The numbers of the arguments of one example, one by one."""
    like = made.structure
    if like.kwargs or len(args) != len(like.args):
        traced = len(like.args)
        raise TypeError(f"{name}: {len(args)} arguments where {traced} were traced")
    return [v for x in taken(like.args, args, name) for v in flat(x)]


def check_parameters(made: Compiled, parameters: Any, name: str) -> None:
    n = len(made.parameters)
    if tuple(parameters.shape) != (n,):
        raise ValueError(
            f"{name}: the parameters are an array of {n} numbers in the order of .parameters, not "
            f"one of shape {tuple(parameters.shape)}"
        )


def to_jax(made: Compiled, name: str) -> Callable[..., Any]:
    """See `Jit.to_jax`; for programs with loops."""
    jax = library("jax", "to_jax needs JAX: pip install jax")
    np = jax.numpy
    program = pruned(made.program)
    refuse_own(program, name)
    if remembers(program):
        raise TypeError(
            f"{name}: a while_loop in it remembers its turns for a gradient, and JAX has no "
            "such loop: give JAX the function itself and differentiate it there, with jax.jvp, or "
            "use fori_loop or scan"
        )
    sides: dict[Any, Pieces] = {}

    def function(parameters: Any, *args: Any) -> Any:
        parameters = np.asarray(parameters)
        parameters = parameters.astype(np.result_type(parameters, np.float32))
        check_parameters(made, parameters, name)
        dtype = parameters.dtype
        numbers = numbers_of(made, args, name, lambda x: np.asarray(x, dtype).reshape(-1))
        if dtype not in sides:
            sides[dtype] = Pieces(program, set(program.parameters), JaxSide(jax, dtype, name))
        pieces = sides[dtype]
        values = {**dict(zip(program.inputs, numbers)), **dict(zip(program.parameters, parameters))}
        found = pieces.run(values, pieces.prepared(values, None), None)
        return shaped(made.result.args[0], iter([np.asarray(y, dtype) for y in found]), np.stack)

    function.__name__ = function.__qualname__ = name
    return function


def seeded(program: Program) -> Program:
    """The gradient by inputs and parameters, given one of each result: inputs behind the others."""
    full = program.copy()
    seeds = [full.input(f"seed{k}") for k in range(len(full.outputs))]
    n = len(full.outputs)
    reverse(
        full,
        [Symbol(full, x) for x in seeds],
        by=[*full.inputs[: len(program.inputs)], *full.parameters],
    )
    full.outputs = full.outputs[n:]
    full.values = len(full.outputs)
    return simplify(full)


def to_torch(made: Compiled, name: str, batch: bool) -> Callable[..., Any]:
    """See `Jit.to_torch`; for programs with loops, one example after the other."""
    torch = library("torch", "to_torch needs PyTorch: pip install torch")
    program, back = made.values, seeded(made.program)
    refuse_own(back, name)
    sides: dict[Any, tuple[Pieces, Pieces]] = {}
    inputs = len(program.inputs)

    def pieces_for(like: Any) -> tuple[Pieces, Pieces]:
        key = (like.dtype, like.device)
        if key not in sides:
            side = TorchSide(torch, like.dtype, like.device, name)
            sides[key] = tuple(Pieces(p, set(p.parameters), side) for p in (program, back))  # type: ignore[assignment]
        return sides[key]

    def run(pieces: Pieces, numbers: Any, parameters: Any) -> Any:
        made_of = pieces.program
        values = {**dict(zip(made_of.inputs, numbers)), **dict(zip(made_of.parameters, parameters))}
        found = pieces.run(values, pieces.prepared(values, None), None)
        kind = {"dtype": parameters.dtype, "device": parameters.device}
        found = [torch.as_tensor(y, **kind) for y in found]
        return torch.stack(found) if found else torch.zeros(0, **kind)

    class Run(torch.autograd.Function):  # type: ignore[misc,name-defined]
        """One example."""

        @staticmethod
        def forward(ctx: Any, parameters: Any, numbers: Any) -> Any:
            ctx.save_for_backward(parameters, numbers)
            return run(pieces_for(parameters)[0], numbers, parameters)

        @staticmethod
        def backward(ctx: Any, seeds: Any) -> Any:
            parameters, numbers = ctx.saved_tensors
            slopes = run(pieces_for(parameters)[1], torch.cat([numbers, seeds]), parameters)
            return slopes[inputs:], slopes[:inputs]

    def results(parameters: Any, args: tuple[Any, ...]) -> Any:
        kind = {"dtype": parameters.dtype, "device": parameters.device}
        numbers = numbers_of(made, args, name, lambda x: torch.as_tensor(x, **kind).reshape(-1))
        return Run.apply(parameters, torch.stack(numbers) if numbers else torch.zeros(0, **kind))

    def function(parameters: Any, *args: Any) -> Any:
        if not isinstance(parameters, torch.Tensor):
            parameters = torch.as_tensor(parameters, dtype=torch.float64)
        check_parameters(made, parameters, name)
        like = made.result.args[0]
        if batch:
            rows = torch.stack([results(parameters, one) for one in zip(*args, strict=True)])
            return shaped(like, iter(rows.unbind(-1)), lambda xs: torch.stack(xs, 1))
        found = results(parameters, args)
        return shaped(like, iter([found[k] for k in range(len(found))]), torch.stack)

    function.__name__ = function.__qualname__ = name
    return function
