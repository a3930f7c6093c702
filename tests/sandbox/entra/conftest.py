"""Entra ID asked with a plain HTTP client."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest_asyncio

from iacs.sandbox import Sandbox

REDIRECT = "http://localhost:8400/callback"
ALICE = "alice@contoso.example"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Client:
    """Ask the way an application does, without any library for it."""

    def __init__(self, cloud: Sandbox, session: aiohttp.ClientSession) -> None:
        self.cloud, self.session = cloud, session

    async def authorize(self, *, url: str = "", **changes: str) -> aiohttp.ClientResponse:
        query = {
            "client_id": self.cloud.client_id, "response_type": "code", "redirect_uri": REDIRECT,
            "scope": "openid profile offline_access Mail.Read", "state": "s", "nonce": "n", "login_hint": ALICE,
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }  # fmt: skip
        url = url or f"{self.cloud.url}/common/oauth2/v2.0/authorize"
        return await self.session.get(url, params=query | changes, allow_redirects=False)

    async def code(self, **changes: str) -> str:
        answer = await self.authorize(**changes)
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]

    async def token(
        self, *, tenant: str = "", headers: Any = None, **form: str
    ) -> tuple[int, dict[str, Any]]:
        defaults = {"client_id": self.cloud.client_id, "client_secret": self.cloud.client_secret}
        url = f"{self.cloud.url}/{tenant or self.cloud.tenant_id}/oauth2/v2.0/token"
        fields = {key: value for key, value in (defaults | form).items() if value}
        async with self.session.post(url, data=fields, headers=headers) as answer:
            return answer.status, await answer.json()

    async def redeem(self, code: str, /, **changes: Any) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return await self.token(**form | changes)

    async def refresh(self, token: str, **changes: str) -> tuple[int, dict[str, Any]]:
        return await self.token(**{"grant_type": "refresh_token", "refresh_token": token} | changes)


@pytest_asyncio.fixture
async def client(cloud: Sandbox) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(cloud, session)
