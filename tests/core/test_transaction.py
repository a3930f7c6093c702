import threading
import traceback
from typing import Any

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Row, Transaction

SECRET = "a-value-that-may-be-secret"
ADD_LEASE = "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, :holder, '')"


def add(tx: Transaction, name: str, holder: str = "h") -> int:
    return tx.execute(ADD_LEASE, {"name": name, "holder": holder})


def lease_names(database: Database) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return [row["name"] for row in tx.rows("SELECT name FROM iacs_leases ORDER BY name")]


def test_a_transaction_commits_at_its_end(database: Database) -> None:
    with database.transaction() as tx:
        assert tx.dialect == database.dialect == tx.connection.dialect.name
        assert add(tx, "a") == 1

    assert lease_names(database) == ["a"]


def test_an_error_of_the_caller_rolls_back(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as tx:
            add(tx, "a")
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert lease_names(database) == []


def test_execute_counts_the_rows_that_it_touched(database: Database) -> None:
    with database.transaction() as tx:
        assert tx.execute(ADD_LEASE, [{"name": name, "holder": "h"} for name in "abc"]) == 3
        assert tx.execute("UPDATE iacs_leases SET holder = 'x' WHERE name <> 'a'") == 2
        assert tx.execute("DELETE FROM iacs_leases WHERE name = 'nobody'") == 0
        assert tx.execute("CREATE TABLE t (x TEXT)") == 0


def test_executing_for_no_parameters_at_all_does_nothing(database: Database) -> None:
    with database.transaction() as tx:
        assert tx.execute(ADD_LEASE, []) == 0

    assert lease_names(database) == []


def test_rows_row_and_value_read(database: Database) -> None:
    query = "SELECT name, holder FROM iacs_leases WHERE name >= :name ORDER BY name"
    with database.transaction() as tx:
        tx.execute(ADD_LEASE, [{"name": name, "holder": name.upper()} for name in "abc"])

        assert [dict(row) for row in tx.rows(query, {"name": "b"})] == [
            {"name": "b", "holder": "B"},
            {"name": "c", "holder": "C"},
        ]
        first = tx.row(query, {"name": "b"})
        assert first is not None
        assert dict(first) == {"name": "b", "holder": "B"}
        assert tx.value(query, {"name": "b"}) == "b"
        assert tx.rows(query, {"name": "z"}) == []
        assert tx.row(query, {"name": "z"}) is None
        assert tx.value(query, {"name": "z"}) is None


def test_a_statement_may_write_and_return_rows(database: Database) -> None:
    with database.transaction() as tx:
        assert tx.value(ADD_LEASE + " RETURNING name", {"name": "a", "holder": "h"}) == "a"


def test_asking_a_statement_without_rows_for_rows_is_an_error(database: Database) -> None:
    with pytest.raises(DatabaseError, match="returns no rows"), database.transaction() as tx:
        tx.rows("DELETE FROM iacs_leases")


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        (ADD_LEASE, {"name": "taken", "holder": SECRET}),
        (ADD_LEASE, {"name": SECRET, "holder": None}),
        (ADD_LEASE, {"name": SECRET}),
        (ADD_LEASE, {"name": SECRET, "holder": object()}),
        (ADD_LEASE, {"name": SECRET, "holder": "\udc80"}),
        ("UPDATE iacs_leases SET name = :name, nothing = 1", {"name": SECRET}),
        ("SELECT FROM WHERE :name", {"name": SECRET}),
        (
            "INSERT INTO iacs_accounts (id, email, status, created_at, updated_at) VALUES ('i', 'e', :s, '', '')",
            {"s": SECRET},
        ),
        ("INSERT INTO iacs_counters (name, value) VALUES ('big', :value)", {"value": 2**70}),
    ],
)
def test_errors_are_database_errors_without_the_values(
    database: Database, sql: str, params: dict[str, Any]
) -> None:
    with database.transaction() as tx:
        add(tx, "taken")

    with pytest.raises(DatabaseError) as caught, database.transaction() as tx:
        tx.execute(sql, params)

    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is not None
    assert "\n" not in str(caught.value)


def test_postgresql_details_and_quoted_values_are_left_out(postgresql_url: str) -> None:
    cast = "SELECT CAST(CAST(:value AS TEXT) AS INTEGER)"
    with (
        Database(postgresql_url) as database,
        pytest.raises(DatabaseError, match="22P02") as caught,
        database.transaction() as tx,
    ):
        tx.value(cast, {"value": SECRET})

    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_failed_statement_dooms_the_transaction(database: Database) -> None:
    def go_on() -> None:
        with database.transaction() as tx:
            add(tx, "a")
            with pytest.raises(DatabaseError):
                add(tx, "a")
            with pytest.raises(DatabaseError, match="an earlier statement failed"):
                add(tx, "b")

    with pytest.raises(DatabaseError, match="a statement failed, so the transaction was rolled back"):
        go_on()

    assert lease_names(database) == []


def test_a_savepoint_undoes_its_own_statements_alone(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "a")
        with pytest.raises(DatabaseError), tx.savepoint():
            tx.execute(ADD_LEASE, [{"name": name, "holder": "h"} for name in "ba"])
        with tx.savepoint():
            add(tx, "c")

    assert lease_names(database) == ["a", "c"]


def test_a_transaction_that_is_over_runs_nothing_more(database: Database) -> None:
    with database.transaction() as tx:
        pass

    with pytest.raises(DatabaseError, match="closed"):
        tx.value("SELECT 1")


def test_a_failing_commit_is_a_database_error(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        tx.execute("CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")

    with (
        pytest.raises(DatabaseError, match=r"(?i)could not be committed: .*foreign key"),
        database.transaction() as tx,
    ):
        tx.execute("INSERT INTO child VALUES (1)")

    with database.transaction() as tx:
        assert tx.value("SELECT count(*) FROM child") == 0


def test_a_reading_transaction_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)read-?only"), database.transaction(read_only=True) as tx:
        add(tx, "a")

    with database.transaction() as tx:  # on the same connection
        add(tx, "b")
    assert lease_names(database) == ["b"]


def test_readers_run_beside_a_writer_and_see_what_was_committed(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "a")
        assert lease_names(database) == []
        with database.get_connection() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM iacs_leases").scalar() == 0


def test_a_second_transaction_in_the_same_thread_is_refused_at_once() -> None:
    with (
        Database("sqlite:///iacs.db") as database,
        database.transaction(),
        pytest.raises(DatabaseError, match="pass the open transaction along"),
    ):
        database.transaction().__enter__()


def test_a_wait_for_the_turn_to_write_has_an_end() -> None:
    with Database("sqlite:///iacs.db", timeout=0.1) as database, database.transaction():
        errors: list[Exception] = []

        def write() -> None:
            try:
                with database.transaction():
                    pass
            except DatabaseError as error:
                errors.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(10)

    assert "was not over within 0.1 s" in str(errors[0])


def test_a_wait_for_another_process_has_an_end(database_url: str) -> None:
    lock = (
        "SELECT name FROM iacs_counters FOR UPDATE" if database_url.startswith("postgresql") else "SELECT 1"
    )
    with Database(database_url) as holder, Database(database_url, timeout=0.1) as database:
        with holder.transaction() as tx:
            tx.execute("INSERT INTO iacs_counters VALUES ('n', 1)")
        with holder.transaction() as tx:
            tx.rows(lock)
            with (
                pytest.raises(DatabaseError, match=r"held the lock for too long\n.*raise DATABASE_TIMEOUT"),
                database.transaction() as waiting,
            ):
                waiting.execute("UPDATE iacs_counters SET value = 2")

        with database.transaction() as tx:
            assert tx.execute("UPDATE iacs_counters SET value = value + 1") == 1


def test_many_threads_that_read_before_they_write_lose_nothing(database: Database) -> None:
    lock = " FOR UPDATE" if database.dialect == "postgresql" else ""
    with database.transaction() as tx:
        tx.execute("INSERT INTO iacs_counters VALUES ('n', 0)")

    def count() -> None:
        for _ in range(10):
            with database.transaction() as tx:
                value = tx.value(f"SELECT value FROM iacs_counters{lock}")  # noqa: S608
                tx.execute("UPDATE iacs_counters SET value = :value", {"value": value + 1})

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with database.transaction() as tx:
        assert tx.value("SELECT value FROM iacs_counters") == 80


async def test_a_statement_for_many_rows_may_repeat_a_name_and_contain_percent_signs_and_colons(
    database: Database,
) -> None:
    def work(tx: Transaction) -> list[str]:
        sql = (
            "INSERT INTO iacs_leases (name, holder, expires_at) VALUES (:name, '100% \\:x ' || :name, :name)"
        )
        tx.execute(sql, [{"name": name, "unused": 1} for name in "ab"])
        tx.execute("DELETE FROM iacs_leases WHERE name = :name AND 7 % 2 = 1", [{"name": "a"}])
        return [row["holder"] for row in tx.rows("SELECT holder FROM iacs_leases")]

    assert await database.run(work) == ["100% :x b"]


async def test_a_row_without_one_of_the_values_is_reported(database: Database) -> None:
    with pytest.raises(DatabaseError, match="holder"):
        await database.run(lambda tx: tx.execute(ADD_LEASE, [{"name": "a"}]))


async def test_a_name_whose_type_only_one_of_its_uses_gives_serves_many_rows(database: Database) -> None:
    def work(tx: Transaction) -> Any:
        add(tx, "a", "old")
        sql = (
            "UPDATE iacs_leases SET holder = COALESCE(:holder, holder),"
            " expires_at = CASE WHEN :holder IS NULL THEN 'none' ELSE 'some' END WHERE name = :name"
        )
        tx.execute(sql, [{"name": "a", "holder": None}])
        return tx.row("SELECT holder, expires_at FROM iacs_leases")

    assert dict(await database.run(work)) == {"holder": "old", "expires_at": "none"}


async def test_rows_are_inserted_as_they_are(database: Database) -> None:
    columns = 'id INTEGER PRIMARY KEY, a TEXT, "offset" BIGINT, is_read BOOLEAN'
    texts = ["", "ü 😀 %s :id \\u0041 \"'\n\t\x01\x7f\u2028\ufffe", "x" * 600_000, "y" * 600_000, None]
    rows = [
        {"id": number, "a": text, "offset": 2**62, "is_read": number % 2 == 0}
        for number, text in enumerate(texts)
    ]

    def work(tx: Transaction) -> list[Row]:
        tx.execute(f"CREATE TABLE notes ({columns})")
        assert tx.insert("notes", rows) == 5
        assert tx.insert("notes", []) == 0
        return tx.rows("SELECT * FROM notes ORDER BY id")

    assert [dict(row) for row in await database.run(work)] == rows


async def test_inserting_may_update_rows_that_exist(database: Database) -> None:
    def work(tx: Transaction) -> list[Row]:
        tx.execute("CREATE TABLE notes (id TEXT PRIMARY KEY, a TEXT)")
        tx.insert("notes", [{"id": "1", "a": "old"}, {"id": "2", "a": "old"}])
        tx.insert(
            "notes",
            [{"id": "2", "a": "new"}, {"id": "3", "a": "new"}],
            on_conflict="ON CONFLICT (id) DO UPDATE SET a = excluded.a",
        )
        return tx.rows("SELECT a FROM notes ORDER BY id")

    assert [row["a"] for row in await database.run(work)] == ["old", "new", "new"]


@pytest.mark.parametrize("a", [None, "private"])
async def test_rows_that_cannot_be_inserted_are_an_error_without_their_values(
    database: Database, a: str | None
) -> None:
    def work(tx: Transaction) -> None:
        tx.execute("CREATE TABLE notes (a TEXT NOT NULL CHECK (a <> 'private'), b TEXT)")
        tx.insert("notes", [{"a": a, "b": "private"}])

    with pytest.raises(DatabaseError) as caught:
        await database.run(work)
    assert "vate" not in f"{caught.value} {caught.value.hint}".replace("<> 'private'", "")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("row", [{"name": "a", "value": "private"}, {"name": "private\0", "value": 1}])
async def test_a_value_that_does_not_fit_its_column_is_an_error_without_it(
    database: Database, row: Row
) -> None:
    with pytest.raises(DatabaseError) as caught:
        await database.run(lambda tx: tx.insert("iacs_counters", [row]))
    assert "private" not in str(caught.value)
