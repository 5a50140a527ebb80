"""Twilio's side of the Messages resource: what it refuses, what it answers, and the callbacks that follow."""

from __future__ import annotations

import base64
import re
import secrets
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.demo.callbacks import Callbacks
from commtui.demo.ledger import Ledger, PracticeAccount, PracticeMessage, now_text
from commtui.demo.scenario import Later, Reply, Scenario
from commtui.demo.scenarios import scenario_for
from commtui.demo.sms_scenarios import TWILIO

BODY_LIMIT = 1600
VALIDITY_LIMIT = 36_000
PAGE_SIZE, PAGE_LIMIT = 50, 1000
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|[A-Za-z0-9 ]{1,11}|\d{3,6}")


class TwilioApi:
    """The stand-in; `routes` goes into the practice network."""

    def __init__(self, account: PracticeAccount, ledger: Ledger, callbacks: Callbacks) -> None:
        self._account = account
        self._ledger = ledger
        self._callbacks = callbacks
        self._messages: dict[str, dict[str, Any]] = {}
        self._by_recipient: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        root = "/2010-04-01/Accounts/{account}"
        self.routes = [
            Route(f"{root}/Messages.json", self.create, methods=["POST"]),
            Route(f"{root}/Messages.json", self.read_list, methods=["GET"]),
            Route(f"{root}/Messages/{{sid}}.json", self.fetch, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response | None:
        """Send a message; None hangs up."""
        self._ledger.requests += 1
        if refused := self._unauthorised(request):
            return refused
        is_form = request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"
        )
        body = (await request.body()).decode("utf-8", "replace")
        form = dict(parse_qsl(body)) if is_form else {}
        if problem := self._problem(form):
            return _error(400, *problem)
        scenario = scenario_for(TWILIO, form["To"])
        reply = self._ledger.reply(scenario, form["To"])
        if reply is not None and not reply.accepted:
            return _answer(reply)
        message = self._take(form, scenario)
        return JSONResponse(message, 201) if reply is None else None

    async def read_list(self, request: Request) -> Response:
        """One page of the messages that fit, the newest first."""
        if refused := self._unauthorised(request):
            return refused
        asked = dict(request.query_params)
        try:
            size = min(max(int(asked.get("PageSize", PAGE_SIZE)), 1), PAGE_LIMIT)
            page = int(asked.get("Page", 0))
            fitting = [message for message in self._listed(asked) if _fits(message, asked)]
        except ValueError:
            return _error(400, 20001, "Invalid parameter")
        shown = fitting[page * size : (page + 1) * size]
        more = len(fitting) > (page + 1) * size
        following = urlencode({**asked, "PageSize": size, "Page": page + 1, "PageToken": "PA1"})
        return JSONResponse(
            {
                "messages": shown,
                "page": page,
                "page_size": size,
                "uri": f"{request.url.path}?{request.url.query}",
                "next_page_uri": f"{request.url.path}?{following}" if more else None,
            }
        )

    async def fetch(self, request: Request) -> Response:
        """One message as it stands now."""
        if refused := self._unauthorised(request):
            return refused
        message = self._messages.get(request.path_params["sid"])
        if message is None:
            return _error(404, 20404, f"The requested resource {request.url.path} was not found")
        return JSONResponse(message)

    def _unauthorised(self, request: Request) -> Response | None:
        account = self._account
        basic = base64.b64encode(f"{account.twilio_sid}:{account.twilio_token}".encode()).decode()
        if (
            request.headers.get("authorization") == f"Basic {basic}"
            and request.path_params["account"] == account.twilio_sid
        ):
            return None
        return _error(401, 20003, "Authenticate")

    def _problem(self, form: Mapping[str, str]) -> tuple[int, str] | None:
        to, body, callback = form.get("To", ""), form.get("Body", ""), form.get("StatusCallback")
        validity = form.get("ValidityPeriod", "1")
        sender = form.get("From", "")
        checks = (
            (not to, 21604, "A 'To' phone number is required."),
            (not _NUMBER.fullmatch(to), 21211, f"Invalid 'To' Phone Number: {to[:20]}"),
            (
                not sender and not form.get("MessagingServiceSid"),
                21603,
                "A 'From' phone number is required.",
            ),
            (
                bool(sender) and not _SENDER.fullmatch(sender),
                21212,
                "Invalid 'From' Phone Number",
            ),
            (sender == to, 21266, "'To' and 'From' number cannot be the same"),
            (not body, 21602, "Message body is required."),
            (
                len(body) > BODY_LIMIT,
                21617,
                "The concatenated message body exceeds the 1600 character limit.",
            ),
            (
                callback is not None and not self._reachable(callback),
                21609,
                "The 'StatusCallback' URL is not a valid URL.",
            ),
            (
                not (validity.isdecimal() and 1 <= int(validity) <= VALIDITY_LIMIT),
                20001,
                "ValidityPeriod is out of range.",
            ),
        )
        return next(((code, words) for wrong, code, words in checks if wrong), None)

    def _reachable(self, callback: str) -> bool:
        parts = urlsplit(callback)
        public = self._callbacks.public_url
        return parts.scheme in ("http", "https") and callback.startswith(public)

    def _take(self, form: Mapping[str, str], scenario: Scenario) -> dict[str, Any]:
        sid = "SM" + secrets.token_hex(16)
        message = self._resource(sid, form)
        self._messages[sid] = message
        self._by_recipient[form["To"]].append(message)
        callback = form.get("StatusCallback", "")
        self._ledger.accepted.append(
            PracticeMessage(
                provider=TWILIO,
                entry_id=parse_qs(urlsplit(callback).query).get("entry", [""])[0],
                recipient=form["To"],
                provider_message_id=sid,
                scenario=scenario.name,
                at=now_text(),
                text=form["Body"],
            )
        )
        for later in scenario.events:
            self._callbacks.start(self._happen(later, message, callback))
        return dict(message)

    async def _happen(self, later: Later, message: dict[str, Any], callback: str) -> None:
        await self._callbacks.wait(later.after)
        now = format_datetime(datetime.now(UTC))
        code = later.fields.get("ErrorCode")
        message.update(
            status=later.kind,
            date_updated=now,
            date_sent=message["date_sent"] or now,
            error_code=int(code) if code else None,
            error_message=later.fields.get("ErrorMessage"),
        )
        if callback:
            form = {
                "AccountSid": message["account_sid"],
                "ApiVersion": "2010-04-01",
                "From": message["from"] or "",
                "MessageSid": message["sid"],
                "MessageStatus": later.kind,
                "SmsSid": message["sid"],
                "SmsStatus": later.kind,
                "To": message["to"],
                **later.fields,
            }
            self._callbacks.message_status(callback, form)

    def _resource(self, sid: str, form: Mapping[str, str]) -> dict[str, Any]:
        now = format_datetime(datetime.now(UTC))
        service = form.get("MessagingServiceSid")
        uri = f"/2010-04-01/Accounts/{self._account.twilio_sid}/Messages/{sid}"
        return {
            "account_sid": self._account.twilio_sid,
            "api_version": "2010-04-01",
            "body": form["Body"],
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if service else form["From"],
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else str(-(-len(form["Body"]) // 153)),
            "price": None,
            "price_unit": "USD",
            "sid": sid,
            "status": "accepted" if service else "queued",
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": form["To"],
            "uri": f"{uri}.json",
        }

    def _listed(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        if "To" in asked:
            return self._by_recipient.get(asked["To"], [])[::-1]
        return list(self._messages.values())[::-1]


def _fits(message: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    """The list's filters; `DateSent>=2026-01-15` arrives as the name `DateSent>`."""
    if "From" in asked and message["from"] != asked["From"]:
        return False
    for name, value in asked.items():
        if name.startswith("DateSent") and not _dated(message, name[8:], date.fromisoformat(value)):
            return False
    return True


def _dated(message: Mapping[str, Any], comparison: str, bound: date) -> bool:
    sent = message["date_sent"]
    if sent is None:
        return False
    day = parsedate_to_datetime(sent).date()
    return (
        day == bound or (comparison == ">" and day > bound) or (comparison == "<" and day < bound)
    )


def _answer(reply: Reply) -> Response:
    return _error(reply.status, reply.code, reply.words)


def _error(status: int, code: int, message: str) -> Response:
    return JSONResponse(
        {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        },
        status,
    )
