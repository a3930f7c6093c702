"""What follows from the probes for each module, by the graph alone."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st

from iacs.core.exceptions import DatabaseError, DegradedError, KafkaError
from iacs.runtime.graph.graph import Graph, read_graph
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.health import Cause, Health, PartHealth, Probes, Readiness, Status, probe_parts

AWAY = DatabaseError("the server is away; start it")


class Part:
    """Anything with arguments."""

    def __init__(self, *needs: object, **named: object) -> None:
        self.needs = (needs, named)


class Probed(Part):
    """Count its probes; raise `error` instead of answering, once it is set."""

    error: Exception | None = None
    asked = 0

    async def probe(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


class Database(Probed): ...


class Broker(Probed): ...


class EventLog(Probed): ...


class Tokens(Probed): ...


class Core(containers.DeclarativeContainer):
    config = providers.Configuration(default={"events": "log"})
    database = providers.Singleton(Database, config.url)
    broker = providers.Singleton(Broker)
    log = providers.Singleton(EventLog, database)
    events = providers.Selector(config.events, broker=broker, log=log)
    tokens = providers.Singleton(Tokens, database)


class Accounts(containers.DeclarativeContainer):
    database: providers.Dependency[Any] = providers.Dependency()
    service = providers.Singleton(Part, database)


class Mail(containers.DeclarativeContainer):
    tokens: providers.Dependency[Any] = providers.Dependency()
    events: providers.Dependency[Any] = providers.Dependency()
    outbox = providers.Singleton(Part, events)
    service = providers.Singleton(Part, tokens, providers.List(outbox))


class Reports(containers.DeclarativeContainer):
    accounts: providers.Dependency[Any] = providers.Dependency()
    service = providers.Factory(Part, of=accounts.provided.needs)


class Clock(containers.DeclarativeContainer):
    service = providers.Singleton(Part)


class Application(containers.DeclarativeContainer):
    core = providers.Container(Core)
    accounts = providers.Container(Accounts, database=core.database)
    mail = providers.Container(Mail, tokens=core.tokens, events=core.events)
    reports = providers.Container(Reports, accounts=accounts.service)
    clock = providers.Container(Clock)


class Started:
    """A container with its parts built by hand."""

    def __init__(self, container: Any, *unbuilt: str) -> None:
        self.graph: Graph = read_graph(container)
        self.parts: dict[int, Any] = {
            node.index: node.provider()
            for node in self.graph.nodes
            if node.is_part and node.path not in unbuilt
        }

    def __getitem__(self, path: str) -> Any:
        return self.parts[self.graph.paths[path]]

    def asked(self) -> Mapping[str, int]:
        return Counter({
            self.graph.nodes[index].path: part.asked
            for index, part in self.parts.items()
            if isinstance(part, Probed)
        })  # fmt: skip

    async def health(
        self, timeout: float = 10.0, chosen: Mapping[int, int] | None = None, probes: Probes | None = None
    ) -> Health:
        return await probe_parts(self.graph, self.parts, timeout=timeout, chosen=chosen, probes=probes)


def causes(health: Health) -> dict[str, list[str]]:
    """Return what ails each module that is not up."""
    return {module.name: list(map(str, module.causes)) for module in health.modules if module.causes}


@pytest.fixture
def started() -> Started:
    return Started(Application(), "core.broker")


async def test_sound_application_is_up_with_every_module(started: Started) -> None:
    health = await started.health()
    assert (health.status, health.up, health.http_status) == (Status.UP, True, 200)
    assert [(module.name, module.status) for module in health.modules] == [
        (name, Status.UP) for name in ("core", "accounts", "mail", "reports", "clock")
    ]
    assert [part.path for part in health.parts] == ["core.database", "core.log", "core.tokens"]


async def test_each_part_is_asked_once_however_many_stand_on_it(started: Started) -> None:
    await started.health()
    assert started.asked() == {"core.database": 1, "core.log": 1, "core.tokens": 1}


async def test_exactly_the_dependants_of_a_database_that_is_away_are_down_and_name_it(
    started: Started,
) -> None:
    started["core.database"].error = AWAY
    health = await started.health()
    assert causes(health) == {
        "core": [f"core.database: {AWAY}"],
        "accounts": [f"accounts.service -> core.database: {AWAY}"],
        "mail": [f"mail.service -> core.tokens -> core.database: {AWAY}"],
        "reports": [f"reports.service -> accounts.service -> core.database: {AWAY}"],
    }
    assert (health.status, health.http_status) == (Status.DOWN, 503)
    assert (health.module("clock").up, health.module("mail").http_status) == (True, 503)


async def test_a_part_that_fails_because_of_the_database_is_not_a_cause(started: Started) -> None:
    for path in ("core.database", "core.log", "core.tokens"):
        started[path].error = AWAY
    health = await started.health()
    assert [cause.part for module in health.modules for cause in module.causes] == ["core.database"] * 4
    assert [part.status for part in health.parts] == [Status.DOWN] * 3


async def test_independent_causes_are_all_named_nearest_first(started: Started) -> None:
    started["core.log"].error = KafkaError("closed")
    started["core.tokens"].error = DegradedError("2 accounts need to sign in")
    health = await started.health()
    assert causes(health)["mail"] == [
        "mail.service -> core.tokens: 2 accounts need to sign in",
        "mail.service -> mail.outbox -> core.events -> core.log: closed",
    ]
    assert health.module("mail").status is Status.DOWN
    assert health.module("accounts").causes == ()


async def test_degraded_application_works_and_says_so(started: Started) -> None:
    started["core.tokens"].error = DegradedError("2 accounts need to sign in")
    health = await started.health()
    assert (health.status, health.up, health.http_status) == (Status.DEGRADED, True, 200)
    assert {module.name: module.status for module in health.modules if module.causes} == {
        "core": Status.DEGRADED,
        "mail": Status.DEGRADED,
    }


async def test_degraded_part_stays_a_cause_beside_the_one_that_it_stands_on(started: Started) -> None:
    started["core.tokens"].error = DegradedError("2 accounts need to sign in")
    started["core.database"].error = AWAY
    assert [cause.part for cause in (await started.health()).module("mail").causes] == [
        "core.tokens",
        "core.database",
    ]


async def test_branch_that_a_selector_did_not_choose_ails_nobody() -> None:
    started = Started(Application())
    started["core.broker"].error = KafkaError("away")
    paths = started.graph.paths
    health = await started.health(chosen={paths["core.events"]: paths["core.log"]})
    assert causes(health) == {"core": ["core.broker: away"]}
    assert "mail" in causes(await started.health())


async def test_module_of_which_nothing_is_started_is_not_reported() -> None:
    started = Started(Application(), "core.broker", "core.log", "core.tokens", "mail.outbox", "mail.service")
    assert [module.name for module in (await started.health()).modules] == [
        "core",
        "accounts",
        "reports",
        "clock",
    ]


async def test_what_a_module_only_names_makes_it_no_started_one() -> None:
    class Shop(containers.DeclarativeContainer):
        database: providers.Dependency[Any] = providers.Dependency()
        label = providers.Callable(str, database)
        service = providers.Singleton(Part, label)

    class Whole(containers.DeclarativeContainer):
        core = providers.Container(Core)
        shop = providers.Container(Shop, database=core.database)

    started = Started(Whole(), "core.broker", "shop.service")
    assert [module.name for module in (await started.health()).modules] == ["core"]


async def test_way_through_a_part_that_is_not_started_leads_nowhere() -> None:
    class Flat(containers.DeclarativeContainer):
        broker = providers.Singleton(Broker)
        archive = providers.Singleton(Part, broker)
        service = providers.Singleton(Part, archive.provider)

    started = Started(Flat(), "archive")
    started["broker"].error = AWAY
    assert (await started.health()).module("service").up
    started.parts[started.graph.paths["archive"]] = Part()
    assert not (await started.health()).module("service").up


async def test_probes_run_at_the_same_time_each_with_its_own_deadline() -> None:
    all_are_asked = asyncio.Barrier(20)

    class Slow(Part):
        async def probe(self) -> None:
            await all_are_asked.wait()

    class Dead(Part):
        async def probe(self) -> None:
            await asyncio.Event().wait()

    flat = containers.DynamicContainer()
    for number in range(20):
        flat.set_provider(f"slow_{number}", providers.Singleton(Slow))
    flat.set_provider("dead", providers.Singleton(Dead))
    health = await Started(flat).health(timeout=2.0)
    assert causes(health) == {"dead": ["dead: no answer within 2 s"]}


async def test_modules_of_a_flat_container_are_what_nothing_else_asks() -> None:
    class Flat(containers.DeclarativeContainer):
        url = providers.Object("sqlite://")
        database = providers.Singleton(Database, url)
        tokens = providers.Singleton(Tokens, database)
        worker = providers.Singleton(Part, tokens)
        request = providers.Factory(Part, database)
        version = providers.Object("1")

    started = Started(Flat())
    started["database"].error = AWAY
    health = await started.health()
    assert [module.name for module in health.modules] == ["worker", "request"]
    assert causes(health)["worker"] == [f"worker -> tokens -> database: {AWAY}"]


async def test_a_part_that_replaces_another_is_reported_under_its_path() -> None:
    class Other(Database): ...

    container = Application()
    container.core.database.override(providers.Singleton(Other))
    started = Started(container, "core.broker", "core.database")
    (other,) = (part for part in started.parts.values() if isinstance(part, Other))
    other.error = AWAY
    assert causes(await started.health())["accounts"] == [
        f"accounts.service -> core.database.override: {AWAY}"
    ]


async def test_a_service_that_replaces_another_belongs_to_the_same_module() -> None:
    container = Application()
    container.mail.service.override(providers.Singleton(Tokens))
    started = Started(container, "core.broker", "mail.service")
    next(part for part in started.parts.values() if type(part) is Tokens and not part.needs[0]).error = AWAY
    assert list(causes(await started.health())) == ["mail"]


async def test_one_object_that_is_several_parts_is_asked_once() -> None:
    def same(database: Database) -> Database:
        return database

    class Flat(containers.DeclarativeContainer):
        database = providers.Singleton(Database)
        alias = providers.Singleton(same, database)
        service = providers.Singleton(Part, alias)

    started = Started(Flat())
    started["database"].error = AWAY
    health = await started.health()
    assert started["database"].asked == 1
    assert [part.path for part in health.parts] == ["database"]
    assert causes(health) == {"service": [f"service -> alias -> database: {AWAY}"]}


async def test_parts_that_depend_on_each_other_are_both_causes() -> None:
    class Ring(containers.DeclarativeContainer):
        left = providers.Singleton(Database)
        right = providers.Singleton(Broker, left)
        service = providers.Singleton(Part, right)

    Ring.left.add_args(Ring.right.provider)
    started = Started(Ring())
    for path in ("left", "right"):
        started[path].error = AWAY
    assert [cause.part for cause in (await started.health()).module("service").causes] == ["right", "left"]


async def test_application_without_a_probe_is_up() -> None:
    health = await Started(Clock()).health()
    assert (health.status, health.parts, [module.name for module in health.modules]) == (
        Status.UP,
        (),
        ["service"],
    )


def test_application_without_an_event_loop_of_its_own_is_asked_in_one(started: Started) -> None:
    assert [asyncio.run(started.health()).status for _ in range(2)] == [Status.UP] * 2


async def test_caller_that_gives_up_leaves_no_probe_behind(started: Started) -> None:
    never = asyncio.Event()
    started["core.tokens"].probe = None  # what an instance has of that name is not the protocol

    class Hanging(Part):
        async def probe(self) -> None:
            await never.wait()

    started.parts[started.graph.paths["clock.service"]] = Hanging()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await started.health()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1


async def test_part_that_owes_an_answer_is_not_asked_again() -> None:
    free = asyncio.Event()

    class Stubborn(Probed):
        async def probe(self) -> None:
            self.asked += 1
            while not free.is_set():
                try:
                    await free.wait()
                except asyncio.CancelledError:
                    continue

    class Flat(containers.DeclarativeContainer):
        part = providers.Singleton(Stubborn)

    started, probes = Started(Flat()), Probes()
    try:
        for _ in range(3):
            assert (await started.health(timeout=0.02, probes=probes)).status is Status.DOWN
        assert started["part"].asked == 1
    finally:
        free.set()  # else the event loop would wait for it forever
    async with asyncio.timeout(30):
        while not (await started.health(probes=probes)).up:  # noqa: ASYNC110 - its owner notifies nobody
            await asyncio.sleep(0.001)


def report() -> Health:
    cause = Cause(("mail.service", "core.database"), Status.DOWN, "cannot connect to db.internal")
    return Health(
        (Readiness("mail", (cause,)), Readiness("clock")),
        (
            PartHealth("core.database", Status.DOWN, 0.25, error="cannot connect to db.internal"),
            PartHealth("core.log", Status.UP, 0.0000004, detail={"topics": 2}),
        ),
    )


def test_report_is_what_json_takes() -> None:
    assert json.loads(json.dumps(report().to_dict())) == {
        "status": "down",
        "modules": {
            "mail": {
                "status": "down",
                "causes": [
                    {
                        "path": ["mail.service", "core.database"],
                        "status": "down",
                        "error": "cannot connect to db.internal",
                    }
                ],
            },
            "clock": {"status": "up", "causes": []},
        },
        "parts": {
            "core.database": {"status": "down", "seconds": 0.25, "error": "cannot connect to db.internal"},
            "core.log": {"status": "up", "seconds": 0.0, "detail": {"topics": 2}},
        },
    }


def test_report_for_the_public_names_what_is_down_and_says_no_more() -> None:
    text = json.dumps(report().to_dict(details=False))
    assert "db.internal" not in text
    assert "topics" not in text
    assert '"core.database": {"status": "down", "seconds": 0.25}' in text


def test_module_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="calendar"):
        report().module("calendar")


@given(st.data())
def test_of_any_graph_exactly_the_dependants_of_what_is_down_are_down(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    needs = [
        data.draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set()
        for number in range(size)
    ]
    flat = containers.DynamicContainer()
    for number in range(size):
        asked = (flat.providers[f"part_{need}"] for need in sorted(needs[number]))
        flat.set_provider(f"part_{number}", providers.Singleton(Probed, *asked))
    started = Started(flat)
    down = data.draw(st.sets(st.integers(0, size - 1)))
    for number in down:
        started[f"part_{number}"].error = AWAY

    def below(number: int) -> set[int]:
        return {number}.union(*map(below, needs[number]))

    tops = [number for number in range(size) if not any(number in indexes for indexes in needs)]
    health = asyncio.run(started.health())
    assert [module.name for module in health.modules] == [f"part_{number}" for number in tops]
    for module, number in zip(health.modules, tops, strict=True):
        first = {one for one in below(number) & down if not (below(one) - {one}) & down}
        assert {cause.part for cause in module.causes} == {f"part_{one}" for one in first}
        for cause in module.causes:
            steps = [int(path.removeprefix("part_")) for path in cause.path]
            assert steps[0] == number
            assert all(after in needs[before] for before, after in pairwise(steps))


def test_kinds_of_the_graph_are_what_these_tests_take_them_for(started: Started) -> None:
    nodes, paths = started.graph.nodes, started.graph.paths
    assert nodes[paths["mail.tokens"]].kind is Kind.ALIAS
    assert nodes[paths["core"]].kind is Kind.CONTAINER
