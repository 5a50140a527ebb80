"""Exit codes, one line per error, and what a command imports."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from commtui.cli import parser
from commtui.cli.entry import main
from commtui.errors import DatabaseAway
from commtui.services.desk import Desk
from tests.cli.conftest import Shell

HEAVY = ("sqlalchemy", "textual", "rich", "pydantic", "psycopg", "httpx", "alembic", "starlette")


def test_every_command_and_every_option_has_a_help_text() -> None:
    silent = []
    waiting = [parser.build()]
    while waiting:
        for action in (command := waiting.pop())._actions:
            if isinstance(action, argparse._SubParsersAction):
                silent += set(action.choices) - {item.dest for item in action._choices_actions}
                silent += [item.dest for item in action._choices_actions if not item.help]
                waiting += action.choices.values()
            elif not action.help:
                silent.append(f"{command.prog} {action.dest}")
    assert silent == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list", "--help"], ["customer", "--help"], ["--version"]]
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from commtui.cli.entry import main; code = main(sys.argv[1:]); "
        f"sys.exit(code or sum(name in sys.modules for name in {HEAVY}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "commtui" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["list"],
        ["list", "attic"],
        ["show"],
        ["list", "log", "--limit", "-1"],
        ["customer"],
        ["customer", "opt-in", "K-1", "--reason", "called"],
        ["customer", "opt-out", "K-1", "--channel", "manual", "--reason", "called"],
        ["fallback", "release"],
        ["--x"],
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("commtui")
    assert len(err.splitlines()) == 1


def test_a_wrong_setting_names_file_key_and_what_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[sending]\nrelease = "maybe"\n')
    assert main(["--config", str(file), "counts", "log"]) == 2
    err = capsys.readouterr().err
    assert err == (f"commtui: {file}: sending.release is 'maybe'; allowed are auto, hold\n")
    assert main(["counts", "log", "--config", str(tmp_path / "missing.toml")]) == 2


def test_a_database_that_is_away_is_code_3_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMMTUI_DATABASE__URL", "postgresql://me:hush@127.0.0.1:1/nowhere")
    assert main(["counts", "log"]) == 3
    err = capsys.readouterr().err
    assert err.startswith("commtui: the database does not answer")
    assert "hush" not in err
    assert len(err.splitlines()) == 1


def test_a_fault_of_our_own_is_one_line_and_stands_in_the_log_file(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError("\x1b[31m")

    monkeypatch.setattr(Desk, "counts", break_down)
    answer = shell("counts", "log")
    assert answer.code == 70
    assert "a fault of commtui itself (ZeroDivisionError)" in answer.err
    assert len(answer.err.splitlines()) == 1
    path = Path(answer.err.split("details are in ")[1].strip())
    assert "break_down" in path.read_text()
    assert "\x1b" not in path.read_text()


def test_what_an_error_quotes_cannot_steer_the_terminal(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quote(*_: object, **__: object) -> None:
        raise DatabaseAway("said \x1b[31m\nand more")

    monkeypatch.setattr(Desk, "counts", quote)
    answer = shell("counts", "log")
    assert answer.code == 3
    assert answer.err == "commtui: the database does not answer: said \\e[31m and more\n"


def test_the_operator_of_the_command_line_stands_on_what_it_does(shell: Shell) -> None:
    shell.bring()
    shell("--operator", "ivan", "send", "--yes")
    entry = shell("show", "12345", "--json").json["entries"][0]
    assert (entry["author"], entry["author_verified"]) == ("ivan", True)


def test_without_a_terminal_the_console_says_what_to_do_instead(shell: Shell) -> None:
    answer = shell()
    assert answer.code == 2
    assert "needs a terminal" in answer.err


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    shell.bring(*({"reference": str(number)} for number in range(1000, 1200)))
    process = shell.start("list", "overview", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 0


def test_a_worker_that_finds_nothing_to_do_ends_with_0(shell: Shell) -> None:
    process = shell.start("worker", "--until-idle")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert shell("down").out == "0 stopped\n"
