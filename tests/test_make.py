"""The targets of the Makefile in a fresh clone, with nothing installed but what the target itself installs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.checkout import ROOT, copy_checkout
from tests.fixtures.folders import public_folder

pytestmark = [
    pytest.mark.slow,  # installs packages, from pip's cache where it can
    pytest.mark.timeout(900),
]
JARS = Path(".cache") / "kafka"
INHERITED = {"PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME"}
"""Variables that the targets see besides those of pip, which name the index and the certificates of this machine."""


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """Yield the folder of a fresh clone; Kafka's jars are copied, since Maven would download the same ones."""
    with public_folder() as folder:
        copy_checkout(folder)
        if (ROOT / JARS / "pom.xml").exists():
            shutil.copytree(ROOT / JARS, folder / JARS)
        yield folder


def make(clone: Path, *arguments: str) -> str:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(("PIP_", "SSL_", "REQUESTS_", "MAVEN_"))
    }
    done = subprocess.run(
        ["make", f"PYTHON={sys.executable}", *arguments],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "servers", [(), ("KAFKA=1",), ("POSTGRESQL=1",), ("KAFKA=1", "POSTGRESQL=1")], ids=" ".join
)
def test_the_demo_runs_with_what_its_target_installs(
    clone: Path, servers: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    if "KAFKA=1" in servers:
        request.getfixturevalue("kafka_servers")  # skips where Kafka cannot run
    shutil.rmtree(clone / ".venv", ignore_errors=True)
    assert "Summary" in make(clone, "demo", *servers)


def test_the_checks_find_everything_they_import_in_what_their_target_installs(clone: Path) -> None:
    make(clone, ".venv/installed-dev")
    checks = "ruff --version && .venv/bin/mypy --version && .venv/bin/lint-imports --help && .venv/bin/coverage --version"
    collect = ".venv/bin/python -m pytest --collect-only --quiet"
    subprocess.run(["sh", "-c", f".venv/bin/{checks} && {collect}"], cwd=clone, check=True, timeout=300)


def test_locking_pins_every_dependency_and_names_no_index(clone: Path) -> None:
    make(clone, "lock")
    lines = (clone / "constraints.txt").read_text().splitlines()
    assert {name_of(line) for line in lines if "==" in line} >= declared(clone / "pyproject.toml")
    assert [line for line in lines if line.startswith("-") or "://" in line] == []


def declared(pyproject: Path) -> set[str]:
    """Return the names of the packages that a project depends on directly."""
    tables = tomllib.loads(pyproject.read_text())
    project = tables["project"]
    lists = (*project["optional-dependencies"].values(), *tables["dependency-groups"].values())
    requirements = [*project["dependencies"], *(item for items in lists for item in items)]
    return {name_of(text) for text in requirements if isinstance(text, str)}  # a table includes another group


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower()
