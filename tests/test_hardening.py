"""What the code must not do, read from the code and tried: open entities, start programs, write wide files."""

from __future__ import annotations

import ast
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import commtui
from commtui.app import CommtuiApp
from commtui.cli import logs
from commtui.config import Settings
from commtui.demo import peppol_reading
from commtui.errors import ConfigError
from commtui.providers.einvoice import document, rules_process
from commtui.secrecy import Masking, private_folder
from commtui.services import processes
from commtui.store.engine import Database

PACKAGE = Path(commtui.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
CONSOLE = [
    *sorted((PACKAGE / "screens").glob("*.py")),
    *sorted((PACKAGE / "widgets").glob("*.py")),
    PACKAGE / "app.py",
]
STARTERS = {
    "services/processes.py",
    "services/backups.py",
    "services/sealing.py",
    "demo/site.py",
    "demo/host.py",
    "providers/einvoice/rules.py",
}
"""The modules that start our own interpreter, PostgreSQL's own tools for a back-up, and the command that a seal's hash
is told to when one is set; nothing starts any other."""
LEAVES = {"system", "popen", "spawnv", "spawnl", "execv", "execve", "execvp", "startfile", "open_url", "suspend",
          "action_suspend_process", "deliver_text", "deliver_binary"}  # fmt: skip


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(path: Path) -> set[str]:
    """The modules that a file names in its imports."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


# XML


def test_every_xml_parser_is_closed_to_entities_and_networks() -> None:
    made = 0
    for path in MODULES:
        for node in nodes(path):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "XMLParser":
                made += 1
                flags = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert flags.get("resolve_entities") == "False", (path, node.lineno)
                assert flags.get("no_network") == "True", (path, node.lineno)
                assert flags.get("load_dtd") == "False", (path, node.lineno)
                assert flags.get("huge_tree", "False") == "False", (path, node.lineno)
            if ast.unparse(node.func) in ("etree.fromstring", "etree.parse", "etree.XML"):
                assert len(node.args) == 2, (path, node.lineno)
    assert made >= 5


def test_no_other_xml_parser_is_used() -> None:
    others = ("xml.etree", "xml.dom", "xml.parsers", "xml.sax", "lxml.html", "lxml.objectify")
    for path in MODULES:
        for name in imported(path):
            allowed = name.startswith("xml.sax.saxutils")
            assert allowed or not name.startswith(others), (path, name)


class Neighbour:
    """A server that notes whether anybody calls."""

    def __init__(self) -> None:
        self.called = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/x.dtd"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.called += 1
            client.close()

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    made = Neighbour()
    yield made
    made.close()


def laughs() -> str:
    """A billion laughs: ten entities, each ten of the one before."""
    entities = '<!ENTITY l0 "ha">' + "".join(
        f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10)
    )
    return f"<!DOCTYPE a [{entities}]><a>&l9;</a>"


def outside(kind: str, place: str) -> str:
    return {
        "entity": f'<!DOCTYPE a [<!ENTITY x SYSTEM "{place}">]><a>&x;</a>',
        "dtd": f'<!DOCTYPE a SYSTEM "{place}"><a/>',
        "parameter": f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{place}"> %x;]><a/>',
        "include": f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{place}" parse="text"/></a>',
    }[kind]


PARSERS: dict[str, Callable[[str], Any]] = {
    "invoice": lambda text: document.read(text.encode(), "a.xml", "application/xml"),
    "report": rules_process.read_report,
    "practice": lambda text: peppol_reading.read(text.encode()),
}
"""The lookup's own parser is tried over its own answers, in test_peppol_lookup."""


def said_by(parser: str, text: str) -> str:
    """All that a parser gives back for a document, or says against it."""
    try:
        return repr(PARSERS[parser](text))
    except Exception as error:  # noqa: BLE001 - whatever it says is looked at
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("parser", PARSERS)
def test_a_billion_laughs_take_no_time_and_no_room(parser: str) -> None:
    started = time.process_time()
    assert len(said_by(parser, laughs())) < 2_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("kind", ["entity", "dtd", "parameter", "include"])
def test_no_file_and_no_address_of_a_document_is_opened(
    parser: str, kind: str, neighbour: Neighbour, tmp_path: Path
) -> None:
    file = tmp_path / "private"
    file.write_text("what stands in a private file")
    assert "what stands" not in said_by(parser, outside(kind, file.as_uri()))
    said_by(parser, outside(kind, neighbour.url))
    assert neighbour.called == 0


# programs


@pytest.mark.parametrize("path", CONSOLE, ids=lambda path: path.stem)
def test_the_console_starts_no_shell_pager_or_editor(path: Path) -> None:
    named = {name.partition(".")[0] for name in imported(path)}
    assert not named & {"subprocess", "pty", "webbrowser", "multiprocessing", "ctypes"}
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            assert node.attr not in LEAVES, (path, node.lineno, node.attr)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in ("EDITOR", "PAGER", "VISUAL", "SHELL"), (path, node.lineno)


def test_nothing_starts_a_program_but_our_own_interpreter() -> None:
    for path in MODULES:
        place = path.relative_to(PACKAGE).as_posix()
        for node in nodes(path):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("os.system", "os.popen"), (place, node.lineno)
                shell = [word for word in node.keywords if word.arg == "shell"]
                assert not shell, (place, node.lineno)
        uses = "subprocess" in {name.partition(".")[0] for name in imported(path)}
        assert not uses or place in STARTERS, place


def test_textuals_own_ways_out_are_closed() -> None:
    app = CommtuiApp(lambda: None)  # type: ignore[arg-type, return-value]
    assert app.ENABLE_COMMAND_PALETTE is False
    keys = {
        key
        for binding in CommtuiApp.BINDINGS
        for key in getattr(binding, "key", "").split(",")
        if "suspend" in getattr(binding, "action", "")
    }
    assert keys == set()
    assert "ctrl+z" not in {key for key, _ in app._bindings}


# files


def test_wide_folders_and_files_are_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o750)
    folder.chmod(0o750)
    url = f"sqlite:///{folder / 'commtui.db'}"
    with pytest.raises(ConfigError, match=rf"mode 0750.*chmod 700 {folder}$"):
        Database(url)
    folder.chmod(0o700)
    Database(url).close()
    for name in ("commtui.db", "commtui.db-wal", "commtui.db-shm", "commtui.db-journal"):
        file = folder / name
        file.touch(0o600)
        file.chmod(0o604)
        with pytest.raises(ConfigError, match=f"mode 0604.*chmod 600 {file}$"):
            Database(url)
        file.chmod(0o600)
    with pytest.raises(ConfigError, match="chmod 700"):
        private_folder(Path("/tmp"), "is used by everybody")


def test_logs_and_locks_are_written_where_only_their_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    made = processes.log_folder()
    assert made.stat().st_mode & 0o777 == 0o700
    with processes.only_one(Settings(), "worker") as ours:
        assert ours
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.lock")} == {0o600}
    made.chmod(0o755)
    for opened in (processes.log_folder, logs.folder, lambda: logs.to_file("console")):
        with pytest.raises(ConfigError, match=f"chmod 700 {made}$"):
            opened()
    assert logs.record_fault(RuntimeError()) is None
    made.chmod(0o700)
    (made / "console.log").touch()
    (made / "console.log").chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {made / 'console.log'}$"):
        logs.to_file("console")


# masking


@pytest.mark.parametrize(
    ("secret", "quoted"),
    [
        ("hush-hush+/=", "hush-hush+/="),
        ("hush-hush+/=", "hush-hush%2B%2F%3D"),
        ('hush"hush\\x', 'hush\\"hush\\\\x'),
        ("hush-hush", "aHVzaC1odXNo"),
        ("old-hush,new-hush", "old-hush"),
        ("old-hush,new-hush", "new-hush"),
        ("postgresql://app:hush-hush@db/c", "hush-hush"),
    ],
)
def test_a_secret_is_masked_in_every_form(secret: str, quoted: str) -> None:
    masking = Masking([secret])
    assert masking.text(f"say {quoted} again") == "say •••• again"
    assert masking.content(f"say {quoted} again".encode()).decode() == "say •••• again"


def test_what_is_too_short_to_be_a_secret_and_what_has_none_stays() -> None:
    assert Masking(["on"]).text("on and on") == "on and on"
    assert Masking([""]).text("words") == "words"
    assert Masking(["postgresql://app@db.example.com/c"]).text("app at db.example.com") == (
        "app at db.example.com"
    )
