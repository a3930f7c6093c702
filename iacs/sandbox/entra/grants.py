"""The token endpoint and its four grant types."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from iacs.sandbox.cloud import CLOUD, TOKEN_FIELDS, Cloud
from iacs.sandbox.entra.authorize import client_info
from iacs.sandbox.entra.client_authentication import authenticate
from iacs.sandbox.entra.errors import EntraError, required
from iacs.sandbox.entra.metadata import check_tenant, issuer
from iacs.sandbox.entra.refusals import find_refusal
from iacs.sandbox.entra.tenants import check_audience, find_again
from iacs.sandbox.entra.token_issuer import Grant, Issued

_DEVICE_GRANTS = {"device_code", "urn:ietf:params:oauth:grant-type:device_code"}
Form = Mapping[str, object]


def _invalid_grant(number: int, message: str, *, suberror: str = "") -> EntraError:
    return EntraError("invalid_grant", number, message, suberror=suberror)


def _check_verifier(issued: Issued, verifier: str) -> None:
    """Compare the PKCE verifier with the challenge of the authorize request (RFC 7636)."""
    expected = verifier
    if issued.challenge_method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        expected = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if issued.challenge and expected != issued.challenge.rstrip("="):
        raise _invalid_grant(
            501481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        )


def _redeem_code(cloud: Cloud, form: Form) -> Grant:
    issued = cloud.issuer.codes.get(required(form, "code"))
    if issued is None:
        raise _invalid_grant(70000, "The provided authorization code is invalid.")
    if issued.used:
        raise _invalid_grant(
            54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
        )
    if not cloud.issuer.is_valid(issued):
        raise _invalid_grant(70008, "The provided authorization code has expired.")
    if required(form, "redirect_uri") != issued.redirect_uri:
        raise _invalid_grant(
            500112, "The reply address does not match the reply address of the authorize request."
        )
    _check_verifier(issued, str(form.get("code_verifier") or ""))
    refusal = cloud.refusal(issued.grant.person)
    if refusal and refusal.blocks:
        raise refusal.error()
    issued.used = True
    return issued.grant


def _redeem_refresh_token(cloud: Cloud, form: Form, *, authenticated: bool) -> Grant:
    issued = cloud.issuer.refresh_tokens.get(required(form, "refresh_token"))
    if issued is None:
        raise _invalid_grant(
            9002313, "The refresh token is malformed or was not issued here.", suberror="bad_token"
        )
    _require_credential(authenticated or issued.grant.public)
    if cloud.issuer.is_revoked(issued):
        raise _invalid_grant(
            50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed."
        )
    refusal = cloud.issuer.end(issued) or cloud.refusal(issued.grant.person)
    if refusal:
        raise refusal.error()
    if not cloud.issuer.is_valid(issued):
        raise _invalid_grant(700082, "The refresh token has expired due to inactivity.")
    if issued.used and cloud.behaviour.strict_rotation:
        cloud.issuer.revoke_family(issued.grant.family)
        raise _invalid_grant(50173, "The refresh token was used before: its whole sign-in is revoked.")
    issued.used = True
    return issued.grant


def _application_grant(request: web.Request, form: Form) -> Grant:
    cloud, tenant = request.app[CLOUD], request.match_info["tenant"].lower()
    if tenant in {"common", "organizations", "consumers"}:
        raise EntraError(
            "invalid_request",
            9001023,
            f"The grant type is not supported over the /{tenant} endpoint. Use a tenant id.",
        )
    scope = required(form, "scope")
    if not scope.endswith("/.default"):
        raise EntraError(
            "invalid_scope", 1002012, f"The provided value for scope {scope} is not valid: use '/.default'."
        )
    tenant_id = check_audience(cloud, tenant)
    if tenant_id != cloud.directory.tenant_id and not cloud.consents.admits_application(tenant_id):
        message = "The application was not found in the directory: its administrator has not consented to it."
        raise EntraError("unauthorized_client", 700016, message)
    return Grant(None, (scope,), tenant_id)


def _require_credential(present: bool) -> None:
    if not present:
        message = (
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        )
        raise EntraError("invalid_client", 7000218, message, status=401)


def _redeem(request: web.Request, form: Form) -> Grant:
    cloud, grant_type = request.app[CLOUD], required(form, "grant_type")
    authenticated = authenticate(cloud.registration, form, request.headers.get("Authorization", ""))
    if grant_type == "refresh_token":
        return _at(request, _redeem_refresh_token(cloud, form, authenticated=authenticated))
    if grant_type in _DEVICE_GRANTS:
        # Microsoft's library sends the code under both names.
        return cloud.device_sign_ins.redeem(str(form.get("device_code") or required(form, "code")))
    if grant_type not in {"authorization_code", "client_credentials"}:
        raise EntraError(
            "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant_type}'."
        )
    _require_credential(authenticated)
    return (
        _redeem_code(cloud, form) if grant_type == "authorization_code" else _application_grant(request, form)
    )


def _at(request: web.Request, grant: Grant) -> Grant:
    """Return the grant of a refresh token for the tenant in the path, in which the person may be a guest."""
    if grant.person is None:
        return grant
    person = find_again(request.app[CLOUD], request.match_info["tenant"], grant.person)
    return replace(grant, person=person, tenant_id=person.tenant_id)


def issue_tokens(cloud: Cloud, grant: Grant, *, scopes: tuple[str, ...], refreshable: bool) -> dict[str, Any]:
    """Return the response of the token endpoint, without the id token."""
    lifetime = cloud.behaviour.access_token_lifetime
    answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
    if cloud.behaviour.refresh_in is not None:
        answer["refresh_in"] = cloud.behaviour.refresh_in
    answer["access_token"] = cloud.issuer.access_token(
        replace(grant, scopes=scopes), cloud.registration.client_id, lifetime=lifetime
    )
    if grant.person:
        answer["scope"] = " ".join(scope for scope in scopes if scope != "offline_access")
        if refreshable:
            answer["refresh_token"] = cloud.issuer.refresh_token(grant)
    return answer


def _answer(request: web.Request, grant: Grant, form: Form) -> dict[str, Any]:
    cloud = request.app[CLOUD]
    scopes = tuple(str(form.get("scope") or "").split()) or grant.scopes
    person = grant.person
    if person and cloud.consents.missing(person.tenant_id, person.object_id, scopes):
        raise find_refusal(65001).error()
    refreshable = "offline_access" in grant.scopes or form.get("grant_type") == "refresh_token"
    answer = issue_tokens(cloud, grant, scopes=scopes, refreshable=refreshable)
    if person is None:
        return answer
    if "openid" in scopes:
        name, client_id = issuer(request, grant.tenant_id), cloud.registration.client_id
        answer["id_token"] = cloud.issuer.id_token(grant, issuer=name, client_id=client_id)
    if form.get("client_info") == "1":
        answer["client_info"] = client_info(cloud, person)
    return answer


async def token(request: web.Request) -> web.Response:
    """Issue tokens for a code, a refresh token, a device code or the application itself."""
    check_tenant(request)
    form = await request.post()
    answer = _answer(request, _redeem(request, form), form) | request.get(TOKEN_FIELDS, {})
    answer = {name: value for name, value in answer.items() if value is not ...}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})
