"""Writing to the terminal: untrusted text made safe, questions on standard error, results on standard output."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Sequence

from commtui.domain.text import line, safe


def say(words: str) -> None:
    """One line of a result."""
    sys.stdout.write(words + "\n")


def say_json(value: object, *, indent: int | None = None) -> None:
    """A result for scripts, readable, but for what could steer a terminal."""
    readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not readable, indent=indent)
    sys.stdout.write("".join(map(_escaped, text)) + "\n" if not text.isprintable() else text + "\n")


def _escaped(char: str) -> str:
    return char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]


def say_csv(rows: Iterable[Iterable[str]]) -> None:
    """Rows for spreadsheets, as they are unless they go to a terminal."""
    shown = safe if sys.stdout.isatty() else str
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in rows:
        writer.writerow([shown(cell) for cell in row])


def warn(words: str) -> None:
    """One line beside the result."""
    sys.stderr.write(f"commtui: {line(words, 2_000)}\n")
    sys.stderr.flush()


def table(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
    """Rows in columns; the last one is as wide as it needs."""
    for row in rows:
        cells = [line(cell, 500) for cell in row]
        fitted = [cell[:width].ljust(width) for cell, width in zip(cells, widths, strict=False)]
        say("  ".join([*fitted, *cells[len(widths) :]]).rstrip())


def interactive() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """An answer typed by somebody; empty at the end of input."""
    sys.stderr.write(question + " ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def silence() -> None:
    """Whoever read our output is gone: have the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
