"""Every row of the scenario table, from the wire to what an operator sees and may do; on both databases.

Real worker, web receiver and practice network play all rows once for each database; then one test a row looks at
the overview, the log, the panels and the keys that are open.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from commtui.demo.data import address_of
from commtui.demo.documents import documents_for
from commtui.demo.scenario import Scenario
from commtui.demo.scenarios import SCENARIOS, SLOW
from commtui.domain import einvoice
from commtui.domain.lines import Line, Query, Selection, Sort
from commtui.domain.vocabulary import FAILED_STATUSES, Channel, ErrorClass, Status, Tab, chip_of
from commtui.providers.registry import by_key
from tests.conftest import named
from tests.system.plant import Plant, until

ROWS = tuple(row for row in SCENARIOS if (row.provider, row.tag) not in SLOW)
SAID: dict[str, tuple[str, str]] = {
    "sendgrid bounce": (
        "The mailbox does not exist.",
        "Correct the customer's address, then send again.",
    ),
    "sendgrid blocked": (
        "The recipient's server refused this message, not the address.",
        "Send again later; if it keeps failing, use another channel.",
    ),
    "sendgrid dropped: Bounced Address": (
        "SendGrid did not try: an earlier message to this address bounced.",
        "Correct the address, or lift the suppression (C, then L) if it works again.",
    ),
    "sendgrid dropped: Unsubscribed Address": (
        "SendGrid did not try: the recipient has unsubscribed.",
        "Do not write to this address again; use another channel.",
    ),
    "sendgrid dropped: Spam Reporting Address": (
        "SendGrid did not try: the recipient reported an earlier message as spam.",
        "Do not write to this address again; use another channel.",
    ),
    "sendgrid dropped: Invalid": (
        "SendGrid did not try: it takes the address for invalid.",
        "Correct the customer's address, then send again.",
    ),
    "sendgrid dropped: Invalid SMTPAPI header": (
        "SendGrid did not try: it could not read the message's header.",
        "Report it to whoever runs commtui; sending again will not help.",
    ),
    "sendgrid dropped: Spam Content": (
        "SendGrid did not try: it takes the content for spam.",
        "Have the text changed at the source, then send again.",
    ),
    "sendgrid dropped: Recipient List over Package Quota": (
        "SendGrid did not try: the plan's quota is used up.",
        "Raise the quota or wait until it renews, then send again.",
    ),
    "sendgrid late bounce without custom args": (
        "The mailbox does not exist. Before that it had been reported as delivered.",
        "Correct the customer's address, then send again.",
    ),
    "sendgrid late bounce without any id": (
        "The mailbox does not exist. Before that it had been reported as delivered.",
        "Correct the customer's address, then send again.",
    ),
    "sendgrid 400": (
        "SendGrid refused the request as not valid; its words name the field.",
        "Report it to whoever runs commtui; sending again will not help.",
    ),
    "sendgrid 413 as an HTML page": (
        "The message is larger than SendGrid takes (30 MB in all).",
        "Have the source system deliver smaller documents, or use another channel.",
    ),
    "sendgrid 500": (
        "The request left for SendGrid, but no usable answer was recorded: it may have been sent.",
        "Look for it at the provider or ask the customer, then settle it: it was sent, send again, or give up.",
    ),
    "twilio undelivered 30003": (
        "The telephone could not be reached: off or no network.",
        "Send again later; if it keeps failing, use another channel.",
    ),
    "twilio undelivered 30005": (
        "The number is unknown or no longer in use.",
        "Correct the customer's number, or use another channel.",
    ),
    "twilio undelivered 30006": (
        "The number is a landline or its carrier takes no texts.",
        "Correct the customer's number, or use another channel.",
    ),
    "twilio undelivered 30007": (
        "The carrier filtered the message as spam.",
        "Have the text or the sender changed before sending again.",
    ),
    "twilio undelivered 30008": (
        "The carrier failed without saying why.",
        "Send again later; if it keeps failing, use another channel.",
    ),
    "twilio undelivered 30410": (
        "Twilio gave up waiting for the carrier: the message may have been delivered.",
        "Look for it at the provider or ask the customer, then settle it: it was sent, send again, or give up.",
    ),
    "twilio failed": (
        "The carrier does not accept this sender.",
        "Have the sender registered in the Twilio console, then send again.",
    ),
    "twilio 21211": (
        "Twilio takes the number for invalid.",
        "Correct the customer's number, or use another channel.",
    ),
    "twilio 21610": (
        "The recipient has opted out: they answered STOP to this sender.",
        "Use another channel; to get texts again the customer must text START to the sender.",
    ),
    "twilio 21614": (
        "The number is not a mobile number.",
        "Correct the customer's number, or use another channel.",
    ),
    "twilio 500": (
        "The request left for Twilio, but no usable answer was recorded: it may have been sent.",
        "Look for it at the provider or ask the customer, then settle it: it was sent, send again, or give up.",
    ),
}
"""Sentence and advice for each scenario that ends badly."""


def line_for(number: int, scenario: Scenario) -> dict[str, Any]:
    """A communication that meets this behaviour."""
    channel, recipient = by_key(scenario.provider).channel, scenario.recipient()
    customer: dict[str, Any] = {"id": f"K-{number}", "name": f"Customer {number}", "country": "SE"}
    if channel is Channel.EMAIL:
        customer["email"] = recipient
    elif channel is Channel.SMS:
        customer["phone"] = recipient
    elif channel is Channel.POST:
        customer |= address_of(recipient)
    else:
        customer["einvoice"] = einvoice.to_json(einvoice.parse(recipient))
    documents = [
        {
            "role": role.value,
            "name": name,
            "media_type": media_type,
            "base64": base64.b64encode(content).decode(),
        }
        for role, name, media_type, content in documents_for(channel, recipient, f"S{number}")
    ]
    return {
        "id": f"scenario-{number}",
        "kind": "notice",
        "subject": {"type": "invoice", "reference": scenario.name, "title": "As it happens"},
        "customer": customer,
        "channels": [channel.value],
        "documents": documents,
        "content": {"subject": "Invoice", "text": "Attached.", "sms": f"Invoice {number}"},
    }


def reference(scenario: Scenario) -> str:
    """What the scenario's subject is called."""
    return f"{scenario.provider} {scenario.name}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    """A plant on which every scenario has come to its end."""
    folder: Path = tmp_path_factory.mktemp("scenarios")
    url = f"sqlite:///{folder / 'commtui.db'}"
    if request.param == "postgresql":
        server: str = request.getfixturevalue("postgresql_server")
        name = f"p{uuid.uuid4().hex[:10]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE commtui_template")
        url = named(server, name)
    plant = Plant(folder, url, lease_seconds=60.0)
    lines = [line_for(number, scenario) for number, scenario in enumerate(ROWS)]
    for line, scenario in zip(lines, ROWS, strict=True):
        line["subject"]["reference"] = reference(scenario)
    plant.bring(lines)
    plant.start_web()
    plant.start("worker")
    plant.send_all()
    wanted = {reference(scenario): scenario.status for scenario in ROWS}
    try:
        until(lambda: ended(plant) == wanted, "every scenario to come to its end", 170.0)
    except AssertionError as error:
        error.add_note(f"otherwise: {dict(ended(plant).items() ^ wanted.items())}")
        raise
    yield plant
    plant.close()


def ended(plant: Plant) -> dict[str, Status]:
    """Where each subject's attempt stands; tasks that were made about one are left out."""
    page = plant.desk.page(Tab.LOG, Query(), Sort(), limit=500)
    return {
        line.reference: line.status for line in page.lines if line.channel is not Channel.MANUAL
    }


def seen(plant: Plant, tab: Tab, scenario: Scenario) -> Line:
    """The scenario's line on a list."""
    page = plant.desk.page(tab, Query(customer=customer_of(scenario)), Sort(), limit=10)
    (line,) = (
        line for line in page.lines if tab is Tab.OVERVIEW or line.channel is not Channel.MANUAL
    )
    return line


def tasks(plant: Plant, scenario: Scenario) -> int:
    """How many tasks were made because of the scenario, and closed again by what the provider said later."""
    page = plant.desk.page(Tab.LOG, Query(customer=customer_of(scenario)), Sort(), limit=10)
    return sum(line.channel is Channel.MANUAL for line in page.lines)


def customer_of(scenario: Scenario) -> str:
    """The source's id of the scenario's customer."""
    return f"K-{ROWS.index(scenario)}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", ROWS, ids=reference)
def test_an_operator_sees_what_happened_and_may_do_what_helps(
    played: Plant, scenario: Scenario
) -> None:
    overview, log = seen(played, Tab.OVERVIEW, scenario), seen(played, Tab.LOG, scenario)
    if overview.channel is Channel.MANUAL:
        check_task(played, overview, log)
        return
    for line in (overview, log):
        assert (line.status, line.chip) == (scenario.status, chip_of(scenario.status))
        assert (line.error_class, line.error_code) == (scenario.error_class, scenario.code)
    assert (log.attempts, overview.attempts) == (1, 1 + tasks(played, scenario))
    limited = played.desk.summary(overview.id).explanation
    complete = played.desk.details(log.id)
    if scenario.status is Status.QUEUED:
        assert limited is not None
        assert "tried again" in limited.sentence
    elif scenario.status not in FAILED_STATUSES:
        assert limited is None
        assert complete.explanation is None
    else:
        assert limited is not None
        assert complete.explanation == limited
        assert limited.error_class == scenario.error_class
        if reference(scenario) in SAID:
            assert (limited.sentence, limited.advice) == SAID[reference(scenario)]
        else:
            problem = by_key(scenario.provider).explain(scenario.status, scenario.code, "")
            assert (limited.sentence, limited.advice) == (problem.sentence, problem.advice)
            assert problem.error_class is scenario.error_class
    assert complete.history[0].word == "bulk"
    assert any(happening.status is scenario.status for happening in complete.history)
    check_keys(played, scenario, overview, log)


def check_task(plant: Plant, overview: Line, log: Line) -> None:
    """Something has to be done by hand: the line is the task, names the entry, and c completes it."""
    assert overview.status is Status.NOT_SENT
    said = plant.desk.summary(overview.id).explanation
    task = by_key(log.provider).tasks[overview.error_code]
    assert said is not None
    assert (said.sentence, said.advice) == (
        f"Manual action required: {task.sentence}",
        task.advice,
    )
    assert plant.desk.details(overview.entry_id or "").attempt.replaces_id == log.id


def check_keys(plant: Plant, scenario: Scenario, overview: Line, log: Line) -> None:
    """S sends what failed and may be sent, R resends unless the recipient refused, c settles the unknown."""
    refused = scenario.error_class is ErrorClass.POLICY
    failed = scenario.status in FAILED_STATUSES and scenario.status is not Status.UNKNOWN
    if scenario.status is Status.QUEUED:
        assert plant.desk.resend_offer(log.id).refusal == "this message is already on its way"
        return
    plan = plant.desk.prepare(Selection(Tab.OVERVIEW, (overview.id,)))
    plant.desk.discard(plan.run_id)
    assert plan.total == (1 if failed and not refused else 0)
    offer = plant.desk.resend_offer(log.id)
    assert (offer.refusal is not None) == (refused or scenario.status is Status.UNKNOWN)
    if scenario.status is Status.UNKNOWN:
        assert "Settle it" in str(offer.refusal)
