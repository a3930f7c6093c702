"""The sign-in pages inside a service, below a path of its own."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from html import unescape
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from starlette.applications import Starlette
from starlette.routing import Mount

from iacs.containers import ApplicationContainer
from iacs.core.encryption import Encryption
from iacs.core.exceptions import ConfigurationError
from iacs.integrations import aiohttp as for_aiohttp
from iacs.integrations import asgi
from iacs.runtime import Application
from iacs.sandbox import Sandbox

ALICE = "alice@contoso.example"
PREFIX = "/tools/sign-in"
Operators = Callable[[Any], bool | Awaitable[bool]]
Served = Callable[
    [Application[ApplicationContainer], Operators], AbstractAsyncContextManager[httpx.AsyncClient]
]


@asynccontextmanager
async def on_aiohttp(
    application: Application[ApplicationContainer], operators: Operators
) -> AsyncIterator[httpx.AsyncClient]:
    app = web.Application()
    for_aiohttp.setup(app, application)
    app.add_subapp(PREFIX, for_aiohttp.sign_in_pages(application, is_operator=operators))
    async with TestServer(app) as server, httpx.AsyncClient(base_url=str(server.make_url("/"))) as client:
        yield client


@asynccontextmanager
async def on_starlette(
    application: Application[ApplicationContainer], operators: Operators
) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount(PREFIX, asgi.sign_in_pages(application, is_operator=operators))])
    transport = httpx.ASGITransport(asgi.setup(app, application))
    async with (
        application,
        httpx.AsyncClient(transport=transport, base_url="http://service.example") as client,
    ):
        yield client


@asynccontextmanager
async def behind_a_proxy(
    application: Application[ApplicationContainer], operators: Operators
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the pages alone; the proxy removes the prefix, as nginx does with a trailing slash."""
    pages = asgi.sign_in_pages(application, is_operator=operators)

    async def proxy(connection: Any, receive: Any, send: Any) -> None:
        await pages(connection | {"path": connection["path"].removeprefix(PREFIX)}, receive, send)

    transport = httpx.ASGITransport(proxy)
    async with (
        application,
        httpx.AsyncClient(transport=transport, base_url="http://service.example") as client,
    ):
        yield client


everywhere = pytest.mark.parametrize("served", [on_aiohttp, on_starlette, behind_a_proxy])


@pytest.fixture
def application(cloud: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Application[ApplicationContainer]:
    settings = cloud.settings | {
        "TOKEN_ENCRYPTION_KEY": Encryption.new_key(),
        "AZURE_REDIRECT_URI": f"http://localhost:8400{PREFIX}/callback",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Application(ApplicationContainer())


async def press(client: httpx.AsyncClient, page: httpx.Response, action: str) -> httpx.Response:
    """Send the first form of a page with this action."""
    form = page.text.partition(f'action="{action}">')[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', form))
    return await client.post(str(page.url.join(action)), data=fields)


async def follow(client: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
    """Go to Microsoft, and come back to the service, wherever the test serves it."""
    match = re.search(r'content="0; url=([^"]*)"', page.text)
    assert match, page.text
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(unescape(match[1]))
    callback = httpx.URL(answer.headers["Location"])
    assert callback.path == f"{PREFIX}/callback"
    return await client.get(callback.raw_path.decode())


@everywhere
async def test_an_operator_signs_an_account_in(
    served: Served, application: Application[ApplicationContainer]
) -> None:
    async with served(application, lambda _: True) as client:
        await application.container.account().service().add(ALICE)
        page = await client.get(f"{PREFIX}/")
        assert page.status_code == 200
        done = await follow(client, await press(client, page, "sign-in"))
        assert (done.status_code, "Alice signed in" in done.text) == (200, True)
        assert 'href="./"' in done.text
        assert "Renewed" in (await client.get(str(done.url.join("./")))).text


@everywhere
async def test_by_default_nobody_sees_the_accounts_and_links_work(
    served: Served, application: Application[ApplicationContainer]
) -> None:
    async with served(application, nobody) as client:
        await application.container.account().service().add(ALICE)
        page = await client.get(f"{PREFIX}/")
        assert page.status_code == 403
        assert ALICE not in page.text
        link = await application.container.auth().links().create(ALICE)
        opened = await client.get(httpx.URL(link.url).raw_path.decode())
        done = await follow(client, await press(client, opened, "reconnect"))
        assert "Alice signed in" in done.text


async def nobody(_request: object) -> bool:
    return False


@pytest.mark.parametrize("served", [on_aiohttp, on_starlette])
async def test_the_address_without_a_slash_leads_to_the_accounts(
    served: Served, application: Application[ApplicationContainer]
) -> None:
    async with served(application, lambda _: True) as client:
        page = await client.get(PREFIX, follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, f"{PREFIX}/")
        assert (await client.get(f"{PREFIX}/a/b")).status_code == 404


@everywhere
async def test_a_body_that_is_too_large_is_refused(
    served: Served, application: Application[ApplicationContainer]
) -> None:
    async with served(application, lambda _: True) as client:
        page = await client.post(f"{PREFIX}/sign-in", content=b"a" * 100_000)
        assert page.status_code == 413


@pytest.mark.parametrize("module", [for_aiohttp, asgi])
def test_a_container_is_not_an_application(module: Any) -> None:
    with pytest.raises(ConfigurationError, match="sign_in_pages takes an Application"):
        module.sign_in_pages(ApplicationContainer())


async def test_a_web_socket_is_refused(application: Application[ApplicationContainer]) -> None:
    with pytest.raises(RuntimeError, match="websocket"):
        await asgi.sign_in_pages(application)({"type": "websocket"}, None, None)
