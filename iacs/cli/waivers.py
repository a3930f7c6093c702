"""The findings that a project accepts, from the tables `[[tool.iacs.waive]]` of its pyproject.toml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iacs.core.exceptions import ConfigurationError

_KEYS = {"path", "kind", "reason", "container"}
_EXAMPLE = 'write: [[tool.iacs.waive]] path = "orders", kind = "type", reason = "…"'


def read_waivers(container: str) -> dict[str, list[str]]:
    """Return the kinds of findings that are waived at each path of a container.

    The nearest pyproject.toml at or above the working directory is read. Raise ConfigurationError for a file or a
    table that is wrong, and for one without a reason.
    """
    waivers: dict[str, list[str]] = {}
    file = next((file for folder in _folders() if (file := folder / "pyproject.toml").is_file()), None)
    for number, table in enumerate(_tables(file) if file else (), 1):
        problems = list(_problems(table))
        if problems:
            name = f"{file}: [[tool.iacs.waive]] number {number}"
            raise ConfigurationError([f"{name} {problem}" for problem in problems], hint=_EXAMPLE)
        kinds = table["kind"]
        if table.get("container", container) == container:
            waivers.setdefault(table["path"], []).extend([kinds] if isinstance(kinds, str) else kinds)
    return waivers


def _folders() -> tuple[Path, ...]:
    here = Path.cwd()
    return here, *here.parents


def _tables(file: Path) -> list[Any]:
    import tomllib

    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{file} cannot be read: {error}"], hint="correct the file") from error
    tool = document.get("tool")
    ours = tool.get("iacs", {}) if isinstance(tool, dict) else {}
    tables = ours.get("waive", []) if isinstance(ours, dict) else None
    if not isinstance(tables, list):
        raise ConfigurationError([f"{file}: tool.iacs.waive is not a list of tables"], hint=_EXAMPLE)
    return tables


def _problems(table: Any) -> Iterator[str]:
    if not isinstance(table, dict):
        yield "is not a table"
        return
    for key in ("path", "reason"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            yield f"has no {key}"
    kinds = table.get("kind")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
        yield "has no kind"
    for key in sorted(table.keys() - _KEYS):
        yield f"has an unknown key {key}"
