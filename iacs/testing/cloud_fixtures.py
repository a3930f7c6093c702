"""The fixture `cloud`, whose server runs once in each process of a test run."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from iacs.runtime import Application
    from iacs.sandbox import Sandbox
    from iacs.testing.cloud import CloudFixture
    from iacs.testing.loop_thread import LoopThread

DEFAULT_MAILBOXES: Final = {"alice@contoso.example": ()}
_ARGUMENTS: Final = {"mailboxes", "signed_in"}
_SERVERS: Final = {"DATABASE_URL": "iacs_postgresql", "KAFKA_BOOTSTRAP_SERVERS": "iacs_kafka"}
"""Settings that another fixture sets if a test uses it."""
_UNSET: Final = (
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_REDIRECT_URI",
    "AZURE_SCOPES",
    "DATABASE_SCHEMA",
    "HTTP_CA_FILE",
    "KAFKA_BOOTSTRAP_SERVERS",
)
"""Settings that would let a test leave the machine; empty in the environment, they have their defaults."""


@pytest.fixture(scope="session")
def iacs_cloud_server() -> "Iterator[tuple[Sandbox, LoopThread]]":
    """The server of the stand-in, without mail, and the thread that runs it."""
    from iacs.sandbox import Sandbox
    from iacs.testing.loop_thread import LoopThread

    thread, sandbox = LoopThread(), Sandbox({})
    try:
        thread.run(sandbox.start())
        yield sandbox, thread
        thread.run(sandbox.aclose())
    finally:
        thread.close()


@pytest.fixture(scope="session")
def iacs_empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table and no row; a copy is ready at once."""
    from iacs.core.database import Database

    path = tmp_path_factory.mktemp("iacs") / "empty.db"
    with Database(f"sqlite:///{path}") as database, database.get_connection():
        pass
    return path


@pytest.fixture
def cloud(iacs_cloud: "CloudFixture") -> "CloudFixture":
    """The stand-in for Microsoft's cloud, with the mailboxes of ``@pytest.mark.cloud(mailboxes={…})``.

    The environment has the settings that make an application use it, with an empty SQLite database.
    """
    return iacs_cloud


@pytest.fixture
def iacs_cloud(
    request: pytest.FixtureRequest,
    iacs_cloud_server: "tuple[Sandbox, LoopThread]",
    iacs_empty_database: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[CloudFixture]":
    """The value of the fixture ``cloud``, whose name a project may have for a fixture of its own."""
    from iacs.testing.cloud import CloudFixture

    fixture = CloudFixture(*iacs_cloud_server)
    fixture.reset(_marked(request.node, "mailboxes", DEFAULT_MAILBOXES), folder=request.path.parent)
    database = tmp_path_factory.mktemp("cloud") / "iacs.db"
    shutil.copyfile(iacs_empty_database, database)
    with _environment(request, fixture, database):
        yield fixture


@contextmanager
def _environment(request: pytest.FixtureRequest, cloud: "CloudFixture", database: Path) -> Iterator[None]:
    """Set the settings of the stand-in, except for those of the servers that the test uses besides."""
    from iacs.core.encryption import Encryption

    prefix = str(request.config.getini("iacs_env_prefix")).upper()
    settings = dict.fromkeys(_UNSET, "") | dict(cloud.settings)
    settings["DATABASE_URL"] = f"sqlite:///{database}"
    for name, fixture in _SERVERS.items():
        if fixture in request.fixturenames:
            settings.pop(name)
    settings["TOKEN_ENCRYPTION_KEY"] = Encryption.new_key()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"{prefix}{name}", value)
            patch.delenv(f"{prefix}{name}_FILE", raising=False)
        yield


def _marked(item: Any, name: str, default: Any) -> Any:
    """Return an argument of the nearest mark ``cloud`` that gives it; raise ConfigurationError for a misspelt one."""
    from iacs.core.exceptions import ConfigurationError

    marks = list(item.iter_markers("cloud"))
    for mark in marks:
        if wrong := [*(mark.kwargs.keys() - _ARGUMENTS), *map(repr, mark.args)]:
            raise ConfigurationError(
                [f"{item.nodeid}: the mark cloud does not accept {', '.join(wrong)}"],
                hint="pass mailboxes={…} or signed_in=False, by name",
            )
    return next((mark.kwargs[name] for mark in marks if name in mark.kwargs), default)


def sign_in_everybody(request: pytest.FixtureRequest, application: "Application[Any]") -> None:
    """Sign in the owners of the mailboxes, if the test uses the fixture ``cloud`` and its mark does not say otherwise.

    An application without accounts, or that does not start them, is left alone.
    """
    if "iacs_cloud" not in request.fixturenames or not _marked(request.node, "signed_in", default=True):
        return
    from iacs.core.exceptions import NotStartedError, UnknownPartError

    cloud: CloudFixture = request.getfixturevalue("iacs_cloud")
    with suppress(NotStartedError, UnknownPartError):
        cloud.sign_in(application)
