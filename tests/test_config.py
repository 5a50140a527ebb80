"""Settings: from file and environment, checked, and never printing a secret."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from commtui import config
from commtui.config import Secret, Settings, default_path, load, mask_url
from commtui.errors import ConfigError

VALUES: dict[str, Any] = {
    "operator": "rosa",
    "mode": "practice",
    "read_only": True,
    "database.url": "postgresql://app:hush@db.example:5432/commtui",
    "database.tls": "as-url",
    "ui.timezone": "Europe/Paris",
    "ui.ascii": True,
    "sending.release": "auto",
    "sending.grace_seconds": 2.5,
    "sending.country": "DE",
    "worker.lease_seconds": 45.5,
    "worker.concurrency": 3,
    "worker.request_seconds": 12.0,
    "worker.retry_seconds": 2.5,
    "worker.pause_seconds": 90.0,
    "worker.outage_limit": 7,
    "web.host": "0.0.0.0",
    "web.port": 8080,
    "web.public_url": "https://hooks.example.com/commtui",
    "web.reserve_mb": 64,
    "sendgrid.api_key": "SG.key",
    "sendgrid.base_url": "https://api.eu.sendgrid.com",
    "sendgrid.from_email": "billing@example.com",
    "sendgrid.from_name": "Aurore Énergie",
    "sendgrid.webhook_public_key": "MFkw",
    "sendgrid.asm_group_id": 12345,
    "twilio.account_sid": "AC1",
    "twilio.auth_token": "new,old",
    "twilio.from": "+33639981200",
    "twilio.messaging_service_sid": "MG1",
    "twilio.base_url": "http://127.0.0.1:9000",
    "twilio.opt_out_text": "No more: example.com/stop",
    "ping.client_id": "ping-app",
    "ping.client_secret": "ping-secret",
    "ping.organisation": "5b6f0e7a",
    "ping.webhook_key": "ping-key",
    "ping.base_url": "http://127.0.0.1:9001",
    "ping.identity_url": "http://127.0.0.1:9002",
    "ping.product": "fast",
    "ping.print_mode": "duplex",
    "ping.print_spectrum": "color",
    "ping.address_position": "left",
    "chorus.client_id": "piste-app",
    "chorus.client_secret": "piste-secret",
    "chorus.login": "TECH_1_x@cpro.fr",
    "chorus.password": "chorus-password",
    "chorus.base_url": "http://127.0.0.1:9003",
    "chorus.token_url": "http://127.0.0.1:9003/token",
    "peppol.api_key": "peppol-key",
    "peppol.sender_id": "0208:0202239951",
    "peppol.webhook_secret": "peppol-webhook",
    "peppol.base_url": "http://127.0.0.1:9004",
    "peppol.dns": "127.0.0.1:5353",
    "peppol.zone": "participant.sml.test.tech.peppol.org",
    "fallback.automatic": False,
    "fallback.cap_per_hour": 10,
    "fallback.chains": "reminder: sms, email, manual",
    "templates.folder": "/srv/templates",
    "seals.every_seconds": 30.0,
    "seals.file": "/mnt/elsewhere/seals",
    "seals.syslog": "logs.example.com:514",
    "seals.command": "/usr/local/bin/tell --quietly",
    "retention.events_days": 30,
    "test.email": "qa@example.com",
    "test.sms": "+33612345678",
    "test.post": "QA; 1 rue Essai; 75001 Paris",
}
SECRETS = (
    "database.url",
    "sendgrid.api_key",
    "sendgrid.webhook_public_key",
    "twilio.auth_token",
    "ping.client_secret",
    "ping.webhook_key",
    "chorus.client_secret",
    "chorus.password",
    "peppol.api_key",
    "peppol.webhook_secret",
)
NUMBERS = [key for key, value in VALUES.items() if type(value) in (int, float)]


def keys(settings: Settings) -> dict[str, Any]:
    """Every setting there is, by its key."""
    found: dict[str, Any] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        if is_dataclass(value):
            for inner in fields(value):
                found[f"{item.name}.{inner.name.rstrip('_')}"] = getattr(value, inner.name)
        else:
            found[item.name] = value
    return found


def kind_of(key: str) -> type[Any]:
    section, _, name = key.rpartition(".")
    owner = get_type_hints(Settings)[section] if section else Settings
    hints = get_type_hints(owner)
    found: type[Any] = hints.get(name) or hints[f"{name}_"]
    return found


def variable(key: str) -> str:
    return "COMMTUI_" + key.replace(".", "__").upper()


def toml(values: Mapping[str, Any]) -> str:
    lines = []
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        lines.append(f"{section}.{name} = {json.dumps(value)}".removeprefix("."))
    return "\n".join(lines)


class Source:
    """Reads settings from a file of its own and a given environment."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self, text: str = "", **environ: str) -> Settings:
        self.file.write_text(text, encoding="utf-8")
        self.file.chmod(0o600)
        return load(self.file, environ)

    def complaint(self, text: str = "", **environ: str) -> str:
        with pytest.raises(ConfigError) as raised:
            self.read(text, **environ)
        return str(raised.value)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "commtui.toml")


def test_the_table_of_this_test_has_every_setting() -> None:
    assert list(keys(Settings())) == list(VALUES)


@pytest.mark.parametrize("key", VALUES)
def test_a_setting_is_read_from_the_file(source: Source, key: str) -> None:
    found = keys(source.read(toml({key: VALUES[key]})))
    assert found == {**keys(Settings()), key: VALUES[key]}
    assert type(found[key]) is kind_of(key)


@pytest.mark.parametrize("key", VALUES)
def test_a_setting_is_read_from_the_environment(source: Source, key: str) -> None:
    found = keys(source.read("", **{variable(key): str(VALUES[key])}))
    assert found == {**keys(Settings()), key: VALUES[key]}
    assert type(found[key]) is kind_of(key)


def test_all_settings_together_are_read_from_sections(source: Source) -> None:
    assert keys(source.read(toml(VALUES))) == VALUES


def test_the_sender_of_text_messages_has_the_name_that_twilio_gives_it(source: Source) -> None:
    settings = source.read('[twilio]\nfrom = "in the file"', COMMTUI_TWILIO__FROM="ACME")
    assert settings.twilio.from_ == "ACME"
    assert "unknown key 'twilio.from_'" in source.complaint('[twilio]\nfrom_ = "ACME"')


def test_the_environment_wins_over_the_file(source: Source) -> None:
    settings = source.read(
        'operator = "file"\n[sending]\nrelease = "auto"\ncountry = "DE"',
        COMMTUI_OPERATOR="environment",
        COMMTUI_SENDING__RELEASE="hold",
    )
    assert (settings.operator, settings.sending.release) == ("environment", "hold")
    assert settings.sending.country == "DE"


def test_a_value_of_the_environment_that_is_empty_counts_as_not_there(source: Source) -> None:
    text = '[sending]\nrelease = "auto"'
    assert source.read(text, COMMTUI_SENDING__RELEASE="").sending.release == "auto"


@pytest.mark.parametrize("key", [key for key in VALUES if isinstance(VALUES[key], str)])
def test_a_text_in_the_file_that_is_empty_counts_as_not_there(source: Source, key: str) -> None:
    assert source.read(toml({key: ""})) == Settings()


def test_as_it_is_shipped_nothing_leaves_by_itself() -> None:
    settings = Settings()
    assert settings.sending.release == "hold"
    assert (settings.web.host, settings.web.public_url) == ("127.0.0.1", "")
    assert (settings.operator, settings.zone) == ("", None)


@pytest.mark.parametrize("word", ["true", "True", "1", "yes"])
def test_yes_has_several_words_in_the_environment(source: Source, word: str) -> None:
    assert source.read("", COMMTUI_UI__ASCII=word).ui.ascii is True


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no"])
def test_no_has_several_words_in_the_environment(source: Source, word: str) -> None:
    assert source.read("", COMMTUI_FALLBACK__AUTOMATIC=word).fallback.automatic is False


WRONG: list[tuple[str, Any, str]] = [
    ("sending.release", "later", "allowed are auto, hold"),
    ("sending.release", "Hold", "allowed are auto, hold"),
    ("sending.country", "france", "it has to be a country code such as FR"),
    ("sending.country", "fr", "it has to be a country code such as FR"),
    ("ui.timezone", "Europe/Nowhere", "it has to be a time zone such as Europe/Paris"),
    ("ui.timezone", "../../etc/passwd", "it has to be a time zone such as Europe/Paris"),
    ("ui.ascii", "maybe", "allowed are true and false"),
    ("worker.lease_seconds", 0.0, "it has to be more than 0"),
    ("worker.lease_seconds", "long", "it has to be a number"),
    ("worker.lease_seconds", "nan", "it has to be a number"),
    ("worker.lease_seconds", "inf", "it has to be a number"),
    ("worker.concurrency", -1, "it has to be more than 0"),
    ("worker.concurrency", "1.5", "it has to be a whole number"),
    ("worker.request_seconds", 0.0, "it has to be more than 0"),
    ("worker.retry_seconds", -0.5, "it has to be more than 0"),
    ("worker.pause_seconds", 0.0, "it has to be more than 0"),
    ("worker.outage_limit", 0, "it has to be more than 0"),
    ("sending.grace_seconds", -1.0, "it has to be 0 or more"),
    ("web.port", 65536, "it has to be a port from 0 to 65535"),
    ("seals.every_seconds", 0.0, "it has to be more than 0"),
    ("seals.file", "seals", "it has to be an absolute path"),
    (
        "seals.syslog",
        "logs.example.com",
        "it has to be host:port, or the absolute path of a socket",
    ),
    ("seals.command", "tell --all", "it has to be an absolute path"),
    (
        "seals.command",
        "/bin/tell 'all",
        "it has to be a program and its arguments, quoted as in a shell",
    ),
    ("web.port", "http", "it has to be a whole number"),
    ("web.public_url", "hooks.example.com", "it has to be a URL such as https://hooks.example.com"),
    ("web.public_url", "https://h.example:x", "it has to be a URL such as"),
    ("web.public_url", "https://h.example/#x", "it has to be a URL such as"),
    ("sendgrid.base_url", "ftp://x", "it has to be a URL such as"),
    ("twilio.base_url", "https://", "it has to be a URL such as"),
]


@pytest.mark.parametrize(("key", "value", "remedy"), WRONG)
def test_a_wrong_value_names_file_key_value_and_remedy(
    source: Source, key: str, value: Any, remedy: str
) -> None:
    said = source.complaint(toml({key: value}))
    assert said.startswith(f"{source.file}: {key} is {value!r}; ")
    assert remedy in said


@pytest.mark.parametrize(("key", "value", "remedy"), WRONG)
def test_a_wrong_value_names_the_variable_it_came_from(
    source: Source, key: str, value: Any, remedy: str
) -> None:
    said = source.complaint("", **{variable(key): str(value)})
    assert said.startswith(f"environment {variable(key)} is ")
    assert str(value) in said
    assert remedy in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("web.port = 80.5", "web.port is 80.5; it has to be a whole number"),
        ("web.port = inf", "web.port is inf; it has to be a whole number"),
        ("worker.lease_seconds = inf", "worker.lease_seconds is inf; it has to be a number"),
        ("worker.lease_seconds = nan", "worker.lease_seconds is nan; it has to be a number"),
        ("worker.concurrency = true", "worker.concurrency is True; it has to be a whole number"),
        ("worker.concurrency = [1]", "worker.concurrency is [1]; it has to be a whole number"),
        ("ui.ascii = 1", "ui.ascii is 1; allowed are true and false"),
        ("operator = 5", "operator is 5; it has to be a text in quotes"),
        ("sending.country = 33", "sending.country is 33; it has to be a text in quotes"),
        ("web = 5", "web is a single value; it has to be a section [web]"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(source: Source, line: str, said: str) -> None:
    assert source.complaint(line) == f"{source.file}: {said}"


@pytest.mark.parametrize("key", NUMBERS)
def test_a_whole_number_written_with_a_point_is_still_one(source: Source, key: str) -> None:
    section, _, name = key.rpartition(".")
    assert keys(source.read(f"[{section}]\n{name} = 4.0"))[key] == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sending]\nrelaese = 'auto'", "unknown key 'sending.relaese'; did you mean 'release'?"),
        ("[sendgird]\nx = 1", "unknown key 'sendgird'; did you mean 'sendgrid'?"),
        ("operater = 'rosa'", "unknown key 'operater'; did you mean 'operator'?"),
        ("[web]\nzzz = 1", "unknown key 'web.zzz'; allowed are: host, port, public_url"),
        ("[twilio]\nFROM = 'x'", "unknown key 'twilio.FROM'; allowed are: account_sid,"),
    ],
)
def test_an_unknown_key_of_the_file_is_refused_with_a_suggestion(
    source: Source, text: str, said: str
) -> None:
    assert source.complaint(text).startswith(f"{source.file}: {said}")


def test_an_unknown_key_of_the_environment_is_refused_with_a_suggestion(source: Source) -> None:
    said = source.complaint("", COMMTUI_SENDING__RELAESE="auto")
    assert said == (
        "environment: unknown key 'COMMTUI_SENDING__RELAESE'; "
        "did you mean 'COMMTUI_SENDING__RELEASE'?"
    )


@pytest.mark.parametrize("name", ["COMMTUI_PONG__BASE_URL", "COMMTUI_TEST", "COMMTUIX", "PATH"])
def test_variables_of_others_are_left_alone(source: Source, name: str) -> None:
    assert source.read("", **{name: "x"}) == Settings()


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_is_masked_wherever_settings_are_printed(source: Source, key: str) -> None:
    settings = source.read(toml(VALUES))
    shown = f"{settings!r} {settings} {keys(settings)}"
    assert VALUES[key] not in shown
    assert "hush" not in shown
    assert "••••" in shown
    assert type(keys(settings)[key]) is Secret
    assert repr(Secret("")) == "''"


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("value", [["s3cret"], {"s3cret": 1}, 1234567])
def test_a_secret_of_the_wrong_kind_is_not_printed(source: Source, key: str, value: Any) -> None:
    section, _, name = key.rpartition(".")
    written = '{ "s3cret" = 1 }' if isinstance(value, dict) else json.dumps(value)
    said = source.complaint(f"[{section}]\n{name} = {written}")
    assert said == f"{source.file}: {key} is ••••; it has to be a text in quotes"


@pytest.mark.parametrize("section", ["database", "sendgrid", "twilio"])
def test_a_secret_in_the_place_of_its_section_is_not_printed(source: Source, section: str) -> None:
    said = source.complaint(f'{section} = "s3cret"')
    assert said == f"{source.file}: {section} is a single value; it has to be a section [{section}]"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://app:s3cret@db.example/commtui",
        "postgres://app:s3cret@db.example/commtui",
        "postgresql://app:s3cret@db.example:port/commtui",
        "postgres://app:s3/c?r#e:t@x@db.example/commtui",
        "postgres://:s3cret@db.example/commtui",
        "postgres://db.example/commtui?user=app&password=s3cret&sslmode=require",
        "host=db.example user=app password='s3cret and more'",
        "host=db.example user=app PASSWORD = s3cret",
        "app:s3cret@db.example/commtui",
        "[::1:s3cret@",
    ],
)
@pytest.mark.parametrize("place", ["file", "environment"])
def test_the_password_of_a_wrong_database_url_is_not_printed(
    source: Source, url: str, place: str
) -> None:
    said = (
        source.complaint(toml({"database.url": url}))
        if place == "file"
        else source.complaint("", COMMTUI_DATABASE__URL=url)
    )
    for part in ("s3", "cret", "t@x", "more"):
        assert part not in said
    assert "allowed are sqlite:////absolute/path and postgresql://user@host:port/db" in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://app:x@h:5432/db", "postgresql://app:••••@h:5432/db"),
        ("postgresql://app@h:5432/db", "postgresql://app@h:5432/db"),
        ("sqlite:////srv/commtui.db", "sqlite:////srv/commtui.db"),
        ("postgresql://h/db?password=x&a=b", "postgresql://h/db?password=••••&a=b"),
    ],
)
def test_what_is_not_secret_in_a_url_can_still_be_read(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@pytest.mark.parametrize(
    "url", ["sqlite:///relative.db", "sqlite://", "commtui.db", "sqlite:///:memory:"]
)
def test_a_database_has_to_be_named_by_an_absolute_path(source: Source, url: str) -> None:
    assert "allowed are sqlite:////absolute/path" in source.complaint("", COMMTUI_DATABASE__URL=url)


def test_a_file_that_is_not_toml_is_named_with_the_place(source: Source) -> None:
    said = source.complaint('operator = "rosa\n[web')
    assert said.startswith(f"{source.file}: not valid TOML: ")
    assert "line 1" in said


def test_a_file_that_is_not_utf_8_is_named(source: Source) -> None:
    source.file.write_bytes(b'operator = "\xff"')
    with pytest.raises(ConfigError, match=f"{source.file}: not valid TOML"):
        load(source.file, {})


def test_a_file_that_was_asked_for_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: no such configuration file"):
        load(tmp_path / "gone.toml", {})
    with pytest.raises(ConfigError, match="no such configuration file"):
        load(tmp_path, {})


def test_without_a_file_in_the_usual_place_the_defaults_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load(environ={}) == Settings()
    default_path().parent.mkdir()
    default_path().write_text('operator = "rosa"')
    assert load(environ={}).operator == "rosa"


def test_the_processs_own_environment_is_read_unless_another_is_given(
    monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    source.file.write_text("")
    monkeypatch.setenv("COMMTUI_OPERATOR", "rosa")
    assert load(source.file).operator == "rosa"
    assert load(source.file, {}).operator == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_with_secrets_that_others_may_use_is_refused(source: Source, mode: int) -> None:
    source.file.write_text('[twilio]\nauth_token = "token"')
    os.chmod(source.file, mode)
    with pytest.raises(ConfigError) as raised:
        load(source.file, {"COMMTUI_TWILIO__AUTH_TOKEN": "from the environment"})
    said = str(raised.value)
    assert "twilio.auth_token" in said
    assert f"(mode {mode:04o})" in said
    assert said.endswith(f"chmod 600 {source.file}")


def test_a_file_without_secrets_may_be_open(source: Source) -> None:
    source.file.write_text(
        '[database]\nurl = "postgresql://app@db.example/commtui"\n[twilio]\nauth_token = ""'
    )
    os.chmod(source.file, 0o644)
    assert load(source.file, {}).database.url == "postgresql://app@db.example/commtui"


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_may_stand_in_a_file_of_its_own(source: Source, tmp_path: Path, key: str) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{VALUES[key]}\n")
    file.chmod(0o600)
    named = toml({f"{key}_file": str(file)})
    assert keys(source.read(named))[key] == VALUES[key]
    by_variable = {variable(key) + "_FILE": str(file)}
    assert keys(source.read("", **by_variable))[key] == VALUES[key]
    file.chmod(0o640)
    assert f"chmod 600 {file}" in source.complaint(named)
    file.unlink()
    said = source.complaint(named)
    assert str(file) in said
    assert str(VALUES[key]) not in said


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_may_be_a_credential_of_the_service(
    source: Source, tmp_path: Path, key: str
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / key).write_text(f"{VALUES[key]}\n")
    (folder / key).chmod(0o440)  # systemd lets a service read its own by an access list
    assert keys(source.read("", CREDENTIALS_DIRECTORY=str(folder)))[key] == VALUES[key]
    wins = source.read(
        "", **{"CREDENTIALS_DIRECTORY": str(folder), variable(key): str(VALUES[key])[:-1]}
    )
    assert keys(wins)[key] == str(VALUES[key])[:-1]
    assert keys(source.read("", CREDENTIALS_DIRECTORY=str(tmp_path)))[key] == ""


def test_only_a_secret_has_a_file_of_its_own(source: Source) -> None:
    assert "unknown key 'sendgrid.from_email_file'" in source.complaint(
        'sendgrid.from_email_file = "x"'
    )


def test_a_secret_file_that_is_no_text_is_named(source: Source, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")
    file.chmod(0o600)
    assert f"{file}: this is no text" in source.complaint(f'sendgrid.api_key_file = "{file}"')


def test_the_zone_is_the_operators_or_the_machines() -> None:
    assert str(Settings(ui=config.Ui(timezone="Europe/Paris")).zone) == "Europe/Paris"
    assert Settings().zone is None


def test_without_a_url_the_database_is_a_file_in_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings().database_url == f"sqlite:///{tmp_path}/commtui/commtui.db"
    set_to = Settings(database=config.Database(Secret("postgresql://h/db")))
    assert set_to.database_url == "postgresql://h/db"


@pytest.mark.parametrize("mode", ["test", "live"])
@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("sendgrid.base_url", "http://127.0.0.1:9000"),
        ("ping.identity_url", "https://192.168.1.7"),
        ("chorus.token_url", "https://[::1]/token"),
        ("peppol.base_url", "https://localhost"),
        ("twilio.base_url", "https://api.internal"),
    ],
)
def test_in_test_and_live_a_provider_in_a_private_network_is_refused(
    source: Source, mode: str, key: str, url: str
) -> None:
    said = source.complaint(toml({"mode": mode, key: url}))
    assert key in said
    assert "private network" in said
    assert source.read(toml({"mode": "practice", key: url})).mode == "practice"
    assert source.read(toml({key: url})).mode == ""


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("mode", "prod", "practice, test and live"),
        ("fallback.chains", "reminder: pigeon", "'pigeon' is no channel"),
        ("fallback.chains", "sms, email", "kind: channel"),
        ("fallback.cap_per_hour", -1, "0 or more"),
        ("retention.events_days", 3, "from 4 to 3660"),
        ("peppol.dns", "not a host/", "host:port"),
        ("peppol.dns", "ns.example:0x35", "host:port"),
        ("peppol.dns", "ns.example:70000", "host:port"),
        ("ping.product", "slow", "fast, cheap, bulk, premium, registered"),
        ("ping.print_mode", "both", "simplex, duplex"),
        ("ping.print_spectrum", "colour", "color, grayscale"),
        ("ping.address_position", "top", "left, right"),
        ("ping.base_url", "api.pingen.com", "a URL such as"),
        ("ping.identity_url", "https://", "a URL such as"),
        ("chorus.base_url", "api.piste.gouv.fr", "a URL such as"),
        ("chorus.token_url", "ftp://oauth.piste.gouv.fr", "a URL such as"),
        ("peppol.base_url", "https://api.e-invoice.be:https", "a URL such as"),
        ("database.tls", "off", "verified, as-url"),
        ("test.email", "nobody", "@"),
        ("test.sms", "0612345678", "+33612345678"),
        ("test.post", "QA", "postal address"),
    ],
)
def test_what_the_new_settings_may_be_is_said(
    source: Source, key: str, value: Any, said: str
) -> None:
    complaint = source.complaint(toml({key: value}))
    assert key in complaint
    assert said in complaint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("ping.product", word) for word in ("fast", "cheap", "bulk", "premium", "registered")],
        *[("ping.print_mode", word) for word in ("simplex", "duplex")],
        *[("ping.print_spectrum", word) for word in ("grayscale", "color")],
        *[("ping.address_position", word) for word in ("left", "right", "")],
        *[("peppol.dns", word) for word in ("", "off", "9.9.9.9", "ns.example:5353", "[::1]:53")],
    ],
)
def test_every_value_that_a_provider_takes_may_be_set(source: Source, key: str, value: str) -> None:
    assert keys(source.read(toml({key: value})))[key] == value
