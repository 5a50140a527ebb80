"""Documents that imported lines name or carry: read safely, and stored before the lines that need them."""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import mimetypes
import os
import stat
from pathlib import Path

from commtui.services.import_lines import Document, LineRefused
from commtui.store.engine import Database
from commtui.store.import_documents import store_documents

DOCUMENT_LIMIT = 30 * 1024 * 1024
"""Bytes of one document: what the most generous provider takes."""
HELD_LIMIT = 4 * 1024 * 1024
"""Bytes of documents that wait in memory for being stored."""
_OUTSIDE = "leads out of the folder of the import; put the file inside it"


class DocumentReader:
    """Reads the documents of one import, whose paths are relative to `folder`, into the database."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._database = database
        self._folder = folder.resolve() if folder is not None else None
        self._held: dict[str, bytes] = {}
        self._size = 0

    def read(self, documents: list[Document]) -> list[list[str]]:
        """Role, name, media type and SHA-256 of each; `flush` before a line names them. Raises LineRefused."""
        return [self._one(document, f"documents.{i}") for i, document in enumerate(documents)]

    def flush(self) -> None:
        """Store what waits."""
        if self._held:
            store_documents(self._database, self._held)
        self._held, self._size = {}, 0

    def _one(self, document: Document, field: str) -> list[str]:
        if document.path is not None:
            content = self._file(document.path, f"{field}.path")
        else:
            content = _decoded(document.base64 or "", f"{field}.base64")
        if not content:
            place = "path" if document.path is not None else "base64"
            raise LineRefused(f"{field}.{place}", "the document is empty; export it again")
        name = document.name or Path(document.path or "").name
        media_type = document.media_type or mimetypes.guess_type(name, strict=False)[0]
        if media_type is None:
            raise LineRefused(
                f"{field}.media_type",
                "missing, and the name does not tell it; add one such as application/pdf",
            )
        sha256 = hashlib.sha256(content).hexdigest()
        self._hold(sha256, content)
        return [document.role.value, name, media_type, sha256]

    def _hold(self, sha256: str, content: bytes) -> None:
        if sha256 not in self._held:
            self._held[sha256] = content
            self._size += len(content)
        if self._size >= HELD_LIMIT:
            self.flush()

    def _file(self, path: str, field: str) -> bytes:
        if self._folder is None:
            raise LineRefused(
                field, "lines from standard input need `--documents DIR`, the folder of the files"
            )
        if Path(path).is_absolute():
            raise LineRefused(field, "absolute; write it relative to the folder of the import")
        try:
            found = (self._folder / path).resolve(strict=True)
            if not found.is_relative_to(self._folder):
                raise LineRefused(field, _OUTSIDE)
            return _content(self._folder, found.relative_to(self._folder), field)
        except FileNotFoundError:
            raise LineRefused(field, "no such file; export it, or correct the path") from None
        except (OSError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise LineRefused(field, _OUTSIDE) from None
            reason = error.strerror if isinstance(error, OSError) else None
            raise LineRefused(
                field, f"cannot be read ({reason or 'a loop of links'}); correct it and try again"
            ) from None


def _content(folder: Path, path: Path, field: str) -> bytes:
    """The bytes of a resolved path; a component that became a link meanwhile is not followed."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for depth, part in enumerate(path.parts, 1):
            last = depth == len(path.parts)
            kind = os.O_NONBLOCK if last else os.O_DIRECTORY
            inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=handle)
            os.close(handle)
            handle = inner
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise LineRefused(field, "not a regular file; name one")
        _check_size(info.st_size, field)
        with os.fdopen(os.dup(handle), "rb") as stream:
            content = stream.read(DOCUMENT_LIMIT + 1)
        _check_size(len(content), field)
        return content
    finally:
        os.close(handle)


def _decoded(text: str, field: str) -> bytes:
    _check_size(len(text) // 4 * 3 - 2, field)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise LineRefused(
            field, "not Base64; use the standard alphabet with padding, without line breaks"
        ) from None


def _check_size(size: int, field: str) -> None:
    if size > DOCUMENT_LIMIT:
        raise LineRefused(field, "larger than 30 MB, the limit for one document; make it smaller")
