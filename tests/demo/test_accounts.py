"""The practice network's accounts: a password that expires and a credit that runs low, seen by an operator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commtui.bootstrap import open_desk, open_working
from commtui.config import Database, Secret
from commtui.demo.ledger import PracticeAccount
from commtui.demo.network import PracticeNetwork
from commtui.providers.registry import by_key
from tests.practice import practice_request, practice_settings_for
from tests.steps import MemorySteps


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (PracticeAccount(), []),
        (PracticeAccount(peppol_credit=7), ["peppol: The credit at the access point is low: 7."]),
        (PracticeAccount(peppol_credit=0), ["peppol: The credit at the access point is used up."]),
        (
            PracticeAccount(chorus_password_days=5),
            ["chorus: The technical account's password expires on {day}."],
        ),
        (
            PracticeAccount(chorus_password_days=-5),
            ["chorus: The technical account's password expired on {day}."],
        ),
    ],
    ids=["all well", "low credit", "no credit", "password expiring", "password expired"],
)
async def test_an_operator_sees_what_is_wrong_with_our_accounts(
    account: PracticeAccount, words: list[str], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'commtui.db'}"
    async with PracticeNetwork(account=account, scale=0.02) as network:
        settings = replace(
            practice_settings_for(network, network.url), database=Database(Secret(url))
        )
        working = await asyncio.to_thread(open_working, settings)
        steps = MemorySteps()
        spec = by_key("chorus")
        assert spec.create is not None
        chorus = spec.create(settings, working.http)
        await chorus.advance(practice_request(spec), steps)  # type: ignore[attr-defined]
        found = await chorus.account(steps.reached)  # type: ignore[attr-defined]
        assert await working.accounts.step() == 2
        await working.aclose()
    desk = await asyncio.to_thread(open_desk, settings)
    said = [f"{item.provider}: {item.sentence}" for item in desk.health().warnings]
    said += [f"chorus: {item.sentence}" for item in found]
    desk.database.close()
    day = datetime.now(ZoneInfo("Europe/Paris")).date() + timedelta(
        days=account.chorus_password_days
    )
    assert said == [item.format(day=day) for item in words]
