"""Files that hold an earlier output of a command, for `--check`."""

from pathlib import Path

from iacs.core.exceptions import IACSGraphError


def read_snapshot(file: Path, command: str) -> str:
    """Return the text of a file that `command` has written; a missing one is an error that says how to create it."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise IACSGraphError(f"{file} does not exist", hint=f"create it with: {command} > {file}") from None
