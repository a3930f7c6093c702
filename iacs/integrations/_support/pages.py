"""The sign-in pages as an ASGI application."""

from collections.abc import Awaitable, Callable
from typing import Any

from iacs.auth.pages import PageRequest, PageResponse, SignInPages
from iacs.auth.pages.messages import MAX_BODY_BYTES
from iacs.integrations._support.lifespan import Message, Receive, Send
from iacs.runtime import Application
from iacs.runtime.views import registry


class Pages:
    """The pages of an application, mounted below any path of another ASGI application."""

    def __init__(
        self, application: Application[Any], is_operator: Callable[[Message], bool | Awaitable[bool]]
    ) -> None:
        self._application = application
        self._is_operator = is_operator

    async def __call__(self, connection: Message, receive: Receive, send: Send) -> None:
        """Answer one request; there is nothing else here."""
        if connection["type"] != "http":
            raise RuntimeError(f"the sign-in pages answer http, not {connection['type']}")
        path = connection["path"].removeprefix(connection.get("root_path", ""))
        if path == "":  # a relative address on the page would be one level too high
            last = connection["path"].rpartition("/")[2]
            await _send(PageResponse(308, "", (("Location", f"{last}/"),)), send)
            return
        allowed = self._is_operator(connection)
        request = PageRequest(
            connection["method"],
            path.removeprefix("/"),
            connection.get("query_string", b"").decode("latin-1"),
            headers=_headers(connection),
            body=await _body(receive),
            is_operator=allowed if isinstance(allowed, bool) else await allowed,
        )
        pages = registry.view_of(self._application).get(SignInPages)
        await _send(await pages.answer(request), send)


def _headers(connection: Message) -> dict[str, str]:
    """Return the headers; HTTP/2 sends one for each cookie."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in connection["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers


async def _body(receive: Receive) -> bytes:
    """Return the body; of one that is too large, little more than the limit."""
    body = b""
    while len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


async def _send(response: PageResponse, send: Send) -> None:
    body = response.body.encode()
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
