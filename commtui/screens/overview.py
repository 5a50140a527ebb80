"""Tab Communication: one line per subject, and bulk send."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding

from commtui.domain.lines import Selection
from commtui.domain.vocabulary import Tab
from commtui.screens.acting import ActingScreen
from commtui.screens.details import SummaryPanel
from commtui.screens.guarding import changes
from commtui.screens.marks import Marks
from commtui.screens.sending import SendPanel


class CommunicationScreen(ActingScreen):
    """The overview."""

    TAB: ClassVar[Tab] = Tab.OVERVIEW
    BINDINGS = [
        Binding("S", "send", "send", id="send.open"),
        Binding("R", "resend", "Resend (on the log)", show=False, id="resend.elsewhere"),
    ]

    def action_details(self) -> None:
        """The limited details; all attempts are one key further."""
        if self.table.line is not None:
            self.app.push_screen(SummaryPanel(self.link, self.look, self.table.line), self.go_on)

    @changes
    def action_send(self) -> None:
        """Bulk send: the dry run asks first."""
        self.act(self._send)

    def _send(self, selection: Selection) -> None:
        self.app.push_screen(
            SendPanel(self.link, self.look, selection, self.target_words(selection)), self._sent
        )

    def _sent(self, run_id: str | None) -> None:
        if run_id is not None:
            self.clear_marks()
            self.open_run(run_id)

    def action_resend(self) -> None:
        """Say where resending is."""
        self.status.notice(
            "One attempt is resent on the Communication log: F3, then R. Here S sends."
        )

    def take_over(self, subject_ids: frozenset[str]) -> None:
        """Mark subjects whose lines came from the log."""
        self.put_marks(Marks(ids=subject_ids))
        self.status.notice("Marked from the log; S sends them.")
