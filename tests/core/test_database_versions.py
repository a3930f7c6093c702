import subprocess
import sys
from pathlib import Path

import pytest

import iacs.sql
from iacs.core.database import Database
from iacs.core.exceptions import SchemaError

ADD_LEASE = "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, 'h', 'e')"
SECOND = """
ALTER TABLE iacs_leases ADD COLUMN note TEXT NOT NULL DEFAULT '';
UPDATE iacs_leases SET note = 'moved; ' || name;
CREATE INDEX iacs_leases_by_note ON iacs_leases (note);
"""
OTHER_PROCESS = """
import sys
from pathlib import Path
import iacs.sql
from iacs.core.database import Database

read = iacs.sql.versions
iacs.sql.versions = lambda dialect: read(dialect, Path(sys.argv[2]))
with Database(sys.argv[1], timeout=30) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    with database.transaction() as tx:
        print(tx.value("SELECT count(*) FROM iacs_schema_versions"), tx.value("SELECT count(*) FROM once"))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy of the folder `sql/`, which the program reads from now on."""
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "initial_schema.sql").write_text(
        (Path(*iacs.sql.__path__) / "initial_schema.sql").read_text("utf-8"), "utf-8"
    )
    versions = iacs.sql.versions
    monkeypatch.setattr(iacs.sql, "versions", lambda dialect: versions(dialect, folder))
    return folder


def fill(database: Database, *names: str) -> None:
    with database.transaction() as tx:
        tx.execute(ADD_LEASE, [{"name": name} for name in names])


def leases(database: Database, columns: str = "name") -> list[tuple[str, ...]]:
    with database.transaction(read_only=True) as tx:
        rows = tx.rows(f"SELECT {columns} FROM iacs_leases ORDER BY name")  # noqa: S608
        return [tuple(str(value) for value in row.values()) for row in rows]


def versions(database: Database) -> list[tuple[int, str]]:
    with database.transaction(read_only=True) as tx:
        rows = tx.rows("SELECT version, name FROM iacs_schema_versions ORDER BY version")
        return [(row["version"], row["name"]) for row in rows]


def test_version_2_keeps_the_rows_and_takes_new_ones(
    database_url: str, database: Database, folder: Path
) -> None:
    fill(database, "a", "b")
    (folder / "0002_note.sql").write_text(SECOND)

    with Database(database_url) as newer:
        fill(newer, "c")
        assert leases(newer, "name, note") == [("a", "moved; a"), ("b", "moved; b"), ("c", "")]
        assert versions(newer) == [(1, "initial_schema.sql"), (2, "0002_note.sql")]


def test_an_empty_database_gets_both_versions_at_once(database: Database, folder: Path) -> None:
    (folder / "0002_note.sql").write_text(SECOND)

    fill(database, "a")

    assert leases(database, "name, note") == [("a", "")]
    assert [number for number, _ in versions(database)] == [1, 2]


def test_version_2_may_differ_between_the_databases(
    database_url: str, database: Database, folder: Path
) -> None:
    fill(database, "a")
    for dialect, function in (
        ("sqlite", "hex(name)"),
        ("postgresql", "encode(convert_to(name, 'UTF8'), 'hex')"),
    ):
        (folder / f"0002_hex.{dialect}.sql").write_text(
            f"ALTER TABLE iacs_leases ADD COLUMN hex TEXT; UPDATE iacs_leases SET hex = {function};"  # noqa: S608
        )

    with Database(database_url) as newer:
        assert leases(newer, "name, hex") == [("a", "61")]
        assert versions(newer)[1:] == [(2, f"0002_hex.{newer.dialect}.sql")]


def test_a_failing_version_2_leaves_version_1_and_its_rows(
    database_url: str, database: Database, folder: Path
) -> None:
    fill(database, "a", "b")
    (folder / "0002_note.sql").write_text(SECOND + "DELETE FROM iacs_leases; INSERT INTO missing VALUES (1)")  # noqa: S608

    with Database(database_url) as newer:
        with pytest.raises(SchemaError, match=r"0002_note\.sql could not be applied; .*missing"):
            newer.get_connection()
        (folder / "0002_note.sql").write_text(SECOND)
        assert leases(newer, "name, note") == [("a", "moved; a"), ("b", "moved; b")]


def test_version_1_works_on_while_version_2_cannot_be_applied(
    database_url: str, database: Database, folder: Path
) -> None:
    fill(database, "a")
    (folder / "0002_note.sql").write_text("INSERT INTO missing VALUES (1)")
    with Database(database_url) as newer, pytest.raises(SchemaError):
        newer.get_connection()

    fill(database, "b")

    assert leases(database) == [("a",), ("b",)]
    assert versions(database) == [(1, "initial_schema.sql")]


def test_two_processes_at_once_apply_version_2_once(
    database_url: str, database: Database, folder: Path
) -> None:
    fill(database, "a")
    (folder / "0002_once.sql").write_text(
        "CREATE TABLE once (x TEXT); INSERT INTO once SELECT name FROM iacs_leases"
    )
    command = [sys.executable, "-c", OTHER_PROCESS, database_url, str(folder)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    assert [process.communicate(timeout=60)[0] for process in processes] == ["2 1\n"] * 2


def test_a_database_with_version_2_refuses_a_program_that_knows_version_1(
    database_url: str, database: Database, folder: Path
) -> None:
    (folder / "0002_note.sql").write_text(SECOND)
    fill(database, "a")
    (folder / "0002_note.sql").unlink()

    with Database(database_url) as older, pytest.raises(SchemaError) as caught:
        older.get_connection()

    assert str(caught.value) == "the database has version 2 of the schema, and this version of iacs knows 1"
    assert caught.value.hint == "upgrade it: pip install --upgrade iacsgraph"
    assert leases(database, "name, note") == [("a", "")]


async def test_the_probe_of_a_program_that_runs_on_notices_a_newer_schema(
    database_url: str, database: Database, folder: Path
) -> None:
    fill(database, "a")
    (folder / "0002_note.sql").write_text(SECOND)
    with Database(database_url) as newer:
        newer.get_connection().close()
    (folder / "0002_note.sql").unlink()

    with pytest.raises(SchemaError, match="version 2 of the schema, and this version of iacs knows 1"):
        await database.probe()
