"""The EN 16931 and Peppol rules, run in a process of their own; optional, and never silently left out."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from commtui.domain.einvoice import Network
from commtui.providers.einvoice import packages, rule_sets
from commtui.providers.einvoice.document import Invoice
from commtui.providers.einvoice.rule_sets import Chosen, RuleSet

SECONDS = 30.0
"""How long one document may take, the start of the process included."""
RECYCLE_AFTER = 1_000
"""Documents per process."""
TRIES = 2
"""How often a document is given to the process: it died or hung on the first, and another is started."""
_OWN = re.compile(r"\s*\[([A-Za-z0-9.-]+)\]\s*-?\s*")
"""Rules repeat their id at the start of their text; where the id is the stylesheet's, only the text has the rule's."""
_PREDICATE = re.compile(r"\[namespace-uri\(\)\s*=\s*(['\"]).*?\1\]")
_STEP = re.compile(r"Q\{[^}]*\}|\*:|\[1\](?=/|$)")

_Child = tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]


class RulesCrashed(RuntimeError):
    """The rules could not be run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a document breaks."""

    rule: str
    fatal: bool
    text: str
    place: str
    """The element, as a path."""
    loosened: bool = False
    """A later release allows more, so it is no longer fatal."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a set of rules said about a document."""

    fired: int
    """Rules that applied; 0: nothing was checked."""
    findings: tuple[Finding, ...]
    """The fatal ones first."""


class Rules:
    """Runs rules in a child process: one document at a time, started anew after a crash or a time-out."""

    def __init__(
        self,
        find: packages.Find = packages.find,
        command: Sequence[str] = (sys.executable, "-m", "commtui.providers.einvoice.rules_process"),
        seconds: float = SECONDS,
        recycle_after: int = RECYCLE_AFTER,
        tries: int = TRIES,
    ) -> None:
        self._find = find
        self._command = tuple(command)
        self._seconds = seconds
        self._recycle_after = recycle_after
        self._tries = tries
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._checked = 0

    def choose(self, route: Network, invoice: Invoice) -> Chosen:
        """The rule sets of a route for a document, and those that are not installed."""
        return rule_sets.choose(route, invoice, self._find)

    def run(self, rule_set: RuleSet, xml: str) -> Report:
        """Hold a document against a set of rules. Raises RulesCrashed."""
        asked = {
            "stylesheet": str(rule_set.stylesheet),
            "codes": str(rule_set.codes) if rule_set.codes else None,
            "xml": xml,
        }
        answer = self._ask(json.dumps(asked).encode() + b"\n")
        if "error" in answer:
            raise RulesCrashed(str(answer["error"]))
        findings = [_finding(item, rule_set) for item in answer["failed"]]
        findings.sort(key=lambda item: not item.fatal)
        return Report(int(answer["fired"]), tuple(findings))

    def close(self) -> None:
        """End the child process; the next document starts another."""
        with self._lock:
            self._end()

    def _ask(self, line: bytes) -> dict[str, Any]:
        with self._lock:
            for _ in range(self._tries):
                answer = self._once(line)
                if answer is not None:
                    return answer
        raise RulesCrashed("the process that runs them ended on this document, started anew too")

    def _once(self, line: bytes) -> dict[str, Any] | None:
        """One answer; None when the process died or took too long."""
        try:
            child, into, out = self._running()
            late = threading.Timer(self._seconds, child.kill)
            late.daemon = True
            late.start()
            try:
                into.write(line)
                into.flush()
                answer: dict[str, Any] = json.loads(out.readline())
            finally:
                late.cancel()
        except (OSError, ValueError):
            self._end()
            return None
        self._checked += 1
        return answer

    def _running(self) -> _Child:
        used_up = self._checked >= self._recycle_after
        if self._child is not None and (used_up or self._child[0].poll() is not None):
            self._end()
        if self._child is None:
            self._checked = 0
            child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_without_settings(),
                # Ctrl+C at a terminal is for the console, not for this
                start_new_session=True,
            )
            self._child = (child, cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout))
        return self._child

    def _end(self) -> None:
        if self._child is None:
            return
        (child, into, out), self._child = self._child, None
        child.kill()
        child.wait()
        for pipe in (into, out):
            with contextlib.suppress(OSError):
                pipe.close()


@functools.cache
def shared() -> Rules:
    """The rules of this process; their child ends with it."""
    rules = Rules()
    atexit.register(rules.close)
    return rules


def _finding(item: dict[str, Any], rule_set: RuleSet) -> Finding:
    text = str(item["text"])
    own = _OWN.match(text)
    rule = own[1] if own else str(item["id"]) or "rule"
    fatal = item["flag"] != "warning"
    loosened = fatal and rule in rule_set.release.loosened
    return Finding(
        rule=rule,
        fatal=fatal and not loosened,
        text=text[own.end() :] if own else text,
        place=_STEP.sub("", _PREDICATE.sub("", str(item["location"]))),
        loosened=loosened,
    )


def _without_settings() -> dict[str, str]:
    """The environment without our settings: the process needs none of the secrets in them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COMMTUI_")}
