"""Constructors, factories and containers in the shapes that people give them."""

import datetime
import functools
import logging
import logging.config
import queue
import sqlite3
import sys
import typing
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Dict, Generic, List, NamedTuple, Optional, Protocol, TypeVar, overload  # noqa: UP035

from dependency_injector import containers, providers, resources
from pydantic import BaseModel, SecretStr
from pydantic.dataclasses import dataclass as model_dataclass
from pydantic_settings import BaseSettings

T = TypeVar("T")


def boto_client(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("called")


async def fetch(number: int) -> bytes:
    raise AssertionError("called")


class Session:
    def client(self, service_name, region_name=None):  # type: ignore[no-untyped-def]
        raise AssertionError("called")


class Token:
    def __init__(self, value: str = "", *, ttl: int = 0) -> None:
        self.value, self.ttl = value, ttl


class Repository(ABC):
    @abstractmethod
    def all(self) -> list[str]: ...


class SqlRepository(Repository):
    def __init__(self, db: sqlite3.Connection, entity_factory: Callable[..., Token]) -> None:
        self.db, self.entity_factory = db, entity_factory

    def all(self) -> list[str]:
        raise AssertionError("called")

    @contextmanager
    def session(self) -> Iterator[sqlite3.Connection]:
        yield self.db


class Reader:
    def __init__(self, session_factory: Callable[..., AbstractContextManager[sqlite3.Connection]]) -> None:
        self.session_factory = session_factory


class Finder:
    def __init__(self, movie_factory: Callable[..., Token], path: str, delimiter: str = ",") -> None:
        self.movie_factory, self.path, self.delimiter = movie_factory, path, delimiter


class CsvFinder(Finder):
    pass


class Dispatcher:
    def __init__(self, monitors: List[Finder], options: Optional[Dict[str, Any]] = None) -> None:  # noqa: UP006, UP045
        self.monitors, self.options = monitors, options


class Color(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: float = 0.0


@dataclass
class Loss:
    alpha: float
    names: list[str] = field(default_factory=list)
    seed: InitVar[int] = 0
    _: KW_ONLY
    path: Path | None = None


@dataclass
class Task:
    loss: Loss


class Message(BaseModel):
    id: int
    when: datetime.datetime | None = None
    cost: Decimal = Decimal(0)


@model_dataclass
class Converted:
    port: int


class Overloaded:
    @overload
    def __init__(self, value: int) -> None: ...
    @overload
    def __init__(self, value: str, base: int) -> None: ...
    def __init__(self, value: Any, base: int = 10) -> None:
        self.value, self.base = value, base


class Generated(Generic[T]):
    def __init__(self, values: Mapping[str, T] | None = None) -> None:
        self.values = values


class Slots:
    __slots__ = ("token",)

    def __init__(self, token: Token) -> None:
        self.token = token


class Made:
    def __new__(cls, kind: str) -> typing.Self:
        return super().__new__(cls)


class Meta(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


class WithMeta(metaclass=Meta):
    def __init__(self, token: Token) -> None:
        self.token = token


class Worker:
    def __call__(self, job: str) -> str:
        raise AssertionError("called")


class Job(Protocol):
    def __call__(self, job: str) -> str: ...


class Runs:
    def __init__(self, job: Job, steps: Callable[[str], str], names: "set[str] | None" = None) -> None:
        self.job, self.steps, self.names = job, steps, names


def retried(call: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(call)
    def wrapper(*args: Any, **kwargs: Any) -> T:
        return call(*args, attempts=3, **kwargs)

    return wrapper


@retried
def connect(url: str, attempts: int) -> Token:
    raise AssertionError("called")


def pool(max_workers: int) -> Iterator[ThreadPoolExecutor]:
    raise AssertionError("called")
    yield


async def redis(host: str, password: str | None) -> AsyncIterator[Session]:
    raise AssertionError("called")
    yield


class Logging(resources.Resource[None]):
    def init(self, level: str, handlers: typing.Sequence[str] = ()) -> None:
        raise AssertionError("called")


class Connection(resources.AsyncResource[sqlite3.Connection]):
    async def init(self, dsn: str) -> sqlite3.Connection:
        raise AssertionError("called")


class Settings(BaseSettings):
    dsn: str = ""
    secret: SecretStr = SecretStr("")
    workers: int = 1
    region: str | None = None


class Core(containers.DeclarativeContainer):
    config = providers.Configuration()
    log_config = providers.Callable(logging.config.dictConfig, config=config.logging)
    basic = providers.Resource(logging.basicConfig, level=logging.INFO, stream=sys.stdout)
    own_logging = providers.Resource(Logging, level=config.level)


class Gateways(containers.DeclarativeContainer):
    config = providers.Configuration()
    database = providers.Singleton(sqlite3.connect, config.database.dsn)
    other_database = providers.Singleton(sqlite3.Connection, database=":memory:", timeout=30)
    connection = providers.Resource(Connection, config.database.dsn)
    s3 = providers.Singleton(boto_client, service_name="s3", key=config.aws.key)
    session = providers.Resource(Session)
    sqs = providers.Resource(session.provided.client.call(), service_name="sqs")
    sns = providers.Resource(providers.MethodCaller(session.provided.client), service_name="sns")
    redis = providers.Resource(redis, host=config.redis.host, password=config.redis.password)
    pool = providers.Resource(pool, max_workers=config.workers.as_int())


class Services(containers.DeclarativeContainer):
    config = providers.Configuration()
    gateways = providers.DependenciesContainer()
    clock = providers.Dependency(instance_of=datetime.tzinfo, default=datetime.UTC)
    self_: providers.Provider[Any] = providers.Self()

    token = providers.Factory(Token, ttl=config.ttl.as_int())
    repository = providers.Singleton(SqlRepository, gateways.database, entity_factory=token.provider)
    reader = providers.Factory(Reader, session_factory=repository.provided.session)
    csv_finder = providers.Factory(CsvFinder, token.provider, path=config.path, delimiter=config.delimiter)
    finder = providers.Selector(
        config.kind, csv=csv_finder, plain=providers.Factory(Finder, token.provider, config.path)
    )
    dispatcher = providers.Factory(Dispatcher, providers.List(csv_finder, finder), options=config.options)
    finders = providers.FactoryAggregate(csv=csv_finder, plain=providers.Factory(CsvFinder))
    handlers = providers.Dict({Token: repository.provided.all, Finder: repository.provided.session})
    by_name = providers.Singleton(Generated, providers.Dict(a=token, b=token))
    everything = providers.Callable(print, self_)


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    core = providers.Container(Core, config=config.core)
    gateways = providers.Container(Gateways, config=config.gateways)
    services = providers.Container(Services, config=config.services, gateways=gateways)


loss = providers.Factory(Loss)
base = providers.Factory(Token)
local = providers.ThreadLocalSingleton(Token)
settings = providers.Singleton(Settings)
in_queue = providers.Callable(
    lambda example, queue: queue.put(example), example=local, queue=providers.Object(queue.Queue())
)
