"""The signature of a function: the parameters that are injected, and those that are left to its caller."""

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator
from functools import cached_property
from operator import itemgetter, methodcaller
from types import MappingProxyType
from typing import Any

from iacs.core.exceptions import UnknownPartError
from iacs.runtime.declared import class_of
from iacs.runtime.declared.keys import key_of
from iacs.runtime.injection.markers import Marked, marker_in
from iacs.runtime.views.view import View

Parameter = inspect.Parameter
Read = Callable[[View], Any]

_UNRESOLVED: Any = object()
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_VALUES = frozenset({"builtins", "collections.abc", "types", "typing"})
"""Modules of classes that say nothing about which part is meant."""
_CALLERS_OWN = sys.stdlib_module_names | {"click", "fastapi", "litestar", "starlette", "taskiq", "typer"}
"""Packages of classes that a framework gives."""


class Parameters:
    """The parameters of a function, read at the first call; `mark` in an annotation means "by its class"."""

    def __init__(self, function: Callable[..., Any], mark: object) -> None:
        self._function = function
        self._mark = mark

    @cached_property
    def injected(self) -> tuple[tuple[str, int, Read], ...]:
        """Name, position and reading of each parameter that the application may have to give."""
        parameters = []
        for position, parameter in enumerate(self._signature.parameters.values()):
            read = self._read_of(parameter)
            if read is not None:
                order = sys.maxsize if parameter.kind is Parameter.KEYWORD_ONLY else position
                parameters.append((parameter.name, order, read))
        return tuple(parameters)

    @cached_property
    def closing(self) -> tuple[tuple[str, int, Marked], ...]:
        """Name, position and marker of each parameter that is opened for a call."""
        injected = ((*entry, getattr(entry[2], "__self__", None)) for entry in self.injected)
        return tuple(
            (name, position, marked)
            for name, position, _, marked in injected
            if isinstance(marked, Marked) and marked.is_closing
        )

    def callers_signature(self) -> inspect.Signature:
        """Return the signature without what the application gives.

        That is what is marked; where nothing is, every class that is neither of the standard library nor a
        framework's own, such as a request, nor a pydantic model, which is data of the caller.
        """
        parameters = self._signature.parameters.values()
        hidden = {parameter.name for parameter in parameters if self._marked(parameter)}
        hidden = hidden or {
            parameter.name for parameter in parameters if self._is_taken_for_a_part(parameter)
        }
        return self._signature.replace(parameters=list(_without(parameters, hidden)))

    def _read_of(self, parameter: Parameter) -> Read | None:
        read = self._marked(parameter)
        if read is None and parameter.default is Parameter.empty and parameter.kind in _BY_NAME:
            return self._by_class(parameter.annotation)
        return read

    def _marked(self, parameter: Parameter) -> Read | None:
        """Return the reading of a parameter that is marked, by its default or its annotation."""
        annotation = self._resolved(parameter.annotation)
        marks = getattr(annotation, "__metadata__", ())
        for mark in (parameter.default, *marks):
            marker = marker_in(mark)
            if marker is not None:
                return Marked(marker).read
        if parameter.default is not Parameter.empty:
            return None
        if any(mark is self._mark for mark in marks):
            key = key_of(annotation)
            is_new_type = isinstance(key, typing.NewType)
            return methodcaller("get", key) if is_new_type else self._by_class(annotation)
        paths = (mark for mark in marks if isinstance(mark, str))
        return next((itemgetter(path) for path in paths if _PATH.fullmatch(path)), None)

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

    def _is_taken_for_a_part(self, parameter: Parameter) -> bool:
        if parameter.default is not Parameter.empty or parameter.kind not in _BY_NAME:
            return False
        cls = class_of(self._resolved(parameter.annotation))
        return cls is not None and not (_package(cls) in _CALLERS_OWN or _is_data(cls))


class CallersSignature(inspect.Signature):
    """The signature without injected parameters, computed on access: names defined later are known by then."""

    def __init__(self, parameters: Parameters) -> None:
        self._of = parameters

    @property
    def parameters(self) -> MappingProxyType[str, Parameter]:
        """The parameters that are left."""
        return self._of.callers_signature().parameters

    @property
    def return_annotation(self) -> Any:
        """What the function returns."""
        return self._of.callers_signature().return_annotation

    def replace(self, **changes: Any) -> Any:
        """Return an ordinary signature."""
        return self._of.callers_signature().replace(**changes)


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
