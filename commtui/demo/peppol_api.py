"""e-invoice.be's side: what it validates, keeps as drafts, refuses and sends, and the webhooks that follow."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.demo.callbacks import Callbacks
from commtui.demo.ledger import Ledger, PracticeAccount, PracticeMessage, now_text, token
from commtui.demo.peppol_forms import answer, error, invalid, missing, no_file, uploaded
from commtui.demo.peppol_questions import Questions
from commtui.demo.peppol_reading import Read, Unreadable, issue, issues, read
from commtui.demo.peppol_scenarios import (
    ALTERED,
    FAILED,
    LATE,
    NO_HOOK,
    PEPPOL,
    SEND,
    SENT,
    STAGE,
    VALIDATE,
    WARNINGS,
    behaviour_of,
    tag_of,
)
from commtui.demo.scenario import Later, Reply

HOOK_PATH = "/webhooks/peppol"
HOOKS = {SENT: "document.sent", FAILED: "document.sent.failed"}
STATES = {SENT: "SENT", FAILED: "FAILED"}
PAGE_LIMIT = 100
_ENTRY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class _Kept:
    """A document of ours at the access point."""

    id: str
    name: str
    content: bytes = field(repr=False)
    read: Read
    created_at: str
    state: str = "DRAFT"
    late: bool = False
    """Taken, but shown as a draft until something happens."""
    events: list[dict[str, Any]] = field(default_factory=list)
    routing: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return "DRAFT" if self.late else self.state

    def happened(self, kind: str, details: Mapping[str, str] | None = None) -> None:
        self.events.append(
            {
                "event_type": kind,
                "timestamp": now_text(),
                "id": f"tle_{token(16)}",
                "details": dict(details) if details else None,
            }
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "document_type": self.read.sort,
            "state": self.shown,
            "direction": "OUTBOUND",
            "invoice_id": self.read.number,
            "customer_name": self.read.buyer_name,
            "created_at": self.created_at,
        }


class PeppolApi:
    """The stand-in; `routes` goes into the practice network."""

    def __init__(self, account: PracticeAccount, ledger: Ledger, callbacks: Callbacks) -> None:
        self._account = account
        self._ledger = ledger
        self._callbacks = callbacks
        self._kept: dict[str, _Kept] = {}
        self._files: dict[str, bytes] = {}
        self._credit = self._account.peppol_credit
        one = "/api/documents/{document}"
        self.routes = [
            Route("/api/me/", self.show_account, methods=["GET"]),
            Route("/api/validate/ubl", self.validate, methods=["POST"]),
            *Questions(self._unauthorised).routes,
            Route("/api/documents/ubl", self.stage, methods=["POST"]),
            Route(f"{one}/send", self.send, methods=["POST"]),
            Route(f"{one}/timeline", self.timeline, methods=["GET"]),
            Route(f"{one}/ubl", self.show_ubl, methods=["GET"]),
            Route(one, self.show, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route("/api/drafts/", self.list_drafts, methods=["GET"]),
            Route("/api/outbox/drafts", self.list_drafts, methods=["GET"]),
            Route("/api/outbox/", self.list_outbox, methods=["GET"]),
            Route("/storage/{key}", self.download, methods=["GET"]),
        ]

    @property
    def drafts(self) -> list[str]:
        """The ids of what was uploaded and not sent."""
        return [item.id for item in self._kept.values() if item.state == "DRAFT"]

    async def show_account(self, request: Request) -> Response:
        """Our account: credit, and the ids that we may send from."""
        if refused := self._unauthorised(request):
            return refused
        return JSONResponse(
            {
                "name": "Practice",
                "plan": "starter",
                "credit_balance": self._credit,
                "peppol_ids": [self._account.peppol_sender_id],
                "smp_registration": True,
            }
        )

    async def validate(self, request: Request) -> Response:
        """The rules' result on a file: 201, valid or not."""
        if refused := self._unauthorised(request):
            return refused
        given = await uploaded(request)
        if given is None:
            return no_file()
        name, content = given
        found = issues(content)
        participant = _buyer(content)
        if reply := self._reply(participant, VALIDATE):
            found.append(issue(reply.field or "", reply.words))
        if warning := WARNINGS.get(tag_of(participant)):
            found.append(issue(*warning, sort="warning"))
        return JSONResponse(
            {
                "id": f"val_{token(16)}",
                "file_name": name,
                "is_valid": not any(item["type"] == "error" for item in found),
                "issues": found,
                "ubl_document": None,
            },
            201,
        )

    async def stage(self, request: Request) -> Response | None:
        """Keep a file as a draft; None hangs up."""
        if refused := self._unauthorised(request):
            return refused
        given = await uploaded(request)
        if given is None:
            return no_file()
        name, content = given
        try:
            found = read(content)
        except Unreadable:
            return error(415, "UBL file is not valid or empty")
        reply = self._reply(found.buyer, STAGE)
        if reply and not reply.accepted:
            return answer(reply)
        kept = _Kept(f"doc_{token(20)}", name, content, found, now_text())
        kept.happened("document_created")
        self._kept[kept.id] = kept
        return JSONResponse(kept.as_json(), 201) if reply is None else None

    async def send(self, request: Request) -> Response | None:
        """Send a draft, once; None hangs up. Without ids in the query they come from the tax numbers."""
        if refused := self._unauthorised(request):
            return refused
        kept = self._kept.get(request.path_params["document"])
        if kept is None:
            return missing()
        if kept.state != "DRAFT":
            kept.late = False
            return error(405, "Document is not in draft state")
        route = {
            name: request.query_params.get(f"{name}_scheme", "")
            + ":"
            + request.query_params.get(f"{name}_id", "")
            for name in ("sender_peppol", "receiver_peppol")
        }
        sender = route["sender_peppol"] if len(route["sender_peppol"]) > 1 else kept.read.seller_tax
        to = route["receiver_peppol"] if len(route["receiver_peppol"]) > 1 else kept.read.buyer_tax
        if problem := self._refused(kept, sender, to):
            return problem
        reply = self._reply(to, SEND)
        if reply and not reply.accepted:
            self._credit = 0 if reply.status == 402 else self._credit
            return answer(reply)
        self._take(kept, sender, to)
        return JSONResponse(kept.as_json()) if reply is None else None

    async def show(self, request: Request) -> Response:
        """One document as it stands now."""
        if refused := self._unauthorised(request):
            return refused
        kept = self._kept.get(request.path_params["document"])
        return JSONResponse(kept.as_json()) if kept else missing()

    async def timeline(self, request: Request) -> Response:
        """What happened to one document."""
        if refused := self._unauthorised(request):
            return refused
        kept = self._kept.get(request.path_params["document"])
        if kept is None:
            return missing()
        return JSONResponse({"document_id": kept.id, "events": kept.events})

    async def show_ubl(self, request: Request) -> Response:
        """Where one document's file is for a short while."""
        if refused := self._unauthorised(request):
            return refused
        kept = self._kept.get(request.path_params["document"])
        if kept is None:
            return missing()
        key = token(32)
        self._files[key] = kept.content
        return JSONResponse(
            {
                "id": kept.id,
                "file_name": kept.name,
                "file_size": len(kept.content),
                "file_hash": hashlib.sha256(kept.content).hexdigest(),
                "signed_url": f"{request.base_url}storage/{key}",
                "validated_at": kept.created_at,
                **kept.routing,
            }
        )

    async def download(self, request: Request) -> Response:
        """A file behind its signed address, which works once and without the key."""
        content = self._files.pop(request.path_params["key"], None)
        if content is None or "authorization" in request.headers:
            return Response("AccessDenied", 403)
        return Response(content, media_type="application/xml")

    async def delete(self, request: Request) -> Response:
        """Delete a draft."""
        if refused := self._unauthorised(request):
            return refused
        kept = self._kept.get(request.path_params["document"])
        if kept is None:
            return missing()
        if kept.state != "DRAFT":
            return error(400, "Document is not in draft state")
        del self._kept[kept.id]
        return JSONResponse({"is_deleted": True})

    async def list_drafts(self, request: Request) -> Response:
        """A page of the drafts."""
        return self._listed(request, lambda item: item.shown == "DRAFT")

    async def list_outbox(self, request: Request) -> Response:
        """A page of what was sent."""
        return self._listed(request, lambda item: item.shown != "DRAFT")

    def _listed(self, request: Request, fits: Any) -> Response:
        if refused := self._unauthorised(request):
            return refused
        asked = request.query_params
        try:
            page, size = int(asked.get("page", 1)), int(asked.get("page_size", 20))
        except ValueError:
            page = size = 0
        if page < 1 or not 1 <= size <= PAGE_LIMIT:
            return invalid("page_size", f"Input should be between 1 and {PAGE_LIMIT}", "query")
        wanted = asked.get("search", "").lower()
        found = [
            item
            for item in self._kept.values()
            if fits(item) and wanted in f"{item.read.number} {item.read.buyer_name}".lower()
        ]
        if asked.get("sort_order", "desc") == "desc":
            found.reverse()
        shown = found[(page - 1) * size : page * size]
        return JSONResponse(
            {
                "items": [item.as_json() for item in shown],
                "total": len(found),
                "page": page,
                "page_size": size,
                "pages": -(-len(found) // size),
                "has_next_page": len(found) > page * size,
            }
        )

    def _unauthorised(self, request: Request) -> Response | None:
        self._ledger.requests += 1
        if request.headers.get("authorization") == f"Bearer {self._account.peppol_api_key}":
            return None
        return error(401, "API key is missing, invalid, or inactive")

    def _reply(self, participant: str, step: str) -> Reply | None:
        """The answer other than success that this call gets."""
        scenario = behaviour_of(participant)
        if scenario.reply is None or scenario.reply.step != step:
            return None
        return self._ledger.reply(scenario, participant)

    def _refused(self, kept: _Kept, sender: str, to: str) -> Response | None:
        if not sender or not to:
            return error(400, "Document is missing Peppol information")
        if sender.casefold() != self._account.peppol_sender_id.casefold():
            return error(409, "Document is not allowed to send from the given Peppol ID")
        if any(item["type"] == "error" for item in issues(kept.content)):
            return error(406, "Document can not be validated as valid UBL document")
        return None

    def _take(self, kept: _Kept, sender: str, to: str) -> None:
        scenario = behaviour_of(to)
        kept.state = "TRANSIT"
        kept.late = any(later.kind == LATE for later in scenario.events)
        kept.routing = {
            f"{name}_peppol_{part}": value
            for name, participant in (("sender", sender), ("receiver", to))
            for part, value in zip(("scheme", "id"), participant.split(":", 1), strict=True)
        }
        kept.happened("send_attempted")
        self._credit = self._account.peppol_credit
        named = _ENTRY.search(kept.name)
        self._ledger.accepted.append(
            PracticeMessage(
                provider=PEPPOL,
                entry_id=named.group(0) if named else "",
                recipient=f"peppol:{to}",
                provider_message_id=kept.id,
                scenario=scenario.name,
                at=now_text(),
                subject=kept.read.number,
                attachments=((kept.name, hashlib.sha256(kept.content).hexdigest()),),
            )
        )
        for later in scenario.events:
            if later.kind != LATE:
                self._callbacks.start(self._happen(later, kept))

    async def _happen(self, later: Later, kept: _Kept) -> None:
        await self._callbacks.wait(later.after)
        if later.kind == ALTERED:
            kept.content = kept.content.replace(b"?>", b"?><!-- kept by the access point -->", 1)
            return
        kept.late = False
        kept.state = STATES.get(later.kind, kept.state)
        kept.happened(later.kind, later.fields)
        if later.kind in HOOKS and not later.without & NO_HOOK:
            self._call_back(HOOKS[later.kind], kept.id)

    def _call_back(self, kind: str, document: str) -> None:
        data = {"document_id": document}
        event = {
            "id": f"evt-{secrets.token_hex(16)}",
            "tenant_id": "ten-practice",
            "created_at": int(time.time()),
            "type": kind,
            "data": data,
            "text": f"⚡️ New webhook event: {kind}\n\n{json.dumps(data, indent=2)}",
        }
        signed = json.dumps(event, sort_keys=True).encode()
        key = self._account.peppol_webhook_secret.encode()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": f"sha256={hmac.new(key, signed, hashlib.sha256).hexdigest()}",
        }
        # other blanks, order and escapes than the signed form: the signature is not over these bytes
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        self._callbacks.deliver(HOOK_PATH, body, headers)


def _buyer(content: bytes) -> str:
    try:
        return read(content).buyer
    except Unreadable:
        return ""
