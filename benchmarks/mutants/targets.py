"""What is mutated, and the fast tests that guard it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A module and its tests; those on PostgreSQL are left out, because they say the same more slowly."""

    name: str
    path: str
    tests: tuple[str, ...]

    @property
    def module(self) -> str:
        """Its dotted name."""
        return self.path.removesuffix(".py").replace("/", ".")


_SENDING = (
    "tests/flow/test_delivery.py",
    "tests/flow/test_gates.py",
    "tests/flow/test_optouts.py",
    "tests/flow/test_poison.py",
    "tests/flow/test_steps.py",
    "tests/flow/test_unknown.py",
    "tests/flow/test_asking.py",
)
TARGETS = (
    Target("fold", "commtui/domain/fold.py", ("tests/domain/test_fold.py",)),
    Target("channels", "commtui/domain/channels.py", ("tests/domain/test_channels.py",)),
    Target("retry", "commtui/domain/retry.py", ("tests/domain/test_retry.py",)),
    Target("outbox", "commtui/store/outbox.py", ("tests/store/test_outbox.py", *_SENDING)),
    Target("recovery", "commtui/store/recovery.py", ("tests/store/test_outbox.py", *_SENDING)),
    Target("workers", "commtui/store/workers.py", _SENDING),
)
