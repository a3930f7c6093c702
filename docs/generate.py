"""Writes the parts of the documentation that the code knows best: errors and settings.

`python docs/generate.py` rewrites them; with `--check` it changes nothing and fails when one is out of date.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from iacs.core import exceptions
from iacs.core.config import Config
from iacs.core.exceptions import IACSGraphError

DOCS = Path(__file__).resolve().parent
BEGIN, END = "<!-- generated: python docs/generate.py -->", "<!-- end of the generated part -->"


def errors() -> Iterator[str]:
    """Yield a table of every error: its code, what it is about, and what it carries."""
    yield "| error | `code` | raised when | attributes |"
    yield "|---|---|---|---|"
    classes = [item for item in vars(exceptions).values() if isinstance(item, type)]
    for error in sorted(filter(is_error, classes), key=lambda error: inspect.getsourcelines(error)[1]):
        summary, *_ = (error.__doc__ or "").split("\n\n")
        yield f"| `{error.__name__}` | `{error.code}` | {summary.rstrip('.')} | {attributes(error)} |"


def is_error(item: type) -> bool:
    """Say whether a class is one of the tree."""
    return issubclass(item, IACSGraphError) and item.__module__ == exceptions.__name__


def attributes(error: type[IACSGraphError]) -> str:
    """Return the parameters that become attributes, as a list for a cell."""
    parameters = inspect.signature(error.__init__).parameters
    names = [name for name in parameters if name not in ("self", "message", "args", "kwargs", "hint")]
    return ", ".join(f"`{name}`" for name in names)


def settings() -> Iterator[str]:
    """Yield a table of every setting in the order of `.env.example`."""
    yield "| setting | default | meaning |"
    yield "|---|---|---|"
    for name, field in Config.model_fields.items():
        yield f"| `{name.upper()}` | {default(field.get_default())} | {field.description} |"


def default(value: object) -> str:
    """Return a default as it would be written in `.env`; nothing where there is none."""
    shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return "" if shown is None or shown in ((), "") else f"`{shown}`"


def generated() -> dict[str, str]:
    """Return each page with its generated part as the code has it now."""
    tables = {"errors.md": errors(), "settings.md": settings()}
    return {name: with_table(DOCS / name, "\n".join(lines)) for name, lines in tables.items()}


def with_table(page: Path, table: str) -> str:
    """Return a page's text with a new table between the two marks."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(*, check: bool) -> int:
    """Write the pages, or compare them; return the exit code."""
    stale = [name for name, text in generated().items() if (DOCS / name).read_text() != text]
    if check:
        if stale:
            sys.stderr.write(f"out of date: {', '.join(stale)}; run: python docs/generate.py\n")
        return len(stale)
    for name, text in generated().items():
        (DOCS / name).write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(check="--check" in sys.argv[1:]))
