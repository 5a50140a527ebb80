"""Peppol's directory for practice: a name server on loopback that answers NAPTR, and the SMP that it points to."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from typing import cast
from xml.sax.saxutils import escape

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from commtui.config import Peppol
from commtui.demo.peppol_scenarios import LISTINGS, Dns, belgian, listing_of
from commtui.providers.peppol_codes import BILLING_PROCESS
from commtui.providers.peppol_lookup import SCHEME, TRANSPORT, sml_name

ZONE = Peppol().zone
"""The network's own, as it is shipped: in practice only the resolver differs."""
PORTS_TRIED = 20
NUMBERS = 10_000
"""Participants of each row."""
_SMP = "http://busdox.org/serviceMetadata/publishing/1.0/"
_IDS = "http://busdox.org/transport/identifiers/1.0/"
_WSA = "http://www.w3.org/2005/08/addressing"


class PracticeDns:
    """Answers for one zone, over UDP and TCP on one port."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, smp_url: str = "", zone: str = ZONE
    ) -> None:
        self.smp_url = smp_url
        """Where the SMP's routes are, once that is known."""
        self.zone = zone
        self.queries = 0
        self._host, self._port = host, port
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """host:port, as `peppol.dns` takes it."""
        return f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen on both; a free port has to be free for both. Raises OSError."""
        loop = asyncio.get_running_loop()
        for tries_left in reversed(range(PORTS_TRIED)):
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: _Udp(self), local_addr=(self._host, self._port)
            )
            port = self._udp.get_extra_info("sockname")[1]
            try:
                self._tcp = await asyncio.start_server(self._serve, self._host, port)
            except OSError:
                self._udp.close()
                if self._port or not tries_left:
                    raise
                continue
            self._port = port
            return

    async def stop(self) -> None:
        """Answer no more."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def answer(self, asked: bytes, *, over_udp: bool) -> bytes | None:
        """The answer to one query; None keeps silent."""
        try:
            query = dns.message.from_wire(asked)
            name = query.question[0].name
        except (dns.exception.DNSException, IndexError):
            return None
        self.queries += 1
        reply = dns.message.make_response(query)
        label, _, rest = name.to_text(omit_final_dot=True).lower().partition(".")
        if rest != f"{SCHEME}.{self.zone}":
            reply.set_rcode(dns.rcode.REFUSED)
            return reply.to_wire()
        says = _by_label().get(label, Dns.LISTED)
        if says is Dns.SILENT:
            return None
        if says is Dns.UNKNOWN:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif says is Dns.BROKEN:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif says is Dns.LONG and over_udp:
            reply.flags |= dns.flags.TC
        else:
            record = dns.rrset.from_text(name, 60, "IN", "NAPTR", self.record(says))
            reply.answer.append(record)
        return reply.to_wire()

    def record(self, says: Dns) -> str:
        """The NAPTR record of a participant that is listed, in the form of zone files."""
        service = "Meta:OTHER" if says is Dns.NO_SMP else "Meta:SMP"
        return f'100 10 "U" "{service}" "!^.*$!{self.smp_url}!" .'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                found = self.answer(await reader.readexactly(length), over_udp=False)
                if found is not None:
                    writer.write(len(found).to_bytes(2, "big") + found)
                    await writer.drain()
        writer.close()


class _Udp(asyncio.DatagramProtocol):
    """One query in a datagram, one answer in another."""

    def __init__(self, server: PracticeDns) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own is none by its class
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        found = self._server.answer(data, over_udp=True)
        if found is not None and self._transport is not None:
            self._transport.sendto(found, addr)


@functools.cache
def _by_label() -> Mapping[str, Dns]:
    """What is not simply listed, by the hash that is asked for: it cannot be turned back into a number."""
    return {
        sml_name(belgian(int(tag) * NUMBERS + number), "").partition(".")[0]: listing.dns
        for tag, listing in LISTINGS.items()
        if listing.dns is not Dns.LISTED
        for number in range(NUMBERS)
    }


class PracticeSmp:
    """The SMP of everybody; `routes` goes into the practice network."""

    def __init__(self) -> None:
        self.routes = [
            Route("/smp/{participant}", self.group, methods=["GET"]),
            Route("/smp/{participant}/services/{document:path}", self.service, methods=["GET"]),
        ]

    async def group(self, request: Request) -> Response:
        """A participant's service group."""
        scheme, _, value = request.path_params["participant"].partition("::")
        return _xml(
            f'<ServiceGroup xmlns="{_SMP}" xmlns:i="{_IDS}">'
            f'<i:ParticipantIdentifier scheme="{escape(scheme)}">{escape(value)}'
            "</i:ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>"
        )

    async def service(self, request: Request) -> Response:
        """What a participant takes of one document type."""
        scheme, _, value = request.path_params["participant"].partition("::")
        status = listing_of(value).smp
        if status != 200:
            return PlainTextResponse("no", status)
        return _xml(service_metadata(f"{scheme}::{value}", request.path_params["document"]))


def service_metadata(
    participant: str,
    document: str,
    *,
    process: str = BILLING_PROCESS,
    profile: str = TRANSPORT,
    starts: str = "2020-01-01T00:00:00Z",
    ends: str = "2099-01-01T00:00:00Z",
) -> str:
    """A signed service metadata as an SMP answers, without the signature."""
    scheme, _, value = participant.partition("::")
    document_scheme, _, document_value = document.partition("::")
    process_scheme, _, process_value = process.partition("::")
    return (
        f'<SignedServiceMetadata xmlns="{_SMP}" xmlns:i="{_IDS}" xmlns:w="{_WSA}">'
        "<ServiceMetadata><ServiceInformation>"
        f'<i:ParticipantIdentifier scheme="{escape(scheme)}">{escape(value)}'
        "</i:ParticipantIdentifier>"
        f'<i:DocumentIdentifier scheme="{escape(document_scheme)}">{escape(document_value)}'
        "</i:DocumentIdentifier><ProcessList><Process>"
        f'<i:ProcessIdentifier scheme="{escape(process_scheme)}">{escape(process_value)}'
        f'</i:ProcessIdentifier><ServiceEndpointList><Endpoint transportProfile="{profile}">'
        "<w:EndpointReference><w:Address>https://ap.example.com/as4</w:Address>"
        "</w:EndpointReference><RequireBusinessLevelSignature>false"
        f"</RequireBusinessLevelSignature><ServiceActivationDate>{starts}</ServiceActivationDate>"
        f"<ServiceExpirationDate>{ends}</ServiceExpirationDate><Certificate/>"
        "<ServiceDescription>practice</ServiceDescription>"
        "<TechnicalContactUrl>https://ap.example.com</TechnicalContactUrl></Endpoint>"
        "</ServiceEndpointList></Process></ProcessList></ServiceInformation></ServiceMetadata>"
        "</SignedServiceMetadata>"
    )


def _xml(text: str) -> Response:
    return Response('<?xml version="1.0" encoding="UTF-8"?>' + text, media_type="application/xml")
