"""Structured logging: events with fields, through the standard library's logging.

Nothing global is configured: neither the root logger nor structlog, which belong to the application. Many
modules name a Logger and structlog is slow to import: it is imported with the first line that is logged.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast, runtime_checkable

from iacs.core._logging.format import LogFormat
from iacs.core.exceptions import ConfigurationError

__all__ = ["LEVELS", "LogFormat", "Logger", "create_logger", "log_context", "set_level"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@runtime_checkable
class Logger(Protocol):
    """The methods that a service needs of its logger; structlog's own loggers have them too."""

    def debug(self, event: str, **fields: Any) -> None:
        """Log a detail for debugging."""

    def info(self, event: str, **fields: Any) -> None:
        """Log what happened."""

    def warning(self, event: str, **fields: Any) -> None:
        """Log a problem that was handled."""

    def error(self, event: str, **fields: Any) -> None:
        """Log a failure; `exc_info` may be the exception."""

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger that puts these fields on each of its lines."""
        ...


def create_logger(name: str = "iacs", *, level: str = "INFO", format: LogFormat = "auto") -> Logger:
    """Return the logger of that name; its lines go to stderr unless the application prints them itself.

    A second call changes level and format. Raises ConfigurationError for a level that does not exist, and
    for the root logger, which belongs to the application.
    """
    from iacs.core._logging.bound_logger import BoundLogger
    from iacs.core._logging.line import LineFormatter, attach

    logger = logging.getLogger(name)
    if logger is logging.getLogger():
        raise ConfigurationError(
            ["the root logger belongs to the application"], hint="give the logger a name of its own"
        )
    set_level(level, name)
    attach(logger).setFormatter(LineFormatter(format))
    return cast("Logger", BoundLogger(logger, {}))  # whose methods also accept a field named event


def set_level(level: str, name: str = "iacs") -> None:
    """Change the level of the logger of that name and of those below it; raises ConfigurationError."""
    if level.upper() not in LEVELS:
        raise ConfigurationError([f"{level!r} is not a log level"], hint=f"use one of {', '.join(LEVELS)}")
    logging.getLogger(name).setLevel(level.upper())


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:
    """Put fields, such as account and correlation_id, on every line logged inside the block."""
    from iacs.core._logging.structlog_parts import bind_contextvars, get_contextvars, unbind_contextvars

    before = get_contextvars()
    bind_contextvars(**fields)
    try:
        yield
    finally:
        unbind_contextvars(*fields)
        bind_contextvars(**{name: before[name] for name in fields if name in before})
