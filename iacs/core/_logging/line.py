"""Records of the standard library's logging as lines without secrets.

Records are redacted in place, before any handler sees them: what a host application prints of them in its own
format contains no secret either.
"""

import logging
import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from logging.handlers import QueueHandler, SysLogHandler
from threading import Lock
from typing import TYPE_CHECKING, Any

from iacs.core import clock
from iacs.core._logging.format import LogFormat
from iacs.core._logging.one_write import write_line
from iacs.redaction import redact_text, redact_traceback, safe_for_terminal
from iacs.redaction.values import redact, redact_argument

if TYPE_CHECKING:
    from iacs.core._logging.structlog_parts import Renderer

__all__ = ["LineFormatter", "LineHandler", "LogFormat", "attach", "prepare"]

_attaching = Lock()

_PRINTING = (logging.StreamHandler, QueueHandler, SysLogHandler)  # rich's handler has a `console`
_OF_EVERY_RECORD = frozenset({*vars(logging.makeLogRecord({})), "asctime", "message", "taskName"})
_LONGEST_LINE = 65_536
"""In characters. What a longer line has in fields of more than `_LONGEST_FIELD` is cut."""
_LONGEST_FIELD = 4096
_LONGEST_EXCEPTION = 16_384
_OF_EVERY_LINE = ("timestamp", "level", "logger", "event")


def prepare(record: logging.LogRecord, fields: Mapping[str, Any] | None = None) -> None:
    """Redact a record in place, once, and keep its event and fields on it as `iacs_event` and `iacs_fields`.

    A record without fields comes from the standard library's logging: its fields are its `extra`.
    """
    shown = vars(record)
    if "iacs_event" in shown:
        return
    if fields is None:
        fields = {name: value for name, value in shown.items() if name not in _OF_EVERY_RECORD}
        shown.update(redact_argument(fields))
    from iacs.core._logging.structlog_parts import get_contextvars

    event, clean = _message(record), redact({**get_contextvars(), **fields})
    shown.update(iacs_event=event, iacs_fields=clean)
    record.msg = " ".join([event, *(f"{name}={value!r}" for name, value in clean.items())])
    record.args = None
    _prepare_exception(record)


def _message(record: logging.LogRecord) -> str:
    text = record.msg if isinstance(record.msg, str) else str(redact(record.msg))
    if not record.args:
        return redact_text(text)
    by_name = isinstance(record.args, Mapping)
    args = redact_argument(record.args) if by_name else tuple(map(redact_argument, record.args))
    try:
        return redact_text(text % args)
    except Exception:  # noqa: BLE001 - arguments that do not fit, or cannot be shown, must not stop the caller
        return redact_text(f"{text} {redact(args)!r}")


def _prepare_exception(record: logging.LogRecord) -> None:
    """Render the exception for every handler; remove it from the record only if it contains a secret."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        record.exc_info = None
        record.exc_text = redact_text(record.exc_text) if record.exc_text else None
        return
    parts = list(traceback.TracebackException.from_exception(error).format())
    clean = redact_traceback(parts)
    record.exc_text = "".join(clean).rstrip("\n")
    if clean != parts:
        record.exc_info = None


def _cut(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line without the rest of its long fields, and with the length of that."""
    cut = dict(line)
    for name, value in line.items():
        text = value if isinstance(value, str) else repr(value)
        if len(text) > _LONGEST_FIELD:
            cut[name] = f"{text[:_LONGEST_FIELD]}… ({len(text) - _LONGEST_FIELD} more characters)"
    return cut


def _cut_exception(text: str) -> str:
    """Return a traceback with its beginning and its end, which has the error."""
    left_out = len(text) - _LONGEST_EXCEPTION
    if left_out <= 0:
        return text
    head, tail = text[:_LONGEST_FIELD], text[_LONGEST_FIELD - _LONGEST_EXCEPTION :]
    return f"{head}\n… ({left_out} more characters) …\n{tail}"


class LineFormatter(logging.Formatter):
    """A formatter that writes a record as one JSON object, or as text for people if stderr is a terminal (`auto`).

    An application may use it for a handler of its own.
    """

    def __init__(self, format: LogFormat = "auto") -> None:
        super().__init__()
        terminal = False
        with suppress(ValueError):  # a closed stream
            terminal = sys.stderr is not None and sys.stderr.isatty()
        self._console = format == "console" or (format == "auto" and terminal)
        self._colors = terminal and not os.environ.get("NO_COLOR") and sys.platform != "win32"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        prepare(record)
        line = self._line(record)
        if self._console:
            line = {
                name: safe_for_terminal(value) if isinstance(value, str) else value
                for name, value in line.items()
            }
        text = self._text(record, line)
        return text if len(text) <= _LONGEST_LINE else self._text(record, _cut(line))

    def _text(self, record: logging.LogRecord, line: dict[str, Any]) -> str:
        if record.exc_text:
            shown = safe_for_terminal(record.exc_text, newlines=True) if self._console else record.exc_text
            line = line | {"exception": _cut_exception(shown)}
        return str(self._render(None, line["level"], line))

    @cached_property
    def _render(self) -> "Renderer":
        from iacs.core._logging.structlog_parts import new_renderer

        return new_renderer(console=self._console, colors=self._colors)

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        at = clock.to_text(datetime.fromtimestamp(record.created, UTC))
        own = (at, record.levelname.lower(), record.name, vars(record)["iacs_event"])
        taken = {*_OF_EVERY_LINE, "exception"}
        fields = vars(record)["iacs_fields"].items()
        return dict(zip(_OF_EVERY_LINE, own, strict=True)) | {
            f"{name}_" if name in taken else name: value for name, value in fields
        }


class LineHandler(logging.Handler):
    """A handler that redacts the records at and below one logger, and prints those that no other handler prints.

    Other handlers are, for example, those of a host application's root logger. It is decided for every record, so
    that the order of the set-up does not matter.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record."""
        prepare(record)
        if sys.stderr is None or self._is_printed_elsewhere(record):
            return
        with suppress(OSError, ValueError):  # a closed pipe or stream: nobody reads it
            write_line(self.format(record))

    def _is_printed_elsewhere(self, record: logging.LogRecord) -> bool:
        logger: logging.Logger | None = self._logger
        while logger is not None:
            others = (handler for handler in logger.handlers if handler is not self)
            if any(_prints(handler, record) for handler in others):
                return True
            logger = logger.parent if logger.propagate else None
        return False


def _prints(handler: logging.Handler, record: logging.LogRecord) -> bool:
    """Return whether a handler prints a record, as far as can be known.

    If a handler may only export records, errors are printed as well: twice is better than not at all.
    """
    if isinstance(handler, logging.NullHandler) or record.levelno < handler.level:
        return False
    return record.levelno < logging.ERROR or isinstance(handler, _PRINTING) or hasattr(handler, "console")


def attach(logger: logging.Logger) -> LineHandler:
    """Add one handler before all others, so that they see redacted records."""
    with _attaching:
        for handler in logger.handlers:
            if isinstance(handler, LineHandler):
                return handler
        attached = LineHandler(logger)
        logger.handlers.insert(0, attached)
        return attached
