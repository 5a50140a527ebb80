"""A confirmed bulk run: its progress, a result per line, and the list of runs. Closing stops nothing."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from commtui.domain.text import line as one_line
from commtui.domain.views import Health, Progress, RunResult, RunState
from commtui.screens.choosing import ChoicePanel
from commtui.screens.guarding import changes
from commtui.screens.link import Link
from commtui.screens.panel import ReadingPanel
from commtui.widgets.choices import Item
from commtui.widgets.look import Look, counted, number

_TICK_SECONDS = 1.0
_BAR = 40
_RESULTS = 500


class ProgressPanel(ReadingPanel[None]):
    """How far a run is, and what became of each line."""

    DEFAULT_CSS = """
    ProgressPanel #text { text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS = [
        Binding("p", "pause", "pause/go on", id="run.pause"),
        Binding("X", "stop", "stop the rest", id="run.stop"),
        # the text names it as long as there is something to undo
        Binding("z", "undo", "Undo", show=False, id="run.undo"),
        Binding("escape", "cancel", "close (stops nothing)", id="run.close"),
    ]

    def __init__(self, link: Link, look: Look, run_id: str) -> None:
        super().__init__(link, look, "Bulk send")
        self._run_id = run_id
        self._progress: Progress | None = None
        self._reading = False

    def body(self) -> ComposeResult:
        """The state above the results."""
        yield Static(self.look.say("Reading…"), id="state")
        yield Static(id="text")

    def on_mount(self) -> None:
        """Look every second until everything is decided."""
        self.set_interval(_TICK_SECONDS, self._look)
        self._look()

    def _look(self) -> None:
        if not self._reading:
            self._reading = True
            self.ask(
                lambda desk: (
                    desk.progress(self._run_id),
                    desk.results(self._run_id, _RESULTS),
                    desk.health(),
                ),
                self._show,
                group="progress",
                otherwise=self._missed,
            )

    def _missed(self, error: Exception) -> None:
        self._reading = False
        self.failed(error)

    def _show(self, answer: tuple[Progress, tuple[RunResult, ...], Health]) -> None:
        self._reading = False
        self.say_problem("")
        progress, results, health = answer
        self._progress = progress
        self.query_one("#state", Static).update(progress_text(progress, health, self.look))
        self.show(results_text(results, progress, self.look))

    @changes
    def action_pause(self) -> None:
        """Hold back what is not on its way yet, or go on."""
        if self._progress is not None:
            go_on = self._progress.state is RunState.PAUSED
            self.ask(
                lambda desk: desk.resume(self._run_id) if go_on else desk.pause(self._run_id),
                lambda _: self._look(),
                group="control",
            )

    @changes
    def action_stop(self) -> None:
        """Withdraw what is not on its way yet."""
        self.ask(lambda desk: desk.stop(self._run_id), lambda _: self._look(), group="control")

    def action_undo(self) -> None:
        """Take the whole run back, as long as nothing of it is on its way."""
        self.ask(lambda desk: desk.undo(self._run_id), lambda _: self._look(), group="control")


def progress_text(progress: Progress, health: Health, look: Look) -> Text:
    """How far a run is."""
    decided = progress.total - progress.open
    filled = _BAR * decided // max(progress.total, 1)
    text = Text(look.plain("█" * filled + "░" * (_BAR - filled)), no_wrap=True)
    text.append(f"  {number(decided)} of {number(progress.total)} decided", "bold")
    over = progress.state is RunState.DONE
    text.append(f" · {'being sent' if over and progress.open else _STATE_WORDS[progress.state]}\n")
    if progress.undoable:
        begins = ""
        if progress.begins_at is not None and progress.begins_at > look.clock():
            begins = f", it begins at {look.full(progress.begins_at)}"
        text.append(f"Nothing of it is on its way{begins}: z undoes it.\n", "bold")
    for status, count in progress.by_status:
        text.append(f"  {number(count):>7}  {look.status(status)}\n")
    if progress.waiting:
        text.append(f"  {number(progress.waiting):>7}  not begun yet\n")
    if progress.withdrawn:
        text.append(f"  {number(progress.withdrawn):>7}  withdrawn\n")
    if progress.skipped:
        text.append(f"  {number(progress.skipped):>7}  left as they are\n")
    if not health.workers and progress.open:
        text.append("No worker is running, so nothing moves. Start one: commtui worker\n", "bold")
    return text


_STATE_WORDS = {
    RunState.DRAFT: "not confirmed",
    RunState.RUNNING: "running",
    RunState.PAUSED: "paused",
    RunState.STOPPED: "stopped",
    RunState.UNDONE: "undone",
    RunState.DONE: "done",
}


def results_text(results: tuple[RunResult, ...], progress: Progress, look: Look) -> Text:
    """One line per item."""
    text = Text()
    for result in results:
        status = look.status(result.status) if result.status else "-"
        text.append(f"{one_line(result.reference, 16):<17}{one_line(result.customer_name, 18):<19}")
        text.append(f"{result.channel.label:<10}")
        text.append(f"{status:<20} ", "bold").append(f"{one_line(result.words, 200)}\n")
    if progress.total > len(results) >= _RESULTS:
        text.append(f"The first {number(_RESULTS)} are shown; the log has all of them.")
    text.rstrip()
    return text


def runs_panel(link: Link, look: Look, runs: tuple[Progress, ...]) -> ChoicePanel:
    """The bulk runs, newest first; the answer is the one to look at again."""
    items = [
        Item(
            run.run_id,
            f"{look.moment(run.confirmed_at)} by {run.operator}: {counted(run.total, 'message')}",
            _STATE_WORDS[run.state] + (f", {number(run.open)} open" if run.open else ""),
        )
        for run in runs
    ]
    return ChoicePanel(link, look, "Bulk runs" if items else "No bulk run yet", items)
