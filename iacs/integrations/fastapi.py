"""FastAPI: parts as parameters, `Annotated[Orders, Part]`, each request or WebSocket in a scope of its own.

    api = FastAPI()
    setup(api, Application(Container()))

    @api.get("/orders")
    async def orders(orders: Annotated[Orders, Part]) -> list[str]: ...

`Part("core.database")` names a part by its path. Body models, `Request`, `Depends` and the OpenAPI document are
FastAPI's as ever. The server does not start when the container lacks a part that a route or a dependency asks for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
from inspect import iscoroutinefunction
from types import CoroutineType
from typing import Any

from fastapi import FastAPI, Request, routing
from fastapi.params import Depends
from fastapi.requests import HTTPConnection
from fastapi.responses import HTMLResponse, JSONResponse

from iacs.core.exceptions import IACSGraphError, InjectionError
from iacs.integrations._support.answered import report_answered_by_starlette
from iacs.integrations._support.answers import STATUS, answer_to
from iacs.integrations.asgi import ScopeMiddleware, connection_scope
from iacs.runtime import Application, current_application
from iacs.runtime.picture.page import page

__all__ = ["STATUS", "Part", "add_health_routes", "setup"]


@dataclass(frozen=True)
class _Part(Depends):
    """A dependency that reads a part from the scope; FastAPI completes it with the annotated class."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dependency is not None and not isinstance(self.dependency, _Reader):
            object.__setattr__(self, "dependency", _reader(self.dependency))

    def __call__(self, path: str) -> "_Part":
        """Return a dependency on the part at `path`."""
        return _Part(_reader(path))


class _Reader:
    """Reads one part."""

    def __init__(self, key: type[Any] | str) -> None:
        self.key = key

    async def __call__(self, connection: HTTPConnection) -> Any:
        return await connection_scope(connection.scope).aget(self.key)


_reader = lru_cache(maxsize=None)(_Reader)  # one per part, which FastAPI solves once per request

Part = _Part()


def setup(app: FastAPI, application: Application[Any], *, status: Mapping[str, int] | None = None) -> None:
    """Start `application` with the server, open a scope for each request and WebSocket, and answer errors of iacs.

    An error that no route catches is answered with `STATUS` of its code, or with that of `status`.
    """
    app.add_middleware(
        ScopeMiddleware, application=application, prepare=partial(_prepare_routes, app, application)
    )
    report_answered_by_starlette(app)

    async def answered(_request: Request, error: IACSGraphError) -> JSONResponse:
        answer = answer_to(error, status or {})
        return JSONResponse(answer.body, answer.status, answer.headers)

    app.exception_handlers.setdefault(IACSGraphError, answered)


def add_health_routes(app: FastAPI, application: Application[Any]) -> None:
    """Add /livez, /readyz and /graph, the page of the wiring; put them behind your own authentication."""

    @app.get("/livez", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "up"}

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> JSONResponse:
        health = await application.health()
        return JSONResponse(health.to_dict(details=False), health.http_status)

    @app.get("/graph", include_in_schema=False)
    async def graph() -> HTMLResponse:
        return HTMLResponse(page(application.graph()))


def _prepare_routes(app: FastAPI, application: Application[Any]) -> None:
    """Raise InjectionError when the container lacks a part; have routes read theirs."""
    for dependant in _dependants(app.routes):
        _check(dependant, application)
        _read_directly(dependant)


def _dependants(routes: Iterable[Any]) -> Iterator[Any]:
    iterate: Callable[[Any], Iterable[Any]] = getattr(routing, "iter_route_contexts", iter)
    for route in iterate(routes):
        dependant = getattr(route, "dependant", None)
        if dependant is not None:
            yield dependant
            continue
        middlewares = getattr(getattr(route, "app", None), "user_middleware", ())
        if not any(middleware.cls is ScopeMiddleware for middleware in middlewares):  # a setup of its own
            yield from _dependants(getattr(route, "routes", None) or ())


def _check(dependant: Any, application: Application[Any]) -> None:
    for inner in dependant.dependencies:
        _check(inner, application)
        if isinstance(inner.call, _Reader):
            try:
                application.lookup.index_in(inner.call.key, application.values)
            except IACSGraphError as error:
                name = getattr(dependant.call, "__qualname__", repr(dependant.call))
                message = f"cannot inject {inner.name!r} into {name}(): {error}"
                raise InjectionError(message, function=name, parameter=inner.name, hint=error.hint) from error


def _read_directly(dependant: Any) -> None:
    """Have an asynchronous route read its parts itself: for FastAPI, each would be a dependency to solve."""
    parts = {
        inner.name: inner.call.key for inner in dependant.dependencies if isinstance(inner.call, _Reader)
    }
    if parts and iscoroutinefunction(dependant.call):
        dependant.dependencies = [inner for inner in dependant.dependencies if inner.name not in parts]
        dependant.call = _given(dependant.call, parts)


def _given(endpoint: Callable[..., Any], parts: Mapping[str, type[Any] | str]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def given(**values: Any) -> Any:
        begin = current_application().begin
        for name, key in parts.items():
            value = begin(key)
            values[name] = await value if type(value) is CoroutineType else value
        return await endpoint(**values)

    return given
