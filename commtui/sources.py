"""Where settings come from: one TOML file, the environment above it, and for secrets systemd or a file of their own."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast, get_type_hints

from commtui.errors import ConfigError
from commtui.secrecy import MASK, Secret, credential, holds_secret, refuse_wide, secret_file

PREFIX = "COMMTUI_"
Check = Callable[[str, str, Any, str], None]
"""Told section, key, value and place; raises ConfigError."""


def read(path: Path) -> dict[str, Any]:
    """The file's tables. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def hints(cls: type[Any]) -> dict[str, Any]:
    """The types of a class of settings."""
    return get_type_hints(cls)


@dataclass(frozen=True)
class Sources:
    """The places of one start."""

    file: str
    tree: Mapping[str, Any]
    environ: Mapping[str, str]
    check: Check

    def section(self, name: str, cls: type[Any]) -> Any:
        """A section's settings. Raises ConfigError."""
        table = self.tree.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(
                f"{self.file}: {name} is a single value; it has to be a section [{name}]"
            )
        built = {}
        for item in fields(cls):
            kind = hints(cls)[item.name]
            built[item.name] = self.value(name, item.name, kind, getattr(cls(), item.name))
        return cls(**built)

    def value(self, section: str, attribute: str, kind: type[Any], default: Any) -> Any:
        """One setting, from the first place that has it. Raises ConfigError."""
        key = attribute.rstrip("_")
        place, found = self._set(section, key)
        if found is None and kind is Secret:
            place, found = self._kept_elsewhere(section, key)
        if found is None:
            return default
        value = _convert(found, kind, place)
        self.check(section, key, value, place)
        return value

    def _set(self, section: str, key: str) -> tuple[str, Any]:
        """Place and value in environment or file; None when it is not set, which an empty value is not either."""
        variable = PREFIX + (f"{section}__{key}" if section else key).upper()
        if found := self.environ.get(variable):
            return f"environment {variable}", found
        table = self.tree.get(section, {}) if section else self.tree
        dotted = f"{section}.{key}" if section else key
        found = table.get(key)
        return f"{self.file}: {dotted}", None if found == "" else found

    def _kept_elsewhere(self, section: str, key: str) -> tuple[str, Any]:
        """A secret among systemd's credentials, or in a file of its own that `<key>_file` names."""
        if found := credential(self.environ, f"{section}.{key}"):
            return found
        place, path = self._set(section, f"{key}_file")
        if not isinstance(path, str):
            return place, None
        return f"{place}: {path}", secret_file(Path(path).expanduser())

    def _refuse_open(
        self, section: str, table: Mapping[str, Any], kinds: Mapping[str, Any]
    ) -> None:
        """A file that holds secrets is for its owner alone, whether or not they are the ones used."""
        for key, value in table.items():
            if kinds.get(key) is Secret and holds_secret(f"{section}.{key}", value):
                refuse_wide(Path(self.file), f"holds a secret ({section}.{key})")

    def refuse_unknown(self, cls: type[Any]) -> None:
        """Raise ConfigError for a key, or a variable of a section, that does not exist."""
        known = {item.name: item for item in fields(cls)}
        known_hints = hints(cls)
        for name, value in self.tree.items():
            _known(self.file, name, list(known))
            if isinstance(value, dict) and is_dataclass(known_hints[name]):
                allowed = _keys(known_hints[name])
                for key in value:
                    _known(self.file, key, allowed, f"{name}.")
                self._refuse_open(name, value, hints(known_hints[name]))
        allowed_variables = [
            f"{PREFIX}{name}__{key}".upper()
            for name in known
            if is_dataclass(known_hints[name])
            for key in _keys(cast("type[Any]", known_hints[name]))
        ]
        sections = tuple(
            f"{PREFIX}{name}__".upper() for name in known if is_dataclass(known_hints[name])
        )
        for variable in self.environ:
            if variable.startswith(sections):
                _known("environment", variable, allowed_variables)


def _keys(cls: type[Any]) -> list[str]:
    """The keys of a section; a secret may also stand in a file that `<key>_file` names."""
    names = [item.name.rstrip("_") for item in fields(cls)]
    return names + [f"{name}_file" for name in names if hints(cls).get(name) is Secret]


def _known(place: str, name: str, allowed: list[str], prefix: str = "") -> None:
    if name in allowed:
        return
    close = get_close_matches(name, allowed, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed are: {', '.join(sorted(allowed))}"
    raise ConfigError(f"{place}: unknown key '{prefix}{name}'; {hint}")


def _convert(found: Any, kind: type[Any], place: str) -> Any:
    shown = MASK if kind is Secret else repr(found)
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(found, bool):
            return found
        if isinstance(found, str) and found.lower() in words:
            return words[found.lower()]
        raise ConfigError(f"{place} is {shown}; allowed are true and false")
    if kind in (int, float):
        try:
            return _number(found, kind)
        except (TypeError, ValueError, OverflowError):
            wanted = "a whole number" if kind is int else "a number"
            raise ConfigError(f"{place} is {shown}; it has to be {wanted}") from None
    if not isinstance(found, str):
        raise ConfigError(f"{place} is {shown}; it has to be a text in quotes")
    return kind(found)


def _number(found: Any, kind: type[Any]) -> Any:
    """The number, when nothing is lost by taking it for one."""
    if isinstance(found, bool):
        raise TypeError
    number = kind(found)
    if not math.isfinite(number) or (isinstance(found, float) and number != found):
        raise ValueError
    return number
