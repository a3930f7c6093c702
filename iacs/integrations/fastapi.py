"""FastAPI: parts as parameters, `Annotated[Orders, Part]`, each request or WebSocket in a scope of its own.

    api = FastAPI()
    setup(api, Application(Container()))

    @api.get("/orders")
    async def orders(orders: Annotated[Orders, Part]) -> list[str]: ...

Body models, `Request`, `Depends` and the OpenAPI document are FastAPI's as ever. The server refuses to start when the
container lacks a part that a route asks for. An error of iacs that a route does not catch is answered by its `code`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from http import HTTPStatus
from inspect import iscoroutinefunction
from types import CoroutineType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.params import Depends
from fastapi.requests import HTTPConnection
from fastapi.responses import HTMLResponse, JSONResponse

from iacs.core.exceptions import IACSGraphError
from iacs.integrations.asgi import ScopeMiddleware, connection_scope
from iacs.runtime import Application, current_application
from iacs.runtime.picture.page import page

STATUS: Mapping[str, HTTPStatus] = {
    "account_disabled": HTTPStatus.FORBIDDEN,
    "account_not_found": HTTPStatus.NOT_FOUND,
    "api_connection": HTTPStatus.BAD_GATEWAY,
    "graph": HTTPStatus.BAD_GATEWAY,
    "mail_query": HTTPStatus.UNPROCESSABLE_ENTITY,
    "sign_in_required": HTTPStatus.UNAUTHORIZED,
}
"""The status of each error code; every other one is 500."""


@dataclass(frozen=True)
class _Part(Depends):
    """A dependency that FastAPI completes with the annotated class; it reads that part from the scope."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.dependency, type):
            object.__setattr__(self, "dependency", _reader(self.dependency))


Part = _Part()


class _Reader:
    """Reads the part of one class."""

    def __init__(self, cls: type[Any]) -> None:
        self.cls = cls

    async def __call__(self, connection: HTTPConnection) -> Any:
        return await connection_scope(connection.scope).aget(self.cls)


_reader = lru_cache(maxsize=None)(_Reader)


def setup(app: FastAPI, application: Application[Any], *, status: Mapping[str, int] = STATUS) -> None:
    """Start `application` with the server, open a scope for each request and WebSocket, and answer errors."""
    app.add_middleware(_Middleware, api=app, application=application)

    @app.exception_handler(IACSGraphError)
    async def answer(_request: Request, error: IACSGraphError) -> JSONResponse:
        return JSONResponse({"code": error.code, "message": str(error)}, status.get(error.code, 500))


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


class _Middleware(ScopeMiddleware):
    """Checks and prepares the routes before the first start, or the first request where nobody starts it."""

    def __init__(self, app: Any, api: FastAPI, application: Application[Any]) -> None:
        super().__init__(app, application)
        self._api = api

    def prepare(self) -> None:
        """Raise IACSGraphError, naming the route, when the container lacks a part."""
        for dependant in _dependants(self._api.routes):
            _prepare(dependant, self.application)


def _dependants(routes: Any) -> Iterator[Any]:
    for route in routes:
        if getattr(route, "dependant", None) is not None:
            yield route.dependant
        yield from _dependants(getattr(route, "routes", None) or ())


def _prepare(dependant: Any, application: Application[Any]) -> None:
    """Have a route read its parts itself: for FastAPI, each would be a dependency to solve."""
    parts = {
        inner.name: inner.call.cls for inner in dependant.dependencies if isinstance(inner.call, _Reader)
    }
    for name, cls in parts.items():
        try:
            application.lookup.index(cls)
        except IACSGraphError as error:
            error.add_note(f"parameter {name} of {dependant.call.__qualname__}()")
            raise
    if parts and iscoroutinefunction(dependant.call):
        dependant.dependencies = [inner for inner in dependant.dependencies if inner.name not in parts]
        dependant.call = _given(dependant.call, parts)


def _given(endpoint: Callable[..., Any], parts: Mapping[str, type[Any]]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def given(**values: Any) -> Any:
        begin = current_application().begin
        for name, cls in parts.items():
            value = begin(cls)
            values[name] = await value if type(value) is CoroutineType else value
        return await endpoint(**values)

    return given
