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


async def test_a_port_in_use_is_one_sentence(cloud: Sandbox) -> None:
    port = int(cloud.url.rpartition(":")[2])
    with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"):
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
