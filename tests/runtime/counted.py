"""Classes that count what is built, and containers made of them."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from dependency_injector import containers, providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks import check


class Counted:
    """Counts every object of every class of this file."""

    _built: ClassVar[int] = 0

    def __init__(self) -> None:
        Counted._built += 1


class Database(Counted):
    def __init__(self, url: str = "", *, size: int = 1) -> None:
        super().__init__()
        self.url, self.size = url, size

    def query(self) -> str:
        return self.url


class PoolDatabase(Database):
    pass


class FakeDatabase(Counted):
    def query(self) -> str:
        return "fake"


class Clock(Counted):
    def now(self) -> float:
        return 0.0


class Service(Counted):
    def __init__(self, database: Database, name: str = "") -> None:
        super().__init__()
        self.database, self.name = database, name


class Abstract(abc.ABC):
    @abc.abstractmethod
    def run(self) -> None: ...


class Shape(Protocol):
    def run(self) -> None: ...


class Module(containers.DeclarativeContainer):
    database = providers.Dependency(instance_of=Database)
    service = providers.Singleton(Service, database)


class Fillable(containers.DeclarativeContainer):
    database: providers.Dependency[Database] = providers.Dependency(instance_of=Database)


class Open(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()
    service = providers.Singleton(Service, core.dbb)


class Core(containers.DeclarativeContainer):
    db = providers.Singleton(Database)


class WithoutDatabase(containers.DeclarativeContainer):
    module = providers.Container(Module)


class WithTypo(containers.DeclarativeContainer):
    core = providers.Container(Core)
    module = providers.Container(Open, core=core)


def container_of(**parts: providers.Provider[Any]) -> containers.DynamicContainer:
    container = containers.DynamicContainer()
    for name, provider in parts.items():
        setattr(container, name, provider)
    return container


def only(container: Any) -> Finding:
    (finding,) = check(container)
    return finding


def circle(kind: Callable[..., Any], *names: str) -> containers.DynamicContainer:
    made = [kind(Service, name=providers.Object("")) for _ in names]
    for part, following in zip(made, [*made[1:], made[0]], strict=True):
        part.add_kwargs(database=following)
    return container_of(**dict(zip(names, made, strict=True)))
