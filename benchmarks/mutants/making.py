"""Mutants of a module: its syntax tree with one small change, as somebody might get it wrong."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_REVERSED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
_NAMES = {"and_": "or_", "or_": "and_", "min": "max", "max": "min", "is_": "is_not"}
"""Calls that stand for an operator."""
_METHODS = {"in_": "not_in", "not_in": "in_", "is_": "is_not", "is_not": "is_", "add": "discard"}
_DROPPABLE = frozenset({"and_", "or_", "where", "order_by", "_due", "values", "dict", "tuple"})
"""Calls whose arguments are conditions or values of their own: each may be forgotten."""

Edit = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `edit` makes it to the node that stands at `index` of `ast.walk`."""

    name: str
    """Where and what, without line numbers, so that it stays the same while the module grows."""
    first: int
    last: int
    """Lines of the statement it is in."""
    index: int
    edit: Edit
    at_import: bool
    """It is run when the module is imported, so every test may notice it."""

    def applied(self, tree: ast.Module) -> ast.Module:
        """The mutated module."""
        changed = copy.deepcopy(tree)
        node = next(node for at, node in enumerate(ast.walk(changed)) if at == self.index)
        self.edit(node)
        return ast.fix_missing_locations(changed)


def mutants(tree: ast.Module) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    places = _places(tree)
    seen: Counter[str] = Counter()
    found = []
    for index, node in enumerate(ast.walk(tree)):
        place = places.get(id(node))
        if place is None:
            continue
        for words, edit in _edits(node):
            mutated = copy.deepcopy(node)
            edit(mutated)
            shown = words or f"{_text(node)} → {_text(mutated)}"
            name = f"{place.function}: {shown}"
            seen[name] += 1
            if seen[name] > 1:
                name += f" #{seen[name]}"
            found.append(Mutant(name, place.first, place.last, index, edit, place.at_import))
    return sorted(found, key=lambda item: (item.first, item.index))


@dataclass(frozen=True, slots=True)
class _Place:
    function: str
    first: int
    last: int
    at_import: bool


def _places(tree: ast.Module) -> dict[int, _Place]:
    """Where each node stands that is worth a change; annotations, docstrings and decorators are not."""
    places: dict[int, _Place] = {}

    def walk(node: ast.AST, place: _Place) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = not isinstance(node, ast.ClassDef)
            name = node.name if place.function == "module" else f"{place.function}.{node.name}"
            defaults = [] if isinstance(node, ast.ClassDef) else _defaults(node)
            for child in defaults:
                walk(child, place)
            for child in node.body:
                walk(child, _Place(name, place.first, place.last, not inside and place.at_import))
            return
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
            return
        if isinstance(node, ast.stmt):
            last = node.body[0].lineno - 1 if _has_body(node) else node.end_lineno
            first = node.lineno
            place = _Place(place.function, first, max(last or first, first), place.at_import)
        places[id(node)] = place
        for field, value in ast.iter_fields(node):
            if field == "annotation":
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    walk(child, place)

    for statement in tree.body:
        walk(statement, _Place("module", 1, 1, at_import=True))
    return places


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    return [*node.args.defaults, *(item for item in node.args.kw_defaults if item is not None)]


def _has_body(node: ast.stmt) -> bool:
    return isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _edits(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """The changes a node allows: words for it where its text does not say enough, and the change."""
    if isinstance(node, ast.stmt):
        yield from _statement(node)
    elif isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, ast.BoolOp):
        yield "", _flip_bool
        for at in range(len(node.values)):
            yield "", _neutral(at)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{_text(node)} → {_text(node.operand)}", _unnegate
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "", _unminus
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield "", _other_arithmetic
    elif isinstance(node, ast.Constant):
        if (edit := _other_constant(node.value)) is not None:
            yield f"{_text(node)} → another", edit
    elif isinstance(node, ast.Call):
        yield from _called(node)
    elif isinstance(node, ast.IfExp):
        yield "", _always(True)
        yield "", _always(False)


def _statement(node: ast.stmt) -> Iterator[tuple[str, Edit]]:
    if isinstance(node, ast.If):
        yield f"if {_text(node.test)} → never", _always(False)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "", _return_none
    elif isinstance(node, ast.Expr | ast.AugAssign) or _plain_assignment(node):
        yield f"{_text(node)} → forgotten", _forget
    elif isinstance(node, ast.Continue):
        yield "continue → break", _forget


def _compared(node: ast.Compare) -> Iterator[tuple[str, Edit]]:
    kind = type(node.ops[0])
    if kind in _COMPARE:
        yield "", _operator(_COMPARE[kind])
    if kind in _REVERSED:
        yield "", _operator(_REVERSED[kind])


def _called(node: ast.Call) -> Iterator[tuple[str, Edit]]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)
    if isinstance(node.func, ast.Attribute) and called in _METHODS:
        yield "", _method(_METHODS[called])
    elif called in _NAMES:
        yield "", _method(_NAMES[called])
    if called in _DROPPABLE:
        if len(node.args) > 1 or called == "where":
            for at in range(len(node.args)):
                yield "", _dropper("args", at)
        for at in range(len(node.keywords)):
            yield "", _dropper("keywords", at)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _plain_assignment(node: ast.AST) -> bool:
    """To an attribute or an item: a local name would only be missing."""
    return isinstance(node, ast.Assign) and isinstance(
        node.targets[0], ast.Attribute | ast.Subscript
    )


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _operator(kind: type[ast.cmpop]) -> Edit:
    def edit(node: ast.AST) -> None:
        assert isinstance(node, ast.Compare)
        node.ops[0] = kind()

    return edit


def _flip_bool(node: ast.AST) -> None:
    assert isinstance(node, ast.BoolOp)
    node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()


def _dropper(field: str, at: int) -> Edit:
    def edit(node: ast.AST) -> None:
        del getattr(node, field)[at]

    return edit


def _neutral(at: int) -> Edit:
    """Forget one part of an "and" or an "or"."""

    def edit(node: ast.AST) -> None:
        assert isinstance(node, ast.BoolOp)
        node.values[at] = ast.Constant(isinstance(node.op, ast.And))

    return edit


def _unnegate(node: ast.AST) -> None:
    assert isinstance(node, ast.UnaryOp)
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _unminus(node: ast.AST) -> None:
    assert isinstance(node, ast.UnaryOp)
    node.op = ast.UAdd()


def _other_arithmetic(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp)
    node.op = _ARITHMETIC[type(node.op)]()


def _other_constant(value: object) -> Edit | None:
    other: object
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int | float):
        other = value + 1
    elif isinstance(value, str):
        other = f"{value}~" if value else "~"
    else:
        return None

    def edit(node: ast.AST) -> None:
        assert isinstance(node, ast.Constant)
        node.value = other

    return edit


def _method(name: str) -> Edit:
    def edit(node: ast.AST) -> None:
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute):
            node.func.attr = name
        elif isinstance(node.func, ast.Name):
            node.func.id = name

    return edit


def _always(value: bool) -> Edit:
    def edit(node: ast.AST) -> None:
        assert isinstance(node, ast.IfExp | ast.If)
        node.test = ast.Constant(value)

    return edit


def _return_none(node: ast.AST) -> None:
    assert isinstance(node, ast.Return)
    node.value = ast.Constant(None)


def _forget(node: ast.AST) -> None:
    """Turn a statement into one that does nothing, in place."""
    loop_end = isinstance(node, ast.Continue)
    node.__class__ = ast.Break if loop_end else ast.Pass  # type: ignore[assignment]
