"""SendGrid's side of `POST /v3/mail/send`: what it refuses, what it answers, and the events that follow."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from commtui.demo.callbacks import Callbacks
from commtui.demo.email_scenarios import SENDGRID
from commtui.demo.ledger import Ledger, PracticeAccount, PracticeMessage, now_text, token
from commtui.demo.scenario import Later, Reply, Scenario
from commtui.demo.scenarios import scenario_for

SIZE_LIMIT = 30_000_000
CUSTOM_ARGS_LIMIT = 10_000
_ADDRESS = re.compile(r"[!-~]+@[!-~]+\.[!-~]+")
_CONTENT_ORDER = {"text/plain": 0, "text/html": 1}
_RATE_LIMIT = 600
TOO_LARGE_PAGE = (
    "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n"
    "<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)


class _Refusal(Exception):
    def __init__(self, message: str, field: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.field, self.status = message, field, status


class SendGridApi:
    """The stand-in; `routes` goes into the practice network."""

    def __init__(
        self, account: PracticeAccount, ledger: Ledger, callbacks: Callbacks, scale: float
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._callbacks = callbacks
        self._scale = scale
        self.routes = [Route("/v3/mail/send", self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response | None:
        """The Mail Send operation; None hangs up."""
        self._ledger.requests += 1
        body = await request.body()
        if len(body) > SIZE_LIMIT:
            return HTMLResponse(TOO_LARGE_PAGE, 413, {"Server": "nginx"})
        try:
            message = self._read(request.headers, body)
        except _Refusal as refusal:
            return _errors(refusal.status, refusal.message, refusal.field)
        recipient = message["personalizations"][0]["to"][0]["email"]
        scenario = scenario_for(SENDGRID, recipient)
        reply = self._ledger.reply(scenario, recipient)
        if reply is not None and not reply.accepted:
            return self._answer(reply)
        message_id = self._take(message, recipient, scenario)
        if reply is not None:
            return None
        return Response(status_code=202, headers={"X-Message-Id": message_id, **_rate_limit(60)})

    def _read(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        if headers.get("authorization") != f"Bearer {self._account.sendgrid_key}":
            raise _Refusal(
                "The provided authorization grant is invalid, expired, or revoked", None, 401
            )
        if not headers.get("content-type", "").startswith("application/json"):
            raise _Refusal("Content-Type should be application/json.", None, 415)
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise _Refusal("Bad Request")
        _check_people(message)
        _check_content(message)
        return message

    def _answer(self, reply: Reply) -> Response:
        if reply.html:
            page = TOO_LARGE_PAGE if reply.status == 413 else "<html><h1>Server Error</h1></html>"
            return HTMLResponse(page, reply.status, {"Server": "nginx"})
        wait = 60.0 if reply.wait is None else reply.wait * self._scale
        return _errors(reply.status, reply.words, reply.field, _rate_limit(wait, reply.wait))

    def _take(self, message: dict[str, Any], recipient: str, scenario: Scenario) -> str:
        message_id, arguments = token(22), message["personalizations"][0].get("custom_args", {})
        content = {part["type"]: part["value"] for part in message["content"]}
        self._ledger.accepted.append(
            PracticeMessage(
                provider=SENDGRID,
                entry_id=arguments.get("commtui_entry", ""),
                recipient=recipient,
                provider_message_id=message_id,
                scenario=scenario.name,
                at=now_text(),
                subject=message["subject"],
                text=content.get("text/plain", ""),
                html=content.get("text/html", ""),
                attachments=tuple(
                    (
                        item["filename"],
                        hashlib.sha256(base64.b64decode(item["content"])).hexdigest(),
                    )
                    for item in message.get("attachments") or ()
                ),
            )
        )
        for later in scenario.events:
            for _ in range(later.copies):
                event = _event(later, recipient, message_id, arguments)
                self._callbacks.email_event(event, later.after)
        return message_id


def _event(
    later: Later, recipient: str, message_id: str, arguments: Mapping[str, str]
) -> dict[str, Any]:
    """An event with an id of its own, even when it is a copy: SendGrid's duplicates have new ids."""
    event: dict[str, Any] = {
        "email": recipient,
        "event": later.kind,
        "sg_event_id": token(22),
        "smtp-id": f"<{message_id}@geopod-ismtpd-1>",
        **later.fields,
    }
    if "sg_message_id" not in later.without:
        event["sg_message_id"] = f"{message_id}.recvd-7c9d8f-abcde-1-65a50000-1.0"
    if "custom_args" not in later.without:
        event.update(arguments)
    return event


def _check_people(message: Mapping[str, Any]) -> None:
    people = message.get("personalizations")
    if not isinstance(people, list) or not people or not isinstance(people[0], dict):
        raise _Refusal(
            "The personalizations field is required and must have at least one personalization.",
            "personalizations",
        )
    to = people[0].get("to")
    if not isinstance(to, list) or not to:
        raise _Refusal(
            "The to array is required for all personalization objects, and must have at least one "
            "email object with a valid email address.",
            "personalizations.0.to",
        )
    if not _is_address(to[0]):
        raise _Refusal("Does not contain a valid address.", "personalizations.0.to.0.email")
    if not _is_address(message.get("from")):
        raise _Refusal(
            "The from object must be provided for every email send. It is an object that requires "
            "the email parameter, but may also contain a name parameter.",
            "from.email",
        )
    arguments = people[0].get("custom_args", {})
    if not isinstance(arguments, dict) or not all(isinstance(v, str) for v in arguments.values()):
        raise _Refusal("Bad Request")
    if len(json.dumps(arguments)) > CUSTOM_ARGS_LIMIT:
        raise _Refusal("The custom_args are too large.", "personalizations.0.custom_args")


def _check_content(message: Mapping[str, Any]) -> None:
    if not isinstance(message.get("subject"), str) or not message["subject"]:
        raise _Refusal("The subject is required.", "subject")
    content = message.get("content")
    if not isinstance(content, list) or not content:
        raise _Refusal(
            "Unless a valid template_id is provided, the content parameter is required.", "content"
        )
    for index, part in enumerate(content):
        value = part.get("value") if isinstance(part, dict) else None
        if not isinstance(value, str) or not value or not isinstance(part.get("type"), str):
            raise _Refusal(
                "The content value must be a string at least one character in length.",
                f"content.{index}.value",
            )
    order = [_CONTENT_ORDER.get(part["type"], 2) for part in content]
    if order != sorted(order):
        raise _Refusal(
            "If present, text/plain must be first, followed by text/html, followed by any other "
            "content.",
            "content",
        )
    for index, item in enumerate(message.get("attachments") or ()):
        _check_attachment(item, f"attachments.{index}")


def _check_attachment(item: object, place: str) -> None:
    if not isinstance(item, dict) or not item.get("filename") or not item.get("content"):
        raise _Refusal("The attachment needs a filename and content.", place)
    try:
        base64.b64decode(item["content"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise _Refusal(
            "The attachment content must be base64 encoded.", f"{place}.content"
        ) from None


def _is_address(person: object) -> bool:
    address = person.get("email") if isinstance(person, dict) else None
    return isinstance(address, str) and bool(_ADDRESS.fullmatch(address))


def _rate_limit(seconds: float, reached: float | None = None) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(_RATE_LIMIT),
        "X-RateLimit-Remaining": str(_RATE_LIMIT - 1 if reached is None else 0),
        "X-RateLimit-Reset": str(math.ceil(time.time() + seconds)),
    }


def _errors(
    status: int, message: str, field: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    body = {"errors": [{"message": message, "field": field, "help": None}]}
    return JSONResponse(body, status, dict(headers or _rate_limit(60)))
