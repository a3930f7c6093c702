import asyncio
import logging
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from pydantic import SecretStr
from sqlalchemy import text

import iacs.sql
from iacs.core.database import Database
from iacs.core.exceptions import ConfigurationError, DatabaseError, SchemaError
from iacs.sql import Version

PASSWORD = "hunter2-very-secret"
ADD_LEASE = "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, 'h', 'e')"


def recorded(database: Database) -> list[tuple[int, str]]:
    with database.get_connection() as connection:
        rows = connection.execute(text("SELECT version, name FROM iacs_schema_versions ORDER BY version"))
        return [(version, name) for version, name in rows]


def table_names(database: Database) -> list[str]:
    with database.get_connection() as connection:
        return sqlalchemy.inspect(connection).get_table_names()


def add_versions(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> None:
    first = iacs.sql.versions("sqlite")[:1]
    later = tuple(
        Version(number, f"{number:04}_later.sql", script) for number, script in enumerate(scripts, 2)
    )
    monkeypatch.setattr(iacs.sql, "versions", lambda _dialect: first + later)


def test_the_first_connection_applies_the_schema(database: Database) -> None:
    assert recorded(database) == [(1, "initial_schema.sql")]
    assert {"iacs_accounts", "iacs_tokens", "iacs_messages", "iacs_outbox"} <= set(table_names(database))


def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/iacs.db") as database:
        assert database.dialect == "sqlite"
        assert database.engine.dialect.name == "sqlite"
        assert list(tmp_path.iterdir()) == []


def test_reading_the_engine_applies_no_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == []


def test_ten_first_connections_at_the_same_moment_make_one_schema(database_url: str) -> None:
    together = threading.Barrier(10)

    def connect() -> list[tuple[int, str]]:
        with Database(database_url) as one:
            with one.engine.connect():
                together.wait(30)
            return recorded(one)

    with ThreadPoolExecutor(10) as threads:
        results = [future.result(60) for future in [threads.submit(connect) for _ in range(10)]]

    assert results == [[(1, "initial_schema.sql")]] * 10


def test_later_versions_follow_once_and_in_order(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(database)
    add_versions(monkeypatch, "CREATE TABLE extra (x TEXT)", "INSERT INTO extra VALUES ('once')")

    for _ in range(2):
        with Database(database_url) as newer, newer.transaction() as tx:
            assert tx.value("SELECT count(*) FROM extra") == 1

    assert [version for version, _ in recorded(database)] == [1, 2, 3]


def test_a_failing_version_leaves_nothing_of_itself(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_versions(
        monkeypatch,
        "CREATE TABLE kept (x TEXT)",
        "CREATE TABLE gone (x TEXT); INSERT INTO missing VALUES (1)",
    )

    with pytest.raises(SchemaError, match=r"0003_later\.sql could not be applied; .*missing"):
        database.get_connection()

    add_versions(monkeypatch, "CREATE TABLE kept (x TEXT)")
    with Database(database_url) as again:
        assert recorded(again) == [(1, "initial_schema.sql"), (2, "0002_later.sql")]
        assert "kept" in table_names(again)
        assert "gone" not in table_names(again)


def test_a_database_newer_than_the_code_is_left_alone(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_versions(monkeypatch, "CREATE TABLE extra (x TEXT)")
    recorded(database)
    monkeypatch.undo()

    with (
        Database(database_url) as older,
        pytest.raises(SchemaError, match=r"has version 2 .* knows 1") as caught,
    ):
        older.get_connection()

    assert caught.value.hint == "upgrade it: pip install --upgrade iacsgraph"


HOST_TABLES = ("accounts", "messages", "tokens", "outbox", "leases", "counters", "schema_versions")


def test_the_tables_of_a_host_stay_as_they_are(database: Database) -> None:
    with database.engine.begin() as connection:
        for table in HOST_TABLES:
            connection.exec_driver_sql(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, balance INTEGER)")
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES (1, 10)")  # noqa: S608

    assert recorded(database) == [(1, "initial_schema.sql")]
    with database.transaction(read_only=True) as tx:
        for table in HOST_TABLES:
            assert tx.rows(f"SELECT * FROM {table}") == [{"id": 1, "balance": 10}]  # noqa: S608
    assert {name for name in table_names(database) if not name.startswith("iacs_")} == set(HOST_TABLES)


def test_tables_of_somebody_else_are_not_overwritten(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE iacs_accounts (number INTEGER)")

    with pytest.raises(
        SchemaError, match=r"initial_schema\.sql could not be applied.*iacs_accounts.* already exists"
    ):
        database.get_connection()

    with database.engine.connect() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == ["iacs_accounts"]


def test_closing_twice_is_safe_and_ends_all_use(database: Database) -> None:
    recorded(database)
    database.close()
    database.close()

    with pytest.raises(DatabaseError, match="closed"):
        database.get_connection()


async def test_a_closed_database_does_no_more_work(database: Database) -> None:
    async with database:
        await database.run(lambda tx: tx.value("SELECT 1"))

    with pytest.raises(DatabaseError, match="closed"):
        await database.run(lambda tx: tx.value("SELECT 1"))


def test_foreign_keys_are_enforced(database: Database) -> None:
    database.run_script(
        "CREATE TABLE parent (id TEXT PRIMARY KEY); CREATE TABLE child (id TEXT REFERENCES parent)"
    )

    with pytest.raises(DatabaseError, match=r"(?i)foreign key"), database.transaction() as tx:
        tx.execute("INSERT INTO child VALUES ('orphan')")


def test_a_sqlite_file_is_in_wal_mode(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/iacs.db") as database, database.get_connection() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_opening_a_file_waits_for_whoever_writes_it_the_old_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        closing(sqlite3.connect("iacs.db", isolation_level=None)) as other,
        Database("sqlite:///iacs.db") as database,
    ):
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("iacs.core._database.engine.time.sleep", lambda _seconds: other.rollback())

        assert recorded(database) == [(1, "initial_schema.sql")]


def test_a_wait_for_whoever_writes_a_file_the_old_way_has_an_end() -> None:
    with closing(sqlite3.connect("iacs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with (
            Database("sqlite:///iacs.db", timeout=0.1) as database,
            pytest.raises(DatabaseError, match="is locked"),
        ):
            database.get_connection()


def test_a_wait_for_a_connection_has_an_end(database_url: str) -> None:
    with (
        Database(database_url, pool_size=1, timeout=0.1) as database,
        database.get_connection(),
        pytest.raises(DatabaseError, match=r"became free within 0\.1 s\n.*DATABASE_POOL_SIZE"),
    ):
        database.get_connection()


async def test_a_database_in_memory_is_shared_by_all_threads() -> None:
    async with Database("sqlite:///:memory:") as database:
        await asyncio.gather(
            *(database.run(lambda tx, n: tx.execute(ADD_LEASE, {"name": n}), str(n)) for n in range(20))
        )
        with database.transaction() as tx:
            assert tx.value("SELECT count(*) FROM iacs_leases") == 20


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///file::memory:?uri=true", "sqlite:///file:x?mode=memory&uri=true"]
)
def test_every_way_to_name_memory_keeps_its_tables(url: str, tmp_path: Path) -> None:
    with Database(url) as database:
        assert recorded(database) == recorded(database)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing/iacs.db", "create the folder, or change"),
        ("folder", "it is a directory; name a file"),
        ("text.db", "the file is not a database; move it away"),
        ("broken.db", "check the file"),
        ("file:empty.db?mode=ro&uri=true", "it cannot be written; give this user write access"),
        ("file:absent.db?mode=ro&uri=true", "it cannot be written; give this user write access"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("this is not a database, whatever its name says " * 100)
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"\x10\0\x01\x01\0\x40\x20\x20" + bytes(4072))
    (tmp_path / "empty.db").touch()

    with Database(f"sqlite:///{name}") as database, pytest.raises(DatabaseError) as caught:
        database.get_connection()

    assert sentence in caught.value.message_with_hint
    assert "\n" not in caught.value.message_with_hint


READ_ONLY = """
import os, sys
import iacs.sql
from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError

iacs.sql.versions("sqlite")  # afterwards a late import could not be read
database = Database(f"sqlite:///{sys.argv[1]}")
database.engine
me = os.geteuid()
os.seteuid(me or 65534)
try:
    database.get_connection()
except DatabaseError as error:
    print(error.message_with_hint)
finally:
    os.seteuid(me)
"""


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_file_that_this_user_may_not_write_is_one_clear_sentence(mode: int) -> None:
    folder = Path(tempfile.mkdtemp())  # not in pytest's own folder, which other users cannot enter
    (folder / "iacs.db").touch(mode=0o444)
    folder.chmod(mode)
    try:
        command = [sys.executable, "-c", READ_ONLY, str(folder / "iacs.db")]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)

    assert said.startswith(f"cannot open the SQLite database {folder}/iacs.db: ")
    assert "give this user write access to the file and its folder" in said


@pytest.mark.parametrize(
    "url",
    [
        "",
        "iacs.db",
        f"mysql://u:{PASSWORD}@h/d",
        f"postgresql+asyncpg://u:{PASSWORD}@h/d",
        f"postgresql://u:{PASSWORD}@x@h/d",
        f"postgresql://u:@h:{PASSWORD}/d",
    ],
)
def test_a_malformed_url_is_a_configuration_error_without_the_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        Database(SecretStr(url))

    assert PASSWORD not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///iacs.db?timeuot=5", "the option 'timeuot', .*; did you mean 'timeout'"),
        ("sqlite:///iacs.db?mode=ro", "the option 'mode', .*; remove it"),
        ("sqlite:///iacs.db?timeout=long", "refuses an option .*; correct what follows"),
        ("postgresql://h/d?sslmod=require", "the option 'sslmod', .*; did you mean 'sslmode'"),
        ("postgresql://h/d?autocommit=1", "the option 'autocommit', .*; remove it"),
        ("postgresql://h/d?prepare_threshold=x", "prepare_threshold in DATABASE_URL is not a number"),
    ],
)
def test_an_option_of_the_url_that_the_driver_does_not_take_is_a_sentence(url: str, sentence: str) -> None:
    with (
        Database(url) as database,
        pytest.raises((ConfigurationError, DatabaseError)) as caught,
    ):
        database.get_connection()
    assert re.search(sentence, caught.value.message_with_hint)


@pytest.mark.parametrize(
    ("options", "prepared_statements", "prepared"),
    [
        ("", True, True),
        ("", False, False),
        ("prepare_threshold=none", True, False),
        ("prepare_threshold=0", True, True),
    ],
)
def test_prepared_statements_can_be_switched_off(
    postgresql_url: str, options: str, prepared_statements: bool, prepared: bool
) -> None:
    url = f"{postgresql_url}{'&' if '?' in postgresql_url else '?'}{options}"
    with (
        Database(url, prepared_statements=prepared_statements, timeout=7) as database,
        database.transaction() as tx,
    ):
        for number in range(10):
            tx.value("SELECT CAST(:number AS integer)", {"number": number})
        statements = tx.value("SELECT count(*) FROM pg_prepared_statements")
        assert bool(statements) is prepared
        assert tx.value("SHOW lock_timeout") == "7s"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_means_psycopg(scheme: str) -> None:
    with Database(f"{scheme}://u@127.0.0.1/d") as database:
        assert database.dialect == "postgresql"
        assert database.engine.dialect.driver == "psycopg"


def test_a_missing_driver_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with Database("postgresql://h/d") as database, pytest.raises(ConfigurationError) as caught:
        database.get_connection()

    assert caught.value.hint == "install it with: pip install 'iacsgraph[postgresql]'"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{PASSWORD}@127.0.0.1:1/mail",
        f"postgresql://user@127.0.0.1:1/mail?password={PASSWORD}&sslpassword={PASSWORD}",
    ],
)
def test_the_password_is_nowhere_to_be_seen(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Database(SecretStr(url)) as database:
        with pytest.raises(
            DatabaseError,
            match=r"cannot connect to PostgreSQL at 127\.0\.0\.1:1, database mail: Connection refused",
        ) as caught:
            database.get_connection()
        shown = f"{database!r} {database.engine!r} {database.engine.url} {caught.value!r} {caught.value.__cause__!r}"

    assert PASSWORD not in shown + caplog.text
    assert "check that the server runs" in caught.value.hint


def test_a_password_in_the_options_is_used(postgresql_url: str) -> None:
    with (
        Database(f"{postgresql_url}&password={PASSWORD}") as database,
        database.engine.connect() as connection,
    ):
        driver = connection.connection.dbapi_connection
        assert driver is not None
        assert driver.info.password == PASSWORD


@pytest.mark.parametrize("kind", ["TABLE iacs_accounts (x TEXT)", "VIEW iacs_accounts AS SELECT 1 AS x"])
def test_a_table_of_somebody_else_with_our_name_is_one_clear_sentence(database_url: str, kind: str) -> None:
    host = sqlalchemy.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with host.begin() as connection:
        connection.exec_driver_sql(f"CREATE {kind}")
    host.dispose()

    with (
        Database(database_url) as database,
        pytest.raises(SchemaError, match=r"iacs_accounts.*exists") as caught,
    ):
        database.get_connection()
    assert "rename it" in caught.value.hint
