"""The work of the fixtures, independent of pytest."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from dependency_injector.containers import Container

    from iacs.runtime import Application, Overlay, Scope
    from iacs.runtime.views.replacements import Replacing

    Roots = Iterable[type[Any] | str] | None


class Stage:
    """The overlays and scopes that one test has entered, each inside the one before."""

    def __init__(self, application: "Application[Any]", task: "asyncio.Task[Any] | None" = None) -> None:
        self._application = application
        self._task = task
        self._views: list[Overlay | Scope] = []

    def overlay(self, mapping: "Replacing | None" = None, /, **parts: Any) -> "Overlay":
        """Enter an overlay of what was entered last, and return it."""
        view = self._innermost.overlay(mapping, **parts)
        self._views.append(view.__enter__())
        return view

    def scope(self, mapping: Mapping[Any, Any] | None = None, /, **values: Any) -> "Scope":
        """Enter a scope of what was entered last, and return it.

        Its resources are opened in tasks of their own, since another task than the test's leaves it.
        """
        scope = self._innermost.scope(mapping, **values)
        self._views.append(scope.__enter__() if self._task is None else scope.enter_for(self._task))
        return scope

    @property
    def _innermost(self) -> "Application[Any] | Overlay | Scope":
        return self._views[-1] if self._views else self._application

    def leave(self) -> None:
        """Leave every view that the test has not left itself, the last one first."""
        with ExitStack() as stack:
            for view in self._views:
                if view.is_started:
                    stack.push(view)

    async def leave_async(self) -> None:
        """Leave them in an event loop, which closing their parts may need."""
        async with AsyncExitStack() as stack:
            for view in self._views:
                if view.is_started:
                    stack.push_async_exit(view)


@contextmanager
def running(container: "Container", roots: "Roots") -> "Iterator[Application[Any]]":
    """Run an application without an event loop."""
    from iacs.runtime import Application

    with Application(container, roots=roots).sync() as started:
        yield started


@asynccontextmanager
async def running_in_loop(container: "Container", roots: "Roots") -> "AsyncIterator[Application[Any]]":
    """Run an application in this event loop."""
    from iacs.runtime import Application

    async with Application(container, roots=roots) as started:
        yield started


@contextmanager
def staging(application: "Application[Any]") -> Iterator[Stage]:
    """Yield the overlays and scopes of a test; leave them without an event loop."""
    stage = Stage(application)
    try:
        yield stage
    finally:
        stage.leave()


@asynccontextmanager
async def staging_in_loop(application: "Application[Any]") -> AsyncIterator[Stage]:
    """Yield the overlays and scopes of a test; leave them in this event loop."""
    stage = Stage(application, asyncio.current_task())
    try:
        yield stage
    finally:
        await stage.leave_async()


def container_named(name: str) -> "Container":
    """Return the container that `module:Attribute` names: a container, its class, or a function that returns one.

    Raises ConfigurationError if it does not exist.
    """
    from pkgutil import resolve_name

    from iacs.core.exceptions import ConfigurationError

    if not name:
        raise ConfigurationError(
            ["the fixture application has no container"],
            hint="set the ini option iacs_container to module:Attribute, or define a fixture of that name",
        )
    try:
        value: Any = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            [f"the container {name} cannot be imported: {error}"],
            hint="set the ini option iacs_container to module:Attribute",
        ) from error
    return cast("Container", value() if callable(value) else value)
