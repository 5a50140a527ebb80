"""Every row of the practice Ping, from the wire to status, class and code; and that a letter is sent off once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import Response

from commtui.config import Secret
from commtui.demo.ping_reading import read
from commtui.demo.ping_scenarios import (
    CREATE,
    NO_HOOK,
    PING_SCENARIOS,
    SEND,
    scenario_of,
    tag_of,
)
from commtui.demo.ping_wire import MEDIA_TYPE, Keys, resource
from commtui.demo.scenario import First, Scenario
from commtui.domain import postal
from commtui.domain.vocabulary import ErrorClass, Status
from commtui.errors import (
    AccountTrouble,
    NotYet,
    ProviderError,
    RateLimited,
    Rejected,
    Stopped,
    UnknownOutcome,
)
from commtui.providers.base import Accepted, SendRequest
from commtui.providers.ping import LETTER, SPEC, UPLOAD, PingProvider, create_key, draft_body
from commtui.providers.ping import SEND as SEND_STEP
from commtui.providers.ping_codes import ADDRESS_DIFFERS, LOOK_IN_PING, STATUS, TOO_LATE
from tests.ping_practice import (
    ADDRESS,
    PingPractice,
    folded,
    letter,
    play,
    practising,
    request_to,
    watch_of,
)
from tests.steps import MemorySteps

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = {scenario.name: scenario for scenario in PING_SCENARIOS}
FIRST: Mapping[First, type[ProviderError]] = {
    First.ACCOUNT: AccountTrouble,
    First.RATE_LIMITED: RateLimited,
    First.REJECTED: Rejected,
    First.STOPPED: Stopped,
    First.UNKNOWN: UnknownOutcome,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[PingPractice]:
    async with practising() as running:
        yield running


@pytest.mark.parametrize("row", PING_SCENARIOS, ids=lambda row: row.name)
async def test_a_row_ends_as_it_says(practice: PingPractice, row: Scenario) -> None:
    request = request_to(row.recipient())
    assert practice.provider().check(request) is None

    played = await play(practice, request)
    if row.first is First.ACCEPTED:
        assert isinstance(played.first, Accepted)
    else:
        assert type(played.first) is FIRST[row.first]
        assert played.first.code == row.first_code
        assert SPEC.explain(Status.QUEUED, played.first.code, "").sentence

    if not isinstance(played.last, Accepted):
        assert isinstance(played.last, ProviderError)
        assert isinstance(played.last, Stopped) == (row.status is Status.FAILED)
        assert practice.taken(request) == []
        ending = played.last.code
        assert (row.status, ending) in ((Status.FAILED, row.code), (Status.REJECTED, row.code))
        assert SPEC.explain(row.status, ending, played.last.words).error_class is row.error_class
        assert played.last.words
        return

    assert practice.taken(request) == [played.last.provider_message_id]
    await practice.until(lambda: practice.callbacks.idle)
    watched = await practice.provider().poll(watch_of(request, played.last.provider_message_id))
    heard = practice.heard(request)
    told = [item for item in row.events if item.without != NO_HOOK]
    for facts in ([*watched.events], [*heard, *watched.events], [*watched.events, *heard]):
        state = folded([*played.last.events, *facts])
        assert (state.status, state.error_class, state.code) == (
            row.status,
            row.error_class,
            row.code,
        )
    if row.status is not Status.SENT and len(told) == len(row.events):
        assert folded(heard).status is row.status or any(event.ask for event in heard)
    assert {event.provider_message_id for event in heard} <= {played.last.provider_message_id}
    if row.error_class is not None:
        problem = SPEC.explain(row.status, row.code, watched.events[0].words)
        assert (problem.error_class, bool(problem.advice)) == (row.error_class, True)
        assert watched.again_after is None


async def test_every_kind_of_trouble_has_a_row() -> None:
    kinds = {later.kind for row in PING_SCENARIOS for later in row.events}
    unseen = set(STATUS) - kinds - {"submitted", "inspection", "transferring", "cancelled_expired"}
    assert unseen == set()
    assert {row.first for row in PING_SCENARIOS} == set(First) - {First.NOT_SENT}
    assert {row.reply.step for row in PING_SCENARIOS if row.reply} == {CREATE, SEND}
    assert {row.error_class for row in PING_SCENARIOS} == {
        None,
        ErrorClass.PERMANENT,
        ErrorClass.TECHNICAL,
    }


async def test_every_row_is_chosen_by_complete_addresses_of_its_own() -> None:
    for row in PING_SCENARIOS:
        recipients = {row.recipient(number) for number in range(12)}
        assert len(recipients) == 12
        for recipient in recipients:
            assert scenario_of(recipient) is row
            assert postal.problem(recipient, "DE") is None
            found = read(letter(recipient), "right")
            assert scenario_of(found.address) is row
    assert len({row.tag for row in PING_SCENARIOS}) == len(PING_SCENARIOS)
    assert tag_of(ADDRESS) == ""
    assert scenario_of(ADDRESS).status is Status.SENT


# what an operator is told


async def test_a_returned_letter_brings_the_reason_and_the_scans_address(
    practice: PingPractice,
) -> None:
    request = request_to(ROWS["undeliverable with corrected address"].recipient(1))
    await play(practice, request)
    await practice.until(lambda: practice.callbacks.idle)
    (returned,) = [it for it in practice.heard(request) if it.status is Status.RETURNED]
    assert returned.words == (
        "Recipient has moved The address is now: Zoé Lefèvre, quai Saint-Vincent 7, 69001 Lyon"
    )
    assert SPEC.explain(Status.RETURNED, returned.code, "").falls_back


async def test_an_address_that_was_read_differently_is_shown_beside_ours(
    practice: PingPractice,
) -> None:
    request = request_to(ROWS["address read differently"].recipient(1))
    played = await play(practice, request)
    assert isinstance(played.last, Stopped)
    assert "69003 Lyon" in played.last.words
    assert "69002 Lyon" in played.last.words
    assert played.steps.begun_at is None


async def test_a_letter_with_somebody_elses_address_in_its_window_is_not_sent(
    practice: PingPractice,
) -> None:
    request = request_to(ADDRESS, letter("Zoé Lefèvre\n12 rue de la Forêt\n75012 Paris\nFR"))
    played = await play(practice, request)
    assert isinstance(played.last, Stopped)
    assert played.last.code == ADDRESS_DIFFERS
    assert practice.taken(request) == []


async def test_a_letter_without_an_address_in_its_window_is_not_sent(
    practice: PingPractice,
) -> None:
    request = request_to(ADDRESS, letter(ADDRESS, window="left"))
    played = await play(practice, request)
    assert isinstance(played.last, Stopped)
    assert played.last.code == "content_failed_inspection"
    assert "No address in the window" in played.last.words


async def test_the_windows_side_can_be_set(practice: PingPractice) -> None:
    request = request_to(ADDRESS, letter(ADDRESS, window="left"))
    provider = practice.provider(address_position="left")
    steps = MemorySteps()
    with pytest.raises(NotYet):
        await provider.advance(request, steps)
    await practice.until(lambda: practice.callbacks.idle)
    assert isinstance(await provider.advance(request, steps), Accepted)


async def test_waiting_for_credit_is_told_while_the_letter_stays_sent(
    practice: PingPractice,
) -> None:
    request = request_to(ROWS["awaiting credits, then sent"].recipient(1))
    played = await play(practice, request)
    assert isinstance(played.last, Accepted)
    await practice.until(lambda: practice.callbacks.idle)
    (waiting,) = [it for it in practice.heard(request) if it.kind == "waiting_for_funds"]
    assert (waiting.status, waiting.ask) == (None, True)
    assert "credit" in waiting.words


async def test_an_inspection_makes_a_task_that_progress_closes() -> None:
    async with practising(scale=0.3) as slowly:
        request = request_to(ROWS["held by an inspection, then sent"].recipient(1))
        played = await play(slowly, request)
        assert isinstance(played.last, Accepted)
        provider, watch = slowly.provider(), watch_of(request, played.last.provider_message_id)
        seen: list[tuple[str, str, tuple[str, ...]]] = []
        while not seen or seen[-1][0] != "sent":
            (event,) = (await provider.poll(watch)).events
            seen.append((event.kind, event.task, event.closes))
    assert ("action_required", LOOK_IN_PING, ()) in seen
    assert seen[-1] == ("sent", "", (LOOK_IN_PING,))
    assert LOOK_IN_PING in SPEC.tasks


async def test_an_issue_that_nobody_knows_is_a_question(practice: PingPractice) -> None:
    request = request_to(ROWS["issue nobody knows"].recipient(1))
    await play(practice, request)
    await practice.until(lambda: practice.callbacks.idle)
    (unknown,) = [it for it in practice.heard(request) if it.kind == "hologram_missing"]
    assert (unknown.status, unknown.ask, unknown.words) == (None, True, "The hologram is missing")


async def test_only_asking_tells_what_no_webhook_brought(practice: PingPractice) -> None:
    request = request_to(ROWS["webhooks lost"].recipient(1))
    played = await play(practice, request)
    assert isinstance(played.last, Accepted)
    await practice.until(lambda: practice.callbacks.idle)
    assert practice.heard(request) == []
    (event,) = (
        await practice.provider().poll(watch_of(request, played.last.provider_message_id))
    ).events
    assert (event.status, event.words) == (Status.RETURNED, "Recipient unknown at this address")


# cancelling


async def test_a_letter_is_cancelled_before_it_is_printed_and_not_afterwards() -> None:
    async with practising(scale=1.0) as slowly:
        request = request_to(ADDRESS)
        played = await play(slowly, request)
        assert isinstance(played.last, Accepted)
        watch = watch_of(request, played.last.provider_message_id)
        (asked,) = await slowly.provider().cancel(watch)
        assert (asked.kind, asked.status, asked.entry_id) == ("cancelling", None, request.entry_id)
        await slowly.until(lambda: slowly.callbacks.idle)
        (event,) = (await slowly.provider().poll(watch)).events
        assert (event.kind, event.status) == ("cancelled", Status.CANCELLED)
        (again,) = await slowly.provider().cancel(watch)
        assert again.status is Status.CANCELLED


async def test_it_is_too_late_to_cancel_what_left(practice: PingPractice) -> None:
    request = request_to(ADDRESS)
    played = await play(practice, request)
    assert isinstance(played.last, Accepted)
    await practice.until(lambda: practice.callbacks.idle)
    with pytest.raises(Rejected) as caught:
        await practice.provider().cancel(watch_of(request, played.last.provider_message_id))
    assert caught.value.code == TOO_LATE


# exactly once


class Crash(BaseException):
    """The worker ends."""


@dataclass
class CrashingSteps(MemorySteps):
    """Ends the worker at a commit, before or after the store has it."""

    at: int = 0
    kept: bool = True

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        """Keep a step's reference, or die."""
        await self._maybe(super().commit(step, reference, words))

    async def begin(self) -> None:
        """Note that the irreversible step comes next, or die."""
        await self._maybe(super().begin())

    async def _maybe(self, keep: Any) -> None:
        self.at -= 1
        if self.at == 0 and not self.kept:
            keep.close()
            raise Crash
        await keep
        if self.at == 0:
            raise Crash


async def test_steps_are_committed_in_order_and_begin_comes_last(practice: PingPractice) -> None:
    played = await play(practice, request_to(ADDRESS))
    assert played.steps.committed == [UPLOAD, LETTER, SEND_STEP, "begin"]
    assert played.steps.reached[LETTER]["id"]
    assert played.steps.words[1].startswith("Uploaded to Ping as draft ")


@pytest.mark.parametrize("kept", [True, False], ids=["after the commit", "before the commit"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_a_worker_that_ends_at_any_step_leaves_one_letter(
    practice: PingPractice, at: int, kept: bool
) -> None:
    request, steps = request_to(ADDRESS), CrashingSteps(at=at, kept=kept)
    with pytest.raises(Crash):
        await play(practice, request, steps)
    left = MemorySteps(dict(steps.reached), steps.begun_at)
    played = await play(practice, request, left)
    assert isinstance(played.last, Accepted)
    assert practice.taken(request) == [played.last.provider_message_id]
    assert len(practice.drafts(request)) == 1


async def test_a_worker_that_ends_after_the_letter_was_sent_off_sends_no_other(
    practice: PingPractice,
) -> None:
    request = request_to(ADDRESS)
    before = await play(practice, request)
    for begun_at in (datetime.now(UTC), datetime.now(UTC) - timedelta(days=2)):
        played = await play(practice, request, MemorySteps(dict(before.steps.reached), begun_at))
        assert isinstance(played.last, Accepted)
        assert played.steps.committed == []
    assert len(practice.taken(request)) == 1


class KeylessProvider(PingProvider):
    """The naive variant: every request has a key of its own, as if there were none."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        ask = self._api._call

        async def without(
            method: str, url: str, content: bytes | None = None, key: str = ""
        ) -> Any:
            return await ask(method, url, content)

        self._api._call = without  # type: ignore[method-assign]


class ForgetfulSteps(MemorySteps):
    """The naive variant: nothing is committed before the next request is made."""

    async def commit(self, step: str, reference: Mapping[str, Any], words: str = "") -> None:
        """Keep nothing."""
        self.reached = {}

    async def begin(self) -> None:
        """Keep nothing."""


@pytest.mark.parametrize("row", ["lost answer at create", "lost answer at send"])
async def test_the_naive_variants_make_two_letters(practice: PingPractice, row: str) -> None:
    request = request_to(ROWS[row].recipient(2))
    steps: MemorySteps = MemorySteps() if row == "lost answer at create" else ForgetfulSteps()
    made = KeylessProvider(practice.settings(), practice.http)
    outcome: Accepted | ProviderError | None = None
    for _ in range(80):
        try:
            outcome = await made.advance(request, steps)
            break
        except ProviderError as error:
            outcome = error
            await asyncio.sleep(0.005)
            # a draft has to be read before a forgetful worker asks for it again
            if isinstance(steps, ForgetfulSteps) and isinstance(error, NotYet):
                await practice.until(lambda: practice.callbacks.idle)
                identifier = practice.drafts(request)[-1]
                steps.reached = {LETTER: {"id": identifier}}
    assert isinstance(outcome, Accepted)
    if row == "lost answer at create":
        assert len(practice.drafts(request)) == 2
    else:
        assert len(practice.taken(request)) == 2


@pytest.mark.parametrize("row", ["lost answer at create", "lost answer at send"])
async def test_a_lost_answer_is_asked_for_with_the_same_key_and_bytes(
    practice: PingPractice, row: str
) -> None:
    request = request_to(ROWS[row].recipient(3))
    played = await play(practice, request)
    assert isinstance(played.first, UnknownOutcome)
    assert isinstance(played.last, Accepted)
    assert practice.drafts(request) == practice.taken(request) == [played.last.provider_message_id]


async def test_settings_that_change_between_two_tries_do_not_change_the_repeated_bytes(
    practice: PingPractice,
) -> None:
    request, steps = request_to(ROWS["500 at send"].recipient(4)), MemorySteps()
    with pytest.raises(NotYet):
        await practice.provider().advance(request, steps)
    await practice.until(lambda: practice.callbacks.idle)
    with pytest.raises(UnknownOutcome):
        await practice.provider(product="fast").advance(request, steps)
    await practice.provider(product="premium", address_position="left").advance(request, steps)
    (made,) = [item for item in practice.api.letters if item.id in practice.taken(request)]
    assert made.attributes["delivery_product"] == "fast"


async def test_an_upload_that_expired_is_replaced_only_after_the_letter_was_looked_for(
    practice: PingPractice,
) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    lost = request_to(ROWS["lost answer at create"].recipient(5))
    steps = MemorySteps()
    with pytest.raises(UnknownOutcome):
        await practice.provider().advance(lost, steps)
    steps.reached[UPLOAD] = {**steps.reached[UPLOAD], "expires_at": past}
    assert isinstance((await play(practice, lost, steps)).last, Accepted)
    assert practice.drafts(lost) == practice.taken(lost)
    assert steps.reached[UPLOAD]["number"] == 1

    never = request_to(ADDRESS)
    gone = {
        "url": "x",
        "signature": "y",
        "expires_at": past,
        "number": 1,
        "address_position": "left",
    }
    steps = MemorySteps({UPLOAD: {**gone, "name": f"f2026-0001_{never.entry_id}.pdf"}})
    assert isinstance((await play(practice, never, steps)).last, Accepted)
    assert steps.reached[UPLOAD]["number"] == 2
    assert len(practice.drafts(never)) == 1


async def test_a_file_that_ping_no_longer_has_is_uploaded_anew_under_another_key(
    practice: PingPractice,
) -> None:
    request = request_to(ADDRESS)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    gone = {
        "url": f"{practice.url}/practice/ping/uploads/gone",
        "signature": "x",
        "expires_at": soon,
        "number": 1,
        "name": f"f2026-0001_{request.entry_id}.pdf",
        "address_position": "right",
    }
    steps = MemorySteps({UPLOAD: gone})
    assert isinstance((await play(practice, request, steps)).last, Accepted)
    assert steps.reached[UPLOAD]["number"] == 2
    assert create_key(request.entry_id, 2) == f"{request.entry_id}-create-2"
    assert len(create_key(request.entry_id, 99)) <= 64


# looking for a letter


async def test_a_letter_is_found_by_its_id_or_by_its_files_name(practice: PingPractice) -> None:
    request = request_to(ADDRESS)
    played = await play(practice, request)
    assert isinstance(played.last, Accepted)
    for reached in (played.steps.reached, {}):
        found = await practice.provider().find(request, request.created_at, reached)
        assert found is not None
        (event,) = found
        assert (event.entry_id, event.provider_message_id) == (
            request.entry_id,
            played.last.provider_message_id,
        )
        assert event.status is Status.SENT


async def test_a_draft_was_surely_never_sent_only_when_the_last_try_is_long_over(
    practice: PingPractice,
) -> None:
    request, steps = request_to(ROWS["500 at send"].recipient(6)), MemorySteps()
    with pytest.raises(NotYet):
        await practice.provider().advance(request, steps)
    await practice.until(lambda: practice.callbacks.idle)
    with pytest.raises(UnknownOutcome):
        await practice.provider().advance(request, steps)
    finding = practice.provider()
    assert await finding.find(request, request.created_at, steps.reached) is None
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    steps.reached[SEND_STEP] = {**steps.reached[SEND_STEP], "at": long_ago}
    assert await finding.find(request, request.created_at, steps.reached) == []
    assert await finding.find(request_to(ADDRESS), request.created_at, {}) == []
    assert isinstance((await play(practice, request, steps)).last, Accepted)
    assert len(practice.taken(request)) == 1


async def test_nothing_is_certain_about_a_letter_that_is_gone_or_needs_a_person(
    practice: PingPractice,
) -> None:
    request = request_to(ROWS["action required"].recipient(7))
    played = await play(practice, request)
    finding = practice.provider()
    assert await finding.find(request, request.created_at, played.steps.reached) is None
    assert await finding.find(request, request.created_at, {LETTER: {"id": "gone"}}) is None


# the stand-in refuses what the provider refuses


async def token(practice: PingPractice, client: httpx.AsyncClient) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": practice.account.ping_client_id,
        "client_secret": practice.account.ping_client_secret,
    }
    answer = await client.post("/auth/access-tokens", data=form)
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def draft(practice: PingPractice, client: httpx.AsyncClient, request: SendRequest) -> bytes:
    bearer = await token(practice, client)
    place = (await client.get("/file-upload", headers=bearer)).json()["data"]["attributes"]
    assert (await client.put(place["url"], content=b"%PDF-", headers=bearer)).status_code == 400
    content = request.documents[0].content
    assert (await client.put(place["url"], content=content)).status_code == 200
    assert (await client.put(place["url"], content=content)).status_code == 403
    return draft_body(
        {
            "name": f"x_{request.entry_id}.pdf",
            "url": place["url"],
            "signature": place["url_signature"],
            "address_position": "right",
        }
    )


async def test_the_stand_in_keeps_the_rules_of_idempotency(practice: PingPractice) -> None:
    request = request_to(ADDRESS)
    path = f"/organisations/{practice.account.ping_organisation}/deliveries/letters"
    async with httpx.AsyncClient(base_url=practice.url, trust_env=False) as client:
        body = await draft(practice, client, request)
        headers = {
            **await token(practice, client),
            "content-type": "application/vnd.api+json",
            "idempotency-key": f"{request.entry_id}-create",
        }
        made = await client.post(path, content=body, headers=headers)
        assert made.status_code == 201
        again = await client.post(path, content=body, headers=headers)
        assert again.content == made.content
        assert again.headers["idempotent-replayed"] == "true"
        other = body.replace(b"right", b"left")
        assert (await client.post(path, content=other, headers=headers)).status_code == 422
        assert len(practice.drafts(request)) == 1

        wrong = {**headers, "idempotency-key": "another", "content-type": "application/json"}
        assert (await client.post(path, content=body, headers=wrong)).status_code == 415
        foreign = path.replace(practice.account.ping_organisation, "somebody-else")
        assert (await client.post(foreign, content=body, headers=headers)).status_code == 403
        assert (await client.post(path, content=body)).status_code == 401
        listed = await client.get(
            path,
            headers=headers,
            params={"filter": json.dumps({"file_original_name": f"x_{request.entry_id}.pdf"})},
        )
        assert [item["id"] for item in listed.json()["data"]] == practice.drafts(request)


async def test_a_key_that_is_still_at_work_is_refused() -> None:
    working, go_on = asyncio.Event(), asyncio.Event()

    async def work(_request: Request, _asked: Mapping[str, Any]) -> Response:
        working.set()
        await go_on.wait()
        return resource({"data": {}}, 201)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"data": {"attributes": {}}}', "more_body": False}

    def request() -> Request:
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"idempotency-key", b"k")]
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": headers}
        return Request(
            {**scope, "query_string": b"", "server": ("h", 80), "scheme": "http"}, receive
        )

    keys = Keys()
    first = asyncio.create_task(keys.once(request(), work))
    await working.wait()
    second = await keys.once(request(), work)
    go_on.set()
    answers = [await first, second]
    assert [answer and answer.status_code for answer in answers] == [201, 409]
    replayed = await keys.once(request(), work)
    assert replayed is not None
    assert replayed.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"nothing", "invalid_pdf_binary_content"),
        (b"%PDF-1.7 broken", "file_not_readable"),
        (letter(ADDRESS, page="width: 210mm, height: 279mm"), "file_not_a4_portrait"),
        (b"%PDF-" + b" " * 8_000_001, "file_size_over_limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_the_stand_in_cannot_print_ends_as_invalid(
    practice: PingPractice, content: bytes, code: str
) -> None:
    request = request_to(ADDRESS, content)
    played = await play(practice, request)
    assert isinstance(played.last, Stopped)
    assert played.last.code == code


async def test_webhooks_look_like_pings(practice: PingPractice) -> None:
    request = request_to(ROWS["delivered"].recipient(8))
    await play(practice, request)
    await practice.until(lambda: practice.callbacks.idle)
    (hook,) = [
        it
        for it in practice.hooks
        if b"webhook_delivered" in it.body and request.entry_id.encode() in it.body
    ]
    assert re.fullmatch("[0-9a-f]{64}", hook.headers["signature"])
    assert b"\\/" in hook.body
    said = json.loads(hook.body)
    event = said["data"]["relationships"]["event"]["data"]["id"]
    assert [item["type"] for item in said["included"] if item["id"] == event] == [
        "letters_events",
        "deliverables_events",
    ]


async def test_a_token_that_was_revoked_is_fetched_anew_within_the_same_try(
    practice: PingPractice,
) -> None:
    request, steps, provider = request_to(ADDRESS), MemorySteps(), practice.provider()
    with pytest.raises(NotYet):
        await provider.advance(request, steps)
    await practice.until(lambda: practice.callbacks.idle)
    practice.api.revoke()
    assert isinstance(await provider.advance(request, steps), Accepted)


async def test_credentials_that_are_refused_pause_the_provider(practice: PingPractice) -> None:
    provider = practice.provider(client_secret=Secret("wrong-secret"))
    with pytest.raises(AccountTrouble) as caught:
        await provider.advance(request_to(ADDRESS), MemorySteps())
    assert caught.value.code == "credentials"
    assert SPEC.explain(Status.REJECTED, "credentials", "").error_class is ErrorClass.TECHNICAL
