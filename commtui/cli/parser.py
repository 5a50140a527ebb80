"""Commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from commtui.cli.templates import add_template_options
from commtui.domain.text import line

CHIPS = ("failed", "not-sent", "completed", "all")
_IDS = "a subject's, communication's or entry's id (8 characters of it will do), or a reference"
_CUSTOMER = "the customer's id in the source system, or the id of something of theirs"
REFUSABLE = ("email", "sms", "post", "einvoice")
_BACK = "empty takes a correction back"
_CORRECTIONS = {
    "email": f"email address; {_BACK}",
    "phone": f"phone number; {_BACK}",
    "address": f"postal address, as lines or in JSON; {_BACK}",
    "einvoice": f"peppol:0208:0202239951, chorus:12345678200044;service=…;engagement=…, or JSON; {_BACK}",
}
_EPILOG = (
    "Without a command the console opens. Exit codes: 0 done, 1 partly refused or nothing done, "
    "2 wrong usage or configuration, 3 database away."
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        self.exit(2, f"{self.prog}: {line(message, 500)}; see {self.prog} --help\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments; words of a query, and ids, may stand between and after options. Raises SystemExit."""
    parser = build()
    chosen, rest = parser.parse_known_args(arguments)
    more = next(
        (name for name in ("query", "ids") if isinstance(getattr(chosen, name, 0), list)), ""
    )
    if rest and more and not any(word.startswith("-") for word in rest):
        getattr(chosen, more).extend(rest)
    elif rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    return chosen


def build() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="commtui",
        description="Everything a company sends to its customers: see what failed, put it right.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="say which version this is")
    _shared(parser, None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _Commands(commands).add()
    return parser


def _shared(parser: argparse.ArgumentParser, default: object) -> None:
    """Options that stand before or after the command."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=default, help="settings file (TOML)"
    )
    parser.add_argument("--operator", metavar="NAME", default=default, help="who acts")
    parser.add_argument(
        "--read-only", action="store_true", default=default, help="change nothing, only look"
    )


def _described(
    commands: argparse._SubParsersAction[_Parser], name: str, words: str, conflicts: str = "error"
) -> _Parser:
    """A command, or an action of one; `resolve` lets it give a shared option a meaning of its own."""
    parser = commands.add_parser(
        name,
        help=words,
        description=words[0].upper() + words[1:] + ".",
        allow_abbrev=False,
        conflict_handler=conflicts,
    )
    _shared(parser, argparse.SUPPRESS)
    return parser


class _Commands:
    def __init__(self, commands: argparse._SubParsersAction[_Parser]) -> None:
        self._commands = commands

    def add(self) -> None:
        self._data()
        self._reading()
        self._sending()
        self._attention()
        self._customers()
        self._fallbacks()
        add_template_options(self._command("template", "list, check or preview templates"))
        self._record()
        self._gates()
        self._runs()
        self._processes()
        self._database()

    def _command(self, name: str, words: str) -> _Parser:
        return _described(self._commands, name, words)

    def _data(self) -> None:
        parser = self._command("import", "read communications from JSON Lines")
        parser.add_argument("file", metavar="FILE", help="- for standard input")
        parser.add_argument(
            "--documents", type=Path, metavar="DIR", help="folder of the files (default: FILE's)"
        )
        parser.add_argument("--atomic", action="store_true", help="all lines or none")
        _json(parser)
        self._command("schema", "print the JSON Schema of an import line")

    def _reading(self) -> None:
        parser = self._command("list", "print the overview or the log")
        _tab(parser)
        _query(parser)
        parser.add_argument("--limit", type=_count, metavar="N", help="so many lines at most")
        _form(parser)
        parser = self._command("counts", "print the numbers beside the chips")
        _tab(parser)
        _query(parser, chip=False)
        _json(parser)
        parser = self._command(
            "orphans", "print feedback that fits no message: who reported what, and what came"
        )
        parser.add_argument(
            "--limit", type=_count, default=200, metavar="N", help="so many at most (default: 200)"
        )
        parser.add_argument("--json", action="store_true", help="JSON Lines, payloads in full")
        parser = self._command("show", "print everything about one subject")
        parser.add_argument("id", metavar="ID", help=_IDS)
        _json(parser)

    def _sending(self) -> None:
        parser = self._command("send", "send in bulk: dry run, question, then the workers have it")
        _chosen(parser)
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        _yes(parser)
        _json(parser)
        parser = self._command("resend", "send one entry's content again, to the present address")
        parser.add_argument("id", metavar="ENTRY", help=_IDS)
        _yes(parser)
        _json(parser)
        parser = self._command("settle", "settle an unknown outcome")
        parser.add_argument("id", metavar="ENTRY", help=_IDS)
        parser.add_argument(
            "decision",
            choices=("sent", "again", "give-up"),
            help="it was sent, send it once more, or leave it failed",
        )
        parser.add_argument("--note", default="", metavar="TEXT", help="how it is known")
        parser = self._command("complete", "complete a manual task")
        parser.add_argument("id", metavar="ENTRY", help=_IDS)
        parser.add_argument("--note", required=True, metavar="TEXT", help="what was done")
        parser = self._command("cancel", "ask the provider to stop what it has accepted")
        parser.add_argument("id", metavar="ENTRY", help=_IDS)
        _reason(parser, "why it must not arrive")

    def _attention(self) -> None:
        for name, words, required in (
            ("ignore", "take lines out of sight until something newer or worse happens", True),
            ("unignore", "bring ignored lines back", False),
        ):
            parser = self._command(name, words)
            parser.add_argument("ids", nargs="+", metavar="ID", help=_IDS)
            parser.add_argument(
                "--reason", required=required, default="", metavar="TEXT", help="kept in the audit"
            )
        parser = self._command("download", "write a ZIP of documents, sent content and a manifest")
        _chosen(parser)
        parser.add_argument(
            "--log", action="store_true", help="QUERY is for the log instead of the overview"
        )
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to")
        _json(parser)

    def _customers(self) -> None:
        parser = self._command(
            "customer", "show a customer, or change what may be sent them and how"
        )
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        self._customer_action(actions, "show", "print everything about a customer")
        parser = self._customer_action(
            actions, "set", "correct contact points, or set the order of channels"
        )
        for name, words in _CORRECTIONS.items():
            parser.add_argument(f"--{name}", metavar="TEXT", help=words)
        parser.add_argument(
            "--order",
            action="append",
            default=[],
            metavar="ORDER",
            help='channels for a kind of message: "invoice: email, post"; without a kind: for all; '
            "without channels: the usual order; may be repeated",
        )
        parser = self._customer_action(
            actions, "opt-out", "note that a customer refuses a channel, or marketing"
        )
        parser.add_argument("--channel", choices=REFUSABLE, help="nothing at all goes by it")
        parser.add_argument(
            "--marketing",
            action="store_true",
            help="marketing only: by the channel that is named, else as such",
        )
        _reason(parser, "who said so, and how")
        parser = self._customer_action(actions, "opt-in", "take back what an operator had noted")
        parser.add_argument("--channel", choices=REFUSABLE, help="what was noted about it")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--marketing",
            action="store_true",
            help="the refusal of marketing: by the channel that is named, else as such",
        )
        what.add_argument(
            "--all",
            action="store_true",
            help="the refusal of every message by the channel; one of marketing stays",
        )
        _reason(parser, "who said so, and how")
        self._erase(actions)
        parser = self._customer_action(
            actions, "lift", "have an address taken off the provider's suppression list"
        )
        what = parser.add_mutually_exclusive_group(required=True)
        for name in ("email", "phone"):
            what.add_argument(
                f"--{name}",
                dest="field",
                action="store_const",
                const=name,
                help=f"the {name} in use now",
            )
        _reason(parser, "why it works again")

    def _erase(self, actions: argparse._SubParsersAction[_Parser]) -> None:
        parser = self._customer_action(
            actions, "erase", "say what erasing a customer's personal data would empty, or do it"
        )
        parser.add_argument("--yes", action="store_true", help="erase; nobody can take it back")
        parser.add_argument(
            "--compact",
            action="store_true",
            help="rewrite the tables too, so that free space holds nothing; keeps others waiting",
        )

    def _customer_action(
        self, actions: argparse._SubParsersAction[_Parser], name: str, words: str
    ) -> _Parser:
        parser = _described(actions, name, words)
        parser.add_argument("id", metavar="ID", help=_CUSTOMER)
        _json(parser)
        return parser

    def _fallbacks(self) -> None:
        parser = self._command(
            "fallback", "see and decide about fallback that is held for a person"
        )
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        _json(_described(actions, "list", "print what is held, by cause"))
        for name, words in (
            ("release", "let what is held for a cause go by the other channel"),
            ("decline", "leave what is held for a cause where it is, failed"),
        ):
            _described(actions, name, words).add_argument(
                "cause", nargs="+", metavar="CAUSE", help="as the list says it: sendgrid bounced"
            )

    def _record(self) -> None:
        parser = _described(
            self._commands, "audit", "print who did what, newest first", conflicts="resolve"
        )
        parser.add_argument("query", nargs="*", metavar="TEXT", help="words to search for")
        parser.add_argument("--operator", dest="by", metavar="NAME", help="what this operator did")
        parser.add_argument("--action", metavar="WORD", help="what begins so: ignore, resend, bulk")
        parser.add_argument("--since", metavar="DATE", help="from this date or moment on")
        parser.add_argument("--until", metavar="DATE", help="up to this date or moment")
        parser.add_argument("--target", metavar="ID", help="what was done to this id")
        parser.add_argument("--limit", type=_count, metavar="N", help="so many rows at most")
        _json(parser)

    def _gates(self) -> None:
        parser = self._command("provider", "see which providers are paused, pause or release one")
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        _json(_described(actions, "list", "print what is paused, since when and why"))
        for name, words, required, why in (
            ("pause", "send nothing more by a provider until it is released", True, "why"),
            ("release", "send by it again, whatever paused it", False, "why it works again"),
        ):
            action = _described(actions, name, words)
            action.add_argument(
                "name", metavar="NAME", help="sendgrid, twilio, ping, chorus, peppol"
            )
            action.add_argument("--reason", required=required, default="", metavar="TEXT", help=why)

    def _runs(self) -> None:
        parser = self._command("runs", "see bulk sends; pause, resume, stop or undo one")
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        _json(_described(actions, "list", "print the newest bulk sends"))
        for name, words in (
            ("pause", "begin no more of its messages until it is resumed"),
            ("resume", "go on with a paused one"),
            ("stop", "leave the rest of its messages as they were"),
            ("undo", "take all of it back, as long as nothing of it is on its way"),
        ):
            _described(actions, name, words).add_argument(
                "id", metavar="RUN", help="the bulk send's id, as the list says it"
            )

    def _processes(self) -> None:
        parser = self._command("worker", "send what is queued and apply what providers report")
        parser.add_argument("--until-idle", action="store_true", help="end when nothing is due")
        _single(parser)
        parser = self._command("web", "receive the providers' webhooks")
        parser.add_argument("--host", help="address to listen on")
        parser.add_argument("--port", type=_port, help="port to listen on; 0 takes a free one")
        _single(parser)
        self._command("up", "run worker and web in the foreground")
        self._command("down", "stop every worker and web of this database")
        parser = self._command("demo", "practise on a network that is not real")
        parser.add_argument("--headless", action="store_true", help="play the day, then report")
        parser.add_argument("--folder", type=Path, metavar="DIR", help="keep everything there")

    def _database(self) -> None:
        _json(self._command("check", "say what is not as it should be; 1 when something is"))
        parser = self._command("db", "back up, restore and look after the database")
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        parser = _described(actions, "backup", "write a copy of this moment while everything runs")
        parser.add_argument("target", type=Path, metavar="TARGET", help="a new file")
        parser = _described(
            actions, "restore", "put a back-up where database.url says, and send nothing from it"
        )
        parser.add_argument("source", type=Path, metavar="SOURCE", help="the back-up")
        parser = _described(actions, "hold", "send nothing from this database")
        _reason(parser, "what happened to it")
        parser = _described(
            actions,
            "reconcile",
            "let a restored database send again: first says what becomes of what waits",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--yes", action="store_true", help="do it")
        how.add_argument(
            "--moved",
            action="store_true",
            help="it is the same database in another place, and no copy of it was used meanwhile",
        )
        how.add_argument(
            "--done", action="store_true", help="messages may leave by themselves again"
        )
        _json(_described(actions, "status", "say whether this database sends"))
        parser = _described(
            actions,
            "verify",
            "check seals, history and every stored hash; exit code 1 if any is off",
        )
        parser.add_argument(
            "--heads", type=Path, metavar="FILE", help="hashes of seals that were kept elsewhere"
        )
        _json(parser)
        _described(actions, "roles", "print the SQL that makes the roles on PostgreSQL")


def _tab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tab", choices=("overview", "log"), help="one line per subject, or one per attempt"
    )


def _query(parser: argparse.ArgumentParser, *, chip: bool = True) -> None:
    parser.add_argument("query", nargs="*", metavar="QUERY", help="words to search for")
    if chip:
        parser.add_argument("--chip", choices=CHIPS, default=None, help="one of the quick filters")
    parser.add_argument(
        "--ignored",
        choices=("no", "also", "only"),
        default="no",
        help="ignored lines (default: no)",
    )


def _chosen(parser: argparse.ArgumentParser) -> None:
    _query(parser)
    parser.add_argument("--ids", nargs="+", metavar="ID", help=_IDS)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for scripts")


def _form(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON Lines")
    form.add_argument("--csv", action="store_true", help="for spreadsheets")


def _reason(parser: argparse.ArgumentParser, words: str) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help=words)


def _yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _single(parser: argparse.ArgumentParser) -> None:
    """For processes that the console starts: one of each is enough."""
    parser.add_argument("--single", action="store_true", help=argparse.SUPPRESS)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("it has to be 0 or more")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("it has to be a port from 0 to 65535")
    return number
