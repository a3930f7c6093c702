"""The fixtures `postgresql` and `kafka_broker`: real servers, started once for all processes of a test run."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest

# Read at import, since a project may hide its settings from its tests.
_POSTGRESQL_URL = os.environ.get("IACS_TEST_POSTGRESQL_URL", "")
_BOOTSTRAP_SERVERS = os.environ.get("IACS_TEST_KAFKA_BOOTSTRAP_SERVERS", "")


@pytest.fixture(scope="session")
def iacs_postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server where databases may be created: ``IACS_TEST_POSTGRESQL_URL``, or one started for the run."""
    try:
        from iacs.testing.servers.postgresql import postgresql_server
    except ImportError:
        skip_or_fail("PostgreSQL's driver is not installed: pip install 'iacsgraph[testing]'")
    if _POSTGRESQL_URL:
        yield _POSTGRESQL_URL
        return
    with _running(postgresql_server(_postgresql_folder(tmp_path_factory), temporary=True)) as url:
        yield url


@pytest.fixture
def postgresql(iacs_postgresql: str) -> str:
    """URL of an empty PostgreSQL database, dropped after the test; the setting ``DATABASE_URL`` names it."""
    return iacs_postgresql


@pytest.fixture
def iacs_postgresql(request: pytest.FixtureRequest, iacs_postgresql_server: str) -> Iterator[str]:
    """The value of the fixture ``postgresql``, whose name a project may have for a fixture of its own."""
    from iacs.testing.servers.postgresql import temporary_database

    with temporary_database(iacs_postgresql_server) as url, _setting(request, "DATABASE_URL", url):
        yield url


@pytest.fixture(scope="session")
def iacs_kafka_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Addresses of Kafka brokers: ``IACS_TEST_KAFKA_BOOTSTRAP_SERVERS``, or of one that is started for the run."""
    from iacs.testing.servers.shared_broker import shared_broker

    if _BOOTSTRAP_SERVERS:
        yield _BOOTSTRAP_SERVERS
        return
    cache = kafka_cache(pytestconfig)
    with _running(shared_broker(_run_folder(tmp_path_factory) / "iacs-kafka", cache=cache)) as address:
        yield address


@pytest.fixture
def kafka_broker(iacs_kafka: str) -> str:
    """Address (host:port) of a Kafka broker, which the setting ``KAFKA_BOOTSTRAP_SERVERS`` names.

    Its topics stay until the end of the run.
    """
    return iacs_kafka


@pytest.fixture
def iacs_kafka(request: pytest.FixtureRequest, iacs_kafka_server: str) -> Iterator[str]:
    """The value of the fixture ``kafka_broker``, whose name a project may have for a fixture of its own."""
    with _setting(request, "KAFKA_BOOTSTRAP_SERVERS", iacs_kafka_server):
        yield iacs_kafka_server


def kafka_cache(config: pytest.Config) -> Path:
    """Return the folder for Kafka's jars: that of the ini option, or a part of pytest's cache."""
    if configured := config.getini("iacs_kafka_cache"):
        return config.rootpath / str(configured)
    if config.cache is not None:
        return config.cache.mkdir("iacs-kafka")
    return Path(tempfile.mkdtemp(prefix="iacs-kafka-jars-"))


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test, or fail it where the environment has ``IACS_REQUIRE_SERVICES=1``."""
    if os.environ.get("IACS_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _running(server: AbstractContextManager[str]) -> Iterator[str]:
    """Yield the address of a server; skip the test where it cannot run."""
    from iacs.testing.servers import ServerMissingError

    with ExitStack() as stack:
        try:
            address = stack.enter_context(server)
        except ServerMissingError as error:
            skip_or_fail(str(error))
        yield address


@contextmanager
def _setting(request: pytest.FixtureRequest, name: str, value: str) -> Iterator[None]:
    prefix = str(request.config.getini("iacs_env_prefix")).upper()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"{prefix}{name}", value)
        yield


def _run_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all processes of this run share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def _postgresql_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder outside that of pytest, which the user that the server runs as may not read."""
    from iacs.testing.servers.lock import locked

    note = _run_folder(factory) / "postgresql-folder"
    with locked(note.with_suffix(".lock")):
        if not note.exists():
            note.write_text(f"{tempfile.gettempdir()}/iacs-postgresql-{uuid4().hex[:8]}")
    return Path(note.read_text())
