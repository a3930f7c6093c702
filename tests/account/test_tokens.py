"""Tokens as the modules get them: for enabled accounts, with errors that name the person."""

import asyncio
import logging
from datetime import timedelta

import pytest

from iacs.core import clock
from iacs.core.exceptions import AccountDisabledError, AccountNotFoundError, SignInRequiredError
from tests.fixtures.sign_in import ALICE, BOB, Identity, new_tokens


async def test_an_enabled_account_gets_its_token(identity: Identity, alice: str) -> None:
    assert await identity.tokens.access_token(alice) == await identity.token_service.access_token(alice)


async def test_an_account_that_never_signed_in_stays_enrolled(identity: Identity) -> None:
    with pytest.raises(SignInRequiredError, match=f"^{BOB} is not signed in") as caught:
        await identity.tokens.access_token(identity.account_ids[BOB])
    assert caught.value.hint == f"sign in with: iacs auth login {BOB}"
    assert await identity.status(BOB) == "enrolled"


async def test_a_revoked_sign_in_is_kept_on_the_account_and_logged_once(
    identity: Identity, alice: str, caplog: pytest.LogCaptureFixture
) -> None:
    identity.expire()
    identity.cloud.revoke(ALICE)
    caplog.set_level(logging.WARNING)
    outcomes = await asyncio.gather(
        *(identity.tokens.access_token(alice) for _ in range(20)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {SignInRequiredError}
    error = outcomes[0]
    assert isinstance(error, SignInRequiredError)
    assert str(error).startswith(f"{ALICE} is not signed in: Entra ID refused to renew the tokens")
    assert error.hint.endswith(f"sign in with: iacs auth login {ALICE}")
    assert error.codes == (50173,)
    assert alice not in str(error) + error.hint
    assert caplog.text.count("sign-in required") == 1
    assert [await identity.status(email) for email in (ALICE, BOB)] == ["sign_in_required", "enrolled"]
    assert identity.token_requests() == 1
    await identity.sign_in(ALICE)
    assert await identity.status(ALICE) == "active"
    await identity.tokens.access_token(alice)


async def test_a_sign_in_that_overtakes_the_end_of_the_old_one_counts(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(account_id: str, *, tenant_id: str | None = None) -> None:
        await identity.token_service.store(alice, new_tokens(7))
        raise SignInRequiredError("revoked")

    with monkeypatch.context() as patch:
        patch.setattr(identity.token_service, "access_token", lose)
        with pytest.raises(SignInRequiredError):
            await identity.tokens.access_token(alice)
    assert await identity.status(ALICE) == "active"
    assert (await identity.tokens.access_token(alice)).get_secret_value() == "access-7"


async def test_a_disabled_account_gets_no_token_from_the_memory_of_any_process(
    identity: Identity, alice: str
) -> None:
    before = await identity.tokens.access_token(alice)
    await identity.accounts.disable(ALICE)
    with pytest.raises(AccountDisabledError, match=f"{ALICE} is disabled") as caught:
        await identity.tokens.access_token(alice)
    assert caught.value.hint == f"enable it with: iacs account enable {ALICE}"
    await identity.accounts.enable(ALICE)
    assert await identity.tokens.access_token(alice) == before


async def test_an_account_that_is_not_enrolled_gets_no_token(identity: Identity) -> None:
    with pytest.raises(AccountNotFoundError, match="no-such-id"):
        await identity.tokens.access_token("no-such-id")


async def test_a_rejected_token_never_comes_back(identity: Identity, alice: str) -> None:
    rejected = await identity.tokens.access_token(alice)
    await identity.tokens.reject(alice, rejected)
    assert await identity.tokens.access_token(alice) != rejected


async def test_a_refusal_that_is_lifted_restores_the_account(
    identity: Identity, alice: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    identity.expire()
    identity.cloud.faults.entra("invalid_grant", number=53003)
    with pytest.raises(SignInRequiredError, match=f"^{ALICE} has no access for now") as caught:
        await identity.tokens.access_token(alice)
    assert caught.value.kept
    assert f"iacs auth retry {ALICE}" in caught.value.hint
    assert await identity.status(ALICE) == "sign_in_required"
    await identity.tokens.retry(ALICE)
    assert await identity.status(ALICE) == "active"
    await asyncio.gather(*(identity.tokens.access_token(alice) for _ in range(10)))
    assert caplog.text.count("account recovered") == 1


async def test_a_corrected_tenant_is_where_the_tokens_are_renewed(identity: Identity, alice: str) -> None:
    identity.expire()
    with identity.database.transaction() as tx:
        tx.execute("UPDATE iacs_accounts SET tenant_id = 'contoso.example'")
    await identity.tokens.access_token(alice)
    assert identity.cloud.requests[-2].path.split("/")[1] == "contoso.example"


def idle_for(identity: Identity, account_id: str, **duration: float) -> None:
    with identity.database.transaction() as tx:
        tx.execute(
            "UPDATE iacs_tokens SET updated_at = :then WHERE account_id = :id",
            {"id": account_id, "then": clock.to_text(clock.now() - timedelta(**duration))},
        )


async def test_idle_grants_are_renewed_though_their_access_tokens_are_valid(
    identity: Identity, alice: str
) -> None:
    before = await identity.tokens.access_token(alice)
    bob = await identity.sign_in(BOB)
    idle_for(identity, alice, days=31)
    idle_for(identity, bob, days=14)
    assert await identity.tokens.keep_alive() == {ALICE: None}
    assert await identity.tokens.keep_alive() == {}
    assert identity.token_requests() == 1
    assert await identity.tokens.access_token(alice) != before


async def test_a_grant_is_due_between_half_of_the_time_and_all_of_it(identity: Identity, alice: str) -> None:
    idle_for(identity, alice, days=14, hours=23)
    assert await identity.tokens.keep_alive(idle_days=30) == {}
    idle_for(identity, alice, days=30)
    await identity.accounts.disable(ALICE)
    assert await identity.tokens.keep_alive(idle_days=30) == {}
    await identity.accounts.enable(ALICE)
    assert await identity.tokens.keep_alive(idle_days=30) == {ALICE: None}


async def test_an_idle_grant_that_is_not_renewed_does_not_stop_the_others(
    identity: Identity, alice: str
) -> None:
    idle_for(identity, alice, days=31)
    idle_for(identity, await identity.sign_in(BOB), days=31)
    identity.cloud.faults.entra("invalid_grant", number=53003)
    outcomes = await identity.tokens.keep_alive()
    assert [type(outcome) for outcome in outcomes.values()] == [SignInRequiredError, type(None)]
    assert await identity.status(ALICE) == "sign_in_required"
    await identity.tokens.access_token(alice)
    assert await identity.status(ALICE) == "active"
