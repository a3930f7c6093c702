"""SQLAlchemy's engine for a database URL, with the settings of the connection that iacs relies on."""

import re
import sqlite3
import time
from math import ceil
from typing import Any

from iacs.core._database import sqlalchemy_parts
from iacs.core._database.sqlalchemy_parts import (
    URL,
    ArgumentError,
    Connection,
    DBAPIError,
    Engine,
    QueuePool,
    event,
    make_url,
)
from iacs.core._database.sqlite_file import is_memory, may_create, sqlite_file
from iacs.core.exceptions import ConfigurationError
from iacs.suggestions import suggestion

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_URL_HINT = (
    "write sqlite:///iacs.db or postgresql://user@host/database,"
    " with special characters of the password percent-encoded"
)
_SECRET_OPTIONS = ("password", "sslpassword")
_SQLITE_OPTIONS = ("cached_statements", "check_same_thread", "detect_types", "isolation_level", "timeout")
_SCHEMA_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


def parse_url(text: str) -> URL:
    """Read a database URL; raise ConfigurationError, without the URL in it, for one that cannot be used."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(["DATABASE_URL is not a database URL"], hint=_URL_HINT) from None
    if url.drivername not in _DRIVERS:
        raise ConfigurationError(["DATABASE_URL must begin with sqlite:// or postgresql://"], hint=_URL_HINT)
    if "@" in (url.host or ""):
        problem = "DATABASE_URL contains an @ in its user or password"
        raise ConfigurationError([problem], hint="write that @ as %40")
    return url.set(drivername=_DRIVERS[url.drivername])


def check_schema(name: str, url: URL) -> None:
    """Raise ConfigurationError for a schema that cannot be chosen: a malformed name, or one on SQLite."""
    if not name:
        return
    if url.get_backend_name() == "sqlite":
        raise ConfigurationError(
            ["DATABASE_SCHEMA is for PostgreSQL alone"], hint="remove it, or change DATABASE_URL"
        )
    if not _SCHEMA_NAME.fullmatch(name):
        raise ConfigurationError(
            [f"DATABASE_SCHEMA {name[:80]!r} is not the name of a schema"],
            hint="use up to 63 lower-case letters, digits and underscores, without a digit or pg_ at the beginning",
        )


def create_engine(
    url: URL, *, schema: str, pool_size: int, timeout: float, prepared_statements: bool
) -> Engine:
    """Make the engine, without connecting; `timeout` is in seconds.

    Raise ConfigurationError when the driver is not installed, or does not know an option of the URL.
    """
    sqlite = url.get_backend_name() == "sqlite"
    try:
        _refuse_unknown_options(url)
        arguments = _driver_arguments(url, timeout, prepared_statements=prepared_statements)
        engine = sqlalchemy_parts.create_engine(
            url.difference_update_query((*_SECRET_OPTIONS, "prepare_threshold")),
            connect_args=arguments,
            hide_parameters=True,
            max_overflow=0,
            pool_size=1 if is_memory(url) else pool_size,
            pool_timeout=timeout,
            poolclass=QueuePool,
        )
    except ImportError as error:
        raise ConfigurationError(
            ["the driver for the PostgreSQL of DATABASE_URL is not installed"],
            hint="install it with: pip install 'iacsgraph[postgresql]'",
        ) from error
    if sqlite:
        _prepare_sqlite(engine, timeout, memory=is_memory(url))
    else:
        from iacs.core._database.watch import watch  # it needs PostgreSQL's driver

        watch(engine, timeout, arguments)
        _prepare_postgresql(engine, timeout, schema=schema, pooled=not prepared_statements)
    return engine


def _refuse_unknown_options(url: URL) -> None:
    """Raise ConfigurationError for an option after the ? of the URL that the driver would raise TypeError for."""
    if url.get_backend_name() == "sqlite":
        if "uri" in url.query:
            return  # the others are SQLite's, which ignores those it does not know
        known = {*_SQLITE_OPTIONS}
    else:
        from psycopg.pq import Conninfo  # for PostgreSQL alone, and it may not be installed

        known = {option.keyword.decode() for option in Conninfo.get_defaults()} | {"prepare_threshold"}
    for name in url.query:
        if name not in known:
            raise ConfigurationError(
                [f"DATABASE_URL has the option {name[:80]!r}, which its driver does not know"],
                hint=suggestion(name, known, otherwise="remove it"),
            )


def _prepare_threshold(url: URL, *, prepared_statements: bool) -> int | None:
    """Return after how many executions psycopg prepares a statement, None for never."""
    text = str(url.query.get("prepare_threshold", "5")).lower()
    if text != "none" and not text.isdecimal():
        raise ConfigurationError(
            ["prepare_threshold in DATABASE_URL is not a number"], hint="write a number, or none"
        )
    return int(text) if prepared_statements and text != "none" else None


def _driver_arguments(url: URL, timeout: float, *, prepared_statements: bool) -> dict[str, Any]:
    """Return the arguments that are not in the URL: its secret options, which a URL would show, and limits."""
    if url.get_backend_name() == "sqlite":
        return {"timeout": timeout, "check_same_thread": False, "isolation_level": None}
    arguments: dict[str, Any] = {name: url.query[name] for name in _SECRET_OPTIONS if name in url.query}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = max(2, ceil(timeout))  # libpq takes whole seconds, two at least
    if "tcp_user_timeout" not in url.query:
        arguments["tcp_user_timeout"] = ceil(timeout * 1000)  # then a silent host counts as unreachable
    for name in ("keepalives_idle", "keepalives_interval"):
        if name not in url.query:
            # a host that vanished is noticed even while it owes an answer
            arguments[name] = max(1, ceil(timeout / 4))
    arguments["prepare_threshold"] = _prepare_threshold(url, prepared_statements=prepared_statements)
    return arguments


def _prepare_sqlite(engine: Engine, timeout: float, *, memory: bool) -> None:
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON").close()
        if not memory:
            _use_wal(connection, time.monotonic() + timeout)

    def begin(connection: Connection) -> None:
        """Begin explicitly: left to itself, Python's sqlite3 begins late, and not at all before DDL.

        Past SQLAlchemy, which takes half of the time of a short transaction for these two statements.
        """
        options = connection.get_execution_options()
        statement = f"BEGIN {options.get('sqlite_begin', 'DEFERRED')}"
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(f"PRAGMA query_only = {options.get('sqlite_query_only', False):d}").close()
            driver.execute(statement).close()
        except sqlite3.Error as error:
            raise DBAPIError.instance(statement, None, error, sqlite3.Error, hide_parameters=True) from error

    def roll_back(connection: Any, _record: object, _state: object) -> None:
        """Leave no transaction to the next user: SQLite keeps one open when its commit fails."""
        connection.rollback()

    file = sqlite_file(engine.url)
    if file and may_create(engine.url):
        event.listen(engine, "do_connect", lambda *_arguments: file.create_private())
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    event.listen(engine, "reset", roll_back)


def _prepare_postgresql(engine: Engine, timeout: float, *, schema: str, pooled: bool) -> None:
    lock_timeout = f"lock_timeout = {ceil(timeout * 1000)}"

    def prepare(connection: Any, _record: object) -> None:
        connection.execute(f"SET {lock_timeout}")
        connection.commit()

    def begin(connection: Connection) -> None:
        """Set what is for one transaction: behind PgBouncer another client has the connection next."""
        if pooled:
            connection.exec_driver_sql(f"SET LOCAL {lock_timeout}")
        if schema:
            connection.exec_driver_sql(f'SET LOCAL search_path TO "{schema}"')

    event.listen(engine, "begin", begin)
    if not pooled:
        event.listen(engine, "connect", prepare)


def _use_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Turn write-ahead logging on; SQLite does not wait for another process that is opening the file."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
