"""Explain one part: where it is declared, what it receives, what needs it, what overrides or chose it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from iacs.core.exceptions import AmbiguousPartError, UnknownPartError
from iacs.runtime.explain.arguments import Arguments
from iacs.runtime.explain.choosing import choices
from iacs.runtime.explain.explanation import Explanation, Needed, ReadSetting, Received
from iacs.runtime.explain.setting_values import SettingValue, Value, Values, nothing_started, setting_values
from iacs.runtime.graph.graph import Graph, Node
from iacs.runtime.graph.kinds import own_kind
from iacs.runtime.picture import Picture, PictureNode, picture_of
from iacs.runtime.picture.declaring import Declarers
from iacs.runtime.picture.drawing_text import role_of_class
from iacs.runtime.picture.folding import Fold
from iacs.runtime.picture.modules import line_of, made_by
from iacs.suggestions import close_matches, did_you_mean


def explain_part(
    graph: Graph,
    path: str,
    *,
    value: Value = nothing_started,
    overlaid: Collection[int] = (),
    chosen: Mapping[int, int] | None = None,
    started: Collection[int] = (),
) -> Explanation:
    """Explain the part at `path`, or the one that a bare name leads to.

    `value` gives a started part by its index, or raises KeyError. Raise UnknownPartError or
    AmbiguousPartError for an unknown or ambiguous path.
    """
    fold = Fold(graph, overlaid)
    asked = graph.nodes[_index(graph, path)]
    index = _shown(fold, asked.index)
    drawn = picture_of(graph, overlaid=overlaid, chosen=chosen, started=started)
    node = drawn.by_path[fold.path(index)]
    arguments = Arguments(graph, graph.nodes[index])
    declarers = Declarers(graph)
    return Explanation(
        asked=asked.path if asked.named or asked.index == index else path,
        path=node.path,
        kind=node.kind,
        lifetime=node.lifetime,
        asynchronous=node.asynchronous,
        started=node.started,
        role=role_of_class(node),
        made_by=node.made_by,
        signature=arguments.signature,
        declared=node.declared,
        where=line_of(declarers.class_of(node.path), declarers.attribute(node.path)),
        receives=tuple(_receives(drawn, node, arguments)),
        needed_by=tuple(
            Needed(edge.source, edge.label, edge.pick, edge.through) for edge in drawn.needed_by[node.path]
        ),
        aliases=node.aliases,
        overriding=tuple(_overriding(graph, fold, index, node)),
        choices=choices(drawn, node),
        settings=_settings(node, setting_values((node,), fold, value)),
    )


def _index(graph: Graph, path: str) -> int:
    indexes = graph.find(path)
    if len(indexes) == 1:
        return indexes[0]
    if indexes:
        paths = [graph.nodes[index].path for index in indexes]
        raise AmbiguousPartError(path, candidates=paths, hint="use one of these paths")
    named = [node.path for node in graph.nodes if node.named]
    last_names = {candidate: candidate.rpartition(".")[2] for candidate in named}
    near_names = close_matches(path.rpartition(".")[2], set(last_names.values()))
    namesakes = [candidate for candidate, name in last_names.items() if name in near_names]
    near = dict.fromkeys((*close_matches(path, named, 3), *namesakes[:3]))
    hint = did_you_mean(near, otherwise="'iacs graph' shows every path")
    message = f"there is no {path!r} in the container"
    raise UnknownPartError(message, name=path, close_matches=list(near), hint=hint)


def _shown(fold: Fold, index: int) -> int:
    """Return the part that `index` leads to; for unnamed plumbing, the part it is written inside."""
    graph, seen = fold.graph, set[int]()
    while index not in fold.shown and index not in seen:
        seen.add(index)
        node = graph.nodes[index]
        ahead = [edge.node for edge in node.inputs] if node.named else graph.dependants[index]
        index = ahead[0] if ahead else index
    if index not in fold.shown:
        path = graph.nodes[index].path
        parts = [fold.path(shown) for shown in fold.shown if fold.path(shown).startswith(f"{path}.")]
        hint = f"ask for one of its parts, {', '.join(parts[:10])}"
        raise UnknownPartError(f"{path} is a container", name=path, close_matches=parts, hint=hint)
    return index


def _receives(drawn: Picture, node: PictureNode, arguments: Arguments) -> Iterator[Received]:
    for edge in drawn.needs[node.path]:
        declared = arguments.declared(edge.label)
        yield Received(edge.label, edge.target, edge.taken, edge.through, declared)
    yield from arguments.literals()


def _settings(node: PictureNode, values: Values) -> tuple[ReadSetting, ...]:
    known = [values.get((setting.holder, setting.name), SettingValue()) for setting in node.settings]
    return tuple(
        ReadSetting(setting.name, setting.holder, setting.label, value.text, value.source)
        for setting, value in zip(node.settings, known, strict=True)
    )


def _overriding(graph: Graph, fold: Fold, index: int, node: PictureNode) -> Iterator[str]:
    if node.overlaid:
        yield "by this overlay"
    if node.replaces:
        yield f"{node.path} is declared as {node.replaces}, which is not built"
    for other in _overridden(graph, fold, index):
        original = made_by(other.provider, own_kind(other.provider))
        yield f"{other.path} is overridden by this part; without it {original or 'another provider'} is built"


def _overridden(graph: Graph, fold: Fold, index: int) -> Iterator[Node]:
    """Yield the providers at other paths that this one overrides."""
    for path in fold.aliases.get(index, ()):
        node = graph.nodes[graph.paths[path]]
        if own_kind(node.provider) not in _OPEN:
            yield node


_OPEN: Any = frozenset({"missing", "container"})
"""Kinds that exist to be overridden; that is not worth reporting."""
