"""`show`."""

from __future__ import annotations

import argparse
from typing import Any

from commtui.cli.opening import desk
from commtui.cli.output import say, say_json
from commtui.config import Settings
from commtui.domain.text import line, safe
from commtui.services.showing import Showing


def run_show(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print everything about one subject."""
    with desk(settings) as opened:
        shown = Showing(opened.database).show(chosen.id)
    if chosen.json:
        say_json(shown, indent=2)
    else:
        _text(shown)
    return 0


def _text(shown: dict[str, Any]) -> None:
    if "subject" in shown:
        about, customer = shown["subject"], shown["customer"]
        _pair("Subject", f"{about['type']} {about['reference']} {about['title']}")
        _pair("Customer", f"{customer['name']} ({customer['id']})")
        _pair(
            "Status",
            f"{shown['status']}, {shown['channel']} to {shown['recipient'] or 'nobody yet'}",
        )
    if shown["explanation"]:
        _pair("Meaning", shown["explanation"]["sentence"])
        _pair("What to do", shown["explanation"]["advice"])
    for item in shown["communications"]:
        lanes = ", ".join(f"{lane['channel']} {lane['status']}" for lane in item["lanes"])
        state = "still collecting data" if item["collecting"] else lanes
        say("")
        _pair("Communication", f"{item['kind']} {item['external_id']}, {item['id']}: {state}")
        _pair("Title", item["content"]["subject"])
    for entry in shown["entries"]:
        say("")
        _entry(entry)
    for document in shown["documents"]:
        _pair("Document", f"{document['name']}, {document['size']} bytes, {document['sha256']}")


def _entry(entry: dict[str, Any]) -> None:
    _pair("Entry", f"{entry['id']}: {entry['status']}, {entry['channel']} to {entry['recipient']}")
    _pair("Cause", f"{entry['cause']} by {entry['author']}")
    _pair("Way", entry["reason"])
    _pair("Replaces", entry["replaces_id"] or "")
    _pair("Code", entry["error"]["code"])
    _pair("Its words", entry["error"]["message"])
    _pair("Note", entry["note"])
    for errand in entry["errands"]:
        _errand(errand)
    for item in entry["history"]:
        moved = f" → {item['status']}" if item["status"] else ""
        layer = item.get("layer", "")
        told = " · ".join(filter(None, (item["author"], layer, item["code"], item["words"])))
        say(
            f"  {item['at']}  {item['source']:<9}{line(item['word'], 40)}{moved}  {line(told, 300)}".rstrip()
        )


def _errand(errand: dict[str, Any]) -> None:
    done = f" {errand['done_at']}" if errand["done_at"] else ""
    said = f": {errand['words']}" if errand["words"] else ""
    asked = f"{errand['kind']} asked by {errand['operator']} {errand['at']} ({errand['reason']})"
    _pair("Errand", f"{asked}: {errand['state']}{done}{said}")


def _pair(name: str, value: str) -> None:
    if value:
        say(f"{name:<14}{safe(line(value, 1_000))}")
