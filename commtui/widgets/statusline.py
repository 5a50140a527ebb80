"""The status line: marks, place in the list, notices, and whether the processes run. No toasts: they hide rows."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.timer import Timer
from textual.widget import Widget

from commtui.domain.text import line
from commtui.domain.views import Health
from commtui.widgets.holds import held_words
from commtui.widgets.look import Look, counted, number

NOTICE_SECONDS = 12.0


class StatusLine(Widget):
    """One line above the key hints."""

    COMPONENT_CLASSES = {"status--marks", "status--notice", "status--alarm"}
    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; padding: 0 1;
        .status--marks { color: $warning; text-style: bold; }
        .status--notice { color: $text-accent; }
        .status--alarm { color: $text-error; text-style: bold; }
    }
    StatusLine:ansi { background: ansi_default; color: ansi_default;
        .status--marks { color: ansi_default; text-style: bold; }
        .status--notice { color: ansi_default; }
        .status--alarm { color: ansi_default; text-style: bold reverse; }
    }
    """

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look
        self._marks = ""
        self._place = ""
        self._news = ""
        self._notice = ""
        self._alarm = ""
        self._health: tuple[str, ...] = ()
        self._brief: tuple[str, ...] = ()
        self._fading: Timer | None = None

    def show_marks(self, words: str) -> None:
        """How many lines are marked."""
        self._set(_marks=words)

    def show_place(self, index: int, total: int) -> None:
        """Where the cursor is in the list."""
        self._set(_place=f"{number(index + 1)}/{number(total)}" if total else "")

    def show_news(self, new: int, *, more: bool = False, paused: bool = False) -> None:
        """How many lines came since the list was loaded, and whether it stands still."""
        news = f"{number(new)}{'+' if more else ''} new · r shows them" if new else ""
        self._set(_news=" · ".join(part for part in ("paused, = continues" * paused, news) if part))

    def notice(self, words: str, *, lasting: bool = False) -> None:
        """Say what just happened, for a while or until something else does; the words are made safe here."""
        if self._fading is not None:
            self._fading.stop()
        self._fading = None if lasting else self.set_timer(NOTICE_SECONDS, self._fade)
        self._set(_notice=line(words, 300))

    def _fade(self) -> None:
        self._set(_notice="")

    def alarm(self, words: str) -> None:
        """Say what is wrong until it is not; an empty text takes it back."""
        self._set(_alarm=line(words, 200))

    def show_health(self, health: Health) -> None:
        """Whether messages are being sent and feedback received; what matters most comes first."""
        due = f", {number(health.due)} due" if health.due else ""
        workers = counted(health.workers, "worker") if health.workers else "no worker"
        web = "web" if health.web else "no web"
        names = [
            (line(pause.provider, 20), line(pause.reason, 60))
            for pause in health.paused
            if pause.since
        ]
        held = sum(hold.number for hold in health.held)
        unknown = [f"{number(health.unknown)} unknown"] if health.unknown else []
        # what a provider is paused for says more than a warning about the same account
        stopped = {pause.provider for pause in health.paused}
        warned = [item for item in health.warnings if item.provider not in stopped]
        accounts = dict.fromkeys(line(item.provider, 20) for item in warned)
        self._set(
            _health=(
                *([line(health.barred, 120)] if health.barred else ()),
                *([line(health.stopped, 120)] if health.stopped else ()),
                *unknown,
                workers + due,
                *(f"{name} paused: {why}" for name, why in names),
                *(f"{line(item.provider, 20)}: {line(item.sentence, 80)}" for item in warned),
                *(line(f"{item.sentence}: {item.advice}", 200) for item in health.findings),
                *([held_words(health.held)] if health.held else ()),
                web,
            ),
            _brief=(
                *(["SENDING REFUSED"] if health.barred else ()),
                *(["not sending"] if health.stopped else ()),
                *unknown,
                workers + due,
                *(f"{name} paused" for name, _ in names),
                *(f"{name} account" for name in accounts),
                *(line(item.sentence, 40) for item in health.findings),
                *([f"{counted(held, 'fallback')} held"] if held else ()),
                web,
            ),
        )

    @property
    def words(self) -> str:
        """Everything it says, for whoever has to read it without colour."""
        parts = (
            self._marks,
            self._alarm,
            self._notice,
            self._news,
            self._place,
            *self._health,
        )
        return "  ".join(part for part in parts if part)

    def _set(self, **parts: str | tuple[str, ...]) -> None:
        if any(getattr(self, name) != value for name, value in parts.items()):
            for name, value in parts.items():
                setattr(self, name, value)
            self.refresh()

    def render(self) -> RenderResult:
        """What there is to say, most important first; the processes on the right where there is room."""
        parts = (
            (self._marks, "status--marks"),
            (self._place, ""),
            (self._alarm, "status--alarm"),
            (self._notice, "status--notice"),
            (self._news, "status--notice"),
        )
        text = Text(no_wrap=True, overflow="ellipsis")
        for words, name in parts:
            if words:
                style = self.get_component_rich_style(name, partial=True) if name else ""
                text.append("  " if text else "").append(self._look.plain(words), style)
        room = self.size.width - text.cell_len - 2
        health = self._joined(self._health)
        if cell_len(health) > room:
            health = self._fitting(room)
        if health:
            text.append(" " * (room + 2 - cell_len(health))).append(health)
        return text

    def _joined(self, parts: tuple[str, ...]) -> str:
        return self._look.plain(" · ".join(parts))

    def _fitting(self, room: int) -> str:
        """As much of the short words as there is room for."""
        fitting = ""
        for count in range(1, len(self._brief) + 1):
            longer = self._joined(self._brief[:count])
            if cell_len(longer) > room:
                break
            fitting = longer
        return fitting
