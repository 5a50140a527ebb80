"""The top line: the two tabs, whether it is practice, a test or the real thing, and who looks in which zone."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from commtui.domain.text import line
from commtui.domain.vocabulary import Tab
from commtui.widgets.look import Look

TAB_LABELS = {Tab.OVERVIEW: "Communication", Tab.LOG: "Communication log"}
TAB_KEYS = {Tab.OVERVIEW: "F2", Tab.LOG: "F3"}


class Heading(Widget):
    """The tabs, one of them chosen."""

    COMPONENT_CLASSES = {"heading--chosen", "heading--badge", "heading--live"}
    DEFAULT_CSS = """
    Heading { height: 1; background: $panel; padding: 0 1;
        .heading--chosen { background: $primary; color: $text; text-style: bold; }
        .heading--badge { background: $warning; color: $text; text-style: bold; }
        .heading--live { background: $error; color: $text; text-style: bold; }
    }
    Heading:ansi { background: ansi_default; color: ansi_default;
        .heading--chosen { background: ansi_default; color: ansi_default; text-style: bold reverse; }
        .heading--badge { background: ansi_default; color: ansi_default; text-style: bold reverse; }
        .heading--live { background: ansi_default; color: ansi_default; text-style: bold reverse; }
    }
    """

    def __init__(
        self, look: Look, tab: Tab, badges: tuple[str, ...] = (), *, id: str | None = None
    ) -> None:
        """`badges` stand there whatever else has no room: PRACTICE, TEST or LIVE, and READ-ONLY."""
        super().__init__(id=id)
        self._badges = badges
        self._look = look
        self._tab = tab
        self._operator = ""

    def show_operator(self, name: str, *, verified: bool) -> None:
        """Who acts here."""
        self._operator = line(name, 40) + ("" if verified else " (unverified)")
        self.refresh()

    def render(self) -> RenderResult:
        """Tabs on the left; operator, zone and badges on the right."""
        text = Text(no_wrap=True, overflow="ellipsis")
        badges = Text()
        for badge in self._badges:
            name = "heading--live" if badge == "LIVE" else "heading--badge"
            badges.append(" ").append(
                f" {badge} ", self.get_component_rich_style(name, partial=True)
            )
        chosen = self.get_component_rich_style("heading--chosen", partial=True)
        for tab, label in TAB_LABELS.items():
            text.append(f"{TAB_KEYS[tab]} ")
            text.append(f" {label} ", chosen if tab is self._tab else "").append("  ")
        room = self.size.width - text.cell_len - badges.cell_len
        right = " ".join(part for part in (self._operator, self._look.zone_name) if part)
        if room < cell_len(right):
            right = self._look.zone_name if room >= cell_len(self._look.zone_name) else ""
        text.append(" " * max(0, room - cell_len(right))).append(right)
        text.truncate(max(0, self.size.width - badges.cell_len))
        return text.append(badges)
