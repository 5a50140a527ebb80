"""Messages whose texts come from a template: made, stored, sent, repeated, and refused when they cannot be made."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest

from commtui.config import Fallback, Ping, Secret, Settings, Templates
from commtui.domain.views import CustomerField
from commtui.domain.vocabulary import Cause, Channel, DocumentRole, ErrorClass, Status, Tab
from commtui.errors import Refused
from commtui.providers.base import SendRequest
from commtui.services.bulk import Expansion
from commtui.services.customers import Customers
from commtui.services.details import Details
from commtui.services.dispatch import Dispatch
from commtui.services.falling_back import FallingBack
from commtui.services.resending import Resending
from commtui.store import downloads, requests
from commtui.store.engine import Database
from tests.office import OPERATOR, SETTINGS, Office, message

CONTEXT = {"amount": "1234.50", "due": "2026-12-31"}
HOME = {
    "name": "Léa Martin",
    "street": "1 rue de la Paix",
    "zip": "75002",
    "city": "Paris",
    "country": "FR",
}


class Desk(Office):
    """An office with templates of its own in a folder."""

    def __init__(self, database: Database, folder: Path, *, automatic: bool = False) -> None:
        settings: Settings = replace(
            SETTINGS,
            templates=Templates(str(folder)),
            ping=Ping(client_id="id", client_secret=Secret("s"), organisation="org"),
            fallback=Fallback(automatic=automatic),
        )
        super().__init__(database, settings)
        self.folder = folder
        self.resending = Resending(database, settings, OPERATOR, self.dispatch)
        self.customers = Customers(database, settings, OPERATOR)
        self.details = Details(database, self.dispatch.rendering)
        self.falling_back = FallingBack(database, settings, self.dispatch)

    def write(self, file: str, words: str, template: str = "invoice/en") -> None:
        """A file of a template."""
        place = self.folder / template
        place.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(words, encoding="utf-8")

    def bring(self, reference: str = "12345", **changes: Any) -> None:
        """Import an invoice that has a context instead of content."""
        line = message(reference, **{"context": CONTEXT, **changes})
        del line["content"]
        assert not self.put(line).refused

    def request(self, reference: str = "12345") -> SendRequest:
        """What the newest attempt of a subject sends."""
        newest = self.attempts(reference)[0].id
        return requests.load(self.database, [newest])[newest]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    folder = tmp_path / "templates"
    folder.mkdir()
    return Desk(database, folder)


def letter(request: SendRequest) -> str:
    """The words of a request's letter."""
    (document,) = request.documents
    pages = pypdf.PdfReader(io.BytesIO(document.content)).pages
    return " ".join(page.extract_text() for page in pages)


def test_a_shipped_template_makes_the_email_in_the_customers_language(desk: Desk) -> None:
    desk.bring(customer={"language": "fr-BE", "country": "FR"})
    plan = desk.queue()
    assert dict(plan.going) == {Channel.EMAIL: 1}
    sent = desk.request()
    assert "12345" in sent.subject
    assert "1\xa0234,50\xa0€" in sent.text.replace("\u202f", "\xa0")
    assert '<html lang="fr">' in sent.html
    desk.work()
    assert desk.line().status is Status.SENT
    details = desk.details.details(desk.attempts()[0].id)
    assert re.fullmatch(r"invoice/fr [0-9a-f]{12}", details.attempt.template)
    assert details.content_text == sent.text


def test_what_was_made_is_sent_again_whatever_the_template_says_now(desk: Desk) -> None:
    desk.write("email.subject.j2", "First")
    desk.write("email.txt.j2", "First words")
    desk.bring()
    desk.send()
    first = desk.attempts()[0]
    desk.report_on("12345", Status.BOUNCED)
    desk.write("email.txt.j2", "Other words")
    desk.resending.resend(first.id, first.id)
    again = desk.request()
    assert (again.subject, again.text) == ("First", "First words\n")
    entries = [entry_of(desk, line.id) for line in desk.attempts()]
    assert entries[0] == entries[1]
    assert entries[0][0]


def entry_of(desk: Desk, entry_id: str) -> tuple[str, str, int]:
    """Template version, content hash and rendering of an attempt."""
    from commtui.store import details

    with desk.database.read() as connection:
        entry = details.stored_entry(connection, entry_id)
    return entry.template_version, entry.content_hash, entry.rendering


def test_what_changed_after_the_dry_run_is_sent_as_it_is_now_and_named_with_its_version(
    desk: Desk,
) -> None:
    desk.write("email.subject.j2", "First")
    desk.write("email.txt.j2", "First words")
    desk.bring()
    plan = desk.plan()
    desk.write("email.txt.j2", "Corrected words")
    desk.bulk.confirm(plan.run_id)
    desk.expand()
    assert desk.request().text == "Corrected words\n"
    assert entry_of(desk, desk.attempts()[0].id)[2] == 2


def test_the_dry_run_names_parts_and_the_character_that_makes_them_dear(desk: Desk) -> None:
    desk.write("sms.j2", "Payé ✓ " + "x" * 80)
    desk.bring(channels=["sms"], customer={"phone": "+33612345678"})
    warnings = dict(desk.plan().warnings)
    assert list(warnings) == ["sms in 2 parts: “✓” forces UCS-2"]


def test_a_missing_value_keeps_the_message_back_and_says_where(desk: Desk) -> None:
    desk.write("email.subject.j2", "Invoice")
    desk.write("email.txt.j2", "One\n{{ missing }}")
    desk.bring()
    plan = desk.queue()
    assert not plan.going
    ((reason, count),) = plan.staying
    assert count == 1
    assert reason.startswith("invoice/en email.txt.j2 line 2: 'missing' is undefined")
    assert not desk.lines(Tab.LOG)
    seen = desk.details.summary(desk.line().id).explanation
    assert seen is not None
    assert seen.error_class is ErrorClass.TECHNICAL
    assert "line 2" in seen.sentence
    desk.write("email.txt.j2", "One")
    assert dict(desk.queue().going) == {Channel.EMAIL: 1}


def test_a_kind_without_a_template_says_so(desk: Desk) -> None:
    desk.bring(kind="newsletter")
    ((reason, _),) = desk.plan().staying
    assert reason.startswith("kind newsletter: there is no template for it")


def test_a_message_released_by_its_source_is_made_and_leaves(desk: Desk) -> None:
    desk.bring(release="auto")
    while desk.release.step():
        pass
    assert "1,234.50" in desk.request().text


def test_a_letter_has_the_address_and_a_corrected_one_gets_a_new_address_page(desk: Desk) -> None:
    desk.bring(channels=["post"], customer={"address": HOME, "country": "FR"})
    desk.queue()
    first = desk.attempts()[0].id
    before = desk.request()
    assert "1 rue de la Paix" in letter(before)
    (shown,) = desk.details.details(first).documents
    assert (shown.role, shown.sha256) == (
        DocumentRole.LETTER,
        hashlib.sha256(before.documents[0].content).hexdigest(),
    )
    (item,) = downloads.items(desk.database, Tab.LOG, [first])
    assert item.documents == (shown,)
    desk.report(
        desk.event(first, Status.RETURNED, error_class=ErrorClass.PERMANENT, code="undeliverable"),
        provider="ping",
    )
    desk.customers.correct("K-1", CustomerField.ADDRESS, "Léa Martin\n9 rue Neuve\n69001 Lyon")
    offer = desk.resending.offer(first)
    assert (offer.refusal, offer.new_letter) == (None, True)
    desk.resending.resend(first, first)
    after = desk.request()
    assert "9 rue Neuve" in letter(after)
    assert "1 rue de la Paix" not in letter(after)
    # the last words of a page's text are the address: it is set last
    body = letter(before).rsplit("Léa Martin", 1)[0]
    assert letter(after).rsplit("Léa Martin", 1)[0] == body
    assert "1,234.50" in body
    assert entry_of(desk, first)[0] == entry_of(desk, desk.attempts()[0].id)[0]
    assert entry_of(desk, first)[1] != entry_of(desk, desk.attempts()[0].id)[1]


def test_a_letter_that_fits_into_no_window_is_kept_back_with_the_reason(desk: Desk) -> None:
    desk.bring(
        channels=["post"],
        customer={"address": {**HOME, "street": "9 " + "long " * 60}, "country": "FR"},
    )
    desk.queue()
    assert not desk.lines(Tab.LOG)


def test_a_bounce_goes_by_post_with_a_letter_made_then(database: Database, tmp_path: Path) -> None:
    desk = Desk(database, tmp_path, automatic=True)
    desk.bring(customer={"address": HOME, "country": "FR"})
    desk.send()
    desk.report_on("12345", Status.BOUNCED)
    while desk.falling_back.step():
        pass
    newest = desk.attempts()[0]
    attempt = desk.details.details(newest.id).attempt
    assert (newest.channel, attempt.cause) == (Channel.POST, Cause.FALLBACK)
    assert "1 rue de la Paix" in letter(desk.request())


def test_an_unmade_message_is_not_sent_by_a_worker_that_has_not_made_it(desk: Desk) -> None:
    desk.bring(customer={"address": HOME, "country": "FR"})
    prospect = next(iter(_load(desk).values()))
    assert desk.dispatch.unmade(prospect, Channel.EMAIL, {}) is not None
    made = desk.dispatch.make([prospect.communication_id], desk.database.now())
    prospect = next(iter(_load(desk).values()))
    assert desk.dispatch.unmade(prospect, Channel.EMAIL, made) is None
    assert desk.dispatch.unmade(prospect, Channel.POST, made) is not None


def _load(desk: Desk) -> Any:
    ids = [line.communication_id for line in desk.lines()]
    with desk.database.read() as connection:
        return desk.dispatch.load(connection, ids)


def test_two_workers_make_the_same_texts_once(desk: Desk) -> None:
    for number in range(60):
        desk.bring(f"{number}")
    plan = desk.plan()
    desk.bulk.confirm(plan.run_id)
    other = Expansion(desk.database, Dispatch(desk.database, desk.settings))
    while desk.expansion.step() + other.step():
        pass
    entries = [entry_of(desk, line.id) for line in desk.lines(Tab.LOG)]
    assert len(entries) == 60
    assert {rendering for _, _, rendering in entries} == {1}


def test_a_broken_own_template_stops_its_kind_and_nothing_else(desk: Desk) -> None:
    desk.write("sms.j2", "{% if %}")
    desk.bring()
    desk.bring("reminder-1", kind="reminder", context={**CONTEXT, "days_overdue": 3})
    plan = desk.plan()
    assert dict(plan.going) == {Channel.EMAIL: 1}
    ((reason, _),) = plan.staying
    assert reason.startswith("invoice/en sms.j2 line 1")


def test_a_letter_cannot_be_made_anew_when_the_address_is_too_long(desk: Desk) -> None:
    desk.bring(channels=["post"], customer={"address": HOME, "country": "FR"})
    desk.queue()
    first = desk.attempts()[0].id
    desk.report(
        desk.event(first, Status.RETURNED, error_class=ErrorClass.PERMANENT, code="undeliverable"),
        provider="ping",
    )
    desk.customers.correct(
        "K-1", CustomerField.ADDRESS, f"Léa Martin\n9 {'long ' * 60}\n69001 Lyon"
    )
    with pytest.raises(Refused, match="cannot be made for the corrected address"):
        desk.resending.resend(first, first)
