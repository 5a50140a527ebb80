"""Documents of imported lines: where they may lie, how they are stored, why they are refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from commtui.config import Settings
from commtui.domain.vocabulary import Author
from commtui.services import import_documents
from commtui.services.importing import Importer, ImportResult
from commtui.store.engine import Database
from commtui.store.tables import communication, communication_document, document

PDF = b"%PDF-1.7 invoice"


def run(database: Database, folder: Path | None, *lines: list[dict[str, Any]]) -> ImportResult:
    """Import one communication per list of documents."""
    raw = [
        json.dumps(
            {
                "id": f"C-{number}",
                "subject": {"type": "invoice", "reference": str(number)},
                "customer": {"id": "K-1", "name": "Léa"},
                "kind": "invoice",
                "content": {"subject": "s", "text": "t"},
                "documents": documents,
            }
        ).encode()
        for number, documents in enumerate(lines, 1)
    ]
    return Importer(database, Settings(), Author("rosa")).run(raw, documents=folder)


def attachment(**values: Any) -> dict[str, Any]:
    return {"role": "attachment", "media_type": "application/pdf", **values}


def stored(database: Database, version: int = 1) -> list[tuple[str, str, str, bytes]]:
    with database.read() as connection:
        rows = connection.execute(
            sa.select(communication_document, document.c.content)
            .join(document, document.c.sha256 == communication_document.c.sha256)
            .where(communication_document.c.version == version)
            .order_by(communication_document.c.communication_id, communication_document.c.position)
        )
        return [(row.role, row.name, row.media_type, row.content) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of documents beside one that must not be reached."""
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    (inside / "sub" / "bill.pdf").write_bytes(PDF)
    (inside / "empty.pdf").touch()
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    (inside / "out.pdf").symlink_to(tmp_path / "secret.pdf")
    (inside / "up").symlink_to(tmp_path)
    (inside / "alias.pdf").symlink_to("sub/bill.pdf")
    (inside / "loop").symlink_to("loop")
    os.mkfifo(inside / "pipe.pdf")
    return inside


def test_documents_come_from_files_and_from_base64(database: Database, folder: Path) -> None:
    result = run(
        database,
        folder,
        [
            {"role": "letter", "path": "sub/bill.pdf"},
            attachment(base64=base64.b64encode(b"<xml/>").decode(), name="a.xml"),
            attachment(path="alias.pdf", name="Rechnung.pdf"),
        ],
    )
    assert result == ImportResult(created=1)
    assert stored(database) == [
        ("letter", "bill.pdf", "application/pdf", PDF),
        ("attachment", "a.xml", "application/pdf", b"<xml/>"),
        ("attachment", "Rechnung.pdf", "application/pdf", PDF),
    ]


def test_the_same_bytes_are_stored_once(database: Database, folder: Path) -> None:
    run(database, folder, *([attachment(path="sub/bill.pdf")] for _ in range(3)))
    with database.read() as connection:
        rows = connection.execute(sa.select(document)).all()
    assert [(row.sha256, row.size) for row in rows] == [(hashlib.sha256(PDF).hexdigest(), len(PDF))]


def test_a_file_that_changed_makes_a_new_version(database: Database, folder: Path) -> None:
    run(database, folder, [attachment(path="sub/bill.pdf")])
    assert run(database, folder, [attachment(path="sub/bill.pdf")]) == ImportResult(unchanged=1)
    (folder / "sub" / "bill.pdf").write_bytes(b"%PDF-1.7 corrected")
    assert run(database, folder, [attachment(path="sub/bill.pdf")]) == ImportResult(updated=1)
    with database.read() as connection:
        assert connection.execute(sa.select(communication.c.version)).scalar_one() == 2
    assert stored(database, 1)[0][3] == PDF
    assert stored(database, 2)[0][3] == b"%PDF-1.7 corrected"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../secret.pdf", "leads out"),
        ("out.pdf", "leads out"),
        ("up/secret.pdf", "leads out"),
        ("sub/../../secret.pdf", "leads out"),
        ("/etc/hostname", "relative"),
        ("missing.pdf", "no such file"),
        ("sub", "not a regular file"),
        (".", "not a regular file"),
        ("pipe.pdf", "not a regular file"),
        ("sub/bill.pdf/x", "leads out"),
        ("loop", "loop"),
        ("empty.pdf", "empty"),
    ],
)
def test_a_path_that_is_no_file_of_the_folder_is_refused(
    database: Database, folder: Path, path: str, words: str
) -> None:
    result = run(database, folder, [attachment(path="sub/bill.pdf"), attachment(path=path)])
    assert [(item.line, item.field) for item in result.refused] == [(1, "documents.1.path")]
    assert words in result.refused[0].message
    assert stored(database) == []


def test_standard_input_needs_a_folder_for_paths(database: Database) -> None:
    result = run(database, None, [attachment(path="a.pdf")])
    assert "--documents" in result.refused[0].message


@pytest.mark.parametrize("text", ["YQ=", "Y Q==", "YQ==YQ==", "_-8=", "é", ""])
def test_base64_that_is_not_exact_is_refused(database: Database, text: str) -> None:
    result = run(database, None, [attachment(base64=text, name="a.pdf")])
    assert [item.field for item in result.refused] == ["documents.0.base64"]


def test_a_media_type_that_cannot_be_guessed_has_to_be_given(
    database: Database, folder: Path
) -> None:
    (folder / "data").write_bytes(b"x")
    result = run(database, folder, [{"role": "attachment", "path": "data"}])
    assert [item.field for item in result.refused] == ["documents.0.media_type"]


def test_a_document_that_is_too_large_is_refused(database: Database, folder: Path) -> None:
    with (folder / "large.pdf").open("wb") as stream:
        stream.truncate(import_documents.DOCUMENT_LIMIT + 1)
    result = run(database, folder, [attachment(path="large.pdf")])
    assert "30 MB" in result.refused[0].message
