import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dependency_injector import providers

import iacs.containers

LIBRARIES = {
    *("aiohttp", "cryptography", "fastapi", "jwt", "kafka", "msgspec", "psycopg"),
    *("rich", "sqlalchemy", "structlog", "typer", "zstandard"),
}
LOGGING = {"structlog", "rich"}

CONTAINER = """
from iacs.containers import ApplicationContainer
container = ApplicationContainer()
core = container.core()
"""


def loaded(code: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has after some code."""
    environment = {
        name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "COVERAGE"))
    }
    environment["TOKEN_ENCRYPTION_KEY"] = Fernet.generate_key().decode()
    program = f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        check=False,
        env=environment,
        cwd=Path(__file__).parent,  # away from any .env
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def libraries(code: str) -> set[str]:
    return {name.partition(".")[0] for name in loaded(code)} & LIBRARIES - brought_by_the_injector()


@cache
def brought_by_the_injector() -> set[str]:
    """Return what dependency_injector imports by itself: FastAPI, wherever that is installed."""
    return {name.partition(".")[0] for name in loaded("import dependency_injector.containers")}


def test_importing_iacs_imports_nothing_else() -> None:
    after, before = loaded("import iacs"), loaded("pass")
    assert after - before == {"iacs"}


def test_containers_come_without_the_libraries_of_their_parts() -> None:
    assert libraries("import iacs.containers") == set()


@pytest.mark.parametrize("package", ["account", "auth", "mail_query"])
def test_modules_come_without_the_libraries_of_their_parts(package: str) -> None:
    assert libraries(f"import iacs.{package}") == set()


@pytest.mark.parametrize(
    ("use", "own"),
    [
        ("core.config()", set()),
        ("core.logger()", set()),
        ("core.logger().debug('unseen')", set()),
        ("core.logger().info('seen')", LOGGING),
        ("core.database()", {"sqlalchemy"}),
        ("core.http_client()", set()),
        ("core.oauth_client()", set()),
        ("core.encryption()", set()),
        ("import asyncio; asyncio.run(core.encryption().encrypt('text', context='test'))", {"cryptography"}),
        ("core.kafka_client()", {"kafka", "zstandard"}),
        ("core.events()", {"sqlalchemy"}),
        ("container.account().service()", {"sqlalchemy"}),
        ("container.auth().service()", {"sqlalchemy"}),
        ("container.mail_query().service()", {"sqlalchemy"}),
        ("from iacs.auth import LoopbackListener", {"aiohttp"}),
    ],
)
def test_a_part_brings_its_own_library_alone(use: str, own: set[str]) -> None:
    assert libraries(f"{CONTAINER}\n{use}") == own


BUILT = [
    provider.provides
    for name in iacs.containers.__all__
    for provider in getattr(iacs.containers, name).providers.values()
    if isinstance(provider, providers.Singleton) and name != "ApplicationContainer"
]


@pytest.mark.parametrize("built", BUILT, ids=lambda built: built.__name__)
def test_the_parameters_of_a_part_can_be_read_without_building_it(built: Callable[..., object]) -> None:
    parameters = inspect.signature(built, eval_str=True).parameters.values()
    assert [part.name for part in parameters if part.annotation in (part.empty, str(part.annotation))] == []
