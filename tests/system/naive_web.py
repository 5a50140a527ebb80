"""A web receiver as others build it: it says yes first and keeps the call in a moment. The proofs must catch it."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from dataclasses import replace

import uvicorn

from commtui.bootstrap import open_taking
from commtui.config import Settings, load
from commtui.errors import DatabaseAway
from commtui.providers.base import RawWebhook
from commtui.services.events import Receiving
from commtui.store.engine import Database
from commtui.web import application

LATER_SECONDS = 0.05


class NaiveReceiving(Receiving):
    """Acknowledges before the commit, to be quick."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database, settings)
        self._calls: queue.SimpleQueue[tuple[str, RawWebhook]] = queue.SimpleQueue()
        threading.Thread(target=self._keep, daemon=True).start()

    def take(self, path: str, hook: RawWebhook) -> str:
        """Remember a call, and keep it when there is time."""
        self._calls.put((path, hook))
        return "later"

    def _keep(self) -> None:
        while True:
            time.sleep(LATER_SECONDS)
            while not self._calls.empty():
                with contextlib.suppress(DatabaseAway):
                    super().take(*self._calls.get())


def main() -> int:
    """Receive until killed."""
    settings = load()
    taking = open_taking(settings, "naive")
    app = application(replace(taking, receiving=NaiveReceiving(taking.database, settings)))
    uvicorn.run(app, host=settings.web.host, port=settings.web.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
