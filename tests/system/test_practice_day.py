"""The practice day as a process: it comes out right, leaves nothing behind, and touches only practice data."""

from __future__ import annotations

import os
import signal
import subprocess
import tomllib
from pathlib import Path

import httpx
import pytest

from commtui.domain.vocabulary import Status
from tests.office import Office, message
from tests.system.plant import COMMTUI, until

DAY = (*COMMTUI, "demo", "--headless")


def day(folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start the day; its temporary folder is made in this one."""
    return subprocess.Popen(
        DAY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), **more},
    )


@pytest.mark.timeout(240)
def test_the_headless_day_comes_out_right_and_leaves_nothing_behind(
    database_url: str, tmp_path: Path
) -> None:
    more = {} if database_url.startswith("sqlite") else {"COMMTUI_DATABASE__URL": database_url}
    process = day(tmp_path, **more)
    report, complaints = process.communicate(timeout=200)
    assert complaints == ""
    assert report.endswith("All of it came out right.\n"), report
    assert process.returncode == 0
    assert list(tmp_path.glob("commtui-practice-*")) == []


def test_everything_ends_when_the_day_is_killed(tmp_path: Path) -> None:
    process = day(tmp_path)
    until(lambda: list(tmp_path.glob("*/practice.toml")), "the settings")
    settings = tomllib.loads(next(tmp_path.glob("*/practice.toml")).read_text())
    places = [settings["web"]["public_url"], settings["sendgrid"]["base_url"]]
    until(lambda: all(map(answers, places)), "network and web receiver")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not list(tmp_path.glob("commtui-practice-*")), "the folder to be deleted")
    assert not any(map(answers, places))


def answers(url: str) -> bool:
    """Whether somebody listens there."""
    try:
        return httpx.get(f"{url}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_a_database_with_anything_but_practice_data_is_left_alone(
    office: Office, database_url: str, tmp_path: Path
) -> None:
    office.put(message())
    process = day(tmp_path, COMMTUI_DATABASE__URL=database_url)
    report, complaints = process.communicate(timeout=60)
    assert process.returncode != 0
    assert report == ""
    assert "not practice data" in complaints
    assert [line.status for line in office.lines()] == [Status.NOT_SENT]
