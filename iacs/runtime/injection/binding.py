"""The parameters of a function that the application provides, computed at the first call."""

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cached_property
from operator import itemgetter, methodcaller
from types import CoroutineType, MappingProxyType
from typing import Any

from iacs.core.exceptions import (
    AmbiguousPartError,
    ApplicationError,
    ForeignLoopError,
    InjectionError,
    MissingDependencyError,
    NotStartedError,
    ScopeError,
    UnknownPartError,
    WiringError,
)
from iacs.runtime.declared import class_of
from iacs.runtime.declared.keys import key_of
from iacs.runtime.injection.markers import Awaiting, Marked, marker_in
from iacs.runtime.plan.scoped_parts import AsynchronousPartError, NeedsAwaitError
from iacs.runtime.views.call_scope import CallScope, opens_anything
from iacs.runtime.views.current import current_application
from iacs.runtime.views.view import View

Parameter = inspect.Parameter
Read = Callable[[View], Any]

_VALUES = frozenset({"builtins", "collections.abc", "types", "typing"})
"""Modules of classes that say nothing about which part is meant."""

_REFUSALS = (
    NotStartedError, ForeignLoopError, ScopeError, UnknownPartError, AmbiguousPartError, MissingDependencyError,
    WiringError, InjectionError,
)  # fmt: skip
"""What reading a part raises by itself; another error comes from the part, and stays what it is."""


class Binding:
    """The injected parameters of a function; `mark` in an annotation means "by its class"."""

    def __init__(self, function: Callable[..., Any], mark: object) -> None:
        self._function = function
        self._mark = mark
        self._name = getattr(function, "__qualname__", repr(function))

    def call_scope(
        self, positional: int, kwargs: dict[str, Any], *, is_current: bool = True
    ) -> "CallScope | nullcontext[None]":
        """Return the scope of one call: it opens what `Closing[…]` marks and the caller leaves out."""
        view, targets = None, set()
        for name, position, marked in self._closing:
            if position >= positional and name not in kwargs:
                try:
                    view = view or current_application()
                    index = marked.target(view)
                    if index is not None:
                        view.refuse_what_differs(view.plan.graph.nodes[index])
                        targets.add(index)
                except _REFUSALS as error:
                    raise self._refused(name, error) from error
        marked_here = frozenset(targets)
        if view is None or not opens_anything(view, marked_here):
            return nullcontext()
        return CallScope(view, marked_here, is_current=is_current)

    def fill(self, positional: int, kwargs: dict[str, Any], view: View | None = None) -> None:
        """Add to `kwargs` what is neither there nor among the `positional` first arguments.

        It is read in `view`, by default in the current application.
        """
        for name, position, read in self._injected:
            if position >= positional and name not in kwargs:
                try:
                    view = view or current_application()
                    kwargs[name] = read(view)
                except _REFUSALS as error:
                    raise self._refused(name, error) from error

    async def fill_async(self, positional: int, kwargs: dict[str, Any], view: View | None = None) -> None:
        """Do as `fill` does, and await what is built asynchronously."""
        reading: Any = None
        for name, position, read in self._injected:
            if position >= positional and name not in kwargs:
                try:
                    reading = reading or Awaiting(view or current_application())
                    kwargs[name] = await _awaited(read, reading)
                except _REFUSALS as error:
                    raise self._refused(name, error) from error

    def _refused(self, name: str, error: ApplicationError) -> ApplicationError:
        message = f"cannot inject {name!r} into {self._name}(): {error}"
        hint = "make it an 'async def'" if isinstance(error, AsynchronousPartError) else error.hint
        for kind in (NotStartedError, ForeignLoopError, ScopeError):
            if isinstance(error, kind):
                return kind(message, path=error.path, hint=hint)
        return InjectionError(message, function=self._name, parameter=name, hint=error.hint)

    @cached_property
    def _injected(self) -> tuple[tuple[str, int, Read], ...]:
        """Name, position and reading of each parameter that the application may have to give."""
        parameters = []
        for position, parameter in enumerate(self._signature.parameters.values()):
            read = self._read_of(parameter)
            if read is not None:
                order = sys.maxsize if parameter.kind is Parameter.KEYWORD_ONLY else position
                parameters.append((parameter.name, order, read))
        return tuple(parameters)

    @cached_property
    def closes(self) -> bool:
        """Whether a call may have to open and close something."""
        return bool(self._closing)

    @cached_property
    def _closing(self) -> tuple[tuple[str, int, Marked], ...]:
        """Name, position and marker of each parameter that is opened for a call."""
        injected = ((*entry, getattr(entry[2], "__self__", None)) for entry in self._injected)
        return tuple(
            (name, position, marked)
            for name, position, _, marked in injected
            if isinstance(marked, Marked) and marked.is_closing
        )

    def _read_of(self, parameter: Parameter) -> Read | None:
        read = self._marked(parameter)
        if read is None and parameter.default is Parameter.empty and parameter.kind in _BY_NAME:
            return self._by_class(parameter.annotation)
        return read

    def _marked(self, parameter: Parameter) -> Read | None:
        """Return the reading of a parameter that says itself that it is given."""
        annotation = self._resolved(parameter.annotation)
        marks = getattr(annotation, "__metadata__", ())
        for mark in (parameter.default, *marks):
            marker = marker_in(mark)
            if marker is not None:
                return Marked(marker).read
        if parameter.default is Parameter.empty:
            if any(mark is self._mark for mark in marks):
                key = key_of(annotation)
                return (
                    methodcaller("get", key)
                    if isinstance(key, typing.NewType)
                    else self._by_class(annotation)
                )
            paths = (mark for mark in marks if isinstance(mark, str))
            return next((itemgetter(path) for path in paths if _PATH.fullmatch(path)), None)
        return None

    def _by_class(self, annotation: Any) -> Read | None:
        resolved = self._resolved(annotation)
        if resolved is _UNRESOLVED:
            return lambda view: view.get(self._key_later(annotation))
        cls = class_of(resolved)
        return None if cls is None or cls.__module__ in _VALUES else methodcaller("get", key_of(resolved))

    def _key_later(self, annotation: str) -> Any:
        resolved = self._resolved(annotation)
        if class_of(resolved) is None:
            message = f"nothing in {self._function.__module__} is named {annotation}"
            raise UnknownPartError(message, name=annotation)
        return key_of(resolved)

    def _resolved(self, annotation: Any) -> Any:
        """Return an annotation with its strings read, as far as their names are known by now."""
        holder = type("Holder", (), {"__annotations__": {"it": annotation}})
        function = inspect.unwrap(self._function)
        enclosing = dict(inspect.getclosurevars(function).nonlocals)
        names = getattr(function, "__globals__", {})
        try:
            return typing.get_type_hints(holder, names, enclosing, include_extras=True)["it"]
        except (NameError, AttributeError, SyntaxError, TypeError):
            return _UNRESOLVED

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @property
    def shown(self) -> inspect.Signature:
        """The signature without what the application gives: what is left is what the caller gives.

        That is what is marked; where nothing is, every class that is neither of the standard library nor a
        framework's own, such as a request, nor a pydantic model, which is data of the caller.
        """
        parameters = self._signature.parameters.values()
        hidden = {parameter.name for parameter in parameters if self._marked(parameter)}
        hidden = hidden or {
            parameter.name for parameter in parameters if self._is_taken_for_a_part(parameter)
        }
        return self._signature.replace(parameters=list(_without(parameters, hidden)))

    def _is_taken_for_a_part(self, parameter: Parameter) -> bool:
        if parameter.default is not Parameter.empty or parameter.kind not in _BY_NAME:
            return False
        cls = class_of(self._resolved(parameter.annotation))
        return cls is not None and not (_package(cls) in _CALLERS_OWN or _is_data(cls))


async def _awaited(read: Read, view: View) -> Any:
    while True:
        try:
            value = read(view)
            return await value if type(value) is CoroutineType else value
        except NeedsAwaitError as needs:  # known only since the part's factory has been called
            await needs.make()


class Shown(inspect.Signature):
    """The signature without injected parameters, computed on access: names defined later are known by then."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    @property
    def parameters(self) -> MappingProxyType[str, Parameter]:
        """The parameters that are left."""
        return self._binding.shown.parameters

    @property
    def return_annotation(self) -> Any:
        """What the function returns."""
        return self._binding.shown.return_annotation

    def replace(self, **changes: Any) -> Any:
        """Return an ordinary signature."""
        return self._binding.shown.replace(**changes)


_UNRESOLVED: Any = object()
_CALLERS_OWN = sys.stdlib_module_names | {"click", "fastapi", "litestar", "starlette", "taskiq", "typer"}
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def _package(cls: type[Any]) -> str:
    return cls.__module__.partition(".")[0]


def _is_data(cls: type[Any]) -> bool:
    """Return whether a class is a pydantic model, and not one of settings, which are parts."""
    names = {f"{_package(base)}.{base.__name__}" for base in cls.__mro__}
    return "pydantic.BaseModel" in names and "pydantic_settings.BaseSettings" not in names


def _without(parameters: typing.Iterable[Parameter], hidden: set[str]) -> Iterator[Parameter]:
    """Yield what is not hidden; what comes after something hidden can be given by name only."""
    is_named = False
    for parameter in parameters:
        if parameter.name in hidden:
            is_named = True
        elif is_named and parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
            yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
        elif not (is_named and parameter.kind is Parameter.VAR_POSITIONAL):
            yield parameter
