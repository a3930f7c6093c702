"""The module and line of a provider's class or function, and the names of its parameters."""

import functools
import inspect
import re
from pathlib import Path
from typing import Any

from iacs.runtime.declared.callees import BY_POSITION, callee
from iacs.runtime.graph.kinds import Kind

_PLAIN = frozenset(
    {
        Kind.CONTAINER, Kind.SELECTOR, Kind.LIST, Kind.DICT, Kind.CONFIGURATION, Kind.OPTION, Kind.PROVIDED,
        Kind.ATTRIBUTE, Kind.ITEM, Kind.METHOD, Kind.DELEGATE, Kind.AGGREGATE, Kind.ALIAS,
    }
)  # fmt: skip
"""Kinds that call nothing of the user's own."""


def made_by(provider: Any, kind: Kind) -> str:
    """Return `module:qualname` of what a provider calls, holds or expects; empty when it calls nothing."""
    if kind in _PLAIN:
        return ""
    if kind is Kind.OTHER:
        return module_of(type(provider))
    if kind is Kind.MISSING:
        return module_of(provider.instance_of)
    return "" if provider.provides is None else module_of(provider.provides)


def module_of(value: Any) -> str:
    """Return `module:qualname` of a class or function; of anything else, its class's."""
    while isinstance(value, functools.partial):
        value = value.func
    name = getattr(value, "__qualname__", None)
    if not isinstance(name, str):
        value = type(value)
        name = value.__qualname__
    return f"{getattr(value, '__module__', None) or 'builtins'}:{name}"


def positional_names(provides: Any) -> tuple[str, ...]:
    """Return the names of the parameters that positional arguments go to."""
    signature = callee(provides).signature
    parameters = signature.parameters.values() if signature else ()
    return tuple(parameter.name for parameter in parameters if parameter.kind in BY_POSITION)


def line_of(cls: Any, name: str) -> str:
    """Return `file:line` of where a class declares `name`; empty when the source cannot be read."""
    if not isinstance(cls, type):
        return ""
    try:
        lines, first = inspect.getsourcelines(cls)
        file = inspect.getsourcefile(cls) or ""
    except (OSError, SyntaxError, TypeError):
        return ""
    pattern = re.compile(rf"\s+{re.escape(name)}\s*[:=]")
    offset = next((number for number, line in enumerate(lines) if pattern.match(line)), 0)
    return f"{_near(file)}:{first + offset}"


def _near(file: str) -> str:
    """Return a path from the working directory, where that is shorter."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
