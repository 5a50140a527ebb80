"""A secret canary: providers quote every secret back in every way of failing, and none of it is kept or shown."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from commtui.cli import logs
from commtui.config import Settings, load
from commtui.demo.callbacks import SigningKey
from commtui.demo.documents import documents_for
from commtui.domain.vocabulary import Channel
from tests.system.plant import COMMTUI, HOST, until
from tests.system.terminal import Terminal

MARK = "CANARY"
TAIL = "+/&=x"
"""Changes in every encoding that a request may use."""
STATUSES = (200, 201, 202, 204, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 302)
ADDRESS = "Zoé Lefèvre\n12 rue de la Forêt\n75011 Paris\nFR"
POSTAL = {
    "name": "Zoé Lefèvre", "street": "rue de la Forêt", "number": "12",
    "zip": "75011", "city": "Paris", "country": "FR",
}  # fmt: skip
ROUTES: dict[Channel, str] = {
    Channel.EMAIL: "lea@example.com",
    Channel.SMS: "+33612345678",
    Channel.POST: ADDRESS,
    Channel.EINVOICE: "chorus:12345678200044",
}
EACH = 8
"""Messages of each channel."""
WANTED = 80
"""Requests that the echo has to have answered."""
PROVIDERS = 7
"""Beginnings of paths: SendGrid's, Twilio's, Ping's two, Chorus Pro's two, the access point's."""


def canary(name: str) -> str:
    return f"{MARK}-{name}-{TAIL}"


class Echo(ThreadingHTTPServer):
    """Answers every request with all that it heard, in one way of failing after the other."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Answer)
        self.turn = itertools.count()
        self.answered: Counter[str] = Counter()
        self.quoted = 0
        self.lock = threading.Lock()
        self.url = f"http://{HOST}:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def kinds(self) -> int:
        """How many kinds of request were answered, by the beginning of their paths."""
        return len(self.answered)


class _Answer(BaseHTTPRequestHandler):
    server: Echo
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.lock:
            turn = next(self.server.turn)
            self.server.answered[self.path.strip("/").split("?")[0].split("/")[0]] += 1
        heard = " ".join([*(f"{name}: {value}" for name, value in self.headers.items())])
        heard += " " + body[:4000].decode("utf-8", "replace")
        self.server.quoted += MARK in heard
        if "token" in self.path and turn % 4:
            return self._say(200, {"access_token": canary("access"), "expires_in": 3600})
        status = STATUSES[turn % len(STATUSES)]
        if turn % 23 == 22:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + heard.encode())
            return self.connection.shutdown(2)
        return self._say(
            status,
            {
                "message": heard, "error": heard, "detail": heard, "code": 20003, "errors": [
                    {"message": heard, "title": heard, "detail": heard, "field": heard, "code": heard}
                ],
                "libelle": heard, "codeRetour": 20001, "error_description": heard,
            },
            {"x-request-id": heard[:300], "location": f"/{quote(heard[:200])}"},
        )  # fmt: skip

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = b"" if status == 204 else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, re.sub(r"[^ -~]", "?", value))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.shutdown()
    made.server_close()


def with_password(url: str) -> str:
    """The URL with a password that the server does not ask for."""
    return re.sub(r"^postgresql://([^:@/]*)(?::[^@]*)?@", rf"postgresql://\1:{MARK}-database@", url)


def environment(home: Path, url: str, echo: Echo) -> dict[str, str]:
    """Every secret a canary, every provider the echo."""
    values = {
        "DATABASE__URL": with_password(url),
        "SENDGRID__API_KEY": canary("sendgrid"),
        "SENDGRID__FROM_EMAIL": "billing@example.com",
        "SENDGRID__WEBHOOK_PUBLIC_KEY": SigningKey().public_key,
        "TWILIO__ACCOUNT_SID": "AC0",
        "TWILIO__AUTH_TOKEN": f"{canary('twilio')},{canary('old-twilio')}",
        "TWILIO__FROM": "+33700000000",
        "PING__CLIENT_ID": "ping",
        "PING__CLIENT_SECRET": canary("ping"),
        "PING__ORGANISATION": "org",
        "PING__WEBHOOK_KEY": canary("ping-webhook"),
        "CHORUS__CLIENT_ID": "piste",
        "CHORUS__CLIENT_SECRET": canary("chorus"),
        "CHORUS__LOGIN": "TECH_1_x@cpro.fr",
        "CHORUS__PASSWORD": canary("chorus-password"),
        "PEPPOL__API_KEY": canary("peppol"),
        "PEPPOL__SENDER_ID": "0208:0202239951",
        "PEPPOL__WEBHOOK_SECRET": canary("peppol-webhook"),
        "PEPPOL__DNS": "off",
        "WORKER__RETRY_SECONDS": "0.02",
        "WORKER__PAUSE_SECONDS": "0.02",
        "WORKER__REQUEST_SECONDS": "5",
        "WEB__PUBLIC_URL": "https://hooks.example.com",
        "OPERATOR": "rosa",
        **{
            f"{name}": echo.url
            for name in ("SENDGRID__BASE_URL", "TWILIO__BASE_URL", "PING__BASE_URL", "PING__IDENTITY_URL",
                         "CHORUS__BASE_URL", "PEPPOL__BASE_URL")
        },
        "CHORUS__TOKEN_URL": f"{echo.url}/oauth/token",
    }  # fmt: skip
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
    home.mkdir(mode=0o700)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("COMMTUI_")},
        **{f"COMMTUI_{name}": value for name, value in values.items()},
        **folders,
        "HOME": str(home),
        "TERM": "xterm-256color",
    }


def lines() -> Iterator[dict[str, Any]]:
    """Messages on every channel, each with what its provider needs."""
    peppol = {Channel.EINVOICE: "peppol:0208:0202239951"}
    for number in range(EACH):
        for channel, recipient in [*ROUTES.items(), *peppol.items()]:
            reference = f"{channel.value}-{recipient[:3].strip('+')}-{number}"
            fields = {
                Channel.EMAIL: {"email": recipient},
                Channel.SMS: {"phone": recipient},
                Channel.POST: {"address": POSTAL},
            }
            routing: dict[str, Any] = {"network": "chorus", "siret": "12345678200044"}
            if recipient.startswith("peppol"):
                routing = {"network": "peppol", "id": "0208:0202239951"}
            made = documents_for(channel, recipient, reference)
            yield {
                "id": reference,
                "subject": {"type": "invoice", "reference": reference, "title": reference},
                "customer": {
                    "id": f"K-{reference}", "name": "Léa",
                    **fields.get(channel, {"einvoice": routing}),
                },
                "kind": "invoice",
                "channels": [channel.value],
                "content": {"subject": "Invoice", "text": "Hello", "sms": "Hello"},
                "documents": [
                    {"role": role.value, "name": name, "media_type": media_type,
                     "base64": base64.b64encode(content).decode()}
                    for role, name, media_type, content in made
                ],
            }  # fmt: skip


class Run:
    """Commands with the canaries in their environment; keeps everything they said."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env = env
        self.folder = folder
        self.said = b""

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*COMMTUI, *words], env={**self.env, **more}, cwd=self.folder, capture_output=True,
            stdin=subprocess.DEVNULL, check=False, timeout=120,
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        return done


def forms(settings: Settings) -> set[bytes]:
    """What would give a secret away: its beginning, and the base64 forms in which requests carry it."""
    found = {MARK.encode(), quote(MARK).encode()}
    secrets = [item for item in settings.secrets if MARK in item] + [canary("access")]
    for secret in [part for whole in secrets for part in whole.split(",")]:
        found.add(base64.b64encode(secret.encode()).rstrip(b"=")[:24])
    pairs = (f"AC0:{canary('twilio')}", f"TECH_1_x@cpro.fr:{canary('chorus-password')}")
    return found | {base64.b64encode(pair.encode()).rstrip(b"=") for pair in pairs}


def kept(url: str) -> bytes:
    """Everything that a database holds, as text."""
    found: list[str] = []
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with sqlite3.connect(path) as connection:
            names = [row[0] for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
            )]  # fmt: skip
            for name in names:
                found += [str(row) for row in connection.execute(f'SELECT * FROM "{name}"')]
        whole = b"".join(item.read_bytes() for item in Path(path).parent.glob("commtui.db*"))
        return "\n".join(found).encode("utf-8", "replace") + whole
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        for (name,) in tables:
            found += [str(row) for row in connection.execute(f'SELECT * FROM "{name}"')]  # type: ignore[call-overload]
    return "\n".join(found).encode("utf-8", "replace")


def worked(run: Run, echo: Echo) -> None:
    """A worker goes on until the echo has answered enough, of every provider."""
    worker = subprocess.Popen(
        [*COMMTUI, "worker"], env=run.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until(lambda: echo.answered.total() >= WANTED and echo.kinds >= PROVIDERS, "the answers")
    finally:
        worker.send_signal(signal.SIGTERM)
        said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    run.said += said


def looked_at(run: Run) -> None:
    """The console on a terminal, over the failed lines and the panels that quote a provider."""
    for pressed in ((("\r", "What to do"), ("h", "newest first")), (("H", "Provider health"),)):
        terminal = Terminal(COMMTUI, {**run.env, "COMMTUI_READ_ONLY": "true"})
        try:
            terminal.until_shows(r"\b1/\d+")
            for key, shown in pressed:
                terminal.press(key)
                terminal.until_shows(shown)
        finally:
            terminal.hang_up()
        run.said += terminal.raw


def test_no_secret_is_kept_or_shown_whatever_a_provider_says(
    database_url: str, tmp_path: Path, echo: Echo
) -> None:
    env = environment(tmp_path / "home", database_url, echo)
    settings = load(environ=env)
    run = Run(env, tmp_path)
    assert len(settings.secrets) == 10
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines()))
    assert run("import", str(file)).returncode == 0
    assert run("send", "--yes").returncode == 0
    worked(run, echo)
    assert echo.quoted > WANTED / 2
    (entry, *_) = [
        json.loads(line)
        for line in run("list", "log", "--chip", "failed", "--json").stdout.splitlines()
    ]
    for command in (
        ("list", "log", "--ignored", "also"), ("list", "overview", "--csv"), ("show", entry["id"], "--json"),
        ("customer", "show", entry["customer"]["id"]), ("fallback", "list"), ("download", "-o", "out.zip"),
        ("customer", "lift", "K-email-lea-0", "--email", "--reason", "works"),
    ):  # fmt: skip
        run(*command)
    for more in (
        {"COMMTUI_DATABASE__URL": f"mysql://app:{MARK}-password@db.example/c"},
        {"COMMTUI_DATABASE__URL": f"postgresql://app:{MARK}-password@127.0.0.1:9/c"},
        {"COMMTUI_DATABASE__URL": f"postgresql://app:{MARK}-password@db.example/c?sslmode=disable"},
        {"COMMTUI_WEB__PORT": "x"},
    ):
        assert run("counts", "log", **more).returncode in (2, 3)
    looked_at(run)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        exported = b"".join(archive.read(name) for name in archive.namelist())
    logged = b"".join(
        path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()
    )
    places = {"said": run.said, "database": kept(database_url), "exports": exported, "logs": logged}
    assert b"\xe2\x80\xa2\xe2\x80\xa2" in places["database"], "nothing was quoted at all"
    assert all(len(content) > 500 for name, content in places.items() if name != "logs")
    for name, content in places.items():
        for form in forms(settings):
            at = content.find(form)
            assert at < 0, (name, form, content[max(0, at - 200) : at + 100])


def test_a_traceback_in_a_log_has_no_secret_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    logs.hide([canary("a"), f"postgresql://app:{MARK}-password@db.example/c"])
    try:
        raise RuntimeError(f"{canary('a')} and postgresql://app:{MARK}-password@db.example/c")
    except RuntimeError as error:
        path = logs.record_fault(error)
    finally:
        logs.hide(())
    assert path is not None
    written = path.read_text()
    assert "RuntimeError" in written
    assert MARK not in written
