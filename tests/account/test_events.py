"""The events about accounts: one for every change, whoever noticed it, and a record of it for audits."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from iacs.account import AccountPublisher, AccountService, AccountTokens, Recorder, acting_as
from iacs.account.events import AuditRecord
from iacs.auth import AuthorizationCallback, ReconnectLinks
from iacs.core.events import NewEvent
from iacs.core.exceptions import (
    AuthenticationError,
    EventError,
    SignInRequiredError,
)
from iacs.core.logger import create_logger
from iacs.core.outbox import Outbox, OutboxWriter
from iacs.core.token_service import Grants
from tests.account.processes import processes, start
from tests.fixtures.sign_in import ALICE, BOB, Identity, changed, write_enrollment


async def kinds(identity: Identity) -> list[tuple[str, str]]:
    values = [event.value for event in await identity.published()]
    return [(value["type"], value["account"]) for value in values]


async def refuse(identity: Identity, account_id: str) -> None:
    with pytest.raises(SignInRequiredError):
        await identity.tokens.access_token(account_id)


async def test_a_lost_sign_in_and_its_return_are_one_event_each(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.revoke(ALICE)
    await asyncio.gather(*(refuse(identity, alice) for _ in range(20)))
    await identity.sign_in(ALICE)
    await asyncio.gather(*(identity.tokens.access_token(alice) for _ in range(20)))
    assert await kinds(identity) == [("account.sign_in_required", ALICE), ("account.recovered", ALICE)]
    required, recovered = await identity.published()
    assert (required.type, required.key, required.source) == ("account.sign_in_required", alice, "urn:iacs")
    assert (required.value["error"], required.value["codes"]) == ("invalid_grant", [50173])
    assert required.value["retried"] is False
    assert (recovered.value["account_id"], recovered.value["by"]) == (alice, "sign_in")


async def test_a_refusal_that_is_lifted_is_one_event_each_way(identity: Identity, alice: str) -> None:
    identity.expire()
    identity.cloud.faults.entra("invalid_grant", number=53003)
    await asyncio.gather(*(refuse(identity, alice) for _ in range(20)))
    await identity.tokens.retry(ALICE)
    await asyncio.gather(*(identity.tokens.access_token(alice) for _ in range(20)))
    required, recovered = await identity.published()
    assert (required.value["codes"], required.value["retried"]) == ([53003], True)
    assert (recovered.type, recovered.value["by"]) == ("account.recovered", "renewal")


async def test_a_token_in_the_memory_of_a_process_does_not_recover_an_account(
    identity: Identity, alice: str
) -> None:
    """Graph rejects a token, and Entra ID the renewal; another process has not noticed, and uses the token still."""
    token = await identity.tokens.access_token(alice)
    another = identity.another_tokens()
    assert await another.access_token(alice) == token
    identity.cloud.faults.entra("invalid_grant", number=53003)
    await identity.tokens.reject(alice, token)
    await refuse(identity, alice)
    assert await another.access_token(alice) == token
    assert await kinds(identity) == [("account.sign_in_required", ALICE)]


async def test_the_processes_and_tasks_that_notice_a_refusal_publish_it_once(
    identity: Identity, alice: str, database_url: str
) -> None:
    identity.expire()
    identity.cloud.revoke(ALICE)
    async with processes(4, identity, database_url, tasks=25) as ask_all:
        assert await ask_all() == [25] * 4  # the refusals
    assert await kinds(identity) == [("account.sign_in_required", ALICE)]


@pytest.mark.parametrize(("dies", "copies"), [("stored", 1), ("published", 2)])
async def test_the_event_of_a_process_that_is_killed_is_published_by_another_with_the_same_id(
    identity: Identity, database_url: str, dies: str, copies: int
) -> None:
    victim = await start(identity, database_url, disable=ALICE, dies=dies)
    await asyncio.wait_for(victim.communicate(), 60)
    assert victim.returncode == -signal.SIGKILL
    assert await identity.status(ALICE) == "disabled"
    await identity.accounts.disable(ALICE)
    await identity.accounts.enable(ALICE)
    ids = [event.id for event in await identity.published() if event.type == "account.disabled"]
    assert (len(ids), len(set(ids))) == (copies, 1)


async def test_an_account_that_is_disabled_or_enabled_twice_is_announced_once(identity: Identity) -> None:
    for _ in range(2):
        await asyncio.gather(*(identity.accounts.disable(ALICE) for _ in range(5)))
    for _ in range(2):
        await asyncio.gather(*(identity.accounts.enable(ALICE) for _ in range(5)))
    assert await kinds(identity) == [("account.disabled", ALICE), ("account.enabled", ALICE)]
    assert await identity.audited() == [("disabled", ALICE), ("enabled", ALICE)]


async def test_a_new_account_is_recorded_with_its_enrolment(identity: Identity) -> None:
    account = await identity.accounts.add("info@contoso.example", access="shared", via=ALICE)
    *_, record = [event.value for event in await identity.published("iacs.audit")]
    assert (record["action"], record["account_id"]) == ("enrolled", account.id)
    assert record["changes"] == {
        "access": {"before": "delegated", "after": "shared"},
        "via": {"before": "", "after": ALICE},
    }


async def test_pruning_is_one_operation_and_a_dry_run_is_none(identity: Identity, tmp_path: Path) -> None:
    folder = write_enrollment(tmp_path / "new", "carol@contoso.example")
    await identity.accounts.sync(folder, prune=True, dry_run=True)
    assert await identity.audited() == []
    for _ in range(2):
        await asyncio.gather(*(identity.accounts.sync(folder, prune=True) for _ in range(3)))
    assert sorted(await identity.audited()) == [("pruned", ALICE), ("pruned", BOB)]
    records = [event.value for event in await identity.published("iacs.audit")]
    pruned = [value for value in records if value["action"] == "pruned"]
    assert len({value["operation_id"] for value in pruned}) == 1
    assert [(event.type, event.value["pruned"]) for event in await identity.published()] == [
        ("account.disabled", True)
    ] * 2


async def test_a_file_that_changes_an_account_and_enables_it_is_recorded(
    identity: Identity, tmp_path: Path
) -> None:
    await identity.accounts.disable(ALICE)
    folder = write_enrollment(tmp_path / "new", ALICE)
    (folder / "alice.yaml").write_text(f"account: {ALICE}\ntenant_id: fabrikam.example\n")
    await asyncio.gather(*(identity.accounts.sync(folder) for _ in range(3)))
    assert await identity.audited() == [("disabled", ALICE), ("changed", ALICE), ("enabled", ALICE)]
    changed = [event.value for event in await identity.published("iacs.audit")][-2]
    assert changed["changes"] == {"tenant_id": {"before": "", "after": "fabrikam.example"}}


async def test_signing_in_and_out_is_recorded_with_the_person_and_the_actor(
    identity: Identity, alice: str
) -> None:
    with acting_as("user:4711"):
        for _ in range(2):
            await identity.auth.sign_out(ALICE)
    assert await identity.audited() == [("signed_in", ALICE), ("signed_out", ALICE)]
    signed_in, signed_out = [event.value for event in await identity.published("iacs.audit")][-2:]
    assert (signed_in["actor"], signed_out["actor"]) == (None, "user:4711")
    assert signed_in["object_id"] == signed_out["object_id"]
    assert signed_in["directory_id"] == identity.cloud.tenant_id
    AuditRecord.model_validate(signed_out)


async def test_a_sign_in_by_another_person_is_recorded_without_their_address(
    identity: Identity, alice: str
) -> None:
    request = await identity.auth.begin(BOB)
    with pytest.raises(AuthenticationError, match="not the owner"):
        await identity.auth.complete(await identity.visit(changed(request.url, login_hint=ALICE)))
    [record] = [
        event.value
        for event in await identity.published("iacs.audit")
        if event.value["action"] == "sign_in_refused"
    ]
    assert (record["account"], record["reason"]) == (BOB, "another_person")
    assert record["object_id"] == (await identity.accounts.get(ALICE)).object_id
    assert ALICE not in json.dumps(record)


@pytest.mark.parametrize(
    ("error", "reason"), [("access_denied", "access_denied"), (f"{ALICE} was here", "refused")]
)
async def test_a_sign_in_that_entra_refused_is_recorded_with_a_known_reason_alone(
    identity: Identity, error: str, reason: str
) -> None:
    request = await identity.auth.begin(BOB)
    with pytest.raises(AuthenticationError):
        await identity.auth.complete(AuthorizationCallback(state=request.state, error=error))
    *_, record = [event.value for event in await identity.published("iacs.audit")]
    assert (record["action"], record["account"], record["reason"]) == ("sign_in_refused", BOB, reason)


async def test_a_reconnect_link_is_recorded_without_its_secret(identity: Identity) -> None:
    links = ReconnectLinks(
        identity.database,
        identity.accounts,
        redirect_uri="http://localhost:8400/callback",
        logger=create_logger("iacs.test"),
    )
    link = await links.create(BOB)
    *_, event = await identity.published("iacs.audit")
    assert (event.value["action"], event.value["account"]) == ("sign_in_link_created", BOB)
    assert link.url.rpartition("=")[2] not in json.dumps(event.value)


async def test_a_relinked_account_is_recorded_with_the_person_before(identity: Identity, alice: str) -> None:
    before = await identity.accounts.get(ALICE)
    await identity.accounts.relink(ALICE, tenant_id="fabrikam.example")
    await identity.accounts.relink(ALICE)
    *_, record = [event.value for event in await identity.published("iacs.audit")]
    assert (await identity.audited())[-1] == ("relinked", ALICE)
    assert (record["action"], record["object_id"]) == ("relinked", before.object_id)
    assert set(record["changes"]) == {"tenant_id"}


async def test_a_key_rotation_is_recorded_at_its_begin_and_its_end(identity: Identity, alice: str) -> None:
    await identity.tokens.rotate_key()
    begun, ended = [event.value for event in await identity.published("iacs.audit")][-2:]
    assert (begun["action"], ended["action"]) == ("key_rotation_started", "key_rotation_ended")
    assert begun["operation_id"] == ended["operation_id"]
    assert (ended["rotated"], ended["failed"], ended["account"]) == (1, 0, None)


async def test_a_change_counts_though_its_events_cannot_be_published(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(outbox: Outbox) -> int:
        raise EventError("the broker is away")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "relay", fail)
        assert (await identity.accounts.disable(ALICE)).status == "disabled"
    assert "events still pending" in caplog.text
    assert await kinds(identity) == []
    await identity.accounts.enable(ALICE)
    assert await kinds(identity) == [("account.disabled", ALICE), ("account.enabled", ALICE)]


async def test_publishing_that_hangs_does_not_hold_up_a_change(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(outbox: Outbox) -> int:
        return await asyncio.Future[int]()

    accounts = identity.another_account_service(publish_seconds=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "relay", hang)
        async with asyncio.timeout(10):
            await accounts.disable(ALICE)
    assert "not published within 0.01 seconds" in caplog.text
    assert await identity.status(ALICE) == "disabled"


async def test_an_event_that_cannot_be_stored_undoes_its_change(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EventError("it cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(OutboxWriter, "add", fail)
        with pytest.raises(EventError):
            await identity.accounts.disable(ALICE)
    assert await identity.status(ALICE) == "enrolled"


async def test_without_a_publisher_events_wait_for_the_next_one(identity: Identity) -> None:
    recorder, database = Recorder(identity.database), identity.database
    accounts = AccountService(
        database, Grants(database), recorder, enrollment_directory=Path(), logger=create_logger("iacs.test")
    )
    await accounts.disable(ALICE)
    assert await kinds(identity) == []
    await identity.accounts.enable(ALICE)
    assert await kinds(identity) == [("account.disabled", ALICE), ("account.enabled", ALICE)]


async def test_keeping_grants_alive_publishes_what_waits(identity: Identity) -> None:
    with identity.database.transaction() as tx:
        OutboxWriter().add(tx, [NewEvent("iacs.account", {"at": "", "type": "account.test"})])
    publisher = AccountPublisher(
        Recorder(identity.database), identity.database, identity.events, logger=create_logger("iacs.test")
    )
    assert await publisher.outbox.pending() == 1
    logger = create_logger("iacs.test")
    tokens = AccountTokens(identity.accounts, identity.token_service, publisher=publisher, logger=logger)
    await tokens.keep_alive()
    assert len(await identity.published()) == 1
