"""The authorize endpoint, which signs a person in and redirects with the code."""

import base64
import json
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from iacs.sandbox.cloud import CLOUD, Cloud
from iacs.sandbox.directory import Person
from iacs.sandbox.entra import pages
from iacs.sandbox.entra.consents import permissions
from iacs.sandbox.entra.errors import EntraError, invalid_request
from iacs.sandbox.entra.metadata import check_tenant
from iacs.sandbox.entra.refusals import find_refusal
from iacs.sandbox.entra.tenants import eligible, find_person
from iacs.sandbox.entra.token_issuer import Grant, Issued

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_REDIRECTED_FIELDS = {"error", "error_description", "claims"}
_MODES = {"query", "fragment", "form_post"}


def client_info(cloud: Cloud, person: Person) -> str:
    """Return the undocumented field by which Microsoft's libraries distinguish accounts: a person's own tenant."""
    home = cloud.directory.find(person.address) or person
    fields = json.dumps({"uid": home.object_id, "utid": home.tenant_id}).encode()
    return base64.urlsafe_b64encode(fields).decode().rstrip("=")


def check_client(cloud: Cloud, query: Mapping[str, str]) -> str:
    """Return the redirect URI; an error in it or before it must never be redirected."""
    if query.get("client_id") != cloud.registration.client_id:
        raise EntraError(
            "unauthorized_client",
            700016,
            f"Application with identifier '{query.get('client_id', '')}' was not found in the directory.",
        )
    redirect_uri = query.get("redirect_uri", "")
    if urlsplit(redirect_uri).hostname not in _LOOPBACK:
        raise invalid_request(
            f"The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs "
            "configured for the application: this stand-in allows only loopback addresses.",
            50011,
        )
    return redirect_uri


def _check_request(query: Mapping[str, str]) -> None:
    if query.get("response_type") != "code":
        raise EntraError("unsupported_response_type", 700054, "Only response_type 'code' is enabled.")
    if query.get("response_mode", "query") not in _MODES:
        raise invalid_request(f"Unknown response_mode '{query['response_mode']}'.", 90010)
    if not query.get("scope", "").strip():
        raise invalid_request("The request must contain the following parameter: 'scope'.")
    if query.get("code_challenge_method", "plain") not in {"plain", "S256"}:
        raise invalid_request("code_challenge_method must be 'plain' or 'S256'.", 501491)


def redirect(query: Mapping[str, str], redirect_uri: str, fields: Mapping[str, str]) -> web.Response:
    """Redirect to the application with the fields and the state, in the requested response mode."""
    fields = {**fields, **({"state": query["state"]} if "state" in query else {})}
    mode = query.get("response_mode", "query")
    if mode == "form_post":
        return pages.form_post(redirect_uri, fields)
    mark = "#" if mode == "fragment" else "&" if urlsplit(redirect_uri).query else "?"
    location = f"{redirect_uri}{mark}{urlencode(fields)}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def refused_page(error: EntraError) -> web.Response:
    """Return the page for an error that must not be sent to the application."""
    title = "Sorry, but we're having trouble signing you in"
    return pages.message(title, f"AADSTS{error.number}: {error}", status=400)


def refusal(request: web.Request, error: EntraError) -> web.Response:
    """Return an error to the application that started the sign-in, if its redirect URI may be used."""
    try:
        redirect_uri = check_client(request.app[CLOUD], request.query)
    except EntraError as client_error:
        return refused_page(client_error)
    fields = {key: str(value) for key, value in error.fields(request).items() if key in _REDIRECTED_FIELDS}
    return redirect(request.query, redirect_uri, fields)


def _grant_code(cloud: Cloud, person: Person, query: Mapping[str, str]) -> dict[str, str]:
    grant = Grant(person, tuple(query["scope"].split()), person.tenant_id, nonce=query.get("nonce", ""))
    code = cloud.issuer.code(
        Issued(
            grant,
            time.time() + cloud.behaviour.code_lifetime,
            redirect_uri=query["redirect_uri"],
            challenge=query.get("code_challenge", ""),
            challenge_method=query.get("code_challenge_method", "plain"),
        )
    )
    info = client_info(cloud, person)
    return {"code": code} | ({"client_info": info} if query.get("client_info") == "1" else {})


def _person(cloud: Cloud, authority: str, query: Mapping[str, str]) -> Person | None:
    """Return the person who signs in, None if a page has to ask.

    Raises EntraError, which is redirected, also for a person whose sign-ins are refused.
    """
    _check_request(query)
    person = find_person(cloud, authority, query.get("login_hint", ""))
    if person is None and query.get("prompt") == "none":
        raise EntraError(
            "login_required", 50058, "A silent sign-in request was sent but no user is signed in."
        )
    refused = cloud.refusal(person)
    if refused and refused.blocks:
        raise refused.error("access_denied")
    return person


def _ask_consent(cloud: Cloud, person: Person, path: str, query: Mapping[str, str]) -> web.Response | None:
    """Return the page that asks for consent, None if it has been given; raise EntraError if it is denied."""
    owner, scopes = person.object_id, query["scope"].split()
    missing = cloud.consents.missing(person.tenant_id, owner, scopes)
    if missing and query.get("prompt") == "none":
        raise find_refusal(65001).error("interaction_required")
    reserved = missing & cloud.consents.administrator_only
    if missing and query.get("decision") == "deny":
        message = "The resource owner or authorization server denied the request."
        raise EntraError("access_denied", 90094 if reserved else 65004, message)
    if reserved:
        return pages.need_approval(reserved, path, query)
    if missing and query.get("decision") != "accept":
        return pages.ask_consent("", [scope for scope in scopes if permissions([scope])], path, query)
    cloud.consents.add(owner, scopes)
    return None


async def authorize(request: web.Request) -> web.Response:
    """Sign in the person named by `login_hint` without a page; otherwise show a page to choose one."""
    cloud, query = request.app[CLOUD], request.query
    try:
        authority = check_tenant(request)
        redirect_uri = check_client(cloud, query)
        person = _person(cloud, authority, query)
        if person is None:
            return pages.choose_person(eligible(cloud, authority), request.path, query)
        page = _ask_consent(cloud, person, request.path, query)
    except EntraError as error:
        return refusal(request, error)
    if page:
        return page
    cloud.lift_refusal(person, claims=query.get("claims", ""))
    return redirect(query, redirect_uri, _grant_code(cloud, person, query))


async def logout(request: web.Request) -> web.Response:
    """Redirect to the requested address; there is no browser session to end."""
    check_tenant(request)
    target = request.query.get("post_logout_redirect_uri", "")
    if urlsplit(target).hostname in _LOOPBACK:
        raise web.HTTPFound(target)
    return pages.message("You signed out of your account", "It's a good idea to close all browser windows.")
