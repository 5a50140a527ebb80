"""Downloads: what is in the ZIP, what it is called, and that nobody finds half of one."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commtui.domain.lines import Query, Selection
from commtui.domain.vocabulary import Channel, ErrorClass, Status, Tab
from commtui.errors import DatabaseAway, Refused
from tests.services.conftest import Office, selected

PDF = b"%PDF-1.7 \x00\xff bytes"


def document(name: str, content: bytes = PDF) -> dict[str, str]:
    """An attachment as a line brings it."""
    encoded = base64.b64encode(content).decode()
    return {
        "role": "attachment",
        "base64": encoded,
        "name": name,
        "media_type": "application/pdf",
    }


def manifest(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    """The rows of manifest.csv, as a spreadsheet reads them."""
    raw = archive.read("manifest.csv")
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def records(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    """The lines of manifest.jsonl."""
    return [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


def test_a_line_brings_its_documents_and_what_was_sent(office: Office, tmp_path: Path) -> None:
    office.bring(
        documents=[document("Rechnung März.pdf")],
        content={"subject": "Your invoice", "text": "Hello\n", "html": "<p>Hé</p>"},
    )
    entry = office.send(
        "12345", Channel.EMAIL, (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "550 no user")
    )
    made = office.downloads.download(selected(office.line()), tmp_path / "out.zip")
    assert (made.lines, made.files) == (1, 3)
    assert made.size == (tmp_path / "out.zip").stat().st_size
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        by_ending = {name.split(entry[-8:])[-1]: name for name in archive.namelist()}
        assert archive.read(by_ending["-Rechnung-Marz.pdf"]) == PDF
        assert archive.read(by_ending["-invoice-12345-email.html"]) == "<p>Hé</p>".encode()
        text = archive.read(by_ending["-invoice-12345-email.txt"]).decode()
        assert text == "Subject: Your invoice\n\nHello\n"
        row = manifest(archive)[0]
        assert row["error_message"] == "550 no user"
        assert row["status"] == "bounced"
        assert row["documents"].split() == [
            by_ending["-invoice-12345-email.txt"],
            by_ending["-invoice-12345-email.html"],
            by_ending["-Rechnung-Marz.pdf"],
        ]
        assert row["sha256"].split()[2] == hashlib.sha256(PDF).hexdigest()
        record = records(archive)[0]
        assert record["id"] == office.line().id
        assert record["files"][2]["name"] == "Rechnung März.pdf"


def test_on_the_log_an_entry_brings_the_version_that_it_sent(
    office: Office, tmp_path: Path
) -> None:
    office.bring(channels=["email", "sms"], content={"subject": "A", "text": "one", "sms": "sms"})
    first = office.send(
        "12345", Channel.EMAIL, (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "no")
    )
    office.bring(channels=["email", "sms"], content={"subject": "B", "text": "two", "sms": "sms"})
    second = office.send("12345", Channel.SMS)
    for entry, expected in ((first, ["Subject: A\n\none"]), (second, ["sms"])):
        target = tmp_path / f"{entry}.zip"
        made = office.downloads.download(Selection(Tab.LOG, (entry,)), target)
        with zipfile.ZipFile(made.path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("manifest")]
            assert [archive.read(name).decode() for name in names] == expected


def test_names_are_plain_and_each_only_once(office: Office, tmp_path: Path) -> None:
    names = [
        "../../etc/passwd",
        "a\\b\\CON.pdf",
        "Invoice.PDF",
        "invoice.pdf",
        "смета.pdf",
        "x" * 250,
    ]
    office.bring(documents=[document(name) for name in names])
    made = office.downloads.download(selected(office.line()), tmp_path / "out.zip")
    with zipfile.ZipFile(made.path) as archive:
        found = archive.namelist()
    assert len({name.lower() for name in found}) == len(found) == len(names) + 3
    for name in found:
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>|')
        assert name.startswith(("manifest.", f"{office.line().acted_at:%Y-%m-%d}-"))
        assert len(name) < 130
    assert any(name.endswith("-passwd.bin") for name in found)
    assert any(name.endswith("-document.pdf") for name in found)


def test_no_cell_is_taken_for_a_formula_and_the_records_keep_what_was_there(
    office: Office, tmp_path: Path
) -> None:
    office.bring(customer={"name": "=HYPERLINK(1)"})
    office.send(
        "12345", Channel.EMAIL, (Status.BOUNCED, ErrorClass.PERMANENT, "5.1.1", "  @SUM(1)\nb")
    )
    made = office.downloads.download(selected(office.line()), tmp_path / "out.zip")
    with zipfile.ZipFile(made.path) as archive:
        row, record = manifest(archive)[0], records(archive)[0]
    assert row["customer_name"] == "'=HYPERLINK(1)"
    assert row["error_message"] == "'  @SUM(1)\nb"
    assert record["customer"]["name"] == "=HYPERLINK(1)"
    assert record["error"]["message"] == "  @SUM(1)\nb"


def test_many_lines_go_in_batches_and_progress_is_told(office: Office, tmp_path: Path) -> None:
    for number in range(120):
        office.bring(str(number + 10000))
    told: list[tuple[int, int]] = []
    everything = Selection(Tab.OVERVIEW, query=Query())
    made = office.downloads.download(
        everything, tmp_path / "out.zip", lambda done, total: told.append((done, total))
    )
    assert made.lines == made.files == 120
    assert told == [(50, 120), (100, 120), (120, 120)]
    with zipfile.ZipFile(made.path) as archive:
        assert len(manifest(archive)) == len(records(archive)) == 120


def test_the_file_is_the_operators_alone(office: Office, tmp_path: Path) -> None:
    office.bring()
    made = office.downloads.download(selected(office.line()), tmp_path / "out.zip")
    assert stat.S_IMODE(Path(made.path).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob(".commtui-*")] == []


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(
    office: Office, tmp_path: Path
) -> None:
    office.bring()
    target = tmp_path / "out.zip"
    target.write_text("mine")
    with pytest.raises(Refused, match="exists already"):
        office.downloads.download(selected(office.line()), target)
    assert target.read_text() == "mine"
    office.downloads.download(selected(office.line()), target, overwrite=True)
    assert zipfile.is_zipfile(target)


def test_a_file_that_appears_meanwhile_is_kept_too(office: Office, tmp_path: Path) -> None:
    office.bring()
    target = tmp_path / "out.zip"
    with pytest.raises(Refused, match="exists already"):
        office.downloads.download(
            selected(office.line()), target, lambda done, total: target.write_text("mine") and None
        )
    assert target.read_text() == "mine"
    assert [path.name for path in tmp_path.glob("*.part")] == []


@pytest.mark.parametrize(
    ("target", "words"), [("missing/out.zip", "no such folder"), ("", "is a folder")]
)
def test_a_path_that_cannot_be_written_is_refused(
    office: Office, tmp_path: Path, target: str, words: str
) -> None:
    office.bring()
    with pytest.raises(Refused, match=words):
        office.downloads.download(selected(office.line()), tmp_path / target)


def test_nothing_is_left_behind_when_it_breaks_off(office: Office, tmp_path: Path) -> None:
    office.bring()

    def break_off(done: int, total: int) -> None:
        raise DatabaseAway("gone")

    folder = tmp_path / "downloads"
    folder.mkdir()
    with pytest.raises(DatabaseAway):
        office.downloads.download(selected(office.line()), folder / "out.zip", break_off)
    assert list(folder.iterdir()) == []
