"""`iacs health`: whether everything works that the application stands on."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iacs.cli.edge import ERROR, describe
from iacs.cli.loading import DEFAULT
from iacs.cli.options import Json
from iacs.cli.output import line, note, print_json, print_table
from iacs.cli.running import quieten, run_async

if TYPE_CHECKING:
    from iacs.runtime.health import Health, PartHealth, Readiness

Name = Annotated[str, typer.Argument(metavar="[MODULE:CONTAINER]", help="Whose; iacs's own by default.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long to wait for each part.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 when degraded, too.")]

_SAID = {
    "up": "everything works",
    "degraded": "everything works, but a person must act",
    "down": "something does not work",
}


def health(name: Name = DEFAULT, json: Json = False, timeout: Timeout = 3.0, strict: Strict = False) -> None:
    """Start the application and ask each part whether it works.

    The exit code is 1 when something is down. What is degraded works, but a person must act: 0, or 1 with
    --strict.
    """
    found = run_async(_health(name, timeout, json=json))
    if not found.up or (strict and found.status != "up"):
        raise typer.Exit(ERROR)


async def _health(name: str, timeout: float, *, json: bool) -> "Health":
    """Ask, and tell before the application stops: what does not answer may not stop in time either."""
    from iacs.cli.loading import load_container
    from iacs.core.exceptions import IACSGraphError
    from iacs.runtime import Application
    from iacs.runtime.health import Health

    try:
        application = Application(_quiet(load_container(name)))
        await application.start()
    except IACSGraphError as error:
        found = Health(error=f"the application cannot start: {describe(error)}")
        _show(found, json=json)
        return found
    try:
        found = await application.health(timeout)
        _show(found, json=json)
    finally:
        await application.stop()
    return found


def _quiet(container: Any) -> Any:
    from iacs.containers import ApplicationContainer

    parent = getattr(container, "declarative_parent", None)
    if isinstance(parent, type) and issubclass(parent, ApplicationContainer):
        quieten(container)
    return container


def _show(found: "Health", *, json: bool) -> None:
    if json:
        print_json(found.to_dict())
    elif found.error:
        line(f"{found.status}: {found.error}")
    else:
        print_table(("part", "status", "ms", "detail"), [_part(each) for each in found.parts])
        line("")
        print_table(("module", "status", "cause"), [row for each in found.modules for row in _module(each)])
        note(_SAID[found.status])


def _part(part: "PartHealth") -> tuple[str, str, str, str | None]:
    told = part.error or _detail(part.detail)
    return part.path, part.status.value, f"{part.seconds * 1000:.0f}", told or None


def _detail(detail: Any) -> str:
    if isinstance(detail, Mapping):
        return ", ".join(f"{name} {value}" for name, value in detail.items())
    return str(detail or "")


def _module(module: "Readiness") -> Iterator[tuple[str, str, str | None]]:
    first, *others = module.causes or (None,)
    yield module.name, module.status.value, None if first is None else str(first)
    for cause in others:
        yield "", "", str(cause)
