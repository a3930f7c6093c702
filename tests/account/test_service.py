import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from iacs.account import AccountPublisher, AccountService, Recorder
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.exceptions import (
    AccountDisabledError,
    AccountError,
    AccountNotFoundError,
    DegradedError,
)
from iacs.core.logger import create_logger
from iacs.core.token_service import Grants
from tests.fixtures.sign_in import ALICE, BOB, write_enrollment

CAROL = "carol@contoso.example"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_enrollment(tmp_path / "enrollment", ALICE, BOB)


@pytest.fixture
async def accounts(database: Database, directory: Path) -> AsyncIterator[AccountService]:
    logger = create_logger("iacs.test")
    events = EventLog(database, logger=logger)
    recorder = Recorder(database)
    AccountPublisher(recorder, database, events, logger=logger)
    yield AccountService(database, Grants(database), recorder, enrollment_directory=directory, logger=logger)
    await events.aclose()


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


async def test_many_concurrent_syncs_enrol_each_account_once(accounts: AccountService) -> None:
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


async def test_an_account_without_a_file_is_left_alone(accounts: AccountService, tmp_path: Path) -> None:
    await accounts.sync()
    result = await accounts.sync(write_enrollment(tmp_path / "other", CAROL))
    assert (result.added, result.disabled, result.left_alone) == ((CAROL,), (), (ALICE, BOB))
    assert [account.status for account in await accounts.list()] == ["enrolled"] * 3


async def test_pruning_disables_an_account_without_a_file(accounts: AccountService, directory: Path) -> None:
    await accounts.sync()
    (directory / "bob.yaml").unlink()
    result = await accounts.sync(prune=True)
    assert (result.disabled, result.left_alone, result.disables_most) == ((BOB,), (), False)
    assert (await accounts.get(BOB)).status == "disabled"
    again = await accounts.sync(prune=True)
    assert (again.disabled, again.unchanged) == ((), (ALICE,))


async def test_pruning_all_but_a_new_account_disables_most(accounts: AccountService, tmp_path: Path) -> None:
    await accounts.sync()
    other = write_enrollment(tmp_path / "other", CAROL)
    assert (await accounts.sync(other, prune=True, dry_run=True)).disables_most
    write_enrollment(other, ALICE)
    assert not (await accounts.sync(other, prune=True, dry_run=True)).disables_most


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    accounts: AccountService, database: Database, directory: Path
) -> None:
    await accounts.sync()
    before = snapshot(database)
    (directory / "bob.yaml").unlink()
    (directory / "alice.yaml").write_text(f"account: {ALICE}\nname: Alice")
    write_enrollment(directory, CAROL)
    planned = await accounts.sync(prune=True, dry_run=True)
    assert (planned.added, planned.updated, planned.disabled) == ((CAROL,), (ALICE,), (BOB,))
    assert snapshot(database) == before
    assert await accounts.sync(prune=True) == planned


@pytest.mark.parametrize(("signed_in", "status"), [(False, "enrolled"), (True, "active")])
async def test_an_account_whose_file_comes_back_is_as_before(
    accounts: AccountService, directory: Path, signed_in: bool, status: str
) -> None:
    await accounts.sync()
    bob = await accounts.get(BOB)
    if signed_in:
        await accounts.signed_in(bob.id, object_id="o", directory_id="d")
    (directory / "bob.yaml").unlink()
    await accounts.sync(prune=True)
    write_enrollment(directory, BOB)
    assert (await accounts.sync()).updated == (BOB,)
    back = await accounts.get(BOB)
    assert (back.id, back.status) == (bob.id, status)


async def test_an_account_is_added_disabled_and_enabled_by_its_address(accounts: AccountService) -> None:
    added = await accounts.add(CAROL.upper(), name="Carol", tenant_id="contoso.example")
    assert (added.email, added.name, added.tenant_id) == (CAROL, "Carol", "contoso.example")
    assert added.status == "enrolled"
    await accounts.signed_in(added.id, object_id="o", directory_id="d")
    assert (await accounts.disable(CAROL)).status == "disabled"
    assert (await accounts.disable(CAROL)).status == "disabled"
    with pytest.raises(AccountDisabledError, match=f"iacs account enable {CAROL}"):
        await accounts.get_enabled(CAROL)
    assert (await accounts.enable(CAROL)).status == "active"
    assert (await accounts.get_enabled(CAROL)).id == added.id


async def test_an_account_is_added_once(accounts: AccountService) -> None:
    outcomes = await asyncio.gather(*(accounts.add(CAROL) for _ in range(8)), return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, AccountError)]
    assert len(refusals) == 7
    assert {str(refusal) for refusal in refusals} == {f"{CAROL} is already enrolled"}
    await accounts.disable(CAROL)
    with pytest.raises(AccountError, match=f"iacs account enable {CAROL}"):
        await accounts.add(CAROL)


@pytest.mark.parametrize(
    ("email", "name", "tenant_id", "problem"),
    [
        ("carol", "", "", "account is not an address"),
        ("a\x00b@contoso.example", "", "", "account is not an address"),
        (CAROL, "a\x00b", "", "name contains the character NUL"),
        (CAROL, "", "a/b", "tenant_id is not a directory id"),
    ],
)
async def test_a_malformed_account_is_not_added(
    accounts: AccountService, email: str, name: str, tenant_id: str, problem: str
) -> None:
    with pytest.raises(AccountError, match=problem):
        await accounts.add(email, name=name, tenant_id=tenant_id)
    assert await accounts.list() == ()


async def test_a_relinked_account_keeps_its_id_and_waits_for_its_new_person(accounts: AccountService) -> None:
    account = await accounts.add(CAROL, name="Carol", tenant_id="old.example")
    await accounts.signed_in(account.id, object_id="an-object", directory_id="a-directory")
    relinked = await accounts.relink(CAROL, tenant_id="new.example")
    changes = {"tenant_id": "new.example", "directory_id": "a-directory"}
    assert relinked == account.model_copy(update=changes)
    with pytest.raises(AccountError, match="tenant_id is not a directory id"):
        await accounts.relink(CAROL, tenant_id="a/b")
    with pytest.raises(AccountError, match="username is not a sign-in name"):
        await accounts.relink(CAROL, username="carol")
    assert await accounts.get(CAROL) == relinked


async def test_an_account_takes_the_new_address_of_its_person(
    accounts: AccountService, directory: Path
) -> None:
    await accounts.sync(directory)
    person = {"object_id": "an-object", "directory_id": "a-directory"}
    before = await accounts.get(ALICE)
    await accounts.signed_in(before.id, **person)
    await accounts.disable(ALICE)
    new = await accounts.add(CAROL, name="Alice Baker")
    after = await accounts.follow(new.id, **person)
    assert after == before.model_copy(
        update={"email": CAROL, "name": "Alice Baker", "status": "active", **person}
    )
    with pytest.raises(AccountNotFoundError):
        await accounts.get(ALICE)
    assert await accounts.follow(after.id, **person) == after


async def test_an_account_that_was_in_use_is_not_merged(accounts: AccountService, directory: Path) -> None:
    await accounts.sync(directory)
    person = {"object_id": "an-object", "directory_id": "a-directory"}
    await accounts.signed_in((await accounts.get(ALICE)).id, **person)
    bob = await accounts.get(BOB)
    await accounts.signed_in(bob.id, object_id="another", directory_id="a-directory")
    await accounts.relink(BOB)
    assert (await accounts.follow(bob.id, **person)).email == BOB
    assert [account.email for account in await accounts.list()] == [ALICE, BOB]


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


async def test_an_address_is_matched_in_any_case(accounts: AccountService) -> None:
    await accounts.sync()
    assert (await accounts.get(" Alice@CONTOSO.example ")).email == ALICE


async def test_an_unknown_address_says_how_to_enrol(accounts: AccountService) -> None:
    with pytest.raises(AccountNotFoundError) as caught:
        await accounts.get("Carol@contoso.example")
    assert str(caught.value) == "no account with the address carol@contoso.example is enrolled"
    assert caught.value.hint == "enrol it with: iacs account add carol@contoso.example"


async def test_the_person_who_signed_in_is_recorded(accounts: AccountService) -> None:
    await accounts.sync()
    alice = await accounts.get(ALICE)
    await accounts.signed_in(alice.id, object_id="o", directory_id="d")
    after = await accounts.get(ALICE)
    assert (after.status, after.object_id, after.directory_id) == ("active", "o", "d")
    await accounts.signed_out(alice.id)
    after = await accounts.get(ALICE)
    assert (after.status, after.object_id) == ("enrolled", "o")
    assert (await accounts.get(BOB)).status == "enrolled"


async def test_signing_out_does_not_enable_a_disabled_account(accounts: AccountService) -> None:
    await accounts.sync()
    bob = await accounts.get(BOB)
    await accounts.signed_in(bob.id, object_id="o", directory_id="d")
    await accounts.disable(BOB)
    await accounts.signed_out(bob.id)
    assert (await accounts.get(BOB)).status == "disabled"
    assert (await accounts.enable(BOB)).status == "enrolled"


async def test_nobody_signs_in_to_a_disabled_account(accounts: AccountService) -> None:
    await accounts.sync()
    bob = await accounts.disable(BOB)
    with pytest.raises(AccountDisabledError):
        await accounts.signed_in(bob.id, object_id="o", directory_id="d")
    assert (await accounts.enable(BOB)).status == "enrolled"


async def test_only_a_person_who_was_signed_in_has_to_sign_in_again(accounts: AccountService) -> None:
    await accounts.sync()
    alice, bob = await accounts.list()
    await accounts.signed_in(alice.id, object_id="o", directory_id="d")
    assert [await accounts.sign_in_required(account.id) for account in (alice, bob, alice)] == [
        True,
        False,
        False,
    ]
    assert [account.status for account in await accounts.list()] == ["sign_in_required", "enrolled"]
    await accounts.sign_in_restored(alice.id)
    await accounts.sign_in_restored(bob.id)
    assert [account.status for account in await accounts.list()] == ["active", "enrolled"]


async def test_accounts_are_up_while_nobody_has_to_sign_in_again(accounts: AccountService) -> None:
    assert await accounts.probe() == {}
    await accounts.sync()
    await accounts.signed_in((await accounts.get(ALICE)).id, object_id="o", directory_id="d")
    await accounts.disable(BOB)
    await accounts.add(CAROL)
    assert await accounts.probe() == {"active": 1, "disabled": 1, "enrolled": 1}


@pytest.mark.parametrize(
    ("emails", "subject"), [((ALICE,), "1 account has"), ((ALICE, BOB), "2 accounts have")]
)
async def test_accounts_are_degraded_when_people_have_to_sign_in_again(
    accounts: AccountService, emails: tuple[str, ...], subject: str
) -> None:
    await accounts.sync()
    for email in emails:
        account = await accounts.get(email)
        await accounts.signed_in(account.id, object_id="o", directory_id="d")
        await accounts.sign_in_required(account.id)
    with pytest.raises(DegradedError) as caught:
        await accounts.probe()
    assert str(caught.value) == f"{subject} to sign in again"
    assert caught.value.hint == "list them with: iacs account list"


async def test_an_id_that_is_gone_cannot_sign_in(accounts: AccountService) -> None:
    with pytest.raises(AccountNotFoundError, match="no-such-id"):
        await accounts.signed_in("no-such-id", object_id="o", directory_id="d")
