"""What a practice day came to: checks that came out or did not, and the scenarios as a table."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from commtui.demo.email_scenarios import SENDGRID
from commtui.demo.scenario import Scenario
from commtui.demo.scenarios import scenario_for
from commtui.demo.sms_scenarios import TWILIO
from commtui.domain.lines import Counts, Line
from commtui.domain.recipients import InvalidRecipient, email_address, phone_number
from commtui.domain.text import line as one_line
from commtui.domain.vocabulary import Channel, Status

PROVIDERS = {Channel.EMAIL: SENDGRID, Channel.SMS: TWILIO, Channel.POST: "ping"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """Where a first attempt must end."""

    name: str
    """The scenario, in words."""
    status: Status
    error_class: str = ""
    code: str = ""

    def words(self) -> str:
        """Status, class and code as one text."""
        return " ".join(filter(None, (self.status.value, self.error_class, self.code)))

    def met_by(self, line: Line) -> bool:
        """Whether an attempt ended there."""
        return ending(line) == (self.status, self.error_class, self.code)


def ending(line: Line) -> tuple[Status, str, str]:
    """Status, class and code of an attempt."""
    return line.status, line.error_class.value if line.error_class else "", line.error_code


def expected_of(line: Line, country: str) -> Expectation | None:
    """Where the practice network makes this attempt end; None for manual tasks."""
    provider = PROVIDERS.get(line.channel)
    if line.channel is Channel.EINVOICE:
        provider = line.recipient.partition(":")[0]
    if provider is None:
        return None
    try:
        if provider == SENDGRID:
            recipient = email_address(line.recipient).address
        elif provider == TWILIO:
            recipient = phone_number(line.recipient, country)
        else:
            recipient = line.recipient
    except InvalidRecipient as error:
        return Expectation(f"{line.channel}: {error.code}", Status.FAILED, "permanent", error.code)
    return _of_scenario(scenario_for(provider, recipient))


def _of_scenario(scenario: Scenario) -> Expectation:
    return Expectation(
        f"{scenario.provider}: {scenario.name}",
        scenario.status,
        scenario.error_class.value if scenario.error_class else "",
        scenario.code,
    )


def scenario_table(attempts: Iterable[tuple[Line, Expectation]]) -> tuple[list[str], bool]:
    """A row for each scenario: expected, and how many attempts ended there; and whether all did."""
    grouped: defaultdict[Expectation, list[Line]] = defaultdict(list)
    for line, expected in attempts:
        grouped[expected].append(line)
    rows = []
    good = True
    for expected in sorted(grouped, key=lambda item: item.name):
        lines = grouped[expected]
        others = [line for line in lines if not expected.met_by(line)]
        good = good and not others
        seen = f"{len(lines) - len(others)} of {len(lines)}"
        row = f"{'✗' if others else '✓'} {expected.name:<54} {expected.words():<42} {seen:>10}"
        if others:
            status, error_class, code = ending(others[0])
            row += one_line(f"; one is {status} {error_class} {code} ({others[0].reference})", 200)
        rows.append(row)
    return rows, good


@dataclass
class Report:
    """Collects what a day did; `good` while everything came out right."""

    good: bool = True
    lines: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def say(self, title: str, words: str) -> None:
        """Something that was done."""
        self._add(title, " ", words)

    def check(self, title: str, words: str, *, good: bool) -> None:
        """Something that had to come out right."""
        self.good = self.good and good
        self._add(title, "✓" if good else "✗", words)

    def problems(self, title: str, words: str, found: Sequence[str]) -> None:
        """A check with the sentences that say what is wrong, if anything is."""
        self.check(title, words, good=not found)
        self.lines.extend(f"{'':<24}{one_line(problem)}" for problem in found[:10])

    def table(self, title: str, rows: Sequence[str], *, good: bool) -> None:
        """Rows under a title."""
        self.good = self.good and good
        self.lines += ["", title, *rows, ""]

    def counts(self, tab: str, counts: Counts) -> None:
        """The numbers beside the chips of a tab."""
        words = (
            f"Failed {counts.failed}, Not sent {counts.not_sent}, "
            f"Completed {counts.completed}, All {counts.all}"
        )
        self.say(tab, words)

    def _add(self, title: str, sign: str, words: str) -> None:
        seconds = time.monotonic() - self._began
        self.lines.append(f"{seconds:5.1f} s  {title:<14} {sign} {one_line(words)}")

    def text(self) -> str:
        """The whole report."""
        verdict = (
            "All of it came out right." if self.good else "Not all of it came out right: see ✗."
        )
        return "\n".join([*self.lines, "", verdict, ""])
