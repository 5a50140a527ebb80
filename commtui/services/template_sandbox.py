"""The Jinja2 environment of templates: few filters, no way out, and an end to every loop and every text."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from commtui.domain import template_words
from commtui.domain.templates import SMS

SIZE = 1_000_000
"""Characters of one text, and of every value on the way to it."""
STEPS = 100_000
"""Rounds of loops, and calls, in one rendering."""

_KEPT_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float"),
    *("groupby", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min"),
    *("reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "string"),
    *("striptags", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount"),
)
_STRING_METHODS = frozenset(
    {
        *("capitalize", "endswith", "isdigit", "lower", "lstrip", "rstrip", "split"),
        *("splitlines", "startswith", "strip", "title", "upper"),
    }
)
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
_COUNTED, _BOUNDED = "_counted", "_bounded"

steps_left: ContextVar[list[int]] = ContextVar("commtui_template_steps")
"""Of the rendering that is going on."""


class Runaway(Exception):
    """A template does not come to an end, or its text does not."""


class Missing(jinja2.StrictUndefined):
    """A value that the context does not have: an error wherever it is used."""

    @property
    def _undefined_message(self) -> str:
        return self._undefined_hint or f"'{self._undefined_name}' is undefined"


class Sandbox(ImmutableSandboxedEnvironment):
    """Compiles and renders the files of one template; only `.html.j2` files escape by themselves."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, files: Mapping[str, str], language: str) -> None:
        super().__init__(
            loader=_Files(files),
            undefined=Missing,
            autoescape=lambda name: bool(name and name.endswith(".html.j2")),
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=50,
        )
        self.globals = {name: self.globals[name] for name in ("namespace", "range")}
        self.filters = _filters(language)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Bounding(self, name, filename).visit(tree)
        return tree

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - Jinja2's own names, so that no keyword of a template clashes
        """A call, counted as a step."""
        step()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator whose result could be huge, refused if it would be."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "+":
            fits = numbers or _size(left) + _size(right) <= SIZE
        elif operator == "**":
            fits = numbers and abs(left) <= SIZE and abs(right) <= 32
        else:
            fits = numbers and abs(left) < 10**30 and abs(right) < 10**30
        if not fits:
            raise SecurityError(f"'{operator}' with these values is not allowed in templates")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What the context calls so, before any method: `invoice.items` is the list of items."""
        if isinstance(obj, Mapping):
            if attribute in obj:
                return obj[attribute]
            if attribute not in _MAPPING_METHODS:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ARG002 - Jinja2's
        """No `format` of texts: a width in it can be as large as anything."""
        return None

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may use it: of texts a few methods, of numbers none."""
        if isinstance(obj, str):
            return attr in _STRING_METHODS
        if isinstance(obj, int | float):
            return False
        return super().is_safe_attribute(obj, attr, value)


class _Files(jinja2.BaseLoader):
    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def get_source(
        self,
        environment: jinja2.Environment,  # noqa: ARG002 - Jinja2's
        template: str,
    ) -> tuple[str, str, Callable[[], bool]]:
        """A file of the template; its name is what tracebacks show."""
        if template not in self._files:
            raise jinja2.TemplateNotFound(template)
        return self._files[template], template, lambda: True


class _Bounding(NodeTransformer):
    """Puts a count into every loop and a limit behind everything that joins texts."""

    def __init__(self, environment: Sandbox, name: str | None, filename: str | None) -> None:
        self._environment = environment
        self._place = (name, filename)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named for the node
        """A loop, counted."""
        self.generic_visit(node)
        node.iter = self._filter(node.iter, _COUNTED, node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Joined texts, of bounded length."""
        self.generic_visit(node)
        return self._filter(node, _BOUNDED, node.lineno)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:  # noqa: N802
        """A text kept for later, of bounded length."""
        self.generic_visit(node)
        node.filter = self._filter(node.filter, _BOUNDED, node.lineno)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        """A filter, refused now and not only when it is reached."""
        if node.name not in self._environment.filters or node.name.startswith("_"):
            self._refuse(f"there is no filter '{node.name}'", node.lineno)
        self.generic_visit(node)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        """A test, refused now and not only when it is reached."""
        if node.name not in self._environment.tests:
            self._refuse(f"there is no test '{node.name}'", node.lineno)
        self.generic_visit(node)
        return node

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        """Escaping cannot be turned off."""
        self._refuse("'autoescape' is not allowed in templates", node.lineno)
        return node

    def _filter(self, node: Any, name: str, lineno: int) -> nodes.Filter:
        return nodes.Filter(
            node, name, [], [], None, None, lineno=lineno, environment=self._environment
        )

    def _refuse(self, words: str, lineno: int) -> None:
        raise jinja2.TemplateSyntaxError(words, lineno, *self._place)


def step() -> None:
    """Count one round or call. Raises Runaway."""
    left = steps_left.get()
    left[0] -= 1
    if left[0] < 0:
        raise Runaway(f"it takes more than {STEPS:,} steps: a loop or macro does not end")


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple) else SIZE + 1


def _limited(value: Any) -> Any:
    if isinstance(value, str | list) and len(value) > SIZE:
        raise Runaway(f"a text in it has more than {SIZE:,} characters")
    return value


def _filters(language: str) -> dict[str, Callable[..., Any]]:
    @jinja2.pass_context
    def money(context: Context, value: object, currency: str = "EUR") -> str:
        return _plain(context, template_words.money(value, currency, language))

    @jinja2.pass_context
    def day(context: Context, value: object, style: str = "long") -> str:
        return _plain(context, template_words.day(value, language, style))

    ours: dict[str, Callable[..., Any]] = {
        "money": money,
        "day": day,
        "paragraphs": _paragraphs,
        "replace": _replace,
    }
    kept = {name: FILTERS[name] for name in _KEPT_FILTERS}
    inner: dict[str, Callable[..., Any]] = {_COUNTED: _counted, _BOUNDED: _limited}
    return {name: _bounded(made) for name, made in {**kept, **ours}.items()} | inner


def _bounded(made: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(made)
    def limited(*args: Any, **kwargs: Any) -> Any:
        return _limited(made(*args, **kwargs))

    return limited


@jinja2.pass_context
def _counted(_: Context, values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        step()
        yield value


def _plain(context: Context, words: str) -> str:
    """Without no-break spaces in text messages, where they would cost double."""
    return words.replace("\u00a0", " ") if context.name == SMS else words


def _paragraphs(value: str) -> Markup:
    """Escaped text with its blank lines as paragraphs and its line breaks kept."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", str(value)) if part.strip()]
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>\n").join(escape(row) for row in part.split("\n")))
        for part in parts
    )


def _replace(value: str, old: str, new: str) -> str:
    if not old or len(value) + value.count(old) * len(new) > SIZE:
        raise Runaway(f"'replace' would make more than {SIZE:,} characters")
    return value.replace(old, new)
