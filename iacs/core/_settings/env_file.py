"""`.env`: what its lines mean, and which of them are mistakes."""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv.parser import Binding, parse_stream

from iacs.core._settings.spelling import misspelt
from iacs.core.exceptions import ConfigurationError

_LITERAL = re.compile(r"\s*(?:export\s+)?(?:'[^']+'|[^=#\s']+)\s*=\s*'")


def literal_values(files: Any) -> dict[str, str]:
    """Return the values in single quotes by their names in lower case: python-dotenv expands `${…}` in them as well."""
    bindings = (binding for path in _paths(files) for binding in _bindings(path, must_exist=False))
    return {
        binding.key.lower(): binding.value
        for binding in bindings
        if binding.key and binding.value and _LITERAL.match(binding.original.string)
    }


def problems_of_files(
    files: Any, *, must_exist: bool, known: Collection[str], given: Collection[str]
) -> list[str]:
    """Describe the lines of `.env` that are malformed, or have a name that is nearly that of a setting.

    They would be ignored otherwise; `given` are the settings that have a value elsewhere.

    Raises ConfigurationError for a file that cannot be read at all.
    """
    bindings = [
        (path, binding) for path in _paths(files) for binding in _bindings(path, must_exist=must_exist)
    ]
    names = [binding.key for _, binding in bindings if binding.key]
    typos = misspelt(names, known, {*given, *(name.upper() for name in names)})
    return [
        f"{path}, line {binding.original.line}: {problem}"
        for path, binding in bindings
        if (problem := _problem_of_line(binding, typos))
    ]


@contextmanager
def unlogged_parsing() -> Iterator[None]:
    """Keep python-dotenv from logging malformed lines: they are problems of the settings."""
    logger = logging.getLogger("dotenv.main")
    logger.addFilter(_reject)
    try:
        yield
    finally:
        logger.removeFilter(_reject)


def _reject(record: logging.LogRecord) -> bool:
    return False


def unread_file(files: Any) -> Path | None:
    """Return the file of a parent folder with the name of one that is missing in the current folder, if any."""
    for path in _paths(files):
        if path.is_absolute() or path.exists():
            continue
        for folder in Path.cwd().parents:
            if (folder / path).is_file():
                return folder / path
    return None


def _paths(files: Any) -> Iterator[Path]:
    several = files if isinstance(files, list | tuple) else [files]
    return (Path(file).expanduser() for file in several if file is not None)


def _bindings(path: Path, *, must_exist: bool) -> list[Binding]:
    if path.is_fifo() or not (must_exist or path.exists()):  # a pipe can be read only once
        return []
    text = unreadable = hint = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        unreadable, hint = f"{path} is not UTF-8", "save it in that encoding"
    except FileNotFoundError:
        unreadable, hint = f"{path} does not exist", "create it, or pass another _env_file"
    except IsADirectoryError:
        unreadable, hint = f"{path} is a folder", "make it a file with lines NAME=value, or remove it"
    except OSError as error:
        unreadable, hint = f"{path} cannot be read: {error.strerror}", "let this user read it"
    if unreadable:  # raised here, the error has no context: the decoder's error contains the whole file
        raise ConfigurationError([unreadable], hint=hint)
    return list(parse_stream(StringIO(text)))


def _problem_of_line(binding: Binding, typos: Mapping[str, str]) -> str:
    if binding.error:
        return "write NAME=value, with both quotes or none"
    if binding.key and binding.key in typos:
        return f"there is no setting {binding.key}; did you mean {typos[binding.key]}?"
    return ""
