"""Arguments that are missing, unknown, or more than a constructor takes."""

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any

from iacs.core.exceptions import Finding
from iacs.runtime.checks.wiring import Call, Wiring
from iacs.runtime.declared.annotations import ODDITIES
from iacs.runtime.declared.callees import BY_POSITION
from iacs.suggestions import suggestion


def arity(wiring: Wiring) -> Iterator[Finding]:
    """Yield the calls whose arguments do not fit their parameters."""
    for call in wiring.calls:
        complete = call.node.index in wiring.complete
        problems = (
            _of_model(call, complete=complete) if is_model(call.made) else _of_call(call, complete=complete)
        )
        for problem in problems:
            yield Finding(call.node.path, "arity", problem)


def _of_call(call: Call, *, complete: bool) -> Iterator[str]:
    bound = call.bound
    if bound is None or call.callee.signature is None:
        return
    if bound.surplus:
        room = f"{bound.room or 'no'} positional argument{'s' * (bound.room > 1)}"
        yield (
            f"{call.name}() takes {room} but gets {bound.room + bound.surplus}: drop the last, or name them"
        )
    for name in bound.twice:
        yield f"{call.name}() gets {name!r} by position and by name: drop one of the two"
    for name in bound.unknown:
        yield _unknown(call, name, list(call.callee.signature.parameters))
    if complete and bound.missing:
        yield _missing(call, bound.missing)


def _unknown(call: Call, name: str, known: list[str]) -> str:
    fix = suggestion(name, known, otherwise=f"drop {name!r}, or add that parameter to {call.name}")
    return f"{call.name}() has no parameter {name!r}: {fix}"


def _missing(call: Call, names: list[str]) -> str:
    one = len(names) == 1
    which = ", ".join(map(repr, names))
    remedy = f"add {', '.join(f'{name}=…' for name in names)} to the provider, or give {'it' if one else 'them'} a default"
    return f"{call.name}() is called without {which}: {remedy}"


def is_model(made: Any) -> bool:
    """Return whether pydantic wrote the constructor: it takes aliases, and converts its arguments."""
    constructor = getattr(made, "__init__", None) if isinstance(made, type) else None
    fields = getattr(made, "model_fields", None)
    module = getattr(constructor, "__module__", None) or ""
    return isinstance(fields, Mapping) and module.partition(".")[0] in ("pydantic", "pydantic_settings")


def _of_model(call: Call, *, complete: bool) -> Iterator[str]:
    number = sum(argument.via == "argument" for argument in call.arguments)
    names_given = {argument.label for argument in call.arguments if argument.via == "keyword"}
    positions = _positions(call.made)
    if positions is not None:
        yield from _too_many(call, number, len(positions))
        names_given.update(positions[:number])
    if getattr(call.made, "__pydantic_root_model__", False) and names_given:
        return  # its root is the positional argument, or all that it gets by name
    fields = call.made.model_fields
    names = {name: {name, *_aliases(field)} for name, field in fields.items()}  # that fill each field
    known = {name for several in names.values() for name in several}
    if getattr(call.made, "model_config", {}).get("extra") == "forbid":
        for name in sorted(names_given - known):
            if not name.startswith("_"):
                yield _unknown(call, name, sorted(known))
    missing = [name for name in names if fields[name].is_required() and not names[name] & names_given]
    if complete and missing and not hasattr(call.made, "settings_customise_sources"):
        yield _missing(call, missing)


def _positions(made: Any) -> list[str] | None:
    """Return the names of what a model takes by position, the root of a RootModel; None when it takes any number."""
    with contextlib.suppress(*ODDITIES):
        parameters = list(inspect.signature(made.__init__).parameters.values())[1:]
        if all(parameter.kind is not Parameter.VAR_POSITIONAL for parameter in parameters):
            return [parameter.name for parameter in parameters if parameter.kind in BY_POSITION]
    return None


def _too_many(call: Call, number: int, room: int) -> Iterator[str]:
    if number > room:
        takes = f"{room} positional argument{'s' * (room > 1)}" if room else "keyword arguments only"
        yield f"{call.name}() takes {takes} but gets {number} by position: name them"


def _aliases(described: Any) -> Iterator[str]:
    several = getattr(described.validation_alias, "choices", (described.validation_alias,))
    for alias in (described.alias, *several):
        if alias is not None:
            yield alias if isinstance(alias, str) else str(alias.path[0])
