"""TLS to PostgreSQL: a server elsewhere has to prove its name to a trusted authority, or nothing is said to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from commtui.bootstrap import open_database
from commtui.config import Database as DatabaseSettings
from commtui.config import Secret, Settings
from commtui.errors import ConfigError, DatabaseAway
from commtui.store.engine import Database
from commtui.store.postgresql_tls import demanded
from tests.tls import Authority, Terminator

NAME = "db.example.com"


class Far:
    """A server that is elsewhere by its name, with the way to it over the terminator."""

    def __init__(self, folder: Path, server: str) -> None:
        self.authority = Authority(folder, "right")
        self.other = Authority(folder, "wrong")
        parts = urlsplit(server)
        (folder_of_socket,) = parse_qs(parts.query)["host"]
        self._user = parts.username or "postgres"
        self._socket = (
            f"{folder_of_socket}/.s.PGSQL.{parse_qs(parts.query).get('port', ['5432'])[0]}"
        )
        self._terminators: list[Terminator] = []

    def behind(self, certified: str, by: Authority | None = None) -> Terminator:
        """A terminator with a certificate for this name."""
        made = Terminator((by or self.authority).server(certified), self._socket)
        self._terminators.append(made)
        return made

    def url(self, terminator: Terminator, **parameters: str) -> str:
        """The database as `NAME`, whose address is the terminator's."""
        given = {"host": NAME, "hostaddr": "127.0.0.1", "port": str(terminator.port), **parameters}
        query = "&".join(f"{key}={value}" for key, value in given.items())
        return f"postgresql://{self._user}:far-away-password@/postgres?{query}"

    def close(self) -> None:
        for made in self._terminators:
            made.close()


@pytest.fixture
def far(tmp_path: Path, postgresql_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    made = Far(tmp_path, postgresql_server)
    yield made
    made.close()


def asked(url: str, *, verified: bool = True) -> bool:
    """Whether the database answers over this URL."""
    database = Database(url, verified=verified)
    try:
        with database.read() as connection:
            return bool(connection.execute(sa.text("SELECT true")).scalar_one())
    finally:
        database.close()


def test_the_right_authority_and_name_pass_and_the_line_is_encrypted(far: Far) -> None:
    server = far.behind(NAME)
    assert asked(far.url(server, sslrootcert=str(far.authority.file)))
    assert (server.encrypted, server.plain) == (1, 0)


def test_an_authority_in_the_usual_place_of_libpq_is_trusted(far: Far, tmp_path: Path) -> None:
    place = tmp_path / ".postgresql" / "root.crt"
    place.parent.mkdir()
    place.write_bytes(far.authority.file.read_bytes())
    assert demanded(far.url(far.behind(NAME))) == {"sslmode": "verify-full"}
    assert asked(far.url(far.behind(NAME)))


def test_another_authority_is_refused(far: Far) -> None:
    server = far.behind(NAME, far.other)
    with pytest.raises(DatabaseAway, match="certificate verify failed") as raised:
        asked(far.url(server, sslrootcert=str(far.authority.file)))
    assert "far-away-password" not in str(raised.value)
    assert server.plain == 0


def test_another_hosts_certificate_is_refused(far: Far) -> None:
    server = far.behind("other.example.com")
    with pytest.raises(DatabaseAway, match="does not match host name"):
        asked(far.url(server, sslrootcert=str(far.authority.file)))
    assert server.plain == 0


def test_without_a_named_authority_those_of_the_system_count(far: Far) -> None:
    url = far.url(far.behind(NAME))
    assert demanded(url) == {"sslmode": "verify-full", "sslrootcert": "system"}
    with pytest.raises(DatabaseAway, match="certificate verify failed"):
        asked(url)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_a_weaker_mode_is_refused_unless_it_is_set_to_be_meant(far: Far, mode: str) -> None:
    server = far.behind("other.example.com", far.other)
    url = far.url(server, sslmode=mode)
    settings = Settings(database=DatabaseSettings(Secret(url)))
    with pytest.raises(ConfigError, match=r'database\.tls = "as-url"') as raised:
        open_database(settings)
    assert "far-away-password" not in str(raised.value)
    assert (server.encrypted, server.plain) == (0, 0)
    if mode != "verify-ca":
        assert asked(url, verified=False)
        assert (server.encrypted > 0) == (mode in ("prefer", "require"))


def test_the_environment_does_not_weaken_it(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")
    server = far.behind(NAME, far.other)
    with pytest.raises(DatabaseAway, match="certificate verify failed"):
        asked(far.url(server, sslrootcert=str(far.authority.file)))
    assert server.plain == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app@/db",
        "postgresql://app@localhost/db",
        "postgresql://app@127.0.0.1:5432/db",
        "postgresql://app@[::1]/db",
        "postgresql://app@/db?host=/var/run/postgresql",
        "postgresql://app@localhost/db?sslmode=disable",
    ],
)
def test_a_server_on_this_machine_needs_no_certificate(url: str) -> None:
    assert demanded(url) == {}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app@db.example.com/db",
        "postgresql://app@10.0.0.7/db",
        "postgresql://app@localhost,db.example.com/db",
        "postgresql://app@/db?host=db.example.com&hostaddr=127.0.0.1",
        "postgresql://app@localhost.example.com/db",
        "postgresql://app@/db?hostaddr=192.0.2.7",
    ],
)
def test_a_server_elsewhere_does(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demanded(url)["sslmode"] == "verify-full"


def test_a_host_out_of_the_environment_is_elsewhere_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert demanded("postgresql:///db")["sslmode"] == "verify-full"


def test_a_url_that_cannot_be_read_does_not_come_back_with_its_password() -> None:
    with pytest.raises(ConfigError) as raised:
        demanded("postgresql://app:hush%zz-secret@db.example.com/db?nonsense=1")
    assert "hush" not in str(raised.value)
