"""The command that asks whether everything works, with each thing that can be away."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.core.database import Database
from iacs.sandbox import Sandbox
from tests.cli.conftest import ALICE, Iacs, Ran, SignIn, on_terminal, run_process

MODULES = ["core", "account", "auth", "mail_query"]


def report(ran: Ran) -> dict[str, Any]:
    health: dict[str, Any] = json.loads(ran.out)
    return health


def causes(ran: Ran) -> dict[str, list[str]]:
    """Return the parts that each module names as a cause, of those that are not up."""
    modules = report(ran)["modules"].items()
    return {name: [cause["path"][-1] for cause in m["causes"]] for name, m in modules if m["status"] != "up"}


@pytest.fixture(autouse=True)
def database() -> None:
    with Database("sqlite:///iacs.db") as database, database.transaction():
        pass


@pytest.mark.usefixtures("at_cloud")
async def test_application_that_works_is_a_table_of_parts_and_one_of_modules(iacs: Iacs) -> None:
    ran = await asyncio.to_thread(iacs, "health")
    assert (ran.code, ran.err) == (0, "everything works\n")
    rows = [line.split() for line in ran.lines]
    assert rows[0] == ["part", "status", "ms", "detail"]
    assert [row[:2] for row in rows[1:8]] == [
        *([f"core.{name}", "up"] for name in ("database", "event_log", "encryption", "oauth_client")),
        ["account.service", "up"],
        ["mail_query.outbox", "up"],
        ["mail_query.service", "up"],
    ]
    assert rows[8:10] == [[], ["module", "status", "cause"]]
    assert rows[10:] == [[name, "up", "-"] for name in MODULES]
    assert "dialect sqlite, schema_version 1" in ran.lines[1]


@pytest.mark.usefixtures("at_cloud")
async def test_health_as_json_is_one_object(iacs: Iacs) -> None:
    ran = await asyncio.to_thread(iacs, "health", "--json")
    assert (ran.code, ran.err, len(ran.lines)) == (0, "", 1)
    health = report(ran)
    assert (health["status"], list(health["modules"])) == ("up", MODULES)
    assert health["parts"]["core.database"]["detail"] == {"dialect": "sqlite", "schema_version": 1}


async def test_without_the_cloud_exactly_those_who_need_it_are_down(at_cloud: Sandbox, iacs: Iacs) -> None:
    await at_cloud.__aexit__(None, None, None)
    ran = await asyncio.to_thread(iacs, "health", "--json")
    assert ran.code == 1
    assert causes(ran) == {module: ["core.oauth_client"] for module in ("core", "auth", "mail_query")}
    assert report(ran)["modules"]["mail_query"]["causes"][0]["path"] == [
        "mail_query.service",
        "account_tokens",
        "core.token_service",
        "core.oauth_client",
    ]


@pytest.mark.usefixtures("at_cloud")
@pytest.mark.parametrize("url", ["sqlite:///missing/iacs.db", "postgresql://iacs:hunter2@127.0.0.1:1/iacs"])
async def test_without_the_database_every_module_is_down_and_names_it(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    ran = await asyncio.to_thread(iacs, "health", "--json")
    assert ran.code == 1
    assert causes(ran) == {module: ["core.database"] for module in MODULES}
    assert {
        path: part["status"] for path, part in report(ran)["parts"].items() if part["status"] != "up"
    } == {
        "core.database": "down",
        "core.event_log": "down",
        "account.service": "down",
        "mail_query.outbox": "down",
        "mail_query.service": "down",
    }
    assert "hunter2" not in ran.out + ran.err


@pytest.mark.usefixtures("at_cloud")
async def test_with_kafka_its_client_is_probed_instead_of_the_event_log(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, kafka_servers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", ",".join(kafka_servers))
    ran = await asyncio.to_thread(iacs, "health", "--json", "--timeout", "20")
    assert ran.code == 0, ran.out
    assert report(ran)["parts"]["core.kafka_client"]["detail"] == {"brokers": 1, "consumers": 0, "lag": 0}
    assert "core.event_log" not in report(ran)["parts"]


@pytest.mark.usefixtures("at_cloud")
async def test_without_kafka_exactly_those_who_need_it_are_down(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    ran = await asyncio.to_thread(iacs, "health")
    assert ran.code == 1
    assert "mail_query.service -> mail_query.outbox -> core.events -> core.kafka_client: Kafka" in ran.out
    assert [line.split()[:2] for line in ran.lines if line.startswith(("account ", "auth "))] == [
        ["account", "up"],
        ["auth", "up"],
    ]


async def test_account_that_has_to_sign_in_again_is_seen_and_fails_only_a_strict_check(
    iacs: Iacs, sign_in: SignIn
) -> None:
    await sign_in(ALICE)
    with Database("sqlite:///iacs.db") as database, database.transaction() as tx:
        assert tx.execute("UPDATE iacs_accounts SET status = 'sign_in_required'")
    ran = await asyncio.to_thread(iacs, "health")
    assert (ran.code, ran.err) == (0, "everything works, but some parts need attention\n")
    assert ran.out.count("3 accounts have to sign in again") == 4
    assert [line.split()[:2] for line in ran.lines[-4:]] == [
        ["core", "up"],
        ["account", "degraded"],
        ["auth", "degraded"],
        ["mail_query", "degraded"],
    ]
    assert (await asyncio.to_thread(iacs, "health", "--strict")).code == 1


@pytest.mark.usefixtures("at_cloud")
async def test_strict_check_of_what_works_passes(iacs: Iacs) -> None:
    assert (await asyncio.to_thread(iacs, "health", "--strict")).code == 0


def test_a_checkout_without_settings_gets_an_error_that_lists_them_all(iacs: Iacs) -> None:
    ran = iacs("health")
    assert (ran.code, ran.err) == (1, "some parts do not work\n")
    assert "auth.service -> core.oauth_client: AZURE_CLIENT_ID is not set" in ran.out
    assert (
        "core.encryption: TOKEN_ENCRYPTION_KEY is not set; generate a key with: iacs config new-key"
        in ran.out
    )


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_settings_that_cannot_be_used_are_a_report(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hunter2@db/iacs")
    ran = iacs("health", *options)
    assert (ran.code, ran.err, len(ran.lines)) == (1, "", 1)
    assert "the application cannot start: DATABASE_URL" in ran.out
    assert "hunter2" not in ran.out
    if options:
        assert (report(ran)["status"], report(ran)["modules"], report(ran)["parts"]) == ("down", {}, {})


def test_part_that_cannot_be_built_is_a_report_that_names_it(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self) -> None:
            raise ConnectionRefusedError(111, "Connection refused")

    @containers.copy(ApplicationContainer)
    class Own(ApplicationContainer):
        broken = providers.Singleton(Broken)

    monkeypatch.setattr("iacs.containers.ApplicationContainer", Own)
    ran = iacs("health")
    assert (ran.code, ran.err, len(ran.lines)) == (1, "", 1)
    assert ran.out.startswith("down: the application cannot start: broken: ")


def test_container_of_ones_own_is_asked_by_name(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own_shop.py").write_text(
        "from dependency_injector import containers, providers\n"
        "class Till:\n"
        "    def probe(self):\n"
        "        return '3 coins'\n"
        "class Shop(containers.DeclarativeContainer):\n"
        "    till = providers.Singleton(Till)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    ran = iacs("health", "own_shop:Shop")
    assert (ran.code, ran.err) == (0, "everything works\n")
    assert ran.lines[1].split()[:2] == ["till", "up"]
    assert ran.lines[1].endswith("3 coins")


def test_container_that_is_not_there_is_a_report(iacs: Iacs) -> None:
    ran = iacs("health", "iacs.containers:Nothing")
    assert (ran.code, ran.err, len(ran.lines)) == (1, "", 1)
    assert "Nothing" in ran.out


@pytest.fixture
def silent() -> Iterator[str]:
    """Address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.usefixtures("at_cloud")
async def test_what_does_not_answer_is_down_in_time(
    iacs: Iacs, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", silent)
    ran = await asyncio.to_thread(iacs, "health", "--json", "--timeout", "2")
    assert (ran.code, ran.err) == (1, "")
    assert causes(ran)["auth"] == ["core.oauth_client"]
    assert report(ran)["parts"]["core.oauth_client"]["error"] == "no answer within 2 s"


@pytest.mark.parametrize("timeout", ["0", "-1", "soon"])
def test_timeout_that_is_none_is_a_misuse(iacs: Iacs, timeout: str) -> None:
    assert iacs("health", "--timeout", timeout).code == 2


async def test_exit_code_of_the_process_says_it_too(at_cloud: Sandbox) -> None:
    assert (await run_process("health", "--json", "--timeout", "20")).code == 0
    assert "everything works" in await on_terminal("health", "--timeout", "20")
    await at_cloud.__aexit__(None, None, None)
    ran = await run_process("health", "--json")
    assert (ran.code, ran.err) == (1, "")
