"""Scopes: parts that live as long as a request, a task or an event."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any, Self

import anyio
import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import CheckError, NotStartedError, ScopeError
from iacs.runtime import Application, scoped


class Engine: ...


class Request: ...


class Session:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.events: list[str] = []


class Audit: ...


class Orders:
    def __init__(self, session: Session, request: Request) -> None:
        self.session, self.request = session, request


class Clock: ...


log: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


async def open_session(engine: Engine) -> AsyncIterator[Session]:
    session = Session(engine)
    log.append("begin")
    try:
        yield session
    except BaseException as error:
        log.append(f"rollback {type(error).__name__}")
        raise
    await asyncio.sleep(0)
    log.append("commit")


def open_audit() -> Iterator[Audit]:
    log.append("open audit")
    try:
        yield Audit()
    finally:
        log.append("close audit")


class Container(containers.DeclarativeContainer):
    engine = providers.Singleton(Engine)
    request = scoped.value(Request)
    session = scoped.resource(open_session, engine)
    audit = scoped.resource(open_audit)
    orders = scoped.singleton(Orders, session, request)
    clock = scoped.singleton(Clock)
    made = providers.Factory(Orders, session, request)


class Plain(containers.DeclarativeContainer):
    request = scoped.value(Request)
    audit = scoped.resource(open_audit)
    clock = scoped.singleton(Clock)


@pytest.fixture
async def app() -> AsyncIterator[Application[Container]]:
    async with Application(Container()) as app:
        yield app


async def test_a_part_is_built_once_per_scope_and_receives_what_was_passed(app: Application[Any]) -> None:
    request = Request()
    async with app.scope(request=request) as scope:
        orders = await scope.aget(Orders)
        assert orders.request is request
        assert orders.session.engine is app.get(Engine)
        assert await scope.aget(Orders) is orders
        assert scope.get(Orders) is orders
        assert scope["orders"] is orders
    async with app.scope(request=request) as scope:
        assert await scope.aget(Orders) is not orders


async def test_a_value_is_passed_by_class_path_or_provider(app: Application[Any]) -> None:
    request = Request()
    for name in (Request, "request", app.container.request, Container.request):
        async with app.scope({name: request}) as scope:
            assert scope.get(Request) is request


async def test_nothing_that_is_not_asked_for_is_built(app: Application[Any]) -> None:
    async with app.scope():
        pass
    async with app.scope(request=Request()) as scope:
        scope.get(Clock)
    assert log == []


async def test_resources_are_closed_in_reverse_order(app: Application[Any]) -> None:
    async with app.scope() as scope:
        scope.get(Audit)
        await scope.aget(Session)
    assert log == ["open audit", "begin", "commit", "close audit"]


async def test_an_error_of_the_block_is_thrown_into_the_resources(app: Application[Any]) -> None:
    with pytest.raises(KeyError):  # noqa: PT012
        async with app.scope() as scope:
            await scope.aget(Session)
            raise KeyError
    assert log == ["begin", "rollback KeyError"]


async def test_a_resource_that_swallows_the_error_hides_it_from_nobody() -> None:
    def swallow() -> Iterator[Clock]:
        with suppress(KeyError):
            yield Clock()

    class Swallowing(containers.DeclarativeContainer):
        audit = scoped.resource(watch)
        clock = scoped.resource(swallow)

    async with Application(Swallowing()) as app:
        with pytest.raises(KeyError):  # noqa: PT012
            async with app.scope() as scope:
                assert scope["audit"]
                assert scope["clock"]
                raise KeyError
    assert log == ["saw KeyError"]


def watch() -> Iterator[Audit]:
    try:
        yield Audit()
    except BaseException as error:
        log.append(f"saw {type(error).__name__}")
        raise


async def test_every_part_has_its_turn_and_failures_come_together() -> None:
    def failing(name: str) -> Iterator[str]:
        yield name
        raise ValueError(name)

    class Failing(containers.DeclarativeContainer):
        first = scoped.resource(failing, "first")
        audit = scoped.resource(open_audit)
        second = scoped.resource(failing, "second")

    async with Application(Failing()) as app:
        with pytest.raises(ExceptionGroup) as caught:
            async with app.scope() as scope:
                assert [scope["first"], scope["audit"], scope["second"]]
        assert str(caught.value.exceptions[0]) == "second"
        assert "close audit" in log


async def test_resources_are_opened_and_closed_in_the_task_that_entered_the_scope() -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    async def keep_task() -> AsyncIterator[Clock]:
        tasks.append(asyncio.current_task())
        yield Clock()
        tasks.append(asyncio.current_task())

    class Tasks(containers.DeclarativeContainer):
        clock = scoped.resource(keep_task)

    async with Application(Tasks()) as app, app.scope() as scope:
        await scope.aget(Clock)
    assert tasks == [asyncio.current_task()] * 2


async def test_tasks_of_one_scope_share_what_the_first_of_them_builds(app: Application[Any]) -> None:
    async with app.scope(request=Request()) as scope:
        sessions = await asyncio.gather(*(scope.aget(Session) for _ in range(20)))
        assert len(set(map(id, sessions))) == 1
    assert log == ["begin", "commit"]


async def test_a_commit_that_has_begun_finishes_although_leaving_is_cancelled() -> None:
    committing = asyncio.Event()

    async def commit_slowly() -> AsyncIterator[Clock]:
        yield Clock()
        committing.set()
        for _ in range(5):
            await asyncio.sleep(0)
        log.append("committed")

    class Slow(containers.DeclarativeContainer):
        clock = scoped.resource(commit_slowly)

    async def work(app: Application[Any]) -> None:
        async with app.scope() as scope:
            await scope.aget(Clock)

    async with Application(Slow()) as app:
        task = asyncio.create_task(work(app))
        await committing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert log == ["committed"]


async def test_a_part_that_does_not_end_is_cut_off_at_its_deadline() -> None:
    async def endless() -> AsyncIterator[Clock]:
        yield Clock()
        await asyncio.Event().wait()

    class Endless(containers.DeclarativeContainer):
        audit = scoped.resource(open_audit)
        clock = scoped.resource(endless)

    async with Application(Endless(), stop_timeout=0.5) as app:
        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012
            async with app.scope() as scope:
                assert scope["audit"]
                await scope.aget("clock")
    assert isinstance(caught.value.exceptions[0], TimeoutError)
    assert log == ["open audit", "close audit"]


async def test_a_task_group_inside_a_resource_works() -> None:
    async def workers() -> AsyncIterator[anyio.abc.TaskGroup]:
        async with anyio.create_task_group() as group:
            yield group
            group.cancel_scope.cancel()

    class Workers(containers.DeclarativeContainer):
        group = scoped.resource(workers)

    async with Application(Workers()) as app:
        async with app.scope() as scope:
            group = await scope.aget("group")
            group.start_soon(anyio.sleep_forever)
        with pytest.raises(ExceptionGroup, match="unhandled errors"):  # noqa: PT012
            async with app.scope() as scope:
                group = await scope.aget("group")
                group.start_soon(fail)
                await anyio.sleep_forever()


async def fail() -> None:
    raise ValueError("the worker died")


async def test_an_inner_scope_sees_the_outer_parts_and_builds_anew_what_depends_on_its_values(
    app: Application[Any],
) -> None:
    first, second = Request(), Request()
    async with app.scope(request=first) as outer:
        orders = await outer.aget(Orders)
        async with outer.scope(request=second) as inner:
            new = await inner.aget(Orders)
            assert (new.request, new.session) == (second, orders.session)
            assert new is not orders
            assert inner.get(Clock) is outer.get(Clock)
        assert log == ["begin"]
        assert outer.get(Orders) is orders


async def test_a_scope_of_an_overlay_sees_its_replacements(app: Application[Any]) -> None:
    engine = Engine()
    async with app.overlay(engine=engine) as view, view.scope(request=Request()) as scope:
        assert (await scope.aget(Orders)).session.engine is engine
    async with app.scope(request=Request()) as scope:
        assert (await scope.aget(Orders)).session.engine is app.get(Engine)


async def test_an_overlay_of_a_scope_rebuilds_only_what_depends_on_the_replaced_part(
    app: Application[Any],
) -> None:
    async with app.scope(request=Request()) as scope:
        orders = await scope.aget(Orders)
        request = Request()
        async with scope.overlay(request=request) as view:
            replaced = await view.aget(Orders)
            assert (replaced.request, replaced.session) == (request, orders.session)
        assert scope.get(Orders) is orders


async def test_a_factory_over_scoped_parts_is_made_anew_from_the_same_ones(app: Application[Any]) -> None:
    async with app.scope(request=Request()) as scope:
        one, two = await scope.aget("made"), await scope.aget("made")
        assert one is not two
        assert one.session is two.session


@pytest.mark.parametrize("name", ["reqest", "engine", "orders", Session])
async def test_a_name_that_is_not_a_scoped_value_is_rejected_on_entering(
    app: Application[Any], name: Any
) -> None:
    with pytest.raises(ScopeError, match="request"):
        async with app.scope({name: Request()}):
            pass


async def test_an_object_of_another_kind_is_refused_on_entering(app: Application[Any]) -> None:
    with pytest.raises(CheckError, match="request"):
        async with app.scope(request="GET /"):
            pass


async def test_a_value_that_was_not_passed_is_named_with_the_cure(app: Application[Any]) -> None:
    async with app.scope() as scope:
        with pytest.raises(ScopeError, match=r"request was not passed[\s\S]*app\.scope\(request=…\)"):
            await scope.aget(Orders)


async def test_a_scoped_part_asked_of_the_application_or_the_container_says_to_open_a_scope(
    app: Application[Any],
) -> None:
    for ask in (lambda: app.get(Orders), lambda: app["clock"], app.container.orders, Container.clock):
        with pytest.raises(ScopeError, match=r"app\.scope\(\)"):
            ask()


async def test_a_scope_that_has_ended_can_no_longer_be_read(app: Application[Any]) -> None:
    async with app.scope() as scope:
        scope.get(Clock)
    with pytest.raises(ScopeError, match="ended"):
        scope.get(Clock)
    with pytest.raises(ScopeError, match="before"):
        async with scope:
            pass


async def test_a_scope_needs_a_started_application() -> None:
    with pytest.raises(NotStartedError):
        async with Application(Container()).scope():
            pass


async def test_a_scope_left_open_is_closed_before_the_application_stops() -> None:
    app = Application(Container())
    async with app:
        scope = await app.scope().__aenter__()
        await scope.aget(Session)
    assert log == ["begin", "commit"]
    with pytest.raises(ScopeError, match="ended"):
        scope.get(Clock)
    await scope.__aexit__(None, None, None)


def test_scopes_need_no_event_loop_where_their_parts_need_none() -> None:
    with Application(Plain()).sync() as app:
        with app.scope(request=Request()) as scope:
            assert scope.get(Audit) is scope.get(Audit)
        assert log == ["open audit", "close audit"]


def test_what_needs_an_event_loop_is_refused_by_name_in_a_synchronous_scope() -> None:
    with (
        Application(Container()).sync() as app,
        app.scope() as scope,
        pytest.raises(ScopeError, match="aget"),
    ):
        scope.get(Session)


def test_threads_of_one_scope_build_a_part_once() -> None:
    barrier = Barrier(8)

    def read(scope: Any) -> Clock:
        barrier.wait(timeout=10)
        return scope.get(Clock)  # type: ignore[no-any-return]

    with Application(Plain()).sync() as app, app.scope() as scope, ThreadPoolExecutor(8) as pool:
        clocks = [future.result() for future in [pool.submit(read, scope) for _ in range(8)]]
    assert len(set(map(id, clocks))) == 1


async def test_a_thousand_overlapping_scopes_keep_their_parts_apart(app: Application[Any]) -> None:
    async def handle(number: int) -> tuple[int, int]:
        request = Request()
        async with app.scope(request=request) as scope:
            await asyncio.sleep(0)
            orders = await scope.aget(Orders)
            await asyncio.sleep(0)
            assert (await scope.aget(Orders)) is orders
            assert orders.request is request
            if number % 3 == 0:
                raise KeyError(number)
            return id(orders), id(orders.session)
        raise AssertionError("a scope swallowed an error")

    outcomes = await asyncio.gather(*map(handle, range(999)), return_exceptions=True)
    assert sum(isinstance(outcome, KeyError) for outcome in outcomes) == 333
    assert (log.count("begin"), log.count("commit"), log.count("rollback KeyError")) == (999, 666, 333)


async def test_a_singleton_of_a_scope_that_can_be_closed_is_closed_with_it() -> None:
    class Client:
        async def aclose(self) -> None:
            log.append("closed")

    class Clients(containers.DeclarativeContainer):
        client = scoped.singleton(Client)

    async with Application(Clients()) as app:
        async with app.scope() as scope:
            scope.get(Client)
            assert log == []
        assert log == ["closed"]


async def test_a_factory_that_turns_out_to_need_an_event_loop_is_awaited_for_all_that_depends_on_it() -> None:
    class Connection:
        async def __aenter__(self) -> Self:
            log.append("connect")
            return self

        async def __aexit__(self, *error: object) -> None:
            log.append("disconnect")

    async def clock() -> Clock:
        return Clock()

    class Unannounced(containers.DeclarativeContainer):
        connection = scoped.resource(lambda: Connection())
        clock = scoped.singleton(lambda: clock())
        both = scoped.singleton(lambda connection, clock: (connection, clock), connection, clock)

    async with Application(Unannounced()) as app, app.scope() as scope:
        with pytest.raises(ScopeError, match=r"connection is built asynchronously[\s\S]*aget"):
            assert scope["both"]
        assert log == []
        first, second = await scope.aget("both")
        assert (type(first), type(second)) == (Connection, Clock)
        assert scope["connection"] is first
        assert scope["clock"] is second
    assert log == ["connect", "disconnect"]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_generator_that_yields_never_or_twice_is_an_error(asynchronous: bool) -> None:
    def never() -> Iterator[Clock]:
        yield from ()

    def twice() -> Iterator[Clock]:
        yield Clock()
        yield Clock()

    async def never_async() -> AsyncIterator[Clock]:
        clocks: list[Clock] = []
        for clock in clocks:
            yield clock

    async def twice_async() -> AsyncIterator[Clock]:
        yield Clock()
        yield Clock()

    never_ever: Any = never_async if asynchronous else never
    once_more: Any = twice_async if asynchronous else twice

    class Odd(containers.DeclarativeContainer):
        never = scoped.resource(never_ever)
        twice = scoped.resource(once_more)

    async with Application(Odd()) as app:
        async with app.scope() as scope:
            with pytest.raises(RuntimeError, match="didn't yield"):
                await scope.aget("never")
        with pytest.raises(ExceptionGroup) as caught:
            async with app.scope() as scope:
                await scope.aget("twice")
    assert "didn't stop" in str(caught.value.exceptions[0])


async def test_keywords_that_python_reserves_are_passed() -> None:
    def collect(**named: Any) -> dict[str, Any]:
        return named

    class Reserved(containers.DeclarativeContainer):
        clock = scoped.singleton(Clock)
        made = scoped.singleton(collect, **{"class": clock, "not a name": 2})

    async with Application(Reserved()) as app, app.scope() as scope:
        assert scope["made"] == {"class": scope["clock"], "not a name": 2}
