"""The application: starts the parts of a container, gives access to them, and stops them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from threading import RLock
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from dependency_injector.containers import Container

from iacs.core.exceptions import CheckError, Finding, NotAContainerError, StartError
from iacs.runtime.checks import Waivers, findings, overlay_findings
from iacs.runtime.graph.graph import Graph, read_graph
from iacs.runtime.graph.kinds import SCOPED, Kind
from iacs.runtime.lifecycle.lifetime import Lifetime
from iacs.runtime.lifecycle.running import Run
from iacs.runtime.lifecycle.shutdown import Ending, ShutdownRequest
from iacs.runtime.lifecycle.timeline import Timeline
from iacs.runtime.lifecycle.waiting import TransitionLock
from iacs.runtime.plan.closers import Closer, Closers
from iacs.runtime.plan.expressions import UNSET
from iacs.runtime.plan.plan import Plan
from iacs.runtime.views import forking, registry
from iacs.runtime.views.container_reads import ContainerReads
from iacs.runtime.views.lookup import Lookup
from iacs.runtime.views.loop_context import LoopContext
from iacs.runtime.views.nesting import NestingView
from iacs.runtime.views.view import Key, View

C = TypeVar("C", bound=Container)

_logger = logging.getLogger("iacs.runtime")


class Application(NestingView, Generic[C]):
    """A container to run: `async with app:` starts its parts, dependencies first, and stops them in reverse.

    `container` is an instance of any declarative container; making the application checks it, raises CheckError
    with every finding, and builds nothing. `roots` are the classes or paths that are needed, everything if None;
    only what they ask is started. `start_timeout` and `stop_timeout` are in seconds, for each part.

    What the application builds it closes; what it was handed it leaves alone. `closing` maps the path of a part, or
    a class, to the function that closes it, such as `{"engine": Engine.dispose}`; `keep_open` names parts and
    classes that are not closed. `waive` maps a path to the kind, or the kinds, of findings that are accepted there;
    a leak is logged as a warning and refuses nothing. While it is started, the container's own providers give the
    application's parts.
    """

    def __init__(
        self,
        container: C,
        *,
        roots: Iterable[type[Any] | str] | None = None,
        start_timeout: float = 15.0,
        stop_timeout: float = 15.0,
        keep_open: Iterable[type[Any] | str] = (),
        closing: Mapping[type[Any] | str, Closer] | None = None,
        waive: Waivers | None = None,
    ) -> None:
        if isinstance(container, type):
            name = container.__qualname__
            message = f"{name} is a class, whose parts everybody would share"
            raise NotAContainerError(message, hint=f"give an instance, {name}()")
        self._timeouts = (start_timeout, stop_timeout)
        super().__init__(self.new_loop_context())
        self.container: C = container
        self.timeline = Timeline()
        self._closing: dict[type[Any] | str, Closer | None] = {**dict.fromkeys(keep_open), **(closing or {})}
        self._waive = dict(waive or {})
        self._warned: set[Finding] = set()
        self._asked_roots = None if roots is None else tuple(roots)
        self._lifetime: Lifetime | None = None
        self._entered: list[Token[View | None]] = []
        self._lock = RLock()
        self._fitting: set[tuple[int, type]] = set()
        self._inherited: list[Lifetime] = []
        self._transition = TransitionLock()
        self._read_container()

    def _read_container(self) -> None:
        """Read the wiring, as it is now, and refuse a broken one."""
        graph = read_graph(self.container)
        problems = findings(graph, waive=self._waive, closing=self._closing)
        leaks = [problem for problem in problems if problem.kind == "leak"]
        if len(leaks) < len(problems):
            raise CheckError(problems)
        for leak in leaks:
            if leak not in self._warned:
                _logger.warning("a part stays open: %s", leak, extra={"part": leak.path})
        self._warned.update(leaks)
        self._overridings = _overridings(graph)
        self._plan_for(graph)

    def _plan_for(self, graph: Graph) -> None:
        closers = Closers(self._closing)
        self.plan = Plan(graph, closers=closers)
        self.values = [UNSET] * len(graph)
        self.lookup = Lookup(self.plan, self.values)
        closers.resolve(graph, self.lookup.index)
        self.roots = graph.tops if self._asked_roots is None else tuple(self._roots(self._asked_roots))
        self.forget()

    def _roots(self, keys: Iterable[Key]) -> Iterator[int]:
        """Yield the indexes of the roots; a container stands for every provider in it."""
        graph = self.plan.graph
        for key in keys:
            index = self.lookup.index(key)
            yield index
            if graph.nodes[index].kind is Kind.CONTAINER:
                inside = f"{graph.nodes[index].path}."
                yield from (index for path, index in graph.paths.items() if path.startswith(inside))

    @property
    def is_started(self) -> bool:
        """Return whether parts can be read."""
        return self._lifetime is not None

    async def __aenter__(self) -> Self:
        await self.start()
        self._entered.append(registry.enter(self))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._leave() and await self._stop(error)

    @contextmanager
    def sync(self) -> Iterator[Self]:
        """Start and stop without an event loop; raise StartError naming a part that needs one."""
        self._start_sync()
        self._entered.append(registry.enter(self))
        error: BaseException | None = None
        try:
            yield self
        except BaseException as raised:
            error = raised
            raise
        finally:
            if self._leave():
                self._stop_sync(error)

    def _leave(self) -> bool:
        """Leave one block; return whether it was the last that is entered."""
        with self._lock:
            if self._entered:  # not those of a parent process
                registry.leave(self._entered.pop())
            return not self._entered

    async def start(self) -> None:
        """Start the parts, independent ones side by side; nothing happens when they are started already.

        Raise StartError, naming the part, if one fails or exceeds its deadline; the parts that were started are then
        closed again, as they are on cancellation.
        """
        async with self._transition.acquire():
            if not self.is_started:
                lifetime = self._begun()
                await lifetime.start_async()
                self._started(lifetime)

    def _start_sync(self) -> None:
        with self._lock:
            if not self.is_started:
                self._transition.check_free()
                lifetime = self._begun()
                lifetime.start()
                self._started(lifetime)

    def _begun(self) -> Lifetime:
        if _overridings(self.plan.graph) != self._overridings:
            self._read_container()  # overridden since it was made
        else:
            self.values[:] = [UNSET] * len(self.values)
            self.lookup = Lookup(self.plan, self.values)
            self.forget()
        nodes = self.plan.graph.nodes
        self.timeline = Timeline(node.path for node in nodes if node.kind in SCOPED)
        self.run_in(self.new_loop_context())
        return self.loop_context.lifetime(self.plan, self.values, self.roots, self.timeline)

    def _started(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._probes = None
        self.loop_context.bind_parts(lifetime)
        self.loop_context.remember_context()
        self.loop_context.reads.install(
            i for i, node in enumerate(self.plan.graph.nodes) if node.kind in SCOPED
        )
        registry.announce(self)
        forking.watch(self)

    async def stop(self) -> None:
        """Close every part, the last started first; nothing happens when the application is not started.

        Failures are raised as one ExceptionGroup, after every part was closed.
        """
        await self._stop(None)

    async def _stop(self, error: BaseException | None) -> bool:
        """Stop, and throw into the resources the error that ends the block; return whether a part took it back."""
        async with self._transition.acquire():
            lifetime = self._lifetime
            return lifetime is not None and await lifetime.stop_async(error, self._close_scopes)

    async def _close_scopes(self) -> list[Exception]:
        """Close the scopes that were left open, the last one first, and end; return what failed."""
        errors: list[Exception] = []
        for scope in reversed(list(self.loop_context.scopes)):
            try:
                await scope.aclose()
            except Exception as error:  # noqa: BLE001 - every scope has its turn, then all is raised
                errors.append(error)
        self._ended()
        return errors + await self.loop_context.wait_closed()

    def _stop_sync(self, error: BaseException | None) -> None:
        for scope in reversed(list(self.loop_context.scopes)):
            scope.close()
        lifetime = self._ended()
        if lifetime is not None:
            lifetime.stop(error)

    def _ended(self) -> Lifetime | None:
        with self._lock:
            lifetime, self._lifetime = self._lifetime, None
            self.loop_context.reads.remove()
            self._is_left_behind = False
            self.forget()
            return lifetime

    async def run(self) -> None:
        """Run as a service: start, wait for SIGINT or SIGTERM, stop; a signal while starting rolls back.

        A second signal ends the process at once. A part that ends by itself, as when a worker in a task group of its
        own fails, ends the run with its error; so does the request of a part that has a ShutdownRequest.
        """
        await Run(self.start, self.stop, self._watch).until_asked()

    def _watch(self, ending: Ending) -> None:
        if self._lifetime is not None:
            self._lifetime.watch(ending.end)
        objects = (node.provider.provides for node in self.plan.graph.nodes if node.kind is Kind.OBJECT)
        for value in (*self.values, *objects):
            if isinstance(value, ShutdownRequest):
                value.subscribe(ending.end_from_any_thread)

    def new_loop_context(self) -> LoopContext:
        """Return a new context to run in: the running event loop, or none."""
        return LoopContext(*self._timeouts, ContainerReads(self))

    def fits(self, values: Mapping[int, Any]) -> None:
        """Raise CheckError when an object that an overlay provides clearly has another type than the part."""
        unknown = {i: value for i, value in values.items() if (i, type(value)) not in self._fitting}
        if unknown:
            problems = overlay_findings(self.plan.graph, unknown)
            if problems:
                raise CheckError(problems)
            self._fitting.update((index, type(value)) for index, value in unknown.items())

    def open_here(self) -> None:
        """Build parts of its own in a forked child; raise StartError when that needs an event loop."""
        try:
            self._start_sync()
        except StartError as error:
            message = f"this process was forked from the one that started the application: {error}"
            hint = "start it in this process, with 'async with'"
            raise StartError(message, path=error.path, hint=hint) from error

    def forked(self) -> None:
        """Abandon the parent process's parts in a forked child, which neither uses nor closes them."""
        self._lock = RLock()
        self._transition = TransitionLock()
        self._entered.clear()
        if self._lifetime is not None:
            self._inherited.append(self._lifetime)
            self._lifetime.disown()
            self._ended()
            self._is_left_behind = True


def _overridings(graph: Graph) -> list[Any]:
    return [node.provider.last_overriding for node in graph.nodes]
