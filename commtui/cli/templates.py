"""`template list`, `template check` and `template preview`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commtui.cli.output import say, say_json, table
from commtui.config import Settings
from commtui.domain import sms
from commtui.domain.templates import Rendered, TemplateVersion
from commtui.domain.text import line, safe
from commtui.domain.vocabulary import Channel
from commtui.errors import NotFound, UsageError

if TYPE_CHECKING:
    from commtui.services.templates import Library

CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.POST)
CONTEXT_SIZE = 4_000_000
"""Bytes of a file given as context."""


def add_template_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of `template`."""
    parser.add_argument(
        "action",
        choices=("list", "check", "preview"),
        help="all there are, what is wrong, or what they make",
    )
    parser.add_argument(
        "kind", nargs="?", default="", metavar="KIND", help="invoice, reminder, contract, notice…"
    )
    parser.add_argument(
        "--language", default="", metavar="L", help="such as nl-BE (default: every one, or en)"
    )
    parser.add_argument(
        "--channel", choices=[channel.value for channel in CHANNELS], help="what to preview"
    )
    parser.add_argument(
        "--context",
        metavar="FILE",
        help="JSON as in `context` of an import line, - for standard input (default: the sample)",
    )
    parser.add_argument(
        "--country", default="", metavar="CC", help="where the letter goes: decides the window"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where the letter's PDF or the HTML goes"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def run_template(chosen: argparse.Namespace, settings: Settings) -> int:
    """List, check or preview templates."""
    from commtui.services.templates import Library

    library = Library(settings.templates.folder)
    if chosen.action == "preview":
        return _preview(chosen, library, settings)
    for name in ("channel", "context", "country", "output"):
        if getattr(chosen, name):
            raise UsageError(f"--{name} is for `template preview`")
    return _list(chosen, library) if chosen.action == "list" else _check(chosen, library)


def _chosen(chosen: argparse.Namespace, library: Library) -> list[TemplateVersion]:
    """The templates of the kind and language that were named, or all."""
    found = [
        version
        for version in library.all()
        if chosen.kind in ("", version.kind)
        and chosen.language.lower() in ("", version.language.lower())
    ]
    if not found:
        named = "/".join(filter(None, (chosen.kind, chosen.language)))
        raise NotFound(f"there is no template {named}; `commtui template list` shows all")
    return found


def _list(chosen: argparse.Namespace, library: Library) -> int:
    rows = [
        {
            "kind": version.kind,
            "language": version.language,
            "version": version.version,
            "origin": version.origin,
            "channels": _offered(version),
        }
        for version in _chosen(chosen, library)
    ]
    if chosen.json:
        say_json(rows, indent=2)
    else:
        table(
            [
                ("Kind", "Language", "Version", "Channels", "From"),
                *(
                    (
                        *(str(row[name]) for name in ("kind", "language", "version")),
                        ", ".join(row["channels"]),
                        str(row["origin"]),
                    )
                    for row in rows
                ),
            ],
            (16, 8, 12, 16),
        )
    return 0


def _offered(version: TemplateVersion) -> list[str]:
    return [channel.value for channel in CHANNELS if channel in version.channels]


def _check(chosen: argparse.Namespace, library: Library) -> int:
    versions = _chosen(chosen, library)
    problems = [problem for version in versions for problem in library.check(version)]
    if chosen.json:
        say_json([{"place": problem.place, "problem": problem.words} for problem in problems])
    else:
        for problem in problems:
            say(f"{line(problem.place)}: {line(problem.words)}")
        checked = "1 template" if len(versions) == 1 else f"{len(versions)} templates"
        found = {0: "no problems", 1: "1 problem"}.get(len(problems), f"{len(problems)} problems")
        say(f"{checked} checked, {found}")
    return 1 if problems else 0


def _preview(chosen: argparse.Namespace, library: Library, settings: Settings) -> int:
    from commtui.services.template_checks import ADDRESS

    if not chosen.kind:
        raise UsageError("name the kind: commtui template preview invoice")
    version = library.find(chosen.kind, chosen.language or "en")
    if version is None:
        raise NotFound(
            f"there is no template {line(chosen.kind)} in this language, nor in English; "
            "`commtui template list` shows all"
        )
    channel = Channel(chosen.channel or _offered(version)[0])
    context = library.sample(version)
    if chosen.context:
        context = {**_base(context), **_context(chosen.context)}
    made = library.render(
        version,
        context,
        frozenset({channel}),
        "\n".join(ADDRESS),
        chosen.country or _country(version.language) or settings.sending.country,
    )
    if channel is Channel.POST:
        _show_letter(chosen, version, made)
    else:
        (_show_email if channel is Channel.EMAIL else _show_sms)(chosen, made)
    return 0


def _base(sample: dict[str, Any]) -> dict[str, Any]:
    """What every context has, whatever the source delivers."""
    return {name: sample[name] for name in ("customer", "subject", "kind", "today")}


def _country(language: str) -> str:
    own = {"en": "GB", "fr": "FR", "nl": "NL", "de": "DE"}
    main, _, region = language.partition("-")
    return region.upper() if len(region) == 2 else own.get(main.lower(), "")


def _context(name: str) -> dict[str, Any]:
    try:
        with sys.stdin.buffer if name == "-" else open(name, "rb") as file:
            content = file.read(CONTEXT_SIZE + 1)
        context = json.loads(content)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}") from None
    if not isinstance(context, dict) or len(content) > CONTEXT_SIZE:
        raise UsageError(f"{name} has to be one JSON object of at most {CONTEXT_SIZE:,} bytes")
    return context


def _show_email(chosen: argparse.Namespace, made: Rendered) -> None:
    if chosen.json:
        say_json({"subject": made.subject, "text": made.text, "html": made.html}, indent=2)
    else:
        say(f"Subject: {line(made.subject)}\n")
        say(safe(made.text.rstrip(), 2_000_000))
    if chosen.output:
        if not made.html:
            raise UsageError("this email has no HTML that could be written")
        _write(chosen.output, made.html.encode())
    if made.html and not chosen.json:
        say(
            f"\n{chosen.output}: the HTML"
            if chosen.output
            else "\nThere is an HTML part as well: -o FILE writes it"
        )


def _show_sms(chosen: argparse.Namespace, made: Rendered) -> None:
    measured = sms.measure(made.sms)
    if chosen.output:
        raise UsageError("-o is for the letter's PDF and the email's HTML")
    if chosen.json:
        say_json(
            {
                "sms": made.sms,
                "encoding": measured.encoding,
                "characters": measured.characters,
                "parts": measured.parts,
                "culprit": measured.culprit,
                "position": measured.position,
            },
            indent=2,
        )
        return
    say(safe(made.sms, 2_000_000))
    parts = "1 part" if measured.parts == 1 else f"{measured.parts} parts"
    say(f"\n{parts}: {measured.characters} characters in {measured.encoding}")
    if measured.culprit:
        say(
            f"“{safe(measured.culprit)}” (character {measured.position}) is not in GSM-7, "
            "so a part has 70 characters instead of 160"
        )


def _show_letter(chosen: argparse.Namespace, version: TemplateVersion, made: Rendered) -> None:
    from commtui.services.letters import pages

    pdf = made.letter or b""
    path = chosen.output or Path(f"{version.kind}-{version.language}.pdf")
    _write(path, pdf)
    count = pages(pdf)
    if chosen.json:
        say_json({"path": str(path), "pages": count, "size": len(pdf)})
    else:
        sheets = "1 page" if count == 1 else f"{count} pages"
        say(f"{line(str(path))}: {sheets}, {len(pdf)} bytes")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
