"""How values become words on this terminal: the operator's zone, glyphs or plain characters, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rich.text import Text

from commtui.domain.text import line, safe
from commtui.domain.vocabulary import STATUS_LOOKS, Status

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLAIN = str.maketrans(
    {
        "·": "-",
        "…": "~",
        "→": ">",
        "●": "*",
        "✓": "+",
        "✗": "x",
        "⊘": "!",
        "∅": "/",
        "○": "o",
        "×": "~",
        "▲": "^",
        "▼": "v",
        "—": "-",
        "–": "-",
        "│": "|",
        "█": "#",
        "░": ".",
        "›": ">",
        "↓": "v",
        "↑": "^",
    }
)


def now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Look:
    """The operator's terminal: their zone (None: the machine's), plain characters or not, and the clock."""

    zone: ZoneInfo | None = None
    ascii: bool = False
    clock: Callable[[], datetime] = now

    def local(self, at: datetime) -> datetime:
        """An instant in the operator's zone."""
        return at.astimezone(self.zone)

    def today(self) -> datetime:
        """The start of today in the operator's zone."""
        return self.local(self.clock()).replace(hour=0, minute=0, second=0, microsecond=0)

    def short(self, at: datetime) -> str:
        """Seven cells: the time today, the day this year, else the month."""
        here, today = self.local(at), self.today()
        if here.date() == today.date():
            return f"{here:%H:%M}"
        if here.year == today.year or abs(today - here) < timedelta(days=300):
            return self.day(at)
        return f"{here:%Y-%m}"

    def day(self, at: datetime) -> str:
        """The day without its year, such as 16 Jan."""
        here = self.local(at)
        return f"{here.day} {_MONTHS[here.month - 1]}"

    def moment(self, at: datetime) -> str:
        """Twelve cells: day and time, or day and year when it is not this year's."""
        here = self.local(at)
        if here.year == self.today().year:
            return f"{self.day(at)} {here:%H:%M}"
        return f"{self.day(at)} {here.year}"

    def full(self, at: datetime) -> str:
        """Date and time to the second, without the zone."""
        return f"{self.local(at):%Y-%m-%d %H:%M:%S}"

    @property
    def zone_name(self) -> str:
        """The zone as it stands beside times."""
        return self.zone.key if self.zone else (self.today().tzname() or "local time")

    def plain(self, words: str) -> str:
        """Our own words, with plain characters where the terminal wants them."""
        return words.translate(_PLAIN) if self.ascii else words

    def say(self, words: str, style: str = "") -> Text:
        """Our own words as a renderable."""
        return Text(self.plain(words), style=style)

    def quote(self, words: str, limit: int = 500) -> Text:
        """Untrusted words on one line, as a renderable."""
        return Text(line(words, limit))

    def passage(self, words: str, limit: int = 20_000) -> Text:
        """Untrusted words over several lines, as a renderable."""
        return Text(safe(words, limit).expandtabs(4))

    def glyph(self, status: Status) -> str:
        """The sign of a status."""
        looks = STATUS_LOOKS[status]
        return looks.ascii if self.ascii else looks.glyph

    def status(self, status: Status) -> str:
        """Sign and word of a status."""
        return f"{self.glyph(status)} {STATUS_LOOKS[status].label}"


def number(value: int) -> str:
    """A whole number with separators."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """A number with its noun, such as 2 lines."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"
