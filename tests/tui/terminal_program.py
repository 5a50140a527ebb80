"""The console on a hostile desk, as a program of its own for the tests with a real terminal.

Arguments: `mono` for no colours, `ascii` for plain characters.
"""

import sys
from zoneinfo import ZoneInfo

from commtui.app import CommtuiApp, run_console
from tests.tui.evil_desk import evil_desk
from tests.tui.fake_desk import NOW

desk = evil_desk()
sys.exit(
    run_console(
        CommtuiApp(
            lambda: desk,
            zone=ZoneInfo("Europe/Zurich"),
            mono="mono" in sys.argv,
            ascii="ascii" in sys.argv,
            clock=lambda: NOW,
            mode="live",
        )
    )
)
