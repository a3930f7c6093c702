"""The SQL files and their only reader; `iacs.sql` is the folder `sql/` of the repository."""

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

if __name__ != "iacs.sql":  # the bare folder, found in the working directory
    raise ImportError("import iacs.sql, not sql", name=__name__)

_LATER = re.compile(r"(?P<number>\d{4})_\w+(?:\.(?P<dialect>sqlite|postgresql))?\.sql")


@dataclass(frozen=True, slots=True)
class Version:
    """One step of the schema; `name` is its file."""

    number: int
    name: str
    script: str


def versions(dialect: str, folder: Traversable | None = None) -> tuple[Version, ...]:
    """Return every version of the schema in order: initial_schema.sql, then 0002_what.sql and so on.

    A file of one dialect alone is called 0002_what.sqlite.sql or 0002_what.postgresql.sql.
    """
    matches = [
        Version(number, file.name, file.read_text("utf-8"))
        for file in (folder or files(__name__)).iterdir()
        if (number := _number(file.name, dialect))
    ]
    return tuple(sorted(matches, key=lambda version: version.number))


def _number(name: str, dialect: str) -> int | None:
    if name == "initial_schema.sql":
        return 1
    later = _LATER.fullmatch(name)
    if later is None or later["dialect"] not in (None, dialect):
        return None
    return int(later["number"])
