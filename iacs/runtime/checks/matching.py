"""Arguments matched to parameters as a call does it, and those that match none."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Any

from iacs.runtime.declared.callees import BY_POSITION
from iacs.runtime.graph.graph import Input

_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Argument:
    """A value that a call gets as `label`, in the role `via`; `source` is the edge of a provider."""

    label: str
    via: str
    value: Any
    source: Input | None


@dataclass(slots=True)
class Bound:
    """The pairs of parameter and argument, and those without a counterpart."""

    pairs: list[tuple[Parameter, Argument]] = field(default_factory=list)
    surplus: int = 0
    room: int = 0
    unknown: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def bind(signature: inspect.Signature, arguments: tuple[Argument, ...]) -> Bound:
    """Match arguments to parameters as a call does, and continue after the first that does not match."""
    bound = Bound()
    parameters = signature.parameters
    taken = _bind_positions(
        bound, parameters, [argument for argument in arguments if argument.via == "argument"]
    )
    _bind_keywords(
        bound, parameters, taken, [argument for argument in arguments if argument.via == "keyword"]
    )
    bound.missing = [
        name
        for name, parameter in parameters.items()
        if name not in taken and parameter.default is parameter.empty and parameter.kind not in _VARIABLE
    ]
    return bound


def _bind_positions(bound: Bound, parameters: Mapping[str, Parameter], given: list[Argument]) -> set[str]:
    by_position = [parameter for parameter in parameters.values() if parameter.kind in BY_POSITION]
    rest = next(
        (parameter for parameter in parameters.values() if parameter.kind is Parameter.VAR_POSITIONAL), None
    )
    bound.pairs += zip(by_position, given, strict=False)
    if rest is None:
        bound.surplus, bound.room = max(0, len(given) - len(by_position)), len(by_position)
    else:
        bound.pairs += [(rest, argument) for argument in given[len(by_position) :]]
    return {parameter.name for parameter in by_position[: len(given)]}


def _bind_keywords(
    bound: Bound, parameters: Mapping[str, Parameter], taken: set[str], given: list[Argument]
) -> None:
    rest = next(
        (parameter for parameter in parameters.values() if parameter.kind is Parameter.VAR_KEYWORD), None
    )
    for argument in given:
        parameter = parameters.get(argument.label)
        if parameter is None or parameter.kind in (*_VARIABLE, Parameter.POSITIONAL_ONLY):
            parameter = rest
        if parameter is None:
            bound.unknown.append(argument.label)
        elif argument.label in taken and parameter is not rest:
            bound.twice.append(argument.label)
        else:
            bound.pairs.append((parameter, argument))
            taken |= {argument.label} if parameter is not rest else set()
