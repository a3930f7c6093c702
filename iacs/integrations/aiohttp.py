"""aiohttp.web: the application runs as long as the server, and each request has a scope.

    setup(app, Application(Container()))

    @inject
    async def orders(request: web.Request, orders: Orders) -> web.Response: ...

`app[APPLICATION]` is the application, `request[SCOPE]` the scope of a request. A `scoped.value(web.Request)` of the
container is passed in.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from iacs.core.exceptions import IACSGraphError
from iacs.integrations._support.answers import STATUS, answer_to
from iacs.integrations._support.checked import check_application
from iacs.integrations._support.passing import PassingScope
from iacs.runtime import Application, Scope
from iacs.runtime.views import registry

__all__ = ["APPLICATION", "SCOPE", "STATUS", "setup", "sign_in_pages"]

APPLICATION: web.AppKey[Application[Any]] = web.AppKey("APPLICATION", Application)
_RequestKey: Any = getattr(web, "RequestKey", web.AppKey)  # aiohttp before 3.14 has one class of keys
SCOPE: "web.RequestKey[Scope]" = _RequestKey("SCOPE", Scope)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def setup(
    app: web.Application, application: Application[Any], *, status: Mapping[str, int] | None = None
) -> None:
    """Start `application` with the server, open a scope for each request, and answer errors of iacs.

    An error that no handler catches is answered with `STATUS` of its code, or with that of `status`. What a handler
    raises rolls back, also when it is answered, unless it is an HTTPException below 400.
    """
    check_application(application)
    app[APPLICATION] = application
    app.cleanup_ctx.insert(0, _running)

    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await _in_scope(application, request, handler)
        except IACSGraphError as error:
            answer = answer_to(error, status or {})
            return web.json_response(answer.body, status=answer.status, headers=answer.headers)

    app.middlewares.insert(0, answering)
    app.middlewares.append(_reporting)


async def _running(app: web.Application) -> AsyncIterator[None]:
    # a test's overlay: the server copies this context for its requests
    view = registry.view_of(app[APPLICATION])
    async with app[APPLICATION]:
        entered = registry.enter(view)
        yield
        registry.leave(entered)


async def _in_scope(
    application: Application[Any], request: web.Request, handler: Handler
) -> web.StreamResponse:
    outer = request.get(SCOPE)
    async with PassingScope(application, request) as scope:
        request[SCOPE] = scope
        try:
            return await handler(request)
        except web.HTTPException as raised:
            if raised.status >= 400:
                raise
            answer = raised
        finally:  # the two refer to each other: only a garbage collection would free them
            del request[SCOPE]
            if outer is not None:
                request[SCOPE] = outer
    raise answer


@web.middleware
async def _reporting(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Report what a handler raises, since a middleware between the two may answer it."""
    try:
        return await handler(request)
    except Exception as error:  # the scope ends with whatever the handler raised
        scope = request[SCOPE]
        if isinstance(scope, PassingScope) and getattr(error, "status", 500) >= 400:
            scope.answered = error
        raise


def sign_in_pages(
    application: Application[Any],
    *,
    is_operator: Callable[[web.Request], bool | Awaitable[bool]] = lambda _request: False,
) -> web.Application:
    """Return the sign-in pages for `app.add_subapp("/sign-in", …)`; AZURE_REDIRECT_URI ends with /sign-in/callback.

    `is_operator` decides who sees the accounts: by default nobody, and only reconnect links work.
    """
    from iacs.auth.pages import SignInPages
    from iacs.auth.pages.on_aiohttp import read_request, to_aiohttp

    check_application(application, call="sign_in_pages(Application(container))")

    async def answer(request: web.Request) -> web.Response:
        allowed = is_operator(request)
        operator = allowed if isinstance(allowed, bool) else await allowed
        page = await read_request(request, request.match_info["page"], is_operator=operator)
        return to_aiohttp(await registry.view_of(application).get(SignInPages).answer(page))

    async def to_list(request: web.Request) -> web.Response:
        raise web.HTTPPermanentRedirect(f"{request.path.rpartition('/')[2]}/")

    pages = web.Application()
    pages.router.add_route("GET", "", to_list)
    pages.router.add_route("*", "/{page:[^/]*}", answer)
    return pages
