"""Secrets in the database, in logs, errors and representations."""

import asyncio
import logging
import traceback
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from iacs.account import AccountTokens
from iacs.auth.session import AuthSession
from iacs.core._tokens.store import open_row
from iacs.core.encryption import Encryption
from iacs.core.exceptions import (
    AuthenticationError,
    ConfigurationError,
    DatabaseError,
    SignInRequiredError,
)
from iacs.core.logger import create_logger
from iacs.core.token_service import TokenService
from iacs.core.transaction import Transaction
from tests.fixtures.sign_in import ALICE, BOB, OLD_KEY, Identity, opened_key


async def test_tokens_swapped_between_accounts_do_not_decrypt(identity: Identity, alice: str) -> None:
    bob = await identity.sign_in(BOB)

    def swap(tx: Transaction) -> None:
        secret = tx.value("SELECT secret FROM iacs_tokens WHERE account_id = :id", {"id": alice})
        tx.execute(
            "UPDATE iacs_tokens SET secret = :secret WHERE account_id = :id", {"secret": secret, "id": bob}
        )

    await identity.database.run(swap)
    with pytest.raises(Exception, match="belongs to another record") as caught:
        await identity.another_process().access_token(bob)
    assert not [
        secret
        for secret in identity.cloud.issued
        if secret in "".join(traceback.format_exception(caught.value))
    ]


async def test_a_lost_key_is_a_problem_of_the_settings(identity: Identity, alice: str) -> None:
    encryption = type(identity.encryption())(SecretStr(identity.encryption().new_key()))
    service = TokenService(
        identity.database, identity.oauth_client, encryption, logger=create_logger("iacs.test")
    )
    with pytest.raises(ConfigurationError, match="TOKEN_ENCRYPTION_KEY"):
        await service.access_token(alice)


def change(identity: Identity, column: str, value: object) -> None:
    with identity.database.transaction() as tx:
        tx.execute(f"UPDATE iacs_tokens SET {column} = :value", {"value": value})  # noqa: S608


async def test_an_older_secret_of_the_same_account_is_refused(identity: Identity, alice: str) -> None:
    before = identity.row(ALICE)
    assert before is not None
    identity.expire()
    await identity.another_process().access_token(alice)  # renewed
    change(identity, "secret", before["secret"])
    with pytest.raises(DatabaseError, match="altered outside iacs"):
        await identity.another_process().access_token(alice)


@pytest.mark.parametrize("column", ["expires_at", "refresh_at"])
async def test_tokens_whose_expiry_was_changed_are_refused(
    identity: Identity, alice: str, column: str
) -> None:
    change(identity, column, "2999-01-01T00:00:00.000000Z")
    with pytest.raises(DatabaseError, match="altered outside iacs"):
        await identity.another_process().access_token(alice)


@pytest.mark.parametrize("secret", ["", "gAAAAA", "not base64 at all", "AAAA" * 40])
async def test_a_corrupt_secret_is_called_corrupt(identity: Identity, alice: str, secret: str) -> None:
    change(identity, "secret", secret)
    with pytest.raises(DatabaseError, match="corrupt"):
        await identity.another_process().access_token(alice)


def service_with(identity: Identity, *keys: str) -> TokenService:
    encryption = Encryption(SecretStr(",".join(keys)))
    return TokenService(
        identity.database, identity.oauth_client, encryption, logger=create_logger("iacs.test")
    )


async def test_after_a_rotation_the_old_key_is_not_needed(identity: Identity, alice: str) -> None:
    bob = await identity.sign_in(BOB)
    old, new = OLD_KEY, Encryption.new_key()
    before = [await identity.another_process().access_token(account) for account in (alice, bob)]

    rotation = await service_with(identity, new, old).rotate_key()

    assert (rotation.rotated, rotation.problems) == (2, {})
    after = service_with(identity, new)
    assert [await after.access_token(account) for account in (alice, bob)] == before


async def test_a_rotation_beside_renewals_loses_no_token(identity: Identity, alice: str) -> None:
    keys = (Encryption.new_key(), OLD_KEY)
    service = service_with(identity, *keys)
    for _ in range(10):
        token = await service.access_token(alice)
        renewing = asyncio.create_task(reject_and_renew(service, alice, token))
        await service_with(identity, *keys).rotate_key()
        await renewing
    await service_with(identity, *keys).rotate_key()
    assert await service_with(identity, keys[0]).access_token(alice) == await service.access_token(alice)


async def reject_and_renew(service: TokenService, account_id: str, token: SecretStr) -> None:
    await service.reject(account_id, token)
    await service.access_token(account_id)


async def test_a_rotation_names_the_rows_that_it_cannot_open_and_does_the_others(
    identity: Identity, alice: str
) -> None:
    bob = await identity.sign_in(BOB)
    with identity.database.transaction() as tx:
        tx.execute("UPDATE iacs_data_keys SET wrapped_key = 'x' WHERE account_id = :id", {"id": bob})

    rotation = await service_with(identity, Encryption.new_key(), OLD_KEY).rotate_key()

    assert rotation.rotated == 1
    assert list(rotation.problems) == [bob]
    assert "corrupt" in rotation.problems[bob]


def shown(*values: object) -> str:
    return " ".join(f"{value!r} {value}" for value in values)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_secret_is_in_the_files_logs_errors_or_representations(
    identity: Identity, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = await identity.auth.begin(ALICE)
    query = parse_qs(urlsplit(request.url).query)
    callback = await identity.visit(request.url)
    session = AuthSession.new(ALICE, "http://localhost:8400/callback")
    assert await identity.auth.complete(callback)
    alice = identity.account_ids[ALICE]
    identity.expire()
    token = await identity.token_service.access_token(alice)
    await identity.token_service.reject(alice, token, claims='{"access_token":{}}')
    await identity.token_service.access_token(alice)
    unfinished = await identity.auth.begin(BOB)
    row = identity.row(ALICE) or {}
    stored = [open_row(row, opened_key(row))]
    identity.expire()
    identity.cloud.revoke(ALICE)
    tokens = AccountTokens(identity.accounts, identity.another_process(), logger=create_logger("iacs.test"))
    with pytest.raises(SignInRequiredError) as refused:
        await tokens.access_token(alice)
    with pytest.raises(AuthenticationError) as unknown:
        await identity.auth.complete(callback)

    secrets = [*identity.cloud.issued, identity.cloud.client_secret]
    secrets += [query[name][0] for name in ("state", "nonce")]
    secrets += [unfinished.state.get_secret_value(), session.verifier, session.nonce]
    written = b"".join(
        path.read_bytes() for path in Path(database_url.removeprefix("sqlite:///")).parent.glob("iacs.db*")
    )
    assert ALICE.encode() in written
    texts = caplog.text + shown(request, callback, session, unfinished, *stored, *vars(identity).values())
    texts += "".join(traceback.format_exception(refused.value) + traceback.format_exception(unknown.value))
    assert "sign-in required" in texts
    assert [secret for secret in secrets if secret.encode() in written] == []
    assert [secret for secret in secrets if secret in texts] == []
    assert len(secrets) > 10
