"""The attribute names of a class's instances, as far as they are known without an instance."""

import types
from collections.abc import Mapping
from typing import Any

from iacs.runtime.checks.code import codes
from iacs.runtime.declared.annotations import annotations
from iacs.runtime.declared.remembering import remembering

# Written into a namespace by the interpreter, by typing or by abc, not by the author of the Protocol.
_NOT_PROMISED = frozenset(
    {
        "__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__",
        "__callable_proto_members_only__", "__class_getitem__", "__classdict__", "__dict__", "__doc__",
        "__firstlineno__", "__hash__", "__init__", "__init_subclass__", "__match_args__", "__module__", "__new__",
        "__non_callable_proto_members__", "__orig_bases__", "__parameters__", "__protocol_attrs__",
        "__qualname__", "__slots__", "__static_attributes__", "__subclasshook__", "__type_params__",
        "__weakref__", "_abc_impl", "_is_protocol", "_is_runtime_protocol",
    }
)  # fmt: skip
_WRITES_ANY_NAME = frozenset({"setattr", "__dict__", "vars", "__setattr__"})


@remembering(2048)
def _known(cls: type) -> frozenset[str] | None:
    """Return every name that an instance may have; None when it may have any."""
    names: set[str] = set(dir(object))
    for base in cls.__mro__[:-1]:
        if _answers_for_more(base):
            return None
        names.update(vars(base), annotations(base), getattr(base, "model_fields", ()))
        stored = frozenset(name for code in codes(vars(base).values()) for name in code.co_names)
        if stored & _WRITES_ANY_NAME:
            return None
        names |= stored
    return frozenset(names)


def _answers_for_more(cls: type) -> bool:
    """Return whether a class looks attributes up itself; every type written in C has a __getattribute__."""
    namespace = vars(cls)
    if "__getattr__" in namespace or isinstance(namespace.get("__setattr__"), types.FunctionType):
        return True
    written_in_c = isinstance(namespace.get("__getattribute__"), types.WrapperDescriptorType)
    return "__getattribute__" in namespace and not (written_in_c and cls.__module__ == "builtins")


def lacks(cls: type, name: str) -> bool:
    """Return whether no instance of `cls` has `name`, methods that assign attributes included."""
    known = _known(cls)
    return known is not None and name not in known


def is_protocol(cls: Any) -> bool:
    """Return whether `cls` is a Protocol itself, not a class that follows one."""
    return bool(vars(cls).get("_is_protocol", False)) if isinstance(cls, type) else False


@remembering(512)
def promised(protocol: type) -> tuple[str, ...]:
    """Return the names that a Protocol requires, sorted."""
    names: set[str] = set()
    for base in protocol.__mro__:
        if is_protocol(base) and base.__module__ not in ("typing", "typing_extensions"):
            names.update(vars(base), annotations(base))
    return tuple(sorted(names - _NOT_PROMISED))


def absent(cls: type, protocol: type) -> tuple[str, ...]:
    """Return the names of `protocol` that no instance of `cls` has."""
    return tuple(name for name in promised(protocol) if lacks(cls, name))


def is_mock(cls: type) -> bool:
    """Return whether instances of `cls` accept any attribute name."""
    return any(base.__module__ in ("unittest.mock", "mock.mock") for base in cls.__mro__)


def lacks_field(cls: type, name: str) -> bool:
    """Return whether `cls`, a settings model, a dataclass or a named tuple, has no such field or member."""
    if is_settings(cls):
        return _model_lacks(cls, name)
    has_fields = hasattr(cls, "__dataclass_fields__") or (issubclass(cls, tuple) and hasattr(cls, "_fields"))
    return has_fields and lacks(cls, name)


def is_settings(cls: Any) -> bool:
    """Return whether `cls` is a pydantic model with fields."""
    return isinstance(cls, type) and isinstance(getattr(cls, "model_fields", None), Mapping)


def _model_lacks(cls: Any, name: str) -> bool:
    own = [base for base in cls.__mro__[:-1] if base.__module__.partition(".")[0] not in _PYDANTIC]
    open_ended = any("__getattr__" in vars(base) for base in own) or cls.model_config.get("extra") == "allow"
    known = name in cls.model_fields or name in getattr(cls, "__private_attributes__", {})
    return bool(cls.model_fields) and not (open_ended or known or any(name in vars(c) for c in cls.__mro__))


_PYDANTIC = ("pydantic", "pydantic_settings")
