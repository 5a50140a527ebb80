"""The shape of the code: sizes, docstrings, what a process loads, and that the settings page is complete."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import commtui
from commtui.config import Settings

ROOT = Path(__file__).parents[1]
PACKAGE = Path(commtui.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MIGRATIONS = PACKAGE / "store" / "migrations"
MODULE_LINES, CLASS_LINES, FUNCTION_LINES = 500, 300, 60
LATER = re.compile(r"NotImplementedError|\b(?:TODO|FIXME|XXX|HACK)\b")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def place(path: Path, node: Definition | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return f"{name}:{node.lineno} {node.name}" if node else name


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(path: Path) -> Iterator[Definition]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Definition):
            yield node


def lines(node: Definition) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_module_has_more_than_500_lines() -> None:
    long = {
        place(path): count
        for path in MODULES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    }
    assert long == {}


def test_functions_are_under_60_lines_and_classes_under_300() -> None:
    long = {
        place(path, node): lines(node)
        for path in MODULES
        for node in definitions(path)
        if lines(node) >= (CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES)
    }
    assert long == {}


def test_every_module_says_in_one_to_three_lines_what_it_is() -> None:
    silent = [place(path) for path in MODULES if not ast.get_docstring(tree(path))]
    assert silent == []


def public(node: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """The public definitions of a module, and the public methods of its public classes."""
    for item in node.body:
        if not isinstance(item, Definition) or item.name.startswith("_"):
            continue
        yield item
        if isinstance(item, ast.ClassDef):
            yield from public(item)


NAMED_BY_A_FRAMEWORK = {
    "screens": ("on_", "action_", "watch_", "compose", "render", "key_"),
    "widgets": ("on_", "action_", "watch_", "compose", "render", "key_"),
    "store": ("process_bind_param", "process_result_value", "load_dialect_impl"),
}


def documented_elsewhere(path: Path, node: Definition) -> bool:
    """What a framework names needs no sentence of ours: handlers, hooks, migrations."""
    layer = path.relative_to(PACKAGE).parts[0]
    return MIGRATIONS in path.parents or node.name.startswith(NAMED_BY_A_FRAMEWORK.get(layer, ()))


def test_every_public_class_and_function_says_what_it_does() -> None:
    # a section of the settings explains its keys, each beside itself
    self_explaining = {section.__name__ for section in sections()}
    silent = [
        place(path, node)
        for path in MODULES
        for node in public(tree(path))
        if not ast.get_docstring(node)
        and not documented_elsewhere(path, node)
        and node.name not in self_explaining
    ]
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{place(path)}:{number}"
        for path in MODULES
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LATER.search(text)
    ]
    assert found == []


# what a process loads


def loaded_by(code: str) -> set[str]:
    """The top-level packages that are loaded after running some code in a process of its own."""
    script = (
        f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.__stdout__)"
    )
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = json.loads(done.stdout.splitlines()[-1])
    return {name.partition(".")[0] for name in modules} | {
        name for name in modules if name.startswith("commtui.")
    }


DATABASE = {"sqlalchemy", "alembic", "psycopg", "pysqlite3", "sqlite3"}
SCREEN = {"textual"}
"""Without rich: the HTTP client loads it by itself where it is installed."""
NETWORK = {"httpx", "uvicorn", "starlette"}
HEAVY = {"pydantic", "cryptography", "phonenumbers", "email_validator"}


def test_the_console_is_made_before_the_database_or_the_network_are_imported() -> None:
    loaded = loaded_by(
        "from commtui.app import CommtuiApp\nCommtuiApp(lambda: None)\nimport commtui.cli.console"
    )
    assert "textual" in loaded
    assert loaded & (DATABASE | NETWORK | HEAVY) == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["list", "--help"], ["nonsense"]], ids=" ".join
)
def test_the_command_line_answers_without_loading_screen_or_database(arguments: list[str]) -> None:
    loaded = loaded_by(
        "import io, sys\n"
        "from commtui.cli.entry import main\n"
        "sys.stdout = sys.stderr = io.StringIO()\n"
        f"main({arguments!r})"
    )
    assert loaded & (SCREEN | {"rich"} | DATABASE | NETWORK | HEAVY) == set()


def modules_of(layer: str) -> list[str]:
    """The modules of a layer that is a folder."""
    found = (PACKAGE / layer).rglob("*.py")
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in found
        if MIGRATIONS not in path.parents
    )


@pytest.mark.parametrize(
    ("layer", "never"),
    [
        ("domain", SCREEN | {"rich"} | DATABASE | NETWORK | HEAVY),
        ("providers", SCREEN | DATABASE | {"uvicorn", "starlette", "pydantic"}),
        ("store", SCREEN | {"uvicorn", "starlette", "pydantic"}),
        ("services", SCREEN | {"uvicorn", "starlette"}),
        ("widgets", DATABASE | NETWORK | HEAVY),
        ("screens", DATABASE | NETWORK | HEAVY),
    ],
)
def test_a_layer_loads_only_what_is_its_own_or_below_it(layer: str, never: set[str]) -> None:
    loaded = loaded_by("\n".join(f"import {module}" for module in modules_of(layer)))
    assert loaded & never == set()


@pytest.mark.parametrize("process", ["worker", "web", "bootstrap"])
def test_what_runs_without_a_terminal_does_not_load_the_screen(process: str) -> None:
    assert loaded_by(f"import commtui.{process}") & SCREEN == set()


# the pages


def sections() -> list[type]:
    """The sections of the settings."""
    return [
        type(getattr(Settings(), item.name))
        for item in fields(Settings)
        if is_dataclass(getattr(Settings(), item.name))
    ]


def settings_rows() -> list[tuple[str, str, str]]:
    """Key, environment variable and shipped value of every setting."""
    rows = []
    for item in fields(Settings):
        value = getattr(Settings(), item.name)
        if not is_dataclass(value):
            rows.append((item.name, f"COMMTUI_{item.name.upper()}", shown(value)))
            continue
        for inner in fields(value):
            key = inner.name.rstrip("_")
            rows.append(
                (
                    f"{item.name}.{key}",
                    f"COMMTUI_{item.name}__{key}".upper(),
                    shown(getattr(value, inner.name)),
                )
            )
    return rows


def shown(value: object) -> str:
    """A value as it would be written in the file."""
    return json.dumps(str(value) if isinstance(value, str) else value)


def test_the_settings_page_has_every_key_with_its_variable_and_what_it_is_shipped_as() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    cells = [
        tuple(cell.strip().strip("`") for cell in row.strip("|").split("|"))
        for row in text.splitlines()
        if row.startswith("| `")
    ]
    rows = [cell[:3] for cell in cells if len(cell) == 4 and cell[1].startswith("COMMTUI_")]
    assert rows == settings_rows()
    assert all(cell[3] for cell in cells)
    named = set(re.findall(r"COMMTUI_\w+", text)) - {"COMMTUI_SECTION__KEY", "COMMTUI_CONFIG"}
    assert named <= {variable for _, variable, _ in rows}


def test_the_pages_link_only_to_what_is_there() -> None:
    missing = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []
