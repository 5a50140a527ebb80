"""Download: a ZIP with the documents and the sent content of lines, and a manifest of them.

It is written beside its destination and moved there whole, so nobody ever finds half of one.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from commtui.domain.lines import Selection
from commtui.domain.views import Download
from commtui.domain.vocabulary import Author, Channel
from commtui.errors import Refused
from commtui.services.auditing import filter_words
from commtui.services.filenames import Names, split
from commtui.services.lists import matching_ids
from commtui.services.records import flat, record
from commtui.store import audits, downloads
from commtui.store.downloads import Item
from commtui.store.engine import Database
from commtui.store.overview import batches

BATCH = 50
"""Lines held in memory at once; documents one by one."""
AUDITED = 500
"""Ids in one row of the audit trail."""
SPOOLED = 1024 * 1024
"""Bytes of each manifest that stay in memory."""


class Downloads:
    """Writes downloads."""

    def __init__(self, database: Database, author: Author) -> None:
        self._database = database
        self._author = author

    def download(
        self,
        selection: Selection,
        path: Path,
        progress: Callable[[int, int], None] | None = None,
        *,
        overwrite: bool = False,
    ) -> Download:
        """Write the ZIP; `progress` hears how many lines of how many are in.

        Raises Refused when the path cannot be written, or is taken and `overwrite` is not given.
        """
        _refuse_path(path, overwrite=overwrite)
        ids = list(matching_ids(self._database, selection))
        with (
            _written(path, overwrite=overwrite) as file,
            _opened(_Archive(self._database, file)) as archive,
        ):
            done = 0
            for batch in batches(ids, BATCH):
                for item in downloads.items(self._database, selection.tab, batch):
                    archive.add(item)
                done += len(batch)
                if progress is not None:
                    progress(done, len(ids))
        self._audit(selection, ids, archive.files)
        return Download(str(path.absolute()), archive.lines, archive.files, path.stat().st_size)

    def _audit(self, selection: Selection, ids: list[str], files: int) -> None:
        """What left the log in a file, with the ids of all its lines; who may change nothing leaves no trace here."""
        if self._database.read_only:
            return
        for batch in batches(ids, AUDITED):
            with self._database.write() as connection:
                audits.write(
                    connection,
                    self._database,
                    self._author,
                    "download",
                    batch,
                    {"lines": len(ids), "files": files},
                    filter_words(selection),
                )


def _refuse_path(path: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise Refused(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise Refused(f"{path.parent}: there is no such folder; make it first")
    if path.exists() and not overwrite:
        raise Refused(f"{path} exists already; name another file")


@contextlib.contextmanager
def _written(path: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file of our own that becomes `path` once it is whole and on the disk."""
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=".commtui-", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        _move(temporary, path, overwrite=overwrite)
        _sync_folder(path.parent)
    except FileExistsError:
        raise Refused(f"{path} exists already; name another file") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _move(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """A hard link refuses a name that somebody took meanwhile; not every file system has them."""
    if overwrite:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError from None
        temporary.replace(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Archive:
    """The ZIP while it is written."""

    def __init__(self, database: Database, file: IO[bytes]) -> None:
        self.lines = 0
        self.files = 0
        self._database = database
        self._names = Names()
        self._parts = contextlib.ExitStack()
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._table = self._parts.enter_context(tempfile.SpooledTemporaryFile(SPOOLED))  # noqa: SIM115
        self._records = self._parts.enter_context(tempfile.SpooledTemporaryFile(SPOOLED))  # noqa: SIM115
        self._row([*_columns(), "documents", "sha256"], first=True)

    def add(self, item: Item) -> None:
        """Everything of one line."""
        made: list[dict[str, Any]] = []
        at = item.line.acted_at.astimezone(UTC)
        identifier = item.line.entry_id or item.line.communication_id
        words = f"{item.line.category} {item.line.reference}"
        for kind, extension, text in _texts(item):
            name = self._names.take(at, identifier, f"{words} {kind}", extension)
            content = text.encode("utf-8", "surrogatepass")
            made.append(self._write(at, name, content, {"role": "content"}))
        for document in item.documents:
            stem, extension = split(document.name)
            name = self._names.take(at, identifier, stem, extension)
            content = downloads.content_of(self._database, document.sha256)
            about = {
                "role": document.role.value,
                "name": document.name,
                "media_type": document.media_type,
            }
            made.append(self._write(at, name, content, about))
        self._list(item, made)
        self.lines += 1

    def _write(
        self, at: datetime, name: str, content: bytes, about: dict[str, str]
    ) -> dict[str, Any]:
        self._zip.writestr(_info(at, name), content)
        self.files += 1
        sha256 = hashlib.sha256(content).hexdigest()
        return {"file": name, **about, "size": len(content), "sha256": sha256}

    def _list(self, item: Item, made: list[dict[str, Any]]) -> None:
        values = record(item.line)
        cells = flat(values)
        files = [entry["file"] for entry in made]
        hashes = [entry["sha256"] for entry in made]
        self._row([*(cells[name] for name in _columns()), " ".join(files), " ".join(hashes)])
        full = json.dumps({**values, "version": item.version, "files": made}, ensure_ascii=True)
        self._records.write(full.encode() + b"\n")

    def _row(self, cells: list[str], *, first: bool = False) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerow(cells)
        encoding = "utf-8-sig" if first else "utf-8"
        self._table.write(text.getvalue().encode(encoding, "backslashreplace"))

    def finish(self) -> None:
        """Put the manifests in."""
        now = datetime.now(UTC)
        for name, spooled in (("manifest.csv", self._table), ("manifest.jsonl", self._records)):
            spooled.seek(0)
            with self._zip.open(_info(now, name), "w", force_zip64=True) as target:
                shutil.copyfileobj(spooled, target)

    def close(self) -> None:
        """End the archive, finished or not: a ZIP that is only collected complains on the terminal."""
        with self._parts:
            self._zip.close()


@contextlib.contextmanager
def _opened(archive: _Archive) -> Iterator[_Archive]:
    """The archive, finished unless something went wrong."""
    try:
        yield archive
        archive.finish()
    finally:
        archive.close()


def _columns() -> list[str]:
    """The manifest's columns, in the order in which somebody reads them."""
    return [
        "subject_type",
        "subject_reference",
        "subject_title",
        "customer_id",
        "customer_name",
        "kind",
        "channel",
        "recipient",
        "status",
        "chip",
        "error_class",
        "error_code",
        "error_message",
        "created_at",
        "sent_at",
        "updated_at",
        "attempts",
        "ignored",
        "provider",
        "note",
        "location_group",
        "id",
        "subject_id",
        "communication_id",
        "entry_id",
    ]


def _texts(item: Item) -> Iterator[tuple[str, str, str]]:
    """Word, extension and text of what was sent, or of what will be."""
    content = item.content
    word = "email" if Channel.EMAIL in item.channels else "message"
    written = any(channel is not Channel.SMS for channel in item.channels)
    if written and (content.text or content.subject):
        yield word, "txt", f"Subject: {content.subject}\n\n{content.text}"
    if written and content.html:
        yield word, "html", content.html
    if content.sms and (Channel.SMS in item.channels or Channel.MANUAL in item.channels):
        yield "sms", "txt", content.sms


def _info(at: datetime, name: str) -> zipfile.ZipInfo:
    made = (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second)
    info = zipfile.ZipInfo(name, made)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
