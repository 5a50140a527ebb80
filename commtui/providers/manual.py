"""Manual work: the entry is a task that an operator completes with a note; nothing is called."""

from __future__ import annotations

from commtui.domain.vocabulary import Channel, ErrorClass, Status
from commtui.providers.base import Problem, ProviderSpec
from commtui.providers.problems import shared

KEY = "manual"
LABEL = "Manual"
TO_DO = "manual_action"
"""The code of a task that waits for a person."""

PROBLEMS = {
    TO_DO: Problem(
        ErrorClass.TECHNICAL,
        "Manual action required: no provider delivers this by itself.",
        "Do what it asks for, then complete the task with a note.",
    )
}


def explain(status: Status, code: str, words: str) -> Problem:  # noqa: ARG001 - the contract's form
    """What a task is waiting for."""
    if status is Status.NOT_SENT:
        return PROBLEMS[TO_DO]
    return PROBLEMS.get(code) or shared(LABEL, status, code)


SPEC = ProviderSpec(
    key=KEY,
    label=LABEL,
    channel=Channel.MANUAL,
    capabilities=frozenset(),
    fields=(),
    configured=lambda _settings: True,
    create=None,
    receiver=None,
    webhook_paths=(),
    explain=explain,
)
