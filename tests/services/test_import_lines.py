"""What a line may say, and how a wrong one is refused: number, field, remedy."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from commtui.domain.imported import line_of
from commtui.services.import_lines import (
    LineParser,
    LineRefused,
    bounded_lines,
    json_schema,
    plain_of,
)

LINE: dict[str, Any] = {
    "id": "C-1",
    "subject": {"type": "invoice", "reference": "12345"},
    "customer": {"id": "K-1", "name": "Léa"},
    "kind": "invoice",
    "content": {"subject": "Your invoice", "text": "Hello"},
}


def line(**changes: Any) -> dict[str, Any]:
    return {**LINE, **changes}


def customer(**changes: Any) -> dict[str, Any]:
    return line(customer={**LINE["customer"], **changes})


def refusal(value: dict[str, Any] | bytes) -> LineRefused:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(LineRefused) as caught:
        LineParser().parse(raw)
    return caught.value


def plain(value: dict[str, Any]) -> dict[str, Any]:
    return plain_of(LineParser().parse(json.dumps(value).encode()), [])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff{}", "UTF-8"),
        (b'{"id": "x"', "not valid JSON"),
        (b"[1]", "one communication"),
        (b'{"id": NaN}', "NaN"),
        (b'{"context": {"a": 1e999}}', "too large"),
        (b'{"context": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested"),
        (b'{"context": ' + b"9" * 5000 + b"}", "plain number"),
    ],
)
def test_what_cannot_be_read_is_refused_as_a_line(raw: bytes, words: str) -> None:
    found = refusal(raw)
    assert found.field == "line"
    assert words in found.message


@pytest.mark.parametrize(
    ("value", "field", "words"),
    [
        ({key: LINE[key] for key in LINE if key != "id"}, "id", "missing"),
        ({key: LINE[key] for key in LINE if key != "content"}, "content", "collecting"),
        (line(id=7), "id", "text in quotes"),
        (line(id=" "), "id", "blank"),
        (line(id="x" * 201), "id", "200"),
        (line(chanels=["email"]), "chanels", "'channels'"),
        (line(channels=["fax"]), "channels.0", "sms"),
        (line(channels="email"), "channels", "list"),
        (line(purpose="spam"), "purpose", "marketing"),
        (line(release="later"), "release", "hold"),
        (line(collecting="yes"), "collecting", "true or false"),
        (line(send_at="2026-01-16T08:00:00"), "send_at", "offset"),
        (line(send_at=1768550400), "send_at", "offset"),
        (line(send_at="tomorrow"), "send_at", "offset"),
        (line(send_at="0001-01-01T00:00:00+10:00"), "send_at", "offset"),
        (
            line(send_at="2026-01-16T08:00:00Z", expires_at="2026-01-16T08:00:00+01:00"),
            "expires_at",
            "later",
        ),
        (line(content={"subject": "x"}), "content.text", "at least one"),
        (line(content={"text": "x"}), "content.subject", "subject"),
        (line(content={"subject": "x", "text": 5}), "content.text", "text in quotes"),
        (line(context={}), "context", "one of the two"),
        (customer(emial="x"), "customer.emial", "'email'"),
        (customer(name=None), "customer.name", "text in quotes"),
        (customer(country="France"), "customer.country", "ISO 3166"),
        (customer(language="French!"), "customer.language", "fr-BE"),
        (customer(address={"street": "x"}), "customer.address.zip", "2 more"),
        (customer(einvoice={"network": "fax", "id": "1"}), "customer.einvoice.network", "peppol"),
        (customer(einvoice={"network": "peppol"}), "customer.einvoice.id", "exactly one"),
        (line(documents=[{"role": "letter"}]), "documents.0", "exactly one"),
        (line(documents=[{"role": "letter", "base64": "YQ=="}]), "documents.0.name", "base64"),
        (line(documents=[{"role": "photo", "path": "a"}]), "documents.0.role", "attachment"),
        (
            line(documents=[{"role": "letter", "path": "a", "media_type": "x\r\ny/z"}]),
            "documents.0.media_type",
            "application/pdf",
        ),
        (customer(name="a\x00b"), "customer.name", "NUL"),
        (customer(name="a\ud800"), "customer.name", "surrogate"),
        (line(content=None, context={"a": {"b\x00": 1}}), "context.a.b", "NUL"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field_and_the_remedy(
    value: dict[str, Any], field: str, words: str
) -> None:
    found = refusal(value)
    assert found.field.startswith(field)
    assert words in found.message


def test_a_key_that_stands_twice_is_refused_where_it_stands() -> None:
    assert refusal(b'{"id": "a", "id": "b"}').field == "id"
    found = refusal(b'{"id": "a", "customer": {"email": "a", "email": "b"}}')
    assert found.field == "customer.email"
    assert "twice" in found.message


def test_context_has_a_limit_of_depth() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    value = {**line(context=deep)}
    del value["content"]
    assert refusal(value).field == "context"


def test_a_message_never_carries_control_characters_of_the_line() -> None:
    found = refusal(line(**{"\x1b[2J": 1}))
    assert "\x1b" not in found.field + found.message


@pytest.mark.parametrize("email", ["nobody", "a@@b", "@", "x@localhost", "é@è"])
def test_an_address_that_cannot_be_right_is_taken(email: str) -> None:
    assert plain(customer(email=f" {email} "))["customer"]["contacts"] == {"email": email}


def test_what_is_left_out_differs_from_null() -> None:
    assert plain(LINE)["customer"]["contacts"] == {}
    assert plain(customer(phone=None))["customer"]["contacts"] == {"phone": ""}
    assert "title" not in plain(LINE)["subject"]
    assert plain(line(subject={**LINE["subject"], "title": None}))["subject"]["title"] == ""


def test_lines_that_mean_the_same_have_one_hash() -> None:
    explicit = line(
        purpose="transactional",
        channels=[],
        documents=[],
        collecting=False,
        release=None,
        content={"text": "Hello", "html": "", "subject": "Your invoice"},
    )
    shuffled = dict(reversed(explicit.items()))
    assert line_of(1, plain(LINE)).line_hash == line_of(2, plain(shuffled)).line_hash
    later = line(send_at="2026-01-16T08:00:00+01:00")
    same = line(send_at="2026-01-16T07:00:00Z")
    assert line_of(1, plain(later)).line_hash == line_of(1, plain(same)).line_hash
    assert line_of(1, plain(later)).line_hash != line_of(1, plain(LINE)).line_hash


def test_times_are_kept_in_utc() -> None:
    found = line_of(1, plain(line(send_at="2026-01-16T08:00:00+01:00")))
    assert found.send_at == datetime(2026, 1, 16, 7, tzinfo=UTC)


def test_untrusted_text_stays_as_it_is() -> None:
    text = "\x1b]52;c;aGk=\x07 [/x] \u202e %_ 🎉"
    assert plain(customer(name=text))["customer"]["details"]["name"] == text


def test_a_siret_is_another_name_for_the_id_on_a_network() -> None:
    found = plain(customer(einvoice={"network": "chorus", "siret": "12345678200044"}))
    assert json.loads(found["customer"]["contacts"]["einvoice"]) == {
        "network": "chorus",
        "id": "12345678200044",
    }


def test_a_collecting_line_needs_no_content() -> None:
    value = line(collecting=True)
    del value["content"]
    assert plain(value)["collecting"] is True


def test_a_byte_order_mark_is_no_reason_to_refuse() -> None:
    LineParser().parse(b"\xef\xbb\xbf" + json.dumps(LINE).encode())


def test_a_line_that_is_too_long_is_refused_without_reading_all_of_it() -> None:
    found = list(bounded_lines(io.BytesIO(b"x" * 95 + b"\n{}\n" + b"y" * 20), limit=20))
    assert [len(raw) for raw in found] == [21, 3, 20]
    with pytest.raises(LineRefused, match="64 MiB"):
        LineParser(limit=20).parse(found[0])


def test_the_schema_is_closed_and_names_its_draft() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["required"]) == {"id", "subject", "customer", "kind"}
    assert schema["additionalProperties"] is False
    assert set(LINE) <= set(schema["properties"])
    closed = [part for part in schema["$defs"].values() if part.get("type") == "object"]
    assert closed
    assert all(part["additionalProperties"] is False for part in closed)
    json.dumps(schema)
