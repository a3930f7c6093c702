"""Arguments of another type than the constructor expects."""

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from dependency_injector import providers

from iacs.core.exceptions import Finding
from iacs.runtime.checks.fits import NO_VALUE, Given, fits, held
from iacs.runtime.checks.matching import Argument
from iacs.runtime.checks.members import absent, is_protocol, is_settings
from iacs.runtime.checks.wiring import Call, Wiring, given_at
from iacs.runtime.declared import class_of
from iacs.runtime.declared.annotations import UNKNOWN
from iacs.runtime.declared.attributes import assigned
from iacs.runtime.declared.type_text import type_text
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of a call: its name, its annotation and the argument that it gets."""

    call: Call
    name: str
    wanted: Any
    argument: Argument


def types(wiring: Wiring) -> Iterator[Finding]:
    """Yield the arguments of another type than expected; nothing when either side names no type."""
    reported: set[int] = set()
    yield from _dependencies(wiring, reported)
    for call in wiring.calls:
        for target in _parameters(call):
            yield from _judge(wiring, target, reported)


def _parameters(call: Call) -> Iterator[_Parameter]:
    made: Any = call.made
    hints = (
        {} if hasattr(made, "__pydantic_validator__") or hasattr(made, "model_fields") else call.callee.hints
    )
    set_later = {argument.label.strip("_") for argument in call.arguments if argument.via == "attribute"}
    if hints:
        for parameter, argument in call.pairs:
            is_none_for_now = parameter.default is None or parameter.name.strip("_") in set_later
            if parameter.name in hints and not (argument.value is None and is_none_for_now):
                yield _Parameter(call, parameter.name, hints[parameter.name], argument)
    cls = class_of(call.callee.returns)
    for argument in call.arguments:
        wanted = assigned(cls, argument.label) if cls and argument.via == "attribute" else UNKNOWN
        if wanted is not UNKNOWN:
            yield _Parameter(call, argument.label, wanted, argument)


def _dependencies(wiring: Wiring, reported: set[int]) -> Iterator[Finding]:
    """Compare the value of a Dependency with its `instance_of`; report a mistake once along a chain."""
    for index in wiring.graph.order:
        node = wiring.graph.nodes[index]
        if node.kind is not Kind.ALIAS or not isinstance(node.provider, providers.Dependency):
            continue
        target = node.inputs[0].node
        wrong = _wrong(wiring, target, node.provider.instance_of)
        if wrong and target not in reported:
            wanted, (leaf, given) = node.provider.instance_of, wrong[0]
            message = (
                f"Dependency({type_name(wanted)}) gets {_source_text(wiring, leaf, given)}"
                f"{_lacking(given, wanted)}: pass a {type_name(wanted)}, or correct instance_of"
            )
            yield Finding(node.path, "type", message)
        if wrong:
            reported.add(index)


def _wrong(wiring: Wiring, index: int, wanted: Any) -> list[tuple[int, Given]]:
    offered = [(leaf, wiring.given(leaf)) for leaf in wiring.leaves(index)]
    replaced = _replaced(wiring, index)
    return [
        (leaf, given)
        for leaf, given in offered
        if not fits(given, wanted) and not any(fits(original, wanted) for original in replaced)
    ]


def _replaced(wiring: Wiring, index: int) -> list[Given]:
    """Return the types before any override: a stand-in may be what the overridden provider was."""
    aliases = (wiring.graph.nodes[alias] for alias in wiring.stand_ins(index))
    return [
        Given(wiring.declarations.own(node.index))
        for node in aliases
        if not isinstance(node.provider, providers.Dependency)
    ]


def _judge(wiring: Wiring, target: _Parameter, reported: set[int]) -> Iterator[Finding]:
    source = target.argument.source
    if source is None or source.deferred:
        for _, given in given_at(wiring, target.argument):
            if not fits(given, target.wanted):
                yield _finding(wiring, target, None, given)
        return
    if not reported.isdisjoint(wiring.stand_ins(source.node)):
        return
    for leaf, given in _wrong(wiring, source.node, target.wanted):
        yield _finding(wiring, target, leaf, given)
    yield from _elements(wiring, target, source.node)


def _elements(wiring: Wiring, target: _Parameter, index: int) -> Iterator[Finding]:
    """Compare the elements of a List or a Dict."""
    node = wiring.graph.nodes[wiring.graph.source(index)]
    choices = [choice for choice in typing.get_args(target.wanted) if choice is not type(None)]
    is_optional = class_of(target.wanted) is not None and type(None) in typing.get_args(target.wanted)
    wanted = held(choices[0] if is_optional else target.wanted) if node.kind in _HOLDS else None
    if not wanted or len(wanted) != _HOLDS[node.kind]:
        return
    for edge in node.inputs:
        if edge.via in ("argument", "keyword") and not edge.deferred:
            for leaf, given in _wrong(wiring, edge.node, wanted[-1]):
                yield _finding(wiring, target, leaf, given, f"{target.name}[{edge.label}]", wanted[-1])


_HOLDS = {Kind.LIST: 1, Kind.DICT: 2}


def _finding(
    wiring: Wiring, target: _Parameter, leaf: int | None, given: Given, name: str = "", wanted: Any = None
) -> Finding:
    wanted = target.wanted if wanted is None else wanted
    kind: Literal["setting", "type"] = "setting" if leaf is not None and is_setting(wiring, leaf) else "type"
    at = (
        f"{target.call.name}.{target.name}" if target.argument.via == "attribute" else f"{target.call.name}()"
    )
    which = "" if target.argument.via == "attribute" else f" for {name or target.name!r}"
    message = (
        f"{at} expects {type_name(wanted)}{which} but gets {_source_text(wiring, leaf, given)}"
        f"{_lacking(given, wanted)}: {_remedy(given, wanted)}"
    )
    return Finding(target.call.node.path, kind, message)


def is_setting(wiring: Wiring, index: int) -> bool:
    """Return whether a value is read from a settings model."""
    node = wiring.graph.nodes[index]
    if node.kind is Kind.ATTRIBUTE and node.inputs:
        return is_settings(class_of(wiring.declarations.of(node.inputs[0].node)))
    return node.kind is Kind.OPTION


def _source_text(wiring: Wiring, leaf: int | None, given: Given) -> str:
    if leaf is None and given.value is None:
        return "None"
    if leaf is None and providers.is_provider(given.value):
        return f"the provider {type(given.value).__name__}"
    if leaf is None:  # by its type: the value may be a secret
        return f"a constant {type_name(given.annotation)}"
    node = wiring.graph.nodes[leaf]
    where = _where(wiring, node)
    return f"{type_name(given.annotation)} from {where}" if where else type_name(given.annotation)


def _where(wiring: Wiring, node: Node) -> str:
    if node.kind is Kind.ATTRIBUTE and node.inputs:
        owner = wiring.graph.nodes[wiring.graph.source(node.inputs[0].node)]
        above = wiring.graph.nodes[owner.inputs[0].node].path if owner.kind is Kind.PROVIDED else owner.path
        return f"{above}.provided.{node.provider.name}"
    return node.path if node.named or node.kind is Kind.OPTION else ""


def type_name(annotation: Any) -> str:
    """Return an annotation as people write it; of a class that is passed itself, that it is the class."""
    if typing.get_origin(annotation) is type:
        return f"the class {type_text(typing.get_args(annotation)[0])}"
    return type_text(annotation)


def _lacking(given: Given, wanted: Any) -> str:
    protocol, cls = class_of(wanted), class_of(given.annotation)
    if protocol is None or cls is None or not is_protocol(protocol):
        return ""
    return f", which lacks {', '.join(absent(cls, protocol))}" if absent(cls, protocol) else ""


def _remedy(given: Given, wanted: Any) -> str:
    cls, expected = class_of(given.annotation), class_of(wanted)
    if cls is not None and hasattr(cls, "get_secret_value") and expected in (str, bytes):
        return "add .get_secret_value.call() to it, or annotate the parameter with the secret type"
    if expected is not None and hasattr(expected, "get_secret_value"):
        return (
            f"declare it as {type_name(wanted)}, or annotate the parameter with {type_name(given.annotation)}"
        )
    if given.value is not NO_VALUE and providers.is_provider(given.value):
        return "pass the provider itself rather than its delegate, or annotate a callable"
    return "pass the expected type, or correct the annotation"
