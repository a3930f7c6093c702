"""What closes an object: its `aclose` or `close`, or what the application was given for it.

A `close` that requires arguments, or returns something by its annotation, means something else than closing.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ParamSpec, TypeVar, get_origin

from iacs.core.exceptions import WiringError
from iacs.runtime.declared.remembering import remembering
from iacs.runtime.graph.graph import Graph
from iacs.runtime.graph.kinds import Kind

P = ParamSpec("P")
T = TypeVar("T")
Close = Callable[[], Any]
Closer = Callable[[Any], Any]
Ways = tuple[Close | None, Close | None]
"""What closes an object without an event loop, and in one."""
_CLOSED = frozenset({Kind.SINGLETON, Kind.RESOURCE, Kind.SCOPED_SINGLETON})


class _KeptOpen(partial[Any]):
    """A factory of objects that the application does not close."""


def keep_open(make: Callable[P, T]) -> Callable[P, T]:
    """Mark a class or factory: the application builds the part and never closes it.

    `providers.Singleton(keep_open(create_pool), …)`. `Application(container, keep_open=["pool"])` does the same.
    """
    return _KeptOpen(make)


def is_kept_open(make: Any) -> bool:
    """Return whether a factory is marked with `keep_open`."""
    return isinstance(make, _KeptOpen)


class Closers:
    """The closers that an application was given for parts and classes.

    `closing` maps a path, or the class of objects, to a function that closes them, None to keep them open. A part's own
    closer comes before that of its class, and that of a class before those of its bases.
    """

    def __init__(self, closing: Mapping[type[Any] | str, Closer | None] | None = None) -> None:
        self._closing = dict(closing or {})
        self._by_class = {cls: closer for cls, closer in self._closing.items() if isinstance(cls, type)}
        self._by_index: dict[int, Closer | None] = {}

    def resolve(self, graph: Graph, index_of: Callable[[str], int]) -> None:
        """Find the parts that are named; raise WiringError for what no application closes."""
        for name, closer in self._closing.items():
            if isinstance(name, str):
                node = graph.nodes[graph.source(index_of(name))]
                if node.kind not in _CLOSED:
                    message = (
                        f"{name} is of kind {node.kind}, which the application does not keep and never closes"
                    )
                    raise WiringError(message, path=node.path, hint="name a singleton or a resource")
                self._by_index[node.index] = closer

    def ways(self, index: int, value: Any) -> Ways:
        """Return what closes a part without an event loop, and in one."""
        return self.given_ways(index, value) or ways_to_close(value)

    def given_ways(self, index: int, value: Any) -> Ways | None:
        """Return what closes a part by its own closer or that of its class; None if it has neither."""
        if not (self._by_index or self._by_class):
            return None
        is_given, closer = self._given(index, type(value))
        if not is_given:
            return None
        if closer is None:
            return None, None
        closer = _overridden(closer, type(value))
        close = partial(closer, value)
        return (None, close) if inspect.iscoroutinefunction(closer) else (close, None)

    def need_a_loop(self, index: int, cls: Any) -> bool:
        """Return whether it is known, before a `cls` is built, that closing it needs an event loop."""
        if not isinstance(cls, type):
            return False
        is_given, closer = self._given(index, cls)
        if is_given:
            return closer is not None and inspect.iscoroutinefunction(_overridden(closer, cls))
        close, aclose = closes(cls)
        return not close and aclose

    def _given(self, index: int, cls: type) -> tuple[bool, Closer | None]:
        if index in self._by_index:
            return True, self._by_index[index]
        base = next((base for base in cls.__mro__ if base in self._by_class), None)
        return base is not None, self._by_class[base] if base is not None else None


def _overridden(closer: Closer, cls: type) -> Closer:
    """Return the method of `cls` that overrides `closer`, so that `Executor.shutdown` shuts any executor down."""
    name = getattr(closer, "__name__", "")
    is_method = any(vars(base).get(name) is closer for base in cls.__mro__)
    return getattr(cls, name) if is_method else closer


def ways_to_close(value: Any) -> Ways:
    """Return the methods that close an object without a closer of its own; a class itself is never closed."""
    cls: type = type(value)
    close, aclose = (False, False) if isinstance(value, type) else closes(cls)
    closing = value.close if close else None
    if not aclose:
        return closing, None
    return closing, value.aclose if is_closing(cls, "aclose") else value.close


@remembering(1024)
def closes(cls: type) -> tuple[bool, bool]:
    """Return whether objects of a class close without an event loop, and in one."""
    close, aclose = (is_closing(cls, name) for name in ("close", "aclose"))
    is_async = close and inspect.iscoroutinefunction(cls.close)  # type: ignore[attr-defined]
    return close and not is_async, aclose or is_async


def unclear_closing(cls: type) -> str:
    """Return the name of a class's `aclose` or `close` that returns something by its annotation; else ""."""
    if any(closes(cls)):
        return ""
    return next((name for name in ("aclose", "close") if is_closing(cls, name, answering=True)), "")


def is_closing(cls: type, name: str, *, answering: bool = False) -> bool:
    """Return whether a class has a method that is called without arguments, and returns something or nothing."""
    method = inspect.getattr_static(cls, name, None)
    if not callable(getattr(cls, name, None)):
        return False
    is_bound = hasattr(type(method), "__get__") and not isinstance(method, staticmethod | classmethod)
    try:
        signature = inspect.signature(getattr(cls, name))
    except (TypeError, ValueError):  # of a method written in C
        return not answering
    try:
        signature.bind(*[None] * is_bound)
    except TypeError:
        return False
    return _answers(signature.return_annotation) is answering


def _answers(annotation: Any) -> bool:
    """Return whether a method returns data by its annotation: `bool` means a request, None and awaitables do not."""
    if isinstance(annotation, str):  # not evaluated: that would import what only type checkers need
        return annotation in {"bool", "int", "str", "bytes", "dict"} or annotation.startswith("dict[")
    cls = get_origin(annotation) or annotation
    if not isinstance(cls, type) or hasattr(cls, "__await__"):
        return False
    return cls not in (type(None), object, Any, inspect.Signature.empty)
