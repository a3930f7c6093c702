"""What the signature of a part's class or function says of the arguments that the wiring gives it."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any

from dependency_injector import providers

from iacs.redaction import is_secret_name
from iacs.runtime.declared.callees import Callee, callee
from iacs.runtime.explain.explanation import Received
from iacs.runtime.explain.value_text import shown
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING
from iacs.runtime.picture.modules import positional_names


class Arguments:
    """The parameters of what a node calls, and the arguments that are no providers."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self._node = node
        self._calls = node.kind in CALLING and not providers.is_provider(node.provider.provides)
        self._callee = callee(node.provider.provides) if self._calls else Callee(None)

    @property
    def signature(self) -> str:
        """The signature as Python writes it, without defaults that may hold anything; empty when unknown."""
        signature = self._callee.signature
        if signature is None:
            return ""
        parameters = [self._told(each) for each in signature.parameters.values()]
        plain = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
        return str(plain)

    def _told(self, parameter: inspect.Parameter) -> inspect.Parameter:
        default = parameter.default
        if default is not parameter.empty:
            number = isinstance(default, bool | int | float) and not is_secret_name(parameter.name)
            default = _Written(repr(default) if number or default is None else "…")
        declared = self.declared(parameter.name)
        annotation = _Written(declared) if declared else parameter.empty
        return parameter.replace(default=default, annotation=annotation)

    def declared(self, label: str) -> str:
        """Return the type that the parameter `label` names, as short as it can be read; empty when none."""
        found = self._callee.hints.get(label, inspect.Parameter.empty)
        if found is inspect.Parameter.empty and self._callee.signature:
            parameter = self._callee.signature.parameters.get(label)
            found = parameter.annotation if parameter else found
        return "" if found is inspect.Parameter.empty else type_text(found)

    def literals(self) -> Iterator[Received]:
        """Yield the arguments that are written in the container itself."""
        if not self._calls:
            return
        names = positional_names(self._node.provider.provides)
        for place, value in enumerate(self._node.provider.args):
            yield from self._literal(names[place] if place < len(names) else str(place), value)
        for name, value in self._node.provider.kwargs.items():
            yield from self._literal(str(name), value)

    def _literal(self, label: str, value: Any) -> Iterator[Received]:
        if not providers.is_provider(value):
            yield Received(label, declared=self.declared(label), literal=shown(label, value))


class _Written:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def type_text(annotation: Any) -> str:
    """Return an annotation as people write it, without modules."""
    if isinstance(annotation, str):
        return annotation
    if annotation is type(None):
        return "None"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(inner[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, inner))}]"
    if origin in _UNIONS:
        return " | ".join(map(type_text, inner))
    if origin is not None:
        return f"{type_text(origin)}[{', '.join(map(_inner, inner))}]" if inner else type_text(origin)
    return getattr(annotation, "__qualname__", None) or str(annotation).removeprefix("typing.")


def _inner(each: Any) -> str:
    if each is ...:
        return "..."
    return f"[{', '.join(map(type_text, each))}]" if isinstance(each, list) else type_text(each)


_UNIONS: tuple[Any, ...] = (typing.Union, type(int | str))
