"""What an operator can do on either tab: read, ignore, complete, correct, download, copy, look for help."""

from __future__ import annotations

from functools import partial

from textual.binding import Binding

from commtui.domain.lines import Selection
from commtui.domain.text import safe
from commtui.domain.views import CustomerField, Progress
from commtui.domain.vocabulary import Channel, Ignored, Status
from commtui.screens.auditing import AuditPanel
from commtui.screens.choosing import ChoicePanel
from commtui.screens.correcting import CorrectPanel
from commtui.screens.customer import CustomerPanel
from commtui.screens.deciding import CompletePanel, IgnorePanel, SettlePanel
from commtui.screens.details import AttemptsPanel
from commtui.screens.downloading import DownloadPanel
from commtui.screens.filtering import FilteringScreen
from commtui.screens.filters import command_line
from commtui.screens.guarding import changes
from commtui.screens.helping import Command, FilterValue, PalettePanel, command_items, commands_of
from commtui.screens.holding import HealthPanel
from commtui.screens.resending import FIELD_OF_CHANNEL
from commtui.screens.running import ProgressPanel, runs_panel
from commtui.screens.waiting import offer_waiting
from commtui.widgets.heading import TAB_LABELS
from commtui.widgets.look import counted
from commtui.widgets.preview import Preview

CLIPBOARD_MOST = 74_000
"""Bytes; terminals and tmux drop longer OSC 52 sequences."""


class ActingScreen(FilteringScreen):
    """Everything that both tabs can do to a line or to marked lines."""

    BINDINGS = [
        Binding("enter", "details", "details", id="line.details"),
        Binding("p", "preview", "Preview pane", show=False, id="line.preview"),
        Binding("h", "attempts", "All attempts of this subject", show=False, id="line.attempts"),
        Binding("I", "ignore", "ignore", id="line.ignore"),
        Binding(
            "c",
            "complete",
            "Complete a manual task, settle an unknown outcome",
            show=False,
            id="line.complete",
        ),
        Binding("F", "fix", "Correct the customer's address", show=False, id="line.fix"),
        Binding("C", "customer", "The customer of this row", show=False, id="line.customer"),
        Binding("d", "download", "download", id="line.download"),
        Binding("y", "menu('CopyMenu')", "Copy", show=False, id="copy.open"),
        Binding("T", "runs", "Bulk runs", show=False, id="runs.open"),
        Binding("W", "audit", "Who did what: the audit trail", show=False, id="audit.open"),
        Binding(
            "H", "health", "Provider health, held fallbacks, orphans", show=False, id="health.open"
        ),
        Binding("z", "undo", "Undo your last bulk send", show=False, id="runs.undo"),
        Binding("question_mark,f1", "help", "help", key_display="?", id="help.open"),
        Binding("colon,ctrl+p", "palette", "Palette of all actions", show=False, id="palette.open"),
        Binding("f2,1", "app.show('overview')", "Communication", show=False, id="tab.overview"),
        Binding("f3,2", "app.show('log')", "Communication log", show=False, id="tab.log"),
        Binding("tab", "app.focus_next", "Next part of the screen", show=False, id="focus.next"),
        Binding("shift+tab", "app.focus_previous", "Part before", show=False, id="focus.previous"),
        Binding("q", "app.leave", "quit", id="app.quit"),
    ]

    # Reading

    def action_preview(self) -> None:
        """Open or close the preview pane."""
        preview = self.query_one(Preview)
        preview.toggle_class("-open")
        if preview.has_class("-open"):
            preview.show(self.table.line)

    def action_attempts(self) -> None:
        """All attempts of the cursor's subject."""
        if self.table.line is not None:
            self.app.push_screen(AttemptsPanel(self.link, self.look, self.table.line))

    def action_customer(self) -> None:
        """The page of the cursor's customer."""
        line = self.table.line
        if line is not None:
            name = line.customer_name or line.customer_id
            self.app.push_screen(
                CustomerPanel(self.link, self.look, line.customer_id, name),
                lambda _: self.look_for_changes(),
            )

    # Doing

    @changes
    def action_ignore(self) -> None:
        """Ignore what the marks or the cursor say, or bring it back."""
        self.act(self._ignore)

    def _ignore(self, selection: Selection) -> None:
        chosen = [line for line in self.table.window.lines if line in self.marks]
        if not self.marks.words:
            chosen = [line for line in (self.table.line,) if line is not None]
        back = (
            all(line.ignored for line in chosen) if chosen else self.chosen.ignored is Ignored.ONLY
        )
        self.app.push_screen(
            IgnorePanel(self.link, self.look, selection, self.target_words(selection), back=back),
            partial(self._acted, clear=True),
        )

    def _acted(self, words: str | None, *, clear: bool = False) -> None:
        if words:
            if clear:
                self.clear_marks()
            self.status.notice(words)
            self.look_for_changes()

    @changes
    def action_complete(self) -> None:
        """Complete the cursor's manual task, or settle its unknown outcome."""
        line = self.table.line
        if line is None:
            return
        if line.status is Status.UNKNOWN:
            self.app.push_screen(SettlePanel(self.link, self.look, line), self._acted)
        elif line.channel is Channel.MANUAL and line.status is Status.NOT_SENT and line.entry_id:
            self.app.push_screen(CompletePanel(self.link, self.look, line), self._acted)
        else:
            self.status.notice(
                "Nothing to complete: this is neither a manual task nor an unknown outcome."
            )

    async def go_on(self, action: str | None) -> None:
        """Do what a details panel was left for: fix, complete or resend."""
        if action is not None:
            await self.run_action(action)

    @changes
    def action_fix(self) -> None:
        """Correct the address of the cursor's customer."""
        line = self.table.line
        if line is not None:
            field = FIELD_OF_CHANNEL.get(line.channel, CustomerField.EMAIL)
            self.app.push_screen(
                CorrectPanel(self.link, self.look, line.customer_id, field), self._corrected
            )

    def _corrected(self, waiting: tuple[str, ...] | None) -> None:
        if waiting is not None:
            self.status.notice("Corrected. It is used from the next sending on.")
        if waiting:
            offer_waiting(self, waiting, self.look_for_changes)

    def action_download(self) -> None:
        """Download what the marks or the cursor say."""
        self.act(
            lambda selection: self.app.push_screen(
                DownloadPanel(
                    self.link, self.look, selection, self.target_words(selection), self.copy
                ),
                self._acted,
            )
        )

    def action_health(self) -> None:
        """Who works, what is paused, and which fallbacks are held."""
        self.app.push_screen(HealthPanel(self.link, self.look), lambda _: self.look_for_changes())

    def action_audit(self) -> None:
        """Who did what, and how far each name can be trusted."""
        self.app.push_screen(AuditPanel(self.link, self.look))

    def action_undo(self) -> None:
        """Take the operator's own newest bulk send back, as long as nothing of it is on its way."""
        self.ask(lambda desk: desk.undo_last(), self._undone, group="undo")

    def _undone(self, run: Progress) -> None:
        self.status.notice(f"Undone: none of the {counted(run.total, 'message')} was sent.")
        self.look_for_changes()

    def action_runs(self) -> None:
        """Choose a bulk run to look at again."""
        self.ask(lambda desk: desk.runs(), self._show_runs, group="runs")

    def _show_runs(self, runs: tuple[Progress, ...]) -> None:
        self.app.push_screen(
            runs_panel(self.link, self.look, runs),
            lambda chosen: self.open_run(chosen[0]) if chosen else None,
        )

    def open_run(self, run_id: str) -> None:
        """Show how far a bulk run is."""
        self.app.push_screen(
            ProgressPanel(self.link, self.look, run_id), lambda _: self.look_for_changes()
        )

    # Copying

    def action_copy(self, what: str) -> None:
        """Hand something of the cursor's line, or of the view, to the terminal's clipboard."""
        if what == "view":
            command, complete = command_line(self.TAB, self.chosen)
            self.copy(command)
            if not complete:
                self.status.notice(
                    "Sent to the terminal's clipboard, without the filters that it cannot say yet."
                )
            return
        line = self.table.line
        if line is None:
            return
        error = " ".join(part for part in (line.error_code, line.error_message) if part)
        row = (
            line.reference,
            line.customer_name,
            line.channel.label,
            line.recipient,
            line.status,
            error,
        )
        self.copy(
            {"row": "\t".join(row), "error": error, "id": line.id, "recipient": line.recipient}[
                what
            ]
        )

    def copy(self, text: str) -> None:
        """Send text to the terminal's clipboard (OSC 52), which never says whether it took it."""
        text = safe(text, CLIPBOARD_MOST)
        if not text:
            self.status.notice("Nothing to copy here.")
        elif len(text.encode()) > CLIPBOARD_MOST:
            self.status.notice("Too long for the terminal's clipboard; download it instead.")
        else:
            self.app.copy_to_clipboard(text)
            self.status.notice(f"Sent to the terminal's clipboard: {text}")

    # Help

    def action_help(self) -> None:
        """Every key of this tab, to be searched by typing."""
        items = command_items(commands_of(self.all_bindings()), self.look)
        title = f"Keys of {TAB_LABELS[self.TAB]}"
        self.app.push_screen(ChoicePanel(self.link, self.look, title, items))

    def action_palette(self) -> None:
        """Every action, and every filter value with the number of lines it leaves."""
        commands = commands_of(self.all_bindings())
        panel = PalettePanel(self.link, self.look, commands, self.view)
        self.app.push_screen(panel, self._run_chosen)

    async def _run_chosen(self, chosen: Command | FilterValue | None) -> None:
        if isinstance(chosen, FilterValue):
            self.filter_to(chosen.field, (chosen.choice,))
        elif chosen is not None:
            await (self.table if chosen.on_list else self).run_action(chosen.action)
