"""Lines that every type checker has to flag, and nothing else: the twin of right.py."""

from iacs.runtime import Application, Finding, check, inject, wrapping
from iacs.runtime.typed import factory, given, replacing, resource, singleton
from tests.typing.shop import Core, Database, FakeDatabase, Lock, Service, Shop, open_lock

app = Application(Shop())

app.get(Service).limmit  # wrong: no such attribute
database: Database = app.get(Service)  # wrong: another class
app.get("service")  # wrong: a path is read app["service"]
app.get(Shop.service)  # wrong: a provider is not a class
app[7]  # wrong: neither class nor path
app["service", "lock"]  # wrong: one path
app.started  # wrong: no such attribute

Application(Shop)  # wrong: the class instead of an instance
Application(Service(Database("")))  # wrong: no container
Application()  # wrong: nothing to run
Application(Shop(), roots=[7])  # wrong: neither class nor path
Application(Shop(), roots=Service)  # wrong: one class instead of several
Application(Shop(), start_timeout="15")  # wrong: seconds are a number
Application(Shop(), stop_timeout=None)  # wrong: there is always a deadline
Application(Shop(), timeout=15)  # wrong: no such argument
Application(Shop(), [Service])  # wrong: roots are named

app.overlay(7)  # wrong: no mapping
app.overlay({7: FakeDatabase()})  # wrong: neither path nor provider
app.overlay(mapping={"database": FakeDatabase()}, lock=Lock()).get("lock")  # wrong: a path again
app.overlay(replacing(Shop.database, Lock()))  # wrong: not what the part is
app.overlay(replacing(Shop.databse, FakeDatabase()))  # wrong: no such provider
app.overlay(replacing(Shop.database, FakeDatabase))  # wrong: the class instead of an instance
app.overlay(replacing("database", FakeDatabase()))  # wrong: a path is a key of a mapping
app.overlay(database=wrapping(FakeDatabase()))  # wrong: no function

singleton(Service, Lock())  # wrong: another class
singleton(Service, given(Shop.lock))  # wrong: what the provider gives is of another class
singleton(Service, Shop.database)  # wrong: a provider that is not given
singleton(Service, given(Core.databse))  # wrong: no such provider
singleton(Service, given(Shop.database), limt=3)  # wrong: no such argument
singleton(Service, given(Shop.database), limit="3")  # wrong: another type
singleton(Service)  # wrong: an argument is missing
factory(Service, given(Shop.database), 3)  # wrong: an argument too many
resource(open_lock)  # wrong: an argument is missing
resource(open_lock, 7)  # wrong: another type
lock: Database = Shop.lock()  # wrong: the resource gives another class

Finding("service", "mising", "is missing")  # wrong: no such kind
check(Shop)  # wrong: the class instead of an instance
check(Shop())[0].text  # wrong: no such attribute
check("tests.typing.shop:Shop")  # wrong: a name instead of a container


@inject
def handle(number: int, service: Service) -> str:
    return f"{number} {service.limmit}"  # wrong: no such attribute


count: int = handle(1)  # wrong: it returns a str


async def run() -> None:
    async with app.sync():  # wrong: with
        pass
    app.start().started  # wrong: not awaited
    service: Service = await app.health()  # wrong: another class


def run_in_a_script() -> None:
    with app:  # wrong: async with, or with app.sync()
        pass
