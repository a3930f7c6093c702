"""Structured logging: events with fields, carried by the standard library's logging."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import structlog
from structlog.contextvars import (
    bind_contextvars,
    get_contextvars,
    get_merged_contextvars,
    unbind_contextvars,
)

LogFormat = Literal["auto", "console", "json"]


class Logger(Protocol):
    """What a service asks of its logger; structlog's own loggers fit too."""

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log what helps to follow the code."""

    def info(self, event: str, /, **fields: Any) -> None:
        """Log what happened."""

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log what went wrong and was dealt with."""

    def error(self, event: str, /, **fields: Any) -> None:
        """Log what went wrong; `exc_info` may be the exception."""

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger that puts these fields on each of its lines."""
        ...


class BoundLogger(structlog.BoundLoggerBase):
    """Hand events to the standard logger of one name; nothing is done below its level."""

    _logger: logging.Logger

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log at DEBUG."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log at INFO."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log at WARNING."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Log at ERROR."""
        self._log(logging.ERROR, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            exc_info = fields.pop("exc_info", None)
            fields = get_merged_contextvars(self) | fields
            text = " ".join([event, *(f"{name}={value!r}" for name, value in fields.items())])
            self._logger.log(level, text, exc_info=exc_info, stacklevel=3)


def create_logger(name: str = "iacs", *, level: str = "INFO", format: LogFormat = "auto") -> Logger:
    """Return the logger of that name; its lines go to stderr unless the application prints them itself."""
    set_level(level, name)
    return BoundLogger(logging.getLogger(name), (), {})


def set_level(level: str, name: str = "iacs") -> None:
    """Change from now on what is logged below that name."""
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
