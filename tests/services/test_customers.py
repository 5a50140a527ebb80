"""Customers: an operator's correction of an address, and what follows from it."""

from __future__ import annotations

import json

import pytest

from commtui.domain.views import ContactView, CustomerField, CustomerView
from commtui.domain.vocabulary import Channel
from commtui.errors import NotFound, Refused
from commtui.store import feed
from tests.services.conftest import Office

ADDRESS = {"name": "Léa Martin", "street": "Rue Neuve", "number": "1", "zip": "75001"} | {
    "city": "Paris",
    "country": "FR",
}


def contact(view: CustomerView, field: CustomerField) -> ContactView:
    """One contact of a customer."""
    return next(item for item in view.contacts if item.field is field)


def test_a_customer_shows_what_the_source_says(office: Office) -> None:
    office.bring(customer={"address": ADDRESS, "language": "fr", "country": "FR"})
    view = office.customers.get("K-1")
    assert (view.name, view.language, view.country) == ("Léa Martin", "fr", "FR")
    assert contact(view, CustomerField.EMAIL).value == "lea@example.com"
    assert contact(view, CustomerField.PHONE).value == ""
    assert contact(view, CustomerField.ADDRESS).value.splitlines() == [
        "Léa Martin",
        "Rue Neuve 1",
        "75001 Paris",
        "FR",
    ]
    with pytest.raises(NotFound):
        office.customers.get("K-2")


def test_a_correction_is_used_and_says_by_whom(office: Office) -> None:
    office.bring()
    view = office.customers.correct("K-1", CustomerField.EMAIL, " lea.martin@example.com ")
    email = contact(view, CustomerField.EMAIL)
    assert (email.source_value, email.correction, email.value) == (
        "lea@example.com",
        "lea.martin@example.com",
        "lea.martin@example.com",
    )
    assert email.corrected_by == "rosa"
    assert email.corrected_at is not None
    assert office.line().recipient == "lea.martin@example.com"
    assert office.audits() == [
        ("rosa", "customer corrected", "lea@example.com → lea.martin@example.com")
    ]


@pytest.mark.parametrize("value", ["", "lea@example.com"])
def test_an_empty_value_or_the_sources_own_takes_the_correction_back(
    office: Office, value: str
) -> None:
    office.bring()
    office.customers.correct("K-1", CustomerField.EMAIL, "other@example.com")
    view = office.customers.correct("K-1", CustomerField.EMAIL, value)
    email = contact(view, CustomerField.EMAIL)
    assert (email.correction, email.corrected_by, email.value) == ("", "", "lea@example.com")
    assert office.audits()[-1][1] == "correction removed"


def test_a_correction_holds_until_the_source_brings_a_new_value(office: Office) -> None:
    office.bring()
    office.customers.correct("K-1", CustomerField.EMAIL, "mine@example.com")
    office.bring("12346")
    office.bring("12347", customer={"email": "mine@example.com"})
    view = office.customers.get("K-1")
    assert contact(view, CustomerField.EMAIL).value == "mine@example.com"
    office.bring("12348", customer={"email": "new@example.com"})
    view = office.customers.get("K-1")
    assert contact(view, CustomerField.EMAIL).value == "new@example.com"


@pytest.mark.parametrize(
    ("field", "value"),
    [(CustomerField.EMAIL, "nonsense"), (CustomerField.PHONE, "12"), (CustomerField.ADDRESS, "{")],
)
def test_an_address_that_cannot_be_right_is_refused(
    office: Office, field: CustomerField, value: str
) -> None:
    office.bring()
    with pytest.raises(Refused):
        office.customers.correct("K-1", field, value)
    assert office.audits() == []


def test_a_postal_address_is_written_as_lines_or_as_the_source_writes_it(office: Office) -> None:
    office.bring(customer={"address": ADDRESS})
    lines = "Léa Martin\nRue Vieille 2\n75002 Paris"
    view = office.customers.correct("K-1", CustomerField.ADDRESS, lines)
    assert contact(view, CustomerField.ADDRESS).value == lines
    moved = json.dumps({**ADDRESS, "number": "9"})
    view = office.customers.correct("K-1", CustomerField.ADDRESS, moved)
    assert "Rue Neuve 9" in contact(view, CustomerField.ADDRESS).value
    printed = contact(view, CustomerField.ADDRESS).source_value
    view = office.customers.correct("K-1", CustomerField.ADDRESS, printed)
    assert contact(view, CustomerField.ADDRESS).correction == ""


def test_the_channel_follows_a_contact_that_appears_while_nothing_was_tried(
    office: Office,
) -> None:
    office.bring(customer={"email": None}, content={"subject": "I", "text": "H", "sms": "H"})
    assert office.line().channel is Channel.MANUAL
    office.customers.correct("K-1", CustomerField.PHONE, "06 12 34 56 78")
    assert office.line().channel is Channel.SMS
    office.customers.correct("K-1", CustomerField.EMAIL, "lea@example.com")
    assert office.line().channel is Channel.EMAIL
    office.customers.correct("K-1", CustomerField.EMAIL, "")
    assert office.line().channel is Channel.SMS


def test_a_channel_that_the_source_asked_for_or_that_was_tried_stays(office: Office) -> None:
    office.bring("1", channels=["email"], customer={"email": None})
    office.bring("2")
    office.send("2")
    office.customers.correct("K-1", CustomerField.PHONE, "06 12 34 56 78")
    assert {line.channel for line in office.lines()} == {Channel.EMAIL}


def test_consoles_hear_of_a_correction_through_the_journal(office: Office) -> None:
    office.bring()
    with office.database.read() as connection:
        cursor = feed.cursor(connection)
    office.customers.correct("K-1", CustomerField.EMAIL, "other@example.com")
    with office.database.read() as connection:
        assert office.line().id in feed.changes(connection, cursor).subject_ids
