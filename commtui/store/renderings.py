"""What templates made of a communication's context: stored once, so that what was sent can be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from commtui.domain.imported import digest
from commtui.domain.vocabulary import DocumentRole
from commtui.store.evidences import put_document
from commtui.store.inserts import insert
from commtui.store.overview import batches
from commtui.store.sends import contact_points
from commtui.store.tables import communication, content, customer, subject, subject_text
from commtui.store.tables_wishes import rendered_document, template

LETTER_NAME = "letter.pdf"


@dataclass(frozen=True, slots=True)
class Made:
    """What a template made for one communication."""

    template_version: str
    context: Mapping[str, Any]
    subject: str = ""
    text: str = ""
    html: str = ""
    sms: str = ""
    offers_letter: bool = False
    """The template can make a letter, too."""
    letter: bytes | None = None
    letter_for: str = ""
    """The address printed in the letter."""

    @property
    def content_hash(self) -> str:
        """As an imported content's: of the texts, then of the documents."""
        letter = [hashlib.sha256(self.letter).hexdigest()] if self.letter else []
        return digest([self.subject, self.text, self.html, self.sms]) + digest(letter)


@dataclass(frozen=True, slots=True)
class Source:
    """A communication whose texts come from a template, with everything they are made from."""

    communication_id: str
    version: int
    kind: str
    language: str
    country: str
    postal: str
    context: Mapping[str, Any]
    """The source's, with customer, subject and kind added."""
    rendering: int
    """The newest rendering; 0: there is none yet."""
    template_version: str
    content_hash: str
    letter_for: str
    made_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored rendering of a letter with the template that made it, as it was then."""

    kind: str
    language: str
    sources: Mapping[str, str]
    made: Made


def sources(connection: sa.Connection, communication_ids: Sequence[str]) -> list[Source]:
    """The communications among these whose texts come from a template."""
    found = []
    for ids in batches(communication_ids):
        rows = connection.execute(
            sa.select(
                communication.c.id,
                communication.c.version,
                communication.c.kind,
                content.c.context,
                customer.c.id.label("customer_id"),
                customer.c.external_id,
                customer.c.name,
                customer.c.language,
                customer.c.country,
                subject.c.type,
                subject.c.reference,
                subject_text.c.title,
            )
            .join(
                content,
                sa.and_(
                    content.c.communication_id == communication.c.id,
                    content.c.version == communication.c.version,
                    content.c.rendering == 0,
                ),
            )
            .join(customer, customer.c.id == communication.c.customer_id)
            .join(subject, subject.c.id == communication.c.subject_id)
            .outerjoin(subject_text, subject_text.c.subject_id == subject.c.id)
            .where(
                communication.c.id.in_(ids),
                content.c.context.is_not(None),
                ~communication.c.collecting,
            )
        ).all()
        if not rows:
            continue
        newest = _newest(connection, [row.id for row in rows])
        points = contact_points(connection, [row.customer_id for row in rows])
        found += [
            _source(row, newest.get((row.id, row.version)), points.get(row.customer_id))
            for row in rows
        ]
    return found


def _newest(connection: sa.Connection, ids: Sequence[str]) -> dict[tuple[str, int], Any]:
    newest: dict[tuple[str, int], Any] = {}
    query = sa.select(
        content.c.communication_id,
        content.c.version,
        content.c.rendering,
        content.c.template_version,
        content.c.content_hash,
        content.c.letter_for,
        content.c.created_at,
    ).where(content.c.communication_id.in_(ids), content.c.rendering > 0)
    for row in connection.execute(query.order_by(content.c.rendering)):
        newest[(row.communication_id, row.version)] = row
    return newest


def _source(row: Any, newest: Any, points: Any) -> Source:
    return Source(
        communication_id=row.id,
        version=row.version,
        kind=row.kind,
        language=row.language,
        country=row.country,
        postal=points.postal if points else "",
        context={
            **row.context,
            "kind": row.kind,
            "customer": {
                "id": row.external_id,
                "name": row.name,
                "language": row.language,
                "country": row.country,
            },
            "subject": {"type": row.type, "reference": row.reference, "title": row.title or ""},
        },
        rendering=newest.rendering if newest else 0,
        template_version=newest.template_version if newest else "",
        content_hash=newest.content_hash if newest else "",
        letter_for=newest.letter_for if newest else "",
        made_at=newest.created_at if newest else None,
    )


def put(
    connection: sa.Connection, communication_id: str, version: int, made: Made, now: datetime
) -> int:
    """Store a rendering; returns its number, the one after the newest."""
    key = {"communication_id": communication_id, "version": version}
    # another process may be storing the same one
    connection.execute(
        sa.select(communication.c.id)
        .where(communication.c.id == communication_id)
        .with_for_update()
    )
    newest = connection.execute(
        sa.select(sa.func.max(content.c.rendering)).where(
            content.c.communication_id == communication_id, content.c.version == version
        )
    ).scalar_one()
    number = int(newest) + 1
    connection.execute(
        insert(connection, content).values(
            **key,
            rendering=number,
            subject=made.subject,
            text=made.text,
            html=made.html,
            sms=made.sms,
            context=dict(made.context),
            template_version=made.template_version,
            letter_for=made.letter_for,
            offers_letter=made.offers_letter,
            content_hash=made.content_hash,
            created_at=now,
        )
    )
    if made.letter:
        connection.execute(
            insert(connection, rendered_document).values(
                **key,
                rendering=number,
                role=DocumentRole.LETTER.value,
                name=LETTER_NAME,
                media_type="application/pdf",
                sha256=put_document(connection, made.letter),
            )
        )
    return number


def keep_template(
    connection: sa.Connection,
    version: str,
    kind: str,
    language: str,
    files: Mapping[str, str],
    now: datetime,
) -> None:
    """Keep a template's files as of a version: letters are made anew from the same ones."""
    connection.execute(
        insert(connection, template)
        .values(version=version, kind=kind, language=language, sources=dict(files), created_at=now)
        .on_conflict_do_nothing()
    )


def kept(
    connection: sa.Connection, communication_id: str, version: int, rendering: int
) -> Kept | None:
    """A rendering with its template; None when a template did not make it."""
    row = connection.execute(
        sa.select(content, template.c.kind, template.c.language, template.c.sources)
        .join(template, template.c.version == content.c.template_version)
        .where(
            content.c.communication_id == communication_id,
            content.c.version == version,
            content.c.rendering == rendering,
        )
    ).first()
    if row is None:
        return None
    made = Made(
        template_version=row.template_version,
        context=row.context or {},
        subject=row.subject,
        text=row.text,
        html=row.html,
        sms=row.sms,
        offers_letter=row.offers_letter,
        letter_for=row.letter_for,
    )
    return Kept(row.kind, row.language, row.sources, made)
