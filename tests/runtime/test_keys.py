"""Parts are read, replaced and passed by generic classes, NewTypes and aliases."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Generic, NewType, TypeVar

import pytest
from dependency_injector import containers, providers
from typing_extensions import TypeAliasType

from iacs.core.exceptions import AmbiguousPartError, CheckError, InjectionError, ScopeError, UnknownPartError
from iacs.runtime import Application, inject, scoped
from iacs.runtime.typed import replacing

T = TypeVar("T")
K = TypeVar("K")


class User: ...


class Order: ...


class Product: ...


class Repository(Generic[T]):
    pass


class Cached(Repository[list[K]], Generic[K]): ...


class Orders(Repository[Order]): ...


class Products(Cached[Product]): ...


class Engine: ...


ReadUrl = NewType("ReadUrl", str)
WriteUrl = NewType("WriteUrl", str)
AdminUrl = NewType("AdminUrl", WriteUrl)
ReadEngine = TypeAliasType("ReadEngine", Engine)
WriteEngine = TypeAliasType("WriteEngine", Engine)
Users = TypeAliasType("Users", Repository[User])
AnyOrders = TypeAliasType("AnyOrders", Orders)
RepositoryOf = TypeAliasType("RepositoryOf", Repository[T], type_params=(T,))


def make_users() -> Repository[User]:
    return Repository()


def open_orders() -> Iterator[Orders]:
    yield Orders()


def read_url() -> ReadUrl:
    return ReadUrl("sqlite://read")


def read_engine() -> ReadEngine:
    return Engine()


def write_engine() -> "WriteEngine | None":
    return Engine()


class Container(containers.DeclarativeContainer):
    users = providers.Singleton(make_users)
    orders = providers.Resource(open_orders)
    products = providers.Singleton(Products)
    read_url = providers.Singleton(read_url)
    write_url = providers.Singleton(WriteUrl, "sqlite://write")
    read_engine = providers.Singleton(read_engine)
    write_engine = providers.Singleton(write_engine)


@pytest.fixture
def app() -> Iterator[Application[Container]]:
    with Application(Container()).sync() as app:
        yield app


App = Application[Container]

KEYS: dict[Any, str] = {
    Repository[User]: "users",
    Users: "users",
    Repository[Order]: "orders",
    Orders: "orders",
    Repository[list[Product]]: "products",
    Cached[Product]: "products",
    ReadUrl: "read_url",
    WriteUrl: "write_url",
    ReadEngine: "read_engine",
    WriteEngine: "write_engine",
}


@pytest.mark.parametrize(("key", "path"), KEYS.items(), ids=str)
async def test_a_part_is_read_by_a_type_that_is_no_class(app: App, key: Any, path: str) -> None:
    part = app[path]
    assert app.get(key) is app[key] is part
    assert await app.aget(key) is part
    with app.scope() as scope:
        assert scope.get(key) is scope[key] is part
        assert await scope.aget(key) is part


@pytest.mark.parametrize(("key", "path"), KEYS.items(), ids=str)
def test_an_overlay_replaces_a_part_by_such_a_type(app: App, key: Any, path: str) -> None:
    mine = type(app[path])("mine") if path.endswith("url") else type(app[path])()
    with app.overlay({key: mine}) as view:
        assert view[path] is mine
    with app.overlay(replacing(key, mine)) as view:
        assert view.get(key) is mine


def test_an_alias_that_nothing_is_declared_by_is_what_it_stands_for(app: App) -> None:
    assert app.get(AnyOrders) is app["orders"]
    key: Any = RepositoryOf[User]
    assert app.get(key) is app["users"]


def test_a_new_type_of_a_new_type_is_one(app: App) -> None:
    class Container(containers.DeclarativeContainer):
        url = providers.Singleton(AdminUrl, "sqlite://admin")

    with Application(Container()).sync() as application:
        assert application.get(WriteUrl) == application.get(AdminUrl) == "sqlite://admin"


@pytest.mark.parametrize(
    "key", [Repository[Product], Cached[Order], AdminUrl, NewType("Other", Engine)], ids=str
)
def test_a_part_of_other_arguments_or_another_name_is_not_given(app: App, key: Any) -> None:
    with pytest.raises(UnknownPartError, match="no part of the container is an instance of"):
        app.get(key)


def test_errors_write_the_type_as_people_do(app: App) -> None:
    with pytest.raises(
        UnknownPartError, match=r"is an instance of Repository\[Product\]\nannotate what makes it"
    ):
        app.get(Repository[Product])
    with pytest.raises(
        UnknownPartError, match=r"is an instance of AdminUrl\nannotate what makes it: def .* -> AdminUrl"
    ):
        app.get(AdminUrl)
    with pytest.raises(AmbiguousPartError, match="Engine"):
        app.get(Engine)
    with pytest.raises(CheckError, match=r"Repository\[Product\]: no part of the container"):
        app.overlay({Repository[Product]: Repository()})


def test_a_part_that_does_not_state_its_arguments_is_given_if_no_other_does() -> None:
    class Plain(containers.DeclarativeContainer):
        repository = providers.Singleton(Repository[Any])

    class Both(Plain):
        stated = providers.Singleton(Repository[User])

    with Application(Plain()).sync() as app:
        assert app.get(Repository[User]) is app["repository"]
    with Application(Both()).sync() as both:
        assert both.get(Repository[User]) is both["stated"]
        assert both.get(Repository[Order]) is both["repository"]


def test_inject_distinguishes_parts_by_their_arguments(app: App) -> None:
    @inject
    def parts(
        users: Repository[User],
        orders: Repository[Order] | None,
        engine: Annotated[WriteEngine, inject],
        url: Annotated[ReadUrl, inject],
        also: "Users",
    ) -> list[object]:
        return [users, orders, engine, url, also]

    assert parts() == [app[path] for path in ("users", "orders", "write_engine", "read_url", "users")]

    @inject
    def missing(products: Repository[Product]) -> None:
        """Never run."""

    with pytest.raises(InjectionError, match=r"'products' into .*missing\(\): .*Repository\[Product\]"):
        missing()


def test_a_value_of_a_new_type_stays_the_callers(app: App) -> None:
    @inject
    def work(url: ReadUrl, users: Repository[User]) -> str:
        return url

    assert work(ReadUrl("mine")) == "mine"
    with pytest.raises(TypeError, match="url"):
        work()


async def test_scopes_are_given_values_by_such_types() -> None:
    class Container(containers.DeclarativeContainer):
        tenant = scoped.value(ReadUrl)
        users = scoped.value(Repository[User])
        engine = scoped.value(WriteEngine)
        made = scoped.singleton(lambda *parts: parts, tenant, users, engine)

    values: dict[Any, Any] = {ReadUrl: "tenant", Users: Repository[User](), WriteEngine: Engine()}
    async with Application(Container()) as app, app.scope(values) as scope:
        assert scope["made"] == (scope.get(ReadUrl), scope[Repository[User]], await scope.aget(WriteEngine))
        assert scope["made"] == tuple(values.values())
        with pytest.raises(ScopeError, match=r"Repository\[Order\] is not a scoped value"):
            app.scope({Repository[Order]: Orders()}).__enter__()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
def test_an_alias_may_be_written_as_in_python_3_12() -> None:
    module: dict[str, Any] = {"Repository": Repository, "User": User}
    exec("type Users = Repository[User]\ndef make() -> Users: return Repository()", module)  # noqa: S102

    class Container(containers.DeclarativeContainer):
        users = providers.Singleton(module["make"])

    with Application(Container()).sync() as app:
        assert app.get(module["Users"]) is app.get(Repository[User]) is app["users"]


def test_errors_name_a_class_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reloaded_parts.py").write_text("class Engine: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("reloaded_parts")
    before = module.Engine
    after = importlib.reload(module).Engine
    container = containers.DynamicContainer()
    container.engine = providers.Singleton(before)
    with Application(container).sync() as app:
        with pytest.raises(
            UnknownPartError, match=r"engine is another class of this name, from a reloaded module"
        ) as caught:
            app.get(after)
        assert "reloaded_parts: import the module once" in caught.value.message_with_hint
        with pytest.raises(
            UnknownPartError, match=r"engine is another class of this name, of reloaded_parts, and this one"
        ):
            app.get(Engine)
    del sys.modules["reloaded_parts"]
