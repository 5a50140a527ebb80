"""TLS to PostgreSQL: a server elsewhere has to prove that it is the one whose name the URL has."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

from commtui.errors import ConfigError

DEMANDED = "verify-full"
"""libpq's sslmode that encrypts, trusts known authorities only, and compares the host's name."""
_OWN_AUTHORITIES = "~/.postgresql/root.crt"
"""Where libpq itself looks for them."""


def demanded(url: str) -> Mapping[str, str]:
    """The connection parameters that make a server elsewhere prove itself; none for one on this machine.

    Raises ConfigError when the URL asks for less.
    """
    given = _parameters(url)
    if all(map(_is_here, _hosts(given))):
        return {}
    mode = given.get("sslmode", DEMANDED)
    if mode != DEMANDED:
        raise ConfigError(
            f"database.url: sslmode={mode} does not make the server prove who it is; leave it out for "
            f'{DEMANDED}, or set database.tls = "as-url" if that is meant'
        )
    authorities = given.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if authorities is None and not Path(_OWN_AUTHORITIES).expanduser().is_file():
        authorities = "system"
    return {"sslmode": DEMANDED, **({"sslrootcert": authorities} if authorities else {})}


def _parameters(url: str) -> dict[str, str]:
    """What the URL tells libpq. Raises ConfigError, without the URL's password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error:
        raise ConfigError(
            "database.url cannot be read as the address of a PostgreSQL database; "
            "it has to be like postgresql://user@host:port/db?sslmode=verify-full"
        ) from None


def _hosts(given: Mapping[str, str]) -> list[str]:
    """Every host that may be called, by name where there is one: that is what a certificate is for."""
    named = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or ""
    return [host.strip() for host in named.split(",")]


def _is_here(host: str) -> bool:
    """Whether a connection stays on this machine; an empty host and a path are sockets of the file system."""
    if not host or host[0] in "/@" or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
