"""`import` and `schema`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from commtui.bootstrap import open_database, operator
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.domain.text import line
from commtui.errors import UsageError
from commtui.services.import_lines import bounded_lines, json_schema
from commtui.services.importing import Importer, ImportResult

BAR_WIDTH = 30


def run_import(chosen: argparse.Namespace, settings: Settings) -> int:
    """Read communications from a file or from standard input."""
    with _opened(chosen.file) as stream:
        database = open_database(settings)
        try:
            importer = Importer(database, settings, operator(settings))
            bar = _Bar(stream)
            folder = chosen.documents or (None if chosen.file == "-" else Path(chosen.file).parent)
            if folder is not None and not folder.is_dir():
                raise UsageError(f"--documents {folder}: there is no such folder")
            result = importer.run(
                bounded_lines(stream),
                documents=folder,
                atomic=chosen.atomic,
                progress=bar.show if sys.stderr.isatty() else None,
            )
            bar.clear()
        finally:
            database.close()
    _report(result, as_json=chosen.json)
    return 1 if result.refused else 0


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: SIM115 - what goes wrong while it is read is not about opening
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None
    with file:
        yield file


def _report(result: ImportResult, *, as_json: bool) -> None:
    if as_json:
        refused = [
            {"line": item.line, "field": item.field, "message": item.message}
            for item in result.refused
        ]
        counts = (result.created, result.updated, result.unchanged)
        say_json(
            dict(zip(("created", "updated", "unchanged"), counts, strict=True))
            | {"refused": refused}
        )
        return
    say(
        f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged, "
        f"{len(result.refused)} refused"
    )
    for item in result.refused:
        sys.stderr.write(f"line {item.line}: {line(item.field, 100)}: {line(item.message, 500)}\n")


class _Bar:
    """How far a file is read, on one line of the terminal."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        try:
            self._size = os.fstat(stream.fileno()).st_size
        except OSError:
            self._size = 0
        self._shown = ""

    def show(self, lines: int) -> None:
        """So many lines are read."""
        words = f"{lines} lines"
        if self._size and self._stream.seekable():
            part = min(self._stream.tell() / self._size, 1.0)
            full = int(part * BAR_WIDTH)
            words = f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] {part:>4.0%}  {words}"
        if words != self._shown:
            sys.stderr.write(f"\r{words}")
            sys.stderr.flush()
            self._shown = words

    def clear(self) -> None:
        """Leave the line empty."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * len(self._shown)}\r")
            sys.stderr.flush()


def run_schema(_chosen: argparse.Namespace, _settings: Settings) -> int:
    """Print the JSON Schema of a line."""
    say_json(json_schema(), indent=2)
    return 0
