"""A token that Microsoft Graph refused is never handed out again."""

import asyncio
import base64

import pytest
from pydantic import SecretStr

from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    MalformedResponseError,
)
from iacs.core.oauth_client import TokenSet
from tests.fixtures.sign_in import Identity, new_tokens

CHALLENGE = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'


async def test_a_rejected_token_never_comes_back(identity: Identity, alice: str) -> None:
    rejected = await identity.token_service.access_token(alice)
    await identity.token_service.reject(alice, rejected)
    assert await identity.another_process().access_token(alice) != rejected
    assert await identity.token_service.access_token(alice) != rejected
    assert identity.token_requests() == 1


async def test_many_who_reject_one_token_cause_one_renewal(identity: Identity, alice: str) -> None:
    service = identity.token_service
    rejected = await service.access_token(alice)

    async def retry() -> SecretStr:
        await service.reject(alice, rejected)
        return await service.access_token(alice)

    got = await asyncio.gather(*(retry() for _ in range(50)))
    assert rejected not in got
    assert len(set(got)) == 1
    assert identity.token_requests() == 1


async def test_rejecting_a_token_that_was_replaced_spares_the_new_one(identity: Identity, alice: str) -> None:
    old = await identity.token_service.access_token(alice)
    identity.expire()
    new = await identity.another_process().access_token(alice)
    await identity.token_service.reject(alice, old)
    assert await identity.token_service.access_token(alice) == new
    assert identity.token_requests() == 1


async def test_rejecting_after_a_sign_out_is_nothing(identity: Identity, alice: str) -> None:
    token = await identity.token_service.access_token(alice)
    await identity.token_service.delete(alice)
    await identity.token_service.reject(alice, token)


@pytest.mark.parametrize("encoded", [False, True])
async def test_a_challenge_goes_with_the_next_renewal_alone(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch, encoded: bool
) -> None:
    carried: list[str] = []
    refresh = identity.oauth_client.refresh

    async def note(refresh_token: SecretStr, *, claims: str = "", **options: str) -> TokenSet:
        carried.append(claims)
        return await refresh(refresh_token, claims=claims, **options)

    monkeypatch.setattr(identity.oauth_client, "refresh", note)
    challenge = base64.b64encode(CHALLENGE.encode()).decode() if encoded else CHALLENGE
    rejected = await identity.token_service.access_token(alice)
    await identity.token_service.reject(alice, rejected, claims=challenge)
    await identity.token_service.access_token(alice)
    identity.expire()
    await identity.token_service.reject(alice, await identity.token_service.access_token(alice))
    await identity.token_service.access_token(alice)
    assert carried == [challenge, ""]


async def test_a_challenge_that_cannot_be_read_is_reported_and_the_token_is_dropped(
    identity: Identity, alice: str
) -> None:
    rejected = await identity.token_service.access_token(alice)
    with pytest.raises(MalformedResponseError, match="claims challenge"):
        await identity.token_service.reject(alice, rejected, claims="{broken")
    assert await identity.token_service.access_token(alice) != rejected


async def test_the_same_token_again_is_an_error(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def renew(*args: object, **kwargs: object) -> TokenSet:
        return new_tokens(1)

    await identity.token_service.store(alice, new_tokens(1))
    monkeypatch.setattr(identity.oauth_client, "refresh", renew)
    await identity.token_service.reject(alice, SecretStr("access-1"))
    with pytest.raises(AuthenticationError, match="very token"):
        await identity.token_service.access_token(alice)


async def test_a_token_rejected_while_its_renewal_fails_does_not_come_back(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = identity.token_service
    token = await service.access_token(alice)
    identity.age(expires_in=600, refresh_in=-1)

    async def fail(*args: object, **kwargs: object) -> TokenSet:
        await service.reject(alice, token)
        raise APIConnectionError("out of order")

    monkeypatch.setattr(identity.oauth_client, "refresh", fail)
    service = identity.another_process()
    with pytest.raises(APIConnectionError, match="out of order"):
        await service.access_token(alice)
