"""What is published: the source archive, and the wheel built from it, beside an application of somebody else."""

import re
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

from setup import readme_for_an_index
from tests.fixtures.checkout import copy_checkout

pytestmark = pytest.mark.slow  # builds and installs the distribution

PARTS = ("iacs/containers/application.py", "iacs/sql/initial_schema.sql")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]*)[^)]*\)")

HOST = """
import containers, sql
import iacs, iacs.sql
from iacs.containers import ApplicationContainer

assert containers.OWNER == sql.OWNER == "the host"
assert iacs.sql.__name__ == "iacs.sql"
print(ApplicationContainer().mail_query().service.cls.__module__)
print(iacs.__file__)
"""

SCHEMA = """
import sys
from iacs.core.database import Database

with Database(f"sqlite:///{sys.argv[1]}") as database, database.transaction() as tx:
    assert tx.rows("SELECT email FROM iacs_accounts") == []
    assert tx.rows("SELECT id FROM iacs_messages") == []
"""


class Published(NamedTuple):
    """The two files that go to a package index."""

    archive: Path
    wheel: Path


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Build the archive from a checkout, and the wheel from nothing but the archive."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("published")
    copy_checkout(source)
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", build, target, cwd=source)
    (archive,) = target.glob("*.tar.gz")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", *options, target, archive, cwd=target)
    (wheel,) = target.glob("*.whl")
    return Published(archive, wheel)


@pytest.fixture(scope="module")
def metadata(published: Published) -> Message:
    with zipfile.ZipFile(published.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def installed(published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs' folder of an environment that holds the wheel, and borrows only the libraries it needs."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment)
    python = environment / "bin" / "python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=environment).strip()
    )
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    options = ("--quiet", "--no-deps", "--no-index", "--ignore-installed")
    run(python, "-m", "pip", "install", *options, published.wheel, cwd=environment)
    return python.parent


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Folder of an application whose modules have the names of folders in this repository."""
    for name in ("containers.py", "sql.py"):
        (tmp_path / name).write_text('OWNER = "the host"\n')
    return tmp_path


def test_the_wheel_holds_the_linked_folders_and_nothing_beside_iacs(published: Published) -> None:
    with zipfile.ZipFile(published.wheel) as wheel:
        names = set(wheel.namelist())
    assert {*PARTS, "iacs/py.typed", "iacs/auth/pages/style.css", "iacs/runtime/picture/page.html"} <= names
    assert {name.split("/")[0] for name in names} == {"iacs", "iacsgraph-0.1.0.dist-info"}


def test_the_archive_is_named_after_the_distribution(published: Published) -> None:
    with tarfile.open(published.archive) as archive:
        assert {name.split("/")[0] for name in archive.getnames()} == {"iacsgraph-0.1.0"}


def test_a_package_index_accepts_both_files(published: Published) -> None:
    checked = run(sys.executable, "-m", "twine", "check", "--strict", *published, cwd=published.wheel.parent)
    assert checked.count("PASSED") == 2


def test_the_readme_on_an_index_has_no_link_that_leads_nowhere(metadata: Message) -> None:
    page = metadata.get_payload()
    assert isinstance(page, str)
    assert "## " in page
    assert [link for link in LINK.findall(page) if not link.startswith(("https://", "#"))] == []


def test_the_readme_on_an_index_links_to_the_repository_once_that_has_an_address() -> None:
    text = "[a](docs/a.md), [b](https://example.org), [c](#part), ![d](d.png)"
    shown = (
        "[a](https://example.org/iacs/blob/main/docs/a.md), [b](https://example.org), [c](#part), ![d](d.png)"
    )
    assert readme_for_an_index(text, "https://example.org/iacs") == shown
    assert readme_for_an_index(text, "") == "a, [b](https://example.org), [c](#part), ![d](d.png)"


def test_the_wheel_works_beside_an_application_with_the_same_module_names(
    installed: Path, host: Path
) -> None:
    (host / "application.py").write_text(HOST)
    service, file = run(installed / "python", "application.py", cwd=host).splitlines()
    assert service == "iacs.mail_query.service"
    assert Path(file).is_relative_to(installed.parent)


def test_the_command_works_in_the_folder_of_such_an_application(installed: Path, host: Path) -> None:
    assert "Usage: iacs" in run(installed / "iacs", "--help", cwd=host)
    assert run(installed / "iacs", "--version", cwd=host) == "iacs 0.1.0\n"


def test_the_schema_is_applied_beside_tables_of_the_same_names(installed: Path, host: Path) -> None:
    with sqlite3.connect(host / "host.db") as connection:
        connection.executescript(
            """
            CREATE TABLE accounts (number INTEGER PRIMARY KEY);
            CREATE TABLE messages (body TEXT);
            INSERT INTO accounts VALUES (7);
            INSERT INTO messages VALUES ('the host''s');
            """
        )
    connection.close()
    run(installed / "python", "-c", SCHEMA, "host.db", cwd=host)
    with sqlite3.connect(host / "host.db") as connection:
        assert connection.execute("SELECT * FROM accounts").fetchall() == [(7,)]
        assert connection.execute("SELECT * FROM messages").fetchall() == [("the host's",)]
    connection.close()
