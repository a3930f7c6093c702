"""The probes of the core, with real servers: reachable, stopped and started again."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.exceptions import (
    APIConnectionError,
    ConfigurationError,
    DatabaseError,
    EventError,
    KafkaError,
    MalformedResponseError,
    OperatorRequiredError,
)
from iacs.core.http_client import HttpClient
from iacs.core.kafka_client import KafkaClient
from iacs.core.oauth_client import OAuthClient
from iacs.core.transaction import Transaction
from iacs.runtime.health.probe import is_probe
from iacs.sandbox import Sandbox
from iacs.testing.servers.kafka import KafkaBroker
from tests.fixtures.events import LOGGER
from tests.fixtures.identity import CLIENT_ID, OTHER_GUID, TENANT_ID, Answer, ScriptedEntra

NEWEST = 1


@pytest.mark.parametrize("part", [Database, EventLog, KafkaClient, OAuthClient, Encryption])
def test_part_takes_part_in_health(part: type[Any]) -> None:
    assert is_probe(object.__new__(part))
    assert not is_probe(HttpClient())


async def test_database_reports_its_dialect_and_schema_and_no_secret(database: Database) -> None:
    detail = await database.probe()
    assert detail == {"dialect": database.dialect, "schema_version": NEWEST}
    json.dumps(detail)


async def test_database_in_memory_is_up() -> None:
    async with Database("sqlite://") as database:
        assert (await database.probe())["schema_version"] == NEWEST


async def test_probe_of_a_database_waits_for_no_writer(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/iacs.db", timeout=30) as database:
        await database.probe()
        writing, done = threading.Event(), threading.Event()

        def write(tx: Transaction) -> None:
            tx.execute("DELETE FROM iacs_accounts")
            writing.set()
            done.wait(30)

        work = asyncio.create_task(database.run(write))
        await asyncio.to_thread(writing.wait, 30)
        async with asyncio.timeout(10):
            await database.probe()
        done.set()
        await work


async def test_database_whose_file_was_replaced_is_down(tmp_path: Path) -> None:
    file = tmp_path / "iacs.db"
    async with Database(f"sqlite:///{file}") as database:
        await database.probe()
        file.rename(tmp_path / "away.db")
        file.touch()
        with pytest.raises(DatabaseError, match=r"iacs\.db is gone\nrestore it"):
            await database.probe()


async def test_database_whose_file_is_deleted_is_down(tmp_path: Path) -> None:
    file = tmp_path / "iacs.db"
    async with Database(f"sqlite:///{file}") as database:
        await database.probe()
        file.unlink()
        with pytest.raises(DatabaseError, match=r"iacs\.db is gone\nrestore it"):
            await database.probe()


async def test_database_that_cannot_be_opened_is_down(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/missing/iacs.db") as database:
        with pytest.raises(DatabaseError, match="create the folder"):
            await database.probe()


async def test_database_that_is_closed_is_down(database: Database) -> None:
    database.close()
    with pytest.raises(DatabaseError, match="closed"):
        await database.probe()


async def test_postgresql_that_nobody_serves_is_down_and_its_password_stays_unsaid() -> None:
    async with Database("postgresql://iacs:hunter2@127.0.0.1:1/iacs", timeout=5) as database:
        with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:1") as caught:
            await database.probe()
    assert "hunter2" not in str(caught.value)


async def test_event_log_is_as_well_as_its_database(database: Database) -> None:
    log = EventLog(database, logger=LOGGER)
    await log.publish("topic", 1)
    assert await log.probe() == {"consumers": 0, "lag": 0}
    await database.run(lambda tx: tx.execute("DROP TABLE iacs_event_log"))
    with pytest.raises(DatabaseError, match="event_log"):
        await log.probe()
    await log.aclose()
    with pytest.raises(EventError, match="closed"):
        await log.probe()


async def test_kafka_reports_the_number_of_its_brokers(kafka_servers: tuple[str, ...]) -> None:
    async with KafkaClient(kafka_servers, timeout=20, logger=LOGGER) as kafka:
        assert [await kafka.probe() for _ in range(3)] == [{"brokers": 1, "consumers": 0, "lag": 0}] * 3


async def test_kafka_that_dies_is_down_until_it_is_back(own_broker: KafkaBroker) -> None:
    async with KafkaClient([own_broker.bootstrap], timeout=5, logger=LOGGER) as kafka:
        await kafka.probe()
        await asyncio.to_thread(own_broker.kill)
        try:
            with pytest.raises(KafkaError, match="check that the brokers run") as caught:
                await kafka.probe()
            assert caught.value.servers == (own_broker.bootstrap,)
        finally:
            await asyncio.to_thread(own_broker.restart)
        await _until_up(kafka.probe)


async def test_kafka_that_freezes_is_down_within_the_timeout_and_nobody_else_waits(
    own_broker: KafkaBroker,
) -> None:
    async with KafkaClient([own_broker.bootstrap], timeout=3, logger=LOGGER) as kafka:
        await kafka.probe()
        own_broker.pause()
        try:
            async with asyncio.timeout(15):
                with pytest.raises(KafkaError, match="check that the brokers run"):
                    await kafka.probe()
        finally:
            own_broker.resume()
        await _until_up(kafka.probe)


async def test_kafka_that_nobody_serves_is_down_at_once() -> None:
    async with asyncio.timeout(10):
        async with KafkaClient(["127.0.0.1:1", "127.0.0.1:port"], timeout=60, logger=LOGGER) as kafka:
            with pytest.raises(KafkaError, match=r"cannot be reached.*127\.0\.0\.1:1"):
                await kafka.probe()


async def test_one_server_that_answers_is_enough(kafka_servers: tuple[str, ...]) -> None:
    async with KafkaClient(["127.0.0.1:1", *kafka_servers], timeout=20, logger=LOGGER) as kafka:
        assert (await kafka.probe())["brokers"] == 1


async def _until_up(probe: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await probe()
            except KafkaError:
                await asyncio.sleep(0.1)
            else:
                return


def at(cloud: Sandbox, http: HttpClient, **settings: Any) -> OAuthClient:
    detail: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "authority_host": cloud.settings["AZURE_AUTHORITY_HOST"],
        "tenant_id": cloud.settings["AZURE_TENANT_ID"],
        "redirect_uri": "http://localhost:8400/callback",
        "scopes": "openid",
    }
    return OAuthClient(http, **(detail | settings))


@pytest.mark.parametrize("tenant", ["", "common"])
async def test_entra_is_up_when_it_shows_the_tenants_metadata(
    cloud: Sandbox, http: HttpClient, tenant: str
) -> None:
    client = at(cloud, http, **({"tenant_id": tenant} if tenant else {}))
    assert (await client.probe())["issuer"].startswith(cloud.settings["AZURE_AUTHORITY_HOST"])


async def test_entra_that_is_away_is_down_though_its_metadata_are_kept(
    cloud: Sandbox, http: HttpClient
) -> None:
    client = at(cloud, http)
    await client.probe()
    await cloud.__aexit__(None, None, None)
    with pytest.raises(APIConnectionError):
        await client.probe()


async def test_probe_that_fails_leaves_the_kept_metadata_to_those_who_sign_in(entra: ScriptedEntra) -> None:
    client = entra.client()
    await client.probe()
    entra.server.answer(entra.metadata_path, Answer(404))
    with pytest.raises(MalformedResponseError):
        await client.probe()
    url = await client.authorization_url(state="s", nonce="n", code_challenge="c", login_hint="")
    assert url.startswith(entra.server.url)


async def test_tenant_that_entra_does_not_know_is_for_the_operator(cloud: Sandbox, http: HttpClient) -> None:
    with pytest.raises(OperatorRequiredError, match="AADSTS90002"):
        await at(cloud, http, tenant_id=OTHER_GUID).probe()


async def test_metadata_of_another_tenant_are_refused(entra: ScriptedEntra) -> None:
    path = f"/{TENANT_ID}/v2.0/.well-known/openid-configuration"
    client = entra.client(tenant_id=TENANT_ID)
    entra.server.answer(path, Answer(body=entra.metadata | {"issuer": entra.issuer.upper()}))
    await client.probe()
    entra.server.answer(
        path, Answer(body=entra.metadata | {"issuer": f"{entra.server.url}/{OTHER_GUID}/v2.0"})
    )
    with pytest.raises(MalformedResponseError, match="another tenant"):
        await client.probe()


async def test_client_without_its_settings_asks_nobody(cloud: Sandbox, http: HttpClient) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_CLIENT_ID is not set"):
        await at(cloud, http, client_id="").probe()


@pytest.mark.parametrize("keys", [None, SecretStr(""), SecretStr("no key")])
async def test_encryption_without_a_key_is_down(keys: SecretStr | None) -> None:
    with pytest.raises(ConfigurationError, match="TOKEN_ENCRYPTION_KEY") as caught:
        await Encryption(keys).probe()
    assert "no key" not in str(caught.value)


async def test_encryption_with_a_key_is_up() -> None:
    await Encryption(SecretStr(Encryption.new_key())).probe()
