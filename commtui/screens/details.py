"""Error details: limited on the overview, complete on the log, and all attempts of a subject."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.binding import Binding

from commtui.domain.lines import Line
from commtui.domain.text import line as one_line
from commtui.domain.views import Attempt, EntryDetails, LineSummary
from commtui.domain.vocabulary import Channel, Status
from commtui.screens.customer import CustomerPanel, KeyedPanel
from commtui.screens.guarding import changes
from commtui.screens.link import Link
from commtui.screens.panel import Panel, ReadingPanel
from commtui.screens.reasons import ReasonPanel
from commtui.widgets.errands import errand_rows
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


def _at_hand(here: Line) -> str:
    """Where what a task is about lies, for the person who does it by hand."""
    if here.channel is not Channel.MANUAL or here.status is not Status.NOT_SENT:
        return ""
    return "d on the list downloads all of it; c completes the task"


def show_customer(panel: Panel[Any], line: Line) -> None:
    """The page of a line's customer, on top of a panel."""
    name = line.customer_name or line.customer_id
    panel.app.push_screen(CustomerPanel(panel.link, panel.look, line.customer_id, name))


class SummaryPanel(KeyedPanel[str]):
    """The overview's details: status, class, one plain sentence, what to do; all attempts are one key further.

    The answer is what to go on with: fix or complete.
    """

    BINDINGS = [
        Binding("h", "attempts", "attempts", id="summary.attempts"),
        Binding("F", "go_on('fix')", "correct address", id="summary.fix"),
        Binding("C", "customer", "customer", id="summary.customer"),
        Binding("c", "go_on('complete')", "complete", id="summary.complete"),
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
                    ("At hand", _at_hand(here)),
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
        if stopping := _stopping_words(details):
            text.append(f"{stopping}\n")
        if details.explanation is not None:
            text.append("\n").append(explained(details.explanation)).append("\n")
        text.append("\n").append(fields(self._facts(details)))
        look = self.look
        is_einvoice = here.channel is Channel.EINVOICE
        for title, part in (
            ("Facts by layer", ledger_text(details.history, look) if is_einvoice else Text()),
            (f"What happened ({look.zone_name})", history_text(details.history, look)),
            ("Asked of the provider", _asked_text(details, look)),
            ("Attempts before", attempts_text(details.before, look)),
            ("Attempts after", attempts_text(details.after, look)),
            ("Documents", documents_text(details)),
            ("Sent text" if here.sent_at else "Text", self._content(details)),
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
            ("Recipient", _recipient(details)),
            ("Title", here.title),
            ("Created", look.full(here.created_at)),
            ("Sent", look.full(here.sent_at) if here.sent_at else ""),
            ("Next try", look.full(details.next_try_at) if details.next_try_at else ""),
            ("Cause", f"{attempt.cause}{f', by {by}' if attempt.author else ''}"),
            ("Note", attempt.note or here.note),
            ("At hand", _at_hand(here)),
            ("Message id", attempt.provider_message_id),
            ("Entry", here.id),
            ("Replaces", attempt.replaces_id or ""),
            ("Settled by", attempt.settled_by or ""),
            ("Version", str(attempt.version)),
            ("Template", attempt.template),
        ]

    def _content(self, details: EntryDetails) -> Text:
        if details.attempt.line.channel in _DOCUMENTS_ONLY:
            return Text()
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
                "Asked: a worker asks the provider to stop it. What came of it is shown here.",
            ),
            self._stopped,
        )

    def _stopped(self, words: str | None) -> None:
        if words:
            self._note = words
            self.say_problem("")
            self.query_one("#body").scroll_home(animate=False)
            self._read()


_DOCUMENTS_ONLY = (Channel.POST, Channel.EINVOICE)
"""Channels on which the texts of a message do not travel, only its documents."""


def _recipient(details: EntryDetails) -> str:
    """Name and address; a postal address begins with the name."""
    address = details.attempt.line.recipient
    name = details.recipient_name
    return address if address.startswith(name) else f"{name} {address}".strip()


def _asked_text(details: EntryDetails, look: Look) -> Text:
    """What operators asked the provider to do about this attempt, newest first."""
    return Text("\n".join(errand_rows(errand, look) for errand in details.errands))


def _stopping_words(details: EntryDetails) -> str:
    """Whether the provider can be asked to stop it, or was asked; empty: it cannot be stopped."""
    if not _stoppable(details):
        return ""
    latest = next((errand for errand in details.errands if errand.kind == "cancel"), None)
    if latest is None:
        return "X asks the provider to stop this letter."
    if latest.state == "refused":
        return f"The provider did not stop this letter: {one_line(latest.words, 200)} X asks again."
    if latest.state == "open":
        return "The provider is being asked to stop this letter."
    return "The provider takes it back: the letter becomes Cancelled when that is confirmed."


def _stoppable(details: EntryDetails) -> bool:
    here = details.attempt.line
    return here.channel is Channel.POST and here.status is Status.SENT
