"""What an operator does on a practice day, through the same desk that the console works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from commtui.demo.site import Site
from commtui.domain.lines import Line, Query, Selection, Sort
from commtui.domain.views import CustomerField, Plan, Progress
from commtui.domain.vocabulary import Chip, Ignored, Tab
from commtui.errors import CommError
from commtui.services.desk import Desk

PAGE = 200
POLL_SECONDS = 0.1
Seen = TypeVar("Seen")


class TookTooLong(CommError):
    """Something that was waited for did not come."""


class Operator:
    """One person at the desk of a practice site."""

    def __init__(self, desk: Desk, site: Site) -> None:
        self.desk = desk
        self._site = site

    def lines(self, tab: Tab, query: Query | None = None) -> Iterator[Line]:
        """Every line of a list, page by page."""
        wanted = query or Query(ignored=Ignored.ALSO)
        after = None
        while True:
            page = self.desk.page(tab, wanted, Sort(), limit=PAGE, after=after)
            yield from page.lines
            if len(page.lines) < PAGE:
                return
            after = page.last

    def attempts_since(self, moment: datetime) -> list[Line]:
        """Every attempt that was made from this moment on."""
        return [line for line in self.lines(Tab.LOG) if line.created_at >= moment]

    def bulk_send(self, selection: Selection) -> tuple[Plan, str]:
        """Dry run and confirmation; returns the plan and the run's id."""
        plan = self.desk.prepare(selection)
        self.desk.confirm(plan.run_id)
        return plan, plan.run_id

    def send_failed_of(self, customer_id: str) -> tuple[Plan, str]:
        """Bulk send of everything that failed for one customer."""
        query = Query(chip=Chip.FAILED, customer=customer_id)
        return self.bulk_send(Selection(Tab.OVERVIEW, query=query))

    def correct_email(self, customer_id: str, address: str) -> None:
        """Put a customer's address right."""
        self.desk.correct(customer_id, CustomerField.EMAIL, address)

    def resend(self, entry_id: str) -> str:
        """Look at what a resend would do, then do it; returns the new entry's id."""
        offer = self.desk.resend_offer(entry_id)
        return self.desk.resend(entry_id, offer.seen_entry)

    def until_expanded(self, run_id: str, seconds: float) -> None:
        """Wait until a bulk run has become entries. Raises TookTooLong."""
        self.until(
            lambda: self.desk.progress(run_id),
            lambda progress: progress.waiting == 0,
            seconds,
            "turning the bulk send into entries",
        )

    def until_closed(self, run_id: str, seconds: float, dated: int = 0) -> Progress:
        """Wait until nothing of a bulk run is open but what waits for its date. Raises TookTooLong."""
        return self.until(
            lambda: self.desk.progress(run_id),
            lambda progress: progress.open <= dated,
            seconds,
            "the bulk send",
        )

    def until_quiet(self, seconds: float) -> None:
        """Wait until the network has delivered all its events. Raises TookTooLong."""
        self.until(self._site.quiet, bool, seconds, "the practice network's events")

    def until_ended(self, entry_id: str, seconds: float) -> Line:
        """Wait until an attempt is neither under way nor merely accepted. Raises TookTooLong."""

        def look() -> Line | None:
            return next(iter(self.desk.lines(Tab.LOG, [entry_id])), None)

        line = self.until(
            look,
            lambda found: found is not None and found.status not in ("queued", "sending", "sent"),
            seconds,
            f"the end of entry {entry_id}",
        )
        if line is None:
            raise TookTooLong(f"entry {entry_id} is not in the log")
        return line

    def until(
        self,
        look: Callable[[], Seen],
        wanted: Callable[[Seen], bool],
        seconds: float,
        what: str,
    ) -> Seen:
        """Look again and again until what is seen is what is wanted. Raises TookTooLong."""
        seen = self.at_most(look, wanted, seconds)
        if not wanted(seen):
            raise TookTooLong(f"{what} did not come to an end within {seconds:.0f} seconds")
        return seen

    def at_most(
        self, look: Callable[[], Seen], wanted: Callable[[Seen], bool], seconds: float
    ) -> Seen:
        """Look again and again until what is seen is what is wanted, or the time is over."""
        deadline = time.monotonic() + seconds
        while not wanted(seen := look()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return seen
