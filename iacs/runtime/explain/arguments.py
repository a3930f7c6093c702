"""The signature of a part's class or function, and the arguments that the container writes out."""

import inspect
from collections.abc import Iterator
from typing import Any

from dependency_injector import providers

from iacs.redaction import is_secret_name
from iacs.runtime.declared.callees import Callee, callee
from iacs.runtime.declared.type_text import type_text
from iacs.runtime.explain.explanation import Received
from iacs.runtime.explain.value_text import shown
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import CALLING
from iacs.runtime.picture.modules import positional_names


class Arguments:
    """The parameters of what a node calls, and the arguments that are not providers."""

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
        parameters = [self._readable(parameter) for parameter in signature.parameters.values()]
        plain = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
        return str(plain)

    def _readable(self, parameter: inspect.Parameter) -> inspect.Parameter:
        default = parameter.default
        if default is not parameter.empty:
            number = isinstance(default, bool | int | float) and not is_secret_name(parameter.name)
            default = _Written(repr(default) if number or default is None else "…")
        declared = self.declared(parameter.name)
        annotation = _Written(declared) if declared else parameter.empty
        return parameter.replace(default=default, annotation=annotation)

    def declared(self, label: str) -> str:
        """Return the type that the parameter `label` names, as short as it can be read; empty when none."""
        annotation = self._callee.hints.get(label, inspect.Parameter.empty)
        if annotation is inspect.Parameter.empty and self._callee.signature:
            parameter = self._callee.signature.parameters.get(label)
            annotation = parameter.annotation if parameter else annotation
        return "" if annotation is inspect.Parameter.empty else type_text(annotation)

    def literals(self) -> Iterator[Received]:
        """Yield the arguments that are written in the container itself."""
        if not self._calls:
            return
        names = positional_names(self._node.provider.provides)
        for position, value in enumerate(self._node.provider.args):
            yield from self._literal(names[position] if position < len(names) else str(position), value)
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
