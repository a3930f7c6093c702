import asyncio
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers, providers

from iacs.core.exceptions import NotStartedError, StartError
from iacs.runtime import Application, current_application, inject

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),  # since 3.12, when threads run
]

DEADLINE = 30.0
ROOT = Path(__file__).parents[2]


class Connection:
    """Note in which process it was opened, used and closed."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.used_by: set[int] = set()
        self.closed_by: list[int] = []

    def use(self) -> int:
        self.used_by.add(os.getpid())
        return self.process

    def close(self) -> None:
        self.closed_by.append(os.getpid())


class Service:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Fake(Connection):
    pass


def leased() -> Iterator[list[int]]:
    lease = [os.getpid()]
    yield lease
    lease.append(-os.getpid())


class Container(containers.DeclarativeContainer):
    connection = providers.Singleton(Connection)
    lease = providers.Resource(leased)
    service = providers.Singleton(Service, connection)


def in_child(work: Callable[[], Any]) -> Any:
    """Return what `work` returns in a forked child, or raise what it raises there."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _report(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said, "the child died"
    good, value = pickle.loads(said)  # noqa: S301 - our own child's
    if not good:
        raise value
    return value


def _report(work: Callable[[], Any], writing: int) -> None:
    signal.alarm(int(DEADLINE))  # a child that hangs dies
    try:
        said = pickle.dumps((True, work()))
    except BaseException as error:  # noqa: BLE001 - raised again in the parent
        said = pickle.dumps((False, error))
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(said)
    finally:
        os._exit(0)


def test_a_child_builds_parts_of_its_own_at_the_first_read() -> None:
    with Application(Container()).sync() as app:
        mine = app.get(Connection)

        def work() -> tuple[bool, bool, int, int]:
            theirs = app.get(Connection)
            return theirs is mine, app.get(Service).connection is theirs, theirs.use(), os.getpid()

        same, shared, opened_in, child = in_child(work)
        assert (same, shared) == (False, True)
        assert opened_in == child != os.getpid()
        assert app.get(Connection) is mine


def test_parts_of_the_parent_are_neither_used_nor_closed_in_the_child() -> None:
    app = Application(Container())
    with app.sync():
        mine: Connection = app["connection"]
        lease: list[int] = app["lease"]

        def work() -> tuple[Any, ...]:
            with app.sync():
                own: Connection = app["connection"]
                own.use()
                own_lease = app["lease"]
            return mine.used_by, mine.closed_by, lease, own.used_by == set(own.closed_by), own_lease

        used, closed, seen, is_own, own_lease = in_child(work)
        assert (used, closed, seen, is_own) == (set(), [], [os.getpid()], True)
        assert own_lease[0] == -own_lease[1] != os.getpid()
    assert mine.closed_by == [os.getpid()]
    assert lease == [os.getpid(), -os.getpid()]


def test_the_containers_providers_give_the_childs_parts() -> None:
    with Application(Container()).sync() as app:
        mine = app.container.connection()

        def work() -> tuple[bool, bool, bool]:
            before = app.container.connection()
            return before is mine, app.get(Connection) is before, app.container.service().connection is before

        assert in_child(work) == (False, True, True)
        assert app.container.connection() is mine


def test_leaving_the_block_that_was_forked_in_closes_the_childs_parts() -> None:
    app = Application(Container())

    def work() -> tuple[list[int], bool]:
        own = app.get(Connection)
        scope.__exit__(None, None, None)
        return own.closed_by, app.is_started

    scope = app.sync()
    scope.__enter__()
    try:
        closed, started = in_child(work)
        assert not started
        assert closed
        assert closed != [os.getpid()]
    finally:
        scope.__exit__(None, None, None)


def test_leaving_the_block_that_was_forked_in_closes_nothing_that_was_not_built() -> None:
    app = Application(Container())
    scope = app.sync()
    scope.__enter__()
    mine = app.get(Connection)

    def work() -> list[int]:
        scope.__exit__(None, None, None)
        return mine.closed_by

    try:
        assert in_child(work) == []
    finally:
        scope.__exit__(None, None, None)


def test_what_a_child_has_stopped_stays_stopped() -> None:
    app = Application(Container())

    def work() -> None:
        with app.sync():
            app.get(Connection)
        app.get(Connection)

    with app.sync(), pytest.raises(NotStartedError, match="Connection was requested"):
        in_child(work)


def test_a_child_of_a_child_builds_its_own() -> None:
    with Application(Container()).sync() as app:

        def work() -> tuple[int, int, int]:
            return app.get(Connection).process, os.getpid(), in_child(lambda: app.get(Connection).process)

        opened_in, child, grandchild = in_child(work)
        assert opened_in == child
        assert len({os.getpid(), child, grandchild}) == 3


def test_a_bound_function_is_given_the_childs_part() -> None:
    @inject
    def work(service: Service) -> tuple[int, int]:
        return service.connection.process, os.getpid()

    with Application(Container()).sync():
        opened_in, child = in_child(work)
    assert opened_in == child != os.getpid()


def test_a_child_of_an_overlay_replaces_the_same_parts_in_its_own() -> None:
    fake = Fake()
    with Application(Container()).sync() as app, app.overlay(connection=fake) as view:
        service, lease = view["service"], view["lease"]

        def work() -> tuple[bool, ...]:
            now = current_application()
            return (
                now is view,
                view["service"].connection is fake,
                view["service"] is service,
                view["lease"] is lease,
                view["lease"] == [os.getpid()],
                isinstance(app["connection"], Fake),
            )

        assert in_child(work) == (True, True, False, False, True, False)
        assert view["service"] is service
        assert current_application() is view


def test_a_child_of_a_nested_overlay_leaves_it_clean() -> None:
    app = Application(Container())
    with app.sync(), app.overlay(connection=Fake()) as outer:
        inner = outer.overlay(lease=[7])
        inner.__enter__()
        mine: Service = inner["service"]

        def work() -> tuple[object, ...]:
            own = inner["service"]
            inner.__exit__(None, None, None)
            return inner.is_open, own is mine, current_application() is outer, outer["lease"] == [os.getpid()]

        try:
            assert in_child(work) == (False, False, True, True)
        finally:
            inner.__exit__(None, None, None)


def test_what_the_parent_built_is_not_finalised_in_the_child() -> None:
    """A connection that is thrown away may say goodbye on the wire that the parent still uses."""
    finalised: list[int] = []

    class Noisy(Connection):
        def __init__(self, name: str) -> None:
            super().__init__()

        def __del__(self) -> None:
            finalised.append(self.process)

    class Loud(containers.DeclarativeContainer):
        name = providers.Object("base")
        connection = providers.Singleton(Noisy, name)

    with Application(Loud()).sync() as app, app.overlay(name="overlaid") as view:

        def work() -> tuple[bool, list[int]]:
            own = {app["connection"].process, view["connection"].process} == {os.getpid()}
            gc.collect()
            return own, finalised

        assert in_child(work) == (True, [])


def fork_while_threads_read_and_overlay() -> None:
    app = Application(Container())
    ending = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            while not ending.is_set():
                with app.overlay(connection=Fake()) as view:
                    assert type(view["service"].connection) is Fake
        except BaseException as error:  # noqa: BLE001 - reported below
            errors.append(error)

    with app.sync():
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            results = [in_child(lambda: (app["service"].connection.process, os.getpid())) for _ in range(20)]
        finally:
            ending.set()
            for thread in threads:
                thread.join()
    assert errors == []
    assert all(opened_in == child for opened_in, child in results)
    assert len({child for _, child in results}) == 20


def test_forking_while_threads_read_and_overlay_is_safe() -> None:
    code = "from tests.runtime.test_fork import fork_while_threads_read_and_overlay; fork_while_threads_read_and_overlay()"
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(  # on its own: in a forked child, coverage waits for a lock of the parent's threads
        [sys.executable, "-c", code], cwd=ROOT, env=unmeasured, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


class Client:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.process = os.getpid()

    async def aclose(self) -> None:
        """Need the loop."""


async def open_client() -> AsyncIterator[Client]:
    yield Client()


class Asynchronous(containers.DeclarativeContainer):
    client = providers.Resource(open_client)


async def test_what_needs_a_loop_is_started_anew_in_the_child() -> None:
    async with Application(Asynchronous()) as app:
        mine = app["client"]

        async def fresh() -> tuple[bool, int, bool]:
            async with app:
                own: Client = app["client"]
                return own is mine, own.process, own.loop is asyncio.get_running_loop()

        def work() -> tuple[str, Any, int]:
            with pytest.raises(StartError) as caught:
                app["client"]
            return caught.value.message_with_hint, asyncio.run(fresh()), os.getpid()

        message, (same, opened_in, in_loop), child = in_child(work)
        assert message == (
            "this process was forked from the one that started the application: "
            "client is built asynchronously; start it in this process, with 'async with'"
        )
        assert (same, opened_in, in_loop) == (False, child, True)
        assert app["client"] is mine


def read_in_a_worker(_: int) -> tuple[int, int]:
    return current_application().get(Connection).use(), os.getpid()


def test_every_worker_of_a_multiprocessing_pool_gets_a_connection() -> None:
    with Application(Container()).sync() as app:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = set(pool.map(read_in_a_worker, range(50), chunksize=1))
            pool.close()
            pool.join()
        mine: Connection = app["connection"]
        assert mine.used_by == set()
    assert all(opened_in == worker for opened_in, worker in results)
    assert os.getpid() not in {worker for _, worker in results}


def test_every_worker_of_a_preloaded_server_gets_a_connection() -> None:
    """As gunicorn --preload does: the application is started by the master, which only forks."""
    app = Application(Container())
    with app.sync():
        mine: Connection = app["connection"]

        def serve() -> list[int]:
            first = [app.get(Connection).use() for _ in range(3)]
            threads = [threading.Thread(target=lambda: first.append(app["service"].connection.use()))]
            threads[0].start()
            threads[0].join()
            return first

        workers = [in_child(serve) for _ in range(3)]
        assert [len(set(used)) for used in workers] == [1, 1, 1]
        assert len({used[0] for used in workers} | {os.getpid()}) == 4
        assert mine.used_by == set()
    assert mine.closed_by == [os.getpid()]


def test_an_application_that_is_not_started_stays_so_in_the_child() -> None:
    app = Application(Container())
    with pytest.raises(NotStartedError):
        in_child(lambda: app["service"])
