"""Boxes to type into: what is pasted comes from anywhere, so what could steer the terminal is shown instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.widgets import Input, TextArea
from textual.widgets.text_area import Edit, EditResult

from commtui.domain.text import safe

_BLANKS = str.maketrans("\n\t", "  ")


class LineBox(Input):
    """One line of text."""

    def __init__(self, value: str | None = None, **options: Any) -> None:
        super().__init__(value, **options)
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """The text with whatever could steer the terminal made visible, typed, pasted or set."""
        return value if value.isprintable() else safe(value).translate(_BLANKS)


class TextBox(TextArea):
    """Several lines of text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.cursor_blink = False

    def edit(self, edit: Edit) -> EditResult:
        """An insertion, with whatever could steer the terminal made visible."""
        return super().edit(replace(edit, text=safe(edit.text)))

    def load_text(self, text: str) -> None:
        """The whole text, likewise."""
        super().load_text(safe(text))
