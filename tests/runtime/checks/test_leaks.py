"""Objects that the application builds and that nothing closes are reported."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
import sqlalchemy
from dependency_injector import containers, providers, resources

from iacs.core.exceptions import CheckError
from iacs.runtime import Application, keep_open, scoped
from iacs.runtime.checks import check
from tests.runtime.counted import container_of, only


class Producer:
    """A client that is started and stopped."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Link:
    def connect(self) -> None: ...

    def disconnect(self) -> None: ...


class Bot:
    """A client that sends a request with `close`."""

    async def close(self) -> bool:
        return True


class Client:
    async def aclose(self) -> None: ...


class Connection:
    def close(self) -> None: ...


class Service:
    """It holds what it is given, and never closes anything."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        self.parts, self.named = parts, named


class Owner(Service):
    def close(self) -> None: ...


class Careful(Service):
    """It closes its parts when its work is done."""

    def run(self) -> None:
        for part in self.parts:
            part.close()


class Entering(Service):
    def run(self) -> None:
        with self.named["lock"]:
            pass


async def open_pool() -> Connection:
    return Connection()


def opening(*_parts: object) -> Iterator[Service]:
    yield Service()


async def opening_and_closing(client: Client) -> AsyncIterator[Service]:
    yield Service(client)
    await client.aclose()


@contextmanager
def managing(connection: Connection) -> Iterator[Service]:
    with closing(connection):
        yield Service(connection)


class Initialised(resources.Resource[Service]):
    def init(self, *args: Any, **kwargs: Any) -> Service:
        return Service(*args)


@pytest.mark.parametrize(
    ("provider", "method"),
    [
        (providers.Singleton(sqlalchemy.create_engine, "sqlite://"), "Engine.dispose"),
        (providers.Singleton(ThreadPoolExecutor, 1), "ThreadPoolExecutor.shutdown"),
        (scoped.singleton(ThreadPoolExecutor, 1), "ThreadPoolExecutor.shutdown"),
        (providers.Singleton(Producer), "Producer.stop"),
        (providers.Singleton(Link), "Link.disconnect"),
        (providers.Resource(open_pool), "Connection.close"),
        (providers.Resource(sqlalchemy.create_engine, "sqlite://"), "Engine.dispose"),
    ],
)
def test_a_part_that_only_another_method_closes_is_reported_with_that_method(
    provider: providers.Provider[Any], method: str
) -> None:
    finding = only(container_of(part=provider))
    assert (finding.path, finding.kind) == ("part", "leak")
    assert f"closing={{'part': {method}}}" in finding.message
    assert "keep_open=['part']" in finding.message


def test_a_close_that_may_be_a_request_is_not_proposed_as_the_cure() -> None:
    finding = only(container_of(bot=providers.Singleton(Bot)))
    assert (finding.path, finding.kind) == ("bot", "leak")
    assert "closing={'bot': …}" in finding.message


@pytest.mark.parametrize(
    "named",
    [
        {"closing": {"part": Executor.shutdown}},
        {"closing": {Executor: Executor.shutdown}},
        {"keep_open": ["part"]},
        {"keep_open": [ThreadPoolExecutor]},
    ],
)
def test_what_is_closed_otherwise_or_kept_open_is_no_leak(named: dict[str, Any]) -> None:
    container = container_of(part=providers.Singleton(ThreadPoolExecutor, 1))
    assert check(container, **named) == ()
    Application(container, **named)


@pytest.mark.parametrize(
    "provider",
    [
        providers.Singleton(Connection),
        providers.Singleton(Client),
        providers.Factory(ThreadPoolExecutor, 1),
        providers.Object(ThreadPoolExecutor(1)),
        providers.Singleton(keep_open(ThreadPoolExecutor), 1),
        providers.Singleton(logging.StreamHandler),
        providers.Singleton(io.StringIO),
        providers.Resource(opening),
        providers.Resource(Initialised),
        providers.Resource(ThreadPoolExecutor, 1),
    ],
)
def test_what_is_closed_or_is_not_the_applications_is_no_leak(provider: providers.Provider[Any]) -> None:
    assert check(container_of(part=provider)) == ()


@pytest.mark.parametrize("made", [Client, Connection])
def test_a_closable_object_that_a_factory_makes_for_one_part_is_reported_at_the_part(made: type) -> None:
    for outer in (
        providers.Singleton(Service, providers.Factory(made)),
        providers.Singleton(Service, client=providers.Factory(made)),
        providers.Singleton(Service, providers.List(providers.Factory(made))),
        providers.Singleton(Service, providers.Selector(lambda: "a", a=providers.Factory(made))),
        providers.Singleton(Service, providers.Factory(Service, providers.Factory(made))),
        providers.Resource(opening, providers.Factory(made)),
        scoped.singleton(Service, providers.Factory(made)),
    ):
        finding = only(container_of(outer=outer))
        assert (finding.path, finding.kind) == ("outer", "leak")
        assert f"keeps a {made.__name__} that a Factory makes for it" in finding.message


def test_the_factory_is_named_by_its_path() -> None:
    client = providers.Factory(Client)
    assert "(client)" in only(container_of(client=client, outer=providers.Singleton(Service, client))).message


@pytest.mark.parametrize(
    "outer",
    [
        providers.Singleton(Owner, providers.Factory(Connection)),
        providers.Singleton(Careful, providers.Factory(Connection)),
        providers.Singleton(Entering, providers.Factory(Connection)),
        providers.Singleton(Service, providers.Factory(Connection).provider),
        providers.Singleton(Service, providers.Singleton(Connection)),
        providers.Singleton(Service, providers.Factory(Owner, providers.Singleton(Connection)).provider),
        providers.Singleton(lambda *parts: list(parts), providers.Factory(Connection)),
        providers.Resource(opening_and_closing, providers.Factory(Client)),
        providers.Resource(managing, providers.Factory(Connection)),
        providers.Factory(Service, providers.Factory(Connection)),
    ],
)
def test_a_part_that_may_close_what_it_received_is_not_reported(outer: providers.Provider[Any]) -> None:
    assert check(container_of(outer=outer)) == ()


def test_a_class_that_is_kept_open_may_be_made_by_a_factory() -> None:
    container = container_of(outer=providers.Singleton(Service, providers.Factory(Connection)))
    assert check(container, keep_open=[Connection]) == ()


def test_an_application_logs_a_leak_once_and_starts_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    container: Any = container_of(executor=providers.Singleton(ThreadPoolExecutor, 1))
    app = Application(container)
    for _ in range(2):
        with app.sync():
            app.get(ThreadPoolExecutor).shutdown()
        container.executor.add_kwargs(thread_name_prefix="x")
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert (record.name, record.getMessage().split(": ")[:2]) == (
        "iacs.runtime",
        ["a part stays open", "executor"],
    )


def test_a_leak_is_listed_beside_what_refuses_a_container() -> None:
    class Broken(containers.DeclarativeContainer):
        executor = providers.Singleton(ThreadPoolExecutor, 1)
        missing: providers.Dependency[Any] = providers.Dependency()

    with pytest.raises(CheckError) as refused:
        Application(Broken())
    assert [finding.kind for finding in refused.value.findings] == ["leak", "missing"]
