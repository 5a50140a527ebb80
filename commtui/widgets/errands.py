"""What operators asked a provider to do, and what came of it, as rows for panels."""

from __future__ import annotations

from commtui.domain.text import line
from commtui.domain.views import ErrandView
from commtui.widgets.look import Look

_ERRAND_WORDS = {"lift": "lift the suppression", "cancel": "stop this message"}
_STATE_WORDS = {"open": "waiting for a worker", "done": "done", "refused": "refused"}


def errand_rows(errand: ErrandView, look: Look, indent: str = "") -> str:
    """Who asked for what and why, and below it whether that waits, is done or was refused."""
    asked = _ERRAND_WORDS.get(errand.kind, line(errand.kind, 40))
    who = f"{look.moment(errand.at)} by {line(errand.operator, 60)}"
    rows = [
        f"asked {who}: {asked} at {line(errand.provider, 40)}",
        f"  why: {line(errand.reason, 200)}",
        f"  {_state(errand, look)}",
    ]
    return look.plain("\n".join(f"{indent}{row}" for row in rows))


def _state(errand: ErrandView, look: Look) -> str:
    state = _STATE_WORDS.get(errand.state, line(errand.state, 20))
    if errand.state == "open" and errand.words:
        state = "waiting: the provider could not be asked yet and is tried again"
    at = f" {look.moment(errand.done_at)}" if errand.done_at else ""
    said = f": {line(errand.words, 300)}" if errand.words else ""
    return f"{state}{at}{said}"
