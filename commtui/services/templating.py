"""Texts of emails and text messages from Jinja2 templates: strict about what is missing, exact about where.

Templates are the company's own and are kept from running away; the context comes from outside and is only data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from commtui.domain.templates import TemplateError, TemplateVersion
from commtui.domain.text import line, storable

if TYPE_CHECKING:
    from commtui.services.template_sandbox import Sandbox

CONTEXT_SIZE = 1_000_000
"""Characters of all texts of a context."""
CONTEXT_DEPTH = 40
DELIVER = "deliver it in `context`"

_HARMFUL = {
    code: None
    for low, high in ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0x202A, 0x202E), (0x2066, 0x2069))
    for code in range(low, high + 1)
}
"""Controls, and what turns the direction of the text after it."""


class _TooMuch(Exception):
    pass


def cleaned(version: TemplateVersion, context: Mapping[str, Any]) -> dict[str, Any]:
    """The context as plain data: without controls and nulls, and of bounded size. Raises TemplateError."""
    try:
        bounded = _cleaned(context, [CONTEXT_SIZE], CONTEXT_DEPTH)
    except _TooMuch:
        raise TemplateError(
            version.name,
            f"the context is nested deeper than {CONTEXT_DEPTH} or has more than "
            f"{CONTEXT_SIZE:,} characters; deliver less of it",
        ) from None
    return cast("dict[str, Any]", storable(bounded))


def _cleaned(value: object, room: list[int], depth: int) -> object:
    room[0] -= len(value) if isinstance(value, str) else 1
    if room[0] < 0 or depth < 0:
        raise _TooMuch
    if isinstance(value, str):
        return value.replace("\r\n", "\n").translate(_HARMFUL)
    if isinstance(value, Mapping):
        return {
            _cleaned(str(key), room, depth): _cleaned(item, room, depth - 1)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [_cleaned(item, room, depth - 1) for item in value]
    return value if isinstance(value, bool | int | float) else str(value)


class Texts:
    """The Jinja2 files of one version of a template, compiled when first used."""

    def __init__(self, version: TemplateVersion) -> None:
        self._version = version
        self._made: Sandbox | None = None

    @property
    def names(self) -> list[str]:
        """The files there are."""
        return sorted(name for name in self._version.sources if name.endswith(".j2"))

    @property
    def _sandbox(self) -> Sandbox:
        if self._made is None:
            from commtui.services.template_sandbox import Sandbox

            files = {name: self._version.sources[name] for name in self.names}
            self._made = Sandbox(files, self._version.language)
        return self._made

    def compile(self, name: str) -> None:
        """Parse one file, with the filters that it names. Raises TemplateError."""
        try:
            self._sandbox.get_template(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is named with its place
            raise self._explained(name, error) from None

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The text that one file makes of a cleaned context; empty if there is no such file. Raises TemplateError."""
        if name not in self._version.sources:
            return ""
        from commtui.services.template_sandbox import STEPS, steps_left

        token = steps_left.set([STEPS])
        try:
            return self._text(name, context)
        except Exception as error:  # noqa: BLE001
            raise self._explained(name, error) from None
        finally:
            steps_left.reset(token)

    def _text(self, name: str, context: Mapping[str, Any]) -> str:
        from commtui.services.template_sandbox import SIZE, Runaway

        parts: list[str] = []
        room = SIZE
        for part in self._sandbox.get_template(name).generate(dict(context)):
            room -= len(part)
            if room < 0:
                raise Runaway(f"it makes more than {SIZE:,} characters")
            parts.append(part)
        return "".join(parts)

    def _explained(self, name: str, error: Exception) -> TemplateError:
        import jinja2
        from jinja2.exceptions import SecurityError

        from commtui.services.template_sandbox import Runaway

        if isinstance(error, jinja2.TemplateSyntaxError):
            return self._error(error.name or name, error.lineno, error.message or "unreadable")
        file, number = self._place(name, error)
        if isinstance(error, jinja2.TemplateNotFound):
            return self._error(file, number, f"there is no file '{error.name}' beside it")
        if isinstance(error, jinja2.UndefinedError) and not isinstance(error, SecurityError):
            return self._error(file, number, f"{error.message}; {DELIVER}", undefined=True)
        if isinstance(error, Runaway | SecurityError | ValueError):
            return self._error(file, number, str(error))
        if isinstance(error, RecursionError):
            return self._error(file, number, "it calls itself without an end")
        return self._error(file, number, f"{error} ({type(error).__name__})")

    def _error(
        self, file: str, number: int, words: str, *, undefined: bool = False
    ) -> TemplateError:
        return TemplateError(
            self._version.place(file, number), line(words, 300), undefined=undefined
        )

    def _place(self, name: str, error: Exception) -> tuple[str, int]:
        """The innermost line of a file of ours that an error came through."""
        found = (name, 0)
        trace = error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if file in self._version.sources:
                found = (file, trace.tb_lineno)
            trace = trace.tb_next
        return found
