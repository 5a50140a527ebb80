"""The worker: sends what is queued, applies provider events, expands bulk runs, keeps house.

Any number of them run on any number of hosts; the database shares out the work. SIGTERM, and SIGHUP of a
closed terminal, let the calls in flight end and record their answers.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from commtui.bootstrap import Working, open_working
from commtui.config import Settings
from commtui.errors import DatabaseAway
from commtui.services.guarding import barred_words

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.15
AWAY_SECONDS = 1.0
THREADS = 12


class Worker:
    """One worker process."""

    def __init__(self, working: Working, stop: asyncio.Event) -> None:
        """Work with these parts until `stop` is set: nothing new is taken then, what is under way ends."""
        self._working = working
        self._stop = stop
        self._idle: dict[str, bool] = {}
        self._barred = ""

    async def run(self, *, until_idle: bool = False) -> None:
        """Work until stopped, or until nothing is due."""
        work = self._working
        loops = [
            self._every("deliver", IDLE_SECONDS, self._deliver),
            self._every("events", IDLE_SECONDS, _in_thread(work.applying.step)),
            self._every("expand", IDLE_SECONDS, _in_thread(work.expansion.step)),
            self._every("release", 1.0, _in_thread(work.release.step)),
            self._every("recover", 1.0, _in_thread(work.housekeeping.recover)),
            self._every("catch up", 0.5, _in_thread(work.housekeeping.catch_up)),
            self._every("match", 10.0, _in_thread(work.housekeeping.match_events)),
            self._every("unknown", 10.0, work.asking.about_unknown),
            self._every("accepted", 2.0, work.asking.about_accepted),
            self._every("fallback", 0.5, _in_thread(work.falling_back.step)),
            self._every("errands", 1.0, work.errands.step),
            self._every("accounts", 60.0, work.accounts.step),
            self._every("seal", 2.0, _in_thread(work.sealing.step)),
            self._every("silence", 60.0, _in_thread(work.silence.step)),
            self._every("retention", 600.0, _in_thread(work.housekeeping.expire)),
            self._every("tidy", 600.0, _in_thread(work.housekeeping.tidy)),
            self._beat(),
        ]
        recording = asyncio.create_task(work.delivery.record())
        tasks = [asyncio.create_task(loop) for loop in loops]
        if until_idle:
            tasks.append(asyncio.create_task(self._stop_when_idle()))
        await self._stop.wait()
        await asyncio.gather(*tasks)
        await work.delivery.drain()
        recording.cancel()
        try:
            await asyncio.to_thread(work.sealing.rest)
        except DatabaseAway as error:
            log.warning("seal: left to the next worker: %s", error)

    async def _deliver(self) -> int:
        """Claim and send, unless the record is not guarded as it should be."""
        findings = await asyncio.to_thread(self._working.guarding.findings)
        if words := barred_words(findings):
            if words != self._barred:
                log.error("%s; see commtui db verify", words)
            self._barred = words
            return 0
        self._barred = ""
        return await self._working.delivery.step()

    async def _every(
        self, name: str, seconds: float, step: Callable[[], Awaitable[int | None]]
    ) -> None:
        """Repeat a step at once while it finds work, and after a pause when it does not."""
        while not self._stop.is_set():
            pause = seconds
            try:
                done = await step()
                self._idle[name] = not done
                if done:
                    pause = 0.0
            except DatabaseAway as error:
                log.warning("%s: database away: %s", name, error)
                pause = AWAY_SECONDS
            except Exception:
                log.exception("%s failed; it is tried again", name)
                pause = AWAY_SECONDS
            await self._pause(pause)

    async def _beat(self) -> None:
        while not self._stop.is_set():
            try:
                wanted = await asyncio.to_thread(self._working.presence.beat)
                if not (wanted and await asyncio.to_thread(self._working.guard.beat)):
                    self._stop.set()
            except DatabaseAway as error:
                log.warning("heartbeat: database away: %s", error)
            except Exception:
                # without heartbeats everybody would take this worker for dead while it sends
                log.exception("heartbeat failed; it is tried again")
            await self._pause(self._working.settings.worker.lease_seconds / 6)

    async def _stop_when_idle(self) -> None:
        wanted = ("deliver", "events", "expand", "release", "recover", "catch up", "fallback")
        while not self._stop.is_set():
            resting = all(self._idle.get(name) for name in wanted)
            # asked of the database itself: one loop may have made work for another that had just rested
            if (
                resting
                and not self._working.delivery.busy
                and not await asyncio.to_thread(self._working.anything_due)
            ):
                self._stop.set()
                return
            await self._pause(IDLE_SECONDS)

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


def _in_thread(step: Callable[[], int | None]) -> Callable[[], Awaitable[int | None]]:
    async def call() -> int | None:
        return await asyncio.to_thread(step)

    return call


def main(settings: Settings, *, until_idle: bool = False) -> int:
    """Run a worker in the foreground; returns the exit code."""
    return asyncio.run(_main(settings, until_idle=until_idle))


async def _main(settings: Settings, *, until_idle: bool) -> int:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="store"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    working = await asyncio.to_thread(open_working, settings)
    worker = Worker(working, stop)
    try:
        await worker.run(until_idle=until_idle)
    finally:
        await working.aclose()
    return 0
