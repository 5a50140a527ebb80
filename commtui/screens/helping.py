"""Help and palette: every key from the bindings, every filter value from the desk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding

from commtui.domain.lines import Choice
from commtui.screens.choosing import ChoicePanel
from commtui.screens.filters import FILTER_TITLES
from commtui.screens.link import Link
from commtui.screens.panel import Panel
from commtui.screens.reading import View
from commtui.widgets.choices import ChoiceBox, Item
from commtui.widgets.hints import key_name
from commtui.widgets.keymenu import CopyMenu, FilterMenu, KeyMenu, LikeMenu, SortMenu
from commtui.widgets.look import Look, number
from commtui.widgets.table import LineTable

if TYPE_CHECKING:
    from commtui.services.desk import Desk

_CHORDS: tuple[tuple[str, type[KeyMenu]], ...] = (
    ("f", FilterMenu),
    (",", LikeMenu),
    ("o", SortMenu),
    ("y", CopyMenu),
)
_PALETTE_FIELDS = ("channels", "statuses", "categories", "location_groups")


@dataclass(frozen=True, slots=True)
class Command:
    """One action with its key; `on_list` says that the list runs it."""

    id: str
    keys: str
    words: str
    action: str
    on_list: bool = False


def commands_of(bindings: Iterable[Binding]) -> tuple[Command, ...]:
    """Everything that can be done on a tab, chords included, in the order of the screen's bindings."""
    own = [_command(binding) for binding in bindings]
    chords = [
        _command(binding, f"{first} {key_name(binding.key)}", f"{menu.TITLE} {binding.description}")
        for first, menu in _CHORDS
        for binding in menu.BINDINGS
        if isinstance(binding, Binding)
    ]
    moves = [
        _command(binding, on_list=True)
        for binding in LineTable.BINDINGS
        if isinstance(binding, Binding)
    ]
    return (*own, *chords, *moves)


def _command(
    binding: Binding, keys: str = "", words: str = "", *, on_list: bool = False
) -> Command:
    said = words or binding.description
    return Command(
        binding.id or binding.action,
        keys or key_name(binding.key),
        said[:1].upper() + said[1:],
        binding.action,
        on_list,
    )


def command_items(commands: Iterable[Command], look: Look) -> tuple[Item, ...]:
    """Commands with their keys on the right."""
    return tuple(Item(command.id, command.words, look.plain(command.keys)) for command in commands)


def help_panel(panel: Panel[Any], title: str) -> ChoicePanel:
    """The keys of a panel, to be searched by typing; its own come first."""
    known: dict[str, Binding] = {}
    for kind in type(panel).__mro__:
        for binding in kind.__dict__.get("BINDINGS", ()) if issubclass(kind, Panel) else ():
            if isinstance(binding, Binding):
                known.setdefault(binding.key, binding)
    commands = (_command(binding) for binding in known.values())
    return ChoicePanel(panel.link, panel.look, title, command_items(commands, panel.look))


@dataclass(frozen=True, slots=True)
class FilterValue:
    """One value of one filter."""

    field: str
    choice: Choice

    @property
    def id(self) -> str:
        """What the palette knows it by."""
        return f"filter:{self.field}:{self.choice.value}"

    @property
    def item(self) -> Item:
        """As the palette shows it."""
        return Item(
            self.id,
            f"Filter to {FILTER_TITLES[self.field].lower()} {self.choice.label}",
            f"narrows to {number(self.choice.count)}",
        )


def read_filter_values(desk: Desk, view: View) -> tuple[FilterValue, ...]:
    """Every value of the short filters, with how many lines it leaves."""
    return tuple(
        FilterValue(field, choice)
        for field in _PALETTE_FIELDS
        for choice in desk.choices(view.tab, view.query, field)
    )


class PalettePanel(Panel["Command | FilterValue"]):
    """Choose an action, or a filter value, by typing."""

    HINTS = (("Enter", "do it"),)

    def __init__(self, link: Link, look: Look, commands: tuple[Command, ...], view: View) -> None:
        super().__init__(link, look, "Palette")
        self._commands = commands
        self._values: tuple[FilterValue, ...] = ()
        self._view = view

    def body(self) -> ComposeResult:
        """The actions; filter values follow when they are read."""
        yield ChoiceBox(self.look, command_items(self._commands, self.look))

    def on_mount(self) -> None:
        """Read the filter values."""
        self.ask(lambda desk: read_filter_values(desk, self._view), self._add, group="values")

    def _add(self, values: tuple[FilterValue, ...]) -> None:
        self._values = values
        self.query_one(ChoiceBox).put(
            (*command_items(self._commands, self.look), *(value.item for value in values))
        )

    @on(ChoiceBox.Taken)
    def _taken(self, event: ChoiceBox.Taken) -> None:
        known: dict[str, Command | FilterValue] = {
            command.id: command for command in self._commands
        }
        known |= {value.id: value for value in self._values}
        self.dismiss(known.get(event.values[0]) if event.values else None)
