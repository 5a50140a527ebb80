"""`send` and `resend`: a dry run or an offer first, then the question, then the workers have it."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from datetime import timedelta, tzinfo

from commtui.cli.opening import NO_WORKER, desk, query
from commtui.cli.output import ask, interactive, say, say_json, warn
from commtui.config import Settings
from commtui.domain.lines import Query, Selection
from commtui.domain.text import line
from commtui.domain.views import Attempt, Plan, ResendOffer, RunState
from commtui.domain.vocabulary import FAILED_STATUSES, Status, Tab
from commtui.errors import Refused, UsageError
from commtui.services import identify
from commtui.services.bulk import Expansion
from commtui.services.desk import Desk
from commtui.services.dispatch import Dispatch

MAY_GO = frozenset({Status.NOT_SENT, *FAILED_STATUSES})
TYPED_ABOVE = 50
"""More messages than this are confirmed by typing their number."""
EXPANDED_HERE = 4
"""Batches of a bulk send that this process turns into entries itself, so that a small one shows at once."""
UNASKED = "nothing is sent without --yes when nobody is there to ask"


def run_send(chosen: argparse.Namespace, settings: Settings) -> int:
    """Send in bulk; 1 when nothing could go, or not everything that was named."""
    if chosen.ids and (chosen.query or chosen.chip):
        raise UsageError("name either a query or --ids")
    with desk(settings) as opened:
        plan, named = _plan(opened, chosen)
        moving = plan.total + _skipped(plan)
        go = moving > 0 and not chosen.dry_run and _agreed(plan, chosen)
        if go:
            opened.confirm(plan.run_id)
            _expand(opened, plan.run_id, settings)
        else:
            opened.discard(plan.run_id)
        _report(opened, plan, chosen, named, sent=go)
    if chosen.dry_run or (not moving and not plan.staying):
        return 0
    return 0 if go and not (named and plan.staying) else 1


def _plan(opened: Desk, chosen: argparse.Namespace) -> tuple[Plan, int]:
    """The dry run, and how many communications were named one by one."""
    if chosen.ids:
        named = identify.communications(opened.database, chosen.ids)
        selection = Selection(Tab.OVERVIEW, tuple(named))
        return replace(opened.prepare(selection, iter(named)), lines=len(named)), len(named)
    return opened.prepare(Selection(Tab.OVERVIEW, query=_wanted(chosen))), 0


def _wanted(chosen: argparse.Namespace) -> Query:
    """Without a query or a chip, all that may go: what failed and what is not sent."""
    wanted = query(chosen)
    if wanted.text or chosen.chip:
        return wanted
    return replace(wanted, statuses=MAY_GO)


def _agreed(plan: Plan, chosen: argparse.Namespace) -> bool:
    if chosen.yes:
        return True
    if not interactive():
        warn(UNASKED)
        return False
    for words in _lines(plan):
        warn(words)
    if plan.total > TYPED_ABOVE:
        return ask(f"To send {plan.total} messages, type their number:") == str(plan.total)
    question = f"Send {plan.total}?" if plan.total else f"Write {_skipped(plan)} down as skipped?"
    return ask(f"{question} [y/N]").lower() in ("y", "yes")


def _skipped(plan: Plan) -> int:
    """How much marketing will be written down as skipped."""
    return sum(count for _, count in plan.skipping)


def _expand(opened: Desk, run_id: str, settings: Settings) -> None:
    expansion = Expansion(opened.database, Dispatch(opened.database, settings), opened.zone)
    for _ in range(EXPANDED_HERE):
        if opened.progress(run_id).state is not RunState.RUNNING:
            return
        expansion.step()


def _report(
    opened: Desk, plan: Plan, chosen: argparse.Namespace, named: int, *, sent: bool
) -> None:
    if chosen.json:
        say_json(
            {
                "run_id": plan.run_id if sent else None,
                "sent": sent,
                "dry_run": chosen.dry_run,
                "lines": named or plan.lines,
                "total": plan.total,
                "going": {channel.value: count for channel, count in plan.going},
                "staying": dict(plan.staying),
                "failing": dict(plan.failing),
                "warnings": dict(plan.warnings),
                "detours": _reasons(plan.detours),
                "skipping": _reasons(plan.skipping),
                "others": plan.others,
            }
        )
        return
    for words in _lines(plan):
        say(words)
    if sent:
        idle = "" if opened.health().workers else NO_WORKER
        skipped = f", {_skipped(plan)} skipped" if plan.skipping else ""
        say(f"confirmed: {plan.total} on their way{skipped}, bulk send {plan.run_id}{idle}")
    else:
        say("dry run: nothing is sent" if chosen.dry_run else "nothing is sent")


def _reasons(counted: tuple[tuple[str, int], ...]) -> list[dict[str, object]]:
    return [{"reason": reason, "count": count} for reason, count in counted]


def _lines(plan: Plan) -> list[str]:
    """A dry run in words."""
    if not plan.going and not plan.staying and not plan.skipping:
        return ["nothing matches"]
    lines = [f"{count} will go: {channel.label}" for channel, count in plan.going]
    lines += [f"{count} of them another way: {line(reason, 200)}" for reason, count in plan.detours]
    lines += [f"{count} will be skipped: {line(reason, 200)}" for reason, count in plan.skipping]
    lines += [f"{count} will not: {line(reason, 200)}" for reason, count in plan.staying]
    lines += [f"{count} will fail: {line(reason, 200)}" for reason, count in plan.failing]
    lines += [f"{count} to look at: {line(reason, 200)}" for reason, count in plan.warnings]
    if plan.others:
        lines.append(
            f"{plan.others} other communications of these subjects failed, too: not included"
        )
    return lines


def run_resend(chosen: argparse.Namespace, settings: Settings) -> int:
    """Resend one entry: the one that is named, or a latest attempt that is older than this command."""
    with desk(settings) as opened:
        began = opened.database.now() - timedelta(seconds=time.monotonic() - chosen.started)
        found = identify.entry(opened.database, chosen.id)
        offer = opened.resend_offer(found.id)
        if offer.refusal:
            raise Refused(offer.refusal)
        named = found.kind == "entry"
        latest = offer.earlier[0]
        if (named and latest.line.id != found.id) or latest.line.created_at > began:
            raise Refused(_meanwhile(latest, opened.zone))
        if not chosen.yes:
            if not interactive():
                raise Refused(UNASKED)
            if not _resend_agreed(offer):
                say("nothing is sent")
                return 1
        entry_id = opened.resend(found.id, offer.seen_entry)
    if chosen.json:
        say_json({"entry_id": entry_id, "replaces_id": found.id})
    else:
        say(f"resent as entry {entry_id}")
    return 0


def _meanwhile(latest: Attempt, zone: tzinfo | None) -> str:
    """Whoever names an attempt, or ran this twice at once, did not mean to send after this one."""
    at = latest.line.created_at.astimezone(zone)
    return (
        f"sent meanwhile by {latest.author}, {at:%H:%M}, as entry {latest.line.id} "
        f"({latest.line.status}); name that one to send once more"
    )


def _resend_agreed(offer: ResendOffer) -> bool:
    warn(
        f"{offer.channel.label} to {offer.present_recipient} (used before: {offer.used_recipient})"
    )
    for warning in offer.warnings:
        warn(warning)
    return ask("Resend? [y/N]").lower() in ("y", "yes")
