"""Settings: a TOML file, every value also as COMMTUI_SECTION__KEY; frozen, checked, secrets masked."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs

from commtui.domain import places, postal, recipients
from commtui.domain.channels import parse_chains
from commtui.errors import ConfigError
from commtui.secrecy import Secret as Secret
from commtui.secrecy import mask_url as mask_url
from commtui.sources import Sources, hints, read


@dataclass(frozen=True, slots=True)
class Database:
    url: Secret = Secret("")
    """sqlite:////absolute/path or postgresql://user@host:port/db; empty: a file in the data folder."""
    tls: str = "verified"
    """verified: a PostgreSQL server elsewhere has to prove that it is the one named; as-url: as the URL says."""


@dataclass(frozen=True, slots=True)
class Ui:
    timezone: str = ""
    """IANA name; empty: the machine's."""
    ascii: bool = False
    """Plain characters instead of glyphs, for terminals without Unicode."""


@dataclass(frozen=True, slots=True)
class Sending:
    release: str = "hold"
    """hold: nothing leaves until somebody sends it; auto: new communications leave by themselves."""
    grace_seconds: float = 5.0
    """A confirmed bulk send begins after so long; until then it can be undone."""
    country: str = "FR"
    """For telephone numbers and addresses that name no country (ISO 3166-1 alpha-2)."""


@dataclass(frozen=True, slots=True)
class Worker:
    lease_seconds: float = 60.0
    """A worker not heard of for so long is taken for dead."""
    concurrency: int = 16
    """Requests in flight per worker."""
    request_seconds: float = 30.0
    """How long one request to a provider may take."""
    retry_seconds: float = 15.0
    """The first wait before what surely did not leave is tried again; it doubles, up to an hour."""
    pause_seconds: float = 60.0
    """The first pause of a provider that refuses our account or is out of order; it doubles, up to an hour."""
    outage_limit: int = 10
    """So many outages in a row pause a provider."""


@dataclass(frozen=True, slots=True)
class Web:
    host: str = "127.0.0.1"
    port: int = 8571
    public_url: str = ""
    """Where providers reach the web receiver; signatures are checked against it."""
    reserve_mb: int = 200
    """With less free beside a SQLite file, webhook calls are refused for now; 0: never."""


@dataclass(frozen=True, slots=True)
class SendGrid:
    api_key: Secret = Secret("")
    base_url: str = "https://api.sendgrid.com"
    from_email: str = ""
    from_name: str = ""
    webhook_public_key: Secret = Secret("")
    """One key, or several separated by commas while they are rotated."""
    asm_group_id: int = 0
    """Unsubscribe group for marketing; 0: our own signed link instead."""


@dataclass(frozen=True, slots=True)
class Twilio:
    account_sid: str = ""
    auth_token: Secret = Secret("")
    """One token, or two separated by a comma while they are rotated; the first one sends."""
    from_: str = ""
    messaging_service_sid: str = ""
    base_url: str = "https://api.twilio.com"
    opt_out_text: str = ""
    """Added to marketing from a sender that cannot receive replies, such as "No more: example.com/stop"."""


@dataclass(frozen=True, slots=True)
class Ping:
    client_id: str = ""
    client_secret: Secret = Secret("")
    organisation: str = ""
    webhook_key: Secret = Secret("")
    """One signing key, or several separated by commas while they are rotated."""
    base_url: str = "https://api.pingen.com"
    identity_url: str = "https://identity.pingen.com"
    product: str = "cheap"
    """fast, cheap, bulk, premium or registered."""
    print_mode: str = "simplex"
    print_spectrum: str = "grayscale"
    address_position: str = ""
    """left or right; empty: as envelopes of the recipient's country have their window."""


@dataclass(frozen=True, slots=True)
class Chorus:
    client_id: str = ""
    """Of the PISTE application: the OAuth pair, not the API key."""
    client_secret: Secret = Secret("")
    login: str = ""
    """Of the technical account, TECH_1_…@cpro.fr."""
    password: Secret = Secret("")
    base_url: str = "https://api.piste.gouv.fr"
    token_url: str = "https://oauth.piste.gouv.fr/api/oauth/token"  # noqa: S105 - an address, not a token


@dataclass(frozen=True, slots=True)
class Peppol:
    api_key: Secret = Secret("")
    sender_id: str = ""
    """Our own participant, such as 0208:0202239951."""
    webhook_secret: Secret = Secret("")
    """One secret, or several separated by commas while they are rotated."""
    base_url: str = "https://api.e-invoice.be"
    dns: str = ""
    """Resolver of the participant look-up, host or host:port; empty: the machine's own; off: no look-up of ours."""
    zone: str = "participant.sml.prod.tech.peppol.org"
    """DNS zone of the network's directory; another one for the test network."""


@dataclass(frozen=True, slots=True)
class Fallback:
    automatic: bool = True
    """Whether a message that cannot go one way goes another without a person."""
    cap_per_hour: int = 50
    """Automatic fallbacks to a channel that costs money, per cause; what is beyond waits for a person."""
    chains: str = ""
    """Other chains than the usual ones, by kind: "reminder: sms, email, manual; contract: post, manual"."""


@dataclass(frozen=True, slots=True)
class Templates:
    folder: str = ""
    """Templates of your own, before those that are shipped; empty: only these."""


@dataclass(frozen=True, slots=True)
class Seals:
    every_seconds: float = 60.0
    """The record is sealed so often while something happens."""
    file: str = ""
    """Each seal's hash is added to this file, which should be out of reach of who can change the database."""
    syslog: str = ""
    """Where each seal's hash is sent: a socket such as /dev/log, or host:port by UDP."""
    command: str = ""
    """A program with its arguments that gets each seal's hash on standard input; no shell."""


@dataclass(frozen=True, slots=True)
class Retention:
    events_days: int = 62
    """How long raw webhook calls and provider events are kept; the log itself stays for ever."""


@dataclass(frozen=True, slots=True)
class Redirects:
    """Where messages go in test mode, by channel; empty: nothing is sent by it then."""

    email: str = ""
    sms: str = ""
    """A number in E.164."""
    post: str = ""
    """A postal address; lines, or parts separated by semicolons."""

    @property
    def post_lines(self) -> str:
        """The postal address in lines."""
        return postal_lines(self.post)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; `operator` is who acts."""

    operator: str = ""
    mode: str = ""
    """practice, test or live; empty: practice while every provider's address is private, otherwise live."""
    read_only: bool = False
    """Nothing can be changed, neither by the console nor by a command."""
    database: Database = field(default_factory=Database)
    ui: Ui = field(default_factory=Ui)
    sending: Sending = field(default_factory=Sending)
    worker: Worker = field(default_factory=Worker)
    web: Web = field(default_factory=Web)
    sendgrid: SendGrid = field(default_factory=SendGrid)
    twilio: Twilio = field(default_factory=Twilio)
    ping: Ping = field(default_factory=Ping)
    chorus: Chorus = field(default_factory=Chorus)
    peppol: Peppol = field(default_factory=Peppol)
    fallback: Fallback = field(default_factory=Fallback)
    templates: Templates = field(default_factory=Templates)
    seals: Seals = field(default_factory=Seals)
    retention: Retention = field(default_factory=Retention)
    test: Redirects = field(default_factory=Redirects)

    @property
    def shown_mode(self) -> str:
        """practice, test or live, as every screen says it."""
        if self.mode:
            return self.mode
        return "practice" if all(map(is_private, base_urls(self).values())) else "live"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set."""
        sections = [item for item in map(self.__getattribute__, _names(self)) if is_dataclass(item)]
        values = [getattr(section, name) for section in sections for name in _names(section)]
        return tuple(str(value) for value in values if isinstance(value, Secret) and value)

    @property
    def zone(self) -> ZoneInfo | None:
        """The operator's time zone; None means the machine's."""
        return ZoneInfo(self.ui.timezone) if self.ui.timezone else None

    @property
    def database_url(self) -> str:
        """The database in use: the set one, or a SQLite file in the data folder."""
        if self.database.url:
            return str(self.database.url)
        folder = Path(platformdirs.user_data_dir("commtui", appauthor=False))
        return f"sqlite:///{folder / 'commtui.db'}"


def postal_lines(address: str) -> str:
    """A postal address in lines, which semicolons may stand for."""
    return "\n".join(part.strip() for part in address.replace(";", "\n").splitlines())


def _names(item: Any) -> list[str]:
    return [found.name for found in fields(item)]


def default_path() -> Path:
    """Where the configuration file is looked for."""
    return Path(platformdirs.user_config_dir("commtui", appauthor=False)) / "config.toml"


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from file and environment, environment first. Raises ConfigError."""
    environ = os.environ if environ is None else environ
    file = path or default_path()
    if path is not None and not path.is_file():
        raise ConfigError(f"{path}: no such configuration file")
    tree = read(file) if file.is_file() else {}
    sources = Sources(str(file), tree, environ, _check)
    sources.refuse_unknown(Settings)
    built: dict[str, Any] = {}
    for item in fields(Settings):
        kind = hints(Settings)[item.name]
        if is_dataclass(kind):
            built[item.name] = sources.section(item.name, cast("type[Any]", kind))
        else:
            default = Settings.__dataclass_fields__[item.name].default
            built[item.name] = sources.value("", item.name, kind, default)
    settings = Settings(**built)
    _refuse_private(settings)
    return settings


def _refuse_private(settings: Settings) -> None:
    """In TEST and LIVE no provider is called in a private network: it would be a stand-in, or a trap."""
    if settings.mode not in ("test", "live"):
        return
    for name, url in base_urls(settings).items():
        if is_private(url):
            raise ConfigError(
                f"{name} is {mask_url(url)!r}, an address in a private network; "
                f"with mode {settings.mode!r} it has to be the provider's public one"
            )


def base_urls(settings: Settings) -> dict[str, str]:
    """Every URL of a provider that is set, by its setting."""
    return {
        f"{section.name}.{item.name}": str(getattr(getattr(settings, section.name), item.name))
        for section in fields(settings)
        if is_dataclass(getattr(settings, section.name))
        for item in fields(getattr(settings, section.name))
        if item.name.endswith(("base_url", "identity_url", "token_url"))
    }


def is_private(url: str) -> bool:
    """Whether a URL names this machine or a private network by itself; no name is looked up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan"))


def _one_of(*allowed: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in allowed else f"allowed are {', '.join(allowed)}"


def _above_zero(value: Any) -> str | None:
    return None if value > 0 else "it has to be more than 0"


def _not_negative(value: Any) -> str | None:
    return None if value >= 0 else "it has to be 0 or more"


def _days_kept(value: Any) -> str | None:
    # events that fit no entry yet are tried for three days
    return None if 4 <= value <= 3_660 else "it has to be a number of days from 4 to 3660"


def _port(value: Any) -> str | None:
    return None if 0 <= value <= 65535 else "it has to be a port from 0 to 65535"


def _web_url(value: Any) -> str | None:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
        _ = parts.port
    except ValueError:
        valid = False
    return None if valid else "it has to be a URL such as https://hooks.example.com"


def _zone(value: Any) -> str | None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "it has to be a time zone such as Europe/Paris"
    return None


def _database(value: Any) -> str | None:
    try:
        _ = urlsplit(value).port
        valid = value.startswith(("postgresql://", "sqlite:////"))
    except ValueError:
        valid = False
    return (
        None if valid else "allowed are sqlite:////absolute/path and postgresql://user@host:port/db"
    )


def _mode(value: Any) -> str | None:
    return None if value in ("practice", "test", "live") else "allowed are practice, test and live"


def _chains(value: Any) -> str | None:
    try:
        parse_chains(value)
    except ValueError as error:
        return str(error)
    return None


def _email(value: Any) -> str | None:
    return _held(recipients.email_address, value)


def _number_with_country(value: Any) -> str | None:
    if not value.startswith("+"):
        return "it has to be a telephone number such as +33612345678"
    return _held(recipients.phone_number, value, "FR")


def _postal(value: Any) -> str | None:
    wrong = postal.problem(postal_lines(value), "FR")
    return f"it has to be a postal address in lines: {wrong}" if wrong else None


def _held(check: Callable[..., object], *given: str) -> str | None:
    try:
        check(*given)
    except recipients.InvalidRecipient as error:
        return str(error)
    return None


def _resolver(value: Any) -> str | None:
    if value == "off":
        return None
    try:
        parts = urlsplit(f"//{value}")
        valid = bool(parts.hostname) and parts.path == "" and (parts.port or 53) > 0
    except ValueError:
        valid = False
    return None if valid else "it has to be a host, host:port, or off"


def _country(value: Any) -> str | None:
    fits = len(value) == 2 and value.isascii() and value.isupper()
    return None if fits else "it has to be a country code such as FR"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "mode": _mode,
    "database.tls": _one_of("verified", "as-url"),
    "test.email": _email,
    "test.sms": _number_with_country,
    "test.post": _postal,
    "sending.release": _one_of("auto", "hold"),
    "sending.grace_seconds": _not_negative,
    "sending.country": _country,
    "worker.lease_seconds": _above_zero,
    "worker.concurrency": _above_zero,
    "worker.request_seconds": _above_zero,
    "worker.retry_seconds": _above_zero,
    "worker.pause_seconds": _above_zero,
    "worker.outage_limit": _above_zero,
    "web.port": _port,
    "web.public_url": _web_url,
    "sendgrid.base_url": _web_url,
    "twilio.base_url": _web_url,
    "ping.base_url": _web_url,
    "ping.identity_url": _web_url,
    "ping.product": _one_of("fast", "cheap", "bulk", "premium", "registered"),
    "ping.print_mode": _one_of("simplex", "duplex"),
    "ping.print_spectrum": _one_of("color", "grayscale"),
    "ping.address_position": _one_of("left", "right"),
    "chorus.base_url": _web_url,
    "chorus.token_url": _web_url,
    "peppol.base_url": _web_url,
    "peppol.dns": _resolver,
    "web.reserve_mb": _not_negative,
    "fallback.cap_per_hour": _not_negative,
    "fallback.chains": _chains,
    "seals.every_seconds": _above_zero,
    "seals.file": places.absolute,
    "seals.syslog": places.syslog,
    "seals.command": places.program,
    "retention.events_days": _days_kept,
    "ui.timezone": _zone,
    "database.url": _database,
}


def _check(section: str, key: str, value: Any, place: str) -> None:
    if (complaint := _CHECKS.get(f"{section}.{key}" if section else key)) is None:
        return
    if problem := complaint(value):
        shown = mask_url(value) if isinstance(value, Secret) else repr(value)
        raise ConfigError(f"{place} is {shown}; {problem}")
