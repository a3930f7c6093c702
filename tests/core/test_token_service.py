import asyncio
import json
from datetime import timedelta

import pytest

from iacs.core import clock
from iacs.core.exceptions import (
    APIConnectionError,
    AuthenticationError,
    OperatorRequiredError,
    SignInRequiredError,
)
from iacs.core.lease import Lease
from iacs.core.oauth_client import TokenSet
from iacs.core.token_service import Grants
from tests.fixtures.identity import until
from tests.fixtures.sign_in import ALICE, BOB, Identity, new_tokens, opened_key


async def test_a_token_is_handed_out_without_asking_again(identity: Identity, alice: str) -> None:
    first = await identity.token_service.access_token(alice)
    assert await identity.token_service.access_token(alice) == first
    assert await identity.another_process().access_token(alice) == first
    assert identity.token_requests() == 0


async def test_an_expired_token_is_renewed_once_for_all_tasks(identity: Identity, alice: str) -> None:
    identity.cloud.behaviour.strict_rotation = True
    identity.expire()
    service = identity.another_process()
    got = await asyncio.gather(*(service.access_token(alice) for _ in range(200)))
    assert len(set(got)) == 1
    assert identity.token_requests() == 1


async def test_accounts_are_renewed_apart(identity: Identity, alice: str) -> None:
    bob = await identity.sign_in(BOB)
    identity.expire()
    service = identity.another_process()
    got = await asyncio.gather(*(service.access_token(account) for account in (alice, bob) * 10))
    assert len(set(got)) == 2
    assert identity.token_requests() == 2


async def test_a_rotated_refresh_token_is_kept(identity: Identity, alice: str) -> None:
    identity.cloud.behaviour.strict_rotation = True
    for _ in range(3):
        identity.expire()
        await identity.another_process().access_token(alice)
    assert identity.token_requests() == 3


async def test_a_cancelled_caller_leaves_the_renewal_to_the_others(identity: Identity, alice: str) -> None:
    identity.expire()
    fault = identity.cloud.faults.slow(grant_type="refresh_token", seconds=0.3)
    service = identity.another_process()
    first = asyncio.create_task(service.access_token(alice))
    others = [asyncio.create_task(service.access_token(alice)) for _ in range(5)]
    await until(lambda: fault.applied)
    first.cancel()
    assert len(set(await asyncio.gather(*others))) == 1
    assert first.cancelled()
    assert identity.token_requests() == 1


async def test_a_renewal_nobody_waits_for_any_more_is_still_kept(identity: Identity, alice: str) -> None:
    identity.expire()
    fault = identity.cloud.faults.slow(grant_type="refresh_token", seconds=0.2)
    service = identity.another_process()
    only = asyncio.create_task(service.access_token(alice))
    await until(lambda: fault.applied)
    only.cancel()
    await asyncio.wait([only])
    await service.access_token(alice)
    assert identity.token_requests() == 1


async def test_refresh_in_is_honoured(identity: Identity, alice: str) -> None:
    await identity.token_service.store(alice, new_tokens(expires_in=3600, refresh_in=1800))
    row = identity.row(ALICE)
    assert row is not None
    early = clock.from_text(row["expires_at"]) - clock.from_text(row["refresh_at"])
    assert early == timedelta(seconds=1800)


@pytest.mark.parametrize(("lifetime", "early"), [(3600, 300), (86_400, 300), (600, 60), (10, 1)])
async def test_without_refresh_in_the_last_part_of_the_lifetime_is_for_renewing(
    identity: Identity, lifetime: int, early: int
) -> None:
    await identity.token_service.store(identity.account_ids[ALICE], new_tokens(expires_in=lifetime))
    row = identity.row(ALICE)
    assert row is not None
    expires_at, refresh_at = clock.from_text(row["expires_at"]), clock.from_text(row["refresh_at"])
    assert expires_at - refresh_at == timedelta(seconds=early)


async def test_a_token_due_for_renewal_is_renewed(identity: Identity, alice: str) -> None:
    before = await identity.token_service.access_token(alice)
    identity.age(expires_in=600, refresh_in=-1)
    assert await identity.another_process().access_token(alice) != before


async def test_while_another_process_renews_a_valid_token_serves(identity: Identity, alice: str) -> None:
    before = await identity.token_service.access_token(alice)
    identity.age(expires_in=600, refresh_in=-1)
    assert await Lease(identity.database, f"token:{alice}").acquire()
    assert await identity.another_process().access_token(alice) == before
    assert identity.token_requests() == 0


async def test_an_expired_token_waits_for_the_process_that_renews(identity: Identity, alice: str) -> None:
    identity.expire()
    other = Lease(identity.database, f"token:{alice}", seconds=60)
    assert await other.acquire()
    with pytest.raises(APIConnectionError, match="renewing the tokens of this account for too long"):
        await identity.another_process(lease_seconds=0.2).access_token(alice)
    await other.release()
    await identity.another_process().access_token(alice)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_valid_token_outlives_an_outage(identity: Identity, alice: str, status: int) -> None:
    before = await identity.token_service.access_token(alice)
    identity.age(expires_in=600, refresh_in=-1)
    identity.cloud.faults.unavailable(grant_type="refresh_token", status=status, retry_after=60, times=None)
    service = identity.another_process()
    assert [await service.access_token(alice) for _ in range(3)] == [before] * 3
    assert identity.token_requests() == 1
    assert await identity.status(ALICE) == "active"


async def test_an_outage_changes_nothing(identity: Identity, alice: str) -> None:
    identity.expire()
    before = identity.row(ALICE)
    identity.cloud.faults.drop(grant_type="refresh_token")
    service = identity.another_process()
    with pytest.raises(APIConnectionError):
        await service.access_token(alice)
    assert identity.row(ALICE) == before
    assert await identity.status(ALICE) == "active"
    await service.access_token(alice)


async def test_a_pause_that_entra_asks_for_is_kept(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.faults.throttle(grant_type="refresh_token", retry_after=30)
    service = identity.another_process()
    for _ in range(3):
        with pytest.raises(APIConnectionError) as caught:
            await service.access_token(alice)
        assert caught.value.status == 429
        assert 25 < (caught.value.retry_after or 0) <= 30
    assert identity.token_requests() == 1


async def test_a_renewal_ends_before_its_lease(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.faults.slow(grant_type="refresh_token", seconds=60)
    with pytest.raises(APIConnectionError, match=r"within 0\.8 seconds"):
        await identity.another_process(lease_seconds=1).access_token(alice)


async def test_a_revoked_sign_in_ends_for_all_who_ask(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.revoke(ALICE)
    service = identity.another_process()
    outcomes = await asyncio.gather(*(service.access_token(alice) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {SignInRequiredError}
    error = outcomes[0]
    assert isinstance(error, SignInRequiredError)
    assert error.codes == (50173,)
    with pytest.raises(SignInRequiredError, match="there are no tokens"):
        await service.access_token(alice)
    assert identity.token_requests() == 1
    assert not await service.holds(alice)
    assert await identity.sign_in(ALICE) == alice
    assert await service.holds(alice)
    await service.access_token(alice)


async def test_trouble_for_the_operator_does_not_touch_the_sign_in(identity: Identity, alice: str) -> None:
    identity.expire()
    before = identity.row(ALICE)
    identity.cloud.faults.entra("invalid_client", number=7000222, status=401)
    with pytest.raises(OperatorRequiredError, match="the client secret has expired"):
        await identity.another_process().access_token(alice)
    assert identity.row(ALICE) == before
    assert await identity.status(ALICE) == "active"


async def test_without_a_refresh_token_the_scope_is_named(identity: Identity, alice: str) -> None:
    await identity.token_service.store(alice, new_tokens(refresh_token=None))
    identity.expire()
    with pytest.raises(SignInRequiredError, match="offline_access"):
        await identity.token_service.access_token(alice)


async def test_a_renewal_without_a_new_refresh_token_keeps_the_old(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def renew(*args: object, **kwargs: object) -> TokenSet:
        return new_tokens(2, refresh_token=None)

    await identity.token_service.store(alice, new_tokens(1))
    identity.expire()
    monkeypatch.setattr(identity.oauth_client, "refresh", renew)
    assert (await identity.token_service.access_token(alice)).get_secret_value() == "access-2"
    row = identity.row(ALICE) or {}
    secret = opened_key(row).decrypt(row["secret"])
    assert json.loads(secret)["refresh_token"] == "refresh-1"


@pytest.mark.parametrize("account_id", ["", "no-such-id"])
async def test_without_tokens_somebody_has_to_sign_in(identity: Identity, account_id: str) -> None:
    with pytest.raises(SignInRequiredError, match="there are no tokens"):
        await identity.token_service.access_token(account_id or identity.account_ids[ALICE])


async def test_the_tokens_of_a_suspended_grant_are_kept_back(identity: Identity, alice: str) -> None:
    service = identity.another_process()
    before = await service.access_token(alice)
    grants = Grants(identity.database)
    await grants.suspend([alice, "no-such-id"])
    with pytest.raises(AuthenticationError, match="suspended"):
        await identity.another_process().access_token(alice)
    await grants.resume([alice])
    assert await identity.another_process().access_token(alice) == before
    assert identity.token_requests() == 0


async def test_a_token_in_memory_does_not_outlive_its_grant(identity: Identity, alice: str) -> None:
    grants = Grants(identity.database)
    service = identity.another_process(grants=grants)
    before = await service.access_token(alice)
    await grants.suspend([alice])
    with pytest.raises(AuthenticationError, match="suspended"):
        await service.access_token(alice)
    await grants.resume([alice])
    assert await service.access_token(alice) == before


async def test_the_grant_of_another_account_is_not_suspended(identity: Identity, alice: str) -> None:
    await identity.sign_in(BOB)
    await Grants(identity.database).suspend([identity.account_ids[BOB]])
    await identity.another_process().access_token(alice)


async def test_a_sign_in_during_a_renewal_wins(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def renew(*args: object, **kwargs: object) -> TokenSet:
        await identity.another_process().store(alice, new_tokens(7))
        return new_tokens(2)

    identity.expire()
    monkeypatch.setattr(identity.oauth_client, "refresh", renew)
    assert (await identity.token_service.access_token(alice)).get_secret_value() == "access-7"


async def test_a_refusal_of_a_replaced_grant_does_not_end_the_new_one(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def renew(*args: object, **kwargs: object) -> TokenSet:
        await identity.another_process().store(alice, new_tokens(7))
        raise SignInRequiredError("revoked")

    identity.expire()
    monkeypatch.setattr(identity.oauth_client, "refresh", renew)
    assert (await identity.token_service.access_token(alice)).get_secret_value() == "access-7"
    assert await identity.status(ALICE) == "active"


async def test_a_sign_out_during_a_renewal_wins(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def renew(*args: object, **kwargs: object) -> TokenSet:
        await identity.another_process().delete(alice)
        return new_tokens(2)

    identity.expire()
    monkeypatch.setattr(identity.oauth_client, "refresh", renew)
    with pytest.raises(SignInRequiredError):
        await identity.token_service.access_token(alice)
    assert identity.row(ALICE) is None


async def test_a_row_written_anew_repeats_no_version(identity: Identity, alice: str) -> None:
    before = (identity.row(ALICE) or {})["version"]
    await identity.token_service.delete(alice)
    await identity.token_service.store(alice, new_tokens())
    assert (identity.row(ALICE) or {})["version"] > before
