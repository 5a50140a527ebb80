"""Keys that change something: where nothing can be changed, they only say so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from commtui.screens.asking import Asking

READ_ONLY = "Read-only: this key would change something, so it does nothing here."
Here = TypeVar("Here", bound=Asking[Any])
Given = ParamSpec("Given")


def changes(
    action: Callable[Concatenate[Here, Given], None],
) -> Callable[Concatenate[Here, Given], None]:
    """An action that changes something, or leads to where something is changed."""

    @functools.wraps(action)
    def guarded(here: Here, *given: Given.args, **named: Given.kwargs) -> None:
        if here.link.read_only:
            here.say_refused(READ_ONLY)
        else:
            action(here, *given, **named)

    return cast("Callable[Concatenate[Here, Given], None]", guarded)
