"""The app registration, with the expiry of its secrets and certificates."""

import base64
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from iacs.sandbox.cloud import Registration
from iacs.sandbox.directory import stable_id
from iacs.sandbox.graph.call import Call
from iacs.sandbox.graph.errors import GraphError, bad_request, not_found
from iacs.sandbox.graph.listing import select_properties

_SCOPES = ("application.read.all", "application.readwrite.all", "directory.read.all")


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _passwords(registration: Registration) -> list[dict[str, Any]]:
    return [
        {
            "customKeyIdentifier": None,
            "displayName": f"Secret {number}",
            "endDateTime": _instant(secret.expires_at),
            "hint": secret.value[:3],
            "keyId": stable_id("key", secret.value),
            "secretText": None,
            "startDateTime": _instant(secret.created_at),
        }
        for number, secret in enumerate(registration.secrets, 1)
    ]


def _key(pem: bytes) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(pem)
    thumbprint = certificate.fingerprint(hashes.SHA1())  # noqa: S303 -- Graph's own choice
    return {
        "customKeyIdentifier": base64.b64encode(thumbprint).decode(),
        "displayName": certificate.subject.rfc4514_string(),
        "endDateTime": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key": None,
        "keyId": stable_id("key", thumbprint.hex()),
        "startDateTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def _application(call: Call) -> dict[str, Any]:
    registration = call.cloud.registration
    everything = {
        "id": stable_id("registration", registration.client_id),
        "appId": registration.client_id,
        "displayName": "The application of the stand-in",
        "signInAudience": registration.audience,
        "passwordCredentials": _passwords(registration),
        "keyCredentials": [_key(pem) for pem in registration.certificates],
    }
    select = call.query.get("$select", "")
    return select_properties(everything, select, frozenset(everything), "application")


def _check_permission(call: Call) -> None:
    if call.grant.person is None:
        allowed = call.cloud.consents.admits_application(call.grant.tenant_id)
    else:
        allowed = any(scope.lower().endswith(_SCOPES) for scope in call.grant.scopes)
    if not allowed:
        message = "Insufficient privileges to complete the operation."
        raise GraphError(403, "Authorization_RequestDenied", message)


def answer(call: Call) -> web.Response:
    """Return the registration by object id or appId, or a list that may be filtered by appId."""
    _check_permission(call)
    application, client_id = _application(call), call.cloud.registration.client_id
    match call.segments:
        case (_,):
            listed = call.query.get("$filter", f"appId eq '{client_id}'") == f"appId eq '{client_id}'"
            return call.answer({"value": [application] if listed else []})
        case (_, key) if key in (application["id"], client_id):
            return call.answer(application)
        case (_, key):
            raise not_found(f"Resource '{key}' does not exist.", "Request_ResourceNotFound")
    raise bad_request(f"Resource not found for the segment '{call.segments[2]}'.")
