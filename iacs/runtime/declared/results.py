"""The declared types of what calls give: the value returned, awaited, or entered."""

import contextlib
import inspect
import typing
from collections import abc
from typing import Any

from dependency_injector import resources

from iacs.runtime.declared.annotations import UNKNOWN, class_of
from iacs.runtime.declared.attributes import method
from iacs.runtime.declared.callees import callee, is_context_manager

_AWAITED = (abc.Awaitable, abc.Coroutine)
_GENERATED = (
    abc.Iterator, abc.Iterable, abc.Generator, abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator,
)  # fmt: skip
_ENTERED = (contextlib.AbstractContextManager, contextlib.AbstractAsyncContextManager)


def returned(made: Any) -> Any:
    """Return the type that calling `made` gives, after awaiting it."""
    if is_context_manager(made):
        return _ENTERED[inspect.isasyncgenfunction(inspect.unwrap(made))]
    returns = callee(made).returns
    return returns if isinstance(made, type) else awaited(returns)


def awaited(annotation: Any) -> Any:
    """Return the type after the library has awaited the value."""
    while typing.get_origin(annotation) in _AWAITED:
        annotation = typing.get_args(annotation)[-1]
    return annotation


def entered(made: Any) -> Any:
    """Return the type that entering the result of `made` gives: a resource is entered if possible."""
    if is_context_manager(made):
        returns = callee(made).returns
        return typing.get_args(returns)[0] if typing.get_origin(returns) in _GENERATED else UNKNOWN
    returns = returned(made)
    if typing.get_origin(returns) in _ENTERED:
        return typing.get_args(returns)[0]
    cls = class_of(returns)
    return returns if cls is None else _inside(cls, returns)


def _inside(cls: type, returns: Any) -> Any:
    if issubclass(cls, resources.Resource | resources.AsyncResource):
        return _initialised(cls)
    for name in ("__enter__", "__aenter__"):
        if hasattr(cls, name):
            inside = awaited(method(cls, name))
            return returns if inside is UNKNOWN else inside
    return returns


def _initialised(cls: type) -> Any:
    """Return the type that `init` returns, else the type argument of the base class."""
    initialised = awaited(method(cls, "init"))
    if initialised is not UNKNOWN:
        return initialised
    bases = (base for ancestor in cls.__mro__ for base in vars(ancestor).get("__orig_bases__", ()))
    arguments = (
        typing.get_args(base)
        for base in bases
        if typing.get_origin(base) in (resources.Resource, resources.AsyncResource)
    )
    return next((certain(argument[0]) for argument in arguments if argument), UNKNOWN)


def certain(annotation: Any) -> Any:
    """Return UNKNOWN for an annotation such as Any or object."""
    if isinstance(annotation, typing.TypeVar | str):
        return UNKNOWN
    says_nothing = annotation is Any or annotation is object or annotation is inspect.Parameter.empty
    return UNKNOWN if says_nothing else annotation
