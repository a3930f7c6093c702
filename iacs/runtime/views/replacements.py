"""The parts that an overlay replaces, and by what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dependency_injector import providers

from iacs.core.exceptions import AmbiguousPartError, CheckError, Finding, UnknownPartError
from iacs.runtime.declared.keys import name_of
from iacs.runtime.graph.kinds import Kind, Provider
from iacs.runtime.views.view import View

if TYPE_CHECKING:
    from typing_extensions import TypeAliasType

Wrap = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Wrapping:
    wrap: Wrap


def wrapping(wrap: Wrap) -> Any:
    """Mark a function: in an overlay it receives the original part and returns the replacement.

    `app.overlay(database=wrapping(Traced))`. The original stays open, and what is returned is not closed.
    """
    return _Wrapping(wrap)


class Replacing(Protocol):
    """What an overlay replaces by what: a mapping, whichever kinds of keys it has."""

    def items(self) -> Iterable[tuple["str | Provider | type[Any] | TypeAliasType", Any]]:
        """Return the replacement of each part, by path, provider or class."""
        ...


@dataclass(slots=True)
class Replacements:
    """The replacements of an overlay, by the index of the part."""

    values: Mapping[int, Any]
    providers: Mapping[int, Provider]
    wraps: Mapping[int, Wrap]


def read_replacements(parent: View, parts: Mapping[Any, Any]) -> Replacements:
    """Find the parts that an overlay names; raise CheckError for unknown names and for what does not fit."""
    values, given, wraps = {}, {}, {}
    for name, value in parts.items():
        index = _index(parent, name)
        if isinstance(value, _Wrapping):
            wraps[index] = value.wrap
        elif providers.is_provider(value):
            given[index] = value
        else:
            values[index] = value
    parent.fits(values)
    return Replacements(values, given, wraps)


def _text(name: Any) -> str:
    return str(name) if providers.is_provider(name) else name_of(name)


def _index(parent: View, name: Any) -> int:
    try:
        node = parent.plan.graph.nodes[parent.lookup.index(name)]
    except (UnknownPartError, AmbiguousPartError) as error:
        raise CheckError([Finding(_text(name), "overlay", error.message_with_hint)]) from error
    if node.kind is Kind.CONTAINER:
        message = f"is a container; name a part of it, such as {node.path}.…"
        raise CheckError([Finding(_text(name), "overlay", message)])
    nodes = parent.plan.graph.nodes
    while node.kind is Kind.ALIAS and not nodes[node.inputs[0].node].named:
        node = nodes[
            node.inputs[0].node
        ]  # the nameless provider that overrides it is what a class stands for
    return node.index
