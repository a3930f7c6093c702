"""Lines that no type checker may flag: the twin of wrong.py."""

from typing import Annotated, Any, assert_type

from dependency_injector import providers
from dependency_injector.wiring import Provide

from iacs.runtime import Application, Finding, check, current_application, inject, keep_open, wrapping
from iacs.runtime.typed import given, replacing, resource, singleton
from tests.typing.shop import Database, FakeDatabase, Lock, Service, Shop, hold_lock, open_lock

app = Application(Shop(), roots=[Service, "lock"], start_timeout=1, stop_timeout=2.5)
closing = Application(Shop(), keep_open=["lock", Lock], closing={"database": print, Service: print})
findings: tuple[Finding, ...] = check(Shop())

assert_type(app.get(Service), Service)
assert_type(app[Service], Service)
assert_type(app.container.database(), Database)
assert_type(Shop.lock, providers.Resource[Lock])
assert_type(Shop.held, providers.Resource[Lock])
assert_type(Shop.awaited, providers.Resource[Lock])
assert_type(Shop.made, providers.Resource[Lock])
assert_type(Shop.request, providers.Factory[Service])

limit: int = app.get(Service).limit
anything = app["service"].whatever

given_by_hand = singleton(Service, Database("sqlite://"))
kept_open = singleton(keep_open(Database), "sqlite://")
entered = resource(hold_lock, name="shop")
generated = resource(open_lock, "shop")


async def run() -> None:
    async with app as started, app.overlay(database=FakeDatabase()) as view:
        assert_type(started, Application[Shop])
        assert_type(view.get(Service), Service)
    await app.start()
    await app.stop()


def run_in_a_script(parts: dict[str, Any]) -> None:
    with app.sync() as started:
        assert_type(started.get(Service), Service)
    with app.overlay(replacing(Shop.database, FakeDatabase()) | replacing(Shop.lock, Lock())):
        pass
    with app.overlay(replacing(app.container.database, FakeDatabase()), lock=Lock()):
        pass
    with app.overlay(parts), app.overlay({"database": FakeDatabase()}):
        pass
    with (
        app.overlay(database=wrapping(lambda original: original)) as view,
        view.overlay(lock=Lock()) as inner,
    ):
        assert_type(inner.get(Service).database, Database)


def overlaid_by_a_provider() -> Service:
    with app.overlay({Shop.database: singleton(FakeDatabase)}, lock=Lock()):
        return current_application().get(Service)


@inject
def handle(number: int, service: Service, database: Annotated[Database, "database"]) -> str:
    return f"{number} {service.limit} {database.url}"


@inject()
async def handle_later(service: Service = Provide[Shop.service]) -> Service:
    return service


class Handler:
    @inject
    def __init__(self, name: str, service: Service) -> None:
        self.name, self.service = name, service


async def call() -> None:
    assert_type(handle(1), str)
    assert_type(handle(1, service=Service(Database(""))), str)
    assert_type(await handle_later(), Service)
    assert_type(Handler("x").service, Service)


argument: Database = given(Shop.database)
