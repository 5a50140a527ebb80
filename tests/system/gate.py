"""A gate before the practice network: requests pass, answers wait until it is opened."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from tests.system.relay import Relay, end


class Gate(Relay):
    """While it is shut, whoever asked does not hear that it was accepted."""

    def __init__(self, url: str) -> None:
        self._open = threading.Event()
        super().__init__(url)

    def open(self) -> None:
        """Let answers pass."""
        self._open.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.set()
        super().__exit__(kind, error, traceback)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := far.recv(65_536):
                self._open.wait()
                near.sendall(chunk)
        end(near)
