"""`template list`, `check` and `preview`."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest

from commtui.cli.templates import add_template_options, run_template
from commtui.config import Settings, Templates
from commtui.errors import NotFound, UsageError
from commtui.services.templates import TemplateError


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A templates folder with one template in it."""
    folder = tmp_path / "templates"
    place = folder / "notice" / "fr"
    place.mkdir(parents=True)
    (place / "sms.j2").write_text("{{ text }}", encoding="utf-8")
    return folder


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """`template` with these arguments, in an empty folder; returns the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)

    def template(*arguments: str, folder: Path | None = None) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        add_template_options(parser)
        settings = Settings(templates=Templates(str(folder or "")))
        code = run_template(parser.parse_args(arguments), settings)
        return code, capsys.readouterr().out

    return template


def test_list_says_where_each_template_is_from(command: Any, own: Path) -> None:
    code, out = command("list", folder=own)
    rows = out.splitlines()
    assert code == 0
    assert rows[0].split() == ["Kind", "Language", "Version", "Channels", "From"]
    assert len(rows) == 17
    (mine,) = [row for row in rows if str(own) in row]
    assert mine.startswith("notice            fr        ")
    assert mine.endswith(f"  sms               {own}/notice/fr")
    assert sum("email, sms, post  shipped" in row for row in rows) == 15


def test_list_for_scripts(command: Any) -> None:
    _, out = command("list", "invoice", "--language", "NL", "--json")
    ((row),) = json.loads(out)
    assert {key: row[key] for key in ("kind", "language", "origin", "channels")} == {
        "kind": "invoice",
        "language": "nl",
        "origin": "shipped",
        "channels": ["email", "sms", "post"],
    }
    assert len(row["version"]) == 12


def test_check_is_content_with_what_ships(command: Any) -> None:
    assert command("check") == (0, "16 templates checked, no problems\n")
    assert command("check", "notice", "--language", "fr") == (
        0,
        "1 template checked, no problems\n",
    )


def test_check_lists_problems_by_file_and_line_and_fails(command: Any, own: Path) -> None:
    (own / "notice" / "fr" / "sms.j2").write_text("a\n{{ x | nope }}\x1b[31m", encoding="utf-8")
    (own / "notice" / "fr" / "email.txt.j2").write_text("x", encoding="utf-8")
    assert command("check", "notice", folder=own) == (
        1,
        "notice/fr email.subject.j2: an email needs a subject; add this file\n"
        "notice/fr sms.j2 line 2: there is no filter 'nope'\n"
        "4 templates checked, 2 problems\n",
    )
    code, out = command("check", "notice", "--json", folder=own)
    assert code == 1
    assert [problem["place"] for problem in json.loads(out)] == [
        "notice/fr email.subject.j2",
        "notice/fr sms.j2 line 2",
    ]


def test_preview_prints_the_email_and_writes_its_html(command: Any, tmp_path: Path) -> None:
    code, out = command("preview", "invoice", "--language", "de-AT", "-o", "mail.html")
    assert code == 0
    assert out.startswith("Subject: Rechnung 12345: 1.234,50 €, fällig am 14. Februar 2026\n\n")
    assert "Sehr geehrte Damen und Herren,\n" in out
    assert out.endswith("\n\nmail.html: the HTML\n")
    assert '<html lang="de">' in (tmp_path / "mail.html").read_text("utf-8")


def test_preview_says_what_a_text_message_costs_and_why(command: Any, tmp_path: Path) -> None:
    (tmp_path / "context.json").write_text(json.dumps({"title": "Avis", "text": "reçu " * 20}))
    code, out = command(
        "preview", "notice", "--language", "fr", "--channel", "sms", "--context", "context.json"
    )
    assert code == 0
    assert out.endswith(
        "\n\n2 parts: 105 characters in UCS-2\n"
        "“ç” (character 9) is not in GSM-7, so a part has 70 characters instead of 160\n"
    )
    _, out = command("preview", "invoice", "--channel", "sms")
    assert out.endswith("\n\n1 part: 92 characters in GSM-7\n")
    _, out = command("preview", "invoice", "--channel", "sms", "--json")
    assert json.loads(out) == {
        "sms": "Invoice 12345: €1,234.50, due 14 Feb 2026. Please quote the number when you pay. Thank you.",
        "encoding": "GSM-7",
        "characters": 92,
        "parts": 1,
        "culprit": "",
        "position": 0,
    }


def test_preview_writes_the_letter(command: Any, tmp_path: Path) -> None:
    code, out = command("preview", "contract", "--language", "fr", "--channel", "post")
    pdf = (tmp_path / "contract-fr.pdf").read_bytes()
    assert (code, out) == (0, f"contract-fr.pdf: 1 page, {len(pdf)} bytes\n")
    assert "Votre contrat 12345" in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    _, out = command(
        *("preview", "contract", "--language", "fr", "--channel", "post", "--country", "DE"),
        *("-o", "left.pdf", "--json"),
    )
    assert json.loads(out)["path"] == "left.pdf"
    assert (tmp_path / "left.pdf").read_bytes() != pdf


def test_preview_makes_terminal_controls_of_a_template_visible(command: Any, own: Path) -> None:
    (own / "notice" / "fr" / "sms.j2").write_text("a\x1b]0;title\x07\u202eb", encoding="utf-8")
    _, out = command("preview", "notice", "--language", "fr", folder=own)
    assert out.startswith("a\\e]0;title\\x07\\u202eb\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["preview"], "name the kind"),
        (["preview", "invoice", "--context", "none.json"], "cannot read none.json"),
        (["preview", "invoice", "--context", "bad.json"], "bad.json is not JSON"),
        (["preview", "invoice", "--context", "list.json"], "has to be one JSON object"),
        (["preview", "invoice", "--channel", "sms", "-o", "x"], "-o is for"),
        (["preview", "invoice", "--channel", "post", "-o", "no/x.pdf"], "cannot write no/x.pdf"),
        (["list", "--channel", "sms"], "--channel is for `template preview`"),
        (["check", "--context", "bad.json"], "--context is for `template preview`"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(
    command: Any, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UsageError) as caught:
        command(*arguments)
    assert words in str(caught.value)


def test_what_is_not_there_is_said(command: Any) -> None:
    for arguments in (["list", "poem"], ["check", "poem"], ["preview", "poem"]):
        with pytest.raises(NotFound, match="there is no template poem"):
            command(*arguments)


def test_a_context_that_lacks_something_names_it(command: Any, tmp_path: Path) -> None:
    (tmp_path / "context.json").write_text('{"due": "2026-01-31"}')
    with pytest.raises(
        TemplateError, match=r"invoice/en email.subject.j2 line 2: 'amount' is undefined"
    ):
        command("preview", "invoice", "--context", "context.json")
