"""Starts workers by forking a process that has imported everything: a new one is there in an instant.

Run as a program it reads a line for each worker: the point at which it kills itself ("-": never), at which
time of passing it, and how it takes up what dead workers left ("right", "naive"). It answers with the pid.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.plant import Plant, until

POINTS = (
    "claim after",
    "begin before",
    "begin after",
    "prepare after",
    "call before",
    "call after",
    "keep before",
    "keep after",
    "finish before",
    "finish after",
)
"""Where a worker can die between taking a message up and recording its answer."""


class Nursery:
    """The worker processes of a plant, by pid."""

    def __init__(self, plant: Plant, **more: str) -> None:
        self._plant = plant
        self.alive: list[int] = []
        with (plant.folder / "processes.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.nursery"],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=plant.environment(**more),
            )

    def start(self, point: str = "-", time_of_passing: int = 1, recovery: str = "right") -> int:
        """Start a worker that kills itself when it passes a point; returns its pid."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{point.replace(' ', '_')} {time_of_passing} {recovery}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self.alive.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End a worker as a power cut would."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def stop(self, pid: int) -> None:
        """Ask a worker to end."""
        os.kill(pid, signal.SIGTERM)
        self.wait(pid)

    def wait(self, pid: int) -> None:
        """Wait until a worker is gone."""
        until(lambda: self.gone(pid), f"the end of worker {pid}")
        self.alive.remove(pid)

    def gone(self, pid: int) -> bool:
        """Whether a worker is no more."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    def close(self) -> None:
        """End them all."""
        for pid in self.alive:
            if not self.gone(pid):
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Fuse:
    """Kills this process when a point is passed for the n-th time."""

    def __init__(self, point: str, left: int) -> None:
        self._point = point
        self._left = left

    def pass_by(self, point: str) -> None:
        """One of the points is passed."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with a point before and one after it."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.pass_by(f"{name} before")
            answer = work(*arguments, **named)
            self.pass_by(f"{name} after")
            return answer

        return call

    def around_async(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same for a coroutine."""

        async def call(*arguments: Any, **named: Any) -> Any:
            self.pass_by(f"{name} before")
            answer = await work(*arguments, **named)
            self.pass_by(f"{name} after")
            return answer

        return call


def _work(point: str, left: int, recovery: str) -> None:
    from commtui.config import load
    from commtui.providers.http import Http
    from commtui.store import outbox, steps
    from commtui.worker import main
    from tests.system import naive_worker

    fuse = Fuse(point, left)
    for name in ("claim", "begin", "prepare", "finish"):
        setattr(outbox, name, fuse.around(name, getattr(outbox, name)))
    steps.keep = fuse.around("keep", steps.keep)
    Http.call = fuse.around_async("call", Http.call)  # type: ignore[method-assign]
    if recovery == "naive":
        asyncio.run(naive_worker.main())
    else:
        main(load())


def main() -> None:
    """Fork a worker for each line."""
    import commtui.services.importing
    import commtui.worker  # noqa: F401 - imported before the first fork

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        point, left, recovery = line.split()
        pid = os.fork()
        if pid == 0:
            os.close(0)
            _work(point.replace("_", " "), int(left), recovery)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
