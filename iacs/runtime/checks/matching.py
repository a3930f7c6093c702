"""Which argument meets which parameter, as in a call, and those that meet none."""

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
    """What a call is given under `label`, in the role `via`; `source` is where a provider leads."""

    label: str
    via: str
    value: Any
    source: Input | None


@dataclass(slots=True)
class Bound:
    """Which argument meets which parameter, and those that meet none."""

    pairs: list[tuple[Parameter, Argument]] = field(default_factory=list)
    surplus: int = 0
    room: int = 0
    unknown: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def bind(signature: inspect.Signature, arguments: tuple[Argument, ...]) -> Bound:
    """Match arguments to parameters as a call does, and go on after the first that does not fit."""
    bound = Bound()
    parameters = signature.parameters
    taken = _bind_positions(bound, parameters, [each for each in arguments if each.via == "argument"])
    _bind_keywords(bound, parameters, taken, [each for each in arguments if each.via == "keyword"])
    bound.missing = [
        name
        for name, each in parameters.items()
        if name not in taken and each.default is each.empty and each.kind not in _VARIABLE
    ]
    return bound


def _bind_positions(bound: Bound, parameters: Mapping[str, Parameter], given: list[Argument]) -> set[str]:
    places = [each for each in parameters.values() if each.kind in BY_POSITION]
    rest = next((each for each in parameters.values() if each.kind is Parameter.VAR_POSITIONAL), None)
    bound.pairs += zip(places, given, strict=False)
    if rest is None:
        bound.surplus, bound.room = max(0, len(given) - len(places)), len(places)
    else:
        bound.pairs += [(rest, each) for each in given[len(places) :]]
    return {each.name for each in places[: len(given)]}


def _bind_keywords(
    bound: Bound, parameters: Mapping[str, Parameter], taken: set[str], given: list[Argument]
) -> None:
    rest = next((each for each in parameters.values() if each.kind is Parameter.VAR_KEYWORD), None)
    for argument in given:
        place = parameters.get(argument.label)
        if place is None or place.kind in (*_VARIABLE, Parameter.POSITIONAL_ONLY):
            place = rest
        if place is None:
            bound.unknown.append(argument.label)
        elif argument.label in taken and place is not rest:
            bound.twice.append(argument.label)
        else:
            bound.pairs.append((place, argument))
            taken |= {argument.label} if place is not rest else set()
