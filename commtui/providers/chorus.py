"""Chorus Pro: invoices to French public bodies, deposited through PISTE, and what becomes of them.

It has no idempotency key, so a file is deposited once: the intent is committed first, and a deposit whose answer was
lost is looked up by the invoice's number. Reference: e-invoicing, section 1.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from commtui.config import Settings
from commtui.domain.einvoice import Network, Reachability, Routing
from commtui.domain.vocabulary import Channel, DocumentRole
from commtui.errors import AccountTrouble, NotSent, Rejected, Stopped, UnknownOutcome
from commtui.providers import chorus_facts, chorus_recipient, wire
from commtui.providers.base import (
    Accepted,
    AccountFinding,
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
from commtui.providers.chorus_api import KEY, STRUCTURES, ChorusApi, number
from commtui.providers.chorus_codes import TASKS
from commtui.providers.chorus_facts import About
from commtui.providers.chorus_problems import LABEL, explain
from commtui.providers.chorus_recipient import Wanted
from commtui.providers.chorus_watch import Same, Watcher, existing, expiry
from commtui.providers.einvoice import checking, chorus_limits, document
from commtui.providers.einvoice.rules import Rules
from commtui.providers.http import Http

SYNTAXES: Mapping[str, str] = {
    "facturx": "IN_DP_E2_CII_FACTURX",
    "cii": "IN_DP_E1_CII_16B",
    "ubl": "IN_DP_E1_UBL_INVOICE",
}
"""`syntaxeFlux` by what a document is."""
DEPOSIT = "deposit"
"""The step that holds the intent to deposit, and what came of it."""
NOT_TAKEN, REFUSED = "not taken", "refused"
"""What the deposit's answer said, when it was no flow number."""
PASSWORD_WARNING = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class _Paper:
    """The document of a request, and what its bytes say."""

    file: Document
    invoice: document.Invoice
    seller: str
    wanted: Wanted

    @property
    def same(self) -> Same:
        """What an invoice at Chorus Pro must agree in to be this one."""
        return Same(self.invoice.number, self.invoice.issue_date, self.seller, self.wanted.siret)


class ChorusProvider:
    """Deposits invoices at Chorus Pro, settles lost answers, and follows what becomes of them."""

    def __init__(self, settings: Settings, http: Http, rules: Rules | None = None) -> None:
        """`rules` runs the rules of documents; by default those that this process shares."""
        self._api = ChorusApi(settings, http)
        self._rules = rules

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        if not request.recipient.strip():
            return "missing_recipient", "The customer has no SIRET."
        if request.routing is None or request.routing.network is not Network.CHORUS:
            return "invalid_recipient", "The recipient is no SIRET, 14 digits."
        found = _invoices(request.documents)
        if not found:
            return "missing_content", "There is no e-invoice among the documents."
        if len(found) > 1:
            return "too_many_documents", f"There are {len(found)} e-invoices."
        return None

    async def advance(self, request: SendRequest, steps: Steps) -> Accepted:
        """Check the document, look at the recipient, deposit: from the last committed step on."""
        if problem := self.check(request):
            raise Stopped(KEY, *problem)
        done = steps.reached.get(DEPOSIT, {})
        if flow := wire.text(done.get("flow"), 100):
            return _taken(request, flow)
        if done.get("answer") == REFUSED:
            raise Rejected(KEY, wire.text(done.get("code"), 60), wire.text(done.get("words")))
        paper = await self._checked(request, steps)
        if steps.begun_at is not None and done.get("answer") != NOT_TAKEN:
            return await self._begun_before(request, paper, steps)
        await self._recipient(request, paper, steps)
        await self._not_there_yet(paper)
        return await self._deposit(request, paper, steps)

    async def find(
        self,
        request: SendRequest,
        since: datetime,  # noqa: ARG002 - the contract's form
        reached: Mapping[str, Mapping[str, Any]],
    ) -> Sequence[DeliveryEvent] | None:
        """What became of a deposit whose answer was lost; [] when its answer was kept and said no.

        That Chorus Pro lists no such invoice is no proof: its flow may wait, or may have been refused.
        """
        done = reached.get(DEPOSIT, {})
        if flow := wire.text(done.get("flow"), 100):
            return _taken(request, flow).events
        if done.get("answer") in (NOT_TAKEN, REFUSED):
            return []
        if self.check(request) is not None:
            return None
        try:
            paper = await _read(request)
        except Stopped:
            return None
        found = await self._found(request, paper)
        return found.events if found else None

    async def poll(self, watch: Watch) -> Watched:
        """The present state of a flow and of its invoice. Raises ProviderError when it cannot be asked."""
        return await Watcher(self._api, watch, datetime.now(UTC)).ask()

    async def account(self, last: Mapping[str, Mapping[str, Any]]) -> Sequence[AccountFinding]:
        """Whether the technical account works, and its password lasts.

        Chorus Pro says that with our own structure, which is known once an invoice was checked.
        """
        await self._api.ready()
        own, now = wire.text(last.get("checked", {}).get("seller"), 40), datetime.now(UTC)
        ends = await self._password_ends(own, now) if own else None
        if ends is None or ends - now > PASSWORD_WARNING:
            return ()
        expired = ends <= now
        day = f"{ends.astimezone(chorus_facts.PARIS):%Y-%m-%d}"
        words = f"The technical account's password {'expired' if expired else 'expires'} on {day}."
        return (AccountFinding("password_expired" if expired else "password_expiring", words),)

    async def _password_ends(self, own: str, now: datetime) -> datetime | None:
        asked = {"structure": {"identifiantStructure": own, "typeIdentifiantStructure": "SIRET"}}
        for row in await self._api.pages(STRUCTURES, asked):
            key = number(row.get("idStructureCPP"))
            if key is not None and wire.text(row.get("identifiantStructure"), 40) == own:
                said = await self._api.read("structures/v1/consulter", {"idStructureCPP": key})
                return expiry(said.body, now) if said.ok else None
        return None

    async def _checked(self, request: SendRequest, steps: Steps) -> _Paper:
        """The document, once it passed the rules and names the recipient that the customer's details name."""
        invoice = _invoices(request.documents)[0]
        digest = hashlib.sha256(invoice.content).hexdigest()
        if steps.reached.get("checked", {}).get("sha256") != digest:
            found = await asyncio.to_thread(
                checking.check,
                invoice.content,
                invoice.name,
                invoice.media_type,
                "chorus",
                self._rules,
            )
            if found.crashed:
                raise NotSent(KEY, found.code, found.words, checking.AGAIN_SECONDS)
            if not found.ok:
                raise Stopped(KEY, found.code, found.words)
            paper = await _read(request)
            reference = {
                "summary": found.summary,
                "notes": list(found.notes),
                "sha256": digest,
                "number": paper.invoice.number,
                "seller": paper.seller,
            }
            await steps.commit("checked", reference, found.summary)
        else:
            paper = await _read(request)
        return paper

    async def _recipient(self, request: SendRequest, paper: _Paper, steps: Steps) -> None:
        """Let what Chorus Pro says about the recipient stop the invoice, or go on."""
        now, last, earlier = datetime.now(UTC), request.registration, ""
        if _age(steps.reached.get("recipient", {}).get("at"), now) < chorus_recipient.HOLDS:
            return
        if last is not None and chorus_recipient.still_holds(last, paper.wanted, now):
            earlier = f" (checked on {last.at:%Y-%m-%d})"
        else:
            last = await chorus_recipient.look_up(self._api, paper.wanted, now)
            await steps.registered(last)
        if last.outcome is Reachability.COULD_NOT_CHECK:
            raise NotSent(KEY, "could_not_check", last.words)
        if last.outcome is not Reachability.REACHABLE:
            raise Stopped(KEY, wire.text(last.details.get("code"), 60), last.words)
        reference = {
            "at": last.at.isoformat(),
            "payment_reported": last.details.get("payment_reported"),
        }
        await steps.commit("recipient", reference, f"{last.words}{earlier}")

    async def _not_there_yet(self, paper: _Paper) -> None:
        """Stop an invoice that Chorus Pro has already: another attempt came through, or its number is used up."""
        try:
            found = await existing(self._api, paper.same)
        except NotSent as error:
            if error.code.startswith("codeRetour_"):
                # the deposit itself refuses a number twice; this question only spares it
                return
            raise
        if found:
            words = (
                f"Chorus Pro has {paper.invoice.number}: {found[0].status}, flow {found[0].flow}"
            )
            raise Stopped(KEY, "number_taken", words)

    async def _begun_before(self, request: SendRequest, paper: _Paper, steps: Steps) -> Accepted:
        """An earlier deposit may have been taken: it is looked up, and never made again."""
        if found := await self._found(request, paper):
            return found
        # nothing is requested: this only says that the outcome is unknown, for `find` or a person to settle
        await steps.begin()
        words = (
            "An earlier deposit has no recorded answer, and Chorus Pro lists no such invoice yet."
        )
        raise UnknownOutcome(KEY, "no_answer", words)

    async def _found(self, request: SendRequest, paper: _Paper) -> Accepted | None:
        """The one flow whose invoice this is; None when there is none, or several."""
        found = await existing(self._api, paper.same)
        flows = {item.flow for item in found}
        if len(flows) != 1 or not (flow := flows.pop()):
            return None
        return _taken(request, flow, f"; the invoice is there: {found[0].status}")

    async def _deposit(self, request: SendRequest, paper: _Paper, steps: Steps) -> Accepted:
        content = paper.file.content
        name = _file_name(request, paper.invoice.syntax)
        intent = {
            "number": paper.invoice.number,
            "seller": paper.seller,
            "sha256": hashlib.sha256(content).hexdigest(),
            "name": name,
        }
        body = {
            "fichierFlux": base64.b64encode(content).decode("ascii"),
            "nomFichier": name,
            "syntaxeFlux": SYNTAXES[paper.invoice.syntax],
            "avecSignature": False,
        }
        await self._api.ready()
        await steps.commit(DEPOSIT, intent)
        await steps.begin()
        try:
            flow = await self._api.deposit(body)
        except (NotSent, AccountTrouble):
            await _keep(steps, {**intent, "answer": NOT_TAKEN})
            raise
        except Rejected as error:
            said = {"answer": REFUSED, "code": error.code, "words": error.words}
            await _keep(steps, {**intent, **said})
            raise
        await _keep(steps, {**intent, "flow": flow})
        return _taken(request, flow)


async def _keep(steps: Steps, reference: Mapping[str, Any]) -> None:
    """Commit what the deposit's answer said; the answer counts whether that succeeds or not."""
    with contextlib.suppress(NotSent):
        await steps.commit(DEPOSIT, reference)


def _taken(request: SendRequest, flow: str, more: str = "") -> Accepted:
    about = About(request.entry_id, flow, "", datetime.now(UTC))
    words = f"Chorus Pro took the file as flow {flow}{more}"
    return Accepted(flow, events=(chorus_facts.accepted(about, words),))


def _invoices(documents: Sequence[Document]) -> list[Document]:
    return [item for item in documents if item.role is DocumentRole.EINVOICE]


async def _read(request: SendRequest) -> _Paper:
    """What the bytes say. Raises Stopped when they cannot be read or name another recipient."""
    kept, routing = _invoices(request.documents)[0], request.routing
    try:
        invoice = await asyncio.to_thread(document.read, kept.content, kept.name, kept.media_type)
    except document.Unreadable as error:
        raise Stopped(KEY, "unreadable", error.words) from None
    if routing is None:
        raise Stopped(KEY, "missing_recipient", "The customer has no SIRET.")
    _agree(routing, invoice)
    from_abroad = next((value for _, value in invoice.seller_ids), "")
    seller = chorus_limits.siret(invoice.seller_ids) or from_abroad
    wanted = Wanted(
        siret=routing.id,
        service=invoice.buyer_reference,
        engagement=invoice.order_reference,
        service_meant=bool(routing.service_code),
    )
    return _Paper(kept, invoice, seller, wanted)


def _agree(routing: Routing, invoice: document.Invoice) -> None:
    """Raise Stopped unless the bytes go where the customer's details say."""
    pairs = (
        ("SIRET", ", ".join(chorus_limits.sirets(invoice.buyer_ids)), routing.id),
        ("service code", invoice.buyer_reference, routing.service_code),
        ("engagement number", invoice.order_reference, routing.engagement),
    )
    for what, found, wanted in pairs:
        if wanted and found != wanted:
            words = f"The invoice's {what} is {found or 'missing'}, the customer's is {wanted}."
            raise Stopped(KEY, "recipient_differs", wire.text(words))


def _age(stored: object, now: datetime) -> timedelta:
    """How long ago a moment was that we kept ourselves; for ever when there is none."""
    try:
        return now - datetime.fromisoformat(wire.text(stored, 60))
    except ValueError:
        return timedelta.max


def _file_name(request: SendRequest, syntax: str) -> str:
    """At most 50 characters, and says whose deposit it is: it comes back with the flow's state."""
    return f"facture_{request.entry_id}.{'pdf' if syntax == 'facturx' else 'xml'}"


SPEC = ProviderSpec(
    key=KEY,
    label=LABEL,
    channel=Channel.EINVOICE,
    capabilities=frozenset(
        {
            Capability.POLL,
            Capability.FIND,
            Capability.ATTACHMENTS,
            Capability.STEPS,
            Capability.ACCOUNT,
        }
    ),
    fields=(
        SettingField("client_id", True, "OAuth client id of the PISTE application"),
        SettingField("client_secret", True, "its OAuth secret; not the API key"),
        SettingField("login", True, "technical account of Chorus Pro, TECH_1_…@cpro.fr"),
        SettingField(
            "password", True, "its password; it expires, and the structure's manager renews it"
        ),
        SettingField("base_url", False, "where the API is"),
        SettingField("token_url", False, "where PISTE gives tokens; of the same environment"),
    ),
    configured=lambda settings: bool(
        settings.chorus.client_id
        and settings.chorus.client_secret
        and settings.chorus.login
        and settings.chorus.password
    ),
    create=ChorusProvider,
    receiver=None,
    webhook_paths=(),
    explain=explain,
    bases=lambda settings: (settings.chorus.base_url, settings.chorus.token_url),
    network=Network.CHORUS,
    first_poll=chorus_facts.FIRST_POLL,
    tasks=TASKS,
)
