"""Graph's error responses, and the links that may be followed."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic import SecretStr

from iacs.core.exceptions import GraphError, MalformedResponseError
from iacs.core.http_client import HttpResponse, same_origin
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
}
"""Messages and hints by HTTP status."""
LINK_EXPIRED = frozenset({400, 404, 410})
"""The statuses with which Graph rejects an expired link of its own."""

_CLAIMS = re.compile(r'\bclaims="([^"]*)"')


def is_own(link: str, base: str) -> bool:
    """Return whether a link leads to the origin of `base`, so that it may receive a token.

    A link that is not visible ASCII or contains a user name is never followed: parsers disagree on its host.
    """
    return re.fullmatch(r"[!-\[\]-~]+", link) is not None and same_origin(link, base)


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
    return GraphError(
        f"{what}: {code}{without(quoted)}{reference}",
        status=status,
        graph_code=code,
        request_id=request_id,
        retry_after=response.retry_after,
        hint=hint,
    )


def error_of_later_page(error: GraphError) -> GraphError:
    """Return the error of a list whose first page existed: the page is missing, not the list."""
    return GraphError(
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
