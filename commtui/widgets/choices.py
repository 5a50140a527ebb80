"""A list to choose from by typing: what is typed narrows it, Space marks several, Enter takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from commtui.domain.text import fold, line
from commtui.widgets.boxes import LineBox
from commtui.widgets.look import Look
from commtui.widgets.painting import fit


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to choose; its words are made safe when they are shown."""

    value: str
    words: str
    aside: str = ""
    """On the right: a number or a key."""


class NarrowBox(LineBox):
    """Where to type; where several things can be chosen, Space is left to the list."""

    def __init__(self, hint: str, *, several: bool) -> None:
        super().__init__(placeholder=hint)
        self._several = several

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is a letter to be typed."""
        return not (self._several and key == "space") and super().check_consume_key(key, character)


class ChoiceBox(Vertical):
    """A box to type in above a list; the keys of the list work from the box."""

    BINDINGS = [
        Binding("down", "move('cursor_down')", "Next", show=False, id="choices.down"),
        Binding("up", "move('cursor_up')", "Before", show=False, id="choices.up"),
        Binding("pagedown", "move('page_down')", "Page down", show=False, id="choices.page_down"),
        Binding("pageup", "move('page_up')", "Page up", show=False, id="choices.page_up"),
        Binding("space", "mark", "Mark", show=False, priority=True, id="choices.mark"),
    ]
    DEFAULT_CSS = """
    ChoiceBox { height: auto; }
    ChoiceBox OptionList { height: auto; }
    """

    class Narrowed(Message):
        """Something else was typed; sent only by a box whose items are narrowed elsewhere."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Taken(Message):
        """Enter: the marked values, or else the highlighted one."""

        def __init__(self, values: tuple[str, ...]) -> None:
            super().__init__()
            self.values = values

    def __init__(
        self,
        look: Look,
        items: Iterable[Item] = (),
        *,
        several: bool = False,
        chosen: Iterable[str] = (),
        narrowed_elsewhere: bool = False,
        hint: str = "type to narrow",
    ) -> None:
        super().__init__()
        self._look = look
        self._items = tuple(items)
        self._several = several
        self._chosen = dict.fromkeys(chosen)
        self._elsewhere = narrowed_elsewhere
        self._hint = hint
        self._shown: tuple[Item, ...] = ()
        self._awaited = not self._items
        """What is shown is not yet for what was typed."""
        self._entered_early = False

    def compose(self) -> ComposeResult:
        """The box and the list."""
        yield NarrowBox(self._hint, several=self._several)
        options = OptionList(markup=False)
        options.can_focus = False
        yield options

    def on_resize(self) -> None:
        """Show what there is to choose, as wide as it can be."""
        self._fill()

    def put(self, items: Iterable[Item], asked: str | None = None) -> None:
        """Other things to choose; what was marked stays marked. `asked`: the words that they are the answer to."""
        self._items = tuple(items)
        self._awaited = asked is not None and asked != self.query_one(Input).value
        self._fill()
        if self._entered_early and not self._awaited:
            self._take()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._elsewhere:
            self._awaited, self._entered_early = True, False
            self.post_message(self.Narrowed(event.value))
        else:
            self._fill()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._awaited:
            # the list still answers what was typed before: its first line is not what is meant
            self._entered_early = True
        else:
            self._take()

    def _take(self) -> None:
        self._entered_early = False
        here = self._highlighted()
        values = tuple(self._chosen) or ((here.value,) if here else ())
        self.post_message(self.Taken(values))

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002
    ) -> bool | None:
        """Space is a letter like any other where only one can be chosen."""
        return self._several if action == "mark" else True

    def action_mark(self) -> None:
        """Mark the highlighted item, or take its mark away."""
        if here := self._highlighted():
            if here.value in self._chosen:
                del self._chosen[here.value]
            else:
                self._chosen[here.value] = None
            self._fill()
            self.action_move("cursor_down")

    def _highlighted(self) -> Item | None:
        place = self.query_one(OptionList).highlighted
        return None if place is None or place >= len(self._shown) else self._shown[place]

    def action_move(self, name: str) -> None:
        """Move in the list."""
        getattr(self.query_one(OptionList), f"action_{name}")()

    def _fill(self) -> None:
        options = self.query_one(OptionList)
        words = fold(self.query_one(Input).value).split()
        self._shown = tuple(
            item
            for item in self._items
            if self._elsewhere or all(word in fold(f"{item.words} {item.aside}") for word in words)
        )
        place = options.highlighted or 0
        options.set_options(Option(self._prompt(item)) for item in self._shown)
        if self._shown:
            options.highlighted = min(place, len(self._shown) - 1)

    def _prompt(self, item: Item) -> Text:
        width = max(20, self.size.width - 2)
        sign = self._look.plain("● ") if item.value in self._chosen else "  " * self._several
        aside = line(item.aside, 60)
        room = max(8, width - cell_len(sign) - cell_len(aside) - 1)
        return Text(f"{sign}{fit(line(item.words, 200), room, self._look)} {aside}", no_wrap=True)
