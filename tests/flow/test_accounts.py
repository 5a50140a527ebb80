"""Our accounts at the providers: asked by one worker at a time, and shown until they are put right; both databases."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from commtui.bootstrap import open_desk
from commtui.config import Database as DatabaseSettings
from commtui.config import Secret, Settings
from commtui.domain.views import AccountWarning
from commtui.errors import AccountTrouble, NotSent, ProviderError
from commtui.providers.base import AccountFinding
from commtui.services.accounts import AccountChecks
from commtui.store import accounts, providers_state, steps
from commtui.store.engine import Database
from commtui.store.providers_state import Why
from commtui.store.tables import entry
from commtui.store.tables_accounts import account_check
from tests.office import Office, ScriptedProvider, message

LOW = AccountFinding("low_credit", "The credit at the access point is low: 7.")


class Account(ScriptedProvider):
    """A provider that says what is wrong with our account, or raises it."""

    def __init__(self, *answers: Sequence[AccountFinding] | ProviderError) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[Mapping[str, Mapping[str, Any]]] = []

    async def account(self, last: Mapping[str, Mapping[str, Any]]) -> Sequence[AccountFinding]:
        """The next answer; the last one stays."""
        self.asked.append(last)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ProviderError):
            raise answer
        return answer


def checks(database: Database, provider: Account, key: str = "peppol") -> AccountChecks:
    """The account checks of a worker that starts."""
    return AccountChecks(database, {key: provider})


def step(worker: AccountChecks) -> int:
    return asyncio.run(worker.step())


def shown(database: Database, url: str) -> tuple[AccountWarning, ...]:
    """The warnings that an operator sees."""
    desk = open_desk(Settings(database=DatabaseSettings(Secret(url))))
    try:
        return desk.health().warnings
    finally:
        desk.database.close()


def later(database: Database, **times: timedelta) -> None:
    """Let the times of every check lie so far back."""
    now = database.now()
    with database.write() as connection:
        connection.execute(
            account_check.update().values({name: now - ago for name, ago in times.items()})
        )


def test_what_is_wrong_is_shown_with_what_to_do_until_it_is_put_right(
    database: Database, database_url: str
) -> None:
    worker = checks(database, Account([LOW], []))
    assert step(worker) == 1
    (warning,) = shown(database, database_url)
    assert (warning.provider, warning.sentence) == ("peppol", LOW.sentence)
    assert "Top it up" in warning.advice
    later(database, due_at=timedelta(0))
    assert step(worker) == 1
    assert shown(database, database_url) == ()


def test_refused_credentials_are_a_warning_in_our_own_words(
    database: Database, database_url: str
) -> None:
    step(checks(database, Account(AccountTrouble("peppol", "401", "\x1b[31mgo away"))))
    (warning,) = shown(database, database_url)
    assert "API key" in warning.sentence
    assert "go away" not in warning.sentence
    assert "peppol.api_key" in warning.advice


def test_a_paused_provider_comes_first_and_is_not_warned_about_twice(
    database: Database, database_url: str
) -> None:
    said = "SendGrid does not accept our API key."
    providers_state.pause(database, "sendgrid", Why.ACCOUNT, said, 600, "401")
    providers_state.pause(
        database, "peppol", Why.ACCOUNT, "The credit is used up.", 600, "no_credit"
    )
    used_up = AccountFinding("no_credit")
    step(checks(database, Account([used_up, AccountFinding("sender_not_allowed")])))
    found = shown(database, database_url)
    assert sorted(item.provider for item in found[:2]) == ["peppol", "sendgrid"]
    assert {item.advice[:16] for item in found[:2]} == {"Put a valid key ", "Top it up in the"}
    assert [item.sentence[:20] for item in found[2:]] == ["Our sender is not am"]


def test_what_cannot_be_asked_leaves_what_is_known_and_is_asked_again_sooner(
    database: Database, database_url: str
) -> None:
    worker = checks(database, Account([LOW], NotSent("peppol", "unreachable")))
    step(worker)
    later(database, due_at=timedelta(0))
    step(worker)
    assert [item.sentence for item in shown(database, database_url)] == [LOW.sentence]
    with database.read() as connection:
        due = connection.execute(sa.select(account_check.c.due_at)).scalar_one()
    assert due < database.now() + timedelta(minutes=20)


def test_several_workers_that_start_together_ask_once(database: Database) -> None:
    provider = Account([])
    workers = [checks(database, provider) for _ in range(4)]

    async def run() -> list[int]:
        return await asyncio.gather(*(worker.step() for worker in workers))

    assert sum(asyncio.run(run())) == 1
    assert len(provider.asked) == 1
    assert [step(worker) for worker in workers] == [0, 0, 0, 0]
    later(database, due_at=timedelta(0))
    assert sum(asyncio.run(run())) == 1


def test_a_worker_that_starts_asks_again_unless_that_was_just_done(database: Database) -> None:
    provider = Account([])
    step(checks(database, provider))
    assert step(checks(database, provider)) == 0
    later(database, at=timedelta(minutes=11))
    running = checks(database, provider)
    with database.write() as connection:
        connection.execute(
            account_check.update().values(due_at=database.now() + timedelta(hours=20))
        )
    assert step(running) == 1
    assert step(running) == 0
    assert len(provider.asked) == 2


def test_a_question_whose_worker_died_is_asked_by_another(database: Database) -> None:
    class Dies(Account):
        async def account(self, last: Mapping[str, Mapping[str, Any]]) -> Sequence[AccountFinding]:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        step(checks(database, Dies([])))
    provider = Account([])
    assert step(checks(database, provider)) == 0
    later(database, due_at=timedelta(0))
    assert step(checks(database, provider)) == 1


def test_what_nobody_asks_any_more_is_not_shown_for_ever(
    database: Database, database_url: str
) -> None:
    step(checks(database, Account([LOW])))
    later(database, at=timedelta(days=4))
    assert shown(database, database_url) == ()


def test_a_provider_gets_the_steps_of_the_newest_message_that_it_checked(office: Office) -> None:
    office.put(message("1"), message("2"), message("3"))
    office.send()
    ids = sorted(office.attempts(reference)[0].id for reference in ("1", "2", "3"))
    for number, entry_id in enumerate(ids):
        steps.keep(office.database, entry_id, "checked", {"seller": str(number)}, "")
    with office.database.read() as connection:
        of_others = set(connection.execute(sa.select(entry.c.provider)).scalars())
    assert of_others == {"sendgrid"}
    provider = Account([])
    step(checks(office.database, provider))
    assert provider.asked == [{}]
    with office.database.read() as connection:
        assert accounts.last_steps(connection, "sendgrid")["checked"] == {"seller": "2"}


def test_a_provider_that_cannot_be_asked_about_the_account_is_left_alone(
    database: Database,
) -> None:
    provider = Account([])
    assert step(checks(database, provider, "manual")) == 0
    assert provider.asked == []
