"""Arguments whose type cannot be what the constructor wants."""

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.fits import NO_VALUE, Given, fits, held
from iacs.runtime.checks.matching import Argument
from iacs.runtime.checks.members import absent, is_protocol, is_settings
from iacs.runtime.checks.wiring import Call, Wiring, given_at
from iacs.runtime.declared import class_of
from iacs.runtime.declared.callees import UNKNOWN, attribute
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is handed over: the call, the parameter's name, its annotation and what it gets."""

    call: Call
    name: str
    wanted: Any
    argument: Argument


def types(wiring: Wiring) -> Iterator[Finding]:
    """Yield what is given in another type than is wanted; nothing when either side is silent."""
    told: set[int] = set()
    yield from _dependencies(wiring, told)
    for call in wiring.calls:
        for place in _places(call):
            yield from _judge(wiring, place, told)


def _places(call: Call) -> Iterator[_Place]:
    made: Any = call.made
    hints = (
        {} if hasattr(made, "__pydantic_validator__") or hasattr(made, "model_fields") else call.told.hints
    )
    if hints and call.bound is not None:
        for parameter, argument in call.bound.pairs:
            if parameter.name in hints and not (argument.value is None and parameter.default is None):
                yield _Place(call, parameter.name, hints[parameter.name], argument)
    cls = class_of(call.told.returns)
    for argument in call.arguments:
        wanted = attribute(cls, argument.label) if cls and argument.via == "attribute" else UNKNOWN
        if wanted is not UNKNOWN:
            yield _Place(call, argument.label, wanted, argument)


def _dependencies(wiring: Wiring, told: set[int]) -> Iterator[Finding]:
    """Compare what a Dependency is given with its `instance_of`; each mistake once along a chain."""
    for index in wiring.graph.order:
        node = wiring.graph.nodes[index]
        if node.kind is not Kind.ALIAS or not isinstance(node.provider, providers.Dependency):
            continue
        target = node.inputs[0].node
        wrong = _wrong(wiring, target, node.provider.instance_of)
        if wrong and target not in told:
            wanted, (leaf, given) = node.provider.instance_of, wrong[0]
            message = (
                f"Dependency({spelled(wanted)}) is given {_told(wiring, leaf, given)}"
                f"{_lacking(given, wanted)}: give it a {spelled(wanted)}, or correct instance_of"
            )
            yield Finding(node.path, "type", message)
        if wrong:
            told.add(index)


def _wrong(wiring: Wiring, index: int, wanted: Any) -> list[tuple[int, Given]]:
    offered = [(each, wiring.given(each)) for each in wiring.leaves(index)]
    replaced = _replaced(wiring, index)
    return [
        (leaf, given)
        for leaf, given in offered
        if not fits(given, wanted) and not any(fits(each, wanted) for each in replaced)
    ]


def _replaced(wiring: Wiring, index: int) -> list[Given]:
    """Return what would be given if nothing were overridden: whether a stand-in will do is told there."""
    aliases = (wiring.graph.nodes[each] for each in wiring.stand_ins(index))
    return [
        Given(wiring.declarations.own(node.index))
        for node in aliases
        if not isinstance(node.provider, providers.Dependency)
    ]


def _judge(wiring: Wiring, place: _Place, told: set[int]) -> Iterator[Finding]:
    source = place.argument.source
    if source is None or source.deferred:
        for _, given in given_at(wiring, place.argument):
            if not fits(given, place.wanted):
                yield _finding(wiring, place, None, given)
        return
    if not told.isdisjoint(wiring.stand_ins(source.node)):
        return
    for leaf, given in _wrong(wiring, source.node, place.wanted):
        yield _finding(wiring, place, leaf, given)
    yield from _elements(wiring, place, source.node)


def _elements(wiring: Wiring, place: _Place, index: int) -> Iterator[Finding]:
    """Judge what a List or a Dict hands over inside its list or dict."""
    node = wiring.graph.nodes[wiring.graph.source(index)]
    wanted = held(_not_none(place.wanted)) if node.kind in _HOLDS else None
    if not wanted or len(wanted) != _HOLDS[node.kind]:
        return
    for each in node.inputs:
        if each.via in ("argument", "keyword") and not each.deferred:
            for leaf, given in _wrong(wiring, each.node, wanted[-1]):
                yield _finding(wiring, place, leaf, given, f"{place.name}[{each.label}]", wanted[-1])


_HOLDS = {Kind.LIST: 1, Kind.DICT: 2}


def _not_none(annotation: Any) -> Any:
    choices = [each for each in typing.get_args(annotation) if each is not type(None)]
    return choices[0] if class_of(annotation) and type(None) in typing.get_args(annotation) else annotation


def _finding(
    wiring: Wiring, place: _Place, leaf: int | None, given: Given, name: str = "", wanted: Any = None
) -> Finding:
    wanted = place.wanted if wanted is None else wanted
    kind = "setting" if leaf is not None and is_setting(wiring, leaf) else "type"
    at = f"{place.call.name}.{place.name}" if place.argument.via == "attribute" else f"{place.call.name}()"
    which = (
        ""
        if place.argument.via == "attribute"
        else f" as {name or place.name!r}"
        if name
        else f" as {place.name!r}"
    )
    message = (
        f"{at} wants {spelled(wanted)}{which}, and {_told(wiring, leaf, given)} is given"
        f"{_lacking(given, wanted)}: {_cure(given, wanted)}"
    )
    return Finding(place.call.node.path, "setting" if kind == "setting" else "type", message)


def is_setting(wiring: Wiring, index: int) -> bool:
    """Tell whether a value is read from a settings model."""
    node = wiring.graph.nodes[index]
    if node.kind is Kind.ATTRIBUTE and node.inputs:
        return is_settings(class_of(wiring.declarations.of(node.inputs[0].node)))
    return node.kind is Kind.OPTION


def _told(wiring: Wiring, leaf: int | None, given: Given) -> str:
    if leaf is None:
        return "None" if given.value is None else _constant(given)
    node = wiring.graph.nodes[leaf]
    where = _where(wiring, node)
    return f"{spelled(given.annotation)} from {where}" if where else spelled(given.annotation)


def _constant(given: Given) -> str:
    """Name a constant by its type: what it says may be a secret."""
    if providers.is_provider(given.value):
        return f"the provider {type(given.value).__name__}"
    return f"a constant {spelled(given.annotation)}"


def _where(wiring: Wiring, node: Node) -> str:
    if node.kind is Kind.ATTRIBUTE and node.inputs:
        owner = wiring.graph.nodes[wiring.graph.source(node.inputs[0].node)]
        above = wiring.graph.nodes[owner.inputs[0].node].path if owner.kind is Kind.PROVIDED else owner.path
        return f"{above}.provided.{node.provider.name}"
    return node.path if node.named or node.kind is Kind.OPTION else ""


def spelled(annotation: Any) -> str:
    """Return an annotation as a reader writes it."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__
    if typing.get_origin(annotation) is type:
        return f"the class {spelled(typing.get_args(annotation)[0])}"
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


def _lacking(given: Given, wanted: Any) -> str:
    protocol, cls = class_of(wanted), class_of(given.annotation)
    if protocol is None or cls is None or not is_protocol(protocol):
        return ""
    return f", which lacks {', '.join(absent(cls, protocol))}" if absent(cls, protocol) else ""


def _cure(given: Given, wanted: Any) -> str:
    cls, asked = class_of(given.annotation), class_of(wanted)
    if cls is not None and hasattr(cls, "get_secret_value") and asked in (str, bytes):
        return "add .get_secret_value.call() to it, or let the parameter take the secret"
    if asked is not None and hasattr(asked, "get_secret_value"):
        return f"declare it as {spelled(wanted)}, or let the parameter take {spelled(given.annotation)}"
    if given.value is not NO_VALUE and providers.is_provider(given.value):
        return "give the provider itself rather than its delegate, or annotate a callable"
    return "give it what it wants, or correct the annotation"
