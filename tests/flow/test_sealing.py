"""A worker's sealing: the chain grows, and its head goes where the database cannot reach it."""

from __future__ import annotations

import logging
import shlex
import socket
import sys
from pathlib import Path

import pytest

from commtui.config import Seals
from commtui.domain.vocabulary import Status
from commtui.errors import ConfigError
from commtui.services.sealing import Sealing, head_line, read_heads
from commtui.store import seals
from commtui.store.tables import entry
from tests.office import Office, message
from tests.store.recording import checked, unguarded, written


def worked(office: Office, reference: str) -> None:
    """Something to seal."""
    office.put(message(reference))
    office.send(reference)
    office.report_on(reference, Status.DELIVERED)


def test_heads_go_to_a_file_that_verification_reads(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "seals"
    sealing = Sealing(office.database, Seals(every_seconds=0.001, file=str(file)))
    for reference in ("1", "2"):
        worked(office, reference)
        assert sealing.step() > 0
    assert sealing.step() == 0
    with office.database.read() as connection:
        kept = {link.number: link.hash for link in seals.chain(connection)}
    assert read_heads(file) == kept
    assert list(kept) == [1, 2]
    assert file.stat().st_mode & 0o777 == 0o600


def test_heads_go_to_syslog(office: Office) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        place = f"127.0.0.1:{server.getsockname()[1]}"
        worked(office, "1")
        Sealing(office.database, Seals(syslog=place)).step()
        said = server.recv(1000).decode().rstrip("\x00")
    with office.database.read() as connection:
        made = seals.head(connection)
    assert made is not None
    assert said.endswith(f"commtui seal {head_line(made)}")


def test_heads_go_to_a_command_without_a_shell(office: Office, tmp_path: Path) -> None:
    told = tmp_path / "told; touch x"
    script = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    command = shlex.join([sys.executable, "-c", script, str(told)])
    worked(office, "1")
    Sealing(office.database, Seals(command=command)).step()
    number, hash_, _, records = told.read_text().split()
    assert (number, len(hash_), int(records) > 0) == ("1", 64, True)


def test_a_head_that_could_not_be_told_is_told_later(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "away"
    file = folder / "seals"
    sealing = Sealing(office.database, Seals(every_seconds=3600.0, file=str(file)))
    worked(office, "1")
    with caplog.at_level(logging.WARNING):
        assert sealing.step() > 0
    assert "seals.file: seal 1 was not told" in caplog.text
    folder.mkdir()
    assert sealing.step() == 0
    assert list(read_heads(file)) == [1]


def test_a_worker_that_ends_seals_what_is_left(office: Office) -> None:
    sealing = Sealing(office.database, Seals(every_seconds=3600.0))
    worked(office, "1")
    assert sealing.step() > 0
    worked(office, "2")
    assert sealing.step() == 0
    sealing.rest()
    report = checked(office.database)
    assert (report.findings, report.seals, report.waiting) == ((), 2, 0)


def test_a_record_that_is_gone_is_said_once_and_stops_the_chain(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    known = written(office)
    with unguarded(office.database) as connection:
        connection.execute(entry.delete().where(entry.c.id == known.young))
    sealing = Sealing(office.database, Seals(every_seconds=0.001))
    assert (sealing.step(), sealing.step()) == (0, 0)
    said = [record for record in caplog.records if known.young in record.getMessage()]
    assert len(said) == 1


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "seals"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_heads(file)
    file.write_text("1 abc\n")
    with pytest.raises(ConfigError, match="not a line of seals"):
        read_heads(file)
    hash_ = "0" * 64
    file.write_text(f"\n<86>Jan 16 host commtui seal 7 {hash_} 2026-01-16T09:42:00+00:00 12\n")
    assert read_heads(file) == {7: hash_}
