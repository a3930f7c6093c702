"""Binding at call: what a caller leaves out comes from the application that is current then.

Nothing is scanned, imported or resolved when a function is decorated, so its module may be imported before
there is an application, and serve several.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import update_wrapper
from typing import Any, TypeVar, overload

from iacs.core.exceptions import InjectionError
from iacs.runtime.injection.binding import Binding
from iacs.runtime.injection.parameters import CallersSignature

R = TypeVar("R")
Function = Callable[..., Any]


@overload
def inject(function: Callable[..., R], /) -> Callable[..., R]: ...
@overload
def inject() -> Callable[[Callable[..., R]], Callable[..., R]]: ...
def inject(function: Function | None = None, /) -> Function:
    """Give a function, at each call, the parameters without a default that its caller leaves out.

    By the class that annotates it, `service: MailQueryService`; by a path, `Annotated[Database, "core.database"]`;
    by dependency_injector's `Provide[…]`, without its wiring. What a framework looks at is the signature that is
    left: without `Annotated[Service, inject]` or another mark on what the application gives, every parameter
    of a class is taken for it, except classes of the standard library, requests and pydantic models.

    Raise InjectionError for what is not a function; at a call, NotStartedError when no application is current and
    InjectionError when it has no such part. A coroutine function or generator is given its parts when it
    begins to run. What `Closing[…]` marks is opened for each call, with the resources below it, and closed after it.
    """
    return _injected if function is None else _injected(function)


def _injected(function: Function) -> Function:
    if not callable(function) or isinstance(function, type | classmethod | staticmethod):
        message = f"inject decorates functions and methods, and {function!r} is neither"
        raise InjectionError(message, function=repr(function), hint=_HINT)
    binding = Binding(function, inject)
    wrapper = update_wrapper(_wrapped(function, binding), function)
    wrapper.__signature__ = CallersSignature(binding.parameters)  # type: ignore[attr-defined]
    return wrapper


_HINT = "put it on __init__, or between a method and its @classmethod or @staticmethod"


def _wrapped(function: Function, binding: Binding) -> Function:
    """Return a function of the same kind (plain, coroutine, generator), which frameworks look at."""
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, binding)
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, binding)
    return (_generator if inspect.isgeneratorfunction(function) else _plain)(function, binding)


def _plain(function: Function, binding: Binding) -> Function:
    fill = binding.fill

    def injected(*args: Any, **kwargs: Any) -> Any:
        if not binding.closes:
            fill(len(args), kwargs)
            return function(*args, **kwargs)
        with binding.call_scope(len(args), kwargs):
            fill(len(args), kwargs)
            return function(*args, **kwargs)

    return injected


def _coroutine(function: Function, binding: Binding) -> Function:
    fill = binding.fill_async

    async def injected(*args: Any, **kwargs: Any) -> Any:
        if not binding.closes:
            await fill(len(args), kwargs)
            return await function(*args, **kwargs)
        async with binding.call_scope(len(args), kwargs):
            await fill(len(args), kwargs)
            return await function(*args, **kwargs)

    return injected


def _generator(function: Function, binding: Binding) -> Function:
    def injected(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with binding.call_scope(len(args), kwargs, is_current=False) as scope:
            binding.fill(len(args), kwargs, scope)
            return (yield from function(*args, **kwargs))

    return injected


def _async_generator(function: Function, binding: Binding) -> Function:
    async def injected(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        async with binding.call_scope(len(args), kwargs, is_current=False) as scope:
            await binding.fill_async(len(args), kwargs, scope)
            generator = function(*args, **kwargs)
            step = generator.asend(None)
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield value
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator is to see it
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)

    return injected
