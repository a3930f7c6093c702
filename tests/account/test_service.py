import asyncio
from pathlib import Path
from typing import Any

import pytest

from iacs.account import AccountService
from iacs.core.database import Database
from iacs.core.exceptions import AccountError, AccountNotFoundError
from iacs.core.logger import create_logger
from tests.fixtures.sign_in import ALICE, BOB, write_enrollment


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_enrollment(tmp_path / "enrollment", ALICE, BOB)


@pytest.fixture
def accounts(database: Database, directory: Path) -> AccountService:
    return AccountService(database, enrollment_directory=directory, logger=create_logger("iacs.test"))


def add_tokens(database: Database, account_id: str) -> None:
    with database.transaction() as tx:
        tx.execute(
            """INSERT INTO iacs_tokens (account_id, secret, scope, expires_at, refresh_at, version, updated_at)
               VALUES (:id, '', '', '', '', 1, '')""",
            {"id": account_id},
        )


def snapshot(database: Database) -> list[dict[str, Any]]:
    with database.transaction() as tx:
        return [dict(row) for row in tx.rows("SELECT * FROM iacs_accounts ORDER BY email")]


async def test_files_become_accounts(accounts: AccountService) -> None:
    result = await accounts.sync()
    assert result.added == (ALICE, BOB)
    alice, bob = await accounts.list()
    assert (alice.email, alice.status, alice.object_id) == (ALICE, "enrolled", None)
    assert bob.email == BOB
    assert alice.id != bob.id


async def test_a_second_sync_changes_nothing(accounts: AccountService, database: Database) -> None:
    await accounts.sync()
    before = snapshot(database)
    result = await accounts.sync()
    assert (result.added, result.updated, result.disabled, result.unchanged) == ((), (), (), (ALICE, BOB))
    assert snapshot(database) == before


async def test_many_who_sync_at_once_enrol_each_account_once(accounts: AccountService) -> None:
    await asyncio.gather(*(accounts.sync() for _ in range(8)))
    assert [account.email for account in await accounts.list()] == [ALICE, BOB]


async def test_a_changed_file_updates_its_account(accounts: AccountService, directory: Path) -> None:
    await accounts.sync()
    before = await accounts.get(ALICE)
    (directory / "alice.yaml").write_text(f"account: {ALICE.upper()}\nname: Alice\ntenant_id: other.example")
    result = await accounts.sync()
    assert (result.updated, result.unchanged) == ((ALICE,), (BOB,))
    after = await accounts.get(ALICE)
    assert (after.id, after.name, after.tenant_id) == (before.id, "Alice", "other.example")


async def test_an_account_whose_file_is_gone_is_disabled(accounts: AccountService, directory: Path) -> None:
    await accounts.sync()
    (directory / "bob.yaml").unlink()
    assert (await accounts.sync()).disabled == (BOB,)
    assert (await accounts.get(BOB)).status == "disabled"
    again = await accounts.sync()
    assert (again.disabled, again.unchanged) == ((), (ALICE,))


@pytest.mark.parametrize(("signed_in", "status"), [(False, "enrolled"), (True, "active")])
async def test_an_account_whose_file_comes_back_is_enabled(
    accounts: AccountService, database: Database, directory: Path, signed_in: bool, status: str
) -> None:
    await accounts.sync()
    bob = await accounts.get(BOB)
    if signed_in:
        add_tokens(database, bob.id)
    (directory / "bob.yaml").unlink()
    await accounts.sync()
    write_enrollment(directory, BOB)
    assert (await accounts.sync()).updated == (BOB,)
    back = await accounts.get(BOB)
    assert (back.id, back.status) == (bob.id, status)


async def test_nothing_is_written_when_a_file_is_malformed(
    accounts: AccountService, database: Database, directory: Path
) -> None:
    await accounts.sync()
    before = snapshot(database)
    (directory / "alice.yaml").unlink()
    (directory / "carol.yaml").write_text("account: carol")
    write_enrollment(directory, "dave@contoso.example")
    with pytest.raises(AccountError, match=r"carol\.yaml: account"):
        await accounts.sync()
    assert snapshot(database) == before


async def test_another_directory_can_be_given(accounts: AccountService, tmp_path: Path) -> None:
    other = write_enrollment(tmp_path / "other", "dave@contoso.example")
    assert (await accounts.sync(other)).added == ("dave@contoso.example",)


async def test_an_address_is_found_in_any_case(accounts: AccountService) -> None:
    await accounts.sync()
    assert (await accounts.get(" Alice@CONTOSO.example ")).email == ALICE


async def test_an_unknown_address_says_how_to_enrol(accounts: AccountService, directory: Path) -> None:
    with pytest.raises(AccountNotFoundError) as caught:
        await accounts.get("Carol@contoso.example")
    assert str(caught.value) == (
        "No account carol@contoso.example is enrolled. Write a file such as"
        f" {directory}/carol.yaml with the line account: carol@contoso.example and run: iacs account sync"
    )


async def test_who_signed_in_is_recorded(accounts: AccountService) -> None:
    await accounts.sync()
    alice = await accounts.get(ALICE)
    await accounts.signed_in(alice.id, object_id="o", directory_id="d")
    after = await accounts.get(ALICE)
    assert (after.status, after.object_id, after.directory_id) == ("active", "o", "d")
    await accounts.signed_out(alice.id)
    after = await accounts.get(ALICE)
    assert (after.status, after.object_id) == ("enrolled", "o")
    assert (await accounts.get(BOB)).status == "enrolled"


async def test_signing_out_does_not_enable_a_disabled_account(
    accounts: AccountService, directory: Path
) -> None:
    await accounts.sync()
    (directory / "bob.yaml").unlink()
    await accounts.sync()
    await accounts.signed_out((await accounts.get(BOB)).id)
    assert (await accounts.get(BOB)).status == "disabled"


async def test_an_id_that_is_gone_cannot_sign_in(accounts: AccountService) -> None:
    with pytest.raises(AccountNotFoundError, match="no-such-id"):
        await accounts.signed_in("no-such-id", object_id="o", directory_id="d")
