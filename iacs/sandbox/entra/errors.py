"""Error responses of Entra ID, in the format of its error-code reference."""

import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


class EntraError(Exception):
    """An error response: `error` and `suberror` for programs, the AADSTS number for people."""

    def __init__(
        self,
        error: str,
        number: int,
        message: str,
        *,
        status: int = 400,
        suberror: str = "",
        claims: str = "",
    ) -> None:
        super().__init__(message)
        self.error = error
        self.number = number
        self.status = status
        self.suberror = suberror
        self.claims = claims

    def fields(self, request: web.Request) -> dict[str, Any]:
        """Return the JSON body; also the query of an error redirect."""
        trace, instant = str(uuid.uuid4()), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        correlation = request.headers.get("client-request-id") or str(uuid.uuid4())
        description = f"AADSTS{self.number}: {self}" if self.number else str(self)
        body = {
            "error": self.error,
            "error_description": f"{description} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {instant}",
            "error_codes": [self.number] if self.number else [],
            "timestamp": instant,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        return body | {key: value for key in ("suberror", "claims") if (value := getattr(self, key))}

    def response(self, request: web.Request) -> web.Response:
        """Return the error as a response of the token endpoint."""
        return web.json_response(
            self.fields(request), status=self.status, headers={"Cache-Control": "no-store"}
        )


def invalid_request(message: str, number: int = 900144) -> EntraError:
    """Return the error for a request with a missing or invalid field."""
    return EntraError("invalid_request", number, message)


def required(form: Any, name: str) -> str:
    """Return the field; raise EntraError if it is missing or empty."""
    value = form.get(name)
    if not isinstance(value, str) or not value:
        raise invalid_request(f"The request body must contain the following parameter: '{name}'.")
    return value
