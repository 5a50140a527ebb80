"""The practice day without a console: everything an operator does in one, and whether it came out right."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from commtui.demo.data import EXAMPLE_REFERENCE
from commtui.demo.operator import Operator
from commtui.demo.oracle import problems
from commtui.demo.report import Expectation, Report, expected_of, scenario_table
from commtui.demo.site import Site
from commtui.domain.lines import Counts, Line, Query, Selection
from commtui.domain.views import Decision, Plan
from commtui.domain.vocabulary import Channel, Chip, Status, Tab
from commtui.services.importing import ImportResult

CLOSED_SECONDS = 120.0
"""How long a bulk send may take until nothing of it is open."""
GOOD_ADDRESS = "durand.et.fils@example.com"


def play(
    operator: Operator,
    site: Site,
    report: Report,
    started: datetime,
    imports: Iterator[ImportResult],
    dated: int,
) -> None:
    """Play the day; `dated` is how many messages are not due yet. Raises CommError when it cannot go on."""
    for result in imports:
        words = f"{result.created} created, {result.updated} updated, {len(result.refused)} refused"
        report.check("Imported", words, good=result.created > 0 and not result.refused)
        _send_all(operator, report, dated)
    operator.until_quiet(CLOSED_SECONDS)
    _compare(operator, site, report, started)
    _put_right(operator, report, started)
    _settle(operator, report, started)
    _complete(operator, report, started)
    operator.until_quiet(CLOSED_SECONDS)
    _download(operator, site, report)
    _count(operator, report)
    accepted = site.accepted()
    log = {line.id: line.status for line in operator.attempts_since(started)}
    words = f"accepted {len(accepted)} messages; the log has {len(log)} attempts, each at most once there"
    report.problems("Network", words, problems(accepted, log))


def _send_all(operator: Operator, report: Report, dated: int) -> None:
    """Dry run of everything not sent, confirmation, and waiting until nothing is open."""
    plan, run_id = operator.bulk_send(Selection(Tab.OVERVIEW, query=Query(chip=Chip.NOT_SENT)))
    report.say("Dry run", _planned(plan))
    progress = operator.until_closed(run_id, CLOSED_SECONDS, dated)
    ended = ", ".join(f"{number} {status}" for status, number in progress.by_status)
    good = progress.expanded + progress.skipped == plan.total
    report.check("Sent", f"{progress.expanded} of {plan.total}: {ended}", good=good)


def _planned(plan: Plan) -> str:
    going = ", ".join(f"{number} {channel.label}" for channel, number in plan.going)
    staying = ", ".join(f"{number} {reason}" for reason, number in plan.staying)
    return f"{plan.lines} lines: {going} will go" + (f"; {staying}" if staying else "")


def _compare(operator: Operator, site: Site, report: Report, started: datetime) -> None:
    """Every attempt against what the network's scenario makes of its recipient."""
    country = site.settings.sending.country

    def judged() -> list[tuple[Line, Expectation]]:
        gone = (line for line in operator.attempts_since(started) if line.status != Status.QUEUED)
        pairs = ((line, expected_of(line, country)) for line in gone)
        return [(line, expected) for line, expected in pairs if expected is not None]

    def applied(attempts: list[tuple[Line, Expectation]]) -> bool:
        return all(expected.met_by(line) for line, expected in attempts)

    attempts = operator.at_most(judged, applied, CLOSED_SECONDS)
    rows, good = scenario_table(attempts)
    report.table("Scenarios: expected, and how many attempts ended so", rows, good=good)


def _put_right(operator: Operator, report: Report, started: datetime) -> None:
    """Correct the address of invoice 12345, resend it from the log, then send what else failed there."""
    failed = _one(
        operator,
        started,
        lambda line: line.reference == EXAMPLE_REFERENCE and line.status is Status.BOUNCED,
    )
    if failed is None:
        report.check("Resent", f"invoice {EXAMPLE_REFERENCE} did not bounce", good=False)
        return
    operator.correct_email(failed.customer_id, GOOD_ADDRESS)
    entry_id = operator.resend(failed.id)
    ended = operator.until_ended(entry_id, CLOSED_SECONDS)
    shown = operator.desk.lines(Tab.OVERVIEW, [failed.subject_id])[0]
    attempts = operator.desk.attempts(failed.subject_id)
    report.check(
        "Resent",
        f"invoice {EXAMPLE_REFERENCE}: {failed.status} at {failed.recipient}, then {ended.status} at "
        f"{ended.recipient}; the overview says {shown.status}, the log has {len(attempts)} attempts",
        good=ended.status is shown.status is Status.DELIVERED and len(attempts) == 2,
    )
    plan, run_id = operator.send_failed_of(failed.customer_id)
    operator.until_closed(run_id, CLOSED_SECONDS)
    operator.until_quiet(CLOSED_SECONDS)
    progress = operator.at_most(
        lambda: operator.desk.progress(run_id),
        lambda seen: seen.by_status == ((Status.DELIVERED, plan.total),),
        CLOSED_SECONDS,
    )
    ended_so = dict(progress.by_status)
    report.check(
        "Sent again",
        f"{plan.total} more of {failed.customer_name} that had failed: "
        + ", ".join(f"{number} {status}" for status, number in ended_so.items()),
        good=plan.total > 0 and ended_so == {Status.DELIVERED: plan.total},
    )


def _settle(operator: Operator, report: Report, started: datetime) -> None:
    """An outcome that no provider will ever tell is settled by the operator."""
    unknown = _one(
        operator,
        started,
        lambda line: line.status is Status.UNKNOWN and line.channel is Channel.EMAIL,
    )
    if unknown is None:
        report.check("Settled", "there was no unknown outcome", good=False)
        return
    operator.desk.settle(unknown.id, Decision.GIVE_UP, "The customer got nothing, and has paid.")
    now = operator.desk.lines(Tab.LOG, [unknown.id])[0]
    words = f"{unknown.category} {unknown.reference}: {unknown.status}, given up, now {now.status}"
    report.check("Settled", words, good=now.status is Status.FAILED)


def _complete(operator: Operator, report: Report, started: datetime) -> None:
    task = _one(
        operator,
        started,
        lambda line: line.channel is Channel.MANUAL and line.status is Status.NOT_SENT,
    )
    if task is None:
        report.check("Completed", "there was no manual task", good=False)
        return
    operator.desk.complete(task.id, "Handed over at the counter.")
    now = operator.desk.lines(Tab.LOG, [task.id])[0]
    words = f"manual task of {task.category} {task.reference}: {now.status}"
    report.check("Completed", words, good=now.status is Status.DONE)


def _download(operator: Operator, site: Site, report: Report) -> None:
    """A ZIP of the log; what the network was given as attachments has to be in it, byte for byte."""
    path = site.folder / "practice-day.zip"
    path.unlink(missing_ok=True)
    made = operator.desk.download(Selection(Tab.LOG, query=Query()), path)
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
        contents = {hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    sent = {sha256 for message in site.accepted() for _, sha256 in message.attachments}
    report.check(
        "Downloaded",
        f"{made.lines} lines and {made.files} files in {_size(path)}; {len(sent)} documents as sent",
        good=broken is None and len(rows) == made.lines and bool(sent) and sent <= contents,
    )


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1024:.0f} KiB"


def _count(operator: Operator, report: Report) -> None:
    """The chips' numbers against the lines themselves."""
    for tab, title in ((Tab.OVERVIEW, "Communication"), (Tab.LOG, "Log")):
        counts = operator.desk.counts(tab, Query())
        lines = list(operator.lines(tab, Query()))
        chips = Counter(line.chip for line in lines)
        failed = sum(1 for line in lines if line.chip is Chip.FAILED or line.others)
        counted = Counts(failed, chips[Chip.NOT_SENT], chips[Chip.COMPLETED], len(lines))
        report.counts(title, counts)
        if counts != counted:
            report.check(title, f"counting the lines gives {counted}", good=False)


def _one(operator: Operator, started: datetime, wanted: Callable[[Line], bool]) -> Line | None:
    """The newest attempt of this day that is wanted."""
    return next(filter(wanted, operator.attempts_since(started)), None)
