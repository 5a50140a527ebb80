"""Places that settings name outside the database: what is wrong with one, in words, or None."""

from __future__ import annotations

import shlex
from pathlib import PurePath
from urllib.parse import urlsplit


def absolute(value: str) -> str | None:
    """A file by its whole path: a worker's folder is not the operator's."""
    return None if PurePath(value).is_absolute() else "it has to be an absolute path"


def syslog(value: str) -> str | None:
    """A socket, or a host and port."""
    if value.startswith("/"):
        return None
    try:
        parts = urlsplit(f"//{value}")
        valid = bool(parts.hostname) and parts.path == "" and (parts.port or 0) > 0
    except ValueError:
        valid = False
    return None if valid else "it has to be host:port, or the absolute path of a socket"


def program(value: str) -> str | None:
    """A program by its whole path, with arguments."""
    try:
        first = shlex.split(value)[0]
    except (ValueError, IndexError):
        return "it has to be a program and its arguments, quoted as in a shell"
    return absolute(first)
