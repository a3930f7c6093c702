"""Code of somebody's that is wired to a container with dependency_injector's own markers."""

from typing import Any

from dependency_injector.wiring import Provide, Provider, inject


@inject
def service(found: Any = Provide["service"]) -> Any:
    return found


@inject
async def service_async(found: Any = Provide["service"]) -> Any:
    return found


@inject
def session(found: Any = Provide["session"]) -> Any:
    return found


@inject
def make_session(found: Any = Provider["session"]) -> Any:
    return found()
