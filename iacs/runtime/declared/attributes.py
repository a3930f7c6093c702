"""The declared types of a class's attributes and methods."""

import functools
import inspect
import types
from collections import namedtuple
from collections.abc import Mapping
from typing import Any

from iacs.runtime.declared.annotations import UNKNOWN, annotations, names_of, resolve
from iacs.runtime.declared.callees import callee, of_self
from iacs.runtime.declared.remembering import remembering

_PLAIN: tuple[type, ...] = (
    types.FunctionType, types.BuiltinFunctionType, types.MemberDescriptorType, classmethod, staticmethod,
    type(namedtuple("_", "field").field),  # type: ignore[attr-defined]
)  # fmt: skip
"""Descriptors that are defaults, or that the interpreter makes for `__slots__` and named tuples."""


@remembering(4096)
def attribute(cls: type, name: str) -> Any:
    """Return the annotation of an instance's attribute, UNKNOWN when it has none."""
    fields = getattr(cls, "model_fields", None)
    if isinstance(fields, Mapping) and name in fields:
        return of_self(resolve(getattr(fields[name], "annotation", UNKNOWN), names_of(cls)), cls)
    for base in cls.__mro__:
        if name in annotations(base) and not _is_computed(vars(base).get(name)):
            return of_self(resolve(annotations(base)[name], names_of(base)), cls)
        if name in vars(base):
            return _member(vars(base)[name], cls)
    return UNKNOWN


def assigned(cls: type, name: str) -> Any:
    """Return the annotation of what may be assigned to an instance's attribute, UNKNOWN when it has none."""
    member = inspect.getattr_static(cls, name, None)
    if not isinstance(member, property) or member.fset is None:
        return attribute(cls, name)
    setter = callee(member.fset)
    names = list(setter.signature.parameters) if setter.signature else []
    return setter.hints.get(names[1], UNKNOWN) if len(names) > 1 else UNKNOWN


def _is_computed(member: Any) -> bool:
    """Return whether a descriptor gives the value of an annotated attribute, such as a column of SQLAlchemy's."""
    return hasattr(type(member), "__get__") and not isinstance(member, _PLAIN)


def _member(member: Any, cls: type) -> Any:
    if isinstance(member, functools.cached_property):
        return of_self(callee(member.func).returns, cls)
    read = getattr(member, "fget", None)
    if read is not None:
        return of_self(callee(read).returns, cls)
    return types.MethodType if isinstance(member, types.FunctionType) else UNKNOWN


def method(cls: type, name: str) -> Any:
    """Return what a method of `cls` returns, UNKNOWN when it is not annotated."""
    member = inspect.getattr_static(cls, name, None)
    made = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    return of_self(callee(made).returns, cls) if isinstance(made, types.FunctionType) else UNKNOWN
