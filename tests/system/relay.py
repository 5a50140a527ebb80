"""A relay on loopback before the practice network: connections pass; what becomes of answers is its kind's business."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes on what comes; a context manager that ends every connection and thread."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._run(self._listen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for item in (self._listening, *self._sockets):
            end(item)
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
            self._run(self._ask, near, far)
            self._run(self._answer, near, far)

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := near.recv(65_536):
                far.sendall(chunk)
        end(far)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        raise NotImplementedError


def end(item: socket.socket) -> None:
    """Wake whoever reads from it."""
    with contextlib.suppress(OSError):
        item.shutdown(socket.SHUT_RDWR)
