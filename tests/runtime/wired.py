"""Code of somebody's that is wired to a container with dependency_injector's own markers."""

from typing import Any

from dependency_injector.wiring import Provide, Provider, inject


@inject
def service(part: Any = Provide["service"]) -> Any:
    return part


@inject
async def service_async(part: Any = Provide["service"]) -> Any:
    return part


@inject
def session(part: Any = Provide["session"]) -> Any:
    return part


@inject
def make_session(part: Any = Provider["session"]) -> Any:
    return part()
