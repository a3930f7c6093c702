"""A person signed in to the cloud, asking Graph with a plain HTTP client."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest_asyncio

from iacs.sandbox import Sandbox

Asked = tuple[int, Any, aiohttp.ClientResponse]
Ask = Callable[..., Awaitable[Asked]]
REDIRECT = "http://localhost:8400/callback"


async def sign_in(cloud: Sandbox, session: aiohttp.ClientSession, address: str) -> str:
    query = {
        "client_id": cloud.client_id, "response_type": "code", "redirect_uri": REDIRECT,
        "scope": "User.Read Mail.Read", "login_hint": address,
    }  # fmt: skip
    url = f"{cloud.url}/common/oauth2/v2.0"
    async with session.get(f"{url}/authorize", params=query, allow_redirects=False) as answer:
        code = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]
    form = {
        "client_id": cloud.client_id, "client_secret": cloud.client_secret, "code": code,
        "grant_type": "authorization_code", "redirect_uri": REDIRECT,
    }  # fmt: skip
    async with session.post(f"{url}/token", data=form) as answer:
        return str((await answer.json())["access_token"])


@pytest_asyncio.fixture
async def ask(cloud: Sandbox) -> AsyncIterator[Ask]:
    """Ask as Alice: a path below /v1.0 or a link, then headers; gives status, JSON and the response."""
    async with aiohttp.ClientSession() as session:
        token = await sign_in(cloud, session, "alice@contoso.example")

        async def get(path: str, **headers: str) -> Asked:
            url = path if path.startswith("http") else cloud.graph_url + path
            sent = {"Authorization": f"Bearer {token}", **headers}
            async with session.get(url, headers=sent) as answer:
                is_json = answer.content_type == "application/json"
                return answer.status, await (answer.json() if is_json else answer.read()), answer

        yield get
