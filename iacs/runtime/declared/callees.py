"""The parameters and annotated types of constructors and functions.

Nothing is called. Annotations are resolved one by one, so that an unresolvable one, such as a name imported
for the type checker only, does not affect the others.
"""

import contextlib
import functools
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

from iacs.runtime.declared.remembering import remembering


class _Unknown:
    """The type of UNKNOWN, for a type that is not declared."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Any = _Unknown()

BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
"""Kinds of parameters that positional arguments go to."""

# Errors that reading annotations or a signature may raise: both can run the user's code.
ODDITIES = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def _never() -> Any:
    yield


_DECORATORS: tuple[Any, ...] = (contextlib.contextmanager, contextlib.asynccontextmanager)
_CONTEXT_MANAGERS = frozenset(decorator(_never).__code__ for decorator in _DECORATORS)
_AROUND = (typing.ClassVar, typing.Final, typing.Required, typing.NotRequired)


@dataclass(frozen=True, slots=True)
class Callee:
    """A callable's signature and types; without a signature, any arguments may be right.

    `hints` has the parameters whose annotation could be resolved, `returns` is UNKNOWN when it is not
    annotated. A class returns itself.
    """

    signature: inspect.Signature | None
    hints: Mapping[str, Any] = field(default_factory=dict)
    returns: Any = UNKNOWN


@dataclass(frozen=True, slots=True)
class _Names:
    """The namespaces in which the names of an annotation are looked up."""

    module: dict[str, Any]
    own: Mapping[str, Any] = field(default_factory=dict)


class _Hint:
    def __init__(self, annotation: Any) -> None:
        self.__annotations__ = {"it": annotation}


def callee(made: Any) -> Callee:
    """Return the signature and the types of `made`, anything callable."""
    if isinstance(made, type | types.FunctionType):
        return _remembered(made)
    if isinstance(made, functools.partial):
        return _partial(made)
    if isinstance(made, types.MethodType):
        return _bound(made)
    if isinstance(made, functools._lru_cache_wrapper):
        return callee(made.__wrapped__)
    if isinstance(made, typing.NewType):
        return Callee(_signature(made), {}, made)
    origin = typing.get_origin(made)
    if origin is not None:  # Repository[Message]
        known = callee(origin)
        return Callee(known.signature, known.hints, made)
    return _instance(made)


@remembering(2048)
def _remembered(made: Any) -> Callee:
    return _class(made) if isinstance(made, type) else _function(made)


def is_context_manager(made: Any) -> bool:
    """Return whether `made` is a generator function wrapped by contextlib."""
    return isinstance(made, types.FunctionType) and made.__code__ in _CONTEXT_MANAGERS


def _function(made: types.FunctionType) -> Callee:
    function = inspect.unwrap(made) if is_context_manager(made) else made
    names = (_Names(getattr(inspect.unwrap(function), "__globals__", {})),)
    returns = resolve(annotations(function).get("return", UNKNOWN), names)
    if hasattr(function, "__wrapped__"):  # its decorator may add, drop and convert arguments
        return Callee(_signature(function, follow_wrapped=False), {}, returns)
    signature = _signature(function)
    return Callee(signature, _hints(signature, lambda _name: names), returns)


def _partial(made: Any) -> Callee:
    known = callee(made.func)
    return Callee(_signature(made) if known.signature else None, known.hints, known.returns)


def _bound(made: Any) -> Callee:
    known = callee(made.__func__)
    owner = made.__self__ if isinstance(made.__self__, type) else type(made.__self__)
    return Callee(_without_first(known.signature), known.hints, _of_self(known.returns, owner))


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


def _class(made: type) -> Callee:
    constructor = _constructor(made)
    if hasattr(constructor, "__wrapped__"):
        return Callee(_without_first(_signature(constructor, follow_wrapped=False)), {}, made)
    signature = _signature(made)
    if "__signature__" in vars(made) and isinstance(vars(made).get("__init__"), types.FunctionType):
        signature = _without_first(
            _signature(constructor)
        )  # the constructor may take more than the model's fields
    return Callee(signature, _hints(signature, lambda name: _names(made, constructor, name)), made)


def _constructor(made: type) -> Any:
    for cls in made.__mro__[:-1]:
        for name in ("__init__", "__new__"):
            if name in vars(cls):
                constructor = vars(cls)[name]
                return getattr(constructor, "__func__", constructor)
    return None


def _names(made: type, constructor: Any, name: str) -> tuple[_Names, ...]:
    """Return the namespaces of the class that declares the field, then those of the constructor."""
    owners = [cls for cls in made.__mro__ if name in annotations(cls)]
    written = [_Names(constructor.__globals__)] if hasattr(constructor, "__globals__") else []
    return (*_everywhere(*owners), *written, *_everywhere(*made.__mro__))


def _everywhere(*classes: type) -> tuple[_Names, ...]:
    return tuple(_Names(_module(cls), vars(cls)) for cls in classes)


def _module(cls: type) -> dict[str, Any]:
    return vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}


def _signature(made: Any, *, follow_wrapped: bool = True) -> inspect.Signature | None:
    with contextlib.suppress(*ODDITIES):
        return inspect.signature(made, follow_wrapped=follow_wrapped)
    return None


def _hints(signature: inspect.Signature | None, names: Any) -> dict[str, Any]:
    hints = {}
    for name, parameter in signature.parameters.items() if signature else ():
        annotation = parameter.annotation
        if annotation is not parameter.empty:
            read = isinstance(annotation, type) or _is_read(annotation)
            known = _plain(annotation) if read else resolve(annotation, names(name))
            if known is not UNKNOWN:
                hints[name] = known
    return hints


def annotations(made: Any) -> Mapping[str, Any]:
    """Return the annotations of `made` itself, unresolved."""
    with contextlib.suppress(*ODDITIES):
        return inspect.get_annotations(made)
    return {}


@remembering(4096)
def attribute(cls: type, name: str) -> Any:
    """Return the annotation of an instance's attribute, UNKNOWN when it has none."""
    fields = getattr(cls, "model_fields", None)
    if isinstance(fields, Mapping) and name in fields:
        return _of_self(resolve(getattr(fields[name], "annotation", UNKNOWN), _everywhere(cls)), cls)
    for base in cls.__mro__:
        if name in annotations(base):
            return _of_self(resolve(annotations(base)[name], _everywhere(base)), cls)
        if name in vars(base):
            return _member(vars(base)[name], cls)
    return UNKNOWN


def _member(member: Any, cls: type) -> Any:
    read = getattr(member, "fget", None) or (
        member.func if isinstance(member, functools.cached_property) else None
    )
    if read is not None:
        return _of_self(callee(read).returns, cls)
    return types.MethodType if isinstance(member, types.FunctionType) else UNKNOWN


def method(cls: type, name: str) -> Any:
    """Return what a method of `cls` returns, UNKNOWN when it is not annotated."""
    member = inspect.getattr_static(cls, name, None)
    made = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    return _of_self(callee(made).returns, cls) if isinstance(made, types.FunctionType) else UNKNOWN


def _of_self(annotation: Any, cls: type) -> Any:
    if annotation is typing.Self:
        return cls
    return UNKNOWN if isinstance(annotation, typing.TypeVar) else annotation


def resolve(annotation: Any, names: tuple[_Names, ...]) -> Any:
    """Return an annotation with its strings read; UNKNOWN when none of `names` has them all."""
    if annotation is UNKNOWN or isinstance(annotation, type):
        return annotation
    if _is_read(annotation):
        return _plain(annotation)
    for scope in names or (_Names({}),):
        with contextlib.suppress(*ODDITIES):
            return _plain(_read(annotation, scope))
    return UNKNOWN


def _is_read(annotation: Any, depth: int = 5) -> bool:
    """Return whether no string is left in an annotation."""
    if isinstance(annotation, typing.ForwardRef):
        return False
    if (
        isinstance(annotation, types.UnionType | types.GenericAlias)
        or type(annotation).__module__ == "typing"
    ):
        inside = getattr(annotation, "__args__", ())
        return depth > 0 and all(
            isinstance(argument, type) or _is_read(argument, depth - 1) for argument in inside
        )
    return annotation is None


def _read(annotation: Any, names: _Names) -> Any:
    if isinstance(annotation, str) and annotation.isidentifier():
        named = _looked_up(annotation, names)
        if isinstance(named, type):
            return named
    own: Any = names.own
    return typing.get_type_hints(_Hint(annotation), names.module, own, include_extras=True)["it"]


def _looked_up(name: str, names: _Names) -> Any:
    for namespace in (names.module, names.own):
        if name in namespace:
            return namespace[name]
    return getattr(sys.modules["builtins"], name, None)


def _plain(annotation: Any) -> Any:
    """Return the annotation inside ClassVar[…], Final[…] and the like."""
    while typing.get_origin(annotation) in _AROUND:
        annotation = typing.get_args(annotation)[0]
    if isinstance(annotation, InitVar):
        return annotation.type
    if annotation is None:
        return types.NoneType
    return UNKNOWN if annotation in _AROUND else annotation


def members(cls: type) -> Iterator[str]:
    """Yield the public names that `cls` and its bases, without object, declare."""
    for base in cls.__mro__[:-1]:
        for name in (*vars(base), *annotations(base)):
            if not name.startswith("_"):
                yield name
