"""Real runs of pytest, inside of pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import iacs.runtime  # stays imported after an inner run  # noqa: F401

pytest_plugins = ["pytester"]

SHOP = """
from dependency_injector import containers, providers

log = []

class Database:
    def __init__(self, name="database"):
        self.name = name
        log.append(f"open {name}")
    def close(self):
        log.append(f"close {self.name}")

class Fake(Database):
    def __init__(self, name="fake"):
        self.name = name

class Service:
    def __init__(self, database):
        self.database = database

class Container(containers.DeclarativeContainer):
    database = providers.Singleton(Database)
    unused = providers.Singleton(Database, "unused")
    service = providers.Singleton(Service, database)

async def open_client():
    import asyncio
    yield asyncio.get_running_loop()

class Looped(containers.DeclarativeContainer):
    client = providers.Resource(open_client)
    database = providers.Singleton(Database)

def make():
    return Container()

ready = Container()
"""

INI = """
[pytest]
iacs_container = shop:Container
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makepyfile(shop=SHOP)
    pytester.makeini(INI)
    pytester.syspathinsert()
    return pytester


def outcome(project: pytest.Pytester, *arguments: str, **expected: int) -> pytest.RunResult:
    """Run it in the order in which it is written, and look at how many tests passed and failed."""
    result = project.runpytest_inprocess("-p", "no:randomly", *arguments)
    result.assert_outcomes(**expected)
    return result


def test_the_fixture_is_a_started_application(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from iacs.runtime import current_application
        import shop

        def test_first(application):
            assert application.is_started
            assert application["service"].database.name == "database"
            assert current_application() is application

        def test_second(application):
            assert shop.log == ["open database", "open unused", "close unused", "close database"] + [
                "open database", "open unused"]
        """
    )
    outcome(project, passed=2)


def test_overlays_are_entered_above_one_another_and_left_with_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from iacs.runtime import current_application, inject
        from shop import Fake, Service

        @inject
        def handle(service: Service):
            return service.database

        def test_first(application, overlay):
            one, two = Fake("one"), Fake("two")
            view = overlay(database=one)
            assert handle() is view["service"].database is one
            above = overlay({"unused": two})
            assert current_application() is above
            assert (above["service"].database, above["unused"]) == (one, two)
            assert application["service"].database.name == "database"

        def test_left_by_the_test_itself(overlay):
            with overlay(database=Fake()):
                pass

        def test_second(application):
            assert handle().name == "database"
            assert current_application() is application
        """.replace(
            "with overlay(database=Fake()):\n                pass",
            "overlay(database=Fake()).__exit__(None, None, None)",
        )
    )
    outcome(project, passed=3)


def test_a_test_says_what_it_needs_started(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest, shop

        @pytest.mark.iacs(roots=[shop.Service])
        def test_it(application):
            assert shop.log == ["open database"]
        """
    )
    outcome(project, passed=1)


@pytest.mark.parametrize("name", ["shop:Container", "shop:make", "shop:ready"])
def test_the_container_is_a_class_or_an_instance_or_made_by_a_function(
    project: pytest.Pytester, name: str
) -> None:
    project.makepyfile("def test_it(application): assert application['service'].database")
    outcome(project, "-o", f"iacs_container={name}", passed=1)


def test_a_project_may_make_the_container_itself(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from dependency_injector import providers
        from shop import Container, Fake

        @pytest.fixture
        def iacs_container():
            return Container(database=providers.Object(Fake()))

        def test_it(application):
            assert application["service"].database.name == "fake"
        """
    )
    outcome(project, "-o", "iacs_container=", passed=1)


def test_a_project_may_start_the_application_itself(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from iacs.runtime import Application
        from shop import Container, Fake

        @pytest.fixture(scope="module")
        def application():
            with Application(Container()).sync() as app:
                yield app

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(application, overlay, number):
            assert application["service"].database.name == "database"
            assert overlay(database=Fake())["service"].database.name == "fake"
        """
    )
    outcome(project, passed=2)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "",
            [
                "the fixture application has no container",
                "set the ini option iacs_container to module:Attribute, or define a fixture of that name",
            ],
        ),
        (
            "nowhere:Container",
            ["the container nowhere:Container cannot be imported: No module named 'nowhere'"],
        ),
        ("shop:Missing", ["the container shop:Missing cannot be imported: *no attribute 'Missing'"]),
    ],
)
def test_a_container_that_does_not_exist_is_a_sentence(
    project: pytest.Pytester, name: str, lines: list[str]
) -> None:
    project.makepyfile("def test_it(application): ...")
    result = outcome(project, "-o", f"iacs_container={name}", errors=1)
    first, *hint = lines
    result.stdout.fnmatch_lines([f"*ConfigurationError: {first}*", *(f"*{line}*" for line in hint)])


def test_a_synchronous_test_of_asynchronous_parts_is_refused_with_a_hint(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(application): ...")
    result = outcome(project, "-o", "iacs_container=shop:Looped", errors=1)
    result.stdout.fnmatch_lines(
        ["*StartError: client is built asynchronously", "*start it with 'async with'*"]
    )


ASYNCHRONOUS = """
import asyncio, pytest, shop
from iacs.runtime import current_application

pytestmark = pytest.mark.{mark}

class Client:
    async def aclose(self):
        shop.log.append(asyncio.get_running_loop())

class Container(shop.Looped):
    from dependency_injector import providers
    made = providers.Singleton(Client)

@pytest.fixture
def iacs_container():
    return Container()

{fixture}
async def before(application):
    return application["client"]

async def test_it(application, overlay, before):
    assert application["client"] is before is asyncio.get_running_loop()
    view = overlay(database=shop.Fake())
    assert view["database"].name == "fake"
    assert current_application()["database"].name == "fake"
    shop.log.clear()
    global loop
    loop = asyncio.get_running_loop()

async def test_it_was_closed_in_its_loop():
    assert shop.log == [loop, "close database"] or shop.log == ["close database", loop]
"""


def test_an_asynchronous_test_has_it_in_its_loop_by_pytest_asyncio(project: pytest.Pytester) -> None:
    project.makepyfile(
        ASYNCHRONOUS.format(mark="asyncio", fixture="import pytest_asyncio\n@pytest_asyncio.fixture")
    )
    outcome(project, passed=2)


def test_an_asynchronous_test_has_it_in_its_loop_by_pytest_asyncio_in_auto_mode(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(ASYNCHRONOUS.format(mark="asyncio", fixture="@pytest.fixture"))
    outcome(project, "-o", "asyncio_mode=auto", passed=2)


def test_an_asynchronous_test_has_it_in_its_loop_by_anyio(project: pytest.Pytester) -> None:
    project.makepyfile(ASYNCHRONOUS.format(mark="anyio", fixture="@pytest.fixture"))
    project.makeconftest("import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'")
    outcome(project, passed=2)
    outcome(project, "-p", "no:asyncio", passed=2)


def test_an_overlay_closes_what_it_built_in_the_loop_of_its_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import asyncio, pytest, shop
        from dependency_injector import containers, providers

        class User:
            def __init__(self, database):
                self.database = database
            async def aclose(self):
                shop.log.append((self.database.name, asyncio.get_running_loop()))

        class Container(containers.DeclarativeContainer):
            database = providers.Singleton(shop.Fake, "real")
            user = providers.Singleton(User, database)

        @pytest.fixture
        def iacs_container():
            return Container()

        @pytest.mark.asyncio
        async def test_it(overlay):
            global loop
            loop = asyncio.get_running_loop()
            overlay(database=shop.Fake("one"))
            overlay(database=shop.Fake("two"))

        def test_left_in_order():
            assert shop.log == [("two", loop), ("one", loop), ("real", loop), "close real"]
        """
    )
    outcome(project, passed=2)


LEAKING = """
import pytest, shop
from iacs.runtime import Application

app = Application(shop.Container(), roots=["database"])
kept = []

def enter(it):
    kept.append(it)
    it.__enter__()

def test_application():
    enter(app.sync())

def test_overlay(application):
    enter(application.overlay(database=shop.Fake()))

def test_both():
    enter(Application(shop.Container(), roots=["unused"]).sync())
    enter(app.overlay(database=shop.Fake()))

@pytest.mark.asyncio
async def test_asynchronous():
    await app.start()

def test_clean(application, overlay):
    overlay(database=shop.Fake())
    with Application(shop.Container()).sync() as other, other.overlay(database=shop.Fake()):
        pass

@pytest.mark.iacs(leaks=True)
def test_excused():
    enter(app.overlay(database=shop.Fake()))

def test_that_fails_too():
    enter(app.sync())
    assert not "this"

@pytest.fixture
def broken():
    enter(app.sync())
    yield
    raise OSError("broken")

def test_whose_teardown_fails(broken):
    pass
"""


def test_what_is_left_open_fails_the_test_that_did_it(project: pytest.Pytester) -> None:
    project.makepyfile(LEAKING)
    result = outcome(project, "-rE", passed=7, failed=1, errors=6)
    result.stdout.fnmatch_lines_random(
        [
            "ERROR *::test_application - Failed: the test left open <Application of Container: database>",
            "ERROR *::test_overlay - Failed: the test left open <Overlay of Container: database>",
            "ERROR *::test_both - Failed: the test left open <Application of Container: unused>, and <Ov*",
            "ERROR *::test_asynchronous - Failed: the test left open <Application of Container: database>",
            "ERROR *::test_that_fails_too - Failed: the test left open <Application of Container: database>",
            "ERROR *::test_whose_teardown_fails - OSError: broken",
            "the test left open <Application of Container: database>",
        ]
    )


def test_what_one_test_left_open_does_not_concern_the_next(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest, shop
        from iacs.runtime import Application, NotStartedError, current_application

        app = Application(shop.Container())
        scope = app.sync()

        def test_first():
            scope.__enter__()
            app.overlay(database=shop.Fake()).__enter__()

        def test_second():
            assert not app.is_started
            with pytest.raises(NotStartedError):
                current_application()
            with pytest.raises(NotStartedError):
                app["service"]
            with app.sync():
                assert app["database"].name == "database"
                assert current_application() is app
        """
    )
    outcome(project, passed=2, errors=1)


def test_what_a_fixture_of_a_wider_scope_starts_outlives_its_first_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest, shop
        from iacs.runtime import Application

        @pytest.fixture(scope="session")
        def shared():
            with Application(shop.Container()).sync() as app, app.overlay(database=shop.Fake()) as view:
                yield view

        def test_first(shared):
            assert shared["database"].name == "fake"

        def test_second(shared):
            shared.overlay(database=shop.Fake("left")).__enter__()

        def test_third(shared):
            assert shared["database"].name == "fake"
        """
    )
    outcome(project, passed=3, errors=1)


def test_threads_of_a_test_are_looked_at_as_well(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import threading, shop
        from iacs.runtime import Application, current_application

        def run(work):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

        def test_reads(application, overlay):
            seen = []
            run(lambda: seen.append(current_application()))
            assert seen == [application]

        def test_overlays(application):
            scope = application.overlay(database=shop.Fake())
            run(scope.__enter__)
            global other
            other = Application(shop.Container()).sync()
            run(other.__enter__)
        """
    )
    result = outcome(project, passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*left open <Overlay of Container: database>, and <Application of Container: *"]
    )


def test_several_processes_run_it_as_one_does(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest, shop

        @pytest.mark.parametrize("number", range(12))
        def test_it(application, overlay, number):
            view = overlay(database=shop.Fake(str(number)))
            assert view["service"].database.name == str(number)
            if number == 7:
                application.overlay(database=shop.Fake()).__enter__()
        """
    )
    result = project.runpytest_subprocess("-n", "2", "-p", "no:randomly", "-rE")
    result.assert_outcomes(passed=12, errors=1)
    result.stdout.fnmatch_lines(
        ["ERROR *test_it[[]7[]] - Failed: the test left open <Overlay of Container: database>"]
    )


def test_marks_are_declared(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.iacs(leaks=True, roots=["service"])
        def test_it(application): ...
        """
    )
    outcome(project, "--strict-markers", passed=1)


def test_it_is_loaded_without_the_runtime(tmp_path: Path) -> None:
    """A project that has iacs installed and does not use the plugin pays next to nothing."""
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n"
        "    heavy = {'dependency_injector', 'iacs.runtime', 'pydantic', 'iacs.containers', 'iacs.testing.stage'}\n"
        "    assert 'iacs.testing.plugin' in sys.modules\n"
        "    assert not heavy & set(sys.modules)\n",
        encoding="utf-8",
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # others may import anything
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "iacs.testing.plugin", str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


SCOPED = """
from contextlib import asynccontextmanager
import anyio
from dependency_injector import containers, providers
from iacs.runtime import scoped

log = []

class Request:
    name = "real"

class FakeRequest(Request):
    name = "fake"

class Session: ...

def open_session(engine):
    yield Session()
    log.append("close session")

async def open_group():
    async with anyio.create_task_group() as group:
        yield group
    log.append("close group")

class Orders:
    def __init__(self, session: Session, request: Request):
        self.session, self.request = session, request

class Container(containers.DeclarativeContainer):
    engine = providers.Object("engine")
    request = scoped.value(Request)
    session = scoped.resource(open_session, engine)
    group = scoped.resource(open_group)
    orders = scoped.singleton(Orders, session, request)
"""


def test_scopes_are_entered_inside_of_one_another_and_left_with_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        scoped_shop=SCOPED,
        test_scope="""
        import pytest, scoped_shop
        from iacs.runtime import inject
        from scoped_shop import FakeRequest, Orders, Request

        @inject
        def handle(orders: Orders):
            return orders.request.name

        def test_plain(scope):
            opened = scope(request=FakeRequest())
            assert opened.get(Orders) is opened.get(Orders)
            assert handle() == "fake"
            inner = scope({Request: Request()})
            assert handle() == "real"
            assert inner["session"] is opened["session"]

        def test_in_an_overlay(overlay, scope):
            assert scoped_shop.log == ["close session"]
            overlay(engine="other")
            scope(request=FakeRequest())
            overlay({"request": Request()})
            assert handle() == "real"

        @pytest.mark.asyncio
        async def test_in_a_loop(application, scope):
            opened = scope(request=FakeRequest())
            group = await opened.aget("group")
            group.start_soon(noted)
            assert (await opened.aget(Orders)).request.name == "fake"
            assert handle() == "fake"

        async def noted():
            scoped_shop.log.append("worked")

        def test_left():
            assert sorted(scoped_shop.log[-4:]) == ["close group", "close session", "close session", "worked"]
        """,
    )
    outcome(project, "-o", "iacs_container=scoped_shop:Container", passed=4)


@pytest.mark.parametrize("loop_scope", ["function", "class", "module", "package", "session"])
def test_the_application_runs_in_the_event_loop_that_the_test_asks_for(
    project: pytest.Pytester, loop_scope: str
) -> None:
    source = f"""
        import asyncio, pytest, shop

        @pytest.mark.asyncio(loop_scope="{loop_scope}")
        async def test_it(application, overlay, scope):
            assert application["client"] is asyncio.get_running_loop()
            overlay(database=shop.Fake())
            assert scope()["client"] is asyncio.get_running_loop()
        """
    project.makepyfile(__init__="", test_one=source, test_two=source)
    outcome(project, "-o", "iacs_container=shop:Looped", passed=2)


def test_the_application_runs_in_the_event_loop_of_the_settings(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import asyncio, pytest

        @pytest.mark.asyncio
        async def test_it(application):
            assert application["client"] is asyncio.get_running_loop()
        """
    )
    more = ["-o", "asyncio_default_test_loop_scope=module"]
    outcome(project, "-o", "iacs_container=shop:Looped", *more, passed=1)
