"""Erasing a customer from their page: what would go, and the customer's id to type, for nobody can take it back."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from commtui.domain.views import Erasure
from commtui.screens.deciding import WordPanel
from commtui.screens.link import Link
from commtui.widgets.boxes import LineBox
from commtui.widgets.look import Look, counted

_LIMITS = (
    "The log stays: ids, references, hashes, statuses and times. Back-ups, downloaded files and the providers' own "
    "logs are not reached. Nobody can take it back."
)


class ErasePanel(WordPanel):
    """Says what would go and erases once the customer's id is written; the answer says that it is done."""

    HINTS = (("Enter", "erase"),)

    def __init__(self, link: Link, look: Look, plan: Erasure) -> None:
        super().__init__(link, look, "Erase the customer's personal data")
        self._plan = plan
        self._doing = False

    def body(self) -> ComposeResult:
        """What would go, and where to write the id."""
        yield Static(self.look.passage(erasure_words(self._plan), 4_000), id="text")
        yield LineBox(id="words", placeholder="the customer's id")

    def buttons(self) -> tuple[Button, ...]:
        """Do it or not."""
        return self.button("Erase", "do"), self.button("Cancel", "cancel")

    @on(Input.Submitted)
    def action_do(self) -> None:
        """Erase, once."""
        customer_id = self._plan.customer_id
        if self.words != customer_id:
            self.say_problem(f"Write the customer's id to erase: {customer_id}")
        elif not self._doing:
            self._doing = True
            self.say_problem("Erasing: messages on their way are waited for.")
            self.ask(
                lambda desk: desk.erasing.erase(customer_id),
                lambda done: self.dismiss(done_words(done)),
                group="erase",
                otherwise=self._not_done,
            )

    def _not_done(self, error: Exception) -> None:
        self._doing = False
        self.failed(error)


def erasure_words(plan: Erasure) -> str:
    """What would be emptied, in words; the customer's id at the end."""
    rows = [f"{number} {kind}" for kind, number in plan.rows]
    if plan.withdrawn:
        rows.append(
            f"{counted(plan.withdrawn, 'message')} waiting, unknown or for a person: fail as erased"
        )
    if plan.put_aside:
        rows.append(f"{counted(plan.put_aside, 'communication')} not sent yet: never sent")
    what = "; ".join(rows) or "nothing is left of them"
    return f"This would go: {what}.\n{_LIMITS}\nTo erase, write {plan.customer_id} here:"


def done_words(done: Erasure) -> str:
    """That it is done, and what is left to do."""
    left = (
        f" {counted(done.remnants, 'text')} may stand in free space: commtui customer erase --compact"
        if done.remnants and not done.compacted
        else ""
    )
    return f"Erased. The log stands as it was.{left}"
