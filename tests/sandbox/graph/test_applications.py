"""The app registration in Graph, and credentials that expire."""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from iacs.sandbox import Sandbox

SCOPE = "https://graph.microsoft.com/.default"
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


async def token_for(cloud: Sandbox, session: aiohttp.ClientSession, secret: str = "") -> dict[str, Any]:
    form = {
        "client_id": cloud.client_id, "client_secret": secret or cloud.client_secret,
        "grant_type": "client_credentials", "scope": SCOPE,
    }  # fmt: skip
    async with session.post(f"{cloud.url}/{cloud.tenant_id}/oauth2/v2.0/token", data=form) as answer:
        return dict(await answer.json())


async def get(cloud: Sandbox, session: aiohttp.ClientSession, path: str, token: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.get(f"{cloud.graph_url}/{path}", headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("path", ["applications(appId='{}')", "applications?$filter=appId eq '{}'"])
async def test_an_application_reads_when_its_secrets_expire(cloud: Sandbox, path: str) -> None:
    cloud.expire_secret(at=TOMORROW)
    second = cloud.add_secret(expires=TOMORROW + timedelta(days=1))
    async with aiohttp.ClientSession() as session:
        token = (await token_for(cloud, session))["access_token"]
        status, body = await get(cloud, session, path.format(cloud.client_id), token)
    assert status == 200
    (application,) = body.get("value", [body])
    ends = [credential["endDateTime"] for credential in application["passwordCredentials"]]
    assert ends == [f"{day:%Y-%m-%dT%H:%M:%SZ}" for day in (TOMORROW, TOMORROW + timedelta(days=1))]
    assert application["appId"] == cloud.client_id
    assert second not in str(body)


async def test_an_expired_secret_is_refused_and_the_next_one_is_not(cloud: Sandbox) -> None:
    first = cloud.client_secret
    cloud.expire_secret()
    async with aiohttp.ClientSession() as session:
        assert (await token_for(cloud, session))["error_codes"] == [7000222]
        cloud.add_secret(expires=TOMORROW)
        assert "access_token" in await token_for(cloud, session)
        assert (await token_for(cloud, session, first))["error_codes"] == [7000222]
        assert (await token_for(cloud, session, "wrong"))["error_codes"] == [7000215]


async def test_applications_are_not_for_everybody(cloud: Sandbox) -> None:
    person = cloud.sign_in("alice@contoso.example", scopes="Mail.Read")["access_token"]
    administrator = cloud.sign_in("alice@contoso.example", scopes="Application.Read.All")["access_token"]
    async with aiohttp.ClientSession() as session:
        status, body = await get(cloud, session, "applications", person)
        assert (status, body["error"]["code"]) == (403, "Authorization_RequestDenied")
        assert (await get(cloud, session, "applications?$select=appId", administrator))[0] == 200
        assert (await get(cloud, session, "applications(appId='another')", administrator))[0] == 404
        status, body = await get(cloud, session, "applications?$filter=appId eq 'x'", administrator)
        assert body["value"] == []
