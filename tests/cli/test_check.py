"""`iacs check` on containers of other packages: sound, broken, or not a container at all."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Iacs, run_process
from tests.cli.test_mistakes import said

SOUND = """
from dependency_injector import containers, providers

class Database: ...

class Service:
    def __init__(self, database: Database) -> None:
        raise SystemExit("built")

class Container(containers.DeclarativeContainer):
    database = providers.Singleton(Database)
    service = providers.Singleton(Service, database)

class Broken(Container):
    service = providers.Singleton(Service)
    other = providers.Singleton(Service, "text")

class Failing(containers.DeclarativeContainer):
    def __new__(cls):
        raise ValueError("the password is open-sesame")

container = Container()
number = 5

def make():
    return Container()

def make_nothing():
    return None

class nested:
    container = container
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package in the working directory, whose modules are forgotten after the test."""
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "wiring.py").write_text(SOUND)
    (tmp_path / "shop" / "lacking.py").write_text("import no_such_library\n")
    (tmp_path / "shop" / "raising.py").write_text("raise RuntimeError('open-sesame')\n")
    (tmp_path / "shop" / "torn.py").write_text("def (\n")
    (tmp_path / "shop" / "empty.py").touch()
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "shop":
            del sys.modules[name]


def test_our_own_container_is_sound_and_nothing_is_printed(iacs: Iacs) -> None:
    ran = iacs("check")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.endswith("parts, no findings\n")


@pytest.mark.parametrize("name", ["Container", "container", "make", "nested.container"])
def test_a_container_its_class_or_what_returns_one_is_checked(iacs: Iacs, name: str) -> None:
    ran = iacs("check", f"shop.wiring:{name}")
    assert (ran.code, ran.err) == (0, "2 parts, no findings\n")


def test_findings_are_a_table_and_an_exit_code(iacs: Iacs) -> None:
    ran = iacs("check", "shop.wiring:Broken")
    assert ran.code == 1
    assert ran.lines[0].split() == ["path", "kind", "what", "is", "wrong"]
    assert [line.split()[:3] for line in ran.lines[1:]] == [
        ["other", "type", "Service()"],
        ["service", "arity", "Service()"],
    ]
    assert ran.err == "3 parts, 2 findings\n"


def test_findings_are_json_lines_when_asked(iacs: Iacs) -> None:
    ran = iacs("check", "shop.wiring:Broken", "--json")
    assert ran.code == 1
    rows = [json.loads(line) for line in ran.lines]
    assert [(row["path"], row["kind"]) for row in rows] == [("other", "type"), ("service", "arity")]
    assert all(row["message"] for row in rows)


async def test_a_process_finds_what_lies_in_its_working_directory() -> None:
    ran = await run_process("check", "shop.wiring:Container")
    assert (ran.code, ran.out, ran.err) == (0, "", "2 parts, no findings\n")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:Container", "there is no module nowhere in "),
        ("shop.nowhere:Container", "there is no module shop.nowhere in "),
        ("nowhere.wiring:Container", "there is no module nowhere in "),
        ("shop.wiring:Contaner", "shop.wiring has no Contaner; did you mean shop.wiring:Container?"),
        ("shop.wiring:nested.other", "shop.wiring has no nested.other; "),
        (
            "shop.wiring",
            "shop.wiring is a module, not a container; did you mean shop.wiring:Broken or shop.wiring:Container",
        ),
        (
            "shop.empty",
            "shop.empty is a module, not a container; name a container, as in package.module:Container",
        ),
        ("shop/wiring.py:Container", "name its module, as in shop.wiring:Container"),
        (r"shop\wiring.py:Container", "name its module, as in shop.wiring:Container"),
        (r"C:\shop\wiring.py:Container", "name its module, as in wiring:Container"),
        ("/srv/shop/wiring.py", "name its module, as in wiring:Container"),
        ("json:dumps", "json:dumps cannot be called without arguments"),
        (":Container", "'' is not the name of a module; name a container, as in package.module:Container"),
        ("shop.wiring:number", "shop.wiring:number is int, not a container; "),
        ("shop.wiring:make_nothing", "shop.wiring:make_nothing returned NoneType, not a container; "),
        ("shop.lacking:Container", "importing shop.lacking failed at "),
        ("shop.lacking:Container", "No module named 'no_such_library'"),
        ("shop.torn:Container", "with SyntaxError"),
        ("shop.raising:Container", "raising.py:1 with RuntimeError; see the traceback with: iacs --debug …"),
        ("shop.wiring:Failing", "calling shop.wiring:Failing failed at "),
    ],
)
def test_a_name_that_leads_to_no_container_is_one_sentence(iacs: Iacs, name: str, words: str) -> None:
    sentence = said(iacs("check", name))
    assert words in sentence
    assert "sesame" not in sentence


WAIVED = """
[[tool.iacs.waive]]
path = "other"
kind = "type"
reason = "the annotation is too narrow"

[[tool.iacs.waive]]
path = "service"
kind = ["arity"]
reason = "called with arguments"
"""


def test_findings_are_waived_with_a_reason_in_pyproject(iacs: Iacs, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(WAIVED)
    ran = iacs("check", "shop.wiring:Broken")
    assert (ran.code, ran.out, ran.err) == (0, "", "3 parts, no findings, 2 waivers\n")


def test_the_waivers_of_a_project_count_in_its_folders_too(
    iacs: Iacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(WAIVED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path / "shop")
    assert iacs("check", "shop.wiring:Broken").code == 0


def test_a_waiver_that_matches_nothing_is_a_finding(iacs: Iacs, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(WAIVED)
    ran = iacs("check", "shop.wiring:Container")
    assert ran.code == 1
    assert [line.split()[:2] for line in ran.lines[1:]] == [["other", "waiver"], ["service", "waiver"]]


def test_a_waiver_may_name_the_container_that_it_is_for(iacs: Iacs, tmp_path: Path) -> None:
    named = WAIVED.replace("reason", 'container = "shop.wiring:Broken"\nreason')
    (tmp_path / "pyproject.toml").write_text(named)
    assert iacs("check", "shop.wiring:Broken").code == 0
    ran = iacs("check", "shop.wiring:Container")
    assert (ran.code, ran.err) == (0, "2 parts, no findings\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[[tool.iacs.waive]]\npath = "a"\nkind = "type"',
            "number 1 has no reason; write: [[tool.iacs.waive]]",
        ),
        ('[[tool.iacs.waive]]\npath = "a"\nkind = "type"\nreason = " "', "number 1 has no reason"),
        ('[[tool.iacs.waive]]\nkind = "type"\nreason = "b"', "number 1 has no path"),
        ('[[tool.iacs.waive]]\npath = "a"\nkind = []\nreason = "b"', "number 1 has no kind"),
        ('[[tool.iacs.waive]]\npath="a"\nkind="type"\nreason="b"\nwhy="c"', "has an unknown key why"),
        ('[tool.iacs]\nwaive = ["a"]', "number 1 is not a table"),
        ('[tool.iacs]\nwaive = "a"', "tool.iacs.waive is not a list of tables"),
        ("tool.iacs = 5", "tool.iacs.waive is not a list of tables"),
        ("[tool", "pyproject.toml cannot be read: "),
    ],
)
def test_a_wrong_waiver_is_one_sentence(iacs: Iacs, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert words in said(iacs("check", "shop.wiring:Broken"))
