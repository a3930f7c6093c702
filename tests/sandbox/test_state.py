"""The state that is kept over restarts."""

import stat
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from iacs.sandbox import Sandbox, SandboxError
from tests.fixtures.cloud import SAMPLES
from tests.sandbox.entra.conftest import ALICE, Client

BOB = "bob@contoso.example"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def ids(cloud: Sandbox, address: str) -> list[str]:
    return [message.mutable_id for message in cloud.mailbox(address).messages]


async def changes(cloud: Sandbox, token: str, url: str) -> tuple[list[str], str]:
    """Follow a delta to its end; return what changed, and the link of the next round."""
    seen: list[str] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        while True:
            async with session.get(url) as answer:
                assert answer.status == 200
                page = await answer.json()
            seen += [item["id"] for item in page["value"]]
            if "@odata.deltaLink" in page:
                return seen, str(page["@odata.deltaLink"])
            url = page["@odata.nextLink"]


async def test_a_sign_in_and_a_delta_go_on_after_a_restart(state: Path) -> None:
    async with Sandbox(SAMPLES, state=state) as cloud, aiohttp.ClientSession() as session:
        client = Client(cloud, session)
        _, tokens = await client.redeem(await client.code())
        delta = f"{cloud.graph_url}/me/mailFolders/inbox/messages/delta"
        seen, link = await changes(cloud, tokens["access_token"], delta)
        assert len(seen) == 12
        mailbox, before = cloud.mailbox(ALICE), cloud.url
        mailbox.remove(seen[0])
        mailbox.move(seen[1], "archive/2026")
        mailbox.change(seen[2], isRead=True)
        mailbox.folder_at("empty")
        added, expected = mailbox.add(b"Subject: New\r\n\r\n\xff").mutable_id, ids(cloud, ALICE)
    async with Sandbox(SAMPLES, state=state) as cloud, aiohttp.ClientSession() as session:
        assert ids(cloud, ALICE) == expected
        assert len(cloud.mailbox(BOB).messages) == 6
        link = link.replace(before, cloud.url)
        seen_later, _ = await changes(cloud, tokens["access_token"], link)
        assert set(seen_later) == {*seen[:3], added}
        assert cloud.mailbox(ALICE).folder_at("empty").name == "empty"
        status, renewed = await Client(cloud, session).refresh(tokens["refresh_token"])
        assert status == 200
        assert {tokens["access_token"], renewed["refresh_token"]} <= set(cloud.issued)


async def test_everything_that_an_administrator_set_is_kept(state: Path) -> None:
    async with Sandbox({ALICE: [], BOB: []}, state=state) as cloud:
        tenant_id = cloud.add_tenant("fabrikam.example", "erin@fabrikam.example")
        cloud.invite("erin@fabrikam.example", cloud.tenant_id)
        cloud.add_personal_account("dave@outlook.example")
        cloud.change_claims(ALICE, {"email": "a@b.example", "preferred_username": ...})
        cloud.change_username(BOB, "b0b@contoso.example")
        cloud.create_again(BOB)
        cloud.grant_full_access(BOB, to=ALICE)
        cloud.limit_application(ALICE)
        cloud.require_consent(administrator_only=["Mail.Read.Shared"])
        cloud.consent(ALICE, "Mail.Read")
        cloud.refuse(ALICE, 50076, claims="{}")
        tokens = cloud.sign_in(BOB, scopes="Mail.Read")
        cloud.refuse(BOB, 700082)
        cloud.expire_secret()
        people, people_ids = cloud.addresses, [cloud.object_id(address) for address in cloud.addresses]
        kept = vars(cloud._cloud)
    async with Sandbox({}, state=state) as cloud, aiohttp.ClientSession() as session:
        assert cloud.addresses == people
        assert [cloud.object_id(address) for address in people] == people_ids
        again = vars(cloud._cloud)
        for name in ("registration", "permissions", "refusals", "in_flight", "behaviour"):
            assert again[name] == kept[name]
        assert vars(again["consents"]) == vars(kept["consents"])
        assert again["issuer"].key_id == kept["issuer"].key_id
        assert again["directory"].domains == kept["directory"].domains
        assert tenant_id in cloud._cloud.directory.domains.values()
        status, body = await Client(cloud, session).refresh(tokens["refresh_token"])
        assert (status, body["error_codes"]) == (401, [7000222])


async def test_a_refusal_that_revokes_tokens_is_kept(state: Path) -> None:
    async with Sandbox({ALICE: []}, state=state) as cloud, aiohttp.ClientSession() as session:
        cloud.behaviour.strict_rotation = True
        client = Client(cloud, session)
        _, tokens = await client.redeem(await client.code())
        _, second = await client.refresh(tokens["refresh_token"])
        assert (await client.refresh(tokens["refresh_token"]))[0] == 400
        copy = read(state)
    write(state, copy)
    async with Sandbox({}, state=state) as cloud, aiohttp.ClientSession() as session:
        assert (await Client(cloud, session).refresh(second["refresh_token"]))[1]["error_codes"] == [50173]


async def test_new_addresses_are_added_to_what_was_kept(state: Path) -> None:
    async with Sandbox({ALICE: SAMPLES[ALICE]}, state=state):
        assert mode(state) == 0o600
    async with Sandbox({ALICE: SAMPLES[ALICE], BOB: SAMPLES[BOB]}, state=state) as cloud:
        assert [len(cloud.mailbox(address).messages) for address in (ALICE, BOB)] == [12, 6]
    assert names(state.parent) == ["state"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda content: content[:-20], "is damaged"),
        (lambda content: content.replace(b"contoso", b"fabrika", 1), "is damaged"),
        (lambda content: content + b"\n", "is damaged"),
        (lambda content: content[:30], "is damaged"),
        (lambda content: content.replace(b" 1 ", b" 2 ", 1), "another version"),
        (lambda content: b"", "is not the state of a stand-in"),
        (lambda content: b"\x00\xff" * 99, "is not the state of a stand-in"),
        (lambda content: b"AZURE_CLIENT_ID=1\n", "is not the state of a stand-in"),
    ],
)
async def test_a_damaged_or_foreign_file_is_never_overwritten(
    state: Path, damage: Callable[[bytes], bytes], sentence: str
) -> None:
    async with Sandbox({ALICE: []}, state=state):
        pass
    content = damage(read(state))
    write(state, content)
    with pytest.raises(SandboxError, match=sentence) as caught:
        await Sandbox({ALICE: []}, state=state).start()
    assert str(state) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read(state) == content


async def test_a_file_that_changes_meanwhile_is_not_overwritten(state: Path) -> None:
    cloud = Sandbox({ALICE: []}, state=state)
    await cloud.start()
    write(state, b"somebody else's")
    with pytest.raises(SandboxError, match="was changed by another program"):
        await cloud.aclose()
    assert read(state) == b"somebody else's"


async def test_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"cannot write the state to .*: No such file"):
        await Sandbox({}, state=tmp_path / "missing" / "state").start()
    with pytest.raises(SandboxError, match=r"cannot read the state in .*: Is a directory"):
        await Sandbox({}, state=tmp_path).start()
