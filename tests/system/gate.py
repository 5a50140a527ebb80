"""A gate before the practice network: requests pass, answers wait until it is opened."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Gate:
    """A relay on loopback; while it is shut, whoever asked does not hear that it was accepted."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open = threading.Event()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._run(self._listen)

    def open(self) -> None:
        """Let answers pass."""
        self._open.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.set()
        for item in (self._listening, *self._sockets):
            _end(item)
        for thread in self._threads:
            thread.join()
        for item in (self._listening, *self._sockets):
            item.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                self._sockets.append(near)
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets.append(far)
            self._run(self._pass_on, near, far, False)
            self._run(self._pass_on, far, near, True)

    def _pass_on(self, source: socket.socket, sink: socket.socket, gated: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                if gated:
                    self._open.wait()
                sink.sendall(chunk)
        _end(source)
        _end(sink)


def _end(item: socket.socket) -> None:
    """Wake whoever reads from it."""
    with contextlib.suppress(OSError):
        item.shutdown(socket.SHUT_RDWR)
