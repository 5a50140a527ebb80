"""A relay before the practice network that loses every third answer, after the network has taken the message."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading

from tests.system.relay import Relay, end

FAULTS = ("closed", "reset", "half a status line", "hang")


class Lossy(Relay):
    """Requests pass; of their answers every third one is closed, reset, cut off or held back, in turn."""

    def __init__(self, url: str, every: int = 3) -> None:
        self._every = every
        self._answers = itertools.count(1)
        self._faults = itertools.cycle(FAULTS)
        self._choosing = threading.Lock()
        self.lost: list[str] = []
        """The fault of each answer that was lost."""
        super().__init__(url)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := far.recv(65_536):
                fault = self._fault() if chunk.startswith(b"HTTP/1.1 20") else ""
                if fault:
                    self._lose(near, fault)
                    return
                near.sendall(chunk)
        end(near)

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
        end(near)
