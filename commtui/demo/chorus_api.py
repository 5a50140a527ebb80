"""Chorus Pro's side behind PISTE: tokens, deposits, flows, invoices; what it refuses at once, and what only later."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commtui.demo.callbacks import Callbacks
from commtui.demo.chorus_asking import Asking, refused, success
from commtui.demo.chorus_scenarios import CHORUS, DEPOSIT, SEARCH, behaviour_of
from commtui.demo.chorus_structures import structure
from commtui.demo.ledger import Ledger, PracticeAccount, PracticeMessage, now_text, token
from commtui.demo.scenario import Later, Reply, Scenario
from commtui.providers.einvoice import document

TOKEN_SECONDS = 3600
NAME_LIMIT, FILE_LIMIT, NUMBER_LIMIT = 50, 10_000_000, 20
SYNTAXES = {
    "IN_DP_E2_CII_FACTURX": "facturx",
    "IN_DP_E1_CII_16B": "cii",
    "IN_DP_E1_UBL_INVOICE": "ubl",
}
ACTIONS = frozenset(
    {"TELECHARGEMENT_FACTURE", "ACQUITTEMENT_REJET", "ACQUITTEMENT_SUSPENSION", "TRAITEMENT_REJET"}
)
INTEGRATED = frozenset(
    {"IN_INTEGRE", "IN_INTEGRE_PARTIEL", "QP_RECEVABLE", "QP_RECEVABLE_AVEC_ERREUR"}
)
_PARIS = ZoneInfo("Europe/Paris")
_ENTRY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def paris_now() -> str:
    """The present moment as Chorus Pro writes it."""
    return datetime.now(_PARIS).isoformat(timespec="milliseconds")


@dataclass
class Flow:
    """A deposited file."""

    number: str
    name: str
    syntax: str
    read: document.Invoice | None
    """What it says; None when it cannot be read."""
    day: str
    state: str = ""
    at: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seller(self) -> str:
        """The supplier's SIRET."""
        return _siret(self.read.seller_ids) if self.read else ""

    @property
    def buyer(self) -> str:
        """The recipient's SIRET."""
        return _siret(self.read.buyer_ids) if self.read else ""

    def refuse(self, words: str) -> None:
        """No invoice comes out of it, with a reason cut as Chorus Pro cuts them."""
        self.state, self.at = "IN_REJETE", paris_now()
        self.add_error(self.read.number if self.read else "", words)

    def add_error(self, number: str, words: str) -> None:
        """Note what is wrong with one of its invoices."""
        self.errors.append(
            {
                "numeroDP": number,
                "identifiantFournisseur": self.seller,
                "identifiantDestinataire": self.buyer,
                "libelleErreurDP": words[:200],
            }
        )


@dataclass
class Filed:
    """An invoice that came out of a flow."""

    id: int
    number: str
    flow: Flow
    status: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    action: str = ""

    def becomes(self, status: str, comment: str | None) -> None:
        """A line of its history, with the person who is behind it."""
        self.status = status
        self.history.append(
            {
                "histoStatutId": 9_000 + len(self.history),
                "histoStatutCode": status,
                "histoStatutDatePassage": paris_now(),
                "histoStatutCommentaire": comment,
                "histoStatutUtilisateurNom": "Durand",
                "histoStatutUtilisateurPrenom": "Camille",
                "histoStatutUtilisateurEmail": "camille.durand@commune.example",
                "histoStatutUtilisateurTelephone": "0100000000",
            }
        )


class ChorusApi:
    """The stand-in; `routes` goes into the practice network."""

    def __init__(self, account: PracticeAccount, ledger: Ledger, callbacks: Callbacks) -> None:
        self._account = account
        self._ledger = ledger
        self._callbacks = callbacks
        self.token_seconds = TOKEN_SECONDS
        """How long a token lasts."""
        self.password_expires = datetime.now(_PARIS).date() + timedelta(
            days=account.chorus_password_days
        )
        self.calls: Counter[str] = Counter()
        """How often each route was called."""
        self._tokens: dict[str, float] = {}
        self._flows: dict[str, Flow] = {}
        self._invoices: list[Filed] = []
        asking = Asking(self._flows, self._invoices, lambda: self.password_expires.isoformat())
        paths = {
            "factures/v1/deposer/flux": self.deposit,
            "factures/v1/rechercher/fournisseur": asking.search_invoices,
            "factures/v1/consulter/historique": asking.show_history,
            "transverses/v1/consulterCRDetaille": asking.show_flow,
            "structures/v1/rechercher": self.search_structures,
            "structures/v1/consulter": asking.show_structure,
            "structures/v1/rechercher/services": asking.list_services,
            "structures/v1/consulter/service": asking.show_service,
        }
        self._asking = asking
        self.routes = [
            Route("/api/oauth/token", self.give_token, methods=["POST"]),
            Route("/cpro/transverses/v1/health-check", self.health, methods=["GET"]),
            *(self._guarded(path, endpoint) for path, endpoint in paths.items()),
        ]

    @property
    def deposits(self) -> list[Flow]:
        """Everything that was deposited, in order."""
        return list(self._flows.values())

    def revoke_tokens(self) -> None:
        """End every token, as PISTE does when an application's secret is renewed."""
        self._tokens.clear()

    async def health(self, _request: Request) -> Response:
        """The one thing that is asked for with GET."""
        return JSONResponse({"status": "UP"})

    async def give_token(self, request: Request) -> Response:
        """A token for the application's OAuth pair."""
        self.calls["oauth/token"] += 1
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        wanted = {
            "grant_type": "client_credentials",
            "client_id": self._account.chorus_client_id,
            "client_secret": self._account.chorus_client_secret,
            "scope": "openid",
        }
        if form != wanted:
            return JSONResponse({"error": "invalid_client"}, 400)
        given = token(40)
        self._tokens[given] = time.monotonic() + self.token_seconds
        return JSONResponse(
            {
                "access_token": given,
                "token_type": "Bearer",
                "expires_in": self.token_seconds,
                "scope": "openid",
            }
        )

    async def deposit(self, asked: Mapping[str, Any]) -> Response | None:
        """Take a file; None hangs up. Duplicates and broken invoices are refused later, in the flow's result."""
        self._ledger.requests += 1
        try:
            content = base64.b64decode(str(asked.get("fichierFlux")), validate=True)
        except (binascii.Error, ValueError):
            return refused(20002, "GDP_MSG_11.010")
        name, syntax = str(asked.get("nomFichier", "")), str(asked.get("syntaxeFlux", ""))
        ending = ".pdf" if syntax == "IN_DP_E2_CII_FACTURX" else ".xml"
        if syntax not in SYNTAXES or len(name) > NAME_LIMIT or not name.endswith(ending):
            return refused(20003, "GDP_MSG_11.011")
        if len(content) > FILE_LIMIT:
            return refused(20001, "GDP_MSG_11.022")
        try:
            read = document.read(content, name, "")
        except document.Unreadable:
            read = None
        recipient = f"chorus:{_siret(read.buyer_ids) if read else ''}"
        scenario = behaviour_of(recipient)
        reply = self._reply(scenario, recipient, DEPOSIT)
        if reply is not None and not reply.accepted:
            return _answer(reply)
        flow = self._take(name, syntax, content, read, scenario)
        if reply is not None:
            return None
        return success(numeroFluxDepot=flow.number, dateDepot=flow.day, syntaxeFlux=syntax)

    async def search_structures(self, asked: Mapping[str, Any]) -> Response | None:
        """The structures with an identifier."""
        wanted = asked.get("structure")
        siret = str(wanted.get("identifiantStructure", "")) if isinstance(wanted, dict) else ""
        recipient = f"chorus:{siret}"
        reply = self._reply(behaviour_of(recipient), recipient, SEARCH)
        if reply is not None:
            return _answer(reply)
        return await self._asking.search_structures(siret)

    def _reply(self, scenario: Scenario, recipient: str, step: str) -> Reply | None:
        if scenario.reply is None or scenario.reply.step != step:
            return None
        return self._ledger.reply(scenario, recipient)

    def _guarded(self, path: str, endpoint: Any) -> Route:
        """An endpoint behind PISTE, which gets the body that was posted to it."""

        async def answer(request: Request) -> Response | None:
            self.calls[path] += 1
            account = f"{self._account.chorus_login}:{self._account.chorus_password}"
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if self._tokens.get(given, 0.0) <= time.monotonic():
                return _gateway(401, "invalid_token")
            if request.headers.get("cpro-account") != base64.b64encode(account.encode()).decode():
                return _gateway(401, "technical account refused")
            if "json" not in request.headers.get("content-type", ""):
                return _gateway(415, "")
            try:
                asked = await request.json()
            except ValueError:
                return _gateway(400, "")
            answered: Response | None = await endpoint(asked if isinstance(asked, dict) else {})
            return answered

        return Route(f"/cpro/{path}", answer, methods=["POST"])

    def _take(
        self,
        name: str,
        syntax: str,
        content: bytes,
        read: document.Invoice | None,
        scenario: Scenario,
    ) -> Flow:
        number = f"CPP{secrets.randbelow(10**20):022d}"
        flow = Flow(number, name, syntax, read, datetime.now(_PARIS).date().isoformat())
        self._flows[number] = flow
        found = _ENTRY.search(name)
        self._ledger.accepted.append(
            PracticeMessage(
                provider=CHORUS,
                entry_id=found.group(0) if found else "",
                recipient=flow.buyer,
                provider_message_id=number,
                scenario=scenario.name,
                at=now_text(),
                subject=read.number if read else "",
                attachments=((name, hashlib.sha256(content).hexdigest()),),
            )
        )
        self._callbacks.start(self._process(flow, scenario))
        return flow

    async def _process(self, flow: Flow, scenario: Scenario) -> None:
        waited = 0.0
        for later in scenario.events:
            await self._callbacks.wait(later.after - waited)
            waited = later.after
            if not self._happens(flow, later):
                return

    def _happens(self, flow: Flow, later: Later) -> bool:
        """Let one thing happen to a flow or its invoice; whether anything can follow."""
        if not later.kind.startswith(("IN_", "QP_")):
            invoice = next(item for item in self._invoices if item.flow is flow)
            if later.kind in ACTIONS:
                invoice.action = later.kind
            else:
                invoice.becomes(later.kind, later.fields.get("comment"))
            return True
        if later.kind in INTEGRATED and (words := self._refusal(flow)):
            flow.refuse(words)
            return False
        flow.state, flow.at = later.kind, paris_now()
        ours = flow.read.number if flow.read else ""
        whose = later.fields.get("refused", "ours")
        error = later.fields.get("error", "")
        if error:
            flow.add_error(ours if whose == "ours" else whose, error)
        if later.kind in INTEGRATED and not (error and whose == "ours"):
            for position in range(int(later.fields.get("others", "0"))):
                self._file(flow, f"{ours}-{position}")
            self._file(flow, ours)
        return True

    def _file(self, flow: Flow, number: str) -> None:
        invoice = Filed(700_000 + len(self._invoices), number, flow)
        invoice.becomes("DEPOSEE", None)
        self._invoices.append(invoice)

    def _refusal(self, flow: Flow) -> str:
        """Why no invoice comes out of a flow; empty when one does."""
        read = flow.read
        if read is None or read.syntax != SYNTAXES[flow.syntax]:
            return "Le fichier ne correspond pas a la syntaxe annoncee"
        body = structure(flow.buyer) if flow.buyer else None
        if body is None:
            return "Le destinataire n'existe pas"
        if any(
            (item.number, item.flow.seller) == (read.number, flow.seller) for item in self._invoices
        ):
            return f"La facture {read.number} existe deja pour ce fournisseur"
        if len(read.number) > NUMBER_LIMIT:
            return "G1.05: le numero de facture depasse 20 caracteres"
        if not read.payment_means and read.kind == "invoice":
            return "L'element PaymentMeans.TypeCode.value est obligatoire"
        return body.refusal(read.buyer_reference, read.order_reference)


def _siret(ids: document.Ids) -> str:
    return next((value for scheme, value in ids if scheme == "0009" and len(value) == 14), "")


def _answer(reply: Reply) -> Response | None:
    if reply.status == 0:
        return None
    if reply.status == 200:
        return refused(reply.code, reply.words)
    return _gateway(reply.status, reply.words, reply.wait)


def _gateway(status: int, words: str, wait: float | None = None) -> Response:
    """PISTE's own answers have no body; a reason stands in a header, if anywhere."""
    headers = {"www-authenticate": f'Bearer error="{words}"'} if status == 401 and words else {}
    if wait is not None:
        headers["retry-after"] = str(max(1, round(wait)))
    return Response(status_code=status, headers=headers)
