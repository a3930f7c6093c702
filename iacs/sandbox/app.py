"""The aiohttp application, which serves both hosts of the cloud at one address."""

import base64
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Middleware

from iacs.sandbox import overview
from iacs.sandbox.cloud import CLOUD, RECORD, TOKEN_FIELDS, Cloud, RecordedRequest
from iacs.sandbox.directory import Person
from iacs.sandbox.entra import admin_consent, authorize, device, grants, metadata
from iacs.sandbox.entra.errors import EntraError
from iacs.sandbox.faults import Fault
from iacs.sandbox.graph import routes
from iacs.sandbox.graph.call import authenticate
from iacs.sandbox.graph.errors import GraphError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_GRAPH = "/v1.0"
_OVERVIEW = "/"
_CODES = {
    401: "InvalidAuthenticationToken",
    403: "ErrorAccessDenied",
    404: "ErrorItemNotFound",
    429: "ApplicationThrottled",
    500: "generalException",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


class _Dropped(web.Response):
    """The response of a request whose connection was closed, which nobody receives."""


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record every request except of the page that lists them, and its status when it is answered."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
    record = RecordedRequest(request.method, request.path, dict(request.query), headers, time.monotonic())
    request[RECORD] = record
    if request.path != _OVERVIEW:
        request.app[CLOUD].requests.append(record)
    try:
        response = await handler(request)
    except web.HTTPException as raised:  # aiohttp's own: no such path, a redirect
        record.status = raised.status
        raise
    if not isinstance(response, _Dropped):
        record.status = response.status
    return response


@web.middleware
async def _identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the request ids to every response, and convert errors to JSON."""
    request_id, sent = str(uuid.uuid4()), request.headers.get("client-request-id", "")
    try:
        response = await handler(request)
    except GraphError as error:
        response = error.response(request_id, sent or request_id)
    except EntraError as error:
        redirects = request.path.endswith("/oauth2/v2.0/authorize")
        response = authorize.refusal(request, error) if redirects else error.response(request)
    response.headers.setdefault("request-id", request_id)
    response.headers.setdefault("client-request-id", sent or request_id)
    return response


@web.middleware
async def _attribute(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record the user and the grant type of a request, by which limits and faults are selected."""
    if request.path.startswith(_GRAPH):
        authenticate(request)
        return await handler(request)
    form = await request.post() if request.method == "POST" else request.query
    grant_type, person = form.get("grant_type"), _person(request.app[CLOUD], form)
    request[RECORD].grant_type = grant_type if isinstance(grant_type, str) else None
    if person:
        request[RECORD].user = person.address
    elif grant_type == "client_credentials":
        request[RECORD].user = request.app[CLOUD].registration.client_id
    return await handler(request)


def _person(cloud: Cloud, form: Mapping[str, object]) -> Person | None:
    """Return the person that a request to Entra ID is about, if it names one."""
    hint = str(form.get("login_hint") or "")
    if hint:
        return cloud.directory.find(hint)
    return cloud.issuer.person(str(form.get("code") or form.get("refresh_token") or ""))


def _headers(fault: Fault) -> dict[str, str]:
    if not fault.claims:
        return dict(fault.headers)
    claims = base64.b64encode(fault.claims.encode()).decode()
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        f'error="insufficient_claims", claims="{claims}"'
    )
    return {**fault.headers, "WWW-Authenticate": challenge}


def _fail(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Respond as the scripted failure says."""
    if fault.drop:
        if request.transport:
            request.transport.abort()
        return _Dropped(status=500)
    status = fault.status or 500
    if fault.number:
        raise EntraError(
            fault.code,
            fault.number,
            fault.message,
            status=status,
            suberror=fault.suberror,
            claims=fault.claims,
        )
    raise GraphError(
        status,
        fault.code or _CODES.get(status, "UnknownError"),
        fault.message or "Scripted failure.",
        headers=_headers(fault),
    )


@web.middleware
async def _apply_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Respond with a scripted failure, if there is one for this request."""
    record = request[RECORD]
    fault = await request.app[CLOUD].faults.take(
        request.method, request.path, record.user or "", record.grant_type or ""
    )
    if fault is None or (fault.status is None and not fault.drop):
        request[TOKEN_FIELDS] = dict(fault.fields) if fault else {}
        return await handler(request)
    return _fail(request, fault)


@web.middleware
async def _limit_concurrency(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reject concurrent requests above the limit of a mailbox."""
    user, limit = request[RECORD].user or "", request.app[CLOUD].behaviour.mailbox_concurrency
    if not request.path.startswith(_GRAPH) or limit is None:
        return await handler(request)
    in_flight = request.app[CLOUD].in_flight
    in_flight[user] += 1
    try:
        if in_flight[user] > limit:
            message = "Application is over its MailboxConcurrency limit."
            raise GraphError(429, "ApplicationThrottled", message)
        return await handler(request)
    finally:
        in_flight[user] -= 1


def _entra_routes() -> list[web.RouteDef]:
    oauth = "/{tenant}/oauth2/v2.0"
    return [
        web.get("/{tenant}/v2.0/.well-known/openid-configuration", metadata.openid_configuration),
        web.get("/{tenant}/discovery/v2.0/keys", metadata.keys),
        web.get("/common/discovery/instance", metadata.instance_discovery),
        web.get(f"{oauth}/authorize", authorize.authorize),
        web.get(f"{oauth}/logout", authorize.logout),
        web.get("/{tenant}/adminconsent", admin_consent.page),
        web.get("/{tenant}/v2.0/adminconsent", admin_consent.page),
        web.post(f"{oauth}/token", grants.token),
        web.post(f"{oauth}/devicecode", device.begin),
        web.get("/{tenant}/oauth2/deviceauth", device.page),
    ]


def _keeping(keep: Callable[[], Awaitable[None]]) -> Middleware:
    """Return a middleware that keeps the state before a response of Entra ID is sent; Graph changes none."""

    @web.middleware
    async def keep_state(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:  # a refusal may change something too: strict rotation revokes tokens
            if not request.path.startswith(_GRAPH) and request.path != _OVERVIEW:
                await keep()

    return keep_state


def create_app(cloud: Cloud, keep: Callable[[], Awaitable[None]] | None = None) -> web.Application:
    """Return the application that serves this cloud; `keep` is called for every change."""
    middlewares: list[Middleware] = [_record, _identify, _attribute, _limit_concurrency, _apply_faults]
    middlewares += [_keeping(keep)] if keep else []
    app = web.Application(middlewares=middlewares)
    app[CLOUD] = cloud
    app.add_routes([web.get(_OVERVIEW, overview.page)])
    app.add_routes([web.route("*", f"{_GRAPH}/{{path:.*}}", routes.answer), *_entra_routes()])
    return app
