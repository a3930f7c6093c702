"""Event handlers: typed events, each in a scope of its own, with retries and dead letters.

    @on("orders.placed", group="billing", retries=5)
    async def bill(order: OrderPlaced, ledger: Ledger) -> None: ...

    asyncio.run(setup([bill], Application(Container())).run())  # or setup(module, …)

The first parameter is the value of the event, checked by pydantic, or the `Event` itself; each other one without a
default is a part, by its class or as `Annotated[Ledger, "path"]`. One part of the container is an `EventStream`.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any, Self, TypeVar, cast

from pydantic import ValidationError

from iacs.core.dead_letters import retried
from iacs.core.events import Event, EventStream
from iacs.core.exceptions import EventError, IACSGraphError, UnprocessableEventError
from iacs.integrations._support.checked import check_application
from iacs.integrations._support.event_parameters import EventParameters
from iacs.runtime import Application
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.lifecycle.signals import at_ending_signals
from iacs.runtime.views.nesting import NestingView
from iacs.runtime.views.registry import view_of

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__iacs_handlers__"


def on(topic: str, *, group: str, retries: int = 5, backoff_seconds: float = 0.5) -> Callable[[F], F]:
    """Mark a function as the handler of a topic's events, which the processes of the group share.

    When it raises, it is called again, up to `retries` times, after `backoff_seconds`, which double each time;
    then the event becomes a dead letter with the reason. Later events wait meanwhile, so that none overtakes.
    """

    def mark(function: F) -> F:
        handler = partial(
            _Handler, function, (topic, group), retries=retries, backoff_seconds=backoff_seconds
        )
        setattr(function, _MARK, (*getattr(function, _MARK, ()), handler))
        return function

    return mark


def setup(handlers: ModuleType | Iterable[Callable[..., Any]], application: Application[Any]) -> "Consumers":
    """Return what runs these handlers; raise EventError for none, or two that would take each other's events."""
    check_application(application)
    functions: Iterable[Any] = vars(handlers).values() if isinstance(handlers, ModuleType) else handlers
    by_source: dict[tuple[str, str], _Handler] = {}
    for handler in (make() for function in functions for make in getattr(function, _MARK, ())):
        if by_source.setdefault(handler.source, handler) is not handler:
            message = "two handlers of {!r} in the group {!r} would share its events".format(*handler.source)
            raise EventError(message, hint="give each a group of its own")
    if not by_source:
        raise EventError("there is no event handler", hint="decorate functions with @on(topic, group=…)")
    return Consumers(by_source.values(), application)


class _Handler:
    def __init__(self, function: Callable[..., Any], source: tuple[str, str], **retry: Any) -> None:
        self.source, self.retry = source, retry
        self._call, self._name = function, function.__qualname__
        self._type, self._adapter, self._parts = EventParameters.of(function)

    def prepare(self, view: NestingView) -> None:
        """Raise IACSGraphError, naming the parameter, when the container lacks a part."""
        for name, key in self._parts.items():
            try:
                view.lookup.index(key)
            except IACSGraphError as error:
                error.add_note(f"parameter {name} of {self._name}()")
                raise
        nodes = view.plan.graph.nodes
        self._declared = [node.provider.provides for node in nodes if node.kind is Kind.SCOPED_VALUE]

    async def attempt(self, event: Event, view: NestingView) -> None:
        """Call the function in a scope of its own, which has the event where the container declares it."""
        try:
            value = event if self._type is Event else self._adapter.validate_python(event.value)
        except ValidationError as error:  # its own text quotes the value
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            what = "; ".join(": ".join([*map(str, item["loc"]), item["msg"]]) for item in problems)
            raise UnprocessableEventError(f"not what {self._name}() takes: {what}") from None
        known = ((Event, event), (self._type, value))
        async with view.scope({cls: item for cls, item in known if cls in self._declared}) as scope:
            parts = {name: await scope.aget(key) for name, key in self._parts.items()}
            call = self._call if iscoroutinefunction(self._call) else partial(asyncio.to_thread, self._call)
            await call(value, **parts)


class Consumers:
    """Run handlers and their application: `async with consumers:`, or `await consumers.run()` as a service.

    At the end the events in work are finished, within the application's `stop_timeout`, and no other is begun. A
    consumer that cannot go on, for its brokers are away, ends the block with its error.
    """

    def __init__(self, handlers: Iterable[_Handler], application: Application[Any]) -> None:
        self._handlers, self._application = tuple(handlers), application

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM; a second signal ends the process at once."""
        received = asyncio.Event()
        with at_ending_signals(received.set):
            async with self:
                await received.wait()

    async def __aenter__(self) -> Self:
        view = cast("NestingView", view_of(self._application))
        self._stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            if view is self._application:  # else an overlay that the caller has entered, as a test does
                await stack.enter_async_context(self._application)
            for handler in self._handlers:
                handler.prepare(view)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            tasks = [group.create_task(self._consume(handler, view)) for handler in self._handlers]
            stack.push_async_callback(self._drain, tasks, view.loop_context.stop_timeout)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> bool | None:
        return await self._stack.__aexit__(*error)  # type: ignore[arg-type]

    async def _drain(self, tasks: list[asyncio.Task[None]], stop_timeout: float) -> None:
        self._stop.set()
        _, late = await asyncio.wait(tasks, timeout=stop_timeout)
        for task in late:
            task.cancel()

    async def _consume(self, handler: _Handler, view: NestingView) -> None:
        stream = view.get(EventStream)
        async with aclosing(stream.consume(*handler.source, stop=self._stop)) as events:
            async for event in events:
                attempt = partial(handler.attempt, event, view)
                if not await retried(stream, event, attempt, stop=self._stop, **handler.retry):
                    return  # the group reads it again
