"""The marks of one tab: chosen lines, or all that match a query except some; they outlive every reload."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from commtui.domain.lines import Line, Query, Selection, Sort
from commtui.domain.text import fold
from commtui.domain.vocabulary import Chip, Ignored, Tab
from commtui.screens.reading import View
from commtui.widgets.look import number

if TYPE_CHECKING:
    from commtui.services.desk import Desk


@dataclass(frozen=True, slots=True)
class Marks:
    """A value: every change gives a new one."""

    ids: frozenset[str] = frozenset()
    query: Query | None = None
    """Set: all that match it are marked, except `excluded`."""
    excluded: frozenset[str] = frozenset()
    up_to: str | None = None
    matching: int = field(default=0, compare=False)

    def __contains__(self, line: Line) -> bool:
        if self.query is None:
            return line.id in self.ids
        return (
            line.id not in self.excluded
            and (self.up_to is None or line.sort_id <= self.up_to)
            and matches(self.query, line)
        )

    @property
    def count(self) -> int:
        """How many lines are marked."""
        if self.query is None:
            return len(self.ids)
        return max(0, self.matching - len(self.excluded))

    @property
    def words(self) -> str:
        """The number, in words that say what kind of marks these are."""
        if self.query is None:
            return f"{number(self.count)} marked" if self.ids else ""
        if self.excluded:
            return f"{number(self.count)} marked (all {number(self.matching)} matching but {len(self.excluded)})"
        return f"{number(self.count)} marked (all that match)"

    def toggled(self, line: Line) -> Marks:
        """With one line marked that was not, or the other way round."""
        if self.query is None:
            return replace(self, ids=self.ids ^ {line.id})
        return replace(self, excluded=self.excluded ^ {line.id})

    def adding(self, ids: Iterable[str]) -> Marks:
        """With these lines marked too."""
        if self.query is None:
            return replace(self, ids=self.ids | frozenset(ids))
        return replace(self, excluded=self.excluded - frozenset(ids))

    def selection(self, tab: Tab) -> Selection:
        """What an action is to be done to."""
        if self.query is None:
            return Selection(tab, ids=tuple(sorted(self.ids)))
        return Selection(tab, query=self.query, excluded=self.excluded, up_to=self.up_to)


def read_matching(desk: Desk, view: View, but: frozenset[str]) -> Marks:
    """Marks on everything that matches at this moment, except some lines."""
    newest = desk.page(view.tab, view.query, Sort(), limit=1).lines
    matching = desk.matching(view.tab, view.query)
    excluded = frozenset(
        line.id for line in desk.lines(view.tab, sorted(but)) if matches(view.query, line)
    )
    return Marks(
        query=view.query,
        excluded=excluded,
        up_to=newest[0].sort_id if newest else None,
        matching=matching,
    )


def matches(query: Query, line: Line) -> bool:
    """Whether a line that is on the screen fits a query, as the database would say."""
    ignored = {
        Ignored.NO: not line.ignored,
        Ignored.ONLY: line.ignored,
        Ignored.ALSO: True,
    }[query.ignored]
    wanted = (
        (query.chip is Chip.ALL, line.chip is query.chip),
        (not query.channels, line.channel in query.channels),
        (not query.categories, line.category in query.categories),
        (not query.statuses, line.status in query.statuses),
        (query.customer is None, line.customer_id == query.customer),
        (not query.location_groups, line.location_group in query.location_groups),
        (query.error_key is None, line.error_key == query.error_key),
        (query.sent_from is None, query.sent_from is not None and line.acted_at >= query.sent_from),
        (query.sent_to is None, query.sent_to is not None and line.acted_at < query.sent_to),
        (not query.open_only or query.chip is not Chip.FAILED, line.settled_at is None),
    )
    return ignored and all(free or fits for free, fits in wanted) and _found(query.text, line)


def _found(text: str, line: Line) -> bool:
    searched = fold(
        " ".join(
            (
                line.reference,
                line.title,
                line.customer_name,
                line.customer_id,
                line.recipient,
                line.error_message,
            )
        )
    )
    return all(word in searched for word in fold(text).split())
