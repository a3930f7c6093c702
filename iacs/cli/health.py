"""`iacs health`: the health of the application and everything that it depends on."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iacs.cli.edge import ERROR
from iacs.cli.loading import DEFAULT, load_container
from iacs.cli.options import Container, Json
from iacs.cli.output import line, note, print_json
from iacs.cli.running import quieten, require_database, run_async
from iacs.cli.table import print_table
from iacs.core.exceptions import IACSGraphError

if TYPE_CHECKING:
    from iacs.runtime.health import Health, PartHealth, Readiness

Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Maximum wait for each part.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if a part is degraded, too.")]

_SUMMARIES = {
    "up": "everything works",
    "degraded": "everything works, but some parts need attention",
    "down": "some parts do not work",
}


def health(
    container: Container = DEFAULT, json: Json = False, timeout: Timeout = 3.0, strict: Strict = False
) -> None:
    """Start the application and check that every part works.

    The exit code is 1 if a part is down. A degraded part works, but needs attention: the exit code is 0, or 1
    with --strict.
    """
    result = run_async(_health(container, timeout, json=json))
    if not result.up or (strict and result.status != "up"):
        raise typer.Exit(ERROR)


async def _health(name: str, timeout: float, *, json: bool) -> "Health":
    """Print before the application stops, since a part that does not answer may not stop in time either."""
    from iacs.runtime import Application
    from iacs.runtime.health import Health

    try:
        application = Application(_prepared(load_container(name)))
        await application.start()
    except IACSGraphError as error:
        sentence = f"the application cannot start: {' '.join(str(error).split())}"
        health = Health(error=sentence, code=error.code, hint=error.hint)
        _show(health, json=json)
        return health
    try:
        health = await application.health(timeout)
        _show(health, json=json)
    finally:
        await application.stop()
    return health


def _prepared(container: Any) -> Any:
    """Return the container; one of iacs logs only warnings and creates no database, as in other commands."""
    from iacs.containers import ApplicationContainer

    parent = getattr(container, "declarative_parent", None)
    if isinstance(parent, type) and issubclass(parent, ApplicationContainer):
        quieten(container)
        require_database(container)
    return container


def _show(health: "Health", *, json: bool) -> None:
    if json:
        print_json(health.to_dict())
    elif health.error:
        line(f"{health.status}: {health.message_with_hint}")
    else:
        print_table(("part", "status", "ms", "detail"), [_part(part) for part in health.parts])
        line("")
        rows = [row for module in health.modules for row in _module(module)]
        print_table(("module", "status", "cause"), rows)
        note(_SUMMARIES[health.status])


def _part(part: "PartHealth") -> tuple[str, str, str, str | None]:
    detail = part.message_with_hint or part.detail or ""
    if isinstance(detail, Mapping):
        detail = ", ".join(f"{name} {value}" for name, value in detail.items())
    return part.path, part.status.value, f"{part.seconds * 1000:.0f}", str(detail) or None


def _module(module: "Readiness") -> Iterator[tuple[str, str, str | None]]:
    first, *others = module.causes or (None,)
    yield module.name, module.status.value, None if first is None else str(first)
    for cause in others:
        yield "", "", str(cause)
