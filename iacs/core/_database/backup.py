"""SQLite's online backup (https://sqlite.org/backup.html): one state of a database that others go on writing."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from iacs.core.exceptions import DatabaseError
from iacs.core.transaction import Transaction

_PAGES_PER_STEP = 1024


def back_up(tx: Transaction, target: Path) -> None:
    """Copy the state that a read-only transaction sees; `target` appears when the copy is complete."""
    if tx.dialect != "sqlite":
        raise DatabaseError("only a SQLite database is backed up here", hint="use pg_dump for PostgreSQL")
    partial = target.with_name(f"{target.name}.{uuid4().hex[:8]}.partial")
    try:
        _refuse_existing(target)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _copy(tx, partial)
            _refuse_existing(target)
            partial.rename(target)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatabaseError(f"cannot back up to {target}: {reason}", hint="choose another file") from error


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise DatabaseError(f"{target} exists already", hint="choose another file, or remove it")


def _copy(tx: Transaction, target: Path) -> None:
    source: Any = tx.connection.connection.dbapi_connection
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy, pages=_PAGES_PER_STEP, progress=lambda *_pages: tx.check())
