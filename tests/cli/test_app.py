"""The commands put together."""

import gc
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from iacs.cli.commands import COMMANDS
from iacs.cli.edge import PIPE_CLOSED
from tests.cli.conftest import Iacs

HEAVY = [
    "aiohttp",
    "asyncio",
    "cryptography",
    "dependency_injector",
    "kafka",
    "pydantic",
    "rich",
    "sqlalchemy",
]
GROUPS = ("account", "auth", "mail", "events", "outbox", "config")


def test_the_version_is_the_package_s(iacs: Iacs) -> None:
    assert iacs("--version").out == f"iacs {version('iacsgraph')}\n"


def test_without_a_command_the_help_is_shown_and_it_is_a_misuse(iacs: Iacs) -> None:
    ran = iacs()
    assert ran.code == 2
    for command in (
        "init-db",
        "database",
        "graph",
        "explain",
        "account",
        "auth",
        "mail",
        "events",
        "outbox",
        "sandbox",
        "config",
    ):
        assert f"  {command}  " in ran.out


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["init-db"],
        ["database", "backup"],
        ["graph"],
        ["explain"],
        ["account", "sync"],
        ["account", "list"],
        ["auth", "login"],
        ["auth", "logout"],
        ["mail", "query"],
        ["mail", "sync"],
        ["events", "tail"],
        ["events", "relay"],
        ["outbox", "list"],
        ["sandbox"],
        ["config", "show"],
        ["config", "new-key"],
    ],
)
def test_every_help_fits_on_80_columns(iacs: Iacs, command: list[str]) -> None:
    ran = iacs(*command, "--help")
    assert ran.code == 0
    assert ran.out.startswith(" ".join(["Usage: iacs", *command]))
    assert max(map(len, ran.lines)) <= 80


@pytest.mark.parametrize(
    "command", [["account", "add"], ["auth", "login"], ["check"], ["events", "schema"], ["mail", "sync"]]
)
def test_no_help_names_the_types_of_python(iacs: Iacs, command: list[str]) -> None:
    assert not re.search(r"<(str|path|list.*)>", iacs(*command, "--help").out)


@pytest.mark.parametrize("command", [[], *([group] for group in GROUPS), ["check"], ["mail", "sync"]])
def test_the_help_has_a_short_option(iacs: Iacs, command: list[str]) -> None:
    assert iacs(*command, "-h") == iacs(*command, "--help")


@pytest.mark.parametrize("command", [[], *([group] for group in GROUPS)])
def test_no_sentence_is_cut_in_a_list_of_commands(iacs: Iacs, command: list[str]) -> None:
    commands = iacs(*command, "--help").out.partition("Commands:")[2].splitlines()
    assert len(commands) > 2
    assert not [line for line in commands if line.endswith(("...", "…"))]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_sentence_of_every_command(iacs: Iacs, name: str) -> None:
    assert iacs(name, "--help").out.partition("\n\n")[2].lstrip().startswith(COMMANDS[name].help)


def test_a_misspelt_command_is_recognised(iacs: Iacs) -> None:
    assert iacs("chek").err == "iacs: No such command 'chek'; did you mean 'check'? See: iacs --help\n"


@pytest.mark.parametrize(("words", "completed"), [("iacs ma", "mail"), ("iacs mail sy", "sync")])
def test_a_shell_completes_commands(monkeypatch: pytest.MonkeyPatch, words: str, completed: str) -> None:
    monkeypatch.setenv("_IACS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    command = [sys.executable, "-m", "iacs"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == [completed]


def test_the_script_for_the_shell_that_runs_the_command_is_shown() -> None:
    code = f"{sys.executable} -m iacs --show-completion; exit $?"  # bash replaces itself with a command that is alone
    command = ["bash", "-c", code]
    assert "_IACS_COMPLETE" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_help_does_not_wait_for_heavy_imports() -> None:
    code = f"""
import json, sys
from iacs.cli import main
main(["--help"])
print(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == []


def test_only_a_process_of_its_own_collects_garbage_seldom(iacs: Iacs) -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    assert iacs("config", "new-key").code == 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
    code = """
import gc, sys
from iacs.cli import main
sys.argv = ["iacs", "config", "new-key"]
main()
print(gc.get_threshold()[0] > 10_000, gc.get_freeze_count() > 0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "True True"


def test_python_dash_m_is_the_same_command() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "iacs", "nonsense"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "iacs: No such command 'nonsense'; see: iacs --help\n"


def test_debug_can_be_asked_for_by_option_and_by_environment(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPH_URL", "nonsense")
    assert "Traceback" not in iacs("config", "show").err
    assert "Traceback" in iacs("--debug", "config", "show").err
    monkeypatch.setenv("IACS_DEBUG", "1")
    assert "Traceback" in iacs("config", "show").err


def test_the_schema_is_applied_once_and_its_version_printed(iacs: Iacs) -> None:
    first, second = iacs("init-db"), iacs("init-db", "--json")
    assert (first.code, second.code) == (0, 0)
    assert "iacs.db" in first.out
    assert "schema version 1" in first.out
    assert json.loads(second.out)["schema_version"] == 1


@pytest.mark.parametrize(("level", "logged"), [(None, False), ("INFO", True)])
def test_nothing_is_logged_below_a_warning_unless_a_level_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, level: str | None, logged: bool
) -> None:
    if level:
        monkeypatch.setenv("LOG_LEVEL", level)
    (tmp_path / "alice.yaml").write_text("account: alice@contoso.example")
    command = [sys.executable, "-m", "iacs", "account", "sync", ".", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ("accounts synced" in ran.stderr) is logged
    assert json.loads(ran.stdout)["added"] == ["alice@contoso.example"]


def test_a_reader_that_goes_away_ends_a_real_command_quietly() -> None:
    command = [sys.executable, "-m", "iacs", "config", "show", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == PIPE_CLOSED
