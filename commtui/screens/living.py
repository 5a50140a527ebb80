"""Keeping a list alive: changes come in place every second, and a database that was away is found again."""

from __future__ import annotations

from textual.binding import Binding

from commtui.domain.lines import Query
from commtui.domain.views import Health
from commtui.errors import DatabaseAway
from commtui.screens.loading import LoadingScreen
from commtui.screens.problem import AwayPanel
from commtui.screens.reading import PAGE, News, read_news
from commtui.screens.wording import describe
from commtui.widgets.statusline import StatusLine

TICK_SECONDS = 1.0
_HEALTH_TICKS = 5
_RETRY_TICKS = 2


class LiveScreen(LoadingScreen):
    """Lines change where they stand; nothing moves until `r`."""

    BINDINGS = [
        Binding("r", "reload", "Show what is new", show=False, id="list.reload"),
        Binding(
            "equals_sign", "pause", "Pause, continue live refresh", show=False, id="list.pause"
        ),
    ]

    paused = False
    _ticks = 0
    _looking = False
    _away: AwayPanel | None = None
    _is_away = False

    def on_mount(self) -> None:
        """Look for changes every second."""
        self.set_interval(TICK_SECONDS, self.look_for_changes)

    def on_screen_resume(self) -> None:
        """Back from the other tab: look at once."""
        self.look_for_changes()

    @property
    def marked_query(self) -> Query | None:
        """The query whose lines are all marked, if there is one."""
        return None

    def look_for_changes(self) -> None:
        """One look at the journal; nothing happens while this tab is not in front or stands still."""
        self._ticks += 1
        if self not in self.app.screen_stack:
            return
        if self._is_away or self.journal is None:
            if self._is_away and self._ticks % _RETRY_TICKS == 0:
                self.load(keep=True)
            return
        if self._ticks % _HEALTH_TICKS == 1:
            self.ask(
                lambda desk: desk.health(),
                self._show_health,
                group="health",
                otherwise=self._stumbled,
            )
        if not (self.paused or self._looking):
            self._look(self.journal)

    def _look(self, journal: str) -> None:
        self._looking = True
        view, marked, window = self.view, self.marked_query, self.table.window
        loaded, top = frozenset(line.id for line in window.lines), window.top
        self.ask(
            lambda desk: read_news(desk, view, journal, loaded, top, marked),
            lambda news: self._take_news(view.query, news),
            group="news",
            otherwise=self._stumbled,
        )

    def _take_news(self, query: Query, news: News) -> None:
        self._looking = False
        self.journal = news.journal
        if news.counts is None:
            return
        for line in news.lines:
            self.table.update(line)
        if news.matching is not None:
            self.recount_marks(news.matching)
        if query == self.chosen:
            self.show_counts(news.counts)
            if self.table.window.total == 0 and news.counts.of(query.chip):
                self.load()
            else:
                self.status.show_news(news.new, more=news.new >= PAGE, paused=self.paused)

    def recount_marks(self, matching: int) -> None:
        """The marked query matches so many lines now."""

    def _show_health(self, health: Health) -> None:
        self.query_one(StatusLine).show_health(health)

    def _stumbled(self, error: Exception) -> None:
        self._looking = False
        if isinstance(error, DatabaseAway):
            self.went_away(error)
        else:
            self.paused = True
            self.status.alarm(f"{describe(error).title}: live refresh stands still, = continues")

    def went_away(self, error: Exception) -> None:
        """Say so once in a panel, then quietly, until it is back."""
        self.status.alarm("database away, reconnecting")
        if not self.table.window.loaded:
            self.table.say(
                ("The database is away. The console connects by itself when it is back.",)
            )
        if not self._is_away and self.is_current:
            self._away = AwayPanel(self.link, self.look, describe(error))
            self.app.push_screen(self._away)
        self._is_away = True
        self._looking = False

    def came_back(self) -> None:
        """Take back what was said."""
        if self._is_away:
            self._is_away = False
            self.status.alarm("")
            self.status.notice("database back")
            if self._away is not None and self._away.is_current:
                self._away.dismiss(None)
            self._away = None

    def action_reload(self) -> None:
        """Load anew; cursor and scroll keep their line."""
        self.load(keep=True)

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self.paused = not self.paused
        self.status.alarm("")
        self.status.show_news(0, paused=self.paused)
        if not self.paused:
            self.look_for_changes()
