"""Pause a provider and release it, from the health panel: which one, why, and done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text

from commtui.domain.text import line as one_line
from commtui.domain.views import Health, ProviderPause
from commtui.screens.asking import Asking
from commtui.screens.choosing import ChoicePanel
from commtui.screens.link import Link
from commtui.screens.reasons import ReasonPanel
from commtui.widgets.choices import Item
from commtui.widgets.look import Look

PAUSE_QUESTION = (
    "Nothing more is sent by it until somebody releases it; what waits stays in the queue.\nWhy:"
)
RELEASE_QUESTION = "What waits is sent at once, whoever or whatever paused it.\nWhy:"


def pausable(health: Health) -> tuple[str, ...]:
    """The providers that an operator has not paused."""
    held = {pause.provider for pause in health.paused if pause.by}
    return tuple(provider for provider in health.providers if provider not in held)


def releasable(health: Health) -> tuple[str, ...]:
    """The providers that are paused, for whatever reason."""
    return tuple(dict.fromkeys(pause.provider for pause in health.paused if pause.since))


def ask_gate(
    screen: Asking[Any],
    providers: tuple[str, ...],
    then: Callable[[str | None], None],
    *,
    release: bool,
) -> None:
    """Which of the providers, unless there is one only; why; then do it."""

    def chosen(values: tuple[str, ...] | None) -> None:
        if values:
            panel = _reason_panel(screen.link, screen.look, values[0], release=release)
            screen.app.push_screen(panel, then)

    if len(providers) == 1:
        chosen(providers)
    else:
        title = "Release which provider" if release else "Pause which provider"
        items = [Item(provider, one_line(provider, 40), "") for provider in providers]
        screen.app.push_screen(ChoicePanel(screen.link, screen.look, title, items), chosen)


def _reason_panel(link: Link, look: Look, provider: str, *, release: bool) -> ReasonPanel:
    if release:
        return ReasonPanel(
            link,
            look,
            f"Release {provider}",
            RELEASE_QUESTION,
            "Release",
            lambda desk, reason: desk.gates.release(provider, reason),
            f"{provider} is released.",
        )
    return ReasonPanel(
        link,
        look,
        f"Pause {provider}",
        PAUSE_QUESTION,
        "Pause",
        lambda desk, reason: desk.gates.pause(provider, reason),
        f"{provider} is paused.",
    )


def pauses_text(pauses: tuple[ProviderPause, ...], look: Look) -> Text:
    """Each pause: since when, until when, by whom or what, and why."""
    text = Text()
    for pause in pauses:
        text.append(one_line(pause.provider, 20), "bold")
        text.append(f": {one_line(pause.reason, 300)}\n")
        text.append(f"  {_span(pause, look)}\n")
    if not pauses:
        text.append("none\n")
    return text


def _span(pause: ProviderPause, look: Look) -> str:
    since = f"since {look.full(pause.since)}, " if pause.since else ""
    if pause.until is None:
        return f"{since}by {one_line(pause.by, 60)}, until somebody releases it"
    tried = ", then one message is tried" if pause.since else ""
    return f"{since}until {look.full(pause.until)}{tried}"
