"""Sound code that looks like a defect is left alone; the defect beside it is reported."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy.orm
from dependency_injector import providers

from iacs.runtime.checks import check
from tests.runtime.counted import Clock, Database, Service, container_of


def supplying_a_database(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def supply(*args: Any, **kwargs: Any) -> Any:
        return function(Database(), *args, **kwargs)

    return supply


@supplying_a_database
def make_service(database: Database, name: str) -> Service:
    return Service(database, name)


class Supplied:
    @supplying_a_database
    def __init__(database: Database, self: Any, name: str) -> None:  # noqa: N805 # pyright: ignore[reportGeneralTypeIssues]
        self.database, self.name = database, name


class Base(sqlalchemy.orm.DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: sqlalchemy.orm.Mapped[int] = sqlalchemy.orm.mapped_column(primary_key=True)


class Computed:
    def __get__(self, owner: object, cls: type | None = None) -> int:
        return 5


class WithComputed:
    number: str = Computed()  # type: ignore[assignment] # what the descriptor gives decides


class Filed:
    @property
    def path(self) -> Path:
        return Path()

    @path.setter
    def path(self, text: str) -> None: ...


class Registry:
    def __init__(
        self, made: list[providers.Provider[Clock]], called: dict[str, Callable[[], Clock]], plain: object
    ) -> None: ...


class Running(Protocol):
    pace: int


class Prepared:
    def __init__(self) -> None:
        def prepare() -> None:
            self.pace = 1  # pyright: ignore[reportAttributeAccessIssue]

        prepare()


def count(number: int) -> int:
    return number


def run(running: Running) -> None: ...


database = providers.Singleton(Database)
clock = providers.Factory(Clock)
user = providers.Factory(User, id=1)


@pytest.mark.parametrize(
    "provider",
    [
        providers.Singleton(functools.partial(make_service), "a"),
        providers.Singleton(functools.partial(make_service, "a")),
        providers.Singleton(functools.partial(functools.partial(make_service), name="a")),
        providers.Singleton(functools.partial(Supplied, "a")),
        providers.Singleton(Service, None).add_attributes(database=database),
        providers.Singleton(Service, database=None).add_attributes(_database=database),
        providers.Singleton(count, user.provided.id),
        providers.Factory(User).add_attributes(id=1),
        providers.Singleton(count, providers.Singleton(WithComputed).provided.number),
        providers.Singleton(Filed).add_attributes(path="a"),
        providers.Singleton(Registry, [clock], {"clock": clock}, None),
        providers.Singleton(run, providers.Singleton(Prepared)),
    ],
)
def test_what_works_raises_no_alarm(provider: providers.Provider[Any]) -> None:
    assert check(container_of(part=provider)) == ()


@pytest.mark.parametrize(
    ("provider", "kind"),
    [
        (providers.Singleton(functools.partial(count, 1), 2), "arity"),
        (providers.Singleton(functools.partial(count), "a"), "type"),
        (providers.Singleton(Service, None), "type"),
        (providers.Singleton(Service, None).add_attributes(name="a"), "type"),
        (providers.Singleton(Filed).add_attributes(path=Path("a")), "type"),
        (providers.Singleton(Registry, [], {}, [clock]), "hidden"),
    ],
)
def test_the_defect_beside_it_is_reported(provider: providers.Provider[Any], kind: str) -> None:
    assert [finding.kind for finding in check(container_of(part=provider))] == [kind]
