"""Where a provider's class or function is, and what its parameters are called."""

import functools
import inspect
from typing import Any

from iacs.runtime.callees import callee
from iacs.runtime.kinds import Kind

_PLAIN = frozenset(
    {
        Kind.CONTAINER, Kind.SELECTOR, Kind.LIST, Kind.DICT, Kind.CONFIGURATION, Kind.OPTION, Kind.PROVIDED,
        Kind.ATTRIBUTE, Kind.ITEM, Kind.METHOD, Kind.DELEGATE, Kind.AGGREGATE, Kind.ALIAS,
    }
)  # fmt: skip
"""Kinds that call nothing of the user's own."""


def made_by(provider: Any, kind: Kind) -> str:
    """Return the place of what a provider calls, holds or expects; empty when it calls nothing."""
    if kind in _PLAIN:
        return ""
    if kind is Kind.OTHER:
        return place_of(type(provider))
    if kind is Kind.MISSING:
        return place_of(provider.instance_of)
    return "" if provider.provides is None else place_of(provider.provides)


def place_of(value: Any) -> str:
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
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(each.name for each in parameters if each.kind in kinds)
