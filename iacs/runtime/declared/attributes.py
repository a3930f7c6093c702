"""The declared types of a class's attributes and methods."""

import functools
import inspect
import types
from collections.abc import Mapping
from typing import Any

from iacs.runtime.declared.annotations import UNKNOWN, annotations, names_of, resolve
from iacs.runtime.declared.callees import callee, of_self
from iacs.runtime.declared.remembering import remembering


@remembering(4096)
def attribute(cls: type, name: str) -> Any:
    """Return the annotation of an instance's attribute, UNKNOWN when it has none."""
    fields = getattr(cls, "model_fields", None)
    if isinstance(fields, Mapping) and name in fields:
        return of_self(resolve(getattr(fields[name], "annotation", UNKNOWN), names_of(cls)), cls)
    for base in cls.__mro__:
        if name in annotations(base):
            return of_self(resolve(annotations(base)[name], names_of(base)), cls)
        if name in vars(base):
            return _member(vars(base)[name], cls)
    return UNKNOWN


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
