"""Objects that the application builds and that nothing closes."""

from collections.abc import Iterator
from typing import Any

from iacs.core.exceptions import Finding
from iacs.runtime.checks.closable import class_named_by, closer_of, is_entered, may_close, other_closer
from iacs.runtime.checks.wiring import Call, Wiring
from iacs.runtime.declared import class_of
from iacs.runtime.declared.callees import is_context_manager
from iacs.runtime.declared.results import returned
from iacs.runtime.graph.graph import Node
from iacs.runtime.graph.kinds import Kind
from iacs.runtime.plan.closers import is_kept_open, unclear_closing

_KEPT = frozenset({Kind.SINGLETON, Kind.RESOURCE, Kind.SCOPED_SINGLETON, Kind.SCOPED_RESOURCE})
_PASSED_ON = frozenset({Kind.ALIAS, Kind.LIST, Kind.DICT, Kind.SELECTOR})


def leaks(wiring: Wiring) -> Iterator[Finding]:
    """Yield each part that stays open, and each that keeps a closable object which a Factory made for it."""
    for call in wiring.calls:
        if call.node.kind in _KEPT:
            cls = class_of(wiring.declarations.of(call.node.index)) or class_named_by(call.made)
            method = "" if cls is None else _left_open(call, cls)
            if cls is not None and method and not _is_cared_for(wiring, call.node, cls):
                yield Finding(call.node.path, "leak", _stays_open(call, cls, method))
            swallowed = list(_swallowed(wiring, call))
            if swallowed and not may_close(call.made, cls):
                yield from (Finding(call.node.path, "leak", message) for message in swallowed)


def _left_open(call: Call, cls: type) -> str:
    """Return the method that would close a part and that nothing calls."""
    if call.node.kind is Kind.RESOURCE:
        if is_context_manager(call.made):
            return ""
        made = class_of(returned(call.made)) or class_named_by(call.made)
        return closer_of(cls) if made is not None and not is_entered(made) else ""
    return "" if call.node.kind is Kind.SCOPED_RESOURCE else other_closer(cls)


def _stays_open(call: Call, cls: type, method: str) -> str:
    path, name = call.node.path, f"{cls.__qualname__}.{method}"
    if unclear_closing(cls):
        return (
            f"{call.name}() is never closed, since {name}() returns something and may be a request: name what closes "
            f"it with closing={{{path!r}: …}}, or keep_open=[{path!r}]"
        )
    return (
        f"{call.name}() is never closed, since the application does not call {name}() unasked: pass "
        f"closing={{{path!r}: {name}}}, or keep_open=[{path!r}] if it is closed elsewhere"
    )


def _swallowed(wiring: Wiring, call: Call) -> Iterator[str]:
    """Yield a message for each closable object that a Factory makes for a call alone."""
    for argument in call.arguments:
        if argument.source is None or argument.source.deferred:
            continue
        for node, cls in _made_at(wiring, argument.source.node):
            if not _is_cared_for(wiring, node, cls):
                yield (
                    f"{call.name}() keeps a {cls.__qualname__} that a Factory makes for it ({node.path}), and "
                    f"nothing closes that: make it a Singleton or a Resource, or give {call.name} a close() that does"
                )


def _made_at(wiring: Wiring, index: int) -> Iterator[tuple[Node, type]]:
    """Yield the factories of closable objects that a value is made with, each with the class."""
    waiting, seen = [index], set[int]()
    while waiting:
        node = wiring.graph.nodes[waiting.pop()]
        if node.index in seen or node.kind not in (Kind.FACTORY, *_PASSED_ON):
            continue
        seen.add(node.index)
        cls = class_of(wiring.declarations.of(node.index)) if node.kind is Kind.FACTORY else None
        if cls is not None and closer_of(cls):
            yield node, cls
        elif node.kind in _PASSED_ON or not may_close(node.provider.provides, cls):
            waiting += [edge.node for edge in node.inputs if not edge.deferred]


def _is_cared_for(wiring: Wiring, node: Node, cls: type) -> bool:
    """Return whether the application was given a closer for a part or its class, or keeps it open."""
    if is_kept_open(node.provider.provides):
        return True
    named: set[Any] = {key for key in wiring.closing if isinstance(key, type)}
    paths = (wiring.graph.find(key) for key in wiring.closing if isinstance(key, str))
    indexes = {wiring.graph.source(index) for found in paths for index in found}
    return node.index in indexes or not named.isdisjoint(cls.__mro__)
