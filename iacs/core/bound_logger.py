"""The logger that create_logger gives: structlog's, with the standard library's logging below it."""

import logging
import sys
from types import TracebackType
from typing import Any

import structlog
from structlog.contextvars import get_merged_contextvars

from iacs.core.log_line import prepare


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
