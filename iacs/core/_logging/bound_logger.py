"""The logger of the services: it passes events to a logger of the standard library."""

import logging
import sys
from types import TracebackType
from typing import Any, Self

from iacs.core._logging.line import prepare


class BoundLogger:
    """A logger with bound fields and structlog's methods; an event below its level costs nothing."""

    def __init__(self, logger: logging.Logger, context: dict[str, Any]) -> None:
        self._logger = logger
        self._context = context  # the name that structlog.get_context reads

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._logger.name}>"  # without the bound fields: they may be secret

    def bind(self, **fields: Any) -> Self:
        """Return a logger with these fields as well."""
        return type(self)(self._logger, self._context | fields)

    def new(self, **fields: Any) -> Self:
        """Return a logger with these fields alone."""
        return type(self)(self._logger, fields)

    def unbind(self, *names: str) -> Self:
        """Return a logger without these fields; raise KeyError for one that is not bound."""
        for name in names:
            _ = self._context[name]
        return self.try_unbind(*names)

    def try_unbind(self, *names: str) -> Self:
        """Return a logger without these fields, bound or not."""
        return self.new(**{name: value for name, value in self._context.items() if name not in names})

    def debug(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at DEBUG; `args` fill the % signs of the event."""
        self._log(logging.DEBUG, event, args, fields)

    def info(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at INFO."""
        self._log(logging.INFO, event, args, fields)

    def warning(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at WARNING."""
        self._log(logging.WARNING, event, args, fields)

    warn = warning

    def error(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at ERROR."""
        self._log(logging.ERROR, event, args, fields)

    def exception(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at ERROR, with the exception that is being handled."""
        self._log(logging.ERROR, event, args, {"exc_info": True} | fields)

    def critical(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at CRITICAL."""
        self._log(logging.CRITICAL, event, args, fields)

    def _log(self, level: int, event: str, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
        self._logger.disabled = False  # a host's dictConfig disables every logger that it does not name
        if not self._logger.isEnabledFor(level):
            return
        error = _error(fields.pop("exc_info", None))
        file, line, function, _ = self._logger.findCaller(stacklevel=3)
        record = self._logger.makeRecord(self._logger.name, level, file, line, event, args, error, function)
        prepare(record, self._context | fields)
        self._logger.handle(record)


_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _error(exc_info: object) -> _ExceptionInfo | None:
    """Return the exception of an `exc_info`: an exception, a tuple of three, or true for the one being handled."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    error = exc_info if isinstance(exc_info, BaseException) or not exc_info else sys.exception()
    return (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
