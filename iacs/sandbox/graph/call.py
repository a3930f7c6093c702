"""A request to Graph: its user, token and preferences."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from iacs.sandbox.cloud import CLOUD, RECORD, Cloud, origin
from iacs.sandbox.directory import Person
from iacs.sandbox.entra.token_issuer import Grant
from iacs.sandbox.graph.errors import GraphError

_PREFERENCE = re.compile(r'\s*([^\s=;,]+)\s*(?:=\s*(?:"([^"]*)"|([^,;\s]*)))?')
_SHARED_SCOPES = ("mail.read.shared", "mail.readwrite.shared", ".default")
_MAIL_SCOPES = ("mail.read", "mail.readwrite", "mail.readbasic", *_SHARED_SCOPES)


@dataclass(frozen=True)
class Preferences:
    """The preferences of a Prefer header."""

    immutable_ids: bool = False
    text_body: bool = False
    page_size: int | None = None

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "Preferences":
        """Read a Prefer header, which joins preferences with commas."""
        values = {
            name.lower(): quoted or plain
            for part in headers.get("Prefer", "").split(",")
            for name, quoted, plain in _PREFERENCE.findall(part)[:1]
        }
        size = values.get("odata.maxpagesize", "")
        return cls(
            immutable_ids=values.get("idtype", "").lower() == "immutableid",
            text_body=values.get("outlook.body-content-type", "").lower() == "text",
            page_size=min(int(size), 1000) if size.isdecimal() and int(size) else None,
        )

    def applied(self) -> dict[str, str]:
        """Return the Preference-Applied header; empty without preferences."""
        parts = ['IdType="ImmutableId"'] if self.immutable_ids else []
        parts += ['outlook.body-content-type="text"'] if self.text_body else []
        parts += [f"odata.maxpagesize={self.page_size}"] if self.page_size else []
        return {"Preference-Applied": ", ".join(parts)} if parts else {}


@dataclass(frozen=True)
class Call:
    """A request with a valid token."""

    request: web.Request
    cloud: Cloud
    grant: Grant
    segments: tuple[str, ...]
    """The non-empty path segments below /v1.0, unquoted."""
    preferences: Preferences

    @property
    def query(self) -> Mapping[str, str]:
        """The query options as sent."""
        return self.request.query

    @property
    def base(self) -> str:
        """The base URL of the API in the request."""
        return f"{origin(self.request)}/v1.0"

    def answer(self, body: Mapping[str, Any]) -> web.Response:
        """Return a JSON response with the preferences that were applied."""
        return web.json_response(body, headers=self.preferences.applied())


def _invalid_token(message: str, code: str = "InvalidAuthenticationToken") -> GraphError:
    challenge = {"WWW-Authenticate": 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'}  # fmt: skip
    return GraphError(401, code, message, headers=challenge)


def authenticate(request: web.Request) -> Grant:
    """Return the grant of the bearer token; raise GraphError for an invalid token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _invalid_token("Access token is empty.")
    issuer = request.app[CLOUD].issuer
    issued = issuer.access_tokens.get(token.strip())
    if issued is None:
        raise _invalid_token("IDX14100: JWT is not well formed or was not issued by this cloud.")
    if issuer.is_revoked(issued):
        raise _invalid_token(
            "Continuous access evaluation resulted in challenge: the session has been revoked."
        )
    if not issuer.is_valid(issued):
        raise _invalid_token("Lifetime validation failed, the token is expired.")
    person = issued.grant.person
    request[RECORD].user = person.address if person else request.app[CLOUD].registration.client_id
    return issued.grant


def owner(call: Call, user: str | None) -> Person:
    """Return the person whose mail or profile is requested; None stands for /me."""
    signed_in = call.grant.person
    if user is None:
        if signed_in is None:
            raise GraphError(
                400, "BadRequest", "/me request is only valid with delegated authentication flow."
            )
        return signed_in
    person = call.cloud.directory.find(user, call.grant.tenant_id)
    if person is None:
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
    if signed_in is None:
        if not call.cloud.consents.admits_application(call.grant.tenant_id):
            raise _access_denied()
        _check_policy(call, person)
    elif person.object_id != signed_in.object_id:
        _check_full_access(call, person, signed_in)
    return person


def _check_policy(call: Call, person: Person) -> None:
    """Raise GraphError for a mailbox that the tenant's application access policy leaves out."""
    policy = call.cloud.permissions.application_policy
    if policy is not None and person.address.lower() not in policy:
        message = "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."
        raise GraphError(403, "ErrorAccessDenied", message)


def _check_full_access(call: Call, person: Person, signed_in: Person) -> None:
    """Raise GraphError for somebody else's mailbox, unless Exchange and the scopes of the token allow it."""
    allowed = (person.address.lower(), signed_in.address.lower()) in call.cloud.permissions.full_access
    if not allowed or not any(scope.lower().endswith(_SHARED_SCOPES) for scope in call.grant.scopes):
        raise _access_denied()


def _access_denied() -> GraphError:
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def require_mail_scope(call: Call) -> None:
    """Raise GraphError unless the person has allowed reading mail."""
    if not any(scope.lower().endswith(_MAIL_SCOPES) for scope in call.grant.scopes):
        raise _access_denied()


def require_mailbox(person: Person) -> None:
    """Raise GraphError for a guest, who has no mailbox in this tenant."""
    if person.is_guest:
        message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
        raise GraphError(404, "MailboxNotEnabledForRESTAPI", message)
