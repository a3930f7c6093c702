import asyncio
import inspect
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import pytest
import typer
from dependency_injector import containers, providers
from dependency_injector.wiring import Closing, Provide, Provider, as_int, invariant, provided, required
from fastapi import Request
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from iacs.core.exceptions import ForeignLoopError, IACSGraphError, InjectionError, NotStartedError
from iacs.runtime import Application, inject

if TYPE_CHECKING:
    from tests.runtime.nowhere import Nowhere  # type: ignore[import-not-found]  # pyright: ignore


class Store:
    def __init__(self, name: str = "store") -> None:
        self.name = name
        self.tables = {"users": 3}

    def count(self, table: str) -> int:
        return self.tables[table]


class Service:
    def __init__(self, store: Store) -> None:
        self.store = store


class Named(Protocol):
    name: str


class Client:
    async def aclose(self) -> None:
        """Need a loop."""


class Core(containers.DeclarativeContainer):
    config = providers.Configuration()
    store = providers.Singleton(Store)
    spare = providers.Singleton(Store, "spare")


class Container(containers.DeclarativeContainer):
    core = providers.Container(Core)
    service = providers.Singleton(Service, core.store)
    passing = providers.Factory(Service, core.store)
    loose = providers.Singleton(sqlite3.connect, ":memory:")


@pytest.fixture
def app() -> Iterator[Application[Container]]:
    container = Container()
    container.core().config.from_dict({"port": "8025", "hosts": {"mail": "here"}, "which": "mail"})
    with Application(container).sync() as started:
        yield started


App = Application[Container]
wired: Any = Container  # to the checkers, its sub-containers are providers of anything


def test_a_class_is_given_by_the_current_application(app: App) -> None:
    @inject
    def handle(number: int, service: Service) -> tuple[int, Service]:
        return number, service

    assert handle(1) == (1, app.get(Service))
    assert handle(number=1) == (1, app.get(Service))


def test_brackets_make_no_difference(app: App) -> None:
    @inject()
    def handle(service: Service) -> Service:
        return service

    assert handle() is app.get(Service)


def test_what_the_caller_gives_wins(app: App) -> None:
    @inject
    def handle(service: Service, *, other: Service) -> tuple[Service, Service]:
        return service, other

    mine = Service(Store())
    assert handle(mine) == (mine, app.get(Service))
    assert handle(mine, other=mine) == (mine, mine)
    assert handle(other=mine) == (app.get(Service), mine)


def test_a_default_is_left_as_it_is(app: App) -> None:
    @inject
    def handle(service: Service | None = None) -> Service | None:
        return service

    assert handle() is None


def test_a_path_names_one_of_several(app: App) -> None:
    @inject
    def handle(store: Annotated[Store, "core.spare"]) -> Store:
        return store

    assert handle() is app["core.spare"]


def test_an_optional_class_is_that_class(app: App) -> None:
    @inject
    def handle(service: Service | None) -> Service | None:
        return service

    assert handle() is app.get(Service)


def test_a_factory_makes_another_at_each_call(app: App) -> None:
    @inject
    def handle(service: Annotated[Service, "passing"]) -> Service:
        return service

    assert handle() is not handle()


def test_without_an_application_the_function_and_the_parameter_are_named() -> None:
    @inject
    def handle(service: Service) -> Service:
        return service

    with pytest.raises(
        NotStartedError, match=r"cannot inject 'service' into .*handle\(\): no application is started"
    ):
        handle()


def test_a_class_that_no_part_has_is_reported_with_the_function(app: App) -> None:
    @inject
    def handle(client: Client) -> None:
        """Never run."""

    message = r"cannot inject 'client' into .*handle\(\): no part of the container is an instance of Client"
    with pytest.raises(InjectionError, match=message):
        handle()


def test_what_says_nothing_about_a_part_is_missed_as_ever(app: App) -> None:
    @inject
    def handle(name: str, rows: list[int], then: Callable[[], None]) -> None:
        """Never run."""

    with pytest.raises(TypeError, match="missing 3 required positional arguments"):
        handle()


def test_a_failure_of_the_part_itself_stays_what_it_is(app: App) -> None:
    class MineError(IACSGraphError):
        pass

    def fail() -> Client:
        raise MineError("mine")

    @inject
    def handle(client: Annotated[Client, "service"]) -> None:
        """Never run."""

    with app.overlay(service=providers.Factory(fail)), pytest.raises(MineError, match=r"^mine$"):
        handle()


def test_methods_and_constructors_are_given_parts(app: App) -> None:
    class Handler:
        @inject
        def __init__(self, number: int, service: Service) -> None:
            self.number, self.service = number, service

        @inject
        def store(self, store: Annotated[Store, "store"]) -> Store:
            return store

        @classmethod
        @inject
        def of_class(cls, service: Service) -> Service:
            return service

        @staticmethod
        @inject
        def of_none(service: Service) -> Service:
            return service

    handler = Handler(3)
    service = app.get(Service)
    assert (handler.number, handler.service) == (3, service)
    assert handler.store() is app["core.store"]
    assert Handler.of_class() is Handler.of_none() is service


@pytest.mark.parametrize("wrong", [classmethod(repr), staticmethod(repr), Store, 7])
def test_what_cannot_be_decorated_is_a_sentence(wrong: Any) -> None:
    with pytest.raises(InjectionError, match="put it on __init__, or between a method and its @classmethod"):
        inject(wrong)


async def test_coroutine_functions_stay_what_they_are(app: App) -> None:
    @inject
    async def handle(service: Service) -> Service:
        return service

    assert inspect.iscoroutinefunction(handle)
    assert await handle() is app.get(Service)


def test_generators_are_given_what_is_sent_and_thrown(app: App) -> None:
    @inject
    def handle(service: Service) -> Iterator[Any]:
        try:
            sent = yield service
        except OSError as error:
            sent = error
        yield sent

    assert inspect.isgeneratorfunction(handle)
    generator = handle()
    assert next(generator) is app.get(Service)
    assert generator.send(1) == 1
    broken = OSError()
    generator = handle()
    next(generator)
    assert generator.throw(broken) is broken


async def test_async_generators_are_given_what_is_sent_and_thrown(app: App) -> None:
    ended = []

    @inject
    async def handle(service: Service) -> AsyncIterator[Any]:
        try:
            sent = yield service
        except OSError as error:
            sent = error
        finally:
            ended.append(1)
        yield sent

    assert inspect.isasyncgenfunction(handle)
    generator = handle()
    assert await anext(generator) is app.get(Service)
    assert await generator.asend(1) == 1
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    broken = OSError()
    generator = handle()
    await anext(generator)
    assert await generator.athrow(broken) is broken
    await generator.aclose()
    generator = handle()
    await anext(generator)
    await generator.aclose()
    assert len(ended) == 3


async def test_an_error_reaches_the_body_of_an_injected_context_manager(app: App) -> None:
    seen = []

    @asynccontextmanager
    @inject
    async def handle(service: Service) -> AsyncIterator[Service]:
        try:
            yield service
        except OSError as error:
            seen.append(error)

    async with handle() as service:
        assert service is app.get(Service)
        raise OSError
    assert len(seen) == 1


@inject
def later(part: "Defined", nowhere: "Nowhere" = None) -> "Defined":
    return part


class Defined(Store):
    pass


def test_a_class_named_before_it_is_defined_is_known_at_the_call(app: App) -> None:
    with app.overlay(store=Defined()) as view:
        assert later() is view["core.store"]
    assert list(inspect.signature(later).parameters) == ["nowhere"]


def test_a_class_of_the_enclosing_function_is_known(app: App) -> None:
    class Local(Store):
        pass

    @inject
    def handle(part: "Local") -> bool:
        return isinstance(part, Local)

    with app.overlay(store=Local()):
        assert handle()


def test_an_annotation_that_nobody_can_read_is_a_sentence(app: App) -> None:
    @inject
    def handle(part: "Nowhere") -> object:
        return part

    with pytest.raises(InjectionError, match=r"cannot inject 'part' into .*handle\(\): .*Nowhere"):
        handle()
    assert handle(3) == 3


def test_frameworks_see_what_the_caller_gives() -> None:
    @inject
    def handle(path: Path, number: int, service: Service, name: str = "x", *rest: int, **more: int) -> str:
        """Say."""
        return name

    assert (
        str(inspect.signature(handle))
        == f"(path: {inspect.formatannotation(Path)}, number: int, *, name: str = 'x', **more: int) -> str"
    )
    assert handle.__name__ == "handle"
    assert handle.__doc__ == "Say."
    assert inspect.signature(handle).bind(Path(), 1, name="y").arguments["name"] == "y"


def test_requests_and_models_are_the_callers_and_settings_are_parts() -> None:
    class Order(BaseModel): ...

    class Limits(BaseSettings): ...

    @inject
    def handle(
        order: Order, request: Request, context: typer.Context, limits: Limits, service: Service
    ) -> None:
        """Never run."""

    assert list(inspect.signature(handle).parameters) == ["order", "request", "context"]


def test_where_something_is_marked_the_rest_is_the_callers() -> None:
    @inject
    def handle(
        request: Client, service: Annotated[Service, inject], store: Annotated[Store, "store"]
    ) -> None:
        """Never run."""

    assert list(inspect.signature(handle).parameters) == ["request"]


def test_a_bound_method_shows_what_its_caller_gives() -> None:
    class Handler:
        @inject
        def handle(self, service: Service, number: int) -> int:
            return number

    assert str(inspect.signature(Handler().handle)) == "(*, number: int) -> int"


def test_markers_of_dependency_injector_are_read_in_the_application(app: App) -> None:
    @inject
    def handle(
        number: int,
        service: Service = Provide[Container.service],
        store: Store = Provide[Container.core.store],
        named: Store = Provide["core.spare"],
        closing: Store = Closing[Provide["core.store"]],
        whole: Any = Provide[Container],
        also: Any = Provide["<container>"],
        annotated: Annotated[Store | None, Provide["core.store"]] = None,
    ) -> tuple[object, ...]:
        return number, service, store, named, closing, whole, also, annotated

    store = app["core.store"]
    container = app.container
    assert handle(1) == (1, app["service"], store, app["core.spare"], store, container, container, store)
    assert list(inspect.signature(handle).parameters) == ["number"]


def test_a_marker_inside_a_frameworks_own_is_read(app: App) -> None:
    class Depends:
        dependency = Provide[Container.service]

    @inject
    def handle(service: Any = Depends()) -> object:  # noqa: B008
        return service

    assert handle() is app.get(Service)


def test_markers_reach_into_parts_and_settings(app: App) -> None:
    @inject
    def handle(
        name: str = Provide[Container.core.store.provided.name],
        users: int = Provide[Container.core.store.provided.tables["users"]],
        counted: int = Provide[Container.core.store.provided.count.call("users")],
        port: int = Provide[wired.core.config.port.as_int()],
        also: int = Provide["core.config.port", as_int()],
        host: str = Provide[wired.core.config.hosts.mail.required()],
        chosen: str = Provide["core.config.hosts", invariant("core.config.which")],
        one: str = Provide["core.store", provided().name],
        none: object = Provide[wired.core.config.missing],
    ) -> tuple[object, ...]:
        return name, users, counted, port, also, host, chosen, one, none

    assert handle() == ("store", 3, 3, 8025, 8025, "here", "here", "store", None)
    with app.overlay(store=Store("other")):
        assert handle()[0] == handle()[7] == "other"


def test_a_required_setting_that_is_missing_is_a_sentence(app: App) -> None:
    @inject
    def handle(port: int = Provide["core.config.nothing", required()]) -> int:
        return port

    with pytest.raises(InjectionError, match=r"cannot inject 'port' into .*handle\(\): nothing is required"):
        handle()


def test_a_provider_marker_gives_something_to_call(app: App) -> None:
    @inject
    def handle(
        make: Callable[[], Service] = Provider[Container.passing],
        also: Callable[[], Service] = Provide[Container.passing.provider],
    ) -> tuple[Service, Service]:
        return make(), also()

    mine = Store("mine")
    assert {service.store for service in handle()} == {app["core.store"]}
    with app.overlay(store=mine):
        assert {service.store for service in handle()} == {mine}


def test_a_marker_of_another_container_is_a_sentence(app: App) -> None:
    class Other(containers.DeclarativeContainer):
        client = providers.Singleton(Client)

    @inject
    def handle(client: Client = Provide[Other.client]) -> object:
        return client

    @inject
    def by_name(client: Client = Provide["client"]) -> object:
        return client

    with pytest.raises(
        InjectionError,
        match=r"cannot inject 'client' into .*handle\(\): the application's container has no .*Client",
    ):
        handle()
    with pytest.raises(
        InjectionError, match=r"cannot inject 'client' into .*by_name\(\): the container has no client"
    ):
        by_name()


def test_a_marker_is_read_anew_in_a_container_of_another_class(app: App) -> None:
    class Other(containers.DeclarativeContainer):
        core = providers.Container(Core, store=providers.Singleton(Store, "other"))

    @inject
    def handle(
        store: Store = Provide[Core.store], name: str = Provide["core.store", provided().name]
    ) -> tuple[str, str]:
        return store.name, name

    assert handle() == ("store", "store")
    with Application(Other()).sync():
        assert handle() == ("other", "other")
    assert handle() == ("store", "store")


def test_a_marker_is_never_passed() -> None:
    @inject
    def handle(service: Service = Provide[Container.service]) -> object:
        return service

    with pytest.raises(NotStartedError, match=r"cannot inject 'service' into .*handle\(\)"):
        handle()


def test_a_container_that_stands_in_for_its_parent_class_serves_its_markers() -> None:
    class Special(Container):
        more = providers.Singleton(Client)

    @inject
    def handle(service: Service = Provide[Container.service]) -> object:
        return service

    with Application(Special(), roots=["service"]).sync() as app:
        assert handle() is app["service"]


@inject
async def store_of_now(number: int, service: Service) -> tuple[int, str]:
    await asyncio.sleep(0)
    return number, service.store.name


async def test_a_hundred_tasks_see_their_own_overlay(app: App) -> None:
    async def task(number: int) -> tuple[int, str]:
        with app.overlay(store=Store(str(number))):
            await asyncio.sleep(0)
            first = await store_of_now(number)
            await asyncio.sleep(0)
            assert first == await store_of_now(number)
            return first

    services = await asyncio.gather(*(task(number) for number in range(100)))
    assert services == [(number, str(number)) for number in range(100)]
    assert await store_of_now(0) == (0, "store")


async def test_several_applications_are_distinguished_by_their_tasks() -> None:
    async def task(name: str) -> str:
        async with Application(Container()) as app:
            with app.overlay(store=Store(name)):
                await asyncio.sleep(0)
                return (await store_of_now(0))[1]

    assert await asyncio.gather(*map(task, "abc")) == ["a", "b", "c"]


def test_a_thread_uses_the_one_application_of_the_process(app: App) -> None:
    services: list[Service] = []

    @inject
    def work(service: Service) -> None:
        services.append(service)

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert services == [app.get(Service)] * 2


def test_a_thread_between_two_applications_gets_an_error_that_says_so(app: App) -> None:
    errors = []

    @inject
    def work(service: Service) -> None:
        """Never run."""

    def run() -> None:
        try:
            work()
        except NotStartedError as error:
            errors.append(str(error))

    def in_thread() -> None:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    in_thread()
    with Application(Container()).sync():
        in_thread()
    in_thread()
    reason = "2 applications are started, and this code runs in the context of none of them"
    assert [error.partition(".<locals>.")[2] for error in errors] == [f"work(): {reason}"]


async def test_a_task_that_outlives_an_overlay_uses_the_application(app: App) -> None:
    left = asyncio.Event()

    async def work() -> tuple[int, str]:
        await left.wait()
        return await store_of_now(1)

    with app.overlay(store=Store("fake")):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
    left.set()
    assert await task == (1, "store")


def test_using_another_loop_is_an_error_that_says_so() -> None:
    class Looped(containers.DeclarativeContainer):
        client = providers.Singleton(Client)

    @inject
    async def handle(client: Client) -> Client:
        return client

    async def here() -> None:
        async with Application(Looped()):
            await asyncio.to_thread(asyncio.run, handle())

    with pytest.raises(
        ForeignLoopError, match=r"cannot inject 'client' into .*handle\(\): .*another one"
    ) as caught:
        asyncio.run(here())
    assert caught.value.path == "client"


def test_decorating_imports_and_resolves_nothing() -> None:
    code = """
import sys
from typing import Annotated
from iacs.runtime import inject
before = set(sys.modules)
@inject
def handle(a: "does.not.exist", b: Annotated["Nor", "this.path"]) -> None: ...
assert set(sys.modules) == before, set(sys.modules) - before
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
