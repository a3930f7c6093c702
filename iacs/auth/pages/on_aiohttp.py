"""The pages on aiohttp's server."""

from aiohttp import web

from iacs.auth.pages.messages import MAX_BODY_BYTES, PageRequest, PageResponse


async def read_request(request: web.BaseRequest, page: str, *, is_operator: bool) -> PageRequest:
    """Return a request for a page; of a body that is too large it reads one byte more than the limit."""
    body = b""
    while len(body) <= MAX_BODY_BYTES and (
        chunk := await request.content.read(MAX_BODY_BYTES + 1 - len(body))
    ):
        body += chunk
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    headers["cookie"] = "; ".join(request.headers.getall("Cookie", ()))
    return PageRequest(
        request.method,
        page,
        request.rel_url.raw_query_string,
        headers=headers,
        body=body,
        is_operator=is_operator,
    )


def to_aiohttp(response: PageResponse) -> web.Response:
    """Return a response as aiohttp's."""
    answer = web.Response(status=response.status, body=response.body.encode())
    answer.headers.clear()
    for name, value in response.headers:
        answer.headers.add(name, value)
    return answer
