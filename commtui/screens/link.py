"""The way to the desk: connected on first use, in the thread that needs it, and again after a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commtui.services.desk import Desk


class Link:
    """Gives the desk to worker threads; connecting waits until the first frame is painted."""

    def __init__(
        self, connect: Callable[[], Desk], *, mode: str = "", read_only: bool = False
    ) -> None:
        """Connect by `connect`; `mode` is practice, test or live, and goes onto every screen."""
        self.read_only = read_only
        self.badges = tuple(
            word for word in (mode.upper(), "READ-ONLY" if read_only else "") if word
        )
        self._connect = connect
        self._lock = threading.Lock()
        self._desk: Desk | None = None

    def desk(self) -> Desk:
        """The desk; raises DatabaseAway. For threads only, as it may wait."""
        with self._lock:
            if self._desk is None:
                self._desk = self._connect()
            return self._desk
