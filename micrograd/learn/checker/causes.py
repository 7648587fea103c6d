"""The causes that the checker of homework knows, in words, and how a cause is told from another.

`CAUSES` has a sentence for each. The functions look at one result that is wrong, at the numbers
first and then at what the node keeps, and raise `Wrong` with the cause. `trials.py` calls them; for
exceptions see `errors.py`.
"""

from __future__ import annotations

import contextvars
import math
from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any, Final, NoReturn

CAUSES: Final = {
    "= for +=": "A gradient is overwritten where it should be added to: write `self.grad += ...`, "
    "not `=`. A number that is used twice gets a part from each use.",
    "no return": "The operation makes a node and does not give it back: `return out` is missing "
    "at its end.",
    "not a node": "The result is no node and has forgotten where it comes from: make a new node "
    "of the number and return it.",
    "changes operands": "The operation changes its operands: it has to leave self as it is and "
    "make a new node.",
    "called, not kept": "`out._backward = _backward()` calls the function at once and keeps what "
    "it returns, None: leave out the brackets.",
    "read too early": "The gradient of the result is read when the node is made, and is 0 then: "
    "read out.grad inside _backward, which runs later.",
    "no upstream": "The local gradient is not multiplied with the gradient of the result, "
    "out.grad, as the chain rule asks.",
    "upstream only": "The gradient of the result is passed on as it is: multiply it with the "
    "local gradient, which depends on the operands' data.",
    "forgets its parents": "A result does not have all its operands among its parents, so that "
    "backward() never gets past it: hand (self, other) on when the node is made, in every "
    "operation.",
    "nothing arrives": "The operand's gradient stays 0: the result has no _backward that adds to "
    "it. (What is added while the node is made comes too early: out.grad is still 0 then.)",
    "gradient for data": "What is handed on is made of an operand's gradient, self.grad or "
    "other.grad. It takes the result's gradient, out.grad, and of the operands the data.",
    "plain number": "A plain number beside a Value has to become a Value first, within the "
    "operation; what is one already stays as it is.",
    "data is shared": "All objects have one number: it is kept on the class, and each object needs "
    "its own, in self.data.",
    "grad is shared": "All objects have one gradient: it is kept on the class, and each object "
    "needs its own, in self.grad.",
    "start of backward": "backward() has to start with self.grad = 1, the gradient of the result "
    "by itself.",
    "starts again": "backward() of the operands is called in turn, and starts again with "
    "self.grad = 1 in each: only the result begins with 1.",
    "step of backward": "The gradients of all operations are wrong, so what they share is: each "
    "node adds local gradient times its own gradient to the gradient of each operand.",
    "not reversed": "The nodes are called from the leaves to the result: go through the sorted "
    "list from its end, with `reversed(...)`.",
    "depth first": "Nodes are called as soon as they are met, depth first: a node has to wait "
    "until all that use it have been called. Sort them first (topological order) and go from the "
    "end.",
    "breadth first": "Nodes are called level by level (breadth first): one that is near the "
    "result by one path and far by another is called too early. Sort them first (topological "
    "order).",
    "called again and again": "A node is called once for each path to it, and passes on every "
    "time all that it has: call each once. Remember the visited ones in a set.",
    "one parent only": "backward() follows one operand of each node and leaves the others out.",
    "one step only": "Only the operands of the result itself get their gradients: backward() does "
    "not go on to their operands.",
    "rounded": "Gradients are right in their first digits alone: something rounds them on the way.",
    "order": "A node passes its gradient on before all that use it have given theirs: sort the "
    "nodes (topological order), go through them from the end, and call each once.",
    "upstream changed": "The gradient of the result, out.grad, is not handed on as it is: multiply "
    "the local gradient with it, whatever its sign and its size, without abs(), a bound, a square "
    "or a comparison.",
    "another node's gradient": "_backward reads the gradient of another node than its own result: "
    "`out` is a name of the whole file there, and means what was made last. Leave out `global`.",
    "one result for two": "An operation gives the same node again when numbers come again: each "
    "call makes a node of its own, which knows its own operands.",
    "cut short": "backward() stops before it has come to the leaves of a long chain, and says "
    "nothing: a bound on the depth or the number of nodes, or an error that is caught and hushed.",
    "taken apart": "backward() takes the graph apart as it goes, so that a second one over a part "
    "of it finds nothing: leave parents and _backward as they are.",
    "same node twice": "Where one node is both operands it counts once only. A set, or a "
    "dictionary by parent, loses one of the two: keep the parents in a tuple.",
    "endless loop": "backward() does not come to an end: a loop such as `while queue:` has to "
    "take a node away each time, `v = queue.pop()`.",
    "endless operation": "The operation does not come to an end.",
    "endless recursion": "Methods call each other without end, on a graph of a few nodes.",
    "no __hash__": "A class with an __eq__ of its own loses __hash__, and its nodes cannot be in "
    "a set: leave __eq__ out.",
    "equal numbers": "Nodes that hold equal numbers are taken for one. What is visited is the node "
    "and not its number; an __eq__ and a __hash__ that compare numbers have to go.",
    "visited for ever": "What has been visited is remembered from one backward() to the next, in "
    "a default argument, on the class or on the node: start with a new set each time.",
    "leaves overwritten": "Each backward() overwrites what earlier ones left on the leaves: "
    "leaves add up until someone sets them to 0.",
    "graphs mixed": "backward() of one result moves gradients of a graph that it is no part of: "
    "the list of nodes is kept from call to call, in a default argument, on the class or outside.",
    "data moves": "backward() changes data: it has to change gradients alone.",
    "in place": "`a += b` changes the node that b still names: leave out __iadd__ and the like, "
    "and Python makes a new node.",
}  # fmt: skip


class Wrong(Exception):
    """What is wrong: the name of the cause, where and in what numbers it shows, a sentence."""

    def __init__(self, name: str, evidence: str, sentence: str = "", key: str = "") -> None:
        super().__init__(name, evidence)
        self.name = name
        self.key = key or name  # one for one cause
        self.evidence = evidence
        self.sentence = sentence or CAUSES[name]


DIGITS: contextvars.ContextVar[float] = contextvars.ContextVar("digits", default=1e-9)


def close(a: float, b: float) -> bool:
    """Equal but for rounding, or both nan."""
    near = DIGITS.get()
    return (a != a and b != b) or math.isclose(a, b, rel_tol=near, abs_tol=near / 1000)


def all_close(found: Sequence[float], right: Sequence[float]) -> bool:
    """Equal but for rounding, which is as large as the largest allows."""
    scale = DIGITS.get() * max(map(abs, right), default=0.0)
    return all(close(g, exact) or abs(g - exact) <= scale for g, exact in zip(found, right))


def shown(xs: Sequence[float]) -> str:
    """Numbers as they stand in a sentence."""
    return f"{xs[0]:.6g}" if len(xs) == 1 else f"({', '.join(f'{x:.6g}' for x in xs)})"


def wrong_numbers(at: str, found: Sequence[float], right: Sequence[float]) -> str:
    """Both, in a sentence."""
    many = "s are" if len(right) > 1 else " is"
    return f"{at} the gradient{many} {shown(found)} and should be {shown(right)}"


# What a node keeps ------------------------------------------------------------------------


def attributes(node: Any) -> Iterator[Any]:
    """What the node's attributes hold."""
    names = list(getattr(node, "__dict__", ()))
    for cls in type(node).__mro__:
        slots = getattr(cls, "__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    for name in names:
        yield getattr(node, name, None)


def holds(box: Any, node: Any, depth: int = 2) -> bool:
    """Whether a node is among the entries of a container, or is the thing itself."""
    if box is node:
        return True
    if depth and isinstance(box, dict):
        return any(holds(part, node, depth - 1) for part in [*box, *box.values()])
    if depth and isinstance(box, (tuple, list, set, frozenset)):
        return any(holds(part, node, depth - 1) for part in box)
    return False


def keeps(node: Any, operand: Any) -> bool:
    return any(holds(part, operand) for part in attributes(node))


def reaches(node: Any, operand: Any) -> bool:
    """Whether one gets from a node to an operand by way of nodes that it keeps."""
    seen, found = [node], 0
    while found < len(seen) < 50:
        for part in attributes(seen[found]):
            for x in part if isinstance(part, (tuple, list, set, frozenset)) else (part,):
                for v in x if isinstance(x, (tuple, list)) else (x,):
                    if isinstance(v, type(node)) and not any(v is w for w in seen):
                        seen.append(v)
        found += 1
    return any(v is operand for v in seen)


def reads_early(node: Any) -> bool:
    """Whether the node's _backward can no longer see the node, whose gradient it should read."""
    functions = [v for v in attributes(node) if isinstance(v, FunctionType)]
    cells = [c.cell_contents for v in functions for c in v.__closure__ or ()]
    seen = [x for v in functions for x in [*(v.__defaults__ or ()), *cells]]
    nought = any(type(x) in (int, float) and x == 0 for x in seen)
    return nought or (bool(cells) and not any(holds(x, node) for x in seen))


def reads_another(node: Any) -> bool:
    """Whether a function of the node takes a node from the file's own names."""
    functions = [v for v in attributes(node) if isinstance(v, FunctionType)]
    return any(
        isinstance(f.__globals__.get(name), type(node))
        for f in functions
        for name in f.__code__.co_names
    )


def called_at_once(node: Any, leaf: Any) -> bool:
    """Whether the node has None where a leaf has a function."""
    names = getattr(leaf, "__dict__", {})
    return any(callable(kept) and getattr(node, name, kept) is None for name, kept in names.items())


def of_its_own(node: Any, leaves: list[Any]) -> bool:
    """Whether gradients that stay at 0 move once they are not 0: they are made of themselves."""
    before = [leaf.grad for leaf in leaves]
    try:
        for leaf in leaves:
            leaf.grad = leaf.data * 0 + 1  # of the make of its numbers
        start = [leaf.grad for leaf in leaves]
        node.backward()
        return any(leaf.grad not in (g, 0) for leaf, g in zip(leaves, start))
    except Exception:
        return False
    finally:
        for leaf, g in zip(leaves, before):
            leaf.grad = g


# From what is wrong to the cause ----------------------------------------------------------


def of_value(text: str, rule: str, at: str, found: float, right: float) -> NoReturn:
    evidence = f"{at} it gives {found:.9g} and should give {right:.9g}"
    why = ""
    if abs(right) > 1 and found in (math.floor(right), math.trunc(right)):
        why = "The fraction is lost: / and not //, and no int()."
    elif close(found, -right):
        why = "The sign is wrong, or the operands are turned round."
    about = "" if "gradient" in rule else rule
    sentence = f"The value of {text} is wrong. {why or about}".rstrip()
    raise Wrong(f"value of {text}", evidence, sentence, "value: " + rule)


def of_gradients(
    text: str, rule: str, at: str, found: list[float], right: list[float], node: Any,
    leaves: list[Any], told: bool = True,
) -> NoReturn:  # fmt: skip
    """The cause of wrong gradients of one operation on leaves, with the rule if that is told."""
    evidence = wrong_numbers(at, found, right)
    if not any(found):
        if called_at_once(node, leaves[0]):
            raise Wrong("called, not kept", evidence)
        if of_its_own(node, leaves):
            raise Wrong("gradient for data", evidence)
        if reads_early(node):
            raise Wrong("read too early", evidence)
    for g, exact, leaf in zip(found, right, leaves):
        if g == 0.0 != exact:
            if keeps(node, leaf) and reads_early(node):  # for this operand alone
                raise Wrong("read too early", evidence)
            lost = "order" if reaches(node, leaf) else "forgets its parents"
            raise Wrong("nothing arrives" if keeps(node, leaf) else lost, evidence)
    if all(g == 1.0 for g in found):
        for leaf in leaves:
            leaf.grad = 10.0
        node.backward()
        if all(leaf.grad == 1.0 for leaf in leaves):
            raise Wrong("starts again", evidence)
    if len(right) > 1 and all_close(found, right[::-1]):
        why = "Those of the two operands are swapped."
    elif any(close(g, -exact) and not close(g, exact) for g, exact in zip(found, right)):
        why = "The sign is wrong."
    elif all(math.isclose(g, exact, rel_tol=1e-4, abs_tol=1e-6) for g, exact in zip(found, right)):
        why = "It has a few digits only, as a difference quotient has."
    else:
        why = ""
    words = ("The local gradient of", text, "is wrong.", why, rule if told else "")
    sentence = " ".join(filter(None, words))
    raise Wrong(f"gradient of {text}", evidence, sentence, "gradient: " + rule)
