"""A certified OpenID provider (npm oidc-provider) that revokes a sign-in when a refresh token is used twice.

Entra ID keeps replaced refresh tokens valid; a client that survives this provider does not depend on that.
"""

import asyncio
import html
import json
import re
import shutil
import socket
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import pytest

from iacs.auth import AuthorizationCallback
from iacs.core.exceptions import SignInRequiredError
from iacs.testing.servers.lock import locked
from tests.core.test_token_processes import ask, process
from tests.fixtures.sign_in import ALICE, Identity

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
SOURCE = Path(__file__).parent / "oidc_provider"
CACHE = Path(__file__).parents[2] / ".cache" / "oidc-provider"
SCOPES = "openid profile offline_access"


@dataclass(frozen=True)
class Provider:
    """The provider, with the properties of the stand-in that the services of identity are built from."""

    url: str
    client_id: str = "application"
    client_secret: str = "secret-of-the-application"

    @property
    def authority_host(self) -> str:
        return self.url

    @property
    def graph_url(self) -> str:
        return f"{self.url}/v1.0"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret,
            "AZURE_AUTHORITY_HOST": self.url,
        }

    async def get(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/{path}") as answer:
            return await answer.text()

    async def stats(self) -> dict[str, int]:
        return dict(json.loads(await self.get("stats")))


@pytest.fixture(scope="module")
def modules() -> Path:
    """The provider with its dependencies, installed once."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / "lock"):
        for file in SOURCE.iterdir():
            shutil.copyfile(file, CACHE / file.name)
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline"]
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"npm could not install the provider: {done.stderr[-500:]}")
    return CACHE


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
async def cloud(modules: Path) -> AsyncIterator[Provider]:
    port = free_port()
    node = await asyncio.create_subprocess_exec(
        "node", "server.mjs", str(port), cwd=modules, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert node.stdout
        assert (await asyncio.wait_for(node.stdout.readline(), 60)).strip() == b"ready"
        yield Provider(f"http://127.0.0.1:{port}")
    finally:
        node.kill()
        await node.communicate()


@pytest.fixture
def oauth_options() -> dict[str, Any]:
    """What this provider needs by settings alone."""
    return {"scopes": SCOPES, "prompt": "consent"}


async def sign_in(identity: Identity) -> str:
    """Go through the provider's own pages, and return the account's id."""
    url, form = (await identity.auth.begin(ALICE)).url, None
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        while not url.startswith("http://localhost:8400/"):
            method = "POST" if form else "GET"
            async with session.request(method, url, data=form, allow_redirects=False) as answer:
                url, form = await next_step(url, answer)
    query = dict(parse_qsl(urlsplit(url).query))
    await identity.auth.complete(AuthorizationCallback.model_validate(query))
    return identity.account_ids[ALICE]


async def next_step(url: str, answer: aiohttp.ClientResponse) -> tuple[str, dict[str, str] | None]:
    """Return where a redirect leads, or the form of a page, filled in."""
    if "Location" in answer.headers:
        return urljoin(url, answer.headers["Location"]), None
    page = await answer.text()
    action = re.findall(r'action="([^"]+)"', page)[0]
    prompt = re.findall(r'name="prompt" value="([^"]+)"', page)[0]
    return urljoin(url, html.unescape(action)), {"prompt": prompt, "login": ALICE, "password": "any"}


async def held(cloud: Provider) -> None:
    async with asyncio.timeout(60):
        while not (await cloud.stats())["held"]:  # noqa: ASYNC110 -- the provider does not announce it
            await asyncio.sleep(0.05)


async def test_a_storm_of_processes_renews_once_and_the_sign_in_goes_on(
    identity: Identity, cloud: Provider, database_url: str
) -> None:
    account_id = await sign_in(identity)
    for renewals in (1, 2):
        identity.expire()
        async with AsyncExitStack() as stack:
            started = (process(identity, database_url, tasks=200, scopes=SCOPES) for _ in range(3))
            children = await asyncio.gather(*(stack.enter_async_context(child) for child in started))
            assert await asyncio.gather(*map(ask, children)) == [[200, 1]] * 3
        assert await cloud.stats() == {"renewals": renewals, "refused": 0, "held": 0}
    assert await identity.another_process().access_token(account_id)


async def test_a_process_killed_before_the_provider_rotated_loses_nothing(
    identity: Identity, cloud: Provider, database_url: str
) -> None:
    account_id = await sign_in(identity)
    identity.expire()
    await cloud.get("hold?when=before")
    async with process(identity, database_url, tasks=1, lease_seconds=5, scopes=SCOPES) as child:
        assert child.stdin
        child.stdin.write(b"\n")
        await held(cloud)
        child.kill()
        await child.wait()
    await cloud.get("release")
    assert await identity.another_process().access_token(account_id)
    assert (await cloud.stats())["refused"] == 0


async def test_a_response_that_never_arrives_costs_a_sign_in_here(
    identity: Identity, cloud: Provider
) -> None:
    """The provider has rotated, and only its response has the new token: no client can help (at Entra ID: nothing)."""
    account_id = await sign_in(identity)
    identity.expire()
    await cloud.get("hold?when=after")
    with pytest.raises(Exception, match=r"connection .* was lost"):
        await identity.another_process().access_token(account_id)
    await cloud.get("release")
    assert (await cloud.stats())["renewals"] == 1
    with pytest.raises(SignInRequiredError) as caught:
        await identity.another_process().access_token(account_id)
    assert not caught.value.kept
    await sign_in(identity)
    assert await identity.another_process().access_token(account_id)
