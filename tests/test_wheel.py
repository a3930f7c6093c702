"""The wheel, beside an application that has a `containers.py` and a `sql` of its own."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("iacs/containers/application.py", "iacs/sql/initial_schema.sql")
HOST = """
import containers, sql
from iacs.containers import ApplicationContainer
from iacs.core.database import Database

assert containers.WHOSE == sql.WHOSE == "the host's"
with Database("sqlite:///:memory:") as database, database.transaction() as tx:
    assert tx.rows("SELECT email FROM iacs_accounts") == []
print(ApplicationContainer().mail_query().service.cls.__module__)
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        run("cp", "-P", ROOT / name, source / name, cwd=source)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", *options, target, source, cwd=target)
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_the_mapped_folders_and_nothing_beside_iacs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {*PARTS, "iacs/py.typed", "iacs/runtime/picture/page.html"} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"iacs"}


def test_the_wheel_works_beside_an_application_with_the_same_folder_names(
    wheel: Path, tmp_path: Path
) -> None:
    installed, host = tmp_path / "installed", tmp_path / "host"
    host.mkdir()
    for name in ("containers.py", "sql.py"):
        (host / name).write_text('WHOSE = "the host\'s"\n')
    run(
        sys.executable,
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(installed)),
        wheel,
        cwd=host,
    )
    path = f"{host}{os.pathsep}{installed}"
    assert run(sys.executable, "-c", HOST, cwd=host, PYTHONPATH=path) == "iacs.mail_query.service\n"
    where = run(sys.executable, "-c", "import iacs; print(iacs.__file__)", cwd=host, PYTHONPATH=path)
    assert Path(where.strip()).is_relative_to(installed)
