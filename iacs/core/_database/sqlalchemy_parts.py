"""What iacs uses of SQLAlchemy, which is slow to import: it is imported when a name of this module is first used.

A module that is imported with the containers imports this one as a whole, and no name from it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import (
        URL,
        Connection,
        CursorResult,
        Engine,
        ExceptionContext,
        QueuePool,
        create_engine,
        event,
        inspect,
        make_url,
        text,
    )
    from sqlalchemy.exc import (
        ArgumentError,
        DBAPIError,
        InvalidatePoolError,
        SQLAlchemyError,
        StatementError,
        TimeoutError,  # noqa: A004 - SQLAlchemy's name
    )
    from sqlalchemy.pool import ConnectionPoolEntry

    __all__ = [
        "URL",
        "ArgumentError",
        "Connection",
        "ConnectionPoolEntry",
        "CursorResult",
        "DBAPIError",
        "Engine",
        "ExceptionContext",
        "InvalidatePoolError",
        "QueuePool",
        "SQLAlchemyError",
        "StatementError",
        "TimeoutError",
        "create_engine",
        "event",
        "inspect",
        "make_url",
        "text",
    ]
else:

    def __getattr__(name: str) -> Any:
        """Return a name of SQLAlchemy, and cache it."""
        if name.startswith("_"):  # the import machinery asks for __path__
            raise AttributeError(name)
        import sqlalchemy

        for package in (sqlalchemy, sqlalchemy.exc, sqlalchemy.pool):
            if hasattr(package, name):
                return globals().setdefault(name, getattr(package, name))
        raise AttributeError(name)
