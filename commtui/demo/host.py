"""The practice network as a process of its own, with a worker and a web receiver beside it if wanted.

It ends, and ends what it started, when its standard input closes: so nothing survives the process
that started it, however that one died.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from commtui.demo import network
from commtui.demo.network import PracticeNetwork

KINDS = ("worker", "web")
STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Hosting:
    """What a host is to run; it travels as JSON in the command line."""

    web_url: str
    port: int = 0
    dns_port: int = 0
    scale: float = 1.0
    key_file: str = ""
    config: str = ""
    """Settings file of the worker and the web receiver; empty: neither is started."""
    logs: str = ""
    """Folder of their log files."""
    remove: str = ""
    """Folder to delete at the end."""

    def command(self) -> list[str]:
        """The command that starts it."""
        return [sys.executable, "-m", "commtui.demo.host", json.dumps(asdict(self))]


class _Beside:
    """The processes beside the network."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        if not self._hosting.config:
            return
        for kind in KINDS:
            with Path(self._hosting.logs, f"{kind}.log").open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "commtui", "--config", self._hosting.config, kind],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=_die_with_parent,
                )
            self._children.append(child)

    def end(self) -> None:
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _die_with_parent() -> None:
    """On Linux, have the kernel end this process when its parent is gone."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(text: str) -> int:
    """Host what the command line says; returns the exit code."""
    os.umask(0o077)
    hosting = Hosting(**json.loads(text))
    beside = _Beside(hosting)

    def ready(running: PracticeNetwork) -> None:
        beside.start()
        said = {"url": running.url, "public_key": running.key.public_key}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        threading.Thread(target=wait_for_parent, daemon=True).start()

    def wait_for_parent() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            continue
        beside.end()
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        network.run(
            "127.0.0.1",
            hosting.port,
            web_url=hosting.web_url,
            dns_port=hosting.dns_port,
            scale=hosting.scale,
            key_file=Path(hosting.key_file) if hosting.key_file else None,
            ready=ready,
        )
    finally:
        beside.end()
        if hosting.remove:
            shutil.rmtree(hosting.remove, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
