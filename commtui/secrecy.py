"""What must not be seen: secrets and where they come from, and files that only their owner may open."""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from commtui.errors import ConfigError

MASK = "••••"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The environment variable in which systemd names the folder of a service's credentials."""
SHORTEST = 6
"""Characters; a shorter value is too likely to stand in a text by chance to be taken out of it."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SIZE_LIMIT = 65_536
"""Bytes of a file with one secret."""


class Secret(str):
    """A setting that is never printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'" if self else "''"


_PASSWORDS = (
    re.compile(r"^((?:[\w+.-]+://)?[^:/?#]*):(?!//).*@", re.DOTALL),
    re.compile(r"(password\s*=\s*)(?:'[^']*'|[^&\s]*)", re.IGNORECASE),
)


def mask_url(url: str) -> str:
    """A database or service URL without its passwords, whether or not it is one that can be read."""
    hidden = _PASSWORDS[0].sub(rf"\1:{MASK}@", str(url))
    return _PASSWORDS[1].sub(rf"\1{MASK}", hidden)


def holds_secret(key: str, value: object) -> bool:
    """Whether a setting's value is one to hide: of a database's URL, only when a password stands in it."""
    if not isinstance(value, str) or not value:
        return False
    return mask_url(value) != value if key == "database.url" else True


class Masking:
    """Takes known secrets out of texts, in the forms in which requests carry them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Hide these; a database's URL stands for the password in it, and a list of keys for each of them."""
        forms: set[str] = set()
        for secret in secrets:
            for part in _parts(secret):
                if len(part) >= SHORTEST:
                    forms |= _forms(part)
        ordered = sorted(forms, key=len, reverse=True)
        self._forms = tuple(form.encode() for form in ordered)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, words: str) -> str:
        """The words without them."""
        return self._pattern.sub(MASK, words) if self._pattern else words

    def content(self, body: bytes) -> bytes:
        """The bytes without them."""
        for form in self._forms:
            if form in body:
                body = body.replace(form, MASK.encode())
        return body


def _parts(secret: str) -> list[str]:
    if "://" in secret:
        try:
            password = urlsplit(secret).password
        except ValueError:
            password = None
        return [password] if password else []
    return [secret, *(part.strip() for part in secret.split(","))]


def _forms(secret: str) -> set[str]:
    """As it is, in a URL or a form, in JSON, and in base64."""
    encoded = base64.b64encode(secret.encode("utf-8", "replace")).decode()
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    return {secret, quote(secret, safe=""), escaped, encoded}


def credential(environ: Mapping[str, str], dotted: str) -> tuple[str, str] | None:
    """Place and value of a secret among the service's systemd credentials, named as its setting. Raises ConfigError.

    Who may read these files is systemd's business: it hands them out with access lists of its own.
    """
    folder = environ.get(CREDENTIALS, "")
    path = Path(folder, dotted)
    if not folder or not path.is_file():
        return None
    return str(path), _content(path)


def secret_file(path: Path) -> str:
    """The secret in a file of its own, without the line's end. Raises ConfigError when others may read it."""
    refuse_wide(path, "holds a secret")
    return _content(path)


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_SIZE_LIMIT).decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is no text; a secret is one line of it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def refuse_wide(path: Path, why: str, *, missing: bool = False) -> None:
    """Refuse a file or folder that others than its owner may use; it may be `missing`.

    Raises ConfigError, which names the remedy.
    """
    try:
        found = path.stat().st_mode
    except OSError as error:
        if missing and isinstance(error, FileNotFoundError):
            return
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if not found & _OTHERS:
        return
    wanted, kind = ("700", "folder") if stat.S_ISDIR(found) else ("600", "file")
    raise ConfigError(
        f"{path}: this {kind} {why}, and others than its owner may use it (mode "
        f"{stat.S_IMODE(found):04o}); close it: chmod {wanted} {path}"
    )


def private_folder(path: Path, why: str) -> Path:
    """A folder for its owner alone, made if it is missing. Raises ConfigError when it is open to others.

    Folders above it that are missing are made as narrow: one of them may be ours as well.
    """
    try:
        for folder in (*reversed(path.parents), path):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made: {error.strerror}") from None
    refuse_wide(path, why)
    return path
