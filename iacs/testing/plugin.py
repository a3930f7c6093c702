"""The pytest plugin: a started application, overlays that end with their test, and a check for leaks.

Every run of pytest loads it, so it imports nothing else until one of its fixtures is used.

- ``application`` is a started Application of the container that the ini option ``iacs_container`` names, or that
  a project's own fixture of that name returns. For an asynchronous test it is started in the test's event loop, by
  pytest-asyncio (also in strict mode, in the loop that the test's ``loop_scope`` names) or by anyio (on asyncio).
- ``overlay(database=FakeDatabase())`` enters an overlay of the application, on top of those entered before, returns that
  view, and leaves it after the test.
- ``scope(request=FakeRequest())`` enters a scope in the same way.
- ``cloud`` is the stand-in for Microsoft's cloud, with the mailboxes of ``@pytest.mark.cloud(mailboxes={…})``.
- ``postgresql`` and ``kafka_broker`` are real servers, started once for a run, or the reason why a test is skipped.
- ``captured_events`` and ``captured_logs`` are what was published and logged during the test.
- ``@pytest.mark.iacs(roots=[MailQueryService, "core.database"])`` names the parts that the test needs started.
- A test that leaves an application started, or an overlay entered, fails after its teardown;
  ``@pytest.mark.iacs(leaks=True)`` permits it.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from iacs.testing.leaks import Leaks

if TYPE_CHECKING:
    from dependency_injector.containers import Container

    from iacs.runtime import Application, Overlay, Scope
    from iacs.testing.stage import Roots, Stage

_SETTERS = {"iacs_cloud", "iacs_kafka", "iacs_postgresql"}
"""Fixtures that set settings, which an application reads when it starts."""
_LEAKS = pytest.StashKey[Leaks]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options."""
    cache = "folder where the fixture `kafka_broker` keeps Kafka's jars (default: in the cache of pytest)"
    parser.addini("iacs_kafka_cache", cache, default="")
    parser.addini("iacs_container", "container of the fixture `application`: module:Attribute", default="")
    parser.addini(
        "iacs_env_prefix", "prefix of the settings that the fixtures set, such as MYAPP_", default=""
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, and the fixtures for the installed plugins that run asynchronous tests."""
    meaning = "parts that the fixture `application` starts; whether the test may leave something open"
    config.addinivalue_line("markers", f"iacs(*, roots=None, leaks=False): {meaning}")
    meaning = "mail of the fixture `cloud` by address; whether `application` has the owners signed in"
    config.addinivalue_line("markers", f"cloud(*, mailboxes={{…}}, signed_in=True): {meaning}")
    manager = config.pluginmanager
    for fixtures in ("capture_fixtures", "cloud_fixtures", "server_fixtures"):
        manager.import_plugin(f"iacs.testing.{fixtures}")
    if manager.has_plugin("asyncio"):
        manager.import_plugin("iacs.testing.on_asyncio")
    if manager.has_plugin("anyio"):
        manager.import_plugin("iacs.testing.on_anyio")


@pytest.fixture
def iacs_container(pytestconfig: pytest.Config) -> "Container":
    """The container that the ini option names; a project may override this fixture with its own container."""
    from iacs.testing.stage import container_named

    return container_named(pytestconfig.getini("iacs_container"))


@pytest.fixture
def iacs_roots(request: pytest.FixtureRequest) -> "Roots":
    """The parts that the mark ``iacs(roots=…)`` names, by type or path; None starts everything."""
    roots: Roots = _marked(request.node, "roots")
    return roots


def _marked(item: Any, name: str) -> Any:
    """Return an argument of the mark nearest to the test, None when no mark gives it."""
    return next((mark.kwargs[name] for mark in item.iter_markers("iacs") if name in mark.kwargs), None)


@pytest.fixture
def application(request: pytest.FixtureRequest) -> "Application[Any]":
    """A started Application of ``iacs_container``, stopped after the test.

    Fixtures that set settings, such as ``cloud`` and ``postgresql``, are set up first; with ``cloud`` the owners of its
    mailboxes are signed in. Raises ConfigurationError when the container cannot be imported, StartError when a part fails to start.
    """
    from iacs.testing.cloud_fixtures import sign_in_everybody

    for name in _SETTERS & set(request.fixturenames):
        request.getfixturevalue(name)
    started: Application[Any] = request.getfixturevalue(f"iacs_{_loop_of(request)}_application")
    sign_in_everybody(request, started)
    return started


@pytest.fixture
def iacs_stage(request: pytest.FixtureRequest) -> "Stage":
    """The overlays and scopes that the test enters; all are left after the test."""
    stage: Stage = request.getfixturevalue(f"iacs_{_loop_of(request)}_stage")
    return stage


@pytest.fixture
def overlay(iacs_stage: "Stage") -> "Callable[..., Overlay]":
    """A function that enters an overlay of the application and returns its view: ``overlay(database=FakeDatabase())``.

    Each overlay lies inside the overlay or scope before; all are left after the test.
    """
    return iacs_stage.overlay


@pytest.fixture
def scope(iacs_stage: "Stage") -> "Callable[..., Scope]":
    """A function that enters a scope of the application and returns it: ``scope(request=FakeRequest())``.

    Each scope lies inside the overlay or scope before; all are left after the test.
    """
    return iacs_stage.scope


def _loop_of(request: pytest.FixtureRequest) -> str:
    """Return what runs the test: anyio, or asyncio with the scope of the event loop; sync when there is no loop."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        return "sync"
    if "anyio_backend" in request.fixturenames:
        return "anyio"
    if not request.config.pluginmanager.has_plugin("asyncio"):
        return "sync"
    mark = request.node.get_closest_marker("asyncio")
    marked = mark.kwargs.get("loop_scope") or mark.kwargs.get("scope") if mark is not None else None
    return f"asyncio_{marked or request.config.getini('asyncio_default_test_loop_scope') or 'function'}"


@pytest.fixture
def iacs_sync_application(iacs_container: "Container", iacs_roots: "Roots") -> "Iterator[Application[Any]]":
    """A started application without an event loop."""
    from iacs.testing.stage import running

    with running(iacs_container, iacs_roots) as started:
        yield started


@pytest.fixture
def iacs_sync_stage(application: "Application[Any]") -> "Iterator[Stage]":
    """The overlays and scopes of the test; they are left without an event loop."""
    from iacs.testing.stage import staging

    with staging(application) as stage:
        yield stage


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Start recording what the test starts."""
    item.config.stash[_LEAKS] = leaks = Leaks()
    try:
        return (yield)
    finally:
        leaks.record()  # the first fixture may have imported the runtime


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[Any]:
    """Ignore what a fixture of a wider scope starts: that outlives the test."""
    leaks = request.config.stash.get(_LEAKS, None)
    if leaks is None or fixturedef.scope == "function":
        return (yield)
    with leaks.paused():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that has left something open."""
    leaks = item.config.stash[_LEAKS]
    try:
        result = yield
    except BaseException as error:
        for description in leaks.end():
            error.add_note(f"the test left open {description}")
        raise
    left = leaks.end()
    if left and not _marked(item, "leaks"):
        pytest.fail(f"the test left open {', and '.join(left)}", pytrace=False)
    return result
