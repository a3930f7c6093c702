"""The parameters and annotated types of constructors and functions; nothing is called."""

import contextlib
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from iacs.runtime.declared.annotations import (
    ODDITIES,
    UNKNOWN,
    Names,
    annotations,
    is_resolved,
    names_of,
    plain,
    resolve,
)
from iacs.runtime.declared.remembering import remembering

BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
"""Kinds of parameters that positional arguments go to."""

_DECORATORS: tuple[Any, ...] = (contextlib.contextmanager, contextlib.asynccontextmanager)
_CONTEXT_MANAGERS = frozenset(decorator(lambda: iter(())).__code__ for decorator in _DECORATORS)


@dataclass(frozen=True, slots=True)
class Callee:
    """A callable's signature and types; without a signature, any arguments may be right.

    `hints` has the parameters whose annotation could be resolved, `returns` is UNKNOWN when it is not
    annotated. A class returns itself.
    """

    signature: inspect.Signature | None
    hints: Mapping[str, Any] = field(default_factory=dict)
    returns: Any = UNKNOWN


def callee(made: Any) -> Callee:
    """Return the signature and the types of `made`, anything callable."""
    if isinstance(made, type):
        return _class(made)
    if isinstance(made, types.FunctionType):
        return _function(made)
    if isinstance(made, types.MethodType):
        return _bound(made)
    if isinstance(made, functools.partial):
        known = callee(made.func)
        return Callee(_partial_signature(made, known.signature), known.hints, known.returns)
    if isinstance(made, functools._lru_cache_wrapper):
        return callee(made.__wrapped__)
    if isinstance(made, typing.NewType):
        return Callee(_signature(made), {}, made)
    origin = typing.get_origin(made)
    if origin is not None:  # Repository[Message]
        known = callee(origin)
        return Callee(known.signature, known.hints, made)
    return _instance(made)


def is_context_manager(made: Any) -> bool:
    """Return whether `made` is a generator function wrapped by contextlib."""
    return isinstance(made, types.FunctionType) and made.__code__ in _CONTEXT_MANAGERS


@remembering(2048)
def _function(made: types.FunctionType) -> Callee:
    function = inspect.unwrap(made) if is_context_manager(made) else made
    names = (Names(getattr(inspect.unwrap(function), "__globals__", {})),)
    returns = resolve(annotations(function).get("return", UNKNOWN), names)
    if hasattr(function, "__wrapped__"):  # its decorator may add, drop and convert arguments
        return Callee(_signature(function, follow_wrapped=False), {}, returns)
    signature = _signature(function)
    return Callee(signature, _hints(signature, lambda _name: names), returns)


def _partial_signature(made: Any, known: inspect.Signature | None) -> inspect.Signature | None:
    """Return what is left of a signature; inspect would look through a decorator, which may add arguments."""
    if known is None:
        return None

    def stand_in() -> None: ...

    stand_in.__signature__ = known  # type: ignore[attr-defined] # where inspect looks first
    return _signature(functools.partial(stand_in, *made.args, **made.keywords))


def _bound(made: Any) -> Callee:
    known = callee(made.__func__)
    owner = made.__self__ if isinstance(made.__self__, type) else type(made.__self__)
    return Callee(_without_first(known.signature), known.hints, of_self(known.returns, owner))


def _instance(made: Any) -> Callee:
    call = inspect.getattr_static(type(made), "__call__", None)
    if isinstance(call, types.FunctionType):
        return _bound(types.MethodType(call, made))
    return Callee(_signature(made))


def _without_first(signature: inspect.Signature | None) -> inspect.Signature | None:
    if signature is None:
        return None
    parameters = list(signature.parameters.values())
    if not parameters or parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return signature
    return signature.replace(parameters=parameters[1:])


@remembering(2048)
def _class(made: type) -> Callee:
    constructor = _constructor(made)
    if hasattr(constructor, "__wrapped__"):
        return Callee(_without_first(_signature(constructor, follow_wrapped=False)), {}, made)
    signature = _signature(made)
    if "__signature__" in vars(made) and isinstance(vars(made).get("__init__"), types.FunctionType):
        # the constructor may take more than the model's fields
        signature = _without_first(_signature(constructor))
    return Callee(signature, _hints(signature, lambda name: _names(made, constructor, name)), made)


def _constructor(made: type) -> Any:
    for cls in made.__mro__[:-1]:
        for name in ("__init__", "__new__"):
            if name in vars(cls):
                constructor = vars(cls)[name]
                return getattr(constructor, "__func__", constructor)
    return None


def _names(made: type, constructor: Any, name: str) -> tuple[Names, ...]:
    """Return the namespaces of the class that declares the field, then those of the constructor."""
    owners = [cls for cls in made.__mro__ if name in annotations(cls)]
    written = [Names(constructor.__globals__)] if hasattr(constructor, "__globals__") else []
    return (*names_of(*owners), *written, *names_of(*made.__mro__))


def _signature(made: Any, *, follow_wrapped: bool = True) -> inspect.Signature | None:
    with contextlib.suppress(*ODDITIES):
        return inspect.signature(made, follow_wrapped=follow_wrapped)
    return None


def _hints(signature: inspect.Signature | None, names: Callable[[str], tuple[Names, ...]]) -> dict[str, Any]:
    hints = {}
    for name, parameter in signature.parameters.items() if signature else ():
        annotation = parameter.annotation
        if annotation is not parameter.empty:
            known = plain(annotation) if is_resolved(annotation) else resolve(annotation, names(name))
            if known is not UNKNOWN:
                hints[name] = known
    return hints


def of_self(annotation: Any, cls: type) -> Any:
    """Return `cls` for Self, and UNKNOWN for a type variable."""
    if annotation is typing.Self:
        return cls
    return UNKNOWN if isinstance(annotation, typing.TypeVar) else annotation
