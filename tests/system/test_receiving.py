"""The web receiver as a process: what it refuses leaves no trace, what it takes may come twice and in any order."""

from __future__ import annotations

import itertools
import json
import socket
import time
from typing import Any

import httpx
import sqlalchemy as sa

from commtui.demo.callbacks import SigningKey, event_body, twilio_signature
from commtui.domain.vocabulary import Status
from commtui.store.tables import inbox
from commtui.web import BODY_LIMIT
from tests.system.plant import HOST, Plant, until

PREFIX = "X-Twilio-Email-Event-Webhook-"


def signed(plant: Plant, body: bytes, moment: str = "") -> dict[str, str]:
    """SendGrid's headers for a body."""
    at = moment or str(int(time.time()))
    key = SigningKey.kept_in(plant.folder / "signing-key.pem")
    return {PREFIX + "Timestamp": at, PREFIX + "Signature": key.sign(at.encode() + body)}


def post(plant: Plant, path: str, body: bytes, headers: dict[str, str]) -> int:
    url = plant.settings.web.public_url + path
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def stored(plant: Plant) -> int:
    """How many calls stand in the inbox."""
    with plant.desk.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()


def sent_entry(plant: Plant) -> str:
    """An email that was sent, whose own events are over."""
    plant.bring_and_send(1)
    plant.work_until_idle()
    plant.start_web()
    until(plant.events_delivered, "the network's own events")
    return plant.lines()[0].id


def event(plant: Plant, entry_id: str, kind: str, at: int, **more: Any) -> dict[str, Any]:
    message = plant.accepted()[0]
    return {
        "email": message.recipient,
        "event": kind,
        "timestamp": at,
        "sg_event_id": f"{kind}-{at}",
        "sg_message_id": f"{message.provider_message_id}.recvd",
        "commtui_entry": entry_id,
        **more,
    }


def test_a_call_with_a_wrong_signature_is_refused_and_nothing_is_stored(plant: Plant) -> None:
    plant.start_web()
    body = event_body([{"event": "bounce", "email": "a@example.com", "timestamp": 1}])
    good = signed(plant, body)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    url = plant.settings.web.public_url + "/webhooks/twilio/status"
    twilio = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": twilio_signature("another token", url, form),
    }

    assert post(plant, "/webhooks/sendgrid", body + b" ", good) == 403
    assert post(plant, "/webhooks/sendgrid", body, {}) == 403
    assert post(plant, "/webhooks/sendgrid", body, {**good, PREFIX + "Timestamp": "1"}) == 403
    assert post(plant, "/webhooks/sendgrid", body, {**good, PREFIX + "Signature": "?"}) == 403
    assert post(plant, "/webhooks/twilio/status", b"MessageSid=SM1", twilio) == 403
    assert post(plant, "/webhooks/twilio/inbound", b"Body=STOP", {}) == 403
    assert post(plant, "/webhooks/nobody", body, good) == 404
    assert stored(plant) == 0
    assert post(plant, "/webhooks/sendgrid", body, good) == 204
    assert stored(plant) == 1


def test_a_streamed_body_that_announces_no_length_is_cut_off_at_the_limit(plant: Plant) -> None:
    plant.start_web()
    port = plant.settings.web.port
    chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    with socket.create_connection((HOST, port), timeout=20) as calling:
        calling.sendall(
            b"POST /webhooks/sendgrid HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(BODY_LIMIT // 65_536 + 1):
            calling.sendall(chunk)
        assert calling.recv(100).startswith(b"HTTP/1.1 413")
    assert stored(plant) == 0
    body = b"[" + b" " * (BODY_LIMIT - 2) + b"]"
    assert post(plant, "/webhooks/sendgrid", body, signed(plant, body)) == 204
    assert post(plant, "/webhooks/sendgrid", body + b" ", signed(plant, body + b" ")) == 413
    assert plant.web_answers()


def test_events_that_come_twice_replayed_and_in_any_order_end_in_one_state(plant: Plant) -> None:
    entry_id = sent_entry(plant)
    now = int(time.time())
    events = [
        event(plant, entry_id, "processed", now - 30),
        event(plant, entry_id, "delivered", now - 20),
        event(plant, entry_id, "bounce", now - 10, type="bounce", status="5.1.1", reason="550 no"),
    ]
    for order in itertools.permutations(events):
        body = event_body([*order, order[0]])
        headers = signed(plant, body)
        assert post(plant, "/webhooks/sendgrid", body, headers) == 204
        assert post(plant, "/webhooks/sendgrid", body, headers) == 204
    again = [{**item, "sg_event_id": f"other-{index}"} for index, item in enumerate(events)]
    body = event_body(again)
    assert post(plant, "/webhooks/sendgrid", body, signed(plant, body)) == 204
    plant.work_until_idle()

    details = plant.desk.details(entry_id)
    assert details.attempt.line.status is Status.BOUNCED
    assert details.attempt.line.after_delivery
    words = [item.word for item in details.history]
    assert words.count("bounce") == 1
    assert len(plant.lines()) == 1


def test_an_unreadable_call_is_kept_and_holds_up_no_other(plant: Plant) -> None:
    entry_id = sent_entry(plant)
    for body in (b"{}", b"[1, null]", b"\xff", json.dumps([{"event": {}}]).encode()):
        assert post(plant, "/webhooks/sendgrid", body, signed(plant, body)) == 204
    bounce = event(plant, entry_id, "bounce", int(time.time()), type="bounce", status="5.1.1")
    body = event_body([bounce])
    assert post(plant, "/webhooks/sendgrid", body, signed(plant, body)) == 204
    plant.work_until_idle()
    assert plant.log() == {entry_id: Status.BOUNCED}


def test_the_web_receiver_ends_with_0_when_asked_to_and_says_goodbye(plant: Plant) -> None:
    web = plant.start_web()
    until(lambda: plant.desk.health().web == 1, "the receiver to be heard of")
    web.terminate()
    assert web.wait(20) == 0
    assert plant.desk.health().web == 0
