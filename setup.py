"""The optional half of the build: the engine as machine code, where a C compiler is at hand.

All metadata is in setup.cfg. mypyc compiles the files named here as they stand, and the C
compiler the machine of `jit`; without them the same files run as Python. MICROGRAD_PURE=1 asks
for that, and with MICROGRAD_STRICT=1 a compiler that fails is an error. What is compiled is kept
in build/, for the next installation from the same sources.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import metadata, util
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

COMPILED = [
    *[f"numerics/{name}" for name in ("ieee", "tails", "special", "psi")],
    *[f"core/{name}" for name in (
        "build", "watch", "node", "sort", "selection", "chain", "number", "weighted_sum",
    )],
    "autodiff/tape", "engine", "nn/calls", "nn/members",
    *[f"compiler/ir/{name}" for name in ("program", "reverse", "simplify", "batch")],
    *[f"compiler/native/{name}" for name in ("instructions", "outer", "arrange", "rows", "encode")],
]  # fmt: skip
# What every eager operation passes through. The other files take half of the time to compile
# with fewer optimisations, and nothing that was measured runs slower for it.
HOT = {
    "numerics/ieee", "core/node", "core/sort", "core/chain", "core/number",
    "core/weighted_sum", "autodiff/tape", "engine",
}  # fmt: skip
WINDOWS = sys.platform == "win32"
HERE = Path(__file__).parent
NODES = str(HERE / "micrograd" / "core" / "nodes.h")
# No fused multiply-add: the same file gives the same bits as Python and as machine code.
NATIVE = ["/FI", NODES] if WINDOWS else ["-include", NODES, "-ffp-contract=off", "-Wno-error"]
# The machine needs loops made into vectors and unrolled: without these two it takes up to twice
# the time. GCC's -O3 has both, and compiles a fifth longer for nothing.
GCC = ["-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-fpeel-loops"]
# Python asks for numbers that wrap around; no index here does, and loops gain from that.
FASTEST = ["/O2"] if WINDOWS else ["-fno-wrapv", "-g0"]
# Clang would make exp2 of pow, which is another number.
EXACT = [] if WINDOWS else ["-ffp-contract=off", "-fno-builtin-pow"]
FUSED = [] if WINDOWS else ["-ffp-contract=fast"]
MACHINES = {  # one source, three machines: its numbers and what it may fuse differ throughout
    "_machine": ([], EXACT),
    "_machine_fast": ([("MG_FAST", "1")], FUSED),
    "_machine_single": ([("MG_SINGLE", "1")], EXACT),
}


def missing() -> str:
    """Why nothing can be compiled here, or an empty string."""
    if os.environ.get("MICROGRAD_PURE"):
        return "MICROGRAD_PURE is set"
    if sys.implementation.name != "cpython":
        return f"{sys.implementation.name} compiles Python by itself"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "its compiled form needs the lock (GIL) that this free-threaded Python lacks"
    if not util.find_spec("mypyc"):
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


def say(sentence: str) -> None:
    """Tell who installs: pip shows what a build writes only where it fails, so the terminal too."""
    print(sentence, file=sys.stderr, flush=True)
    if not WINDOWS and not sys.stderr.isatty():
        with suppress(OSError), open("/dev/tty", "w") as terminal:
            print(f"\r{sentence}", file=terminal)


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
        r"(\w+) = \*\(PyObject \* \*\)\3;)(\s*CPy_DECREF\(\w+\);)?(\s*\w+ = )\4 == \2;",
        rf"\1\6\4 == \2 || MICROGRAD_IS_SUBCLASS((PyTypeObject *)\4, {VALUE});\5",
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


def allow_subclasses(paths: list[Path]) -> None:
    """Have the C code take instances of subclasses of Value for Values."""
    replaced = [0] * len(SUBCLASSES)
    for path in paths:
        written = code = path.read_text(encoding="utf-8")
        for i, (pattern, replacement) in enumerate(SUBCLASSES):
            code, n = re.subn(pattern, replacement, code)
            replaced[i] += n
        if code != written:
            path.write_text(code, encoding="utf-8")
        for match in re.finditer(rf"(\w+) = \(PyObject \*\){VALUE};", code):
            if re.search(rf"== {match[1]};", code[match.end() : match.end() + 400]):
                raise RuntimeError(f"{path.name} asks for a Value, and no subclass: {match[0]}")
    for (pattern, _), n in zip(SUBCLASSES, replaced):
        if not n:
            raise RuntimeError(f"this version of mypyc writes other code than expected: {pattern}")


def write_functions() -> None:
    """Have the floats of the table written as C, by a copy of the package as Python alone."""
    package, header = HERE / "micrograd", HERE / "micrograd/compiler/native/functions.h"
    with tempfile.TemporaryDirectory() as folder:
        machine_code = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
        shutil.copytree(package, Path(folder, "micrograd"), ignore=machine_code)
        command = [sys.executable, "-m", "micrograd.compiler.native.translate", str(header)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    print(done.stdout, end="", file=sys.stderr)


def generate(folder: Path) -> list[Extension]:
    """The extensions that mypyc writes as C: one with all the code, and a door for each module."""
    from mypyc.build import mypycify

    files = [f"micrograd/{name}.py" for name in COMPILED]
    try:  # Other files may want what is not installed while this is built, such as NumPy.
        found = mypycify(
            ["--follow-imports=silent", "--ignore-missing-imports", *files],
            group_name="micrograd", target_dir=str(folder), debug_level="0",
            multi_file=True, include_runtime_files=True,
        )  # fmt: skip
    except SystemExit as error:  # it has written what it found wrong
        raise RuntimeError("mypyc refuses the sources") from error
    sources = [Path(source) for extension in found for source in extension.sources]
    for source in sources:
        add_docstrings(source)
    allow_subclasses(sources)
    return found


def usable_cores() -> int:
    """How many processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def optimised(source: str) -> list[str]:
    """How much a file that mypyc wrote is optimised."""
    hot = {"__native_micrograd___" + name.replace("/", "___") for name in HOT}
    return [] if WINDOWS else ["-O3" if Path(source).stem in hot else "-O1"]


class BuildAllOrNothing(build_ext):
    """All on every core, kept in build/ for the next time; or Python, where a compiler fails."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions = []
            if os.environ.get("MICROGRAD_STRICT"):
                raise
            say(f"micrograd: the engine runs as Python: the compiler failed ({error})")

    def build_extensions(self) -> None:
        """Compile what is not there yet, and copy it to where it belongs."""
        kept = HERE / "build" / f"compiled-{sysconfig.get_config_var('SOABI') or 'python'}"
        made, key = kept / "made-of", self.fingerprint()
        if made.is_file() and made.read_text() == key:
            say("micrograd: the engine is compiled already")
        else:
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            self.compile(kept)
            made.write_text(key)
        for extension in self.extensions:
            path = Path(self.get_ext_fullpath(extension.name))
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kept / self.get_ext_filename(extension.name), path)

    def fingerprint(self) -> str:
        """What the machine code depends on, as one number: sources, tools, and their flags."""
        compiler = str(getattr(self.compiler, "compiler_so", ""))  # with its flags
        found = hashlib.sha256((sys.version + metadata.version("mypy") + compiler).encode())
        for path in [HERE / "setup.py", *sorted((HERE / "micrograd").rglob("*.[pch]*"))]:
            if path.suffix in (".py", ".c", ".h") and path.name != "functions.h":
                found.update(path.name.encode() + path.read_bytes())
        return found.hexdigest()

    def compile(self, folder: Path) -> None:
        """Compile everything into a folder, on as many cores as there are."""
        begun, cores = time.monotonic(), usable_cores()
        say(
            f"micrograd: compiling the engine, about {15 + 60 // cores} s on {cores} processor "
            "cores (MICROGRAD_PURE=1 leaves this out: the same engine as Python)"
        )
        with ThreadPoolExecutor(cores) as pool:
            # The machine needs nothing from mypyc, which meanwhile has a core of its own.
            fastest = FASTEST if WINDOWS else [*(GCC if self.is_gcc() else ["-O3"]), *FASTEST]
            machine = [str(HERE / "micrograd/compiler/native/machine.c")]
            jobs = [
                pool.submit(self.library, folder, "micrograd.compiler.native." + name, machine,
                            [*fastest, *flags], macros)
                for name, (macros, flags) in MACHINES.items()
            ]  # fmt: skip
            group, *doors = generate(folder / "c")
            say(f"micrograd: translated to C after {time.monotonic() - begun:.0f} s")
            flags, places = [*group.extra_compile_args, *NATIVE], group.include_dirs
            objects = [
                pool.submit(self.object, folder, source, [*flags, *optimised(source)], [], places)
                for source in sorted(group.sources, key=lambda s: -Path(s).stat().st_size)
            ]
            jobs += [pool.submit(self.library, folder, d.name, d.sources, flags) for d in doors]
            self.link(folder, group.name, [job.result() for job in objects])
            for job in jobs:
                job.result()
        for scraps in ("c", "objects"):
            shutil.rmtree(folder / scraps, ignore_errors=True)
        say(f"micrograd: compiled in {time.monotonic() - begun:.0f} s")

    def is_gcc(self) -> bool:
        """Whether the compiler is GCC, and not Clang under its name."""
        command = [self.compiler.compiler_so[0], "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return "Free Software Foundation" in said

    def object(
        self, folder: Path, source: str, flags: list[str], macros: Any = (), include: Any = ()
    ) -> str:
        """Where the compiled form of one file of C is: in a folder of its own, by its macros."""
        room = folder / "objects" / "-".join(["made", *[name for name, _ in macros]])
        (made,) = self.compiler.compile(
            [source], output_dir=str(room), macros=list(macros),
            include_dirs=list(include), extra_postargs=flags,
        )  # fmt: skip
        return str(made)

    def link(self, folder: Path, name: str, objects: list[str]) -> None:
        """Make a module of them that Python can load."""
        extension = Extension(name, [], libraries=[] if WINDOWS else ["m"])
        self.compiler.link_shared_object(
            objects, str(folder / self.get_ext_filename(name)),
            libraries=self.get_libraries(extension), library_dirs=self.library_dirs,
            export_symbols=self.get_export_symbols(extension),
            build_temp=str(folder / "objects"),
        )  # fmt: skip

    def library(
        self, folder: Path, name: str, sources: list[str], flags: list[str], macros: Any = ()
    ) -> None:
        """A module from one file of C."""
        self.link(folder, name, [self.object(folder, s, flags, macros) for s in sources])


def extensions() -> list[Extension]:
    """The names of what is compiled; `BuildAllOrNothing` knows of what, once it is wanted."""
    reason = missing()
    if reason:
        say(f"micrograd: the engine runs as Python: {reason}")
        return []
    names = ["micrograd__mypyc", *[f"micrograd.{name.replace('/', '.')}" for name in COMPILED]]
    return [
        Extension(n, []) for n in [*names, *[f"micrograd.compiler.native.{m}" for m in MACHINES]]
    ]


class WithFunctions(build_py):
    """The Python files, and before them the table's floats in C, which `to_c` copies from."""

    def run(self) -> None:
        try:
            write_functions()
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"micrograd: there is no C of the operations, {error}")
        super().run()


setup(
    ext_modules=extensions(),
    cmdclass={"build_py": WithFunctions, "build_ext": BuildAllOrNothing},
)
