"""What closes the objects of a class, as far as the class shows it."""

import dis
import inspect
import io
import logging
import sys
from types import CodeType
from typing import Any

from dependency_injector import resources

from iacs.runtime.checks.code import codes
from iacs.runtime.declared.annotations import annotations
from iacs.runtime.declared.callees import is_context_manager
from iacs.runtime.plan.closers import closes, is_closing, unclear_closing

_CLOSERS = ("dispose", "shutdown")
_PAIRS = (("start", "stop"), ("connect", "disconnect"))
_CLOSED_ELSEWHERE = (type, logging.Handler, io.BytesIO, io.StringIO)
"""Classes whose objects Python closes itself at exit, or that hold nothing outside of Python."""
_RESOURCES = (resources.Resource, resources.AsyncResource)
_CLOSING_NAMES = frozenset({"close", "aclose", "closing", "aclosing", "enter_context", "enter_async_context"})


def closer_of(cls: type) -> str:
    """Return the method that ends the use of a class's objects, `aclose` or `close` first; empty when none does."""
    if any(closes(cls)) and not _is_closed_elsewhere(cls):
        return "aclose" if is_closing(cls, "aclose") else "close"
    return other_closer(cls)


def other_closer(cls: type) -> str:
    """Return the method that closes objects of a class without `aclose` and `close`; empty when there is none."""
    if any(closes(cls)) or _is_closed_elsewhere(cls):
        return ""
    pairs = [last for first, last in _PAIRS if is_closing(cls, first) and is_closing(cls, last)]
    names = [name for name in _CLOSERS if is_closing(cls, name)]
    return next(iter((*filter(None, [unclear_closing(cls)]), *names, *pairs)), "")


def _is_closed_elsewhere(cls: type) -> bool:
    return any(issubclass(cls, base) for base in _CLOSED_ELSEWHERE)


def is_entered(cls: type) -> bool:
    """Return whether a resource of a class is entered and left."""
    return hasattr(cls, "__enter__") or hasattr(cls, "__aenter__") or issubclass(cls, _RESOURCES)


def class_named_by(made: Any) -> type | None:
    """Return the class that a function's unresolved annotation names, if the function's package has just one of it.

    Libraries such as SQLAlchemy import what a function returns for type checkers only.
    """
    name = annotations(inspect.unwrap(made)).get("return") if callable(made) else None
    package = str(getattr(made, "__module__", "")).partition(".")[0]
    if not isinstance(name, str) or not package:
        return None
    modules = [vars(module) for key, module in [*sys.modules.items()] if key.partition(".")[0] == package]
    named = {id(names[name]): names[name] for names in modules if isinstance(names.get(name), type)}
    return next(iter(named.values())) if len(named) == 1 else None


def may_close(made: Any, cls: type | None) -> bool:
    """Return whether `made`, of class `cls`, may close what it receives: by being closed itself, or in its code.

    A function that declares no class may return anything.
    """
    if cls is None and not is_context_manager(made):
        return True
    if cls is not None and (closer_of(cls) or is_entered(cls)):
        return True
    bases = made.__mro__[:-1] if isinstance(made, type) else ()
    methods = (member for base in bases for member in vars(base).values())
    return any(map(_closes_something, codes((inspect.unwrap(made), *methods))))


def _closes_something(code: CodeType) -> bool:
    """Return whether a function calls what closes something, or has a `with` statement."""
    if not _CLOSING_NAMES.isdisjoint(code.co_names):
        return True
    return any("WITH" in step.opname or step.argrepr == "__exit__" for step in dis.get_instructions(code))
