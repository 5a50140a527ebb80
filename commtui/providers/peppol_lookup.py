"""Peppol's own directory: a participant's SMP in DNS (NAPTR), and what it says about a kind of document.

An advisory second opinion: the answer's signature is not checked, the access point makes its own look-up.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from commtui.config import Peppol
from commtui.domain.einvoice import Reachability, Registration
from commtui.errors import ProviderError
from commtui.providers import wire
from commtui.providers.http import Http
from commtui.providers.peppol_access import Opinion
from commtui.providers.peppol_codes import BILLING_PROCESS

if TYPE_CHECKING:
    from dns.nameserver import Do53Nameserver

KEY = "peppol"
OFF = "off"
SCHEME = "iso6523-actorid-upis"
TRANSPORT = "peppol-transport-as4-v2_0"
LOOKUP_SECONDS = 5.0
"""For the DNS part, all tries together."""
ANSWER_LIMIT = 500_000
"""Bytes of an SMP's answer; a long one has some certificates in it."""
_SMP = "{http://busdox.org/serviceMetadata/publishing/1.0/}"
_IDS = "{http://busdox.org/transport/identifiers/1.0/}"
_WSA = "{http://www.w3.org/2005/08/addressing}"


def sml_name(participant: str, zone: str) -> str:
    """The DNS name of `<scheme>:<value>`: the base32 of its hash, below the network's zone."""
    digest = hashlib.sha256(participant.lower().encode()).digest()
    label = base64.b32encode(digest).decode("ascii").rstrip("=").lower()
    return f"{label}.{SCHEME}.{zone.strip('.')}"


class _Found(Exception):
    """The look-up is over: with this outcome, for this reason."""

    def __init__(self, outcome: Reachability, words: str) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.words = words


class Directory:
    """Looks participants up; no credential of ours is needed, and none is sent."""

    def __init__(self, settings: Peppol, http: Http, seconds: float = LOOKUP_SECONDS) -> None:
        self._settings = settings
        self._http = http
        self._seconds = seconds

    async def look_up(
        self, participant: str, document_type: str, process: str = BILLING_PROCESS
    ) -> Registration:
        """Whether the network's directory can deliver such a document to `<scheme>:<value>`; raises nothing.

        Its four outcomes: reachable, not registered, registered without an endpoint, could not check; and
        unsupported, for a document type or a process that it does not list.
        """
        smp = ""
        try:
            smp = await self._smp(participant)
            await self._service(smp, participant, document_type, process)
            outcome, words = Reachability.REACHABLE, "The directory has it."
        except _Found as found:
            outcome, words = found.outcome, found.words
        details = {"document_type": document_type, "smp": smp}
        return Registration(outcome, datetime.now(UTC), wire.text(words, 500), details)

    async def _smp(self, participant: str) -> str:
        """The URL of the participant's SMP, from its NAPTR records."""
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN, NoAnswer

        name = sml_name(participant, self._settings.zone) + "."
        try:
            answer = await self._resolve(name)
        except (NXDOMAIN, NoAnswer):
            raise _Found(
                Reachability.NOT_REGISTERED, "The directory has no such participant."
            ) from None
        except (DNSException, OSError, ValueError) as error:
            raise _Found(
                Reachability.COULD_NOT_CHECK,
                f"The directory's name server gave no usable answer ({type(error).__name__}).",
            ) from None
        if url := _smp_url(answer):
            return url
        raise _Found(
            Reachability.NO_ENDPOINT, "The directory has it, but without an SMP to ask further."
        )

    async def _resolve(self, name: str) -> Sequence[Any]:
        from dns.asyncresolver import Resolver

        resolver = Resolver(configure=not self._settings.dns)
        if self._settings.dns:
            resolver.nameservers = [await _nameserver(self._settings.dns)]
        answer = await resolver.resolve(name, "NAPTR", lifetime=self._seconds, search=False)
        return list(answer.rrset or ())

    async def _service(self, smp: str, participant: str, document_type: str, process: str) -> None:
        """Return when the SMP lists an endpoint that takes the document now."""
        path = f"{_segment(f'{SCHEME}::{participant}')}/services/{_segment(document_type)}"
        metadata = await self._metadata(f"{smp}/{path}")
        redirect = metadata.find(f"{_SMP}Redirect")
        if redirect is not None:
            # once only: an SMP may hand over to another one, which answers itself
            metadata = await self._metadata(redirect.get("href", ""))
        _judge(metadata, participant, document_type, process)

    async def _metadata(self, url: str) -> Any:
        """The ServiceMetadata element of an SMP's answer."""
        host = urlsplit(url).hostname or "its SMP"
        try:
            answer = await self._http.call(
                KEY,
                "GET",
                url,
                headers={"accept": "application/xml, text/xml"},
                named_by=self._settings.base_url,
                limit=ANSWER_LIMIT,
            )
        except ProviderError as error:
            raise _failed(f"{host}: {error.words or error.code}") from None
        if answer.status == 404:
            raise _Found(Reachability.UNSUPPORTED, f"{host} does not list this kind of document.")
        if answer.status != 200:
            raise _failed(f"{host} answered with HTTP {answer.status}")
        return _parsed(answer.body, host)


def weigh(said: Opinion, second: Registration | None) -> tuple[Reachability, str]:
    """The outcome of two opinions, and why: the access point's counts, but its no needs no yes against it.

    Not registered is only what both say, or what the access point says alone when the directory cannot be asked.
    """
    ours = second.outcome if second else Reachability.COULD_NOT_CHECK
    words = f"Access point: {_WORDS[said.outcome]}{f' ({said.words})' if said.words else ''}"
    if second is not None:
        why = "" if ours is Reachability.REACHABLE else f" ({second.words.rstrip('.')})"
        words += f". Directory: {_WORDS[ours]}{why}"
    if Reachability.COULD_NOT_CHECK not in (said.outcome, ours) and said.outcome is not ours:
        words += ". They disagree"
    return _weighed(said.outcome, ours), wire.text(f"{words}.", 1000)


def _weighed(said: Reachability, ours: Reachability) -> Reachability:
    yes, open_ = Reachability.REACHABLE, Reachability.COULD_NOT_CHECK
    if said is open_:
        return yes if ours is yes else open_
    if said is yes or ours in (open_, said):
        return said
    if ours is yes:
        return open_
    return ours if said is Reachability.NOT_REGISTERED else said


_WORDS = {
    Reachability.REACHABLE: "registered for this kind of document",
    Reachability.NOT_REGISTERED: "not registered",
    Reachability.NO_ENDPOINT: "registered, but nowhere to deliver to",
    Reachability.UNSUPPORTED: "registered, but not for this kind of document",
    Reachability.NEEDS_FIELDS: "more details needed",
    Reachability.COULD_NOT_CHECK: "could not check",
}


def _smp_url(records: Iterable[Any]) -> str:
    """The URL in the best NAPTR record for an SMP: flags U, service Meta:SMP, regexp !^.*$!URL!"""
    for record in sorted(records, key=lambda item: (item.order, item.preference)):
        if record.flags.upper() != b"U" or record.service.lower() != b"meta:smp":
            continue
        regexp = record.regexp.decode("utf-8", "replace")
        parts = regexp.split(regexp[:1]) if regexp else []
        url = parts[2].rstrip("/") if len(parts) == 4 else ""
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname:
            return url
    return ""


def _parsed(body: bytes, host: str) -> Any:
    """Untrusted XML of any host: no entity, no network, no document type, not too long."""
    from lxml import etree

    if len(body) > ANSWER_LIMIT:
        raise _failed(f"{host} answered with more than {ANSWER_LIMIT} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _failed(f"{host} answered with something that is not XML") from None
    if root.getroottree().docinfo.doctype:
        raise _failed(f"{host} answered with a document type, which is not followed")
    metadata = root.find(f"{_SMP}ServiceMetadata") if root.tag != f"{_SMP}ServiceMetadata" else root
    if metadata is None:
        raise _failed(f"{host} answered without service metadata")
    return metadata


def _judge(metadata: Any, participant: str, document_type: str, process: str) -> None:
    """Return when the answer is about what was asked and has an endpoint that works now."""
    information = metadata.find(f"{_SMP}ServiceInformation")
    if information is None:
        raise _failed("the SMP answered without service information")
    asked = (f"{SCHEME}::{participant}".casefold(), document_type)
    named = (
        _identifier(information.find(f"{_IDS}ParticipantIdentifier")).casefold(),
        _identifier(information.find(f"{_IDS}DocumentIdentifier")),
    )
    if named != asked:
        raise _failed("the SMP answered about something that was not asked for")
    processes = [
        item
        for item in information.iterfind(f"{_SMP}ProcessList/{_SMP}Process")
        if _identifier(item.find(f"{_IDS}ProcessIdentifier")) == process
    ]
    if not processes:
        raise _Found(Reachability.UNSUPPORTED, "The SMP lists the document, but not for invoicing.")
    endpoints = [
        item
        for process_item in processes
        for item in process_item.iterfind(f"{_SMP}ServiceEndpointList/{_SMP}Endpoint")
    ]
    now = datetime.now(UTC)
    if not any(_works(item, now) for item in endpoints):
        raise _Found(
            Reachability.NO_ENDPOINT, "The SMP names no endpoint that takes documents at present."
        )


def _identifier(element: Any) -> str:
    if element is None:
        return ""
    return f"{element.get('scheme', '')}::{(element.text or '').strip()}"


def _works(endpoint: Any, now: datetime) -> bool:
    """Whether an endpoint speaks the network's present protocol, between its first and its last day."""
    address = endpoint.find(f"{_WSA}EndpointReference/{_WSA}Address")
    has_address = address is not None and bool((address.text or "").strip())
    starts, ends = (
        _date(endpoint.findtext(f"{_SMP}{name}"))
        for name in ("ServiceActivationDate", "ServiceExpirationDate")
    )
    return (
        endpoint.get("transportProfile") == TRANSPORT
        and has_address
        and (starts is None or starts <= now)
        and (ends is None or now < ends)
    )


def _date(value: str | None) -> datetime | None:
    """An instant from xs:dateTime; None when it is missing or unreadable, which says nothing."""
    try:
        at = datetime.fromisoformat((value or "").strip())
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


async def _nameserver(setting: str) -> Do53Nameserver:
    """The resolver that is set, as host or host:port. Raises OSError or ValueError."""
    from dns.nameserver import Do53Nameserver

    try:
        host, port = str(ipaddress.ip_address(setting.strip("[]"))), 53
    except ValueError:
        parts = urlsplit(f"//{setting}")
        host, port = parts.hostname or "", parts.port or 53
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return Do53Nameserver(str(found[0][4][0]), port)


def _failed(words: str) -> _Found:
    return _Found(Reachability.COULD_NOT_CHECK, f"The directory could not be asked: {words}.")


def _segment(text: str) -> str:
    return quote(text, safe="")
