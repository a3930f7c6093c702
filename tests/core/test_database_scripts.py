import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import inspect

from iacs.core._database.scripts import statements
from iacs.core.database import Database
from iacs.core.exceptions import DatabaseError

CONTROL = ["BEGIN", "COMMIT", "/* x */ end", "ROLLBACK", "COMMIT; BEGIN"]


@pytest.fixture
def sqlite() -> Iterator[Database]:
    with Database("sqlite://") as database:
        yield database


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Database]:
    with Database(postgresql_url) as database:
        yield database


def noted(database: Database) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return [row["x"] for row in tx.rows("SELECT x FROM notes ORDER BY x")]


def tables(database: Database) -> set[str]:
    with database.get_connection() as connection:
        names = inspect(connection).get_table_names()
    return {name for name in names if not name.startswith("iacs_")}


def test_a_script_runs_as_it_stands(database: Database) -> None:
    database.run_script("""
        CREATE TABLE notes (x TEXT); -- :one
        INSERT INTO notes VALUES ('at 12:30 :name %s %(x)s 100%; done');
        INSERT INTO notes VALUES ('two')
    """)

    assert noted(database) == ["at 12:30 :name %s %(x)s 100%; done", "two"]


def test_a_script_that_fails_leaves_nothing_of_itself(database: Database) -> None:
    with pytest.raises(DatabaseError, match="missing"):
        database.run_script("CREATE TABLE gone (x TEXT); INSERT INTO missing VALUES (1)")

    database.run_script("CREATE TABLE gone (x TEXT)")


@pytest.mark.parametrize(
    "script",
    ["", " \n", ";", "-- one; two\n ; /* ; */ ;; \n-- end", "/* a */", "-- no end of line", ";;;"],
)
def test_a_script_without_statements_does_nothing(database: Database, script: str) -> None:
    database.run_script(script)

    assert tables(database) == set()


@pytest.mark.parametrize("end", ["", ";", " ; -- end", "\n-- end", "/* end */", ";;"])
def test_a_script_ends_with_or_without_semicolon_and_comment(database: Database, end: str) -> None:
    database.run_script(f"-- first\nCREATE TABLE a (x TEXT); /* then; */ CREATE TABLE b (x TEXT){end}")

    assert tables(database) == {"a", "b"}


def test_a_script_that_selects_leaves_no_cursor_open(database: Database) -> None:
    database.run_script(
        "CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('1'), ('2'); SELECT * FROM a; DROP TABLE a"
    )

    assert tables(database) == set()


def test_a_script_may_use_savepoints(database: Database) -> None:
    database.run_script("""
        CREATE TABLE notes (x TEXT); INSERT INTO notes VALUES ('kept');
        SAVEPOINT s; INSERT INTO notes VALUES ('undone'); ROLLBACK TO s
    """)

    assert noted(database) == ["kept"]


def test_the_same_script_runs_any_number_of_times(database: Database) -> None:
    database.run_script("CREATE TABLE notes (x TEXT)")

    with database.transaction() as tx:
        for _ in range(10):  # psycopg prepares what it has run five times, and no script can be prepared
            tx.run_script("INSERT INTO notes VALUES ('a'); INSERT INTO notes VALUES ('b')")

    assert noted(database) == ["a"] * 10 + ["b"] * 10


def test_a_transaction_goes_on_after_a_script(database: Database) -> None:
    with database.transaction() as tx:
        tx.run_script("CREATE TABLE notes (x TEXT)")
        assert tx.execute("INSERT INTO notes VALUES (:x)", {"x": "after"}) == 1

    assert noted(database) == ["after"]
    database.run_script("DELETE FROM notes")
    assert noted(database) == []


@pytest.mark.parametrize("control", [*CONTROL, "START TRANSACTION"])
def test_a_script_that_would_end_its_own_transaction_leaves_nothing_on_sqlite(
    sqlite: Database, control: str
) -> None:
    with pytest.raises(DatabaseError):
        sqlite.run_script(f"CREATE TABLE gone (x TEXT); {control}; CREATE TABLE other (x TEXT)")

    assert tables(sqlite) == set()
    with sqlite.transaction() as tx:
        tx.execute("CREATE TABLE later (x TEXT)")
    assert tables(sqlite) == {"later"}


@pytest.mark.parametrize("control", CONTROL)
def test_an_error_says_what_to_remove_from_the_script_on_sqlite(sqlite: Database, control: str) -> None:
    with pytest.raises(DatabaseError, match="all of it runs in one transaction") as caught:
        sqlite.run_script(control)

    assert caught.value.hint == "remove BEGIN, COMMIT, END and ROLLBACK from it"


@pytest.mark.parametrize("control", [control for control in CONTROL if control != "BEGIN"])
def test_a_script_that_ended_its_own_transaction_is_an_error_on_postgresql(
    postgresql: Database, control: str
) -> None:
    with (
        pytest.raises(DatabaseError, match="ended the transaction that it runs in") as caught,
        postgresql.transaction() as tx,
    ):
        tx.run_script(f"CREATE TEMP TABLE t (x TEXT); {control}; SELECT 1")

    assert caught.value.hint == "remove BEGIN, COMMIT, END and ROLLBACK from it"
    with postgresql.transaction() as tx:
        assert tx.value("SELECT 1") == 1


@pytest.mark.parametrize("temp", ["", "TEMP ", "temporary "])
def test_a_trigger_with_statements_inside_runs_on_sqlite(sqlite: Database, temp: str) -> None:
    sqlite.run_script(f"""
        CREATE TABLE t (x INTEGER); CREATE TABLE notes (x TEXT);
        /* first */ CREATE {temp}TRIGGER "on insert" AFTER INSERT ON t BEGIN
            UPDATE t SET x = CASE WHEN x > 1 THEN 10 ELSE x END; -- END;
            INSERT INTO notes VALUES ('t;' || new.x);
        END;
        INSERT INTO t VALUES (5);
    """)  # noqa: S608

    assert noted(sqlite) == ["t;5"]


@pytest.mark.parametrize("explain", ["EXPLAIN", "EXPLAIN QUERY PLAN"])
def test_a_trigger_may_be_explained_on_sqlite(sqlite: Database, explain: str) -> None:
    sqlite.run_script(f"""
        CREATE TABLE notes (x TEXT);
        {explain} CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END;
        INSERT INTO notes VALUES ('after')
    """)  # noqa: S608

    assert noted(sqlite) == ["after"]


def test_names_that_are_keywords_elsewhere_change_nothing(database: Database) -> None:
    database.run_script("""
        CREATE TABLE trigger_log (trigger TEXT, "END" TEXT); CREATE TABLE "begin; commit" (x TEXT)
    """)

    assert tables(database) == {"trigger_log", "begin; commit"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (
            "RETURNS text LANGUAGE plpgsql AS $body$ BEGIN PERFORM 1; RETURN format('%s;', a); END $body$",
            "5;",
        ),
        ("RETURNS text LANGUAGE sql BEGIN ATOMIC; SELECT 1; SELECT CASE a WHEN 5 THEN 'x;' END; END", "x;"),
        (r"RETURNS text LANGUAGE sql AS $$ SELECT E'\';' || '$b$' -- ; $$", "';$b$"),
    ],
)
def test_a_function_with_statements_inside_runs_on_postgresql(
    postgresql: Database, body: str, value: str
) -> None:
    with postgresql.transaction() as tx:
        tx.run_script(f"""
            CREATE FUNCTION pg_temp.up(a integer) {body};
            /* one /* two */ ; */ CREATE TEMP TABLE result AS SELECT pg_temp.up(5) AS x;
        """)
        assert tx.value("SELECT x FROM result") == value


def test_blocks_and_rules_with_statements_inside_run_on_postgresql(postgresql: Database) -> None:
    with postgresql.transaction() as tx:
        tx.run_script("""
            CREATE TEMP TABLE t (a$x$ integer); CREATE TEMP TABLE log (x TEXT);
            CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO log VALUES ('1;'); INSERT INTO log VALUES ('2'));
            DO $a$ BEGIN RAISE DEBUG $b$; $$ ; $b$; INSERT INTO t VALUES (1); END $a$;
        """)
        assert [row["x"] for row in tx.rows("SELECT x FROM log ORDER BY x")] == ["1;", "2"]


def test_a_null_character_in_a_script_is_one_clear_sentence(database: Database) -> None:
    with pytest.raises(DatabaseError, match="contains a null character"):
        database.run_script("CREATE TABLE gone (x TEXT); SELECT '\0'; CREATE TABLE other (x TEXT)")

    assert tables(database) == set()


@pytest.mark.parametrize("script", ["SELECT '\ud800';", "\ud800"])
def test_a_script_that_is_not_unicode_is_one_clear_sentence(database: Database, script: str) -> None:
    with pytest.raises(DatabaseError, match="UnicodeEncodeError"):
        database.run_script(script)


PIECES = [
    "SELECT 1", "INSERT INTO t VALUES (1)", "INSERT INTO t SELECT count(*) FROM t", "CREATE TABLE IF NOT EXISTS u (x)",
    "CREATE TRIGGER IF NOT EXISTS r AFTER INSERT ON t BEGIN UPDATE t SET x = x + 1;", "END", "EXPLAIN ",
    ";", ";", ";", "\n", " ", "'", '"', "`", "[", "]", "--", "/*", "*/", "':x %s; '", "-- a; b\n", "/* c; */",
]  # fmt: skip
SCRIPTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(script=st.one_of(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), SCRIPTS))
def test_the_statements_of_a_script_joined_are_the_script(script: str) -> None:
    assert "".join(statements(script, "sqlite")) == script
    assert "".join(statements(script, "postgresql")) == script


def left_by(script: str, *, at_once: bool) -> "list[str] | str":
    """Return what a script leaves, run by SQLite at once or one statement at a time; or how it fails."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        try:
            if at_once:
                connection.executescript(script)
            else:
                for statement in statements(script, "sqlite"):
                    connection.execute(statement).close()
        except sqlite3.Error as error:
            return f"{error}"
        return list(connection.iterdump())


@given(script=SCRIPTS)
@example(script="CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; INSERT INTO t VALUES (1)")
@example(
    script="EXPLAIN CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT ';'; END; INSERT INTO t VALUES (1);;"
)
def test_a_script_leaves_what_sqlite_leaves_that_splits_it_itself(script: str) -> None:
    assert left_by(script, at_once=False) == left_by(script, at_once=True)
