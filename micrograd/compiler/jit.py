"""`jit`: a function of numbers, traced once and then run without building a node.

What the compiled function offers is in `Jit`; how a program is made and run for one
structure of arguments is in `compiled.py`. The order of reading: `ir/program.py`, `trace.py`,
`ir/reverse.py`, `ir/simplify.py`, `backends/emit.py`, `backends/runtime.py`; batches are in
`ir/batch.py`, arrays in `arrays/program.py`. (Past 300 lines because `Jit` documents in one place
all that is called from outside.)
"""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import threading
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, overload

from ..adversarial import against
from ..core.foreign import batch_of
from ..core.rule import real
from ..core.watch import WATCH
from ..engine import Value
from ..nn.parameters import add_to_grad, values
from ..optim.optimizer import Optimizer
from .arrays.printing import Rolled
from .backends import interop_loops
from .backends.base import Rows, as_array
from .backends.emit import emit
from .backends.jax import to_jax
from .backends.runtime import EDGES, exact_values
from .backends.torch import to_torch
from .c.source import write_c
from .compiled import Compiled
from .door import door, without_our_frames
from .fit import fit
from .ir.program import Program
from .native import backend as native
from .ragged import Ragged
from .saving import save
from .structure import Structure, key_of, numbers_of, packed, steered_by
from .trace import TraceError, tracing

__all__ = ["Compiled", "Jit", "jit"]

CACHE = 128  # structures of arguments that a compiled function keeps; the one used least goes
LOCK = threading.Lock()
P = ParamSpec("P")  # what the function takes, the compiled one takes too
BACKENDS = ("auto", "python", "numpy", "native", "c")


class Jit(native.Caller, Generic[P]):
    """A function that runs as a compiled program; what `jit` gives."""

    def __init__(
        self,
        f: Callable[P, Any],
        parameters: Sequence[Value] | None,
        backend: str,
        build: str = "",
    ) -> None:
        if not callable(f):
            raise TypeError(f"jit: a function is needed, not {f!r:.60}")
        if backend not in BACKENDS:
            raise ValueError(f"jit: the backend is one of {', '.join(BACKENDS)}, not {backend!r}")
        if build and backend == "c":
            raise ValueError('jit: fastmath and float32 are for the native backend, not for "c"')
        self.f = f
        self.backend = f"{backend}+{build}" if build else backend
        self.given = None if parameters is None else values(parameters, "jit")
        self.cache: dict[Any, Compiled] = {}
        self.latest: Compiled | None = None
        self.attacked: dict[float, Jit[P]] = {}
        self.derivatives: dict[Any, Derivative] = {}
        # By the types of arguments that are all floats, what runs at once.
        self.ready: dict[tuple[type, ...], tuple[Compiled, Callable[..., Any]]] = {}
        # Where the machine runs it: what was made, by the structure that the machine reads.
        self.machine = native.reader(self.backend)
        self.by_call: dict[bytes, Compiled] = {}
        self.by_batch: dict[bytes, Compiled] = {}
        functools.update_wrapper(self, f, updated=())
        name = getattr(f, "__name__", "f")
        self.name = name if name.isidentifier() else "f"

    def __reduce__(self) -> Any:
        """What compiles its function anew; or, where that is decorated, how it is found."""
        name = getattr(self.f, "__qualname__", "")
        known = getattr(sys.modules.get(getattr(self.f, "__module__", "")), name, None)
        if known is self:
            return name
        owner, called = getattr(self.f, "__self__", None), getattr(self.f, "__name__", "")
        of_class = inspect.getattr_static(type(owner), called, None)
        if isinstance(of_class, Jit) and of_class.f is getattr(self.f, "__func__", None):
            return getattr, (owner, called)  # it is decorated in the class
        if self.given is not None and known is self.f:
            raise TypeError(
                f"jit: {self.name} is pickled by its name and so finds the parameters of its own "
                "module again, not those that were given to jit: pickle jit of a model, or of its "
                "method, or write the program to a file with save(path)"
            )
        return Jit, (self.f, self.given, *self.settings)

    @property
    def settings(self) -> tuple[str, str]:
        """The backend and its build, as they were given."""
        backend, _, build = self.backend.partition("+")
        return backend, build

    def __copy__(self) -> Jit[P]:
        return self  # as of a function

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A `Jit` of the copied model's method; itself for other functions, as those are copied."""
        f = copy.deepcopy(self.f, memo)
        if f is self.f:
            return self
        return Jit(f, copy.deepcopy(self.given, memo), *self.settings)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: that of one instance, which keeps what was compiled for it."""
        if instance is None or not hasattr(self.f, "__get__"):
            return self
        kept = getattr(instance, "__dict__", None)
        if not isinstance(kept, dict):  # then it is compiled at each call
            kept = {}
        # Not under the name of the attribute: a subclass may have another method there, which calls
        # this one by super().
        key = f"jit of {self.f.__qualname__}"
        found = kept.get(key)
        if isinstance(found, Jit) and getattr(found.f, "__func__", None) is self.f:
            return found
        bound = kept[key] = Jit(self.f.__get__(instance, owner), self.given, *self.settings)
        return bound

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any: ...

    # Tracing ------------------------------------------------------------------------------

    def compiled(self, *args: Any, **kwargs: Any) -> Compiled:
        """What was made for arguments of this structure; traced now if it is the first time."""
        key = (key_of(args), key_of(kwargs))
        found = self.cache.get(key)
        if found is None:
            structure = Structure(args, kwargs, self.f)
            found = Compiled(self.f, structure, self.given)
            if len(self.ready) >= CACHE:
                self.ready.clear()
        with LOCK:  # the one used last stands last
            self.cache.pop(key, None)
            while len(self.cache) >= CACHE:
                del self.cache[next(iter(self.cache))]
            self.cache[key] = found
        self.latest = found
        return found

    @door
    def trace(self, *args: Any, **kwargs: Any) -> Program:
        """The program for arguments of this structure; the numbers in them do not matter."""
        return self.compiled(*args, **kwargs).program

    def known(self, what: str) -> Compiled:
        if self.latest is None:
            raise ValueError(f"jit: {what} is known after the first call, or after trace(*example)")
        return self.latest

    @property
    def program(self) -> Program:
        """The trace of the latest call, a list of numbered steps."""
        return self.known("the program").program

    @property
    def source(self) -> str:
        """Forward and backward of the latest call as Python source."""
        made = self.known("the source")
        return emit(made.staged, self.name, gradient=made.result.is_scalar)

    @property
    def array_program(self) -> Rolled:
        """The program of the latest call as steps on whole arrays, with a `source` in NumPy.

        What was written number by number, by `nn` or in loops, is matrices again: `print` it to
        see shapes and formulas.
        """
        return self.known("the array program").arrays

    @property
    def parameters(self) -> list[Value]:
        """The parameters, in the order of the gradient."""
        if self.given is not None:
            return list(self.given)
        return list(self.known("the list of parameters").parameters)

    # One example --------------------------------------------------------------------------

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        """The result for one example, as plain floats.

        Given Values, or under a transform such as `grad`, a result that is a Value and
        can be differentiated.
        """
        try:
            if not kwargs and not WATCH.active:
                ready = self.ready.get(tuple(map(type, args)))
                if ready is not None:
                    made, function = ready
                    if self.latest is not made:
                        self.latest = made
                    try:
                        if made.parameters:
                            return function(*args, *[p._data for p in made.parameters])
                        return function(*args)
                    except EDGES:
                        return exact_values(made.program, args, made.numbers())[0]
            read = None
            if self.machine is not None and not kwargs and not WATCH.active:
                read = self.machine.example(args)
                if read is not None and (known := self.by_call.get(read.key)):
                    self._use(None)
                    self.latest = known
                    return known.result.fill(known.batch(self.backend).one(read))
            made = self.compiled(*args, **kwargs)
            self._use(None)  # until it is called with floats again
            xs = array("d")
            plain = all([packed(x, xs, self.name) for x in (*args, *kwargs.values())])
            if not plain or tracing():
                given = numbers_of(args, kwargs)
                numbers = [x if isinstance(x, Value) else real(x, self.name) for x in given]
                return made.on_values(numbers)
            runner = made.batch(self.one_backend)
            if not kwargs and made.result.is_scalar and all([type(x) is float for x in args]):
                machine = runner.ready()
                if machine is not None:
                    self._use(machine)
                    read = None
                elif runner.exact:
                    self.ready[tuple(map(type, args))] = made, made.function
            if read is not None:
                remember(self.by_call, read.key, made)
            return made.result.fill(runner.one(xs))
        except Exception as error:
            raise without_our_frames(error)  # noqa: B904

    @property
    def one_backend(self) -> str:
        """What runs one example: NumPy has nothing to offer there."""
        built = native.available() or self.backend == "c"  # which says why it cannot
        return self.backend if built and self.backend != "numpy" else "python"

    def derived(
        self, key: Any, transform: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> Jit[...]:
        """A derivative of this function, compiled as well; `grad` and its kin ask for it."""
        key = repr(key)
        if key not in self.derivatives:
            self.derivatives[key] = Derivative(self, transform)
        return self.derivatives[key]

    # Many examples ------------------------------------------------------------------------

    @door
    def map(self, *columns: Any) -> Any:
        """The results for all examples, one for each entry of the leading axis.

        One number gives an array. Where all columns are arrays, what has a shape, such as a list
        of ten numbers or a Jacobian, is one array too, the examples along its first axis; lists
        and dictionaries of unequal parts hold such arrays. Otherwise a list of what the function
        gives.
        """
        made, rows = self.examples(columns, empty=True)
        return made.batch(self.backend).map(rows) if made is not None else as_array([])

    @door
    def value_and_grad(self, *columns: Any) -> tuple[float, Any]:
        """The mean of the result over the examples, and its gradient as an array.

        In the order of `parameters`. Each argument holds one entry for each example; of a
        function without arguments there is one example.
        """
        made, rows = self.examples(columns)
        value, gradient = made.batch(self.backend).gradient(rows)
        return value, as_array(gradient)

    @door
    def backward(self, *columns: Any) -> float:
        """The mean; its gradient is added to each parameter's `.grad`.

        As `.backward()` of the mean of the eager results would.
        """
        value: float
        made, rows = self.examples(columns)
        value, gradient = made.batch(self.backend).gradient(rows)
        add_to_grad(made.parameters, as_array(gradient).tolist())
        return value

    @door
    def fit(
        self,
        *columns: Any,
        optimizer: Any = None,
        steps: int = 100,
        batch_size: int | None = None,
        schedule: Any = None,
        progress: bool = True,
        seed: int = 0,
        adversarial: float | None = None,
    ) -> Any:
        """A `Fitted`, with the loss of every step; the parameters hold what was learned.

        Takes `steps` steps of the optimizer, which may stand last among the arguments, on
        the mean over a batch of `batch_size` examples, all of them if None, drawn in an
        order that `seed` fixes. `schedule.step()` follows each step, with the loss of the step
        where it is a ReduceLROnPlateau. Frozen parameters stay where they are. Ctrl-C ends it early
        and keeps what was learned so far; so does a loss that is not a number, which is a
        ValueError. In machine code a batch of 64 examples or more is shared by two threads,
        one of 4096 or more by up to eight, where it is worth it and there are processors;
        the variable MICROGRAD_THREADS may say fewer. Results do not depend on how many.

        With `adversarial=eps` it learns, and gives as the loss, what the function is where
        every number of its first argument is moved by eps so that it grows: adversarial
        back-propagation, as `micrograd/adversarial.py` says, in the same program.

        >>> from micrograd import Value, data, nn, optim
        >>> X, y = data.linear(40, noise=0.0)
        >>> neuron = nn.Neuron(2, nonlin=False)
        >>> fast = jit(lambda x, y: (neuron(x) - y)**2)
        >>> fitted = fast.fit(X, y, optim.SGD(neuron.parameters(), lr=0.3), progress=False)
        >>> [round(p.data, 3) for p in neuron.parameters()]
        [2.0, -1.0, 0.5]
        """
        if optimizer is None and columns:
            *rest, optimizer = columns
            columns = tuple(rest)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{self.name}.fit: an optimizer of micrograd.optim is needed, such as "
                f"optim.Adam(model.parameters()), not {optimizer!r:.60}"
            )
        made, rows = self.examples(columns)
        if adversarial is not None:
            made = self.against(adversarial).examples(columns)[0]
        return fit(
            made, self.backend, rows, optimizer, steps, batch_size, schedule, progress, seed,
            f"{self.name}.fit",
        )  # fmt: skip

    def against(self, eps: float) -> Jit[P]:
        """The same function at its first argument moved by eps against it; kept for later."""
        if eps not in self.attacked:
            backend, _, build = self.backend.partition("+")
            self.attacked[eps] = Jit(against(self.f, eps), self.given, backend, build)
        return self.attacked[eps]

    # Elsewhere ----------------------------------------------------------------------------

    @door
    def to_jax(self) -> Callable[..., Any]:
        """The same as a function of JAX: g(parameters, *args), for one example.

        `parameters` is an array of as many numbers as `.parameters`, in that order; the
        arguments have the structure of the latest call, or of `trace(*example)`, with
        arrays or lists for lists. What comes back has the structure of the result.
        It runs under `jax.jit`, `vmap`, `grad`, `shard_map`; its gradients, by parameters
        and arguments alike, are those of this engine. Numbers have the precision of
        `parameters`. A batch is `jax.vmap(g, (None, 0, 0))(parameters, X, Y)`.
        """
        made = self.known("the function for JAX")
        if made.program.has_regions:
            return interop_loops.to_jax(made, self.name)
        return to_jax(made, self.name)

    @door
    def to_torch(self, batch: bool = False) -> Callable[..., Any]:
        """The same as a function of PyTorch: g(parameters, *args), for one example.

        As `to_jax`, for tensors: `g(parameters, x, y).backward()` gives `parameters.grad`,
        and a batch is `torch.func.vmap(g, (None, 0, 0))(parameters, X, Y)`. With `batch` the
        function takes one: each argument has the examples as its first dimension, and so has
        the result. That is the same without what vmap costs at each call.
        """
        made = self.known("the function for PyTorch")
        if made.program.has_regions:
            return interop_loops.to_torch(made, self.name, batch)
        return to_torch(made, self.name, batch)

    def to_c(self, path: Any) -> Any:
        """The path of a C file, written there with a header beside it: value and gradient.

        C99 without dependencies, for the structure of the latest call. Its results have the bits
        of this function, compiled with `-std=c99`. TypeError for an operation without C.
        """
        return write_c(self.known("the function in C"), path, self.name)[0]

    def save(self, path: Any) -> None:
        """Nothing; the program of the latest call and the parameters are in the file `path`.

        `micrograd.compiler.load(path)` gives it back, without the function it came from.
        """
        save(self.known("the program"), path, self.name)

    def examples(self, columns: tuple[Any, ...], empty: bool = False) -> tuple[Any, Rows]:
        """What was made for one example, None if there need be none, and the numbers of all."""
        read = None if self.machine is None else self.machine.columns(columns)
        if read is not None and (known := self.by_batch.get(read.key)):
            self.latest = known
            return known, Rows(columns, self.name, read)
        columns = tuple([batch_of(column, self.name) for column in columns])
        if self.count(columns) == 0:
            if empty:
                return None, Rows(columns, self.name)
            raise ValueError(f"{self.name}: a mean over no examples: the batch is empty")
        rows = Rows(columns, self.name, read)
        if read is None and columns and rows.keys.count(rows.keys[0]) < rows.n:
            return self.ragged(columns, rows), rows
        made = self.compiled(*(column[0] for column in columns))
        if read is not None:
            remember(self.by_batch, read.key, made)
        return made, rows

    def ragged(self, columns: tuple[Any, ...], rows: Rows) -> Ragged:
        """What was made for the examples of a batch, which have several structures.

        ValueError where they differ in more than how many numbers stand where.
        """
        firsts: dict[Any, int] = {}
        for i, key in enumerate(rows.keys):
            firsts.setdefault(key, i)
        other = sorted(firsts.values())[1]
        sentence = f"{self.name}: example {other} has another structure than example 0"
        steered = set().union(*map(steered_by, firsts))
        if steered:
            hint = "; True and False are part of it: write 1.0 and 0.0" if "bool" in steered else ""
            raise ValueError(f"{sentence}, by more than the number of its numbers{hint}")
        if len(firsts) > CACHE:
            raise ValueError(
                f"{self.name}: the examples have {len(firsts)} structures, each of which would be "
                f"a program of its own; at most {CACHE} are taken: pad them to few lengths"
            )
        made = {}
        for key, i in firsts.items():
            try:
                made[key] = self.compiled(*[column[i] for column in columns])
            except (TypeError, ValueError) as error:
                if i == 0 or type(error) not in (TypeError, ValueError, TraceError):
                    raise
                raise type(error)(
                    f"{self.name}: example {i} has another structure than example 0: {error}"
                ) from error
        return Ragged(made, self.name)

    def count(self, columns: tuple[Any, ...]) -> int:
        """How many examples there are; of a function without arguments one."""
        sizes = {len(column) for column in columns}
        if len(sizes) > 1:
            several = " and ".join(map(str, sorted(sizes)))
            raise ValueError(f"{self.name}: the arguments hold {several} examples")
        return sizes.pop() if sizes else 1

    def __repr__(self) -> str:
        return (
            f"<jit of {self.name}: {self.latest.program!r}>"
            if self.latest
            else f"<jit of {self.name}>"
        )


def remember(known: dict[bytes, Compiled], key: bytes, made: Compiled) -> None:
    """Nothing; `known` has one entry more, and never too many."""
    if len(known) >= CACHE:
        known.clear()
    known[key] = made


class Derivative(Jit[...]):
    """A derivative of a compiled function: of its program, so that it is that of what it gives.

    Where it cannot be compiled, because a derivative of the user's own decides by numbers, it is
    computed eagerly.
    """

    def __init__(self, of: Jit[Any], transform: Callable[..., Callable[..., Any]]) -> None:
        def f(*args: Any, **kwargs: Any) -> Any:
            # A program with loops would unroll on Values: the function is traced again.
            loops = of.compiled(*args, **kwargs).program.has_regions
            return of.f(*args, **kwargs) if loops else of(*args, **kwargs)

        functools.update_wrapper(f, of, updated=())
        backend, _, build = of.backend.partition("+")
        super().__init__(transform(f), of.given, backend, build)
        self.of, self.transform = of, transform
        self.is_eager = False

    def __reduce__(self) -> Any:
        return Derivative, (self.of, self.transform)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        of = copy.deepcopy(self.of, memo)
        return self if of is self.of else Derivative(of, self.transform)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        if not self.is_eager:
            try:
                return super()._call(*args, **kwargs)
            except (TraceError, TypeError):
                found = self.f(*args, **kwargs)
                self.is_eager = True
                return found
        return self.f(*args, **kwargs)


@overload
def jit(
    f: Callable[P, Any],
    *,
    parameters: Sequence[Value] | None = ...,
    backend: str = ...,
    fastmath: bool = ...,
    dtype: str = ...,
) -> Jit[P]: ...


@overload
def jit(
    f: None = ...,
    *,
    parameters: Sequence[Value] | None = ...,
    backend: str = ...,
    fastmath: bool = ...,
    dtype: str = ...,
) -> Callable[[Callable[P, Any]], Jit[P]]: ...


def jit(
    f: Callable[..., Any] | None = None,
    *,
    parameters: Sequence[Value] | None = None,
    backend: str = "auto",
    fastmath: bool = False,
    dtype: str = "float64",
) -> Any:
    """A `Jit`: f compiled. f takes numbers, in nested lists, and gives a Value or several.

    It is traced once for each structure of its arguments, not for their numbers, and keeps
    the 128 structures that were used last; a batch may hold examples of several, such as lists of
    unequal lengths. Its parameters are the Values that it reaches, in the order in which they are
    met or in the one given. Also as a decorator, `@jit`, of a method too, which is then compiled
    for each instance. ValueError and TypeError for what cannot be compiled, such as an `if` that
    depends on a number: the message names the line.

    The backend is "python", "numpy", "native" where it was built, "c" or "auto". Python and
    native give what the eager engine gives, to the last bit for one example; where a gradient
    is nan, or a float operation would raise, the examples are done over by the eager engine, one
    by one, which is slow and knows what was not selected from what is not a number. `fastmath`
    lets the native one fuse multiplications into additions, and compute exp, log, tanh,
    the logistic function and its relatives on eight examples at once, with errors of up
    to 4 units in the last place, and 0 for what is below 2.3e-308. With the dtype
    "float32" it keeps numbers of half the size; its results then have 6 digits or so.
    With "c" the compiler of this machine makes code of the function at its first call, which may
    take seconds and is kept for later processes: loops, and what is irregular, run several times as
    fast, with the same bits.

    >>> from micrograd import jit, nn
    >>> import micrograd as mg
    >>> f = jit(lambda x, y: mg.tanh(x * y) + x)
    >>> f(0.5, 2.0)
    1.2615941559557649
    >>> print(f.program)
    given x, y
      1  v1 = x * y
      2  v2 = tanh(v1)
      3  v3 = v2 + x
    gives v3
    """
    if f is None:
        return functools.partial(
            jit, parameters=parameters, backend=backend, fastmath=fastmath, dtype=dtype
        )
    if dtype not in ("float64", "float32"):
        raise ValueError(f'jit: the dtype is "float64" or "float32", not {dtype!r}')
    if fastmath and dtype == "float32":
        raise ValueError("jit: fastmath is for float64 alone")
    build = "fastmath" if fastmath else "float32" if dtype == "float32" else ""
    return Jit(f, parameters, backend, build)
