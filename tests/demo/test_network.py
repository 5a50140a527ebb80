"""The practice network refuses what the providers refuse, and calls back until somebody answers."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from commtui.demo.callbacks import SigningKey
from commtui.demo.network import PracticeNetwork
from commtui.providers.http import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAIL: dict[str, Any] = {
    "personalizations": [
        {"to": [{"email": "c@example.com"}], "custom_args": {"commtui_entry": "e"}}
    ],
    "from": {"email": "billing@example.com"},
    "subject": "Invoice",
    "content": [{"type": "text/plain", "value": "Pay"}, {"type": "text/html", "value": "<p>Pay"}],
}
PROCESS = """
import sys
from pathlib import Path
from commtui.demo.network import run
run("127.0.0.1", 0, web_url="http://127.0.0.1:1", key_file=Path(sys.argv[1]),
    ready=lambda network: print(network.url, flush=True))
"""
TEXT = {"To": "+46701740605", "From": "ACME", "Body": "Pay"}


async def mail(
    practice: Any, body: object, key: str = "", kind: str = "application/json"
) -> Answer:
    return await practice.http.call(
        "x",
        "POST",
        practice.network.url + "/v3/mail/send",
        headers={
            "authorization": f"Bearer {key or practice.network.account.sendgrid_key}",
            "content-type": kind,
        },
        content=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


async def text(
    practice: Any,
    form: dict[str, str],
    token: str = "",
    kind: str = "application/x-www-form-urlencoded",
) -> Answer:
    account = practice.network.account
    return await practice.http.call(
        "x",
        "POST",
        f"{practice.network.url}/2010-04-01/Accounts/{account.twilio_sid}/Messages.json",
        headers={"content-type": kind},
        content=urlencode(form).encode(),
        auth=(account.twilio_sid, token or account.twilio_token),
    )


def changed(**values: object) -> dict[str, Any]:
    return {name: value for name, value in {**MAIL, **values}.items() if value is not None}


PERSON = MAIL["personalizations"][0]
ENCODED = base64.b64encode(b"%PDF").decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", None),
        (b"[]", None),
        (changed(personalizations=None), "personalizations"),
        (changed(personalizations=[{}]), "personalizations.0.to"),
        (changed(personalizations=[{"to": [{"email": "x"}]}]), "personalizations.0.to.0.email"),
        (changed(personalizations=[{**PERSON, "custom_args": {"a": 1}}]), None),
        (changed(**{"from": None}), "from.email"),
        (changed(subject=None), "subject"),
        (changed(content=None), "content"),
        (changed(content=[{"type": "text/plain", "value": ""}]), "content.0.value"),
        (changed(content=MAIL["content"][::-1]), "content"),
        (changed(attachments=[{"content": ENCODED}]), "attachments.0"),
        (changed(attachments=[{"content": "é", "filename": "a"}]), "attachments.0.content"),
    ],
)
async def test_sendgrid_refuses_a_bad_request_and_names_the_field(
    practice: Any, body: object, field: str | None
) -> None:
    before = len(practice.network.accepted)
    answer = await mail(practice, body)
    assert answer.status == 400
    assert answer.json()["errors"][0]["field"] == field
    assert len(practice.network.accepted) == before


async def test_sendgrid_refuses_a_wrong_key_a_wrong_form_and_a_huge_body(practice: Any) -> None:
    assert (await mail(practice, MAIL, key="SG.wrong")).status == 401
    assert (await mail(practice, MAIL, kind="text/plain")).status == 415
    huge = await mail(practice, bytes(30_000_001))
    assert huge.status == 413
    assert b"nginx" in huge.body
    assert huge.json() is None


async def test_sendgrid_takes_a_right_request_and_keeps_a_record(practice: Any) -> None:
    attachment = {"content": ENCODED, "filename": "a.pdf", "type": "application/pdf"}
    answer = await mail(practice, changed(attachments=[attachment]))
    assert answer.status == 202
    assert answer.body == b""
    message = practice.network.accepted[-1]
    assert message.provider_message_id == answer.headers["x-message-id"]
    assert (message.entry_id, message.subject, message.text) == ("e", "Invoice", "Pay")
    assert message.attachments[0][0] == "a.pdf"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({**TEXT, "To": ""}, 21604),
        ({**TEXT, "To": "06 12 34 56 78"}, 21211),
        ({**TEXT, "From": ""}, 21603),
        ({**TEXT, "From": "far too long for it"}, 21212),
        ({**TEXT, "From": "+46701740605"}, 21266),
        ({**TEXT, "Body": ""}, 21602),
        ({**TEXT, "Body": "x" * 1601}, 21617),
        ({**TEXT, "StatusCallback": "https://elsewhere.example.test/x"}, 21609),
        ({**TEXT, "ValidityPeriod": "0"}, 20001),
    ],
)
async def test_twilio_refuses_a_bad_request_with_its_code(
    practice: Any, form: dict[str, str], code: int
) -> None:
    answer = await text(practice, form)
    assert answer.status == 400
    assert answer.json()["code"] == code


async def test_twilio_refuses_a_wrong_token_and_reads_forms_only(practice: Any) -> None:
    refused = await text(practice, TEXT, token="wrong")
    assert (refused.status, refused.json()["code"]) == (401, 20003)
    assert (await text(practice, TEXT, kind="application/json")).json()["code"] == 21604


async def test_twilio_lists_the_newest_first_page_by_page_and_by_day(practice: Any) -> None:
    number = "+33612345678"
    sids = [
        (await text(practice, {**TEXT, "To": number, "Body": str(n)})).json()["sid"]
        for n in range(5)
    ]
    account = practice.network.account
    base = f"{practice.network.url}/2010-04-01/Accounts/{account.twilio_sid}/Messages.json"
    auth = (account.twilio_sid, account.twilio_token)

    async def listed(query: str) -> dict[str, Any]:
        answer = await practice.http.call("x", "GET", f"{base}?{query}", auth=auth)
        assert answer.status == 200
        return answer.json()

    await practice.until(lambda: practice.network.idle)
    seen, query = [], urlencode({"To": number, "PageSize": "2"})
    while query:
        page = await listed(query)
        seen += [message["sid"] for message in page["messages"]]
        query = (page["next_page_uri"] or "").partition("?")[2]
    assert seen == sids[::-1]
    to = urlencode({"To": number})
    assert len((await listed(f"{to}&DateSent>=2020-01-01"))["messages"]) == 5
    assert (await listed(f"{to}&DateSent<=2020-01-01"))["messages"] == []
    assert (await listed(f"{to}&From=OTHER"))["messages"] == []
    bad = await practice.http.call("x", "GET", f"{base}?PageSize=x", auth=auth)
    assert bad.status == 400


async def test_a_callback_is_made_again_until_it_is_answered(practice: Any) -> None:
    practice.catcher.refuse = 2
    before = len(practice.catcher.calls)
    callback = "https://hooks.example.test/commtui/webhooks/twilio/status?entry=1#rc=5&rp=all"
    await text(practice, {**TEXT, "StatusCallback": callback})
    await practice.until(lambda: len(practice.catcher.calls) >= before + 2)
    paths = {call.path for call in practice.catcher.calls[before:]}
    assert paths == {"/webhooks/twilio/status?entry=1"}


async def test_events_come_in_batches_with_a_line_break_after_each(practice: Any) -> None:
    await practice.until(lambda: practice.network.idle)
    before = len(practice.catcher.calls)
    for _ in range(20):
        await mail(practice, MAIL)
    await practice.until(lambda: practice.network.idle)
    bodies = [call.body for call in practice.catcher.calls[before:]]
    assert sum(len(json.loads(body)) for body in bodies) == 40
    assert len(bodies) < 40
    assert all(body.endswith(b"}]\r\n") for body in bodies)
    assert any(b"},\r\n{" in body for body in bodies)


async def test_what_was_accepted_can_be_asked_for_over_http(practice: Any) -> None:
    health = (await practice.http.call("x", "GET", practice.network.url + "/health")).json()
    assert health["status"] == "ok"
    url = practice.network.url + "/practice/accepted"
    listed = (await practice.http.call("x", "GET", url)).json()
    assert len(listed) == health["accepted"] == len(practice.network.accepted)
    assert listed[-1]["recipient"]
    account = await practice.http.call("x", "GET", practice.network.url + "/practice/account")
    assert account.json()["sendgrid"]["webhook_public_key"] == practice.network.key.public_key


async def test_a_network_without_a_receiver_stops_all_the_same(practice: Any) -> None:
    async with PracticeNetwork(scale=0.001, retry_seconds=0.001) as alone:
        assert (await mail(replace(practice, network=alone), MAIL)).status == 202
        assert len(alone.accepted) == 1


async def test_the_network_runs_as_a_process_of_its_own_until_it_is_told_to_stop(
    practice: Any, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, str(tmp_path / "key.pem"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    assert (await practice.http.call("x", "GET", url + "/health")).json()["accepted"] == 0
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_signing_key_survives_a_restart_in_a_file_of_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "practice" / "signing.pem"
    first, second = SigningKey.kept_in(path), SigningKey.kept_in(path)
    assert first.public_key == second.public_key
    assert path.stat().st_mode & 0o077 == 0
