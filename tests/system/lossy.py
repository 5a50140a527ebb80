"""A relay before the practice network that loses every third answer, after the network has taken the message."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

FAULTS = ("closed", "reset", "half a status line", "hang")


class Lossy:
    """Requests pass; of their answers every third one is closed, reset, cut off or held back, in turn."""

    def __init__(self, url: str, every: int = 3) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._every = every
        self._answers = itertools.count(1)
        self._faults = itertools.cycle(FAULTS)
        self._choosing = threading.Lock()
        self.lost: list[str] = []
        """The fault of each answer that was lost."""
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for item in (self._listening, *self._sockets):
            _end(item)
        for thread in self._threads:
            thread.join()
        for item in (self._listening, *self._sockets):
            item.close()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [near, far]
            for work in (self._ask, self._answer):
                thread = threading.Thread(target=work, args=(near, far), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := near.recv(65_536):
                far.sendall(chunk)
        _end(far)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := far.recv(65_536):
                fault = self._fault() if chunk.startswith(b"HTTP/1.1 20") else ""
                if fault:
                    self._lose(near, fault)
                    return
                near.sendall(chunk)
        _end(near)

    def _fault(self) -> str:
        with self._choosing:
            if next(self._answers) % self._every:
                return ""
            self.lost.append(next(self._faults))
            return self.lost[-1]

    @staticmethod
    def _lose(near: socket.socket, fault: str) -> None:
        if fault == "hang":
            return
        if fault == "half a status line":
            near.sendall(b"HTTP/1.1 2")
        if fault == "reset":
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
            return
        _end(near)


def _end(item: socket.socket) -> None:
    """Wake whoever reads from it."""
    with contextlib.suppress(OSError):
        item.shutdown(socket.SHUT_RDWR)
