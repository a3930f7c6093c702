"""Translation of the errors of SQLAlchemy and of the drivers into DatabaseError.

The texts contain no bound value. PostgreSQL puts values into the DETAIL of its errors, and into the message of
a data exception, so these are removed from the driver's own error as well: it is the cause, and is shown
with it. Programs can still read them in `error.__cause__.diag`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iacs.core._database import sqlalchemy_parts
from iacs.core.exceptions import DatabaseError

if TYPE_CHECKING:
    from iacs.core._database.sqlalchemy_parts import URL, SQLAlchemyError

_LOCKED = "another connection held the lock for too long"
_LOCKED_HINT = "try again, or raise DATABASE_TIMEOUT"
_CONFLICTS = ("40001", "40P01")  # serialization failure, deadlock
_PREPARED = ("42P05", "26000")  # a prepared statement that exists already, or that does not
_SQLITE_BUSY = 5  # a result code, https://sqlite.org/rescode.html
_DATA_EXCEPTION = "22"  # the class of SQLSTATE whose messages quote values

_NOISE = re.compile(r"^connection failed: connection to server (at|on) .+? failed: |\[Errno -?\d+\] ")
"""What psycopg puts before a reason: the address, which `describe` has named already, and the system's number."""


@contextmanager
def translated_errors(action: str = "the database refused a statement") -> Iterator[None]:
    """Raise DatabaseError instead of SQLAlchemy's errors, and for a value that cannot be bound."""
    try:
        yield
    except (UnicodeError, OverflowError) as error:
        raise DatabaseError(
            f"{action}: a value cannot be stored ({type(error).__name__})",
            hint="store text that UTF-8 can carry, and integers of at most 64 bits",
        ) from error
    except sqlalchemy_parts.SQLAlchemyError as error:
        cause = _driver_error(error)
        retryable = getattr(cause, "sqlstate", None) in _CONFLICTS
        raise DatabaseError(
            f"{action}: {_reason(cause)}", retryable=retryable, hint=_hint_of(cause)
        ) from cause


@contextmanager
def translated_connection_errors(url: "URL", timeout: float) -> Iterator[None]:
    """Raise DatabaseError, with a hint, when no connection can be opened.

    The driver's error has no traceback: the variables of its frames have the password.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise DatabaseError(
            f"cannot open {describe(url)}: its driver refuses an option ({type(error).__name__})",
            hint="correct what follows the ? in DATABASE_URL",
        ) from error.with_traceback(None)
    except sqlalchemy_parts.TimeoutError as error:
        raise DatabaseError(
            f"no connection to {describe(url)} became free within {timeout:g} s",
            hint="end transactions sooner, or raise DATABASE_POOL_SIZE",
        ) from error
    except sqlalchemy_parts.SQLAlchemyError as error:
        cause = _driver_error(error)
        if _is_sqlite(cause):
            problem, hint = _file_problem(url, cause)
            raise DatabaseError(f"cannot open {describe(url)}: {problem}", hint=hint) from cause
        raise DatabaseError(
            f"cannot connect to {describe(url)}: {_NOISE.sub('', _reason(cause))}",
            hint="check that the server runs, and DATABASE_URL",
        ) from cause.with_traceback(None)


def describe(url: "URL") -> str:
    """Return a description of the database that a URL names, without user and password."""
    if url.get_backend_name() == "sqlite":
        return f"the SQLite database {url.database or ':memory:'}"
    host = url.host or url.query.get("host") or "the local socket"
    return (
        f"PostgreSQL at {host}{f':{url.port}' if url.port else ''}, database {url.database or 'of the user'}"
    )


def _driver_error(error: "SQLAlchemyError") -> BaseException:
    """Return the driver's error without the values that PostgreSQL put into its text."""
    cause = error.orig if isinstance(error, sqlalchemy_parts.StatementError) and error.orig else error
    sqlstate = getattr(cause, "sqlstate", None)
    if isinstance(error, sqlalchemy_parts.DBAPIError) and sqlstate:
        name = type(cause).__name__
        is_quoting = sqlstate.startswith(_DATA_EXCEPTION)
        diagnostics: Any = getattr(cause, "diag", None)
        cause.args = (f"{name} (SQLSTATE {sqlstate})" if is_quoting else diagnostics.message_primary or name,)
    return cause


def _hint_of(cause: BaseException) -> str:
    sqlstate = getattr(cause, "sqlstate", None)
    if sqlstate in _CONFLICTS:
        return "do the transaction again"
    if sqlstate in _PREPARED:
        return "behind PgBouncer in transaction mode set DATABASE_PREPARED_STATEMENTS=false"
    return _LOCKED_HINT if _is_locked(cause) else ""


def _reason(cause: BaseException) -> str:
    lines = str(cause).splitlines() or [type(cause).__name__]
    reason, _, _ = lines[0].partition(" (Background on this error at")  # a link, in SQLAlchemy's own errors
    return f"{reason}: {_LOCKED}" if _is_locked(cause) else reason


def _is_locked(cause: BaseException) -> bool:
    if _is_sqlite(cause):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF == _SQLITE_BUSY
    return getattr(cause, "sqlstate", None) == "55P03"


def _is_sqlite(cause: BaseException) -> bool:
    import sqlite3

    return isinstance(cause, sqlite3.Error)


def _file_problem(url: "URL", cause: BaseException) -> tuple[str, str]:
    """Return why a SQLite file cannot be opened, and what to do about it."""
    path = Path(url.database or "")
    code = getattr(cause, "sqlite_errorname", "")
    if _is_directory(path):
        return "it is a directory", "name a file in DATABASE_URL"
    if not _is_directory(path.parent):
        return "its folder does not exist for this user", "create the folder, or change DATABASE_URL"
    if code.startswith("SQLITE_NOTADB"):
        return "the file is not a database", "move it away, or change DATABASE_URL"
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return "it cannot be written", "give this user write access to the file and its folder"
    if _is_locked(cause):
        return _reason(cause), _LOCKED_HINT
    return _reason(cause), "check the file that DATABASE_URL names"


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:
        return False
