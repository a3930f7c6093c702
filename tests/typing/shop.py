"""What right.py and wrong.py are about."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from dependency_injector.containers import DeclarativeContainer

from iacs.runtime.typed import factory, given, resource, singleton


class Database:
    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self.url = url
        self.timeout = timeout


class FakeDatabase(Database):
    def __init__(self) -> None:
        super().__init__("fake")


class Lock:
    """What is entered and left."""


class Service:
    def __init__(self, database: Database, *, limit: int = 10) -> None:
        self.database = database
        self.limit = limit


def open_lock(name: str) -> Iterator[Lock]:
    yield Lock()


@contextmanager
def hold_lock(name: str) -> Iterator[Lock]:
    yield Lock()


async def await_lock(name: str) -> AsyncIterator[Lock]:
    yield Lock()


def make_lock(name: str) -> Lock:
    return Lock()


class Core(DeclarativeContainer):
    database = singleton(Database, "sqlite://", timeout=1.0)


class Shop(DeclarativeContainer):
    database = singleton(Database, "sqlite://")
    lock = resource(open_lock, "shop")
    held = resource(hold_lock, "shop")
    awaited = resource(await_lock, "shop")
    made = resource(make_lock, "shop")
    service = singleton(Service, given(database), limit=3)
    request = factory(Service, given(database))
