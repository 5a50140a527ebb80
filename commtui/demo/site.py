"""A practice site: folder, settings and the processes on them, all gone with the process that opened it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from commtui.config import (
    Chorus,
    Database,
    Peppol,
    Ping,
    Secret,
    SendGrid,
    Settings,
    Twilio,
    Web,
    Worker,
)
from commtui.demo.callbacks import SigningKey
from commtui.demo.host import STOP_SECONDS, Hosting
from commtui.demo.ledger import PracticeAccount, PracticeMessage
from commtui.demo.oracle import read_accepted
from commtui.errors import CommError

HOST = "127.0.0.1"


class SiteDown(CommError):
    """A process of the practice site ended before its time."""


class Site:
    """Network, web receiver and worker on one database; a context manager."""

    def __init__(self, settings: Settings, folder: Path | None, database_url: str) -> None:
        self._temporary = folder is None
        self.folder = (
            Path(tempfile.mkdtemp(prefix="commtui-practice-"))
            if folder is None
            else folder.absolute()
        )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = database_url or f"sqlite:///{self.folder / 'commtui.db'}"
        key_file = self.folder / "signing-key.pem"
        web_port, port, dns_port = _free_ports(3)
        self.settings = practice_settings(
            settings,
            url,
            f"http://{HOST}:{port}",
            web_port,
            SigningKey.kept_in(key_file),
            f"{HOST}:{dns_port}",
        )
        self.config = self.folder / "practice.toml"
        self._hosting = Hosting(
            web_url=self.settings.web.public_url,
            port=port,
            dns_port=dns_port,
            key_file=str(key_file),
            config=str(self.config),
            logs=str(self.folder),
            remove=str(self.folder) if self._temporary else "",
        )
        self._host: subprocess.Popen[bytes] | None = None

    def start(self, scale: float) -> None:
        """Start the processes. Raises SiteDown."""
        text = settings_text(self.settings)
        with open(_private(self.config, os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(text)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("COMMTUI_")
        }
        with open(_private(self.folder / "network.log", os.O_APPEND), "ab") as log:
            self._host = subprocess.Popen(
                replace(self._hosting, scale=scale).command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
        if self._host.stdout is None or not self._host.stdout.readline():
            raise SiteDown(f"the practice network did not start; see {self.folder}/network.log")

    def accepted(self) -> list[PracticeMessage]:
        """The network's own record of what it took. Raises SiteDown."""
        return read_accepted(self._get("/practice/accepted"))

    def quiet(self) -> bool:
        """Whether the network has delivered every event. Raises SiteDown."""
        health: dict[str, Any] = self._get("/health")
        return bool(health["idle"])

    def _get(self, path: str) -> Any:
        try:
            return httpx.get(self.settings.sendgrid.base_url + path, trust_env=False).json()
        except httpx.HTTPError as error:
            raise SiteDown(f"the practice network is gone: {type(error).__name__}") from None

    def stop(self) -> None:
        """End the processes, and delete the folder unless it is to be kept."""
        if self._host is not None:
            if self._host.stdin is not None:
                self._host.stdin.close()
            try:
                self._host.wait(2 * STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._host.kill()
                self._host.wait()
            if self._host.stdout is not None:
                self._host.stdout.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


_WORKER = Worker(lease_seconds=6.0, request_seconds=10.0, retry_seconds=0.5, pause_seconds=0.5)


def practice_settings(
    settings: Settings,
    database_url: str,
    network_url: str,
    web_port: int,
    key: SigningKey,
    dns: str = "off",
) -> Settings:
    """Settings that reach the practice network and nothing else; operator and screen stay as they are.

    What fails stays failed, so that there is something to put right.
    """
    account = PracticeAccount()
    return replace(
        settings,
        mode="practice",
        database=Database(Secret(database_url)),
        sending=replace(settings.sending, release="hold"),
        worker=_WORKER,
        web=Web(HOST, web_port, f"http://{HOST}:{web_port}"),
        sendgrid=SendGrid(
            api_key=Secret(account.sendgrid_key),
            base_url=network_url,
            from_email="bonjour@example.com",
            from_name="Aurore Énergie",
            webhook_public_key=Secret(key.public_key),
        ),
        twilio=Twilio(
            account_sid=account.twilio_sid,
            auth_token=Secret(account.twilio_token),
            from_="Aurore",
            base_url=network_url,
            opt_out_text="STOP: example.com/stop",
        ),
        ping=Ping(
            client_id=account.ping_client_id,
            client_secret=Secret(account.ping_client_secret),
            organisation=account.ping_organisation,
            webhook_key=Secret(account.ping_webhook_key),
            base_url=network_url,
            identity_url=network_url,
        ),
        chorus=Chorus(
            client_id=account.chorus_client_id,
            client_secret=Secret(account.chorus_client_secret),
            login=account.chorus_login,
            password=Secret(account.chorus_password),
            base_url=network_url,
            token_url=f"{network_url}/api/oauth/token",
        ),
        peppol=Peppol(
            api_key=Secret(account.peppol_api_key),
            sender_id=account.peppol_sender_id,
            webhook_secret=Secret(account.peppol_webhook_secret),
            base_url=network_url,
            dns=dns,
        ),
        fallback=replace(settings.fallback, automatic=False),
    )


def settings_text(settings: Settings) -> str:
    """Settings as a configuration file, secrets and all."""
    lines: list[str] = []
    for item in fields(settings):
        value = getattr(settings, item.name)
        if not is_dataclass(value):
            lines.insert(0, f"{item.name} = {_toml(value)}")
            continue
        lines.append(f"[{item.name}]")
        lines += [
            f"{key.name.rstrip('_')} = {_toml(getattr(value, key.name))}" for key in fields(value)
        ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """JSON writes texts, numbers and truth values as TOML reads them."""
    return json.dumps(str(value) if isinstance(value, str) else value, ensure_ascii=False)


def _private(path: Path, how: int) -> int:
    """A descriptor of a file that only we can read, opened for writing."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(number)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports
