"""Asking the desk from a screen: in a thread, its answer delivered on the loop unless a newer one was asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from textual import on
from textual.message import Message
from textual.screen import Screen, ScreenResultType

from commtui.errors import CommError, Refused
from commtui.screens.link import Link
from commtui.screens.wording import Unexpected
from commtui.widgets.look import Look

if TYPE_CHECKING:
    from commtui.services.desk import Desk

Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class Asking(Screen[ScreenResultType], Generic[ScreenResultType]):
    """A screen that asks the desk; exceptions become calls of `failed`, never the end of the program."""

    class Answered(Message, bubble=False):
        """A thread is done; `outcome` is to run on the loop."""

        def __init__(self, group: str, number: int, outcome: Callable[[], object]) -> None:
            super().__init__()
            self.group = group
            self.number = number
            self.outcome = outcome

    def __init__(self, link: Link, look: Look) -> None:
        super().__init__()
        self.link = link
        self.look = look
        self._numbers: dict[str, int] = {}

    def ask(
        self,
        call: Callable[[Desk], Answer],
        then: Callable[[Answer], object],
        *,
        group: str,
        otherwise: Callable[[Exception], object] | None = None,
    ) -> None:
        """Call the desk in a thread; a newer question of the same group makes this one's answer void."""
        number = self._numbers[group] = self._numbers.get(group, 0) + 1
        self.run_worker(
            partial(self._work, call, then, otherwise or self.failed, group, number),
            name=group,
            group=group,
            thread=True,
            exit_on_error=False,
        )

    def _work(
        self,
        call: Callable[[Desk], Answer],
        then: Callable[[Answer], object],
        otherwise: Callable[[Exception], object],
        group: str,
        number: int,
    ) -> None:
        outcome: Callable[[], object]
        try:
            outcome = partial(then, call(self.link.desk()))
        except (CommError, OSError) as error:
            outcome = partial(otherwise, error)
        except Exception as error:  # noqa: BLE001  the screen has to hear of it, or it would wait for ever
            _log.exception("%s failed", group)
            outcome = partial(otherwise, Unexpected(type(error).__name__))
        self.post_message(self.Answered(group, number, outcome))

    @on(Answered)
    def _deliver(self, event: Answered) -> None:
        if self._numbers[event.group] == event.number:
            event.outcome()

    def say_refused(self, words: str) -> None:
        """Say that a key does nothing here."""
        self.failed(Refused(words))

    def failed(self, error: Exception) -> None:
        """What to do when a call failed and nobody else takes care of it."""
        raise error
