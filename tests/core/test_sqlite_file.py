"""The file of a SQLite database: who may read it, whether its disk has room, and copies of it."""

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction

ADD = "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, 'h', '')"
COUNT = "SELECT count(*) FROM iacs_leases"
SMALL_DISK = 'mount -t tmpfs -o size=6m tmpfs "$1" && exec "$2" -c "$3" "$1"'
FILL = """
import asyncio, shutil, sys
from pathlib import Path
from iacs.core.database import Database
from iacs.core.exceptions import DegradedError

async def main(disk):
    async with Database(f"sqlite:///{disk}/iacs.db") as database:
        await database.probe()
        (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - 2**17))
        try:
            await database.probe()
        except DegradedError as error:
            print(error)
        (disk / "filler").unlink()
        await database.probe()

asyncio.run(main(Path(sys.argv[1])))
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def add(tx: Transaction, name: str) -> None:
    tx.execute(ADD, {"name": name})


@pytest.mark.parametrize("umask", [0, 0o022, 0o077], ids=oct)
def test_the_file_and_its_sidecars_are_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with Database(f"sqlite:///{tmp_path}/iacs.db") as database:
            database.run_sync(add, "a")
            modes = {path.name: mode(path) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["iacs.db", "iacs.db-wal", "iacs.db-shm"], 0o600)


def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "iacs.db").touch(mode=0o640)
    (tmp_path / "iacs.db").chmod(0o640)
    with Database(f"sqlite:///{tmp_path}/iacs.db") as database:
        database.run_sync(add, "a")
    assert mode(tmp_path / "iacs.db") == 0o640


@pytest.mark.parametrize("name", ["a#b.db", "a?b.db", "a%20b.db", "a b.db"])
def test_the_file_has_the_name_that_sqlite_gives_it(tmp_path: Path, name: str) -> None:
    with Database(f"sqlite:///{tmp_path}/{name.replace('%', '%25').replace('?', '%3F')}") as database:
        database.run_sync(add, "a")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("options", ["mode=ro", "mode=rw"])
def test_a_url_that_must_not_create_the_file_does_not(tmp_path: Path, options: str) -> None:
    database = Database(f"sqlite:///file:{tmp_path}/iacs.db?{options}&uri=true")
    with database, pytest.raises(DatabaseError, match="cannot open"):
        database.run_sync(add, "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    shutil.which("unshare") is None or os.geteuid() != 0, reason="mounting a small disk needs root"
)
def test_the_probe_is_degraded_while_the_disk_is_nearly_full(tmp_path: Path) -> None:
    command = ["unshare", "--mount", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), sys.executable, FILL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "mount:" in done.stderr:
        pytest.skip("a container without the right to mount")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"the disk of {tmp_path}/iacs.db is nearly full: 0 MiB of 6 MiB are free\n"


async def test_a_backup_is_one_state_of_a_database_that_others_write(tmp_path: Path) -> None:
    def add_two(tx: Transaction, number: int) -> None:
        add(tx, f"a{number}")
        add(tx, f"b{number}")

    async def write() -> None:
        number = 0
        while True:
            await database.run(add_two, number)
            number += 1

    async with Database(f"sqlite:///{tmp_path}/iacs.db") as database:
        await database.run(add_two, -1)
        writing = asyncio.create_task(write())
        for copy in range(5):
            await database.backup(tmp_path / f"copy{copy}.db")
        writing.cancel()
        await asyncio.wait([writing])

    for copy in range(5):
        with Database(f"sqlite:///{tmp_path}/copy{copy}.db", must_exist=True) as restored:
            assert restored.run_sync(lambda tx: tx.value("PRAGMA integrity_check")) == "ok"
            count = restored.run_sync(lambda tx: tx.value(COUNT))
            assert count >= 2
            assert count % 2 == 0
        assert mode(tmp_path / f"copy{copy}.db") == 0o600


def test_a_backup_replaces_no_file_and_leaves_none_behind(tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with Database(f"sqlite:///{tmp_path}/iacs.db") as database:
        with pytest.raises(DatabaseError, match="exists already"):
            asyncio.run(database.backup(tmp_path / "copy.db"))
        with pytest.raises(DatabaseError, match="No such file"):
            asyncio.run(database.backup(tmp_path / "missing" / "copy.db"))
    assert (tmp_path / "copy.db").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"copy.db", "iacs.db"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_postgresql_database_is_not_backed_up_here(tmp_path: Path, database: Database) -> None:
    with pytest.raises(DatabaseError, match="only a SQLite database"):
        await database.backup(tmp_path / "copy")
