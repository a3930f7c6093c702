"""The pytest plugin: a started application, overlays that end with their test, and a check for leaks.

Every run of pytest loads it, so it imports nothing else until one of its fixtures is used.

- ``application`` is a started Application of the container that the ini option ``iacs_container`` names, or that
  a project's own fixture of that name returns. For an asynchronous test it is started in the test's event loop, by
  pytest-asyncio (also in strict mode, in the loop of its fixtures) or by anyio (on asyncio).
- ``overlay(database=FakeDatabase())`` enters an overlay of the application, on top of those entered before, returns that
  view, and leaves it after the test.
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

    from iacs.runtime import Application, Overlay
    from iacs.testing.stage import Roots

_LEAKS = pytest.StashKey[Leaks]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini option."""
    parser.addini("iacs_container", "container of the fixture `application`: module:Attribute", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, and the fixtures for the installed plugins that run asynchronous tests."""
    meaning = "parts that the fixture `application` starts; whether the test may leave something open"
    config.addinivalue_line("markers", f"iacs(*, roots=None, leaks=False): {meaning}")
    manager = config.pluginmanager
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

    Raises ConfigurationError when the container cannot be imported, StartError when a part fails to start.
    """
    started: Application[Any] = request.getfixturevalue(f"iacs_{_loop_of(request)}_application")
    return started


@pytest.fixture
def overlay(request: pytest.FixtureRequest) -> "Callable[..., Overlay]":
    """A function that enters an overlay of the application and returns its view: ``overlay(database=FakeDatabase())``.

    Each overlay lies on top of the one before; all are left after the test.
    """
    enter: Callable[..., Overlay] = request.getfixturevalue(f"iacs_{_loop_of(request)}_overlay")
    return enter


def _loop_of(request: pytest.FixtureRequest) -> str:
    """Return the plugin that runs the test in an event loop: anyio or asyncio, or sync when there is no loop."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        return "sync"
    if "anyio_backend" in request.fixturenames:
        return "anyio"
    return "asyncio" if request.config.pluginmanager.has_plugin("asyncio") else "sync"


@pytest.fixture
def iacs_sync_application(iacs_container: "Container", iacs_roots: "Roots") -> "Iterator[Application[Any]]":
    """A started application without an event loop."""
    from iacs.testing.stage import running

    with running(iacs_container, iacs_roots) as started:
        yield started


@pytest.fixture
def iacs_sync_overlay(application: "Application[Any]") -> "Iterator[Callable[..., Overlay]]":
    """A function that enters overlays; they are left without an event loop."""
    from iacs.testing.stage import overlaying

    with overlaying(application) as enter:
        yield enter


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
