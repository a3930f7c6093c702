"""Types that are not classes, as keys of parts: `Repository[User]`, a NewType, an alias of Python 3.12."""

import types
import typing
from collections.abc import Mapping
from typing import Any

from iacs.runtime.declared.annotations import UNKNOWN, class_of, is_alias, value_of
from iacs.runtime.declared.type_text import type_text

_NESTING = 50
"""Maximum number of wrappers around a type, and of generic classes above one another."""


def is_type(key: Any) -> bool:
    """Return whether a key is a type rather than a path or a provider."""
    return isinstance(key, type | typing.NewType) or typing.get_origin(key) is not None or is_alias(key)


def name_of(key: Any) -> str:
    """Return how a key is written."""
    return key if isinstance(key, str) else type_text(key)


def key_of(annotation: Any) -> Any:
    """Return an annotation as a key, without Annotated and Optional."""
    for _ in range(_NESTING):
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = annotation.__origin__
        elif origin in (typing.Union, types.UnionType):
            choices = [choice for choice in typing.get_args(annotation) if choice is not types.NoneType]
            annotation = choices[0] if len(choices) == 1 else UNKNOWN
        else:
            break
    return annotation


def plain_key(key: Any) -> Any:
    """Return the class or generic class that an alias stands for."""
    for _ in range(_NESTING):
        origin = typing.get_origin(key)
        if is_alias(key):
            key = value_of(key)
        elif is_alias(origin):
            key = value_of(origin)[typing.get_args(key)]
        else:
            break
    return key_of(key)


def names_it(declared: Any, key: Any) -> bool:
    """Return whether a declared type is a NewType or an alias by the name of `key`, or a NewType of that."""
    declared = key_of(declared)
    for _ in range(_NESTING):
        if declared == key:
            return True
        if not isinstance(declared, typing.NewType):
            return False
        declared = key_of(declared.__supertype__)
    return False


def arguments_of(declared: Any, generic: type) -> tuple[Any, ...] | None:
    """Return the type arguments with which a declared type is a `generic`; None if it does not say."""
    declared = plain_key(declared)
    while isinstance(declared, typing.NewType):
        declared = plain_key(declared.__supertype__)
    return _arguments(declared, generic, _NESTING)


def _arguments(annotation: Any, generic: type, nesting: int) -> tuple[Any, ...] | None:
    cls, given = class_of(annotation), typing.get_args(annotation)
    if cls is generic:
        return given or None
    values = dict(zip(getattr(cls, "__parameters__", ()), given, strict=False))
    for base in vars(cls).get("__orig_bases__", cls.__bases__) if cls is not None and nesting else ():
        arguments = _arguments(base, generic, nesting - 1)
        if arguments is not None:
            known = tuple(_filled(argument, values) for argument in arguments)
            return None if any(map(_open, known)) else known
    return None


def _filled(argument: Any, values: Mapping[Any, Any]) -> Any:
    """Return a type argument with the type variables replaced that it holds."""
    if isinstance(argument, typing.TypeVar):
        return values.get(argument, argument)
    return (
        argument[tuple(values.get(variable, variable) for variable in _open(argument))]
        if _open(argument)
        else argument
    )


def _open(argument: Any) -> tuple[Any, ...]:
    """Return the type variables in a type argument."""
    if isinstance(argument, typing.TypeVar):
        return (argument,)
    return () if isinstance(argument, type) else getattr(argument, "__parameters__", ())
