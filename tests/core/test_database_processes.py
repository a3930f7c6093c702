import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from iacs.core.database import Database

pytestmark = pytest.mark.slow  # storms of processes, some of which are killed

START = """
import json, sys
from iacs.core.database import Database

print("ready", flush=True)
sys.stdin.readline()
with Database(sys.argv[1], timeout=60) as database:
    with database.get_connection() as connection:
        versions = [tuple(row) for row in connection.exec_driver_sql("SELECT version, name FROM iacs_schema_versions")]
    with database.transaction() as tx:
        tx.execute("INSERT INTO iacs_leases VALUES (:name, '', '')", {"name": sys.argv[2]})
print(json.dumps(versions), flush=True)
"""
COUNT = """
import sys
from iacs.core.database import Database

lock = " FOR UPDATE" if sys.argv[1].startswith("postgresql") else ""
with Database(sys.argv[1], timeout=60) as database:
    database.get_connection().close()
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(25):
        with database.transaction() as tx:
            value = tx.value(f"SELECT value FROM iacs_counters WHERE name = 'n'{lock}")
            tx.execute("UPDATE iacs_counters SET value = :value WHERE name = 'n'", {"value": value + 1})
"""
DIE = """
import sys
from iacs.core.database import Database

with Database(sys.argv[1]) as database, database.transaction() as tx:
    for number in range(2000):  # more than SQLite's cache holds back from the file
        tx.execute("INSERT INTO iacs_leases VALUES (:name, :holder, '')", {"name": str(number), "holder": "x" * 4000})
    print("ready", flush=True)
    sys.stdin.readline()
"""
DIE_IN_SCHEMA = """
import sys
import iacs.sql
from iacs.core.database import Database

first = iacs.sql.versions("sqlite")[0]
wait = "SELECT wait_for_ever()" if sys.argv[1].startswith("sqlite") else "SELECT pg_sleep(100)"
iacs.sql.versions = lambda dialect: (iacs.sql.Version(1, first.name, first.script + "; " + wait),)

def announce(*arguments):
    if wait in arguments[2]:
        print("ready", flush=True)
        sys.stdin.readline()

import sqlalchemy
database = Database(sys.argv[1])
sqlalchemy.event.listen(database.engine, "before_cursor_execute", announce)
database.get_connection()
"""


@contextmanager
def process(code: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Start Python on `code` and wait until it is ready; it ends with the block."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def ready(started: "subprocess.Popen[str]") -> None:
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"


def go(started: "subprocess.Popen[str]") -> None:
    assert started.stdin is not None
    started.stdin.write("go\n")
    started.stdin.flush()


def lease_count(url: str) -> int:
    with Database(url, timeout=20) as database, database.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM iacs_leases"))


def test_ten_processes_that_start_together_make_one_schema(database_url: str) -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(process(START, database_url, str(number))) for number in range(10)]
        for one in started:
            ready(one)
        for one in started:
            go(one)
        answers = [one.communicate(timeout=90)[0] for one in started]

    assert [json.loads(answer) for answer in answers] == [[[1, "initial_schema.sql"]]] * 10
    assert lease_count(database_url) == 10


def test_processes_that_read_before_they_write_lose_nothing(database_url: str) -> None:
    with Database(database_url) as database:
        database.run_script("INSERT INTO iacs_counters VALUES ('n', 0)")
        with ExitStack() as stack:
            started = [stack.enter_context(process(COUNT, database_url)) for _ in range(3)]
            for one in started:
                ready(one)
            for one in started:
                go(one)
            assert [one.wait(90) for one in started] == [0, 0, 0]
        with database.transaction() as tx:
            assert tx.value("SELECT value FROM iacs_counters") == 75


@pytest.mark.parametrize("code", [DIE, DIE_IN_SCHEMA])
def test_a_process_killed_in_a_transaction_leaves_nothing_half_written(database_url: str, code: str) -> None:
    with process(code, database_url) as victim:
        ready(victim)
        victim.kill()
        victim.wait(10)

    assert lease_count(database_url) == 0
