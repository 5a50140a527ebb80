"""Error details: limited on the overview, complete on the log, and all attempts of a subject."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.binding import Binding

from commtui.domain.lines import Line
from commtui.domain.views import Attempt, EntryDetails, LineSummary
from commtui.domain.vocabulary import Channel, Status
from commtui.screens.customer import CustomerPanel, KeyedPanel
from commtui.screens.guarding import changes
from commtui.screens.link import Link
from commtui.screens.panel import Panel, ReadingPanel
from commtui.screens.reasons import ReasonPanel
from commtui.widgets.look import Look, counted
from commtui.widgets.timeline import (
    CLASS_WORDS,
    attempts_text,
    documents_text,
    explained,
    fields,
    headline,
    history_text,
    ledger_text,
    section,
    way_words,
)


def show_customer(panel: Panel[Any], line: Line) -> None:
    """The page of a line's customer, on top of a panel."""
    name = line.customer_name or line.customer_id
    panel.app.push_screen(CustomerPanel(panel.link, panel.look, line.customer_id, name))


class SummaryPanel(KeyedPanel[str]):
    """The overview's details: status, class, one plain sentence, what to do; all attempts are one key further.

    The answer is what to go on with: fix or complete.
    """

    BINDINGS = [
        Binding("h", "attempts", "all attempts", id="summary.attempts"),
        Binding("F", "go_on('fix')", "correct address", id="summary.fix"),
        Binding("C", "customer", "customer", id="summary.customer"),
        Binding("c", "go_on('complete')", "settle", id="summary.complete"),
    ]

    def __init__(self, link: Link, look: Look, line: Line) -> None:
        super().__init__(link, look, f"{line.category} {line.reference} · {line.customer_name}")
        self._line = line

    def on_mount(self) -> None:
        """Read it."""
        self.ask(lambda desk: desk.summary(self._line.subject_id), self._show, group="summary")

    def _show(self, summary: LineSummary) -> None:
        here, look = summary.line, self.look
        text = headline(here, look).append("\n")
        if summary.explanation is not None:
            text.append("\n").append(explained(summary.explanation)).append("\n")
            if summary.explanation.error_class is not None:
                text.append("Class       ", "bold")
                text.append(CLASS_WORDS[summary.explanation.error_class] + "\n")
        text.append("\n").append(
            fields(
                [
                    ("Title", here.title),
                    ("Type", here.channel.label),
                    ("Way", way_words(here, look)),
                    ("Recipient", here.recipient),
                    ("Time", f"{look.full(here.acted_at)} {look.zone_name}"),
                    ("Attempts", str(here.attempts)),
                    ("Note", here.note),
                ]
            )
        )
        if summary.others:
            text.append(section("Other communications of this subject"))
            for other in summary.others:
                text.append(f"{look.moment(other.acted_at):<13}{look.status(other.status):<21}")
                text.append(
                    look.quote(f"{other.kind} {other.channel.label} {other.recipient}", 120)
                )
                text.append("\n")
        text.rstrip()
        self.show(text)

    def action_attempts(self) -> None:
        """All attempts of the subject."""
        self.app.push_screen(AttemptsPanel(self.link, self.look, self._line))

    @changes
    def action_go_on(self, action: str) -> None:
        """Close, and go on with this line."""
        self.dismiss(action)

    def action_customer(self) -> None:
        """The customer's page."""
        show_customer(self, self._line)


class AttemptsPanel(ReadingPanel[None]):
    """All attempts of a subject, newest first."""

    BINDINGS = [Binding("C", "customer", "customer", id="attempts.customer")]

    def __init__(self, link: Link, look: Look, line: Line) -> None:
        super().__init__(link, look, f"All attempts · {line.category} {line.reference}")
        self._line = line

    def on_mount(self) -> None:
        """Read them."""
        self.ask(lambda desk: desk.attempts(self._line.subject_id), self._show, group="attempts")

    def _show(self, attempts: tuple[Attempt, ...]) -> None:
        if not attempts:
            self.show(self.look.say("No attempt was made yet."))
            return
        text = Text(
            f"{counted(len(attempts), 'attempt')}, newest first, in {self.look.zone_name}\n\n"
        )
        self.show(text.append(attempts_text(attempts, self.look)))

    def action_customer(self) -> None:
        """The customer's page."""
        show_customer(self, self._line)


class EntryPanel(KeyedPanel[str]):
    """The log's details: everything about one attempt. The answer is the action to go on with."""

    BINDINGS = [
        Binding("h", "attempts", "attempts", id="entry.attempts"),
        Binding("R", "go_on('resend')", "resend", id="entry.resend"),
        Binding("F", "go_on('fix')", "correct", id="entry.fix"),
        Binding("C", "customer", "customer", id="entry.customer"),
        Binding("c", "go_on('complete')", "complete", id="entry.complete"),
        Binding("X", "stop", "Have the provider stop a letter", show=False, id="entry.stop"),
    ]

    def __init__(self, link: Link, look: Look, line: Line) -> None:
        super().__init__(link, look, f"{line.category} {line.reference} · {line.customer_name}")
        self._line = line
        self._details: EntryDetails | None = None
        self._note = ""

    def on_mount(self) -> None:
        """Read it."""
        self._read()

    def _read(self) -> None:
        self.ask(lambda desk: desk.details(self._line.id), self._show, group="details")

    def _show(self, details: EntryDetails) -> None:
        self._details = details
        here = details.attempt.line
        text = Text().append(f"{self._note}\n\n" if self._note else "", "bold")
        text.append(headline(here, self.look)).append("\n")
        if _stoppable(details):
            text.append("X asks the provider to stop this letter.\n")
        if details.explanation is not None:
            text.append("\n").append(explained(details.explanation)).append("\n")
        text.append("\n").append(fields(self._facts(details)))
        look = self.look
        is_einvoice = here.channel is Channel.EINVOICE
        for title, part in (
            ("Facts by layer", ledger_text(details.history, look) if is_einvoice else Text()),
            (f"What happened ({look.zone_name})", history_text(details.history, look)),
            ("Attempts before", attempts_text(details.before, look)),
            ("Attempts after", attempts_text(details.after, look)),
            ("Documents", documents_text(details)),
            ("Sent text", self._content(details)),
        ):
            if part:
                text.append("\n").append(section(title)).append(part)
        self.show(text)

    def _facts(self, details: EntryDetails) -> list[tuple[str, str]]:
        attempt, look = details.attempt, self.look
        here = attempt.line
        by = f"{attempt.author}{'' if attempt.author_verified else ' (unverified)'}"
        error_class = details.explanation.error_class if details.explanation else here.error_class
        return [
            ("Class", CLASS_WORDS[error_class] if error_class else ""),
            ("Provider", f"{here.provider} ({here.channel.label})"),
            ("Way", way_words(here, look)),
            ("Code", here.error_code),
            ("Its words", here.error_message),
            ("Recipient", f"{details.recipient_name} {here.recipient}".strip()),
            ("Title", here.title),
            ("Created", look.full(here.created_at)),
            ("Sent", look.full(here.sent_at) if here.sent_at else ""),
            ("Next try", look.full(details.next_try_at) if details.next_try_at else ""),
            ("Cause", f"{attempt.cause}{f', by {by}' if attempt.author else ''}"),
            ("Note", attempt.note or here.note),
            ("Message id", attempt.provider_message_id),
            ("Entry", here.id),
            ("Replaces", attempt.replaces_id or ""),
            ("Settled by", attempt.settled_by or ""),
            ("Version", str(attempt.version)),
        ]

    def _content(self, details: EntryDetails) -> Text:
        parts = [part for part in (details.content_subject, details.content_text) if part]
        return self.look.passage("\n\n".join(parts), 8000)

    def action_attempts(self) -> None:
        """All attempts of the subject."""
        self.app.push_screen(AttemptsPanel(self.link, self.look, self._line))

    @changes
    def action_go_on(self, action: str) -> None:
        """Close, and go on with this entry."""
        self.dismiss(action)

    def action_customer(self) -> None:
        """The customer's page."""
        show_customer(self, self._line)

    @changes
    def action_stop(self) -> None:
        """Have the provider stop a letter that it accepted and has not handed over yet."""
        details = self._details
        if details is None:
            return
        if not _stoppable(details):
            self.say_problem(
                "Only a letter that the provider has accepted and not delivered yet can be stopped."
            )
            return
        entry_id = details.attempt.line.id
        self.app.push_screen(
            ReasonPanel(
                self.link,
                self.look,
                "Stop this letter",
                "A worker asks the provider to stop it. That works only until it is printed and handed over; "
                "when it worked, the letter becomes Cancelled.\nWhy:",
                "Ask to stop it",
                lambda desk, reason: desk.wishes.cancel(entry_id, reason),
                "Asked: a worker asks the provider to stop it. What came of it shows in its history.",
            ),
            self._stopped,
        )

    def _stopped(self, words: str | None) -> None:
        if words:
            self._note = words
            self.say_problem("")
            self._read()


def _stoppable(details: EntryDetails) -> bool:
    here = details.attempt.line
    return here.channel is Channel.POST and here.status is Status.SENT
