"""The signed link in our marketing email (RFC 8058): who follows it gets no more marketing at that address.

The link names the entry, never the address; looking at it changes nothing, because scanners look at every link.
"""

from __future__ import annotations

import hashlib
import hmac

from commtui.config import Settings
from commtui.domain.optouts import OptChange, OptSource, Scope
from commtui.domain.vocabulary import Channel, Purpose
from commtui.errors import BadSignature
from commtui.providers.base import SendRequest
from commtui.store import details, optouts, redirects, wishes
from commtui.store.engine import Database

PATH = "/unsubscribe"
KEY_NAME = "unsubscribe"


class Unsubscribing:
    """Makes the links, and does what they ask for."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._public_url = settings.web.public_url.rstrip("/")
        self._key = b""

    def link(self, request: SendRequest) -> str:
        """The link for a marketing email; empty for everything else, and without a public URL."""
        if request.channel is not Channel.EMAIL or request.purpose is not Purpose.MARKETING:
            return ""
        if not self._public_url:
            return ""
        return f"{self._public_url}{PATH}/{request.entry_id}.{self._signature(request.entry_id)}"

    def entry_of(self, token: str) -> str:
        """The entry that a link was sent with. Raises BadSignature."""
        entry_id, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(entry_id).encode()):
            raise BadSignature("this link was not made here")
        return entry_id

    def unsubscribe(self, token: str) -> None:
        """Opt the address out that the entry was really sent to. Raises BadSignature, NotFound."""
        entry_id = self.entry_of(token)
        change = OptChange(
            Channel.EMAIL, out=True, scope=Scope.MARKETING, source=OptSource.UNSUBSCRIBE
        )
        with self._database.write() as connection:
            entry = details.stored_entry(connection, entry_id)
            address = redirects.redirected(connection, [entry_id]).get(entry_id, entry.recipient)
            optouts.learn(connection, self._database, change, address, self._database.now())

    def _signature(self, entry_id: str) -> str:
        if not self._key:
            self._key = wishes.key_of(self._database, KEY_NAME).encode()
        return hmac.new(self._key, entry_id.encode(errors="replace"), hashlib.sha256).hexdigest()[
            :40
        ]
