"""Graph's error responses, and the links that may be followed."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from iacs.core.clock import iso, now
from iacs.core.exceptions import APIConnectionError, GraphError, MalformedResponseError
from iacs.core.http_client import HttpClient, HttpResponse, same_origin
from iacs.core.oauth_client import decode_challenge
from iacs.redaction import redact_foreign

_MEANINGS = {
    400: ("Microsoft Graph refused the request", ""),
    401: (
        "Microsoft Graph does not accept this account's access token",
        "sign in again: iacs auth login EMAIL",
    ),
    403: (
        "Microsoft Graph denies access to this mailbox",
        "grant the permission Mail.Read, then sign in again",
    ),
    404: ("Microsoft Graph has no such mailbox, folder or message", ""),
    410: ("Microsoft Graph no longer has the state of this sync", "sync again"),
    429: ("Microsoft Graph throttles requests", "try again later, or reduce GRAPH_CONCURRENCY"),
    511: ("the network asks for a login before Microsoft Graph can be reached", "log in to the network"),
}
"""Messages and hints by HTTP status."""
LINK_EXPIRED = frozenset({400, 404, 410})
"""The statuses with which Graph rejects an expired link of its own."""

T = TypeVar("T")

_TRANSIENT = frozenset({200, 204, 408, 423, 425, 429, 500, 502, 503, 504, 509})
"""The statuses after which the same request may succeed; 200 and 204 are those of an answer that is cut or empty."""
_TOO_MUCH = frozenset({None, 408, 413, 500, 502, 504})
"""The statuses of a page that may be too large; None is a connection that was lost or silent."""
_PROXY_HINT = "a proxy or the login page of the network may have answered: log in to it, or check HTTPS_PROXY"

_CLAIMS = re.compile(r'\bclaims="([^"]*)"')


def is_own(link: str, base: str) -> bool:
    """Return whether a link leads to the origin of `base`, so that it may receive a token.

    A link that is not visible ASCII or contains a user name is never followed: parsers disagree on its host.
    """
    return re.fullmatch(r"[!-\[\]-~]+", link) is not None and same_origin(link, base)


class RejectedTokenError(Exception):
    """Graph does not accept the token: `error` says why, and the next one must satisfy `claims`."""

    def __init__(self, error: GraphError, *, claims: str) -> None:
        self.error = error
        self.claims = claims
        super().__init__(str(error))


class ForeignAnswerError(MalformedResponseError):
    """A web page of something between here and Graph."""


class TooLargeError(MalformedResponseError):
    """A response larger than HTTP_MAX_RESPONSE_BYTES."""


class LostPageError(GraphError):
    """A list of which a later page is missing."""


async def sent(http: HttpClient, url: str, headers: Mapping[str, str | SecretStr]) -> HttpResponse:
    """Send a GET request; raise TooLargeError for a response that is too large, which HttpClient calls malformed."""
    try:
        return await http.send("GET", url, headers=headers)
    except MalformedResponseError as error:
        raise TooLargeError(str(error), status=error.status, hint=error.hint) from error


def parse(response: HttpResponse, token: SecretStr, read: Callable[[bytes], T]) -> T:
    """Return the content of a response.

    Raises GraphError, MalformedResponseError, and RejectedTokenError if another token may help.
    """
    claims = claims_challenge(response) if response.status in (401, 403) else None
    if response.status == 401 or claims:
        raise RejectedTokenError(error_of(response, token), claims=claims or "")
    if not 200 <= response.status < 300:
        raise _redirect(response) if 300 <= response.status < 400 else error_of(response, token)
    try:
        return read(response.body)
    except TooLargeError:
        raise
    except MalformedResponseError as error:
        raise _explained(response, token, error) from None


def is_transient(error: APIConnectionError) -> bool:
    """Return whether the same request may succeed later."""
    if isinstance(error, TooLargeError):
        return False
    return not isinstance(error, GraphError) or error.status in _TRANSIENT


def concerns_mailbox(error: APIConnectionError) -> bool:
    """Return whether every request of the mailbox would fail in the same way."""
    status = error.status or 0
    return isinstance(error, ForeignAnswerError) or status in (401, 429, 511) or 300 <= status < 400


def is_too_much(error: APIConnectionError) -> bool:
    """Return whether a request for fewer items may succeed: the page is too large, too slow, or cut off."""
    if isinstance(error, ForeignAnswerError):
        return False
    return isinstance(error, TooLargeError) or error.status in _TOO_MUCH


def is_concurrency(error: APIConnectionError) -> bool:
    """Return whether the mailbox has too many requests at a time, which ends when one of them does.

    Source: Microsoft Q&A 2143058: 429 with "Application is over its MailboxConcurrency limit".
    """
    return error.status == 429 and isinstance(error, GraphError) and "MailboxConcurrency" in str(error)


def paused_error(seconds: float) -> GraphError:
    """Return the error of a request that is not sent, since Graph asked this mailbox to wait."""
    return GraphError(
        f"Microsoft Graph throttles requests: it asked this mailbox to wait{_moment(seconds)}",
        status=429,
        graph_code="TooManyRequests",
        retry_after=seconds,
        hint="try again then",
    )


def _moment(seconds: float) -> str:
    until = iso((now() + timedelta(seconds=seconds)).replace(microsecond=0))
    return f" {seconds:.0f} seconds, until {until}"


def _redirect(response: HttpResponse) -> GraphError:
    """Return the error of a redirect, with its host alone: the rest of the address may hold secrets."""
    host = urlsplit(response.headers.get("Location", "")).hostname
    return GraphError(
        f"a redirect{f' to {host}' if host else ''} came in place of Microsoft Graph's answer",
        status=response.status,
        graph_code=f"HTTP {response.status}",
        hint=_PROXY_HINT,
    )


def _explained(response: HttpResponse, token: SecretStr, error: MalformedResponseError) -> APIConnectionError:
    """Return why the body of a successful response cannot be read."""
    if _error_object(response.body):
        return error_of(response, token)
    if not response.body.strip():
        return MalformedResponseError("Microsoft Graph's answer is empty", hint="try again later")
    if _is_web_page(response):
        return ForeignAnswerError("a web page came in place of Microsoft Graph's answer", hint=_PROXY_HINT)
    return error


def _is_web_page(response: HttpResponse) -> bool:
    content_type = response.headers.get("Content-Type", "").lower()
    return "html" in content_type or response.body.lstrip()[:1] == b"<"


def error_of(response: HttpResponse, token: SecretStr) -> GraphError:
    """Return the error of a response, with Graph's most specific code; a quoted token is removed."""
    body = _error_object(response.body)
    levels = list(_levels(body))
    without = partial(redact_foreign, secrets=[token.get_secret_value()])
    codes = [
        without(level["code"]) for level in levels if isinstance(level.get("code"), str) and level["code"]
    ]
    ids = [level["request-id"] for level in levels if isinstance(level.get("request-id"), str)]
    status, code = response.status, codes[-1] if codes else f"HTTP {response.status}"
    request_id = without(ids[-1] if ids else response.headers.get("request-id", "")) or None
    what, hint = _MEANINGS.get(status, (f"Microsoft Graph failed with status {status}", "try again later"))
    message = body.get("message") if status < 500 else None
    quoted = f": {message.strip().rstrip('.')}" if isinstance(message, str) and message.strip() else ""
    reference = f" (request id {request_id})" if request_id else ""
    wait = f"; it asks to wait{_moment(response.retry_after)}" if response.retry_after else ""
    if _is_web_page(response):
        hint = _PROXY_HINT
    return GraphError(
        f"{what}: {code}{without(quoted)}{wait}{reference}",
        status=status,
        graph_code=code,
        request_id=request_id,
        retry_after=response.retry_after,
        hint=hint,
    )


def error_of_later_page(error: GraphError) -> LostPageError:
    """Return the error of a list whose first page existed."""
    return LostPageError(
        f"a later page of Microsoft Graph's list is missing: {error}",
        status=error.status or 0,
        graph_code=error.graph_code,
        request_id=error.request_id,
        hint="discard the pages before it, and start again with the first",
    )


def claims_challenge(response: HttpResponse) -> str | None:
    """Return the JSON of the claims that the answer asks for, None when it asks for none.

    Source: Microsoft identity platform, "Claims challenges"; several headers may come, fields in any order.
    """
    for name, value in response.headers.items():
        if name.lower() == "www-authenticate" and "insufficient_claims" in value:
            match = _CLAIMS.search(value)
            with suppress(MalformedResponseError):
                if match:
                    return decode_challenge(match[1])
    return None


def _error_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


def _levels(error: Any) -> Iterator[dict[str, Any]]:
    """Yield the error and those nested in it, under either spelling."""
    while isinstance(error, dict):
        yield error
        error = error.get("innerError", error.get("innererror"))
