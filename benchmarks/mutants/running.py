"""Runs tests in forked processes: once to see which lines each test reaches, then against each mutant."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from benchmarks.mutants.making import Mutant
from benchmarks.mutants.targets import Target

OPTIONS = (
    "-q",
    "-x",
    "--no-header",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "--tb=no",
    "--timeout=60",
)
QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""The plug-ins are imported before the fork."""
SQLITE_ONLY = ("-k", "not postgresql")
CPU_MARGIN, CPU_TIMES = 15, 2
"""A mutant may take so many seconds, and so many times what its tests took unchanged."""
WALL_TIMES = 8
"""On a machine that is shared, waiting takes longer than working."""
BROKEN = 99
"""Exit code of a process that did not even get to run its tests."""
KILLED, SURVIVED, TIME_OUT, UNREACHED = "killed", "survived", "time-out", "unreached"


@dataclass(frozen=True, slots=True)
class Reach:
    """What each test reached in the module, and how long it worked."""

    lines: dict[str, set[int]]
    seconds: dict[str, float]

    def tests_for(self, mutant: Mutant) -> list[str]:
        """The tests that may notice a mutant, quick ones first."""
        touched = set(range(mutant.first, mutant.last + 1))
        found = [key for key, lines in self.lines.items() if mutant.at_import or lines & touched]
        return sorted(found, key=lambda key: (self.seconds[key], key))


def preload(targets: Sequence[Target]) -> None:
    """Import everything once, so that a fork has it."""
    settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        max_examples=30,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    sys.path.insert(0, str(Path.cwd()))
    importlib.import_module("tests.conftest")
    for target in targets:
        for path in target.tests:
            importlib.import_module(path.removesuffix(".py").replace("/", "."))


def reach(target: Target) -> Reach:
    """Run all of a target's tests unchanged. Raises SystemExit when one fails."""

    def work(folder: Path) -> int:
        seen = _Seen(str(Path(target.path).resolve()))
        code = _pytest([*SQLITE_ONLY, *target.tests], folder, seen)
        rows = [
            f"{seen.seconds[key]}\t{','.join(map(str, sorted(lines)))}\t{key}"
            for key, lines in seen.lines.items()
        ]
        (folder.parent / "reach").write_text("\n".join(rows), encoding="utf-8")
        return code

    with tempfile.TemporaryDirectory(prefix="mutants-", dir=_fast_folder()) as folder:
        if code := _forked(lambda: work(Path(folder) / "t"), cpu=3600, wall=7200.0):
            raise SystemExit(f"{target.name}: the tests do not pass unchanged ({code})")
        lines, seconds = {}, {}
        for row in (Path(folder) / "reach").read_text(encoding="utf-8").splitlines():
            took, numbers, key = row.split("\t", 2)
            lines[key] = {int(number) for number in numbers.split(",") if number}
            seconds[key] = float(took)
    return Reach(lines, seconds)


def judge(target: Target, tree: ast.Module, mutant: Mutant, known: Reach) -> str:
    """What the tests say to a mutant."""
    tests = known.tests_for(mutant)
    if not tests:
        return UNREACHED
    code = compile(mutant.applied(tree), target.path, "exec")
    usual = sum(known.seconds[key] for key in tests)

    def work(folder: Path) -> int:
        if mutant.at_import:
            sys.meta_path.insert(0, _Instead(target.module, code))
            for name in [
                name for name in sys.modules if name.split(".")[0] in ("commtui", "tests")
            ]:
                del sys.modules[name]
        else:
            _swap(sys.modules[target.module], code)
        for path in target.tests:
            own = [key for key in tests if key.partition("::")[0] == path]
            if own and (result := _pytest(own, folder)):
                return result
        return 0

    cpu = int(CPU_MARGIN + CPU_TIMES * usual)
    with tempfile.TemporaryDirectory(prefix="mutants-", dir=_fast_folder()) as folder:
        result = _forked(lambda: work(Path(folder) / "t"), cpu=cpu, wall=float(WALL_TIMES * cpu))
    return TIME_OUT if result is None else KILLED if result else SURVIVED


def _fast_folder() -> str | None:
    """In memory where there is such a folder: the databases of the tests are worth nothing afterwards."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and os.access(shared, os.W_OK) else None


def _pytest(arguments: Sequence[str], folder: Path, *plugins: object) -> int:
    return int(
        pytest.main([*OPTIONS, *QUIET, f"--basetemp={folder}", *arguments], plugins=[*plugins])
    )


def _forked(work: Callable[[], int], *, cpu: int, wall: float) -> int | None:
    """The exit code of `work` in a process of its own; None when it took too long."""
    child = os.fork()
    if not child:
        code = BROKEN
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
            code = work()
        finally:
            os._exit(code)
    deadline = time.monotonic() + wall
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code == BROKEN:
                raise SystemExit("the tests could not be run")
            return None if code < 0 else code
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _swap(module: ModuleType, code: CodeType) -> None:
    """Give a module's functions the mutant's code, wherever they have been imported to."""
    mutated: dict[str, Any] = {"__name__": module.__name__}
    exec(code, mutated)

    def exchange(old: object, new: object) -> None:
        if isinstance(old, property) and isinstance(new, property):
            old, new = old.fget, new.fget
        if isinstance(old, FunctionType) and isinstance(new, FunctionType):
            old.__code__ = new.__code__

    for name, old in vars(module).items():
        new = mutated.get(name)
        if getattr(old, "__module__", None) != module.__name__:
            continue
        exchange(old, new)
        if isinstance(old, type):
            for inner, member in vars(old).items():
                exchange(member, vars(new).get(inner))


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a mutant in place of its module."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._module = module
        self._code = code

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only that module is ours."""
        if fullname != self._module:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutant's code."""
        exec(self._code, module.__dict__)


class _Seen:
    """A pytest plug-in that notes which lines of one file each test runs."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._now: set[int] = set()
        self.lines: dict[str, set[int]] = {}
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Trace a test with its fixtures."""
        self._now = set()
        before = time.process_time()
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.lines[item.nodeid] = self._now
            self.seconds[item.nodeid] = time.process_time() - before

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._line if frame.f_code.co_filename == self._path else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        self._now.add(frame.f_lineno)
        return self._line
