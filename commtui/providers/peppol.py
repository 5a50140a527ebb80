"""Peppol: e-invoices through an access point, step by step, and what becomes of them layer by layer.

The access point is e-invoice.be; another one fits that keeps `peppol_access.AccessPoint`. The bytes that are
sent are the bytes that were imported: checked, uploaded, and compared with what the access point sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from commtui.config import Settings
from commtui.domain.einvoice import Network, Reachability, Registration, Routing
from commtui.domain.vocabulary import Channel, Layer
from commtui.errors import NotSent, ProviderError, Stopped, UnknownOutcome
from commtui.providers import peppol_facts, peppol_proof, wire
from commtui.providers.base import (
    Accepted,
    AccountFinding,
    Calls,
    Capability,
    DeliveryEvent,
    Document,
    ProviderSpec,
    SendRequest,
    SettingField,
    Steps,
    Watch,
    Watched,
)
from commtui.providers.einvoice import checking, document
from commtui.providers.einvoice.rules import Rules
from commtui.providers.einvoice_be import KEY, EInvoiceBe
from commtui.providers.http import Http
from commtui.providers.peppol_access import (
    AccessPoint,
    HistoryItem,
    Route,
    Stage,
    Standing,
)
from commtui.providers.peppol_codes import LABEL, TASKS, document_type, explain
from commtui.providers.peppol_facts import About, again_after
from commtui.providers.peppol_hooks import PATH, PeppolReceiver
from commtui.providers.peppol_lookup import OFF, Directory, weigh
from commtui.providers.peppol_proof import invoices

CHECK_HOLDS = timedelta(days=1)
"""How long it is believed that a recipient is reachable; a "not registered" is asked again with every sending."""
CERTAIN_AFTER = timedelta(minutes=1)
"""After the request that sends was allowed to take its time: what is a draft then was not sent."""
LOW_CREDIT = 50
"""Documents that the access point still sends for our credit: below it we say so."""
FIRST_POLL = timedelta(seconds=10)
WATCHED = "watched"
"""Under this name the answers to earlier questions are remembered."""


class PeppolProvider:
    """Hands invoices to an access point, settles lost answers, and follows what becomes of them."""

    def __init__(
        self,
        settings: Settings,
        point: AccessPoint,
        directory: Directory | None,
        rules: Rules | None = None,
    ) -> None:
        """`rules` runs the rules of documents; by default those that this process shares."""
        self._sender = settings.peppol.sender_id
        self._call_seconds = settings.worker.request_seconds
        self._point = point
        self._directory = directory
        self._rules = rules

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        if not request.recipient.strip():
            return "missing_recipient", "The customer has no Peppol ID."
        if request.routing is None or request.routing.network is not Network.PEPPOL:
            return "invalid_recipient", "The recipient is no Peppol ID such as 0208:0202239951."
        found = invoices(request.documents)
        if not found:
            return "missing_content", "There is no e-invoice among the documents."
        if len(found) > 1:
            return "too_many_documents", f"There are {len(found)} e-invoices."
        return None

    async def advance(self, request: SendRequest, steps: Steps) -> Accepted:
        """Check, look up, validate, stage, send: from the last committed step on."""
        routing, invoice = request.routing, next(iter(invoices(request.documents)), None)
        if routing is None or invoice is None:
            raise Stopped(KEY, *(self.check(request) or ("missing_content", "")))
        checked = await self._checked(routing, invoice, steps)
        if steps.begun_at is None:
            await self._recipient(request, checked, steps)
            await self._validated(request, invoice, steps)
        reference = await self._staged(request, invoice, checked, steps)
        route = Route(_pair(checked["sender"]), _pair(checked["receiver"]))
        # `find` has to know when the request that sends was over at the latest
        await steps.commit("sending", {"at": datetime.now(UTC).isoformat()})
        await steps.begin()
        return await self._sent(request, reference, route)

    async def find(
        self,
        request: SendRequest,
        since: datetime,
        reached: Mapping[str, Mapping[str, Any]],
    ) -> Sequence[DeliveryEvent] | None:
        """What became of a document whose sending got no answer; [] while it is certainly still a draft.

        Certain makes it that the send call changes the state before it answers, that no gateway holds a call for
        so long after we gave it up, and that the same document is sent again: should the first call come through
        after all, the second one is refused with 405. A new document is never made for an entry that has begun.
        """
        reference = wire.text(reached.get("staged", {}).get("id"), 200)
        if not reference:
            return None
        standing = await self._point.standing(reference)
        if standing is None or standing.stage is Stage.OTHER:
            return None
        if standing.stage is Stage.STAGED:
            began = _read_moment(reached.get("sending", {}).get("at")) or since
            over = began + timedelta(seconds=self._call_seconds) + CERTAIN_AFTER
            return [] if datetime.now(UTC) >= over else None
        about = About(request.entry_id, reference, since)
        history = await self._point.history(reference)
        return self._all(about, history, standing, settles=True)

    async def poll(self, watch: Watch) -> Watched:
        """The present state and history of an accepted document, and once it was sent, the proof of it."""
        now = datetime.now(UTC)
        about = About(watch.entry_id, watch.provider_message_id, watch.accepted_at)
        standing = await self._point.standing(about.reference)
        if standing is None:
            words = "The access point does not know the document any more."
            gone = peppol_facts.noted(about, "gone", now, words, Layer.API)
            return Watched([gone], None)
        history = await self._point.history(about.reference)
        memory = dict(watch.reached.get(WATCHED, {}))
        events = peppol_facts.facts(about, history, standing)
        if memory.get("state") != standing.word:
            events += peppol_facts.standing_facts(about, history, standing, now)
            memory["state"] = standing.word
        under_way = standing.stage not in (Stage.SENT, Stage.FAILED)
        if under_way and now - watch.accepted_at >= peppol_facts.STALE_AFTER:
            events.append(peppol_facts.stalled(about, standing))
        evidence: tuple[Document, ...] = ()
        if standing.stage is Stage.SENT and memory.get("proof") != peppol_proof.KEPT:
            proof = await peppol_proof.fetch(self._point, about, watch.sent, history, standing)
            if memory.get("proof") != proof.state:
                events.append(peppol_facts.noted(about, proof.kind, now, proof.words, Layer.API))
            memory["proof"], evidence = proof.state, proof.documents
        again = again_after(standing.stage, watch.accepted_at, now)
        return Watched(events, again, {WATCHED: memory}, evidence)

    async def account(
        self,
        last: Mapping[str, Mapping[str, Any]],  # noqa: ARG002 - the contract's form
    ) -> Sequence[AccountFinding]:
        """Whether the access point lets our sender send, and how much credit is left."""
        found, credit = await self._point.account(), None
        if found.credit is not None and found.credit <= 0:
            credit = AccountFinding("no_credit")
        elif found.credit is not None and found.credit < LOW_CREDIT:
            words = f"The credit at the access point is low: {found.credit:g}."
            credit = AccountFinding("low_credit", words)
        foreign = found.senders is not None and self._sender.casefold() not in found.senders
        sender = AccountFinding("sender_not_allowed") if foreign else None
        return [item for item in (sender, credit) if item]

    async def _checked(
        self, routing: Routing, invoice: Document, steps: Steps
    ) -> Mapping[str, Any]:
        """What the bytes say, once they passed our own rules and name the two that they have to name."""
        digest = hashlib.sha256(invoice.content).hexdigest()
        known = steps.reached.get("checked", {})
        if known.get("sha256") == digest:
            return known
        content, name, media_type = invoice.content, invoice.name, invoice.media_type
        found = await asyncio.to_thread(
            checking.check, content, name, media_type, "peppol", self._rules
        )
        if found.crashed:
            raise NotSent(KEY, found.code, found.words, checking.AGAIN_SECONDS)
        if not found.ok:
            raise Stopped(KEY, found.code, found.words)
        try:
            read = await asyncio.to_thread(document.read, content, name, media_type)
        except document.Unreadable as error:
            raise Stopped(KEY, "unreadable", error.words) from None
        _same("sender", read.seller_endpoint, self._sender, "peppol.sender_id")
        _same("recipient", read.buyer_endpoint, routing.id, "the customer's Peppol ID")
        reference = {
            "sha256": digest,
            "number": read.number,
            "document_type": document_type(read.kind, read.customization),
            "process": f"cenbii-procid-ubl::{read.business_process}",
            "sender": list(read.seller_endpoint or ()),
            "receiver": list(read.buyer_endpoint or ()),
            "summary": found.summary,
            "notes": list(found.notes),
        }
        await steps.commit("checked", reference, found.summary)
        return reference

    async def _recipient(
        self, request: SendRequest, checked: Mapping[str, Any], steps: Steps
    ) -> None:
        """Let the recipient's registration stop the message, or go on."""
        now = datetime.now(UTC)
        known = _read_moment(steps.reached.get("recipient", {}).get("at"))
        if known is not None and now - known < CHECK_HOLDS:
            return
        wanted, last = str(checked["document_type"]), request.registration
        earlier = ""
        if last is not None and _holds(last, wanted, now):
            earlier = f" Checked on {last.at:%Y-%m-%d}."
        else:
            last = await self._look_up(":".join(checked["receiver"]), checked)
            await steps.registered(last)
        if last.outcome is Reachability.COULD_NOT_CHECK:
            raise NotSent(KEY, "could_not_check", last.words)
        if last.outcome is not Reachability.REACHABLE:
            raise Stopped(KEY, last.outcome.value, last.words)
        await steps.commit("recipient", {"at": last.at.isoformat()}, last.words + earlier)

    async def _look_up(self, participant: str, checked: Mapping[str, Any]) -> Registration:
        """The access point's answer, and the directory's as a second opinion."""
        wanted = str(checked["document_type"])
        said = await self._point.check_recipient(participant, wanted)
        second = (
            await self._directory.look_up(participant, wanted, str(checked["process"]))
            if self._directory
            else None
        )
        outcome, words = weigh(said, second)
        details = {**(second.details if second else {}), "document_type": wanted}
        return Registration(outcome, datetime.now(UTC), words, details)

    async def _validated(self, request: SendRequest, invoice: Document, steps: Steps) -> None:
        """Have the access point validate the bytes; its warnings go into the history."""
        if "validated" in steps.reached:
            return
        findings = await self._point.validate(invoice.content, _file_name(request))
        fatal = [item for item in findings if item.fatal]
        if fatal:
            words = "; ".join(item.said for item in fatal)
            raise Stopped(KEY, fatal[0].rule or "rule", wire.text(f"Access point: {words}"))
        warnings = [item.said for item in findings]
        words = "; ".join(["The access point finds it valid", *warnings])
        await steps.commit("validated", {"warnings": warnings}, wire.text(words))

    async def _staged(
        self,
        request: SendRequest,
        invoice: Document,
        checked: Mapping[str, Any],
        steps: Steps,
    ) -> str:
        """Upload the bytes; the reference. What an upload without an answer left behind is used, or deleted."""
        if known := wire.text(steps.reached.get("staged", {}).get("id"), 200):
            return known
        name, number = _file_name(request), str(checked["number"])
        drafts: Sequence[str] = ()
        if "staging" in steps.reached:
            drafts = await self._point.staged_before(number, invoice.content, name)
        else:
            await steps.commit("staging", {"name": name})
        for surplus in drafts[1:]:
            await self._point.discard(surplus)
        reference = drafts[0] if drafts else await self._point.stage(invoice.content, name)
        await steps.commit("staged", {"id": reference}, "Uploaded to the access point as a draft")
        return reference

    async def _sent(self, request: SendRequest, reference: str, route: Route) -> Accepted:
        now = datetime.now(UTC)
        about = About(request.entry_id, reference, now)
        standing = await self._point.submit(reference, route)
        if standing is not None:
            event = peppol_facts.accepted(about, standing, now, settles=False)
            return Accepted(reference, events=(event,))
        # no draft any more: an earlier call of this entry came through, which is for its state to say
        try:
            standing = await self._point.standing(reference)
            history = await self._point.history(reference) if standing else ()
        except ProviderError as error:
            raise UnknownOutcome(KEY, "405", error.words) from None
        if standing is None or standing.stage in (Stage.STAGED, Stage.OTHER):
            word = standing.word if standing else "unknown"
            raise UnknownOutcome(KEY, "405", f"It is no draft any more, but {word}.")
        return Accepted(reference, events=tuple(self._all(about, history, standing, settles=False)))

    def _all(
        self,
        about: About,
        history: Sequence[HistoryItem],
        standing: Standing,
        *,
        settles: bool,
    ) -> list[DeliveryEvent]:
        """That it was taken, and everything that is known about it since."""
        now = datetime.now(UTC)
        at = peppol_facts.taken_at(history) or now
        return [
            peppol_facts.accepted(about, standing, at, settles=settles),
            *peppol_facts.facts(about, history, standing),
            *peppol_facts.standing_facts(about, history, standing, now),
        ]


def _holds(last: Registration, wanted: str, now: datetime) -> bool:
    return (
        last.outcome is Reachability.REACHABLE
        and last.details.get("document_type") == wanted
        and now - last.at < CHECK_HOLDS
    )


def _same(whose: str, named: tuple[str, str] | None, wanted: str, setting: str) -> None:
    """Raise Stopped unless the document's EndpointID is the one that it has to be; values ignore case."""
    found = ":".join(named) if named else ""
    if found.casefold() != wanted.casefold():
        words = f"The document's EndpointID is {found or 'missing'}; {setting} is {wanted}."
        raise Stopped(KEY, f"{whose}_differs", wire.text(words))


def _file_name(request: SendRequest) -> str:
    """The uploaded file's name: it comes back, and says whose draft it is."""
    return f"{request.entry_id}.xml"


def _pair(values: Sequence[str]) -> tuple[str, str]:
    scheme, value = values
    return scheme, value


def _read_moment(value: object) -> datetime | None:
    """A moment that we kept ourselves."""
    try:
        return datetime.fromisoformat(wire.text(value, 60))
    except ValueError:
        return None


def _create(settings: Settings, http: Http) -> PeppolProvider:
    point = EInvoiceBe(settings.peppol, http)
    off = settings.peppol.dns.strip().lower() == OFF
    return PeppolProvider(settings, point, None if off else Directory(settings.peppol, http))


SPEC = ProviderSpec(
    key=KEY,
    label=LABEL,
    channel=Channel.EINVOICE,
    capabilities=frozenset(
        {
            Capability.WEBHOOK,
            Capability.POLL,
            Capability.FIND,
            Capability.ACCOUNT,
            Capability.STEPS,
        }
    ),
    fields=(
        SettingField("api_key", True, "API key of e-invoice.be"),
        SettingField("sender_id", True, "our own participant, such as 0208:0202239951"),
        SettingField("webhook_secret", False, "secret of the webhook; two with a comma, in turn"),
        SettingField("base_url", False, "where the access point's API is"),
        SettingField("dns", False, "resolver of our own look-up, host:port; off: none"),
        SettingField("zone", False, "DNS zone of the network's directory"),
    ),
    configured=lambda settings: bool(settings.peppol.api_key and settings.peppol.sender_id),
    create=_create,
    receiver=PeppolReceiver,
    webhook_paths=(PATH,),
    explain=explain,
    bases=lambda settings: (settings.peppol.base_url,),
    network=Network.PEPPOL,
    first_poll=FIRST_POLL,
    calls=Calls(
        timedelta(hours=6),
        "peppol.webhook_secret",
        "at e-invoice.be have a webhook post there, with the same secret",
        optional=True,
    ),
    tasks=TASKS,
)
