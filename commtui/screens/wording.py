"""Errors in words: what happened, what it means, what to do."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from commtui.errors import Ambiguous, ConfigError, DatabaseAway, NotFound, Refused, UsageError


class Unexpected(Exception):
    """A fault of our own; what it was stands in the log file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in words."""

    title: str
    sentence: str
    remedy: str


_TITLES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        DatabaseAway,
        "Database away",
        "The console reconnects by itself. Nothing that was confirmed is lost.",
    ),
    (Refused, "Not done", ""),
    (
        NotFound,
        "Not there",
        "It may have been removed from the list meanwhile; r loads the list anew.",
    ),
    (Ambiguous, "Not clear", ""),
    (UsageError, "That cannot be done", ""),
    (ConfigError, "A setting is wrong", "Correct it and start commtui again."),
)


def describe(error: Exception) -> Problem:
    """An error as an operator should read it."""
    for kind, title, remedy in _TITLES:
        if isinstance(error, kind):
            return Problem(title, str(error), remedy)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Problem(
                "Disk full",
                "There is no room left where this had to be written.",
                "Free some space, or choose another folder, and try again.",
            )
        return Problem("File trouble", error.strerror or "The file cannot be used.", "")
    return Problem(
        "Something went wrong inside commtui",
        str(error),
        "Nothing was sent twice by it. The log file says more; r loads the list anew.",
    )
