"""What a line of an import file may say: its schema, and refusals in words that name the remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, BinaryIO, Literal, NoReturn

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails

from commtui.domain.einvoice import InvalidRouting, Routing, routing, to_json
from commtui.domain.imported import canonical
from commtui.domain.text import line as one_line
from commtui.domain.vocabulary import Channel, DocumentRole, Purpose, Release
from commtui.errors import CommError

LINE_LIMIT = 64 * 1024 * 1024
"""Bytes of one line; documents beyond that belong in files."""
DEPTH_LIMIT = 32
"""Levels of nesting in `context`."""
_BOM = b"\xef\xbb\xbf"


class LineRefused(CommError):
    """A line cannot be taken; `field` starts with the top-level key, or is `line`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = one_line(field, 100)
        self.message = message


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("has to be a text")  # noqa: TRY004 - pydantic reports ValueError only
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def _text(limit: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=limit, pattern=r"\S")


Key = Annotated[str, _text(200)]
Word = Annotated[str, _text(100)]
Name = Annotated[str, _text(500)]
Short = Annotated[str, StringConstraints(max_length=500)]
Body = Annotated[str, StringConstraints(max_length=10_000_000)]
Group = Annotated[str, StringConstraints(max_length=200)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]
MediaType = Annotated[str, StringConstraints(pattern=r"^[\w.+-]{1,100}/[\w.+-]{1,100}$")]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Subject(_Model):
    """What the communication is about."""

    type: Word = Field(description="invoice, customer, contract…: operators filter by it")
    reference: Key = Field(description="the number that people know it by")
    title: Short | None = None


class Address(_Model):
    """A postal address."""

    name: Short | None = None
    company: Short | None = None
    street: Short
    number: Short | None = None
    pobox: Short | None = None
    zip: Short
    city: Short
    country: Country = Field(description="two letters, ISO 3166-1")


class Einvoice(_Model):
    """How the customer receives e-invoices."""

    network: Literal["chorus", "peppol"]
    id: Word | None = Field(
        None,
        description="<scheme>:<value>, such as 0208:0202239951; required unless siret is given",
    )
    siret: Word | None = Field(None, description="14 digits, instead of id")
    service_code: Word | None = None
    engagement: Word | None = None
    mandatory: bool | None = None


class Customer(_Model):
    """Who receives it; what is left out stays as it is, null erases."""

    id: Key
    name: Name
    email: Short | None = None
    phone: Short | None = None
    address: Address | None = None
    einvoice: Einvoice | None = None
    language: Language | None = None
    country: Country | None = Field(None, description="two letters, ISO 3166-1")
    location_group: Group | None = None
    opt_out: list[Literal["marketing", "email", "sms", "post", "einvoice"]] | None = Field(
        None,
        description="what the customer refuses, as the source knows it; replaces what it said before",
    )


class Content(_Model):
    """The message itself; at least one of text, html and sms, and a subject for the first two."""

    subject: Short = ""
    text: Body = ""
    html: Body = ""
    sms: Body = ""


class Document(_Model):
    """A file that goes with the message: exactly one of path and base64."""

    role: Annotated[DocumentRole, Field(strict=False)]
    path: Annotated[str, _text(4_000)] | None = Field(
        None, description="relative to the folder of the import file, and inside it"
    )
    base64: str | None = None
    name: Annotated[str, _text(255)] | None = Field(
        None, description="what the recipient sees; required with base64, else the file's own"
    )
    media_type: MediaType | None = Field(None, description="guessed from the name when left out")


class ImportLine(_Model):
    """One communication; `content` or `context` is required unless `collecting` is true."""

    id: Key = Field(description="the source system's, unique; the same id again updates")
    subject: Subject
    customer: Customer
    kind: Word = Field(description="invoice, reminder, contract, notice…: usually its template")
    purpose: Annotated[Purpose, Field(strict=False)] = Purpose.TRANSACTIONAL
    channels: list[Annotated[Channel, Field(strict=False)]] | None = Field(
        None, description="one lane each; default: the customer's order"
    )
    content: Content | None = None
    context: dict[str, Any] | None = Field(None, description="for a template")
    documents: list[Document] = Field(default_factory=list, max_length=100)
    release: Annotated[Release, Field(strict=False)] | None = None
    send_at: Moment | None = None
    expires_at: Moment | None = None
    collecting: bool = Field(
        False, description="true until a later line with the same id completes it"
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ImportLine.model_json_schema(),
        "title": "commtui import line",
    }


def bounded_lines(stream: BinaryIO, limit: int = LINE_LIMIT) -> Iterator[bytes]:
    """The lines of a file; of one that is too long only so much that it will be refused."""
    while raw := stream.readline(limit + 1):
        rest = raw
        while not rest.endswith(b"\n") and (rest := stream.readline(limit)):
            pass
        yield raw


class LineParser:
    """Turns the bytes of a line into an ImportLine; one parser reads one file."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._twice: list[tuple[dict[str, Any], str]] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=_no_constant, parse_float=_finite
        )

    def parse(self, raw: bytes) -> ImportLine:
        """The line, checked; whether its documents can be read is not. Raises LineRefused."""
        tree = self._tree(raw)
        try:
            parsed = ImportLine.model_validate(tree)
        except ValidationError as error:
            raise _refusal(error.errors(include_url=False)) from None
        _check(parsed)
        return parsed

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            self._twice.append((made, next(key for key in keys if keys.count(key) > 1)))
        return made

    def _tree(self, raw: bytes) -> dict[str, Any]:
        self._twice.clear()
        if len(raw) > self._limit:
            raise LineRefused(
                "line", "longer than 64 MiB; name large documents by `path` instead of `base64`"
            )
        try:
            tree = self._decoder.decode(raw.removeprefix(_BOM).decode("utf-8"))
        except UnicodeDecodeError as error:
            raise LineRefused(
                "line", f"not UTF-8 (byte {error.start + 1}); export the file as UTF-8"
            ) from None
        except json.JSONDecodeError as error:
            raise LineRefused(
                "line",
                f"not valid JSON: {error.msg} at character {error.colno}; "
                "write one complete JSON object per line",
            ) from None
        except RecursionError:
            raise LineRefused("line", "nested too deeply; flatten it") from None
        except ValueError as error:
            raise LineRefused("line", f"{one_line(str(error), 100)}; use a plain number") from None
        if not isinstance(tree, dict):
            raise LineRefused("line", "not a JSON object; write one communication as {…} per line")
        if self._twice:
            self._refuse_twice(tree)
        if b"\\u0000" in raw or b"\\ud" in raw or b"\\uD" in raw:
            _refuse_unstorable(tree)
        return tree

    def _refuse_twice(self, tree: dict[str, Any]) -> NoReturn:
        holder, key = self._twice[0]
        path = next((path for path, value in _walk(tree, "") if value is holder), "")
        raise LineRefused(
            f"{path}.{key}" if path else key,
            f"the key {one_line(repr(key), 60)} stands twice; keep one of them",
        )


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:20]} is too large")
    return value


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value below (and with) this one, keys of objects as texts of their own."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            below = f"{path}.{key}" if path else key
            yield below, key
            yield from _walk(inner, below)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}.{index}")


def _refuse_unstorable(tree: dict[str, Any]) -> None:
    for path, value in _walk(tree, ""):
        if isinstance(value, str):
            if "\x00" in value:
                raise LineRefused(path, "has a NUL character (\\u0000); take it out")
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise LineRefused(path, "has half a character (a lone surrogate); take it out")


def _check(line: ImportLine) -> None:
    """The rules that span several keys."""
    if line.content is not None and line.context is not None:
        raise LineRefused("context", "given beside `content`; keep one of the two")
    if line.content is None and line.context is None and not line.collecting:
        raise LineRefused(
            "content",
            "missing; give `content`, or `context` for a template, or set `collecting` to true",
        )
    if line.content is not None and not line.collecting:
        _check_content(line.content)
    if line.context is not None and _depth(line.context) > DEPTH_LIMIT:
        raise LineRefused("context", f"nested more than {DEPTH_LIMIT} levels deep; flatten it")
    if line.send_at and line.expires_at and line.expires_at <= line.send_at:
        raise LineRefused("expires_at", "not after `send_at`; give a later time, or leave it out")
    einvoice = line.customer.einvoice
    if einvoice is not None:
        _routing(einvoice)
    for index, document in enumerate(line.documents):
        if (document.path is None) == (document.base64 is None):
            raise LineRefused(f"documents.{index}", "give exactly one of `path` and `base64`")
        if document.path is None and document.name is None:
            raise LineRefused(f"documents.{index}.name", "missing; required with `base64`")


def _routing(given: Einvoice) -> Routing:
    if (given.id is None) == (given.siret is None):
        raise LineRefused("customer.einvoice.id", "give exactly one of `id` and `siret`")
    try:
        return routing(
            given.network,
            given.siret or given.id or "",
            service_code=given.service_code or "",
            engagement=given.engagement or "",
            mandatory=given.mandatory,
        )
    except InvalidRouting as error:
        name = "siret" if given.siret is not None else "id"
        raise LineRefused(f"customer.einvoice.{name}", str(error)) from None


def _check_content(content: Content) -> None:
    if not (content.text.strip() or content.html.strip() or content.sms.strip()):
        raise LineRefused("content.text", "missing; give at least one of `text`, `html` and `sms`")
    if (content.text.strip() or content.html.strip()) and not content.subject.strip():
        raise LineRefused("content.subject", "missing; `text` and `html` need a subject")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(inner) for inner in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(inner) for inner in value), default=0)
    return 0


def plain_of(line: ImportLine, documents: list[list[str]]) -> dict[str, Any]:
    """The line as plain JSON values, the same for lines that mean the same; documents by their hash."""
    customer = line.customer
    given = customer.model_fields_set
    subject = {"type": line.subject.type, "reference": line.subject.reference}
    if "title" in line.subject.model_fields_set:
        subject["title"] = line.subject.title or ""
    return {
        "id": line.id,
        "subject": subject,
        "customer": {
            "id": customer.id,
            "details": {name: text for name, text in _details(customer).items() if name in given},
            "contacts": {name: text for name, text in _contacts(customer).items() if name in given},
            **({"opt_out": sorted(set(customer.opt_out or ()))} if "opt_out" in given else {}),
        },
        "kind": line.kind,
        "purpose": line.purpose.value,
        "channels": list(dict.fromkeys(channel.value for channel in line.channels or ())),
        "content": None if line.content is None else line.content.model_dump(),
        "context": line.context,
        "documents": documents,
        "release": line.release.value if line.release else None,
        "send_at": line.send_at.isoformat() if line.send_at else None,
        "expires_at": line.expires_at.isoformat() if line.expires_at else None,
        "collecting": line.collecting,
    }


def _details(customer: Customer) -> dict[str, str]:
    return {
        "name": customer.name,
        "language": (customer.language or "").lower().replace("_", "-"),
        "country": (customer.country or "").upper(),
        "location_group": customer.location_group or "",
    }


def _contacts(customer: Customer) -> dict[str, str]:
    address, einvoice = "", ""
    if customer.address is not None:
        values = customer.address.model_dump(exclude_none=True)
        address = canonical({**values, "country": values["country"].upper()})
    if customer.einvoice is not None:
        einvoice = canonical(to_json(_routing(customer.einvoice)))
    return {
        "email": (customer.email or "").strip(),
        "phone": (customer.phone or "").strip(),
        "address": address,
        "einvoice": einvoice,
    }


# refusals in words

_WANTED = {
    "string_type": "has to be a text in quotes",
    "bool_type": "has to be true or false",
    "list_type": "has to be a list [ … ]",
    "dict_type": "has to be an object { … }",
    "model_type": "has to be an object { … }",
    "model_attributes_type": "has to be an object { … }",
    "too_long": "has too many items",
}


def _refusal(errors: list[ErrorDetails]) -> LineRefused:
    first = errors[0]
    path = [str(part) for part in first["loc"]]
    more = f" ({len(errors) - 1} more in this line)" if len(errors) > 1 else ""
    return LineRefused(".".join(path), _words(first, path) + more)


def _words(error: ErrorDetails, path: list[str]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    found = one_line(repr(error.get("input")), 60)
    if kind in _WANTED:
        return f"is {found}; it {_WANTED[kind]}"
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "string_pattern_mismatch":
        return _pattern_words(path[-1], found)
    words = {
        "missing": "missing; add it",
        "enum": f"is {found}; allowed are {context.get('expected')}",
        "literal_error": f"is {found}; allowed are {context.get('expected')}",
        "string_too_long": f"longer than {context.get('max_length')} characters; shorten it",
        "string_too_short": "empty; give a value",
        "value_error": f"is {found}; write date, time and offset as in 2026-01-16T08:00:00+01:00",
    }
    return words.get(kind) or one_line(error["msg"], 200)


def _pattern_words(key: str, found: str) -> str:
    wanted = {
        "country": "write two letters such as FR (ISO 3166-1)",
        "language": "write a language tag such as fr or fr-BE",
        "media_type": "write a media type such as application/pdf",
    }.get(key)
    return f"is {found}; {wanted}" if wanted else "blank; give a value"


_MODELS: dict[str, type[BaseModel]] = {
    "subject": Subject,
    "customer": Customer,
    "customer.address": Address,
    "customer.einvoice": Einvoice,
    "content": Content,
    "documents": Document,
}


def _unknown_key(path: list[str]) -> str:
    parent = ".".join(part for part in path[:-1] if not part.isdigit())
    allowed = list(_MODELS.get(parent, ImportLine).model_fields)
    close = get_close_matches(path[-1], allowed, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
    return f"unknown key; {hint}"
