"""How the practice network behaves, as data: every row of every provider. The recipient chooses; others are reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from commtui.demo import (
    chorus_scenarios,
    email_scenarios,
    peppol_scenarios,
    ping_scenarios,
    sms_scenarios,
)
from commtui.demo.chorus_scenarios import CHORUS_SCENARIOS
from commtui.demo.email_scenarios import EMAIL_SCENARIOS, SENDGRID
from commtui.demo.peppol_scenarios import PEPPOL_SCENARIOS
from commtui.demo.ping_scenarios import PING_SCENARIOS
from commtui.demo.scenario import Scenario
from commtui.demo.sms_scenarios import SMS_SCENARIOS, TWILIO
from commtui.domain.vocabulary import Status

SCENARIOS: tuple[Scenario, ...] = (
    *EMAIL_SCENARIOS,
    *SMS_SCENARIOS,
    *PING_SCENARIOS,
    *CHORUS_SCENARIOS,
    *PEPPOL_SCENARIOS,
)
SLOW = frozenset(
    {("ping", "silent"), ("ping", "cancelled")}
    | {("chorus", str(tag)) for tag in (*range(10, 30), 42)}
)
"""Rows that end only when the provider is asked again much later than a practice day lasts."""
ENDING = tuple(
    row
    for row in SCENARIOS
    if row.status is not Status.QUEUED and (row.provider, row.tag) not in SLOW
)
"""Rows that come to their end by themselves within a practice day."""
_TAG_OF: Mapping[str, Callable[[str], str]] = {
    SENDGRID: email_scenarios.tag_of,
    TWILIO: sms_scenarios.tag_of,
    "ping": ping_scenarios.tag_of,
    "chorus": chorus_scenarios.tag_of,
    "peppol": peppol_scenarios.tag_of,
}
_BY_TAG = {(scenario.provider, scenario.tag): scenario for scenario in SCENARIOS}
_ORDINARY = {
    SENDGRID: EMAIL_SCENARIOS[0],
    TWILIO: SMS_SCENARIOS[0],
    "ping": PING_SCENARIOS[0],
    "chorus": CHORUS_SCENARIOS[0],
    "peppol": PEPPOL_SCENARIOS[0],
}


def scenario_for(provider: str, recipient: str) -> Scenario:
    """The behaviour that a recipient chooses; delivery for everybody who chooses none."""
    return _BY_TAG.get((provider, _TAG_OF[provider](recipient)), _ORDINARY[provider])
