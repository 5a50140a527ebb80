"""`commtui` and `python -m commtui`."""

from __future__ import annotations

import sys

from commtui.cli.entry import main as run


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
