"""The bottom line: the keys used most, taken from the bindings."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from commtui.widgets.look import Look

_KEY_NAMES = {
    "slash": "/",
    "comma": ",",
    "question_mark": "?",
    "asterisk": "*",
    "equals_sign": "=",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "tab": "Tab",
    "delete": "Del",
    "backspace": "Backspace",
}


def key_name(keys: str) -> str:
    """Keys as they are written on a keyboard; several are separated by a blank."""
    return " ".join(_one(key.strip()) for key in keys.split(","))


def _one(key: str) -> str:
    *modifiers, last = key.split("+")
    if last.startswith("f") and last[1:].isdigit():
        last = last.upper()
    return "+".join([*modifiers, _KEY_NAMES.get(last, last)])


class Hints(Widget):
    """As many keys as fit."""

    COMPONENT_CLASSES = {"hints--key"}
    DEFAULT_CSS = """
    Hints { height: 1; padding: 0 1; color: $foreground 70%;
        .hints--key { color: $text-accent; text-style: bold; }
    }
    Hints:ansi { background: ansi_default; color: ansi_default;
        .hints--key { color: ansi_default; text-style: bold; }
    }
    """

    def __init__(
        self, look: Look, keys: Iterable[tuple[str, str]], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._look = look
        self._keys = [(look.plain(key), words) for key, words in keys]

    def set_hints(self, keys: Iterable[tuple[str, str]]) -> None:
        """Name these keys from now on."""
        self._keys = [(self._look.plain(key), words) for key, words in keys]
        self.refresh()

    def render(self) -> RenderResult:
        """Keys and words."""
        style = self.get_component_rich_style("hints--key", partial=True)
        text = Text(no_wrap=True)
        for key, words in self._keys:
            if text.cell_len + len(key) + len(words) + 3 > self.size.width:
                break
            text.append(key, style).append(f" {words}  ")
        return text
