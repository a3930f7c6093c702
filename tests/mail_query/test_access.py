"""The three kinds of access to a mailbox: the same sync, queries and events on every database and event stream."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import AccountDisabledError, AccountError, GraphError, SignInRequiredError
from iacs.mail_query import MailQuery
from iacs.sandbox import Sandbox
from tests.mail_query.whole import ALICE, Whole, letter, whole

INFO = "info@contoso.example"
USERNAME = "info.box@corp.contoso.example"
every_access = pytest.mark.parametrize("access", ["delegated", "shared", "application"])
every_backend = pytest.mark.parametrize("servers", ["event_log", "kafka"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SCOPES = "openid profile offline_access User.Read Mail.Read Mail.Read.Shared"


@pytest.fixture
async def cloud() -> AsyncIterator[Sandbox]:
    """Two mailboxes; Alice may open the other one as well, and so may the application."""
    async with Sandbox({ALICE: [], INFO: []}) as cloud:
        cloud.change_username(INFO, USERNAME)
        for number in range(3):
            cloud.mailbox(INFO).add(letter(number))
        cloud.mailbox(ALICE).add(letter(99))
        cloud.grant_full_access(INFO, to=ALICE)
        yield cloud


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The servers of Kafka; none for the event log."""
    kafka = getattr(request, "param", "event_log") == "kafka"
    return request.getfixturevalue("kafka_servers") if kafka else ()


@pytest.fixture
async def service(
    database: Database, cloud: Sandbox, servers: tuple[str, ...], topic: str
) -> AsyncIterator[Whole]:
    async with whole(database, cloud.settings, scopes=SCOPES, servers=servers, topic=topic) as service:
        yield service


async def enrol(service: Whole, folder: Path, access: str) -> str:
    """Enrol the mailbox of INFO, with who opens it signed in; return the account's id."""
    lines = {
        "delegated": f"username: {USERNAME}\n",
        "shared": f"access: shared\nvia: {ALICE}\n",
        "application": "access: application\n",
    }
    await service.sign_in(folder)
    (folder / "info.yaml").write_text(f"account: {INFO}\n{lines[access]}")
    await service.accounts.sync(folder)
    if access == "delegated":
        await service.sign_in_as(INFO)
    return (await service.accounts.get(INFO)).id


@every_backend
@every_access
async def test_a_mailbox_is_synced_queried_and_announced(
    service: Whole, cloud: Sandbox, tmp_path: Path, access: str
) -> None:
    account_id = await enrol(service, tmp_path, access)
    before = len(cloud.requests)
    assert (await service.mail.sync(INFO)).new == 3
    assert (await service.mail.sync(INFO)).new == 0
    cloud.mailbox(INFO).add(letter(3))
    assert (await service.mail.sync(INFO)).new == 1
    events = [event.value for event in await service.read_events()]
    assert {(event["account"], event["account_id"]) for event in events} == {(INFO, account_id)}
    subjects = {f"Letter {number}" for number in range(4)}
    assert {event["subject"] for event in events} == subjects
    messages = [message async for message in service.mail.messages(INFO, MailQuery(folder="inbox"))]
    assert {getattr(message, "subject", None) for message in messages} == subjects
    assert "Inbox" in {folder.display_name for folder in await service.mail.folders(INFO)}
    assert (await service.accounts.get(INFO)).status == "active"
    paths = {request.path.split("/")[2] for request in cloud.requests[before:] if "/v1.0/" in request.path}
    assert paths == ({"me"} if access == "delegated" else {"users"})


@on_sqlite
@pytest.mark.parametrize("access", ["shared", "application"])
async def test_a_mailbox_whose_access_changed_is_read_on_without_new_events(
    service: Whole, tmp_path: Path, access: str
) -> None:
    await enrol(service, tmp_path, "delegated")
    await service.mail.sync(INFO)
    await enrol(service, tmp_path, access)
    assert (await service.mail.sync(INFO)).new == 0
    assert len(await service.read_events()) == 3


@on_sqlite
async def test_a_mailbox_outside_the_policy_of_the_tenant_names_the_policy(
    service: Whole, cloud: Sandbox, tmp_path: Path
) -> None:
    await enrol(service, tmp_path, "application")
    cloud.limit_application(ALICE)
    with pytest.raises(GraphError, match=f"application access policy keeps .* {INFO}") as caught:
        await service.mail.sync(INFO)
    assert "administrator" in caught.value.hint
    with pytest.raises(GraphError, match="application access policy"):
        await service.mail.folders(INFO)
    cloud.limit_application(INFO)
    assert (await service.mail.sync(INFO)).new == 3


@on_sqlite
async def test_a_shared_mailbox_without_full_access_names_both_people(
    service: Whole, cloud: Sandbox, tmp_path: Path
) -> None:
    await enrol(service, tmp_path, "shared")
    cloud.limit_application()
    cloud.revoke_full_access(INFO, of=ALICE)
    with pytest.raises(GraphError, match=f"{ALICE} may not open the shared mailbox {INFO}") as caught:
        [message async for message in service.mail.messages(INFO)]
    assert "full access" in caught.value.hint


@on_sqlite
async def test_a_shared_mailbox_needs_the_sign_in_of_the_account_that_opens_it(
    service: Whole, cloud: Sandbox, tmp_path: Path
) -> None:
    await enrol(service, tmp_path, "shared")
    cloud.revoke(ALICE)
    cloud.expire_access_tokens()
    with pytest.raises(SignInRequiredError, match=f"^{ALICE} is not signed in") as caught:
        await service.mail.sync(INFO)
    assert f"iacs auth login {ALICE}" in caught.value.hint
    assert (await service.accounts.get(ALICE)).status == "sign_in_required"
    await service.sign_in_as(ALICE)
    assert (await service.mail.sync(INFO)).new == 3


@on_sqlite
async def test_a_shared_mailbox_is_closed_with_the_account_that_opens_it(
    service: Whole, tmp_path: Path
) -> None:
    await enrol(service, tmp_path, "shared")
    await service.accounts.disable(ALICE)
    with pytest.raises(AccountError, match=f"{INFO} cannot be opened: {ALICE} is disabled"):
        await service.mail.sync(INFO)


@on_sqlite
async def test_a_disabled_mailbox_is_not_opened_by_the_application(service: Whole, tmp_path: Path) -> None:
    await enrol(service, tmp_path, "application")
    await service.mail.sync(INFO)
    await service.accounts.disable(INFO)
    with pytest.raises(AccountDisabledError):
        await service.mail.sync(INFO)


@on_sqlite
async def test_an_account_opens_a_mailbox_for_its_own_person_alone(service: Whole) -> None:
    await service.accounts.add(ALICE, access="application")
    await service.accounts.add(INFO, access="shared", via=ALICE)
    with pytest.raises(AccountError, match=f"{INFO} is opened by {ALICE}, for which nobody signs in"):
        await service.mail.sync(INFO)


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"access": "application"}, "the application itself"), ({"access": "shared", "via": ALICE}, ALICE)],
)
async def test_nobody_signs_in_to_a_mailbox_that_others_open(
    service: Whole, fields: dict[str, str], sentence: str
) -> None:
    await service.accounts.add(INFO, **fields)
    with pytest.raises(AccountError, match=f"{INFO} is .*{sentence}"):
        await service.auth.begin(INFO)
    with pytest.raises(AccountError, match=f"{INFO} is .*{sentence}"):
        await service.auth.begin_device(INFO)


@on_sqlite
async def test_a_token_of_the_application_that_graph_refused_is_replaced(
    service: Whole, cloud: Sandbox, tmp_path: Path
) -> None:
    await enrol(service, tmp_path, "application")
    await service.mail.sync(INFO)
    cloud.expire_access_tokens()
    cloud.mailbox(INFO).add(letter(3))
    assert (await service.mail.sync(INFO)).new == 1
    assert sum(request.grant_type == "client_credentials" for request in cloud.requests) == 2
