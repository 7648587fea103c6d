"""The process that `test_machine_fuzz.py` watches: makes programs and runs them.

    python tests/fuzz_machine.py _machine 0 10000      # module, seed, how many programs

Prints how many were made, how many runs came to their end, and how many training loops.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
from array import array
from types import SimpleNamespace

try:
    import resource
except ImportError:  # on Windows
    resource = None

import micrograd as mg
from micrograd import Value, losses, nn
from micrograd.compiler.native import backend as native


def main(module: str, seed: int, programs: int) -> None:
    # Some of what is made up asks for more memory than there is: here it is refused at once.
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    machine = importlib.import_module(f"micrograd.compiler.native.{module}")
    rng = random.Random(seed)
    known = machine.FUNCTIONS
    real = real_programs(machine)
    extremes = [-(2**31), -(2**31) + 1, -5, -1, 0, 1, 2, 3, 4, 8, 127, 2**28, 2**30, 2**31 - 1]
    huge = [2**28, 2**32, 2**59, 2**60 - 1, 2**61, 2**62, 2**63 - 8, 2**63 - 1]

    def number(n):
        """Mostly an operand in range."""
        if rng.random() < 0.02:
            return rng.choice(extremes)
        return rng.randrange(max(n, 1)) * 4 + rng.randrange(3)

    def instruction(by_columns, sizes):
        registers, scalars, inputs, first_sum, sums = sizes
        op = rng.randrange(-1, 19) if rng.random() < 0.05 else rng.randrange(17)
        least = min(max(x, 1) for x in (registers, scalars, inputs))

        def column():
            return (
                rng.randrange(max(registers, 1)) * 4
                if rng.random() < 0.7
                else rng.randrange(max(inputs, 1)) * 4 + 2
            )

        def scalar():
            return rng.randrange(max(scalars, 1)) * 4 + 1

        def any_operand():
            if rng.random() < 0.01:
                return number(least)
            return rng.choice([column, scalar])() if by_columns else scalar()

        def places(n, first=first_sum, many=sums):
            return [first + rng.randrange(max(many, 1)) for _ in range(n)]

        def table(rows, k, first, many):
            """Scalars one by one, or from the first on in steps that mostly stay in range."""
            if rng.random() < 0.5:
                return 0, places(rows * k, first, many)
            step, across = rng.randrange(-1, 2), rng.randrange(-2, 3)
            return 1, [*places(1, first, many), across, step]

        k = rng.randrange(1, 6)
        target = rng.randrange(max(registers if by_columns else scalars, 1))
        if op <= 6:
            operands = [any_operand() for _ in range(1 if op in (4, 5) else 2)]
        elif op == 7:
            start = -1 if rng.random() < 0.5 else any_operand()
            operands = [start, *[any_operand() for _ in range(2 * k)]]
        elif op == 9:
            k = rng.choice([k, 8, 9])
            operands, target = [*[column() for _ in range(k)], *places(k)], 0
        elif op == 10:
            rows, k = rng.randrange(1, 10), rng.randrange(1, 10)
            in_rows, where = table(rows, k, first_sum, sums)
            columns = [-1 if rng.random() < 0.1 else column() for _ in range(rows + k)]
            operands = [rows, k, in_rows, *columns, *where]
            target = 0
        elif op == 12:
            f = rng.randrange(len(known))
            operands = [f, *[any_operand() for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]]
        elif op == 13:
            operands = [rng.randrange(2), *[any_operand() for _ in range(k)]]
        elif op == 14:
            operands = [
                rng.randrange(5), rng.randrange(4), rng.randrange(2), rng.randrange(4),
                rng.randrange(2), rng.randrange(1, 4),
            ]  # fmt: skip
        elif op == 15:
            rows = rng.randrange(1, 7 if by_columns else 20)
            then = rng.randrange(3) if by_columns or rng.random() < 0.05 else 0
            in_rows, where = table(rows, k, 0, scalars)
            factor, target = column if by_columns else scalar, 0
            operands = [rows, k, then, in_rows, *[factor() for _ in range(k)]]
            for _ in range(rows):
                start = -1 if rng.random() < 0.5 else rng.randrange(max(scalars, 1))
                to = rng.randrange(max(registers if by_columns else scalars, 1))
                operands += [to, start, column() if then == 2 else -1]
            operands += where
        elif op == 16:
            operands = [-1 if rng.random() < 0.5 else any_operand()]
            operands += [any_operand() for _ in range(1 + 2 * k)]
        else:
            operands = [any_operand() for _ in range(k)]
        if rng.random() < 0.02:
            operands = [number(least) for _ in range(rng.randrange(8))]
        if rng.random() < 0.01:
            target = rng.choice(extremes)
        count = len(operands) if rng.random() < 0.99 else rng.choice(extremes)
        return [op, target, count, *operands]

    def section(by_columns, sizes):
        code = []
        for _ in range(rng.choice([0, 1, 1, 2, 4])):
            code += instruction(by_columns, sizes)
        if code and rng.random() < 0.02:
            code = code[: rng.randrange(len(code))]
        return array("i", code).tobytes()

    def mutated(data):
        """A few bytes or numbers changed, some cut off or doubled."""
        data = bytearray(data)
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            if len(data) < 8:
                break
            at = rng.randrange(len(data) // 4) * 4
            how = rng.random()
            if how < 0.3:
                data[at + rng.randrange(4)] ^= 1 << rng.randrange(8)
            elif how < 0.7:
                value = rng.choice([*extremes, *range(40)])
                data[at : at + 4] = value.to_bytes(4, "little", signed=True)
            elif how < 0.85:
                del data[at : at + rng.choice([1, 4, 12])]
            else:
                data[at:at] = data[at : at + rng.choice([1, 4, 12, 40])]
        return bytes(data)

    def reciprocal(*xs):
        return 1.0 / sum(xs)

    calls = [(), (reciprocal,), (max, reciprocal), (max, len), (max, lambda *xs: "one"), (None, 3)]

    def random_program():
        registers, inputs = rng.randrange(5), rng.randrange(4)
        scalars, outputs = rng.choice([rng.randrange(8), 40]), rng.choice([0, 0, 1, 2])
        sums = rng.randrange(scalars + 1)
        parameters = rng.randrange(scalars - sums + 1)
        first, single = 0, rng.random() < 0.3
        if single:  # inputs are scalars
            sums = outputs = 0
            first, parameters = min(inputs, scalars), max(0, parameters - inputs)
        sizes = registers, scalars, inputs, parameters, sums
        results = [
            rng.randrange(max(scalars, 1)) for _ in range(rng.choice([0, 1, parameters + 1]))
        ]
        given = [
            section(False, sizes), section(True, sizes), section(False, sizes),
            array("d", [rng.choice([0.0, 1.0, -2.5, float("inf"), float("nan"), 1e308]) for _ in range(scalars)]).tobytes(),
            array("i", results).tobytes(),
        ]  # fmt: skip
        if single and rng.random() < 0.95:
            given[1] = b""
        named = {
            "registers": registers, "inputs": inputs, "outputs": outputs, "first_parameter": first,
            "parameters": parameters, "count_at": rng.randrange(-1, scalars + 1),
            "first_sum": parameters, "sums": sums, "functions": rng.choice(calls), "single": single,
        }  # fmt: skip
        return given, named

    def changed_program():
        given, named = rng.choice(real)
        # Not its own functions: with other numbers, the order of a derivative say, they run on.
        harmless = (reciprocal,) * len(named["functions"])
        return [mutated(b) for b in given], {**named, "functions": harmless}

    def buffer(doubles):
        """Mostly that many doubles; sometimes fewer, other bytes, or something else."""
        doubles = min(max(doubles, 0), 100_000)
        luck = rng.random()
        if luck < 0.03:
            doubles = rng.randrange(doubles + 1)
        if luck < 0.04:
            return bytearray(rng.randrange(64))
        if luck < 0.05:
            return rng.choice([b"", None, "text", memoryview(bytearray(64))[::2], 1.5])
        return (
            array("d", [rng.gauss(0, 2) for _ in range(min(doubles, 64))] * -(-doubles // 64 or 0))[
                :doubles
            ]
            if doubles > 64
            else array("d", [rng.gauss(0, 2) for _ in range(doubles)])
        )

    def size(n):
        return rng.choice([*huge, -1, 0]) if rng.random() < 0.01 else n

    fine = (ValueError, TypeError, MemoryError, OverflowError, ZeroDivisionError, BufferError)
    made = ran = fitted = 0
    last = None
    for _ in range(programs):
        given, named = random_program() if rng.random() < 0.6 else changed_program()
        given[:3] = map(short, given[:3])
        for key in named:
            if key != "functions" and rng.random() < 0.01:
                named[key] = rng.choice([*extremes, *huge])
        try:
            m = machine.Machine(*given, **named)
        except fine:
            continue
        made += 1
        for _ in range(2):
            n = rng.choice([0, 1, 2, 7, 8, 9, 100, 127, 128, 129, 300, 4096, 5000])
            if named.get("single") and rng.random() < 0.9:
                n = 1
            if named["inputs"] > 8 or named["outputs"] > 8:
                n = min(n, 129)
            stride = n + rng.choice([0, 0, 3, (-n) % 8])
            try:
                m.run(
                    buffer(named["parameters"]), buffer(named["inputs"] * stride), size(n)
                    if named["inputs"] + named["outputs"] else n, size(stride),
                    buffer(len(given[4]) // 4), buffer(named["outputs"] * n),
                )  # fmt: skip
                ran += 1
            except fine:
                pass
        numbers = min(max(named["inputs"] + named["parameters"], 0), 50)
        with contextlib.suppress(*fine):
            m.call(*[rng.gauss(0, 1) for _ in range(numbers)])
        caller = machine.Caller()
        caller._use(m)
        try:
            caller(*[1.0] * numbers)
        except (*fine, AttributeError):  # a bare Caller has no slow way
            pass
        for u in [last, m, *update_machines(machine, named["parameters"])]:
            if u is None:
                continue
            n, steps = rng.choice([1, 5, 8, 130]), rng.choice([0, 1, 3])
            batch = rng.choice([1, n, n, max(1, n // 2)])
            order = array(
                "i", [rng.randrange(n) for _ in range(batch * steps)] if batch < n else []
            )
            if order and rng.random() < 0.05:
                order[rng.randrange(len(order))] = rng.choice(extremes)
            stride, padded = n + (-n) % 8, (named["parameters"] + 7) // 8 * 8
            try:
                m.fit(
                    u, buffer(8 * padded), buffer(named["inputs"] * stride), size(n)
                    if named["inputs"] else n, size(stride), order, size(batch), size(steps),
                    buffer(4 * steps), buffer(steps),
                )  # fmt: skip
                fitted += 1
            except fine:
                pass
        last = m
    print(made, ran, fitted)


LOOP = 17  # the op; target, count; how many turns, or -1, and then the sequence that says so


def short(section):
    """The code with loops of a few turns: a program may run as long as it says, and this may not."""
    code = array("i", section[: len(section) // 4 * 4])
    for i, op in enumerate(code[:-4]):
        if op == LOOP and not (0 <= code[i + 3] < 20 or (code[i + 3] == -1 and code[i + 4] >= 0)):
            code[i + 3] = abs(code[i + 3]) % 20
    return code.tobytes() + section[len(section) // 4 * 4 :]


def update_machines(machine, parameters):
    """Gradient descent, as the machine takes it: p - c g."""
    if not 0 <= parameters < 50:
        return []
    code = [2, 0, 2, 1, 2, 1, 1, 2, 6, 0, 11, 0, 1, 4]  # g, p are columns 0, 1
    total = [9, 0, 2, 2, 1]  # which an update may not have
    return [
        machine.Machine(
            b"", array("i", [*code, *more]).tobytes(), b"",
            array("d", [0.1, 0.0]).tobytes(), b"",
            registers=2, inputs=2, outputs=1, first_parameter=0, parameters=1, count_at=-1,
            first_sum=1, sums=bool(more), functions=(),
        )
        for more in ([], total)
    ]  # fmt: skip


def real_programs(machine):
    """What the encoder gives the machine for real functions, caught on its way."""
    found = []

    def caught(*given, **named):
        found.append((given, named))
        return machine.Machine(*given, **named)

    random.seed(0)
    kept = native.BUILDS[""]
    native.BUILDS[""] = kept._replace(
        module=SimpleNamespace(**{**vars(machine), "Machine": caught})
    )
    try:
        model = nn.MLP(2, [4, 4, 3])
        p = Value(0.5)
        for f, args in (
            (lambda x, k: losses.cross_entropy(model(x), k), ([[0.1, 0.2]] * 9, [0, 1, 2] * 3)),
            (lambda x, y: losses.hinge(model(x)[0], y), ([[0.1, 0.2]] * 9, [1.0, -1.0, 1.0] * 3)),
            (
                lambda x, y: mg.sinc(x * p) + mg.clip(y, -p, p) + mg.tanh(x) ** p,
                ([0.5] * 9, [0.1] * 9),
            ),
            (lambda x: mg.sum([p * x, x, mg.relu(x - p)]) / (p + 2.0), ([0.3] * 9,)),
        ):
            fast = mg.jit(f, backend="native")
            fast(*[a[0] for a in args])
            fast.map(*args)
            fast.value_and_grad(*args)
            fast.value_and_grad(*[a[:1] for a in args])
            optimizer = mg.optim.Adam(fast.parameters, lr=1e-3)
            with contextlib.suppress(ValueError):  # float32 reads other numbers, which may be nan
                fast.fit(*args, optimizer, steps=2, progress=False)
    finally:
        native.BUILDS[""] = kept
    return found


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
