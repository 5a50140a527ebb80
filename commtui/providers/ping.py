"""Ping: letters by the Pingen API v2, from upload to the post, and its signed webhooks.

A letter is uploaded and made as a draft, which costs nothing; Ping reads the address off its first page. Only when
that is ours it is sent off, under an idempotency key that allows it to be asked for again after a lost answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from commtui.config import Settings
from commtui.domain import postal
from commtui.domain.text import fold
from commtui.domain.vocabulary import Channel, DocumentRole, Status
from commtui.errors import (
    AccountTrouble,
    NotYet,
    ProviderError,
    Rejected,
    Stopped,
    UnknownOutcome,
)
from commtui.providers import letters_pdf, wire
from commtui.providers.base import (
    Accepted,
    Calls,
    Capability,
    DeliveryEvent,
    ProviderSpec,
    SendRequest,
    SettingField,
    Steps,
    Watch,
    Watched,
)
from commtui.providers.http import Http
from commtui.providers.ping_codes import (
    ADDRESS_DIFFERS,
    CANCELLABLE,
    CANCELLING,
    LABEL,
    NOT_CHECKED,
    STATUS,
    TAKEN,
    TASKS,
    TOO_LATE,
    UNUSABLE,
    VALID,
    explain,
)
from commtui.providers.ping_facts import FIRST_POLL, PingReceiver, again, reason, standing
from commtui.providers.pingen import KEY, Letter, LetterEvent, Pingen, instant

PATH = "/webhooks/ping"
UPLOAD, LETTER, SEND = "upload", "letter", "send"
"""The steps whose references are committed."""
REPEATS_FOR = timedelta(hours=12)
"""Half of what Ping remembers an idempotency key for."""
UPLOADS = 3
"""How often one letter is uploaded anew because Ping no longer takes the earlier file."""
CHECK_LIMIT = timedelta(hours=6)
"""Ping reads a file in seconds; after so long somebody has to look."""
QUIET = timedelta(hours=1)
"""No request is on its way for so long: we give up after seconds, and Ping answers or refuses long before."""


def file_name(request: SendRequest) -> str:
    """The letter's file name: the only field of ours that comes back, so our entry id stands in it."""
    slug = re.sub(r"[^a-z0-9]+", "-", fold(request.reference).encode("ascii", "ignore").decode())
    return f"{slug.strip('-')[:80] or 'letter'}_{request.entry_id}.pdf"


def draft_body(upload: Mapping[str, Any]) -> bytes:
    """The create request; made of committed values only, so that a repeat has the same bytes."""
    attributes = {
        "file_original_name": upload["name"],
        "file_url": upload["url"],
        "file_url_signature": upload["signature"],
        "address_position": upload["address_position"],
        "auto_send": False,
    }
    return json.dumps({"data": {"type": "letters", "attributes": attributes}}).encode()


def send_body(letter_id: str, order: Mapping[str, Any]) -> bytes:
    """The send request, likewise."""
    attributes = {
        name: order[name] for name in ("delivery_product", "print_mode", "print_spectrum")
    }
    data = {"id": letter_id, "type": "letters", "attributes": attributes}
    return json.dumps({"data": data}).encode()


def create_key(entry_id: str, number: int) -> str:
    """The idempotency key of the draft made from the entry's upload of this number."""
    return f"{entry_id}-create" if number == 1 else f"{entry_id}-create-{number}"


class PingProvider:
    """Hands letters to Ping step by step, and asks after them."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._api = Pingen(settings.ping, http)

    def check(self, request: SendRequest) -> tuple[str, str] | None:
        """A reason (code, words) why this must not be sent as it is, or None; makes no request."""
        country = request.country or self._settings.sending.country
        if wrong := postal.problem(request.recipient, country):
            code = "missing_recipient" if not request.recipient.strip() else "invalid_recipient"
            return code, f"{wrong[0].upper()}{wrong[1:]}."
        letters = [item for item in request.documents if item.role is DocumentRole.LETTER]
        if len(letters) != 1:
            return "missing_content", f"There are {len(letters)} letters; there has to be one."
        if letters[0].media_type != "application/pdf":
            return "missing_content", f"The letter is {letters[0].media_type[:60]}, not a PDF."
        return letters_pdf.problem(letters[0].content, self._address(request).country)

    async def advance(self, request: SendRequest, steps: Steps) -> Accepted:
        """Go on from the last committed step to acceptance. Raises as Stepwise.advance says."""
        repeated = steps.begun_at is not None
        letter = await self._draft(request, steps)
        if letter.status in TAKEN:
            return _accepted(letter, request.entry_id)
        if letter.status != VALID:
            raise await self._not_ready(letter, steps)
        self._compare(letter, request)
        order = {**self._order(steps), "at": datetime.now(UTC).isoformat()}
        await self._api.be_ready()
        await steps.commit(SEND, order)
        await steps.begin()
        try:
            done = await self._api.submit(
                letter.id, send_body(letter.id, order), f"{request.entry_id}-send"
            )
        except (Rejected, AccountTrouble):
            # an earlier try may have arrived meanwhile, and this one is refused because of it
            if repeated and (sent := await self._sent_meanwhile(letter.id)):
                return _accepted(sent, request.entry_id)
            raise
        if done is not None:
            return _accepted(done, request.entry_id)
        if sent := await self._sent_meanwhile(letter.id):
            return _accepted(sent, request.entry_id)
        raise UnknownOutcome(KEY, "409", "Ping is still busy with an earlier request.")

    async def find(
        self,
        request: SendRequest,
        since: datetime,  # noqa: ARG002 - the contract's form
        reached: Mapping[str, Mapping[str, Any]],
    ) -> Sequence[DeliveryEvent] | None:
        """What became of a letter whose answer was lost; [] when it never was, None when it is not certain."""
        known = reached.get(LETTER)
        if known is None:
            named = await self._api.named(file_name(request))
            sent = next((item for item in named if item.status in TAKEN), None)
            # without a committed letter nothing was sent off: only a letter that we know of can be
            return [] if sent is None else [standing(sent, request.entry_id)]
        letter = await self._api.letter(str(known["id"]))
        if letter is not None and letter.status in TAKEN:
            return [standing(letter, request.entry_id)]
        if letter is None or letter.status != VALID:
            return None
        # A draft now may be a letter in a moment, while a request of ours is on its way or at work under its key.
        # Once the last one is long over, it never was sent; and should it be asked for again although Ping has
        # forgotten the key, it is the same letter, which leaves the state of a draft once only.
        last = instant(reached.get(SEND, {}).get("at"))
        return [] if last is None or datetime.now(UTC) - last > QUIET else None

    async def poll(self, watch: Watch) -> Watched:
        """The present state of a letter, as an event; none when Ping no longer has it."""
        letter = await self._api.letter(watch.provider_message_id)
        if letter is None:
            return Watched((), None)
        waited = datetime.now(UTC) - watch.accepted_at
        # a draft that was sent off in this moment may still be shown as one
        given_back = letter.status == VALID and waited > FIRST_POLL / 2
        status = STATUS.get(letter.status)
        history: Sequence[LetterEvent] = ()
        if given_back or status in (Status.FAILED, Status.RETURNED) or letter.status in UNUSABLE:
            history = await self._api.history(letter.id)
        event = standing(letter, watch.entry_id, history, given_back=given_back)
        return Watched([event], None if given_back else again(letter, waited))

    async def cancel(self, watch: Watch) -> Sequence[DeliveryEvent]:
        """Ask Ping to stop a letter. Raises Rejected when it is too late."""
        try:
            await self._api.cancel(watch.provider_message_id)
        except (Rejected, AccountTrouble, UnknownOutcome) as refusal:
            if not refusal.code.isdecimal() or int(refusal.code) >= 500 or refusal.code == "401":
                raise
            letter = await self._api.letter(watch.provider_message_id)
            if letter is None or letter.status in CANCELLABLE:
                raise
            if letter.status == CANCELLING or STATUS.get(letter.status) is Status.CANCELLED:
                return [standing(letter, watch.entry_id)]
            raise Rejected(KEY, TOO_LATE, f"Ping says: {letter.status}.") from None
        return [
            DeliveryEvent(
                kind=CANCELLING,
                at=datetime.now(UTC),
                timed=False,
                entry_id=watch.entry_id,
                provider_message_id=watch.provider_message_id,
                recipient="",
            )
        ]

    def _address(self, request: SendRequest) -> postal.PostalAddress:
        return postal.parse(request.recipient, request.country or self._settings.sending.country)

    def _order(self, steps: Steps) -> Mapping[str, Any]:
        """What is ordered: what an earlier try asked for, so that a repeat has the same bytes."""
        chosen = self._settings.ping
        committed = steps.reached.get(SEND) if steps.begun_at is not None else None
        return committed or {
            "delivery_product": chosen.product,
            "print_mode": chosen.print_mode,
            "print_spectrum": chosen.print_spectrum,
        }

    async def _draft(self, request: SendRequest, steps: Steps) -> Letter:
        """The letter at Ping as it stands now, made as a draft unless an earlier try did."""
        if (known := steps.reached.get(LETTER)) is not None:
            letter = await self._api.letter(str(known["id"]))
            if letter is not None:
                return letter
            if steps.begun_at is not None:
                raise UnknownOutcome(KEY, "404", "Ping does not show the letter any more.")
            raise Rejected(KEY, "404", "Ping no longer has the draft.")
        upload = steps.reached.get(UPLOAD)
        if upload is None:
            upload = await self._upload(request, steps, 1)
        elif _expired(upload):
            return await self._anew(request, steps, upload)
        try:
            letter = await self._api.create(draft_body(upload), _key(request, upload))
        except Rejected as refusal:
            if not _about_the_file(refusal) or upload["number"] >= UPLOADS:
                raise
            return await self._anew(request, steps, upload)
        return await self._keep(letter, steps)

    async def _anew(self, request: SendRequest, steps: Steps, upload: Mapping[str, Any]) -> Letter:
        """The letter that a lost answer left behind; where there is none, one from another upload."""
        named = await self._api.named(upload["name"])
        if named:
            return await self._keep(
                next((it for it in named if it.status in TAKEN), named[0]), steps
            )
        upload = await self._upload(request, steps, upload["number"] + 1)
        letter = await self._api.create(draft_body(upload), _key(request, upload))
        return await self._keep(letter, steps)

    async def _upload(self, request: SendRequest, steps: Steps, number: int) -> Mapping[str, Any]:
        letters = [item for item in request.documents if item.role is DocumentRole.LETTER]
        if len(letters) != 1:
            raise Stopped(KEY, "missing_content", "There has to be exactly one letter.")
        made = await self._api.upload(letters[0].content)
        now = datetime.now(UTC)
        # once Ping may have forgotten the key, a repeat would be another draft: the letter is looked for first
        expires = min(made.expires_at or now + REPEATS_FOR, now + REPEATS_FOR)
        wanted = self._settings.ping.address_position
        reference = {
            "url": made.url,
            "signature": made.signature,
            "expires_at": expires.isoformat(),
            "number": number,
            "name": file_name(request),
            "address_position": wanted or postal.window(self._address(request).country),
        }
        await steps.commit(UPLOAD, reference)
        return reference

    async def _keep(self, letter: Letter, steps: Steps) -> Letter:
        reference = {"id": letter.id, "at": datetime.now(UTC).isoformat()}
        await steps.commit(LETTER, reference, f"Uploaded to Ping as draft {letter.id}.")
        return letter

    async def _not_ready(self, letter: Letter, steps: Steps) -> ProviderError:
        """Why a letter that is no valid draft cannot be sent now."""
        # after a send only that says for certain that it was not taken: an inspection may ask for a person as well
        if steps.begun_at is not None and letter.status != "invalid":
            return UnknownOutcome(KEY, wire.code(letter.status), f"Ping says: {letter.status}.")
        if letter.status in UNUSABLE:
            code, words = reason(letter, await self._api.history(letter.id))
            return Stopped(KEY, code, f"Ping found: {words or letter.status}.")
        since = instant(steps.reached.get(LETTER, {}).get("at")) or datetime.now(UTC)
        age = datetime.now(UTC) - since
        if age > CHECK_LIMIT:
            return Stopped(KEY, NOT_CHECKED, f"Ping has said {letter.status} for {age}.")
        wait = min(max(age.total_seconds() / 4, 2.0), 300.0)
        return NotYet(KEY, "validating", f"Ping says: {letter.status}.", wait)

    def _compare(self, letter: Letter, request: SendRequest) -> None:
        """Raise Stopped unless Ping read our address in the window."""
        ours = self._address(request)
        if postal.same_place(ours, letter.address, letter.country):
            return
        read = ", ".join(filter(None, (*letter.address.splitlines(), letter.country)))
        wanted = ", ".join((*ours.lines, ours.country))
        raise Stopped(KEY, ADDRESS_DIFFERS, f"Ping read: {read or 'nothing'} - ours: {wanted}")

    async def _sent_meanwhile(self, identifier: str) -> Letter | None:
        letter = await self._api.letter(identifier)
        return letter if letter is not None and letter.status in TAKEN else None


def _key(request: SendRequest, upload: Mapping[str, Any]) -> str:
    return create_key(request.entry_id, int(upload["number"]))


def _expired(upload: Mapping[str, Any]) -> bool:
    until = instant(upload.get("expires_at"))
    return until is None or until <= datetime.now(UTC)


def _about_the_file(refusal: Rejected) -> bool:
    return refusal.code == "410" or "file_url" in refusal.words


def _accepted(letter: Letter, entry_id: str) -> Accepted:
    """A letter that was sent off, now or before; what it waits for or came to since is a fact as well."""
    told = letter.status in TAKEN and letter.status != "submitted"
    return Accepted(letter.id, events=[standing(letter, entry_id)] if told else [])


SPEC = ProviderSpec(
    key=KEY,
    label=LABEL,
    channel=Channel.POST,
    capabilities=frozenset(
        {
            Capability.WEBHOOK,
            Capability.POLL,
            Capability.FIND,
            Capability.STEPS,
            Capability.CANCEL,
        }
    ),
    fields=(
        SettingField("client_id", True, "id of an application with the scope letter"),
        SettingField("client_secret", True, "its secret"),
        SettingField("organisation", True, "id of the organisation that sends the letters"),
        SettingField(
            "webhook_key",
            False,
            "signing key of the webhooks; two with a comma while it is rotated",
        ),
        SettingField("product", False, "fast, cheap, bulk, premium or registered"),
        SettingField("print_mode", False, "simplex or duplex"),
        SettingField("print_spectrum", False, "grayscale or color"),
        SettingField(
            "address_position", False, "left or right; empty: as the country's envelopes have it"
        ),
        SettingField("base_url", False, "where the API is"),
        SettingField("identity_url", False, "where tokens are issued"),
    ),
    configured=lambda settings: bool(
        settings.ping.client_id and settings.ping.client_secret and settings.ping.organisation
    ),
    create=PingProvider,
    receiver=PingReceiver,
    webhook_paths=(PATH,),
    explain=explain,
    bases=lambda settings: (settings.ping.base_url, settings.ping.identity_url),
    paid=True,
    repeats_for=REPEATS_FOR,
    first_poll=FIRST_POLL,
    calls=Calls(
        timedelta(days=5),
        "ping.webhook_key",
        "in Ping's settings have webhooks of every category post there, with the same key",
        optional=True,
    ),
    tasks=TASKS,
)
