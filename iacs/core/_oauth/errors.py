"""What an error of Entra ID means, and what to do about it.

Only OAuth's `error` and `suberror` decide it. Entra's reference of error codes asks clients not to branch on
AADSTS numbers: they select a hint for people and are kept for support. The one exception is `ends_grant`: what it
decides cannot be undone, and OAuth's `invalid_grant` stands for a revoked token and for a policy of an hour alike.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from iacs.core._oauth.claims import decode_challenge
from iacs.core._oauth.hints import HINTS
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    IACSGraphError,
    MalformedResponseError,
    OperatorRequiredError,
    SignInRequiredError,
)
from iacs.core.http_client import HttpResponse
from iacs.redaction import redact_foreign, safe_for_terminal

SIGN_IN = {"interaction_required", "consent_required", "login_required", "invalid_grant"}
# The list of npm @azure/msal-common, InteractionRequiredAuthError; one of them has two spellings.
SIGN_IN_SUBERRORS = {
    "basic_action",
    "additional_action",
    "message_only",
    "user_password_expired",
    "consent_required",
    "bad_token",
    "ui_not_allowed",
    "ux_not_allowed",
    "interrupted_user",
}
OPERATOR = {
    "invalid_client",
    "unauthorized_client",
    "invalid_resource",
    "invalid_scope",
    "invalid_tenant",
    "unsupported_grant_type",
    "unsupported_response_type",
    "invalid_request",
}
TRANSIENT = {"temporarily_unavailable", "server_error"}
# The refresh token was revoked, has expired, or belongs to a session that has.
ENDED_CODES = {50089, 50132, 50133, 50173, 70008, 70043, 700081, 700082, 700084}
ENDED_SUBERRORS = {"bad_token", "token_expired"}

_NEXT = {
    SignInRequiredError: "the person must sign in again",
    OperatorRequiredError: "signing in again will not help: the app registration or its settings must be fixed",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """The fields of an error response; a field that is missing or has the wrong type is empty."""

    error: str
    suberror: str = ""
    description: str = ""
    codes: tuple[int, ...] = ()
    claims: str = ""
    trace_id: str = ""
    correlation_id: str = ""

    @classmethod
    def of_redirect(cls, error: str, description: str) -> "Problem":
        """Return the problem that the redirect at the end of a sign-in describes."""
        return cls(error, description=description, codes=_codes(None, description))

    @property
    def error_class(self) -> type[AuthenticationError]:
        """The error that says who can help."""
        if self.error in SIGN_IN or self.suberror in SIGN_IN_SUBERRORS:
            return SignInRequiredError
        return OperatorRequiredError if self.error in OPERATOR else AuthenticationError


def ends_grant(error: AuthenticationError) -> bool:
    """Return whether a refused renewal says that the refresh token itself is dead.

    Any other refusal may be lifted: a policy, a missing consent, a disabled account.
    """
    if error.suberror in ENDED_SUBERRORS or ENDED_CODES.intersection(error.codes):
        return True
    # RFC 6749, 5.2: without any detail it says that the token is invalid, expired or revoked.
    return error.error == "invalid_grant" and not (error.suberror or error.codes or error.claims)


def is_transient(status: int) -> bool:
    """Return whether a status says to try again later."""
    return status == 429 or status >= 500


def read_problem(body: bytes) -> Problem | None:
    """Return the problem that an error response describes; None for any other response."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not _text(data, "error"):
        return None
    description = _text(data, "error_description")
    return Problem(
        error=_text(data, "error"),
        suberror=_text(data, "suberror"),
        description=description,
        codes=_codes(data.get("error_codes"), description),
        claims=_claims(data.get("claims")),
        trace_id=_text(data, "trace_id"),
        correlation_id=_text(data, "correlation_id"),
    )


def response_error(response: HttpResponse, doing: str, *, secrets: Iterable[str] = ()) -> IACSGraphError:
    """Return the error that a response means; `doing` completes "Entra ID refused to …".

    `secrets` are removed from the server's text, in case it echoes them.
    """
    problem = read_problem(response.body)
    problem = _without(secrets, problem) if problem else None
    if is_transient(response.status) or (problem and problem.error in TRANSIENT):
        wait = response.retry_after
        support = _support(problem) if problem else ""
        return APIConnectionError(
            f"Entra ID could not {doing} for now (HTTP {response.status}){support}",
            status=response.status,
            retry_after=wait,
            hint=f"try again in {wait:g} seconds" if wait else "try again later",
        )
    if problem is None:
        return MalformedResponseError(
            f"Entra ID was asked to {doing} and answered HTTP {response.status} without a reason",
            status=response.status,
            hint="check AZURE_AUTHORITY_HOST and AZURE_TENANT_ID; a proxy may have answered in its place",
        )
    return problem_error(problem, doing)


def problem_error(problem: Problem, doing: str, *, secrets: Iterable[str] = ()) -> IACSGraphError:
    """Return the error that a problem means, also one from a redirect."""
    problem = _without(secrets, problem)
    if problem.error in TRANSIENT:
        message = f"Entra ID could not {doing} for now{_support(problem)}"
        return APIConnectionError(message, hint="try again later")
    kind = problem.error_class
    hint = next((HINTS[code] for code in problem.codes if code in HINTS), "") or HINTS.get(problem.error, "")
    words = _words(problem.description)
    codes = (problem.error, problem.suberror, *(f"AADSTS{code}" for code in problem.codes))
    named = ", ".join(safe_for_terminal(code)[:60] for code in codes if code)
    return kind(
        f"Entra ID refused to {doing} ({named})" + (f": {words}" if words else "") + _support(problem),
        error=problem.error,
        suberror=problem.suberror,
        codes=problem.codes,
        claims=problem.claims,
        trace_id=problem.trace_id,
        correlation_id=problem.correlation_id,
        hint=hint or _NEXT.get(kind, "try again; if it fails again, ask the operator"),
    )


def _without(secrets: Iterable[str], problem: Problem) -> Problem:
    """Return a problem without the secrets that were sent, in case the server's text quotes them."""
    without = partial(redact_foreign, secrets=tuple(secrets))
    return replace(
        problem,
        error=without(problem.error),
        suberror=without(problem.suberror),
        description=without(problem.description),
        trace_id=without(problem.trace_id),
        correlation_id=without(problem.correlation_id),
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _claims(value: object) -> str:
    """Return claims as JSON; those that are not an object would make every later sign-in fail, and are left out."""
    try:
        if isinstance(value, dict):
            return json.dumps(value)
        return decode_challenge(value) if isinstance(value, str) and value.strip() else ""
    except (MalformedResponseError, RecursionError):
        return ""


def _codes(listed: object, description: str) -> tuple[int, ...]:
    if isinstance(listed, list) and listed:
        return tuple(code for code in listed if isinstance(code, int))
    return tuple(int(code) for code in re.findall(r"AADSTS(\d{4,9})", description))


def _words(description: str) -> str:
    """Return the first sentence of a description, without its number and its tail of ids."""
    text = re.sub(r"^AADSTS\d+:\s*", "", description.strip())
    text = re.split(r"\.\s|\s*Trace ID:|[\r\n]", text, maxsplit=1)[0]
    return safe_for_terminal(text)[:200].rstrip(". ")


def _support(problem: Problem) -> str:
    ids = {"trace id": problem.trace_id, "correlation id": problem.correlation_id}
    references = ", ".join(f"{name} {safe_for_terminal(value)[:80]}" for name, value in ids.items() if value)
    return f" (for support: {references})" if references else ""
