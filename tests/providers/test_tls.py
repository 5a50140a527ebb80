"""TLS to providers: whoever cannot prove that they are the host of the URL hears nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from commtui.errors import NotSent
from commtui.providers.http import Http
from tests.tls import Authority


class Impostor:
    """A host with a certificate of its own making; remembers whatever it was told."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.heard = b""
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listening.getsockname()[1]}/mail"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with (
                    contextlib.suppress(OSError),
                    client,
                    self._context.wrap_socket(client, server_side=True) as secure,
                ):
                    self.heard += secure.recv(65_536)


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    made = Impostor(Authority(tmp_path, "nobody").server("localhost"))
    yield made
    made.close()


async def test_an_authority_that_nobody_trusts_is_refused(
    impostor: Impostor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # the environment cannot add an authority either
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nobody.pem"))
    http = Http(1, 5.0)
    with pytest.raises(NotSent) as raised:
        await http.call(
            "sendgrid", "POST", impostor.url, headers={"authorization": "Bearer hush"}, content=b"x"
        )
    await http.aclose()
    assert "certificate verify failed" in raised.value.words.lower()
    assert impostor.heard == b""
