"""What all panels share: a frame, a title, buttons, keys in words, and Esc that cancels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Button, Static

from commtui.screens.asking import Asking
from commtui.screens.link import Link
from commtui.screens.wording import describe
from commtui.widgets.hints import Hints, key_name
from commtui.widgets.look import Look

_FRAME_ROWS = 2 + 1 + 1 + 2
"""Border, title, keys, and a margin above and below."""
_BUTTON_ROWS = 4
"""Buttons with their margin, and two lines for trouble."""
PANEL_CSS = """
Panel { align: center middle; background: $background 60%; }
Panel:ansi { background: transparent; }
Panel > #frame {
    width: 100; max-width: 96%; height: auto; max-height: 100%;
    border: round $primary; background: $surface; padding: 0 1;
}
Panel.-ascii > #frame { border: ascii $primary; }
Panel.-ascii #body, Panel.-ascii OptionList { scrollbar-size-vertical: 0; }
Panel #title { height: 1; text-style: bold; color: $text-primary; }
Panel #body { height: auto; scrollbar-size-vertical: 1; }
Panel #body Static { height: auto; }
Panel #problem { height: auto; color: $text-error; text-style: bold; display: none; }
Panel #problem.-said { display: block; }
Panel #buttons { height: 1; margin-top: 1; align-horizontal: left; }
Panel #buttons Button { margin-right: 2; min-width: 10; }
Panel #buttons Button:focus { background: $primary; color: $text; text-style: bold; }
Panel:ansi #buttons Button:focus { background: ansi_default; text-style: bold reverse; }
Panel Hints { padding: 0; }
Panel Input, Panel Input:focus { border: none; height: 1; padding: 0 1; background: $boost; }
Panel Input:focus { background: $primary 30%; }
Panel Label, Panel .caption { height: 1; color: $foreground 70%; }
Panel OptionList { border: none; height: auto; max-height: 14; padding: 0; background: $surface; }
Panel OptionList { scrollbar-size-vertical: 1; }
Panel:ansi > #frame { background: ansi_default; color: ansi_default; border: round ansi_default; }
Panel.-ascii:ansi > #frame { border: ascii ansi_default; }
Panel:ansi #title { color: ansi_default; }
Panel:ansi OptionList { background: ansi_default; color: ansi_default; }
Panel:ansi Input, Panel:ansi Input:focus { background: ansi_default; color: ansi_default; text-style: underline; }
"""


class Panel(Asking[ScreenResultType], ModalScreen[ScreenResultType], Generic[ScreenResultType]):
    """A modal panel; None is its answer when it was cancelled."""

    DEFAULT_CSS = PANEL_CSS
    BINDINGS = [Binding("escape", "cancel", "cancel", id="panel.cancel")]
    HINTS: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, link: Link, look: Look, title: str) -> None:
        super().__init__(link, look)
        self._title = title
        self.set_class(look.ascii, "-ascii")

    def compose(self) -> ComposeResult:
        """Title, body, trouble, buttons, keys."""
        with Vertical(id="frame"):
            yield Static(self.look.quote(self._title), id="title")
            with VerticalScroll(id="body", can_focus=False):
                yield from self.body()
            yield Static(id="problem")
            if buttons := tuple(self.buttons()):
                with Horizontal(id="buttons"):
                    yield from buttons
            yield Hints(self.look, self.hinted())

    def on_resize(self) -> None:
        """The body has what the frame and the other parts leave, in cells: relative heights do not add up."""
        taken = _FRAME_ROWS + (_BUTTON_ROWS if self.query("#buttons") else 0)
        self.query_one("#body").styles.max_height = max(3, self.size.height - taken)

    def body(self) -> ComposeResult:
        """What the panel shows."""
        yield from ()

    def buttons(self) -> Iterable[Button]:
        """The ways on; the first one has the focus unless the body takes it."""
        return ()

    def hinted(self) -> list[tuple[str, str]]:
        """The keys named at the bottom: those of widgets inside, then the panel's own."""
        own: dict[str, str] = {}
        for kind in type(self).__mro__:
            for binding in kind.__dict__.get("BINDINGS", ()) if issubclass(kind, Panel) else ():
                if isinstance(binding, Binding) and binding.show:
                    own.setdefault(key_name(binding.key), binding.description)
        return [*self.HINTS, *own.items()]

    def button(self, words: str, action: str, *, disabled: bool = False) -> Button:
        """A button with words of our own that runs an action of this panel."""
        return Button(
            self.look.say(words), action=f"screen.{action}", compact=True, disabled=disabled
        )

    def retitle(self, title: str) -> None:
        """Say something else on top."""
        self.query_one("#title", Static).update(self.look.quote(title))

    def say_problem(self, words: str) -> None:
        """Say in the panel what does not work; an empty text takes it back."""
        problem = self.query_one("#problem", Static)
        problem.update(self.look.passage(words, 600))
        problem.set_class(bool(words), "-said")

    def say_refused(self, words: str) -> None:
        """Say it in the panel."""
        self.say_problem(words)

    def failed(self, error: Exception) -> None:
        """Say it here: what was typed or read stays."""
        problem = describe(error)
        self.say_problem(
            " ".join(filter(None, (f"{problem.title}:", problem.sentence, problem.remedy)))
        )

    @property
    def unsaved(self) -> bool:
        """Whether leaving would lose something that was typed."""
        return False

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Move the text."""
        self.query_one("#body", VerticalScroll).scroll_relative(y=lines, animate=False)


class QuestionPanel(Panel[ScreenResultType], Generic[ScreenResultType]):
    """A panel that asks, with buttons, about more than may fit: the arrows move its text."""

    AUTO_FOCUS = "#cancel"
    BINDINGS = [
        Binding("down", "scroll(1)", "Down", show=False, id="question.down"),
        Binding("up", "scroll(-1)", "Up", show=False, id="question.up"),
        Binding("pagedown", "scroll(10)", "Page down", show=False, id="question.page_down"),
        Binding("pageup", "scroll(-10)", "Page up", show=False, id="question.page_up"),
    ]
    HINTS = (("Tab Enter", "choose"),)

    def hinted(self) -> list[tuple[str, str]]:
        """Its own keys, scrolling where there is room left."""
        return [*super().hinted(), ("↑↓", "scroll")]


class ReadingPanel(Panel[ScreenResultType], Generic[ScreenResultType]):
    """A panel with more to read than may fit."""

    BINDINGS = [
        Binding("down,j", "scroll(1)", "Down", show=False, id="reading.down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="reading.up"),
        Binding(
            "pagedown,ctrl+d,space", "scroll(10)", "Page down", show=False, id="reading.page_down"
        ),
        Binding("pageup,ctrl+u", "scroll(-10)", "Page up", show=False, id="reading.page_up"),
        Binding("home,g", "scroll(-100000)", "Top", show=False, id="reading.top"),
        Binding("end,G", "scroll(100000)", "Bottom", show=False, id="reading.bottom"),
        Binding("escape", "cancel", "close", id="reading.close"),
    ]
    HINTS = (("↑↓", "scroll"),)

    def body(self) -> ComposeResult:
        """One text, which comes when it is read."""
        yield Static(self.look.say("Reading…"), id="text")

    def show(self, text: Text) -> None:
        """The text."""
        self.query_one("#text", Static).update(text)
