"""Tokens of the application itself, by client credentials."""

import asyncio

import pytest

from iacs.core.exceptions import ConfigurationError, OperatorRequiredError
from iacs.core.token_service import TokenService
from tests.fixtures.sign_in import Identity


def application(identity: Identity) -> str:
    return identity.token_service.application_id(identity.cloud.tenant_id)


async def token(identity: Identity, service: TokenService | None = None) -> str:
    service = service or identity.token_service
    access_token = await service.access_token(application(identity), tenant_id=identity.cloud.tenant_id)
    return access_token.get_secret_value()


def requests(identity: Identity) -> int:
    return identity.token_requests("client_credentials")


async def test_all_tasks_and_processes_use_one_token(identity: Identity) -> None:
    services = [identity.another_process(), identity.another_process()]
    tokens = await asyncio.gather(*(token(identity, service) for service in services * 50))
    assert len(set(tokens)) == 1
    assert requests(identity) == 1
    assert tokens[0] in identity.cloud.issued


async def test_an_expired_token_is_replaced(identity: Identity) -> None:
    first = await token(identity)
    identity.expire()
    assert await token(identity, identity.another_process()) != first
    assert requests(identity) == 2


async def test_a_token_that_graph_refused_is_replaced_with_the_claims_of_the_challenge(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    request = identity.oauth_client.client_credentials

    async def note(scope: str = "", *, tenant_id: str, claims: str = "") -> object:
        sent.append(claims)
        return await request(scope, tenant_id=tenant_id, claims=claims)

    first = await identity.token_service.access_token(
        application(identity), tenant_id=identity.cloud.tenant_id
    )
    monkeypatch.setattr(identity.oauth_client, "client_credentials", note)
    await identity.token_service.reject(application(identity), first, claims='{"access_token":{}}')
    assert await token(identity) != first.get_secret_value()
    assert sent == ['{"access_token":{}}']


async def test_a_refusal_is_for_the_operator_and_is_tried_again(identity: Identity) -> None:
    identity.cloud.faults.entra("invalid_grant", number=53003)
    with pytest.raises(OperatorRequiredError, match="AADSTS53003") as caught:
        await token(identity)
    assert "sign in again" not in str(caught.value)
    with pytest.raises(OperatorRequiredError):
        await token(identity)  # during the pause
    assert requests(identity) == 1
    await token(identity, identity.another_process())


async def test_a_token_that_no_key_opens_is_replaced(identity: Identity) -> None:
    await token(identity)
    with identity.database.transaction() as tx:
        tx.execute("UPDATE iacs_tokens SET secret = 'nonsense'")
    await token(identity, identity.another_process())
    await token(identity, identity.another_process())
    assert requests(identity) == 2


async def test_an_application_needs_one_tenant(identity: Identity) -> None:
    with pytest.raises(ConfigurationError, match="one tenant"):
        await identity.token_service.access_token(identity.token_service.application_id())
