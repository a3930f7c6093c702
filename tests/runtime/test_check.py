"""One broken container per kind of defect: it is found by its path, and nothing is built for it."""

import abc
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, Protocol

import pytest
from dependency_injector import containers, providers

from iacs.containers import ApplicationContainer
from iacs.core.exceptions import Finding
from iacs.runtime.check import check, findings, overlay_findings
from iacs.runtime.graph import read_graph


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


@pytest.fixture(autouse=True)
def _nothing_is_built() -> Iterator[None]:
    Counted._built = 0
    yield
    assert Counted._built == 0


def container_of(**parts: providers.Provider[Any]) -> containers.DynamicContainer:
    container = containers.DynamicContainer()
    for name, provider in parts.items():
        setattr(container, name, provider)
    return container


def only(container: Any) -> Finding:
    (finding,) = check(container)
    return finding


def test_a_sound_container_has_no_findings() -> None:
    database = providers.Singleton(Database, "sqlite://")
    assert check(container_of(database=database, service=providers.Factory(Service, database))) == ()


def test_our_application_container_has_no_findings() -> None:
    assert check(ApplicationContainer()) == ()


def test_a_graph_that_is_read_already_gives_the_same() -> None:
    container = container_of(service=providers.Singleton(Service))
    assert findings(read_graph(container)) == check(container) != ()


# missing


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


def test_a_dependency_that_nobody_gave_is_found_with_who_asks_for_it() -> None:
    assert only(WithoutDatabase()) == Finding(
        "module.database",
        "missing",
        "Dependency(Database) is not given, and Service() of module.service asks for it: "
        "give database=… to the container module, or a default",
    )


def test_a_dependency_of_the_outermost_container_is_found_though_nothing_asks() -> None:
    finding = only(Fillable())
    assert (finding.path, finding.kind) == ("database", "missing")


def test_a_dependency_of_an_inner_container_that_nothing_asks_does_no_harm() -> None:
    assert check(container_of(inner=providers.Container(Fillable))) == ()


def test_a_dependency_that_only_an_overridden_provider_asked_does_no_harm() -> None:
    container = container_of(module=providers.Container(Module))
    container.module().service.override(providers.Singleton(Service, providers.Singleton(Database)))
    assert check(container) == ()


def test_a_wrong_name_on_a_container_of_dependencies_is_found() -> None:
    finding = only(WithTypo())
    assert (finding.path, finding.kind) == ("module.core.dbb", "missing")
    assert "Service() of module.service" in finding.message


@pytest.mark.parametrize(
    "provider",
    [
        providers.AbstractFactory(Database),
        providers.AbstractSingleton(Database),
        providers.AbstractCallable(Database),
        providers.Factory(),
        providers.Singleton(),
        providers.Callable(),
        providers.Resource(),
        providers.Selector(),
        providers.Factory(Abstract),
        providers.Singleton(Shape),
    ],
)
def test_what_cannot_give_anything_is_found(provider: providers.Provider[Any]) -> None:
    finding = only(container_of(part=provider))
    assert (finding.path, finding.kind) == ("part", "missing")


def test_an_abstract_provider_that_is_overridden_is_sound() -> None:
    abstract = providers.AbstractFactory(Database)
    abstract.override(providers.Factory(PoolDatabase))
    assert check(container_of(database=abstract, service=providers.Singleton(Service, abstract))) == ()


# cycle


def circle(kind: Callable[..., Any], *names: str) -> containers.DynamicContainer:
    made = [kind(Service, name=providers.Object("")) for _ in names]
    for each, following in zip(made, [*made[1:], made[0]], strict=True):
        each.add_kwargs(database=following)
    return container_of(**dict(zip(names, made, strict=True)))


@pytest.mark.parametrize(
    "kind", [providers.Singleton, providers.Factory, providers.ThreadSafeSingleton, providers.Resource]
)
def test_a_cycle_is_found_once_with_its_path(kind: Callable[..., Any]) -> None:
    (finding,) = (each for each in check(circle(kind, "b", "a", "c")) if each.kind == "cycle")
    assert finding.path == "a"
    assert "Service() would need itself: a -> c -> b -> a;" in finding.message


def test_a_provider_that_needs_itself_is_a_cycle() -> None:
    (finding,) = (each for each in check(circle(providers.Factory, "a")) if each.kind == "cycle")
    assert "a -> a" in finding.message


def test_two_cycles_are_two_findings() -> None:
    container = circle(providers.Factory, "a", "b")
    for name, provider in circle(providers.Factory, "c", "d").providers.items():
        setattr(container, name, provider)
    assert [each.path for each in check(container) if each.kind == "cycle"] == ["a", "c"]


def test_a_cycle_through_what_is_provided_names_the_parts_alone() -> None:
    a = providers.Singleton(Service)
    b = providers.Singleton(Service, a.provided.database)
    a.add_args(b)
    (finding,) = (each for each in check(container_of(a=a, b=b)) if each.kind == "cycle")
    assert "a -> b -> a" in finding.message


def test_a_circle_that_a_delegate_breaks_is_sound() -> None:
    def make(other):  # type: ignore[no-untyped-def]
        return other

    a = providers.Singleton(make)
    b = providers.Singleton(make, a)
    a.add_args(b.provider)
    assert check(container_of(a=a, b=b)) == ()


def test_overrides_in_a_circle_are_found() -> None:
    a, b = providers.Singleton(Database), providers.Singleton(Database)
    a.override(b)
    b.override(a)
    assert [each.kind for each in check(container_of(a=a, b=b))] == ["cycle"]


# arity


def two(first: int, second: int) -> int:
    return first + second


def keyword(*, only: int) -> int:
    return only


def positional(first: int, /) -> int:
    return first


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (providers.Singleton(two), "without 'first', 'second'"),
        (providers.Singleton(two, 1), "without 'second'"),
        (providers.Singleton(two, 1, 2, 3), "takes 2 positional arguments, and 3 are given"),
        (providers.Singleton(two, 1, first=1), "'first' by position and by name"),
        (providers.Singleton(two, 1, secund=1), "did you mean 'second'?"),
        (providers.Singleton(two, 1, 2, more=1), "no parameter 'more'"),
        (providers.Singleton(keyword, 1, only=1), "takes no positional argument, and 1 are given"),
        (providers.Singleton(positional, first=1), "no parameter 'first'"),
        (providers.Singleton(partial(two, 1)), "two() is called without 'second'"),
        (providers.Singleton(Clock, 1), "Clock() takes no positional argument"),
        (providers.Singleton(Service), "Service() is called without 'database'"),
        (providers.Resource(two), "without 'first', 'second'"),
        (providers.Factory(two, 1, 2, 3), "takes 2 positional arguments"),
        (providers.Factory(two, thrid=3), "no parameter 'thrid'"),
        (providers.Callable(two, thrid=3), "no parameter 'thrid'"),
        (providers.DelegatedFactory(two, thrid=3), "no parameter 'thrid'"),
        (providers.ThreadLocalSingleton(two, thrid=3), "no parameter 'thrid'"),
    ],
)
def test_arguments_that_do_not_fit_the_constructor_are_found(
    provider: providers.Provider[Any], words: str
) -> None:
    found = check(container_of(part=provider))
    assert {(each.path, each.kind) for each in found} == {("part", "arity")}
    assert words in " ".join(each.message for each in found)


@pytest.mark.parametrize(
    "kind",
    [providers.Factory, providers.Callable, providers.DelegatedFactory, providers.ThreadLocalSingleton],
)
def test_arguments_that_may_come_with_the_call_are_no_defect(kind: Callable[..., Any]) -> None:
    assert check(container_of(part=kind(two, 1))) == ()


def test_a_factory_that_is_injected_as_its_value_needs_all_arguments() -> None:
    inner = providers.Factory(Service)
    for outer in (
        providers.Singleton(str, inner),
        providers.List(inner),
        providers.Dict(a=inner),
        providers.Singleton(str, providers.Selector(lambda: "a", a=inner)),
        providers.Singleton(str, inner.provided.name),
        providers.Singleton(str, inner.provided.name.upper.call()),
    ):
        finding = only(container_of(inner=inner, outer=outer))
        assert (finding.path, finding.kind) == ("inner", "arity")


def test_a_factory_that_is_injected_as_a_provider_may_be_completed_later() -> None:
    inner = providers.Factory(Service)
    for handed in (inner.provider, providers.Delegate(inner), providers.FactoryAggregate(a=inner)):
        assert check(container_of(inner=inner, outer=providers.Singleton(str, handed))) == ()


def test_a_provider_written_inside_another_is_named_by_the_argument() -> None:
    finding = only(container_of(outer=providers.Singleton(str, providers.Factory(Service))))
    assert (finding.path, finding.kind) == ("outer.0", "arity")


# hidden


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        (lambda p: [p], "providers.List"),
        (lambda p: (p,), "providers.List"),
        (lambda p: {"a": p}, "providers.Dict"),
        (lambda p: {p: 1}, "providers.Dict"),
        (lambda p: {p}, "hidden in the set"),
        (lambda p: frozenset({p}), "hidden in the frozenset"),
        (lambda p: [1, {"a": ({"b": [p]},)}], "providers.List"),
    ],
)
def test_a_provider_inside_a_plain_collection_is_found(value: Callable[[Any], Any], cure: str) -> None:
    database = providers.Singleton(Database)

    def take(things):  # type: ignore[no-untyped-def]
        return things

    for outer in (
        providers.Singleton(take, value(database)),
        providers.Factory(take, things=value(database)),
        providers.List(value(database)),
        providers.Dict(a=value(database)),
    ):
        finding = only(container_of(database=database, outer=outer))
        assert (finding.path, finding.kind) == ("outer", "hidden")
        assert cure in finding.message


def test_a_provider_inside_a_partial_is_found() -> None:
    database = providers.Singleton(Database)
    finding = only(container_of(database=database, outer=providers.Singleton(partial(str, database))))
    assert (finding.path, finding.kind) == ("outer", "hidden")


def test_a_delegated_provider_may_stand_in_a_list() -> None:
    def take(things):  # type: ignore[no-untyped-def]
        return things

    outer = providers.Singleton(take, [providers.DelegatedFactory(Database), 1])
    assert check(container_of(outer=outer)) == ()


def test_a_list_that_holds_itself_is_read_once() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert check(container_of(outer=providers.Singleton(str, endless))) == ()


# overlay


class Application(containers.DeclarativeContainer):
    core = providers.Container(Core)
    database = providers.Singleton(Database)
    service = providers.Singleton(Service, database)


class WrongName(containers.DeclarativeContainer):
    databse = providers.Singleton(PoolDatabase)


class WrongInside(containers.DeclarativeContainer):
    core = providers.Container(WrongName)


def test_an_override_under_a_wrong_name_is_found() -> None:
    container = Application()
    container.override(WrongName())
    assert only(container) == Finding(
        "databse",
        "overlay",
        "PoolDatabase overrides 'databse', which the container does not have, and so nothing: "
        "did you mean 'database'?",
    )


def test_an_override_under_a_wrong_name_inside_a_container_is_found() -> None:
    container = Application()
    container.override(WrongInside())
    assert [(each.path, each.kind) for each in check(container)] == [("core.databse", "overlay")]


def test_an_override_of_an_inner_container_is_looked_at() -> None:
    container = Application()
    container.core().override(WrongName())
    assert [(each.path, each.kind) for each in check(container)] == [("core.databse", "overlay")]


def test_what_the_overriding_parts_need_is_theirs() -> None:
    class Better(containers.DeclarativeContainer):
        url = providers.Object("sqlite://")
        database = providers.Singleton(PoolDatabase, url)

    container = Application()
    container.override(Better())
    assert check(container) == ()


@pytest.mark.parametrize(
    "stand_in",
    [
        providers.Object("a string"),
        providers.Object(None),
        providers.Singleton(Clock),
        providers.Factory(dict),
    ],
)
def test_an_override_by_something_else_is_found(stand_in: providers.Provider[Any]) -> None:
    container = Application()
    container.database.override(stand_in)
    found = check(container)
    assert ("database", "overlay") in {(each.path, each.kind) for each in found}
    assert "Database()" in found[0].message


@pytest.mark.parametrize(
    "stand_in",
    [providers.Singleton(PoolDatabase), providers.Singleton(FakeDatabase), providers.Callable(lambda: 1)],
)
def test_an_override_by_what_can_do_the_work_is_sound(stand_in: providers.Provider[Any]) -> None:
    container = Application()
    container.database.override(stand_in)
    assert check(container) == ()


def test_a_container_is_restored_to_be_sound() -> None:
    container = Application()
    with container.database.override(providers.Object("a string")):
        assert check(container) != ()
    assert check(container) == ()


class Unlike:
    def quite_other(self) -> None: ...


class Loose:
    def __init__(self) -> None:
        self.query = str


class Answering:
    def __getattr__(self, name: str) -> Any:
        return name


def plain_values() -> list[tuple[Any, bool]]:
    from unittest.mock import Mock

    database = Database.__new__(PoolDatabase)
    return [
        ("a string", False), (5, False), (None, False), ({}, False), (object(), False), (Unlike(), False),
        (database, True), (FakeDatabase.__new__(FakeDatabase), True), (Mock(), True), (Loose(), True), (Answering(), True),
        (Clock, True), (providers.Singleton(Clock), True),
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "sound"), plain_values())
def test_a_plain_value_for_an_overlay_is_judged_by_what_it_can_do(value: Any, *, sound: bool) -> None:
    graph = read_graph(Application())
    found = overlay_findings(graph, {graph.paths["database"]: value})
    assert [(each.path, each.kind) for each in found] == ([] if sound else [("database", "overlay")])


def test_a_plain_value_for_what_nobody_declares_is_accepted() -> None:
    graph = read_graph(container_of(part=providers.Singleton(lambda: 1)))
    assert overlay_findings(graph, {graph.paths["part"]: "anything"}) == ()


def test_a_plain_value_for_a_builtin_must_be_one() -> None:
    graph = read_graph(container_of(part=providers.Object(5), half=providers.Callable(float)))
    part, half = graph.paths["part"], graph.paths["half"]
    assert overlay_findings(graph, {part: 6, half: 6}) == ()
    assert [each.path for each in overlay_findings(graph, {part: "6", half: "6"})] == ["part", "half"]


def test_a_plain_value_for_a_protocol_must_have_its_methods() -> None:
    graph = read_graph(container_of(part=providers.Dependency(instance_of=Shape)))
    part = graph.paths["part"]

    class Round:
        def run(self) -> None: ...

    assert overlay_findings(graph, {part: Round()}) == ()
    assert [each.kind for each in overlay_findings(graph, {part: Unlike()})] == ["overlay"]


# captive


@pytest.mark.parametrize(
    "local",
    [
        providers.ThreadLocalSingleton(Database),
        providers.ContextLocalSingleton(Database),
        providers.ContextLocalResource(Database),
    ],
)
def test_a_part_that_would_keep_one_threads_object_is_found(local: providers.Provider[Any]) -> None:
    for outer in (
        providers.Singleton(Service, local),
        providers.Resource(Service, local),
        providers.Singleton(Service, database=local),
        providers.Singleton(str, providers.Factory(Service, local)),
        providers.Singleton(str, providers.List(providers.Selector(lambda: "a", a=local))),
    ):
        finding = only(container_of(local=local, outer=outer))
        assert (finding.path, finding.kind) == ("outer", "captive")
        assert "local.provider" in finding.message


def test_what_is_made_anew_or_asks_later_may_use_a_local_object() -> None:
    local = providers.ContextLocalSingleton(Database)
    for outer in (
        providers.Factory(Service, local),
        providers.ThreadLocalSingleton(Service, local),
        providers.ContextLocalResource(Service, local),
        providers.Singleton(str, local.provider),
        providers.Singleton(str, providers.Factory(Service, local).provider),
    ):
        assert check(container_of(local=local, outer=outer)) == ()


# everything at once, and much of it


def test_everything_is_told_in_one_report_sorted_by_path() -> None:
    container = circle(providers.Singleton, "x", "y")
    container.service = providers.Singleton(Service)
    container.listed = providers.List([providers.Object(1)])
    container.given = providers.Dependency(instance_of=Database)
    found = check(container)
    assert [(each.path, each.kind) for each in found] == [
        ("given", "missing"), ("listed", "hidden"), ("service", "arity"),
        ("x", "cycle"), ("x", "type"), ("y", "type"),
    ]  # fmt: skip


def test_a_chain_thousands_deep_is_checked() -> None:
    previous: providers.Provider[Any] = providers.Singleton(Database)
    container = container_of(first=previous)
    for number in range(5000):
        previous = (
            providers.Factory(Service, previous) if number % 2 else providers.Singleton(Service, previous)
        )
        setattr(container, f"part{number}", previous)
    found = check(container)
    assert {each.kind for each in found} == {"type"}


def test_a_container_is_checked_in_a_thread_too() -> None:
    found: list[tuple[Finding, ...]] = []
    worker = threading.Thread(target=lambda: found.append(check(WithoutDatabase())))
    worker.start()
    worker.join(10)
    assert [each.path for each in found[0]] == ["module.database"]
