"""Graph's error responses."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web


class GraphError(Exception):
    """An error response: status, code and message."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def response(self, request_id: str, client_request_id: str) -> web.Response:
        """Return the error in Graph's envelope."""
        inner = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id or str(uuid.uuid4()),
            "client-request-id": client_request_id,
        }
        error = {"code": self.code, "message": str(self), "innerError": inner}
        return web.json_response({"error": error}, status=self.status, headers=self.headers)


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    """Return the error for a request that cannot be understood."""
    return GraphError(400, code, message)


def not_found(what: str, code: str = "ErrorItemNotFound") -> GraphError:
    """Return the error for an object that does not exist."""
    return GraphError(404, code, f"The specified object was not found in the store. {what}".strip())
