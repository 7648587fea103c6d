"""The optional half of the build: the engine as machine code, where a C compiler is at hand.

All metadata is in setup.cfg. mypyc compiles the files named here as they stand; without
it or without a compiler the same files run as Python. MICROGRAD_PURE=1 asks for that.
"""

import os
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = [
    "toposort", "watch", "ieee", "tails", "special", "number", "nodes", "chain", "neuron",
    "tape", "engine",
]  # fmt: skip
HERE = Path(__file__).parent


def missing() -> str:
    """Why nothing can be compiled here, or an empty string."""
    if os.environ.get("MICROGRAD_PURE"):
        return "MICROGRAD_PURE is set"
    if sys.implementation.name != "cpython":
        return f"{sys.implementation.name} compiles Python by itself"
    try:
        import mypyc.build  # noqa: F401
    except ImportError:
        return "mypyc is not installed"
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler, get_python_inc

    compiler = new_compiler()
    customize_compiler(compiler)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\n")
        try:
            compiler.compile([str(source)], output_dir=folder, include_dirs=[get_python_inc()])
        except Exception:
            return "there is no C compiler, or no headers of Python"
    return ""


def say(reason: str) -> None:
    print(f"micrograd: the engine runs as Python: {reason}", file=sys.stderr)


def extensions() -> list[Extension]:
    reason = missing()
    if reason:
        say(reason)
        return []
    from mypyc.build import mypycify

    files = [f"micrograd/{name}.py" for name in COMPILED]
    found = mypycify(files, opt_level="3", group_name="micrograd")
    header = str(HERE / "micrograd" / "trashcan.h")
    # No fused multiply-add: the same file gives the same bits as Python and as machine code.
    flags = ["/FI", header] if sys.platform == "win32" else [
        "-include", header, "-ffp-contract=off", "-Wno-error",
    ]  # fmt: skip
    for extension in found:
        extension.extra_compile_args = [*extension.extra_compile_args, *flags]
        extension.depends.append("micrograd/trashcan.h")
    machine = Extension(
        "micrograd.compiler._machine",
        ["micrograd/compiler/machine.c"],
        depends=["micrograd/compiler/functions.h"],
        extra_compile_args=["/O2"] if sys.platform == "win32" else ["-O3", *flags[2:]],
    )
    fast = Extension(
        "micrograd.compiler._machine_fast",
        ["micrograd/compiler/machine.c"],
        depends=["micrograd/compiler/functions.h", "micrograd/compiler/fast.h"],
        define_macros=[("MG_FAST", "1")],
        extra_compile_args=["/O2"] if sys.platform == "win32" else ["-O3", "-ffp-contract=fast"],
    )
    return [*found, machine, fast]


class BuildAllOrNothing(build_ext):
    """A compiler that fails half way leaves Python, not a mixture."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions = []
            say(f"the compiler failed ({error})")


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildAllOrNothing})
