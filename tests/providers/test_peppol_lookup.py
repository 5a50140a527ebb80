"""The participant look-up: names and records of the directory, on a real name server and real SMPs on loopback."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from commtui.config import Peppol
from commtui.demo.peppol_directory import PracticeDns, service_metadata
from commtui.demo.peppol_scenarios import Dns, belgian
from commtui.domain.einvoice import Reachability, Registration
from commtui.providers.http import Http
from commtui.providers.peppol_access import Opinion
from commtui.providers.peppol_codes import document_type
from commtui.providers.peppol_lookup import ANSWER_LIMIT, SCHEME, Directory, sml_name, weigh
from tests.peppol_practice import PeppolPractice, practising, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

BILLING = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
INVOICE, CREDIT = document_type("invoice", BILLING), document_type("credit_note", BILLING)
LISTED = belgian(123_456)
YES, NO, OPEN = (
    Reachability.REACHABLE,
    Reachability.NOT_REGISTERED,
    Reachability.COULD_NOT_CHECK,
)
NOWHERE, OTHER = Reachability.NO_ENDPOINT, Reachability.UNSUPPORTED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice() -> AsyncIterator[PeppolPractice]:
    async with practising() as running:
        yield running


def directory(practice: PeppolPractice, seconds: float = 5.0, **values: str) -> Directory:
    return Directory(practice.settings(**values).peppol, practice.http, seconds)


def of_row(tag: str, number: int = 0) -> str:
    return belgian(int(tag) * 10_000 + number)


@pytest.mark.parametrize(
    ("participant", "label"),
    [
        ("9915:test", "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a"),
        ("0088:1234567890123", "sjsyvccmqyjxk3weuapffq4x3umcrf4qryherj4vovhmonh7gccq"),
        ("0088:123ABC", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0088:123abc", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0010:5798000000001", "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq"),
        ("0009:11000201100044", "ab2eatjjizlhulk3iw26x6ljyzzr5qb54ohlbswf33fwoh7tlunq"),
    ],
)
async def test_the_directory_is_asked_for_the_hash_of_the_participant(
    participant: str, label: str
) -> None:
    zone = "participant.sml.prod.tech.peppol.org"
    assert sml_name(participant, zone) == f"{label}.iso6523-actorid-upis.{zone}"


async def test_document_types_are_those_of_billing_3() -> None:
    rules = "##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
    schema = "busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:"
    assert f"{schema}Invoice-2::Invoice{rules}" == INVOICE
    assert f"{schema}CreditNote-2::CreditNote{rules}" == CREDIT


@pytest.mark.parametrize(
    ("participant", "expected"),
    [
        (LISTED, YES),
        (of_row("40"), NO),
        (of_row("40", 9999), NO),
        (of_row("41"), OPEN),
        (of_row("42"), NOWHERE),
        (of_row("43"), OTHER),
        (of_row("48"), OPEN),
    ],
)
async def test_the_outcomes_of_a_look_up(
    practice: PeppolPractice, participant: str, expected: Reachability
) -> None:
    found = await directory(practice).look_up(participant, INVOICE)
    assert found.outcome is expected, found.words
    assert found.words
    assert found.details["document_type"] == INVOICE
    assert dt.datetime.now(dt.UTC) - found.at < dt.timedelta(seconds=10)


async def test_a_name_server_that_keeps_silent_is_no_proof_of_anything(
    practice: PeppolPractice,
) -> None:
    found = await directory(practice, seconds=0.3).look_up(of_row("46"), INVOICE)
    assert found.outcome is OPEN


async def test_nobody_at_the_name_server_is_no_proof_of_anything(practice: PeppolPractice) -> None:
    gone = PracticeDns()
    await gone.start()
    await gone.stop()
    found = await directory(practice, seconds=0.5, dns=gone.address).look_up(LISTED, INVOICE)
    assert found.outcome is OPEN


async def test_a_zone_that_the_server_does_not_have_is_no_proof_of_anything(
    practice: PeppolPractice,
) -> None:
    found = await directory(practice, zone="sml.example.org").look_up(LISTED, INVOICE)
    assert found.outcome is OPEN


@pytest.mark.parametrize("setting", ["not a host", "127.0.0.1:port", "127.0.0.1:99999", "["])
async def test_a_resolver_that_cannot_be_right_is_no_proof_of_anything(
    practice: PeppolPractice, setting: str
) -> None:
    found = await directory(practice, seconds=0.5, dns=setting).look_up(LISTED, INVOICE)
    assert found.outcome is OPEN


async def test_the_resolver_may_be_a_name(practice: PeppolPractice) -> None:
    port = practice.dns.address.rpartition(":")[2]
    found = await directory(practice, dns=f"localhost:{port}").look_up(LISTED, INVOICE)
    assert found.outcome is YES


async def test_a_long_answer_comes_over_tcp(practice: PeppolPractice) -> None:
    before = practice.dns.queries
    found = await directory(practice).look_up(of_row("47"), INVOICE)
    assert found.outcome is YES
    assert practice.dns.queries == before + 2


async def test_case_of_a_participant_does_not_matter_and_of_a_document_does(
    practice: PeppolPractice,
) -> None:
    for participant in ("0088:123ABC", "0088:123abc"):
        assert (await directory(practice).look_up(participant, INVOICE)).outcome is YES


# SMPs that answer something else

Answer = Callable[[Request], Awaitable[Response]]
ASKED = f"{SCHEME}::{LISTED}"


def says(text: str, status: int = 200) -> Answer:
    async def answer(_request: Request) -> Response:
        return Response(text, status, media_type="text/xml")

    return answer


class OtherRecord(PracticeDns):
    """Has a record of its own for everybody."""

    text = ""

    def record(self, says: Dns) -> str:
        return self.text.format(url=self.smp_url) or super().record(says)


async def judged(answer: Answer, asked: str = LISTED, record: str = "") -> Registration:
    """What a look-up makes of one SMP's answer, or of one record that leads there."""
    dns, http = OtherRecord(), Http(1, 2.0)
    dns.text = record
    await dns.start()
    try:
        async with serving([Route("/{path:path}", answer)]) as url:
            dns.smp_url = url
            settings = Peppol(base_url=url, dns=dns.address, zone=dns.zone)
            return await Directory(settings, http, 2.0).look_up(asked, INVOICE)
    finally:
        await http.aclose()
        await dns.stop()


GOOD = service_metadata(ASKED, INVOICE)
LAUGHS = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + GOOD.replace("practice", "&b;")
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/hostname">' + GOOD


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        (GOOD, 200, YES),
        ("no such thing", 404, OTHER),
        (GOOD, 500, OPEN),
        (GOOD, 403, OPEN),
        (GOOD, 429, OPEN),
        (GOOD, 302, OPEN),
        ("", 200, OPEN),
        ("<html><p>Sign in</html>", 200, OPEN),
        ("<html/>", 200, OPEN),
        (service_metadata(f"{SCHEME}::{belgian(77)}", INVOICE), 200, OPEN),
        (service_metadata(ASKED, CREDIT), 200, OPEN),
        (service_metadata(ASKED, INVOICE.lower()), 200, OPEN),
        (GOOD.replace("ServiceInformation>", "Nothing>"), 200, OPEN),
        (service_metadata(ASKED, INVOICE, process="cenbii-procid-ubl::urn:other"), 200, OTHER),
        (service_metadata(ASKED, INVOICE, profile="busdox-transport-as2-ver1p0"), 200, NOWHERE),
        (service_metadata(ASKED, INVOICE, ends="2021-01-01T00:00:00Z"), 200, NOWHERE),
        (service_metadata(ASKED, INVOICE, starts="2098-01-01T00:00:00+01:00"), 200, NOWHERE),
        (service_metadata(ASKED, INVOICE, starts="", ends="some day"), 200, YES),
        (GOOD.replace("https://ap.example.com/as4", " "), 200, NOWHERE),
        (LAUGHS, 200, OPEN),
        (OUTSIDE, 200, OPEN),
        (GOOD + "<!--" + "x" * ANSWER_LIMIT + "-->", 200, OPEN),
    ],
    ids=range(22),
)
async def test_an_answer_is_believed_only_when_it_is_about_what_was_asked(
    text: str, status: int, expected: Reachability
) -> None:
    found = await judged(says(text, status))
    assert found.outcome is expected, found.words


async def test_the_smp_is_asked_with_encoded_segments() -> None:
    paths = []

    async def answer(request: Request) -> Response:
        paths.append(request.scope["raw_path"].decode())
        return Response(GOOD, media_type="text/xml")

    assert (await judged(answer)).outcome is YES
    document = INVOICE.replace(":", "%3A").replace("#", "%23")
    assert paths == [f"/{SCHEME}%3A%3A{LISTED.replace(':', '%3A')}/services/{document}"]


async def test_an_smp_answers_in_any_case_of_the_participant() -> None:
    asked = "0088:abCD1"
    answer = says(service_metadata(f"{SCHEME}::0088:ABcd1", INVOICE))
    assert (await judged(answer, asked)).outcome is YES


async def test_an_smp_may_hand_over_to_another_one_once() -> None:
    space = "http://busdox.org/serviceMetadata/publishing/1.0/"
    calls = []

    async def answer(request: Request) -> Response:
        calls.append(request.url.path)
        if request.url.path == "/other":
            return Response(GOOD, media_type="text/xml")
        href = f"{request.base_url}other"
        return Response(
            f'<SignedServiceMetadata xmlns="{space}"><ServiceMetadata><Redirect href="{href}"/>'
            "</ServiceMetadata></SignedServiceMetadata>"
        )

    assert (await judged(answer)).outcome is YES
    assert len(calls) == 2

    async def for_ever(request: Request) -> Response:
        calls.append(request.url.path)
        href = f"{request.base_url}again"
        return Response(
            f'<SignedServiceMetadata xmlns="{space}"><ServiceMetadata><Redirect href="{href}"/>'
            "</ServiceMetadata></SignedServiceMetadata>"
        )

    calls.clear()
    assert (await judged(for_ever)).outcome is OPEN
    assert len(calls) == 2


async def test_an_http_redirect_is_not_followed() -> None:
    calls = []

    async def answer(request: Request) -> Response:
        calls.append(request.url.path)
        return RedirectResponse("/other")

    assert (await judged(answer)).outcome is OPEN
    assert len(calls) == 1


async def test_an_smp_in_a_private_network_is_not_asked_when_the_access_point_is_public() -> None:
    calls = []

    async def answer(request: Request) -> Response:
        calls.append(request.url.path)
        return Response(GOOD)

    dns, http = PracticeDns(), Http(1, 2.0)
    await dns.start()
    async with serving([Route("/{path:path}", answer)]) as url:
        dns.smp_url = url
        for public in ("http://api.example.com", "https://api.example.com"):
            settings = Peppol(base_url=public, dns=dns.address, zone=dns.zone)
            assert (await Directory(settings, http, 2.0).look_up(LISTED, INVOICE)).outcome is OPEN
    await http.aclose()
    await dns.stop()
    assert calls == []


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('100 10 "U" "Meta:SMP" "!^.*$!{url}!" .', YES),
        ('100 10 "u" "meta:smp" "#.*#{url}/#" .', YES),
        ('100 10 "S" "Meta:SMP" "!^.*$!{url}!" .', NOWHERE),
        ('100 10 "U" "E2U+sip" "!^.*$!{url}!" .', NOWHERE),
        ('100 10 "U" "Meta:SMP" "" .', NOWHERE),
        ('100 10 "U" "Meta:SMP" "!^.*$!ftp://smp.example.org!" .', NOWHERE),
        ('100 10 "U" "Meta:SMP" "!^.*$!nonsense!" .', NOWHERE),
    ],
)
async def test_only_a_record_for_an_smp_names_one(record: str, expected: Reachability) -> None:
    assert (await judged(says(GOOD), record=record)).outcome is expected


# two opinions


def second(outcome: Reachability) -> Registration:
    return Registration(outcome, dt.datetime.now(dt.UTC), f"said {outcome}")


@pytest.mark.parametrize(
    ("said", "ours", "expected"),
    [
        (YES, YES, YES),
        (YES, NO, YES),
        (YES, OPEN, YES),
        (YES, NOWHERE, YES),
        (YES, OTHER, YES),
        (NO, NO, NO),
        (NO, OPEN, NO),
        (NO, YES, OPEN),
        (NO, NOWHERE, NOWHERE),
        (NO, OTHER, OTHER),
        (OPEN, YES, YES),
        (OPEN, NO, OPEN),
        (OPEN, NOWHERE, OPEN),
        (OPEN, OTHER, OPEN),
        (OPEN, OPEN, OPEN),
        (OTHER, OTHER, OTHER),
        (OTHER, OPEN, OTHER),
        (OTHER, NO, OTHER),
        (OTHER, NOWHERE, OTHER),
        (OTHER, YES, OPEN),
        (NOWHERE, NO, NOWHERE),
        (NOWHERE, OPEN, NOWHERE),
        (NOWHERE, YES, OPEN),
    ],
)
async def test_the_access_point_counts_but_nothing_stops_against_a_yes(
    said: Reachability, ours: Reachability, expected: Reachability
) -> None:
    outcome, words = weigh(Opinion(said, "its words"), second(ours))
    assert outcome is expected
    assert "its words" in words
    assert (f"said {ours}" in words) == (ours is not YES)
    assert ("disagree" in words) == (OPEN not in (said, ours) and said is not ours)
    if outcome is NO:
        assert ours in (NO, OPEN), "not registered against somebody who knows better"


@pytest.mark.parametrize("said", [YES, NO, OPEN, NOWHERE, OTHER])
async def test_without_a_second_opinion_the_access_point_alone_decides(said: Reachability) -> None:
    assert weigh(Opinion(said), None)[0] is said
