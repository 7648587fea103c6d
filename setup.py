"""The optional half of the build: the engine as machine code, where a C compiler is at hand.

All metadata is in setup.cfg. mypyc compiles the files named here as they stand; without
it or without a compiler the same files run as Python. MICROGRAD_PURE=1 asks for that.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = [
    *[f"numerics/{name}" for name in ("ieee", "tails", "special")],
    *[f"core/{name}" for name in (
        "build", "watch", "node", "sort", "selection", "chain", "number", "weighted_sum",
    )],
    "autodiff/tape", "engine",
    *[f"compiler/ir/{name}" for name in ("program", "reverse", "simplify", "batch")],
    *[f"compiler/native/{name}" for name in ("instructions", "arrange", "rows", "encode")],
]  # fmt: skip
HEADERS = ("functions", "kernels", "vectors", "exponential", "team", "loops")  # of the machine
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


def docstrings() -> dict[str, str]:
    """What is compiled, by its name in C (engine___Value___backward), and its docstring."""
    found: dict[str, str] = {}

    def look(body: list[ast.stmt], path: str) -> None:
        for node in body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                found[f"{path}___{node.name}"] = ast.get_docstring(node) or ""
                if isinstance(node, ast.ClassDef):
                    found[node.name] = ast.get_docstring(node) or ""
                    look(node.body, f"{path}___{node.name}")

    for name in COMPILED:
        tree = ast.parse((HERE / "micrograd" / f"{name}.py").read_text(encoding="utf-8"))
        found["micrograd." + name.replace("/", ".")] = ast.get_docstring(tree) or ""
        look(tree.body, name.rsplit("/")[-1])
    return found


def add_docstrings(path: Path) -> None:
    """Put the docstrings into what mypyc wrote, for `help`: by itself it drops them."""
    docs = docstrings()

    def literal(text: str) -> str:
        text = text.encode("ascii", "replace").decode()
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    def longer(match: re.Match[str]) -> str:
        return f'{match[1]}{literal(docs.get(match[2], ""))}")'

    def module(match: re.Match[str]) -> str:
        return f'{match[1]}PyDoc_STR("{literal(docs.get(match[2], ""))}"),'

    text = r'"(?:[^"\\]|\\.)*'
    written = code = path.read_text(encoding="utf-8")
    code = re.sub(rf"(CPyPy_(\w+),[\sA-Z_|]+, PyDoc_STR\({text})\"\)", longer, code)
    code = re.sub(r'(\.tp_doc = PyDoc_STR\("(\w+)\((?:[^"\\]|\\.)*)"\)', longer, code)
    code = re.sub(r'("(micrograd\.\w+)",\s*)NULL, /\* docstring \*/', module, code)
    if code != written:
        path.write_text(code, encoding="utf-8")


# mypyc lets nobody subclass its classes who also sets attributes freely. A `Value` can be both:
# an instance of a subclass begins as an empty node, then its own `__init__` is called, and where
# the compiled code asks for a Value it is one. Each is (what mypyc wrote, what stands there then).
VALUE = "CPyType_engine___Value"
SUBCLASSES = [
    (
        rf"\(Py_TYPE\((\w+)\) == {VALUE}\)",
        rf"(Py_TYPE(\1) == {VALUE} || MICROGRAD_IS_SUBCLASS(Py_TYPE(\1), {VALUE}))",
    ),
    (
        rf"((\w+) = \(PyObject \*\){VALUE};\s*(\w+) = [^;]*ob_type\)\);\s*"
        r"(\w+) = \*\(PyObject \* \*\)\3;\s*\w+ = )\4 == \2;",
        rf"\1\4 == \2 || MICROGRAD_IS_SUBCLASS((PyTypeObject *)\4, {VALUE});",
    ),
    (
        rf"if \(type != {VALUE}\) {{\s*PyErr_SetString\([^;]*;\s*return NULL;\s*}}",
        f"if (type != {VALUE}) {{\n"
        "        PyObject *made = CPyDef_engine_____mypyc__Value_setup((PyObject *)type);\n"
        "        if (made != NULL) CPyDef_node___Node_____init__(made);\n"
        "        return made;\n    }",
    ),
    (
        r"(engine___Value_init\(PyObject \*self, PyObject \*args, PyObject \*kwds\)\s*{\s*)"
        r"return 0;",
        rf"\1if (Py_TYPE(self) == {VALUE}) return 0;\n"
        "    PyObject *done = CPyPy_engine___Value_____init__(self, args, kwds);\n"
        "    Py_XDECREF(done);\n    return done == NULL ? -1 : 0;",
    ),
]


def allow_subclasses(path: Path) -> None:
    """Have the C code take instances of subclasses of Value for Values."""
    written = code = path.read_text(encoding="utf-8")
    for pattern, replacement in SUBCLASSES if VALUE in code else []:
        code, n = re.subn(pattern, replacement, code)
        if not n and "MICROGRAD_IS_SUBCLASS" not in code:
            raise RuntimeError(f"this version of mypyc writes other code than expected: {pattern}")
    if code != written:
        path.write_text(code, encoding="utf-8")


def write_functions() -> None:
    """Have the floats of the table written as C, by a copy of the package as Python alone."""
    package, header = HERE / "micrograd", HERE / "micrograd/compiler/native/functions.h"
    with tempfile.TemporaryDirectory() as folder:
        machine_code = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
        shutil.copytree(package, Path(folder, "micrograd"), ignore=machine_code)
        command = [sys.executable, "-m", "micrograd.compiler.native.translate", str(header)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    print(done.stdout, end="", file=sys.stderr)


def extensions() -> list[Extension]:
    reason = missing()
    if reason:
        say(reason)
        return []
    from mypyc.build import mypycify

    write_functions()

    files = [f"micrograd/{name}.py" for name in COMPILED]
    # Other files may want what is not installed while this is built, such as NumPy.
    found = mypycify(
        ["--follow-imports=silent", "--ignore-missing-imports", *files],
        opt_level="3", group_name="micrograd",
    )  # fmt: skip
    header = str(HERE / "micrograd" / "core" / "nodes.h")
    # No fused multiply-add: the same file gives the same bits as Python and as machine code.
    flags = ["/FI", header] if sys.platform == "win32" else [
        "-include", header, "-ffp-contract=off", "-Wno-error",
    ]  # fmt: skip
    for source in {Path(s) for extension in found for s in extension.sources}:
        add_docstrings(source)
        allow_subclasses(source)
    for extension in found:
        extension.extra_compile_args = [*extension.extra_compile_args, *flags]
        extension.depends.append("micrograd/core/nodes.h")
    windows = sys.platform == "win32"
    # Python asks for numbers that wrap around; no index here does, and loops gain from that.
    fastest = ["/O2"] if windows else ["-O3", "-fno-wrapv"]
    # Clang would make exp2 of pow, which is another number.
    exact = fastest if windows else [*fastest, "-fno-builtin-pow", *flags[2:]]
    machine = Extension(
        "micrograd.compiler.native._machine",
        ["micrograd/compiler/native/machine.c"],
        depends=[f"micrograd/compiler/native/{name}.h" for name in HEADERS],
        extra_compile_args=exact,
        libraries=[] if windows else ["m"],  # its newest exp, log and pow
    )
    single = Extension(
        "micrograd.compiler.native._machine_single",
        ["micrograd/compiler/native/machine.c"],
        depends=machine.depends,
        define_macros=[("MG_SINGLE", "1")],
        extra_compile_args=exact,
        libraries=machine.libraries,
    )
    fast = Extension(
        "micrograd.compiler.native._machine_fast",
        ["micrograd/compiler/native/machine.c"],
        depends=[*machine.depends, "micrograd/compiler/native/fast.h"],
        define_macros=[("MG_FAST", "1")],
        extra_compile_args=fastest if windows else [*fastest, "-ffp-contract=fast"],
        libraries=machine.libraries,
    )
    return [*found, machine, fast, single]


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
