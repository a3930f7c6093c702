"""What drawings of every format write about a part."""

from collections.abc import Iterable

from iacs.redaction import safe_for_terminal
from iacs.runtime.picture.data import PictureData, PictureEdge, PictureNode

_MOST = 4
"""Names at one line of a drawing."""


def what_it_is(node: PictureNode) -> str:
    """Return the class and the lifetime: `Database · singleton`."""
    marks = [node.lifetime]
    if node.asynchronous:
        marks.append("async")
    if node.replaces:
        marks.append(f"instead of {node.replaces.rpartition(':')[2]}")
    if node.overlaid:
        marks.append("overlaid")
    if node.chosen:
        marks.append(f"chose {node.chosen}")
    if node.started:
        marks.append("started")
    return safe_for_terminal(" · ".join(filter(None, (node.short_name, *marks))))


def role_of_class(node: PictureNode) -> str:
    """Return what the class or function of a part is to it."""
    return {"missing": "expects", "object": "holds"}.get(node.kind, "made by")


def by_target(edges: Iterable[PictureEdge]) -> dict[str, list[PictureEdge]]:
    """Group the edges of one part by what they lead to, in order."""
    groups: dict[str, list[PictureEdge]] = {}
    for edge in edges:
        groups.setdefault(edge.target, []).append(edge)
    return groups


def reading(picture: PictureData, edges: Iterable[PictureEdge]) -> str:
    """Return what edges to the same target are about: what is read of it, else the names it arrives under."""
    texts = [text for text in dict.fromkeys(edge.pick or _label(picture, edge) for edge in edges) if text]
    if len(texts) > _MOST:
        texts[_MOST - 1 :] = [f"{len(texts) - _MOST + 1} more"]
    return safe_for_terminal(", ".join(texts))


def _label(picture: PictureData, edge: PictureEdge) -> str:
    """Leave out a label that only repeats the name of the target."""
    return "" if edge.label == picture.by_path[edge.target].name else edge.label


def is_settings_only(edges: Iterable[PictureEdge], node: PictureNode) -> bool:
    """Return whether edges from `node` to one target do nothing but read settings."""
    settings = {(setting.holder, setting.label) for setting in node.settings}
    return all((edge.target, edge.label) in settings for edge in edges)
