"""The outermost part of a command, which turns every error into one sentence on standard error and an exit code."""

import os
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import typer

from iacs.cli.output import note
from iacs.core.exceptions import IACSGraphError
from iacs.redaction import redact_traceback, safe_for_terminal

ERROR, MISUSE = 1, 2
INTERRUPTED = 130
PIPE_CLOSED = 141
"""128 and the number of the signal: what a shell reports when SIGINT or SIGPIPE ends a program."""

_REWORDINGS = (
    (r"\. Did you mean ", "; did you mean "),
    (r" \(Possible options: (.*)\)$", r"; did you mean \1"),
    (r"Input should be a valid integer.*", "must be a whole number"),
    (r"Input should be a valid number.*", "must be a number"),
    (r"Input should be greater than or equal to (\S+)", r"must be at least \1"),
    (r"Input should be less than or equal to (\S+)", r"must be at most \1"),
)


@dataclass
class Edge:
    """The edge of the process: any error of a command becomes an exit code; `debug` prints the traceback."""

    debug: bool = False

    def run(self, command: Callable[[], int | None]) -> int:
        """Return the exit code of `command`."""
        _prepare_streams()
        try:
            code = command() or 0
            sys.stdout.flush()
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
        except BrokenPipeError:
            if isinstance(sys.stdout, TextIOWrapper):  # or Python would flush into the closed pipe at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        except Exception as error:  # noqa: BLE001 - the edge: nothing above it could report
            return self._report(error)
        return code

    def _report(self, error: Exception) -> int:
        misuse = isinstance(error, typer.TyperException)
        if self.debug and not misuse:
            parts = traceback.TracebackException.from_exception(error).format()
            sys.stderr.write(safe_for_terminal("".join(redact_traceback(parts)), newlines=True))
        note(f"iacs: {describe(error)}")
        return error.exit_code if isinstance(error, typer.TyperException) else ERROR


def describe(error: Exception) -> str:
    """Return one sentence on one line: what happened and what to do."""
    return " ".join(_sentence(error).split())


def _sentence(error: Exception) -> str:
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        hint = f"see: {context.command_path} --help" if context else ""
        message = _reworded(error.format_message())
        joint = " S" if message.endswith("?") else "; s"
        return f"{message}{joint}{hint[1:]}" if hint else message
    if isinstance(error, IACSGraphError):
        return error.message_with_hint or type(error).__name__
    if isinstance(error, ExceptionGroup):
        return "; ".join(dict.fromkeys(_sentence(part) for part in error.exceptions))
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return _unexpected(error)


def _reworded(message: str) -> str:
    """Return a message of typer or pydantic in the words of the other errors."""
    message = message.replace("Value error, ", "").rstrip(".?")
    for pattern, words in _REWORDINGS:
        message = re.sub(pattern, words, message)
    sentence, separator, names = message.partition("; did you mean ")
    return f"{sentence}{separator}{names.replace(', ', ' or ')}?" if separator else message


def _unexpected(error: Exception) -> str:
    """Return a sentence without the error's own text, which may quote a secret."""
    return (
        f"this should not happen ({type(error).__name__}); "
        "run it again as 'iacs --debug …' or with IACS_DEBUG=1 for the traceback, and report it"
    )


def _prepare_streams() -> None:
    """Replace closed standard streams with the null device, and escape what a terminal cannot encode.

    The number of a closed stream would be given to the next file that is opened.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open until the end
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
