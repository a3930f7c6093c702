"""The file of a SQLite database: private from the start, noticed when replaced, with space left to write."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from iacs.core.exceptions import DatabaseError, DegradedError

if TYPE_CHECKING:
    from iacs.core._database.sqlalchemy_parts import URL

_NEARLY_FULL_SHARE = 0.05
_NEARLY_FULL_BYTES = 500 * 2**20


class SQLiteFile:
    """The file that a URL names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None

    def create_private(self) -> None:
        """Create the file for its owner alone, whatever the umask; SQLite gives its sidecars the same mode."""
        with suppress(OSError):  # it is there already, or SQLite says why it cannot be
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def refuse_missing(self) -> None:
        """Raise DatabaseError for a file that a connection would create."""
        if not self.path.exists():
            raise DatabaseError(
                f"there is no database at {self.path} (DATABASE_URL)",
                hint="create it with: iacs init-db, or change to the folder that has one",
            )

    def refuse_another(self) -> None:
        """Raise DatabaseError when the file was deleted, also when a new connection has made another in its place."""
        identity = (self.path.stat().st_dev, self.path.stat().st_ino) if self.path.exists() else None
        self._identity = self._identity or identity
        if identity is None or identity != self._identity:
            raise DatabaseError(f"the SQLite file {self.path} is gone", hint="restore it and start again")

    def refuse_full_disk(self) -> None:
        """Raise DegradedError when the disk is nearly full: 5 % free, or 500 MiB on a large one."""
        disk = shutil.disk_usage(self.path.parent)
        if disk.free < min(_NEARLY_FULL_SHARE * disk.total, _NEARLY_FULL_BYTES):
            raise DegradedError(
                f"the disk of {self.path} is nearly full: {disk.free // 2**20} MiB of {disk.total // 2**20} MiB are free",
                hint="make room on it",
            )


def sqlite_file(url: "URL") -> SQLiteFile | None:
    """Return the file that a URL names; None for PostgreSQL, and for SQLite in memory."""
    if url.get_backend_name() != "sqlite" or is_memory(url):
        return None
    name = url.database or ""
    is_uri = "uri" in url.query and name.startswith("file:")
    return SQLiteFile(Path(unquote(urlsplit(name).path) if is_uri else name).absolute())


def may_create(url: "URL") -> bool:
    """Return whether connecting creates a missing file (https://sqlite.org/uri.html, `mode` and `immutable`)."""
    options = {
        **url.query,
        **{name: values[0] for name, values in parse_qs(urlsplit(url.database or "").query).items()},
    }
    return options.get("mode", "rwc") == "rwc" and "immutable" not in options


def is_memory(url: "URL") -> bool:
    """Return whether a URL means a SQLite database in memory, which lives as long as its one connection."""
    name = url.database or ":memory:"
    return url.get_backend_name() == "sqlite" and (
        name.endswith(":memory:") or url.query.get("mode") == "memory"
    )
