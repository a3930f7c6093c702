"""The stand-in as a whole."""

import asyncio
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest

from iacs.sandbox import Sandbox, SandboxError, parse_mailboxes, serve
from tests.fixtures.cloud import SAMPLES


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", ""])  # noqa: S104
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(SandboxError, match="not on loopback"):
        Sandbox({}, host=host)


async def test_the_same_people_and_application_after_a_restart() -> None:
    async with Sandbox(SAMPLES) as one, Sandbox(SAMPLES) as other:
        assert one.url != other.url
        assert (one.tenant_id, one.client_id, one.client_secret) == (
            other.tenant_id,
            other.client_id,
            other.client_secret,
        )
        for address in one.addresses:
            ids = [
                [message.mutable_id for message in cloud.mailbox(address).messages] for cloud in (one, other)
            ]
            assert ids[0] == ids[1]
            assert len(set(ids[0])) == len(ids[0])


async def test_a_reset_leaves_nothing_but_the_address_and_the_signing_key(cloud: Sandbox) -> None:
    alice = cloud.addresses[0]
    url, keys = cloud.url, f"{cloud.url}/{cloud.tenant_id}/discovery/v2.0/keys"
    async with aiohttp.ClientSession() as http:
        before = await (await http.get(keys)).json()
        token = cloud.sign_in(alice, scopes="Mail.Read offline_access")["access_token"]
        me, headers = f"{cloud.graph_url}/me", {"Authorization": f"Bearer {token}"}
        assert (await http.get(me, headers=headers)).status == 200
        cloud.faults.throttle(times=None)
        cloud.behaviour.strict_rotation = True
        cloud.reset({alice: []})
        assert (await http.get(me, headers=headers)).status == 401
        assert await (await http.get(keys)).json() == before
    assert (cloud.url, cloud.addresses, cloud.issued) == (url, (alice,), ())
    assert cloud.mailbox(alice).messages == ()
    assert [request.status for request in cloud.requests] == [401, 200]
    assert not cloud.behaviour.strict_rotation


async def test_a_reset_to_mail_that_cannot_be_read_changes_nothing(cloud: Sandbox, tmp_path: Path) -> None:
    token = cloud.sign_in(cloud.addresses[0], scopes="Mail.Read")["access_token"]
    with pytest.raises(SandboxError, match="cannot read"):
        cloud.reset({"dave@contoso.example": [tmp_path / "missing.mbox"]})
    assert token in cloud.issued
    assert "dave@contoso.example" not in cloud.addresses


async def test_a_request_of_before_a_reset_counts_for_no_limit_after_it(cloud: Sandbox) -> None:
    alice = cloud.addresses[0]
    cloud.behaviour.mailbox_concurrency = 1
    cloud.faults.slow(seconds=30)

    async def status(http: aiohttp.ClientSession) -> int:
        token = cloud.sign_in(alice, scopes="Mail.Read")["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{cloud.graph_url}/me", headers=headers) as response:
            return response.status

    async with aiohttp.ClientSession() as http, asyncio.timeout(20):
        slow = asyncio.create_task(status(http))
        while not cloud.requests:  # noqa: ASYNC110 - the cloud does not announce its requests
            await asyncio.sleep(0.01)
        cloud.reset({alice: []})
        cloud.behaviour.mailbox_concurrency = 1
        assert await slow == 401  # the client tried again, with a token that the cloud has forgotten
        assert await status(http) == 200


async def test_a_port_in_use_is_one_sentence(cloud: Sandbox) -> None:
    port = int(cloud.url.rpartition(":")[2])
    with pytest.raises(
        SandboxError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"
    ):
        await Sandbox({}, port=port).start()


async def test_settings_name_the_authority_only_on_https(cloud: Sandbox, secure_cloud: Sandbox) -> None:
    assert "HTTP_CA_FILE" not in cloud.settings
    ca_file = secure_cloud.settings["HTTP_CA_FILE"]
    ssl.create_default_context(cafile=ca_file)
    await secure_cloud.aclose()
    await secure_cloud.aclose()
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=ca_file)


async def test_https_without_trustme_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(SandboxError, match=r"pip install 'iacsgraph\[sandbox\]'"):
        await Sandbox({}, https=True).start()


async def test_serve_runs_until_cancelled() -> None:
    started: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(Sandbox(SAMPLES), started.set_result))
    cloud = await asyncio.wait_for(started, 10)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{cloud.url}/common/v2.0/.well-known/openid-configuration") as answer:
            assert answer.status == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(cloud.url)


def test_mailboxes_are_pairs_and_may_repeat() -> None:
    assert parse_mailboxes(["a@b.example=x", "a@b.example=y=z"]) == {"a@b.example": [Path("x"), Path("y=z")]}
    for wrong in ("a@b.example", "a@b.example=", "=x", "alice=x"):
        with pytest.raises(SandboxError, match="EMAIL=PATH"):
            parse_mailboxes([wrong])


async def test_mail_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="missing"):
        await Sandbox({"a@b.example": [tmp_path / "missing"]}).start()


def test_an_unknown_mailbox_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError, match=r"no mailbox for a@b\.example"):
        Sandbox({}).mailbox("a@b.example")
