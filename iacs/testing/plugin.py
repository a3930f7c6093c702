"""The pytest plugin: a started application, overlays that end with their test, and a look at what stays open.

It is loaded by every run of pytest, so it imports nothing until one of its fixtures is used.

- ``application`` is a started Application of the container that the ini option ``iacs_container`` names, or that
  a project's own fixture of that name returns. An asynchronous test has it started in its event loop, by
  pytest-asyncio (also in strict mode, in the loop of its fixtures) or by anyio (on asyncio).
- ``overlay(database=FakeDatabase())`` enters an overlay of it, above those entered before, returns that view, and
  leaves it after the test.
- ``@pytest.mark.iacs(roots=[MailQueryService, "core.database"])`` says what the test needs started.
- A test that leaves an application started, or an overlay entered, fails after its teardown;
  ``@pytest.mark.iacs(leaks=True)`` lets it.
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
    """Declare the marks, and the fixtures of the event loops that are there."""
    told = "what the fixture `application` starts; whether the test may leave something open"
    config.addinivalue_line("markers", f"iacs(*, roots=None, leaks=False): {told}")
    manager = config.pluginmanager
    if manager.has_plugin("asyncio"):
        manager.import_plugin("iacs.testing.on_asyncio")
    if manager.has_plugin("anyio"):
        manager.import_plugin("iacs.testing.on_anyio")


@pytest.fixture
def iacs_container(pytestconfig: pytest.Config) -> "Container":
    """Return the container that the ini option names; a project may return its own instead."""
    from iacs.testing.stage import container_named

    return container_named(pytestconfig.getini("iacs_container"))


@pytest.fixture
def iacs_roots(request: pytest.FixtureRequest) -> "Roots":
    """Return what the test says that it needs, None for everything."""
    roots: Roots = _marked(request.node, "roots")
    return roots


def _marked(item: Any, name: str) -> Any:
    """Return what the mark nearest to the test says under a name."""
    return next((mark.kwargs[name] for mark in item.iter_markers("iacs") if name in mark.kwargs), None)


@pytest.fixture
def application(request: pytest.FixtureRequest) -> "Application[Any]":
    """Start an application for the test, and stop it afterwards."""
    started: Application[Any] = request.getfixturevalue(f"iacs_{_loop_of(request)}_application")
    return started


@pytest.fixture
def overlay(request: pytest.FixtureRequest) -> "Callable[..., Overlay]":
    """Enter overlays of the application for the test, each above the one before, and leave them afterwards."""
    enter: Callable[..., Overlay] = request.getfixturevalue(f"iacs_{_loop_of(request)}_overlay")
    return enter


def _loop_of(request: pytest.FixtureRequest) -> str:
    """Tell who runs an asynchronous test; the name of those that nobody runs is sync."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        return "sync"
    if "anyio_backend" in request.fixturenames:
        return "anyio"
    return "asyncio" if request.config.pluginmanager.has_plugin("asyncio") else "sync"


@pytest.fixture
def iacs_sync_application(iacs_container: "Container", iacs_roots: "Roots") -> "Iterator[Application[Any]]":
    """Start an application without an event loop."""
    from iacs.testing.stage import running

    with running(iacs_container, iacs_roots) as started:
        yield started


@pytest.fixture
def iacs_sync_overlay(application: "Application[Any]") -> "Iterator[Callable[..., Overlay]]":
    """Leave overlays without an event loop."""
    from iacs.testing.stage import overlaying

    with overlaying(application) as enter:
        yield enter


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Begin to look at what is started."""
    item.config.stash[_LEAKS] = leaks = Leaks()
    try:
        return (yield)
    finally:
        leaks.look()  # the first fixture may have imported the runtime


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[Any]:
    """Look away from what a fixture of a wider scope starts: that outlives the test."""
    leaks = request.config.stash.get(_LEAKS, None)
    if leaks is None or fixturedef.scope == "function":
        return (yield)
    with leaks.looking_away():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that has left something open."""
    leaks = item.config.stash[_LEAKS]
    try:
        result = yield
    except BaseException as error:
        for each in leaks.end():
            error.add_note(f"the test left open {each}")
        raise
    left = leaks.end()
    if left and not _marked(item, "leaks"):
        pytest.fail(f"the test left open {', and '.join(left)}", pytrace=False)
    return result
