"""Whether a value of one type can be used where another type is expected.

Only what cannot be right is refused: a function annotated to return a base class, or an Optional, may well
return the expected class, and an unknown type fits everywhere.
"""

import contextlib
import types
import typing
from collections import abc, deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from dependency_injector import providers

from iacs.runtime.checks.members import absent, is_mock, is_protocol
from iacs.runtime.declared import class_of
from iacs.runtime.declared.annotations import ODDITIES, UNKNOWN
from iacs.runtime.declared.remembering import remembering

NO_VALUE: Any = object()

# Implicit conversions of the numeric tower and of buffers, as PEP 484 defines them.
_STAND_INS: dict[type, tuple[type, ...]] = {
    float: (int,),
    complex: (int, float),
    bytes: (bytearray, memoryview),
}
_DEPTH = 20
_ELEMENTS = 100
"""Maximum number of elements of a constant list or dict that are compared."""


@dataclass(frozen=True, slots=True)
class Given:
    """An argument's type: its annotation, whether it is exactly that class, and its value if known."""

    annotation: Any
    exact: bool = False
    value: Any = NO_VALUE


def of_value(value: Any) -> Given:
    """Return the type of a constant, with its value."""
    kind = type[value] if isinstance(value, type) else type(value)
    return Given(kind, exact=True, value=value)


def fits(given: Given, wanted: Any) -> bool:
    """Return whether `given` can satisfy the annotation `wanted`."""
    if wanted is given.annotation:
        return True
    with contextlib.suppress(*ODDITIES):
        if given.value is NO_VALUE:
            return _type_fits(given.annotation, given.exact, wanted)
        return _fits(given, wanted, _DEPTH)
    return True


@remembering(4096)
def _type_fits(annotation: Any, exact: bool, wanted: Any) -> bool:
    """Compare two types once: without a value the result stays the same."""
    return _fits(Given(annotation, exact), wanted, _DEPTH)


def _fits(given: Given, wanted: Any, depth: int) -> bool:
    expected, offered = _choices(wanted), _choices(given.annotation)
    if not depth or _says_nothing(expected) or _says_nothing(offered):
        return True
    if len(offered) > 1:
        offered = tuple(offer for offer in offered if offer is not types.NoneType)
    return any(
        _one_fits(Given(offer, given.exact, given.value), choice, depth - 1)
        for offer in offered
        for choice in expected
    )


def _says_nothing(choices: tuple[Any, ...]) -> bool:
    return any(choice is UNKNOWN or choice is Any or choice is object for choice in choices)


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, each without Annotated, NewType and type variables."""
    for _ in range(_DEPTH):
        alternatives = _alternatives(annotation)
        if alternatives:
            return tuple(choice for alternative in alternatives for choice in _choices(alternative))
        if isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing.TypeVar):
            annotation = UNKNOWN if annotation.__bound__ is None else annotation.__bound__
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation = annotation.__origin__
        elif type(annotation).__name__ == "TypeAliasType":  # `type X = …`, of Python 3.12
            annotation = annotation.__value__
        elif annotation is None:
            return (types.NoneType,)
        else:
            return (str if annotation in (typing.LiteralString, typing.AnyStr) else annotation,)
    return (UNKNOWN,)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, typing.TypeVar):
        return annotation.__constraints__
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else ()


def _one_fits(given: Given, wanted: Any, depth: int) -> bool:
    if typing.get_origin(wanted) is Literal or typing.get_origin(given.annotation) is Literal:
        return _literal_fits(given, wanted)
    if typing.get_origin(given.annotation) is type:
        return _class_fits(given.annotation, wanted, depth)
    cls, expected = class_of(given.annotation), class_of(wanted)
    if cls is None or expected is None or is_mock(cls):
        return True
    if expected is type:
        return issubclass(cls, type) or issubclass(cls, providers.Provider)
    return _is_one(cls, expected, exact=given.exact) and _inside_fits(given, wanted, depth)


def _literal_fits(given: Given, wanted: Any) -> bool:
    values = typing.get_args(wanted) if typing.get_origin(wanted) is Literal else None
    offered = typing.get_args(given.annotation) if typing.get_origin(given.annotation) is Literal else None
    if given.value is not NO_VALUE:
        offered = (given.value,)
    if values is None:
        return any(_fits(of_value(constant), wanted, 1) for constant in offered or ())
    if offered is None:
        cls = class_of(given.annotation)
        return cls is None or any(_is_one(type(constant), cls, exact=False) for constant in values)
    return any(
        isinstance(constant, Enum) == isinstance(value, Enum) and constant == value
        for constant in offered
        for value in values
    )


def _class_fits(given: Any, wanted: Any, depth: int) -> bool:
    """Compare a class that is passed itself, such as a schema."""
    (cls,) = typing.get_args(given) or (UNKNOWN,)
    if typing.get_origin(wanted) is type:
        return _fits(Given(cls), typing.get_args(wanted)[0], depth)
    made, expected = class_of(cls), class_of(wanted)
    if made is None or expected is None or is_protocol(expected):
        return True
    return issubclass(type(made), expected) or issubclass(expected, type)


def _is_one(cls: type, expected: type, *, exact: bool) -> bool:
    if issubclass(cls, _STAND_INS.get(expected, ())) or expected in cls.__mro__:
        return True
    if typing.is_typeddict(expected) or typing.is_typeddict(cls):
        return issubclass(cls, dict) and issubclass(expected, abc.Mapping)
    if is_protocol(expected):
        return not absent(cls, expected)
    if issubclass(cls, expected):
        return True
    if exact:
        return False
    return not absent(expected, cls) if is_protocol(cls) else issubclass(expected, cls)


def _inside_fits(given: Given, wanted: Any, depth: int) -> bool:
    """Compare what collections hold, and the arguments of a generic class that both name."""
    expected = held(wanted)
    if expected is None:
        return True
    if given.value is not NO_VALUE:
        return all(
            _fits(of_value(element), choice, depth) for element, choice in _elements(given.value, expected)
        )
    offered = held(given.annotation)
    if offered is None or len(offered) != len(expected):
        return True
    return all(
        _fits(Given(one), other, depth) or _fits(Given(other), one, depth)
        for one, other in zip(offered, expected, strict=True)
    )


def held(annotation: Any) -> tuple[Any, ...] | None:
    """Return the types of a collection's elements, or of a generic's arguments; None when unknown."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if not isinstance(origin, type) or not arguments or issubclass(origin, abc.Callable):  # type: ignore[arg-type]
        return None
    if issubclass(origin, tuple):
        return arguments[:1] if arguments[1:] == (...,) else None
    return arguments


def _elements(value: Any, expected: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    if isinstance(value, dict) and len(expected) == 2:
        pairs = list(value.items())[:_ELEMENTS]
        return [(element, choice) for pair in pairs for element, choice in zip(pair, expected, strict=True)]
    if isinstance(value, list | tuple | set | frozenset | deque) and len(expected) == 1:
        return [(element, expected[0]) for element in list(value)[:_ELEMENTS]]
    return []
