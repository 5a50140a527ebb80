"""Tab Communication log: one line per send attempt, and resend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.message import Message

from commtui.domain.lines import Query, Selection, Sort
from commtui.domain.text import line as one_line
from commtui.domain.vocabulary import Chip, Tab
from commtui.screens.acting import ActingScreen
from commtui.screens.details import EntryPanel
from commtui.screens.guarding import changes
from commtui.screens.resending import ResendPanel

if TYPE_CHECKING:
    from commtui.services.desk import Desk

_PAGE = 1000


class LogScreen(ActingScreen):
    """The communication log."""

    TAB: ClassVar[Tab] = Tab.LOG
    START: ClassVar[Query] = Query(chip=Chip.FAILED, open_only=True)
    BINDINGS = [
        Binding("R", "resend", "resend", id="resend.open"),
        Binding(
            "S", "hand_over", "Take subjects to Communication", show=False, id="send.hand_over"
        ),
    ]

    class HandedOver(Message):
        """These subjects are to be marked on the overview."""

        def __init__(self, subject_ids: frozenset[str]) -> None:
            super().__init__()
            self.subject_ids = subject_ids

    def action_details(self) -> None:
        """The complete details."""
        if self.table.line is not None:
            self.app.push_screen(EntryPanel(self.link, self.look, self.table.line), self.go_on)

    @changes
    def action_resend(self) -> None:
        """Resend the cursor's entry; asks first."""
        here = self.table.line
        if here is None:
            return
        if self.marks.words:
            self.status.notice(
                "R resends one entry, the cursor's. For marked lines: S, then send on Communication."
            )
        words = f"{here.category} {here.reference}"
        self.app.push_screen(ResendPanel(self.link, self.look, here.id, words), self._resent)

    def _resent(self, entry_id: str | None) -> None:
        if entry_id is not None:
            self.status.notice(f"Resent as a new entry, {one_line(entry_id, 40)}: r shows it.")
            self.look_for_changes()

    def action_hand_over(self) -> None:
        """Take the marked lines' subjects over to Communication as marks."""
        self.act(
            lambda selection: self.ask(
                lambda desk: read_subjects(desk, selection),
                self._hand_over,
                group="hand over",
            )
        )

    def _hand_over(self, subject_ids: frozenset[str]) -> None:
        self.post_message(self.HandedOver(subject_ids))


def read_subjects(desk: Desk, selection: Selection) -> frozenset[str]:
    """The subjects of selected log lines."""
    if selection.query is None:
        return frozenset(line.subject_id for line in desk.lines(selection.tab, selection.ids))
    subjects: set[str] = set()
    after = None
    while True:
        page = desk.page(selection.tab, selection.query, Sort(), limit=_PAGE, after=after)
        subjects.update(
            line.subject_id
            for line in page.lines
            if line.id not in selection.excluded
            and (selection.up_to is None or line.sort_id <= selection.up_to)
        )
        if len(page.lines) < _PAGE:
            return frozenset(subjects)
        after = page.last
