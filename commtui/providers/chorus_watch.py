"""Asking Chorus Pro: what became of a flow, which invoice came out of it, and what its recipient made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from commtui.domain.vocabulary import Status
from commtui.errors import ProviderError
from commtui.providers import chorus_facts, wire
from commtui.providers.base import DeliveryEvent, Watch, Watched
from commtui.providers.chorus_api import INVOICES, ChorusApi, mapping, number
from commtui.providers.chorus_codes import (
    FILE_REFUSED,
    FLOW,
    INTEGRATED,
    LAST_WITHOUT_PAYMENT,
    REJECTED_INVOICE,
    action_meaning,
    invoice_meaning,
)
from commtui.providers.chorus_facts import About

WATCHED = "watched"
"""Under this name the answers to earlier questions are remembered."""
AGAIN_SECONDS = 600.0
"""After a part of the questions could not be asked."""
TOLD_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Same:
    """What an invoice at Chorus Pro has to agree in to be this one; what it does not tell is not compared."""

    number: str
    issued: str
    seller: str
    buyer: str

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of the list of invoices is this invoice."""
        day = _day(row.get("dateFacture"))
        return (
            _text(row, "numeroFacture").casefold() == self.number.casefold()
            and (day is None or day.isoformat() == self.issued)
            and _agrees(_text(row, "codeDestinataire"), self.buyer)
            and _agrees(_text(row, "codeFournisseur"), self.seller)
        )


@dataclass(frozen=True, slots=True)
class Existing:
    """An invoice that Chorus Pro has."""

    flow: str
    status: str


async def existing(api: ChorusApi, same: Same) -> list[Existing]:
    """The invoices at Chorus Pro that are this one; none is no proof, for a flow may wait or have been refused."""
    listed = await api.pages(INVOICES, {"numeroFacture": same.number})
    return [
        Existing(_text(row, "numeroFluxDepot"), _text(row, "statut"))
        for row in listed
        if same.fits(row)
    ]


class Watcher:
    """One question about one accepted file: its flow first, then its invoice."""

    def __init__(self, api: ChorusApi, watch: Watch, now: datetime) -> None:
        checked = watch.reached.get("checked", {})
        self._api = api
        self._watch = watch
        self._about = About(
            watch.entry_id, watch.provider_message_id, _text(checked, "number"), now
        )
        self._memory: dict[str, Any] = dict(watch.reached.get(WATCHED, {}))
        self._events: list[DeliveryEvent] = []

    async def ask(self) -> Watched:
        """What is new, and when to ask again. Raises ProviderError when nothing could be asked."""
        again: float | None
        try:
            again = await self._ask()
        except ProviderError:
            if not self._events:
                raise
            again = AGAIN_SECONDS
        return Watched(self._events, again, {WATCHED: self._memory})

    async def _ask(self) -> float | None:
        if not self._memory.get("integrated") and await self._flow():
            return None
        invoice = number(self._memory.get("invoice"))
        state = _text(self._memory, "flow")
        # an unheard-of state may be one after which the invoice exists
        if invoice is None and (self._memory.get("integrated") or (state and state not in FLOW)):
            invoice = await self._invoice()
        if invoice is None:
            self._grow_stale(state)
            return chorus_facts.flow_again(self._watch.accepted_at, self._about.now)
        if await self._history(invoice):
            return None
        again = chorus_facts.invoice_again(self._watch.accepted_at, self._about.now)
        if again is None:
            self._events.append(chorus_facts.unwatched(self._about, _text(self._memory, "status")))
        return again

    async def _flow(self) -> bool:
        """Ask about the flow; whether that was its last word."""
        said = await self._api.read(
            "transverses/v1/consulterCRDetaille", {"numeroFluxDepot": self._about.flow}
        )
        state = _text(said.body, "etatCourantDepotFlux")
        if not (said.ok and state):
            # just after the deposit the flow is not known yet
            return False
        event = chorus_facts.flow_fact(self._about, state, said.body)
        if event.task == FILE_REFUSED:
            event = await self._taken_before(event) or event
        if self._memory.get("flow") != state:
            self._events.append(event)
            self._memory["flow"] = state
        if event.status is Status.REJECTED:
            self._has_result()
            return True
        self._memory["integrated"] = state in INTEGRATED
        return False

    async def _taken_before(self, refused: DeliveryEvent) -> DeliveryEvent | None:
        """A refusal of a number that Chorus Pro has from another flow is a duplicate, whatever its words are."""
        wanted = self._about.number
        if not wanted:
            return None
        seller = _text(self._watch.reached.get("checked", {}), "seller")
        for row in await self._api.pages(INVOICES, {"numeroFacture": wanted}):
            flow = _text(row, "numeroFluxDepot")
            ours = _agrees(_text(row, "codeFournisseur"), seller)
            if ours and _text(row, "numeroFacture") == wanted and flow != self._about.flow:
                return chorus_facts.number_taken(self._about, refused, flow)
        return None

    async def _invoice(self) -> int | None:
        """The id of our invoice among all those of the flow."""
        listed = await self._api.pages(INVOICES, {"numeroFluxDepot": self._about.flow})
        wanted = self._about.number
        found = [row for row in listed if not wanted or _text(row, "numeroFacture") == wanted]
        key = number(found[0].get("identifiantFactureCPP")) if len(found) == 1 else None
        if key is not None:
            self._memory |= {"invoice": key, "integrated": True}
            self._has_result()
        return key

    async def _history(self, invoice: int) -> bool:
        """Tell what is new about the invoice; whether nothing more is to come."""
        said = await self._api.read("factures/v1/consulter/historique", {"idFacture": invoice})
        if not said.ok:
            raise said.refused()
        told = [str(key) for key in self._memory.get("told", [])]
        lines = chorus_facts.history_lines(said.body, self._about.now)
        for line in lines:
            if line.key in told:
                continue
            if (present := chorus_facts.present_key(line.status)) in told:
                told.remove(present)
            else:
                self._events.append(chorus_facts.invoice_fact(self._about, line))
            told.append(line.key)
        action = _text(mapping(said.body.get("derniereAction")), "derniereActionCode")
        if action and action != self._memory.get("action"):
            self._events.append(chorus_facts.action_fact(self._about, action))
        status = lines[-1].status if lines else ""
        self._memory |= {"told": told[-TOLD_LIMIT:], "action": action, "status": status}
        return self._is_over(status, action)

    def _is_over(self, status: str, action: str) -> bool:
        if status == REJECTED_INVOICE:
            return action_meaning(action).final
        reported = self._watch.reached.get("recipient", {}).get("payment_reported")
        if status in LAST_WITHOUT_PAYMENT and reported is False:
            return True
        return invoice_meaning(status).final

    def _has_result(self) -> None:
        if self._memory.get("stale"):
            self._events.append(chorus_facts.no_longer_stale(self._about))
            self._memory["stale"] = False

    def _grow_stale(self, state: str) -> None:
        age = self._about.now - self._watch.accepted_at
        if age >= chorus_facts.STALE_AFTER and not self._memory.get("stale"):
            self._events.append(chorus_facts.stale(self._about, state))
            self._memory["stale"] = True


def expiry(said: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the technical account's password expires, from our own structure; None when it does not say."""
    at, timed = chorus_facts.moment(
        mapping(said.get("informationGenerales")).get("dateExpirationMotPasseCompteTech"),
        now + timedelta(days=36_500),
    )
    return at if timed else None


def _text(row: Mapping[str, Any], name: str) -> str:
    return wire.text(row.get(name), 200).strip()


def _agrees(code: str, wanted: str) -> bool:
    """Only a SIRET is compared: what else may stand there is not known."""
    return not (len(code) == 14 and code.isdecimal() and wanted) or code == wanted


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(wire.text(value, 40).strip()[:10])
    except ValueError:
        return None
