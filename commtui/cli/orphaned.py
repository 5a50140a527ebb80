"""`orphans`."""

from __future__ import annotations

import argparse
from datetime import tzinfo

from commtui.cli.opening import desk
from commtui.cli.output import say, say_json, table
from commtui.config import Settings
from commtui.domain.views import Orphan
from commtui.services.records import instant

_WIDTHS = (16, 9, 22, 30)
_HEADING = ("Time", "Provider", "Kind", "Message id", "What came")


def run_orphans(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print what fits no message of ours, newest first."""
    with desk(settings) as opened:
        found, zone = opened.orphans(chosen.limit), opened.zone
    if chosen.json:
        for item in found:
            say_json(_record(item))
    elif found:
        table([_HEADING, *(_row(item, zone) for item in found)], _WIDTHS)
    else:
        say("no orphans: all feedback fits a message")
    return 0


def _record(item: Orphan) -> dict[str, object]:
    return {
        "id": item.id,
        "provider": item.provider,
        "kind": item.kind,
        "at": instant(item.at),
        "received_at": instant(item.received_at),
        "message_id": item.provider_message_id,
        "recipient": item.recipient,
        "payload": item.payload,
    }


def _row(item: Orphan, zone: tzinfo | None) -> tuple[str, ...]:
    at = item.at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return (at, item.provider, item.kind, item.provider_message_id, item.payload)
