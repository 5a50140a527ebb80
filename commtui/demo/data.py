"""Practice data: communications as `commtui import` takes them, the same for the same seed and moment.

Every scenario of the practice network is in it at least once; the recipient chooses which one happens.
"""

from __future__ import annotations

import base64
import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from commtui.demo.documents import documents_for
from commtui.demo.people import HOSTILE_NAMES, REGIONS, WORDS, Region
from commtui.demo.scenario import Scenario
from commtui.demo.scenarios import ENDING, SCENARIOS
from commtui.domain import einvoice, postal
from commtui.domain.vocabulary import Channel
from commtui.providers.registry import by_key

PREFIX = "practice-"
"""What the ids of communications and customers begin with: the sign that a database is for practice."""
EXAMPLE_REFERENCE = "12345"
"""The invoice whose first email bounces."""
ORDINARY = 165
"""Customers whom every message reaches."""
_MAIL_DOMAINS = ("example.com", "example.org", "example.net")
_MORE = {"bounce": 5, "blocked": 2, "dropped-bounced": 2, "deferred": 4, "50": 2, "51": 2, "05": 6}
"""How many customers have the scenarios that are frequent in real life; the others have one."""
_WRONG = (
    ("email", "jean.dupont@"),
    ("email", "rené.faure@example.com"),
    ("email", ""),
    ("sms", "01 23 45 67 89"),
)
"""Channel, and an address that our own check has to stop."""


@dataclass(frozen=True)
class _Customer:
    id: str
    name: str
    region: Region
    email: str = ""
    phone: str = ""
    address: dict[str, str] = field(default_factory=dict)
    einvoice: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        contacts = {
            "email": self.email,
            "phone": self.phone,
            "address": self.address,
            "einvoice": self.einvoice,
        }
        return {
            "id": self.id,
            "name": self.name,
            "language": self.region.language,
            "country": self.region.country,
            "location_group": self.region.location_group,
            **{key: value for key, value in contacts.items() if value},
        }


def practice_lines(seed: int, now: datetime) -> Iterator[dict[str, Any]]:
    """About 400 communications on about 250 subjects, as objects of an import file."""
    return _Generator(seed, now).lines()


class _Generator:
    def __init__(self, seed: int, now: datetime) -> None:
        self._random = random.Random(seed)
        self._now = now
        self._stamp = f"{PREFIX}{now:%y%m%d%H%M%S}"
        self._lines = 0
        self._customers = 0
        self._invoice = 12_300
        self._contract = 700

    def lines(self) -> Iterator[dict[str, Any]]:
        """What is about one customer stays together and in order."""
        groups = [list(self._example())]
        for scenario in ENDING:
            for number in range(_MORE.get(scenario.tag, 1)):
                groups.append([self._with_scenario(scenario, number)])
        groups.extend([line] for line in self._special())
        groups.extend(list(self._ordinary()) for _ in range(ORDINARY))
        self._random.shuffle(groups)
        for group in groups:
            yield from group

    def _example(self) -> Iterator[dict[str, Any]]:
        """Invoice 12345 bounces, and so do three more of the same customer: one correction helps them all."""
        bounce = next(item for item in SCENARIOS if item.tag == "bounce")
        customer = self._customer(REGIONS[1], email=bounce.recipient(99), name="Durand & Fils")
        yield self._line(
            customer, "invoice", EXAMPLE_REFERENCE, "invoice", ["email"], documents=[self._pdf()]
        )
        for _ in range(3):
            reference = self._next_invoice()
            yield self._line(customer, "invoice", reference, "invoice", ["email"])
        yield self._line(customer, "invoice", reference, "reminder", ["email"])

    def _with_scenario(self, scenario: Scenario, number: int) -> dict[str, Any]:
        region = self._random.choice(REGIONS)
        recipient = scenario.recipient(number)
        channel = by_key(scenario.provider).channel
        reference = self._next_invoice()
        kind = "invoice"
        if channel is Channel.EMAIL:
            customer = self._customer(region, email=recipient)
        elif channel is Channel.SMS:
            customer = self._customer(region, phone=recipient)
        elif channel is Channel.POST:
            customer = replace(self._customer(region), **address_of(recipient))
        else:
            registration = einvoice.to_json(einvoice.parse(recipient))
            customer = replace(self._customer(region), einvoice=registration)
        if channel in (Channel.EMAIL, Channel.SMS):
            kind = self._random.choice(("invoice", "reminder"))
        return self._line(
            customer,
            "invoice",
            reference,
            kind,
            [channel.value],
            documents=[
                {
                    "role": role.value,
                    "name": name,
                    "media_type": media_type,
                    "base64": base64.b64encode(content).decode("ascii"),
                }
                for role, name, media_type, content in documents_for(
                    channel, recipient, f"F{reference}"
                )
            ],
        )

    def _special(self) -> Iterator[dict[str, Any]]:
        for channel, address in _WRONG:
            wrong = {"email" if channel == "email" else "phone": address}
            customer = self._customer(REGIONS[0], **wrong)
            yield self._line(customer, "invoice", self._next_invoice(), "invoice", [channel])
        for name in HOSTILE_NAMES:
            customer = self._customer(self._random.choice(REGIONS), name=name)
            yield self._line(
                customer,
                "customer",
                customer.id.rpartition("-")[2],
                "notice",
                ["email"],
                title=f"{name} / {name[::-1]}",
            )
        for days in (2, 5, 9):
            later = (self._now + timedelta(days=days)).isoformat()
            yield self._line(*self._invoice_of_somebody(), "reminder", ["email"], send_at=later)
        for _ in range(2):
            past = (self._now - timedelta(days=1)).isoformat()
            yield self._line(*self._invoice_of_somebody(), "notice", ["email"], expires_at=past)
        for _ in range(6):
            yield self._line(*self._invoice_of_somebody(), "invoice", ["email"], collecting=True)
        for _ in range(7):
            yield self._line(*self._contract_of_somebody(), "contract", ["manual"])
        for _ in range(8):
            yield self._line(*self._invoice_of_somebody(), "invoice", None, release="auto")
        for _ in range(14):
            customer = self._reachable_both_ways()
            yield self._line(
                customer, "invoice", self._next_invoice(), "reminder", ["email", "sms"]
            )

    def _ordinary(self) -> Iterator[dict[str, Any]]:
        customer = self._customer(self._random.choice(REGIONS))
        draw = self._random.random()
        if draw < 0.6:
            reference = self._next_invoice()
            documents = [self._pdf()] if draw < 0.08 else []
            yield self._line(customer, "invoice", reference, "invoice", None, documents=documents)
            for _ in range(self._random.choice((0, 0, 1, 1, 2))):
                yield self._line(customer, "invoice", reference, "reminder", None)
        elif draw < 0.85:
            reference = self._next_contract()
            documents = [self._pdf("contrat"), self._pdf("contrat")] if draw < 0.65 else []
            yield self._line(
                customer, "contract", reference, "contract", ["email"], documents=documents
            )
            if draw > 0.7:
                yield self._line(customer, "contract", reference, "notice", None)
        else:
            number = customer.id.rpartition("-")[2]
            yield self._line(customer, "customer", number, "welcome", None)
            yield self._line(
                customer, "customer", number, "newsletter", ["email"], purpose="marketing"
            )

    def _invoice_of_somebody(self) -> tuple[_Customer, str, str]:
        customer = self._customer(self._random.choice(REGIONS))
        return customer, "invoice", self._next_invoice()

    def _contract_of_somebody(self) -> tuple[_Customer, str, str]:
        customer = self._customer(self._random.choice(REGIONS))
        return customer, "contract", self._next_contract()

    def _reachable_both_ways(self) -> _Customer:
        region = self._random.choice([region for region in REGIONS if region.phones])
        return self._customer(region, phone=self._mobile(region))

    def _customer(
        self, region: Region, *, email: str | None = None, phone: str = "", name: str = ""
    ) -> _Customer:
        """A customer with what is given; without any contact, with an email address made from the name."""
        self._customers += 1
        pick = self._random.choice
        company = pick(region.companies)
        person = f"{pick(region.given)} {pick(region.family)}"
        chosen = name or (company if self._random.random() < 0.3 else person)
        if email is None:
            scenario_phone_only = bool(phone) and phone[:-2] not in region.phones
            email = "" if scenario_phone_only else self._email(chosen)
        zip_code, city = pick(region.cities)
        return _Customer(
            id=f"{self._stamp}-c{self._customers:03}",
            name=chosen,
            region=region,
            email=email,
            phone=phone,
            address={
                "street": pick(region.streets),
                "number": str(self._random.randint(1, 180)),
                "zip": zip_code,
                "city": city,
                "country": region.country,
            },
        )

    def _email(self, name: str) -> str:
        bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        words = "".join(char if char.isalnum() else " " for char in bare.lower()).split()
        local = ".".join(words[:3]) or "customer"
        return f"{local}.{self._customers}@{self._random.choice(_MAIL_DOMAINS)}"

    def _mobile(self, region: Region) -> str:
        """A number that no scenario has, so every message reaches it."""
        return f"{self._random.choice(region.phones)}{self._random.randint(10, 49)}"

    def _next_invoice(self) -> str:
        self._invoice += 1
        if str(self._invoice) == EXAMPLE_REFERENCE:
            self._invoice += 1
        return str(self._invoice)

    def _next_contract(self) -> str:
        self._contract += 1
        return f"K-{self._now:%Y}-{self._contract:05}"

    def _line(
        self,
        customer: _Customer,
        category: str,
        reference: str,
        kind: str,
        channels: Sequence[str] | None,
        *,
        title: str = "",
        documents: Sequence[dict[str, str]] = (),
        **more: object,
    ) -> dict[str, Any]:
        self._lines += 1
        words = WORDS[customer.region.language]
        title = title or (words[kind] if category == "customer" else f"{words[kind]} {reference}")
        amount, euros = "", ""
        if category == "invoice":
            euros = f"{self._random.randint(18, 900)}.{self._random.randint(0, 99):02}"
            amount = f": {euros.replace('.', ',')} €"
        line: dict[str, Any] = {
            "id": f"{self._stamp}-{self._lines:04}",
            "subject": {"type": category, "reference": reference, "title": title},
            "customer": customer.as_json(),
            "kind": kind,
            **more,
        }
        if kind == "reminder" and euros:
            line["context"] = self._context(euros)
        else:
            line["content"] = {
                "subject": " ".join(title.split())[:150],
                "text": words["text"].format(name=customer.name, title=title, amount=amount),
                "sms": f"Aurore: {title}{amount}",
            }
        if channels is not None:
            line["channels"] = list(channels)
        if documents:
            line["documents"] = list(documents)
        return line

    def _context(self, amount: str) -> dict[str, Any]:
        """What the shipped template of reminders asks for."""
        late = self._random.randint(3, 40)
        return {
            "amount": amount,
            "due": f"{self._now - timedelta(days=late):%Y-%m-%d}",
            "days_overdue": late,
            "iban": "FR76 3000 6000 0112 3456 7890 189",
            "sender": {"name": "Aurore Energie", "email": "factures@aurore.example"},
        }

    def _pdf(self, name: str = "facture") -> dict[str, str]:
        page = pdf(f"Aurore Energie, page {self._random.randint(1000, 9999)}")
        return {
            "role": "attachment",
            "name": f"{name}.pdf",
            "media_type": "application/pdf",
            "base64": base64.b64encode(page).decode("ascii"),
        }


def address_of(recipient: str) -> dict[str, Any]:
    """Name and address of a customer whose letters go to these lines."""
    found = postal.parse(recipient, "FR")
    name, *more = found.names or ("Customer",)
    address = {
        "street": found.street,
        "zip": found.zip,
        "city": found.city,
        "country": found.country,
    }
    if more:
        address["company"] = name
        address["name"] = " ".join(more)
    else:
        address["name"] = name
    return {"name": name, "address": address}


def pdf(text: str) -> bytes:
    """A document of one page with one line of ASCII text."""
    drawn = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    made = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(made)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    made += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(made)
