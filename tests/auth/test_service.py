import asyncio
import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from pydantic import SecretStr

from iacs.auth import AuthorizationCallback
from iacs.core import clock
from iacs.core.exceptions import (
    AccountDisabledError,
    AccountNotFoundError,
    AuthenticationError,
    MalformedResponseError,
    SignInRequiredError,
)
from tests.fixtures.sign_in import ALICE, BOB, Identity, changed, write_enrollment


async def test_a_person_signs_in(identity: Identity) -> None:
    request = await identity.auth.begin(ALICE.upper())
    assert request.redirect_uri == "http://localhost:8400/callback"
    assert timedelta(minutes=14) < request.expires_at - clock.now() <= timedelta(minutes=15)
    signed_in = await identity.auth.complete(await identity.visit(request.url))
    assert signed_in.account == ALICE
    account = await identity.accounts.get(ALICE)
    assert account.status == "active"
    assert account.directory_id == identity.cloud.tenant_id
    token = await identity.token_service.access_token(account.id)
    assert token.get_secret_value() in identity.cloud.issued


async def test_two_concurrent_sign_ins_do_not_disturb_each_other(identity: Identity) -> None:
    first, second = [await identity.auth.begin(email) for email in (ALICE, BOB)]
    for request, email in ((second, BOB), (first, ALICE)):
        assert (await identity.auth.complete(await identity.visit(request.url))).account == email


async def test_an_account_of_another_tenant_signs_in_and_renews_there(
    identity: Identity, tmp_path: Path
) -> None:
    tenant = identity.cloud.tenant_id
    directory = write_enrollment(tmp_path / "elsewhere")
    (directory / "alice.yaml").write_text(f"account: {ALICE}\ntenant_id: {tenant}")
    await identity.accounts.sync(directory)
    await identity.sign_in(ALICE)
    identity.expire()
    await identity.token_service.access_token(identity.account_ids[ALICE])
    assert identity.token_requests() == 1
    assert {request.path.split("/")[1] for request in identity.cloud.requests} == {tenant}


async def test_further_scopes_are_requested_at_the_sign_in_and_at_its_renewals(identity: Identity) -> None:
    request = await identity.auth.begin(ALICE, scopes="Mail.Send")
    await identity.auth.complete(await identity.visit(request.url))
    alice = identity.account_ids[ALICE]
    granted = [str((identity.row(ALICE) or {})["scope"])]
    for _ in range(2):
        identity.expire()
        await identity.another_process().access_token(alice)
        granted.append(str((identity.row(ALICE) or {})["scope"]))
    assert ["Mail.Send" in scope for scope in granted] == [True, True, True]

    await identity.sign_in(ALICE)
    identity.expire()
    await identity.another_process().access_token(alice)
    assert "Mail.Send" not in str((identity.row(ALICE) or {})["scope"])


async def test_an_account_that_is_not_enrolled_cannot_begin(identity: Identity) -> None:
    with pytest.raises(AccountNotFoundError):
        await identity.auth.begin("mallory@contoso.example")


async def test_a_disabled_account_cannot_begin(identity: Identity) -> None:
    await identity.accounts.disable(ALICE)
    with pytest.raises(AccountDisabledError, match=f"{ALICE} is disabled"):
        await identity.auth.begin(ALICE)


async def test_an_account_disabled_during_a_sign_in_gets_no_tokens(identity: Identity) -> None:
    callback = await identity.visit((await identity.auth.begin(ALICE)).url)
    store = identity.token_service.store

    async def disable_first(*args: Any, **kwargs: Any) -> None:
        await identity.accounts.disable(ALICE)
        await store(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity.token_service, "store", disable_first)
        with pytest.raises(AccountDisabledError):
            await identity.auth.complete(callback)
    assert not await identity.token_service.holds(identity.account_ids[ALICE])
    assert await identity.status(ALICE) == "disabled"
    await identity.accounts.enable(ALICE)
    assert await identity.status(ALICE) == "enrolled"


async def test_a_callback_works_once(identity: Identity) -> None:
    callback = await identity.visit((await identity.auth.begin(ALICE)).url)
    outcomes = await asyncio.gather(
        *(identity.auth.complete(callback) for _ in range(5)), return_exceptions=True
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, AuthenticationError)]
    assert len(refusals) == 4
    assert all("completed already" in str(refusal) for refusal in refusals)
    assert identity.token_requests("authorization_code") == 1


@pytest.mark.parametrize("state", ["", "somebody-elses"])
async def test_an_unknown_state_is_refused(identity: Identity, state: str) -> None:
    request = await identity.auth.begin(ALICE)
    callback = await identity.visit(request.url)
    with pytest.raises(AuthenticationError, match="unknown"):
        await identity.auth.complete(callback.model_copy(update={"state": SecretStr(state)}))
    assert identity.token_requests("authorization_code") == 0
    await identity.auth.complete(callback)


async def test_a_sign_in_that_took_too_long_is_refused(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = await identity.visit((await identity.auth.begin(ALICE)).url)
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(AuthenticationError, match="took too long"):
        await identity.auth.complete(callback)


async def test_sign_ins_that_nobody_completed_are_forgotten(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    await identity.auth.begin(ALICE)
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: later)
    await identity.auth.begin(BOB)
    with identity.database.transaction() as tx:
        assert tx.value("SELECT count(*) FROM iacs_auth_sessions") == 1


async def test_a_callback_without_a_code_is_refused(identity: Identity) -> None:
    request = await identity.auth.begin(ALICE)
    with pytest.raises(AuthenticationError, match="neither a code nor an error"):
        await identity.auth.complete(AuthorizationCallback(state=request.state))


async def test_without_the_scope_openid_the_error_is_for_the_operator(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity.oauth_client, "_scopes", "offline_access Mail.Read")
    request = await identity.auth.begin(ALICE)
    with pytest.raises(MalformedResponseError, match="openid"):
        await identity.auth.complete(await identity.visit(request.url))


async def test_later_sign_ins_go_by_the_ids_that_never_change(identity: Identity) -> None:
    account_id = await identity.sign_in(ALICE)
    alice = await identity.accounts.get(ALICE)
    assert alice.object_id
    assert alice.directory_id
    await identity.accounts.signed_in(account_id, object_id="another", directory_id=alice.directory_id)
    with pytest.raises(AuthenticationError, match="not the person who signed in before"):
        await identity.sign_in(ALICE)
    bob = identity.account_ids[BOB]
    await identity.accounts.signed_in(bob, object_id=alice.object_id, directory_id=alice.directory_id)
    request = await identity.auth.begin(BOB)
    signed_in = await identity.auth.complete(await identity.visit(changed(request.url, login_hint=ALICE)))
    assert (signed_in.account, signed_in.username) == (BOB, ALICE)


async def test_a_person_signs_in_on_another_device(identity: Identity) -> None:
    identity.cloud.behaviour.device_code_interval = 1
    sign_in = await identity.auth.begin_device(ALICE)
    assert sign_in.user_code in sign_in.message
    page = f"{sign_in.verification_uri}?otc={sign_in.user_code}&login_hint={quote(ALICE)}"
    assert (await identity.http.send("GET", page)).status == 200
    assert (await identity.auth.complete_device(sign_in)).account == ALICE
    assert await identity.status(ALICE) == "active"


async def test_another_person_on_the_device_is_refused(identity: Identity) -> None:
    identity.cloud.behaviour.device_code_interval = 1
    sign_in = await identity.auth.begin_device(ALICE)
    page = f"{sign_in.verification_uri}?otc={sign_in.user_code}&login_hint={quote(BOB)}"
    await identity.http.send("GET", page)
    with pytest.raises(AuthenticationError, match="not the owner of"):
        await identity.auth.complete_device(sign_in)


async def test_signing_out_forgets_tokens_and_unfinished_sign_ins(identity: Identity) -> None:
    account_id = await identity.sign_in(ALICE)
    unfinished = await identity.visit((await identity.auth.begin(ALICE)).url)
    await identity.auth.sign_out(ALICE)
    assert await identity.status(ALICE) == "enrolled"
    with pytest.raises(SignInRequiredError, match=f"iacs auth login {ALICE}"):
        await identity.tokens.access_token(account_id)
    with pytest.raises(AuthenticationError, match="unknown"):
        await identity.auth.complete(unfinished)
    with identity.database.transaction() as tx:
        assert tx.value("SELECT count(*) FROM iacs_tokens") == 0


async def test_a_sign_in_shows_none_of_its_secrets(identity: Identity) -> None:
    request = await identity.auth.begin(ALICE)
    callback = await identity.visit(request.url)
    shown = f"{request!r} {request} {callback!r} {callback}"
    state = request.state.get_secret_value()
    nonce = parse_qs(urlsplit(request.url).query)["nonce"][0]
    code = callback.code.get_secret_value() if callback.code else ""
    assert [secret for secret in (state, nonce, code) if secret in html.unescape(shown)] == []
    assert re.search("redirect_uri", shown)


async def test_the_next_sign_in_carries_the_claims_of_a_refused_renewal(
    identity: Identity, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
    identity.expire()
    identity.cloud.faults.entra("interaction_required", number=50076, claims=claims)
    with pytest.raises(SignInRequiredError):
        await identity.tokens.access_token(alice)
    carried: list[object] = []
    exchange = identity.oauth_client.exchange_code

    async def note(*args: Any, **kwargs: Any) -> Any:
        carried.append(kwargs["claims"])
        return await exchange(*args, **kwargs)

    monkeypatch.setattr(identity.oauth_client, "exchange_code", note)
    request = await identity.auth.begin(ALICE)
    assert "acrs" in parse_qs(urlsplit(request.url).query)["claims"][0]
    await identity.auth.complete(await identity.visit(request.url))
    assert carried == [claims]
    assert "acrs" not in parse_qs(urlsplit((await identity.auth.begin(ALICE)).url).query)["claims"][0]


async def test_a_sign_in_ends_at_the_tenant_where_it_began(identity: Identity) -> None:
    request = await identity.auth.begin(ALICE)
    await identity.accounts.relink(ALICE, tenant_id="wrong.example")
    await identity.auth.complete(await identity.visit(request.url))
    redeemed = [sent for sent in identity.cloud.requests if sent.grant_type == "authorization_code"]
    assert redeemed[0].path.split("/")[1] == "common"


async def test_a_sign_in_without_a_refresh_token_warns(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(identity.oauth_client, "_scopes", "openid profile User.Read Mail.Read")
    request = await identity.auth.begin(ALICE)
    signed_in = await identity.auth.complete(await identity.visit(request.url))
    assert "offline_access" in signed_in.warning
    assert "offline_access" in caplog.text


async def test_a_person_who_was_created_again_signs_in_after_a_relink(identity: Identity, alice: str) -> None:
    directory = identity.cloud.tenant_id
    await identity.accounts.signed_in(alice, object_id="the-one-before", directory_id=directory)
    with pytest.raises(AuthenticationError, match=f"iacs account relink {ALICE}"):
        await identity.sign_in(ALICE)
    account = await identity.accounts.relink(ALICE)
    assert (account.id, account.status, account.object_id) == (alice, "enrolled", None)
    assert not await identity.token_service.holds(alice)
    await identity.sign_in(ALICE)
    assert await identity.status(ALICE) == "active"


async def test_a_person_signs_in_with_a_name_that_is_not_the_address(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity.cloud.change_username(ALICE, "a12345@corp.example")
    with pytest.raises(AuthenticationError, match="a12345@corp"):
        await identity.sign_in(ALICE)
    monkeypatch.setattr(identity.oauth_client, "_tenant_id", identity.cloud.tenant_id)
    await identity.sign_in(ALICE)
    assert await identity.status(ALICE) == "active"


async def test_a_person_who_is_created_again_is_accepted_after_a_relink(
    identity: Identity, alice: str
) -> None:
    identity.cloud.create_again(ALICE)
    with pytest.raises(AuthenticationError, match="not the person who signed in before"):
        await identity.sign_in(ALICE)
    await identity.accounts.relink(ALICE)
    assert await identity.sign_in(ALICE) == alice


async def test_mail_stays_with_a_person_whose_address_changed(identity: Identity, alice: str) -> None:
    new = "alice.baker@contoso.example"
    await identity.accounts.add(new, username=ALICE)
    request = await identity.auth.begin(new)
    signed_in = await identity.auth.complete(await identity.visit(request.url))
    assert signed_in.account == new
    assert (await identity.accounts.get(new)).id == alice
    await identity.tokens.access_token(alice)
    with pytest.raises(AccountNotFoundError):
        await identity.accounts.get(ALICE)
