"""The four chips: words beside their exact numbers, one of them chosen."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from commtui.domain.lines import Counts
from commtui.domain.vocabulary import Chip
from commtui.widgets.look import Look, number

CHIP_KEYS = {Chip.FAILED: "F5", Chip.NOT_SENT: "F6", Chip.COMPLETED: "F7", Chip.ALL: "F8"}
_ORDER = tuple(CHIP_KEYS)


class Chips(Widget, can_focus=True):
    """Failed, Not sent, Completed, All."""

    BINDINGS = [
        Binding("left", "step(-1)", "Chip before", show=False, id="chips.left"),
        Binding("right", "step(1)", "Next chip", show=False, id="chips.right"),
    ]
    COMPONENT_CLASSES = {"chips--chosen", "chips--key"}
    DEFAULT_CSS = """
    Chips { height: 1; background: $surface; padding: 0 1;
        .chips--chosen { background: $primary; color: $text; text-style: bold; }
        .chips--key { text-style: dim; }
    }
    Chips:focus { background: $primary 30%; }
    Chips:ansi { background: ansi_default; color: ansi_default;
        .chips--chosen { background: ansi_default; color: ansi_default; text-style: bold reverse; }
    }
    Chips:ansi:focus { background: ansi_default; text-style: underline; }
    """

    class Chosen(Message):
        """Another chip."""

        def __init__(self, chip: Chip) -> None:
            super().__init__()
            self.chip = chip

    def __init__(self, look: Look, chip: Chip, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look
        self._chip = chip
        self._counts: Counts | None = None

    def show(self, chip: Chip, counts: Counts | None) -> None:
        """Which chip is chosen, and the numbers; None while they are not known."""
        if (chip, counts) != (self._chip, self._counts):
            self._chip, self._counts = chip, counts
            self.refresh()

    def action_step(self, step: int) -> None:
        """Choose a neighbour."""
        place = (_ORDER.index(self._chip) + step) % len(_ORDER)
        self.post_message(self.Chosen(_ORDER[place]))

    def render(self) -> RenderResult:
        """Words, numbers and keys."""
        text = Text()
        for chip, key in CHIP_KEYS.items():
            count = self._look.plain("…") if self._counts is None else number(self._counts.of(chip))
            text.append(f"{key} ", self.get_component_rich_style("chips--key", partial=True))
            chosen = self.get_component_rich_style("chips--chosen", partial=True)
            text.append(f" {chip.label} {count} ", chosen if chip is self._chip else "")
            text.append("  ")
        return text
