"""The mistakes that `mutants.py` makes: one at a time, by the operators of cosmic-ray.

Left out is what tells nothing: types, which nothing evaluates, and what raises wherever it is met.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "micrograd"
BITS = ("RShift", "LShift", "BitAnd", "BitOr", "BitXor")  # in place of + they raise at once
SAME = ("Is", "IsNot")  # in place of == the same, of what is compared here; < for `is` raises


def mutants(path: str) -> Iterator[tuple[str, str]]:
    """For each its name, `file function: line -> line`, and the whole source with the mistake."""
    try:
        from cosmic_ray import plugins
        from cosmic_ray.ast import ast_nodes, get_ast
        from cosmic_ray.ast.ast_query import ASTQuery
        from cosmic_ray.mutating import mutate_code
    except ImportError:
        raise SystemExit("mutants: pip install cosmic-ray in this environment first") from None
    source = (PACKAGE / path).read_text(encoding="utf-8")
    statements = [child.get_code() for child in get_ast(source).children]
    names = sorted(x for x in plugins.operator_names() if wanted(x))
    seen: Counter[str] = Counter()
    for i, statement in enumerate(statements):
        tree, idle = get_ast(statement), unnoticed(statement)
        assigned = re.search(r"^(\w+)(?:: \w+)? += ", statement, re.M)
        for name in names:
            operator = plugins.get_operator(name)()
            nodes = [n for n in ast_nodes(tree) for _ in operator.mutation_positions(n)]
            for k, node in enumerate(nodes):
                new = mutate_code(statement, operator, k)
                if not is_python(new) or any(a <= node.start_pos < b for a, b in idle):
                    continue
                function = ASTQuery(node).get_definition_name()
                function = function or (assigned[1] if assigned else "module")
                text = f"{path} {function}: {changed(statement, new)}"
                seen[text] += 1
                text += f" ({seen[text]})" if seen[text] > 1 else ""
                yield text, "".join([*statements[:i], new, *statements[i + 1 :]])


def wanted(operator: str) -> bool:
    """Whether this operator makes mistakes that tell something: not each does."""
    kind, *between = operator.removeprefix("core/").split("_")
    if kind == "ReplaceBinaryOperator":
        return between[1] not in BITS or between[0] in BITS
    if kind == "ReplaceComparisonOperator":
        return (between[0] in SAME) == (between[1] in SAME)
    return kind not in ("RemoveDecorator", "VariableReplacer", "VariableInserter")


def unnoticed(statement: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where types stand, which nothing evaluates, and domains, from which only tests draw."""
    found = []
    for node in ast.walk(ast.parse(statement)):
        for x in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(x, ast.expr):
                found.append(x)
        if isinstance(node, ast.keyword) and node.arg == "domain":
            found.append(node.value)
    return [((x.lineno, x.col_offset), (x.end_lineno or 0, x.end_col_offset or 0)) for x in found]


def is_python(source: str) -> bool:
    """Whether it can be read at all: cosmic-ray takes the stars of `{**a}` for a power."""
    try:
        return bool(ast.parse(source))
    except SyntaxError:
        return False


def changed(old: str, new: str) -> str:
    """The lines in which the two differ."""
    olds, news = old.splitlines(), new.splitlines()
    while olds and news and olds[0] == news[0]:
        del olds[0], news[0]
    while olds and news and olds[-1] == news[-1]:
        del olds[-1], news[-1]
    return " -> ".join(" ".join(line.strip() for line in lines) for lines in (olds, news))
