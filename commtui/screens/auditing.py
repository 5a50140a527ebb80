"""The audit trail, searched by typing; Enter shows all of one row, and how far each name can be trusted."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult

from commtui.domain.text import line as one_line
from commtui.domain.text import safe
from commtui.domain.trail import AuditFilter, AuditRow
from commtui.screens.link import Link
from commtui.screens.panel import Panel, ReadingPanel
from commtui.widgets.choices import ChoiceBox, Item
from commtui.widgets.look import Look, counted, number
from commtui.widgets.timeline import fields, section

SHOWN = 200
NEWEST = 20_000
"""Rows that typing looks through; `commtui audit` looks through all."""


class AuditPanel(Panel[None]):
    """The newest rows; what is typed is looked for in names, actions, ids and words."""

    HINTS = (("Enter", "all of it"), ("type", "to search"))

    def __init__(self, link: Link, look: Look) -> None:
        super().__init__(link, look, "Who did what")
        self._rows: dict[str, AuditRow] = {}

    def body(self) -> ComposeResult:
        """The rows."""
        yield ChoiceBox(
            self.look,
            narrowed_elsewhere=True,
            hint=f"operator, action, id, words of it (newest {number(NEWEST)} rows)",
        )

    def on_mount(self) -> None:
        """Read the newest."""
        self._read("")

    @on(ChoiceBox.Narrowed)
    def _narrowed(self, event: ChoiceBox.Narrowed) -> None:
        self._read(event.text)

    def _read(self, text: str) -> None:
        self.ask(
            lambda desk: desk.audits.search(AuditFilter(text=text), SHOWN, newest=NEWEST),
            self._show,
            group="audit",
        )

    def _show(self, rows: tuple[AuditRow, ...]) -> None:
        self._rows = {row.id: row for row in rows}
        self.query_one(ChoiceBox).put(
            Item(row.id, row_words(row, self.look), result_words(row)) for row in rows
        )
        self.say_problem("" if rows else "Nobody did anything that says so.")

    @on(ChoiceBox.Taken)
    def _taken(self, event: ChoiceBox.Taken) -> None:
        for identifier in event.values:
            if (row := self._rows.get(identifier)) is not None:
                self.app.push_screen(AuditRowPanel(self.link, self.look, row))


class AuditRowPanel(ReadingPanel[None]):
    """One row with everything in it."""

    def __init__(self, link: Link, look: Look, row: AuditRow) -> None:
        super().__init__(link, look, one_line(row.action, 60))
        self._row = row

    def on_mount(self) -> None:
        """It is read already."""
        self.show(row_text(self._row, self.look))


def row_words(row: AuditRow, look: Look) -> str:
    """When, who and what, on one line."""
    who = one_line(row.operator, 24) + ("" if row.verified else " ?")
    return f"{look.short(row.at)}  {who}  {one_line(row.action, 40)}"


def result_words(row: AuditRow) -> str:
    """What came of it, or else what it was done to, in short."""
    if row.result:
        return one_line(", ".join(f"{name} {value}" for name, value in row.result), 40)
    if len(row.targets) > 1:
        return counted(len(row.targets), "id")
    return one_line(row.targets[0][1], 36) if row.targets else ""


def row_text(row: AuditRow, look: Look) -> Text:
    """Everything in a row."""
    text = Text()
    text.append(fields([("When", look.full(row.at)), ("Action", one_line(row.action, 100))]))
    text.append("\n").append(section("Who"))
    for what, value, trust in row.who:
        text.append(f"{what}: ").append(one_line(value, 100), "bold").append(f"\n  {trust}\n")
    if row.result:
        text.append(section("What came of it"))
        for name, came in row.result:
            text.append(f"{one_line(name, 40)}: {one_line(str(came), 200)}\n")
    if row.words:
        text.append(section("Reason, note or filter"))
        text.append(f"{safe(row.words[:4_000])}\n")
    if row.targets:
        text.append(section(f"To what ({len(row.targets)})"))
        for name, value in row.targets:
            label = f"{one_line(name, 40)}: " if name else ""
            text.append(f"{label}{one_line(value, 100)}\n")
    return text
