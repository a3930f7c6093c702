"""Annotations, resolved one by one.

An unresolvable one, such as a name imported for the type checker only, does not affect the others.
"""

import contextlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any


class _Unknown:
    """The type of UNKNOWN, for a type that is not declared."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Any = _Unknown()

# Errors that reading annotations or a signature may raise: both can run the user's code.
ODDITIES = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip

_NESTING = 50
"""Maximum number of wrappers, such as NewType or Annotated, around a class."""
_AROUND = (typing.ClassVar, typing.Final, typing.Required, typing.NotRequired)


@dataclass(frozen=True, slots=True)
class Names:
    """The namespaces in which the names of an annotation are looked up."""

    module: dict[str, Any]
    own: Mapping[str, Any] = field(default_factory=dict)


class _Hint:
    def __init__(self, annotation: Any) -> None:
        self.__annotations__ = {"it": annotation}


def names_of(*classes: type) -> tuple[Names, ...]:
    """Return the namespaces of some classes, each with those of its module."""
    return tuple(
        Names(vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}, vars(cls))
        for cls in classes
    )


def annotations(made: Any) -> Mapping[str, Any]:
    """Return the annotations of `made` itself, unresolved."""
    with contextlib.suppress(*ODDITIES):
        return inspect.get_annotations(made)
    return {}


def members(cls: type) -> Iterator[str]:
    """Yield the public names that `cls` and its bases, without object, declare."""
    for base in cls.__mro__[:-1]:
        for name in (*vars(base), *annotations(base)):
            if not name.startswith("_"):
                yield name


def resolve(annotation: Any, names: tuple[Names, ...]) -> Any:
    """Return an annotation with its strings read; UNKNOWN when none of `names` has them all."""
    if annotation is UNKNOWN or isinstance(annotation, type):
        return annotation
    if is_resolved(annotation):
        return plain(annotation)
    for scope in names or (Names({}),):
        with contextlib.suppress(*ODDITIES):
            return plain(_read(annotation, scope))
    return UNKNOWN


def is_resolved(annotation: Any, depth: int = 5) -> bool:
    """Return whether no string is left in an annotation."""
    if isinstance(annotation, typing.ForwardRef):
        return False
    if isinstance(annotation, type):
        return True
    if (
        isinstance(annotation, types.UnionType | types.GenericAlias)
        or type(annotation).__module__ == "typing"
    ):
        inside = getattr(annotation, "__args__", ())
        return depth > 0 and all(is_resolved(argument, depth - 1) for argument in inside)
    return annotation is None


def _read(annotation: Any, names: Names) -> Any:
    if isinstance(annotation, str) and annotation.isidentifier():
        named = _looked_up(annotation, names)
        if isinstance(named, type):
            return named
    own: Any = names.own
    return typing.get_type_hints(_Hint(annotation), names.module, own, include_extras=True)["it"]


def _looked_up(name: str, names: Names) -> Any:
    for namespace in (names.module, names.own):
        if name in namespace:
            return namespace[name]
    return getattr(sys.modules["builtins"], name, None)


def plain(annotation: Any) -> Any:
    """Return the annotation inside ClassVar[…], Final[…] and the like."""
    while typing.get_origin(annotation) in _AROUND:
        annotation = typing.get_args(annotation)[0]
    if isinstance(annotation, InitVar):
        return annotation.type
    if annotation is None:
        return types.NoneType
    return UNKNOWN if annotation in _AROUND else annotation


def class_of(annotation: Any) -> type | None:
    """Return the runtime class of an annotation; None without one, or with several."""
    for _ in range(_NESTING):
        origin = typing.get_origin(annotation)
        if isinstance(annotation, type) and origin is None:
            return None if annotation is typing.Any else annotation
        if isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif is_alias(annotation):
            annotation = value_of(annotation)
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__
        elif origin is typing.Annotated:
            annotation = annotation.__origin__
        elif origin in (typing.Union, types.UnionType):
            choices = [choice for choice in typing.get_args(annotation) if choice is not types.NoneType]
            annotation = choices[0] if len(choices) == 1 else UNKNOWN
        else:
            return origin if isinstance(origin, type) else None
    return None


def is_alias(annotation: Any) -> bool:
    """Return whether an annotation is what `type Name = …` or TypeAliasType makes."""
    return type(annotation).__name__ == "TypeAliasType"


def value_of(alias: Any) -> Any:
    """Return what an alias stands for, UNKNOWN when it cannot be resolved."""
    with contextlib.suppress(*ODDITIES):
        return alias.__value__
    return UNKNOWN
