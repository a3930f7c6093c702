"""Structured logging: events with fields, carried by the standard library's logging.

Nothing global is configured: neither the root logger nor structlog, which belong to the application.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import structlog
from structlog.contextvars import (
    bind_contextvars,
    get_contextvars,
    get_merged_contextvars,
    unbind_contextvars,
)

from iacs.core.exceptions import ConfigurationError
from iacs.core.log_line import LineFormatter, LineHandler, LogFormat, prepare

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_attaching = Lock()


@runtime_checkable
class Logger(Protocol):
    """What a service asks of its logger; structlog's own loggers fit too."""

    def debug(self, event: str, **fields: Any) -> None:
        """Log what helps to follow the code."""

    def info(self, event: str, **fields: Any) -> None:
        """Log what happened."""

    def warning(self, event: str, **fields: Any) -> None:
        """Log what went wrong and was dealt with."""

    def error(self, event: str, **fields: Any) -> None:
        """Log what went wrong; `exc_info` may be the exception."""

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger that puts these fields on each of its lines."""
        ...


class BoundLogger(structlog.BoundLoggerBase):
    """Hand events to the standard logger of one name; below its level nothing is done."""

    _logger: logging.Logger

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._logger.name}>"  # not what is bound: it may be secret

    def debug(self, event: str, **fields: Any) -> None:
        """Log at DEBUG."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log at INFO."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log at WARNING."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Log at ERROR."""
        self._log(logging.ERROR, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        error = _error(fields.pop("exc_info", None))
        file, line, function, _ = self._logger.findCaller(stacklevel=3)
        record = self._logger.makeRecord(self._logger.name, level, file, line, event, (), error, function)
        prepare(record, get_merged_contextvars(self) | fields)
        self._logger.handle(record)


_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _error(exc_info: object) -> _ExceptionInfo | None:
    """Return what `exc_info` means: an exception, a tuple of three, or true for the one being handled."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    error = exc_info if isinstance(exc_info, BaseException) or not exc_info else sys.exception()
    return (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None


def create_logger(name: str = "iacs", *, level: str = "INFO", format: LogFormat = "auto") -> Logger:
    """Return the logger of that name; its lines go to stderr unless the application prints them itself.

    Called again it changes level and format. Raises ConfigurationError for a level that does not exist, and
    for the root logger, which is the application's.
    """
    logger = logging.getLogger(name)
    if logger is logging.getLogger():
        raise ConfigurationError(["The root logger is the application's: give the logger a name of its own"])
    set_level(level, name)
    _attach(logger).setFormatter(LineFormatter(format))
    return BoundLogger(logger, (), {})


def _attach(logger: logging.Logger) -> LineHandler:
    """Put one handler first in line, so that the others see what it has redacted."""
    with _attaching:
        for handler in logger.handlers:
            if isinstance(handler, LineHandler):
                return handler
        attached = LineHandler(logger)
        logger.handlers.insert(0, attached)
        return attached


def set_level(level: str, name: str = "iacs") -> None:
    """Change from now on what is logged at and below that name; raises ConfigurationError."""
    if level.upper() not in LEVELS:
        raise ConfigurationError([f"LOG_LEVEL: {level!r} is not one of {', '.join(LEVELS)}"])
    logging.getLogger(name).setLevel(level.upper())


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:
    """Put fields, such as account and correlation_id, on every line logged inside the block."""
    before = get_contextvars()
    bind_contextvars(**fields)
    try:
        yield
    finally:
        unbind_contextvars(*fields)
        bind_contextvars(**{name: before[name] for name in fields if name in before})
