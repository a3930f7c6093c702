"""A picture as JSON and back."""

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from iacs.core.exceptions import PictureError
from iacs.runtime.picture.data import PictureData, PictureEdge, PictureNode, Setting
from iacs.runtime.picture.painting import Picture

SCHEMA = 1
"""The version of the format; any other one is rejected."""
_HINT = "write it again with: iacs graph --format json"


def to_json(picture: PictureData) -> str:
    """Return the picture as JSON, one node or edge a line, in an order that does not change."""
    lines = ["{", f'"container": {_text(picture.container)},', '"edges": [']
    lines += [",\n".join(_text(asdict(edge)) for edge in picture.edges), "],"]
    lines += ['"nodes": [', ",\n".join(_text(asdict(node)) for node in picture.nodes), "],"]
    return "\n".join(filter(None, [*lines, f'"schema": {SCHEMA}', "}"])) + "\n"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def from_json(text: str) -> Picture:
    """Read what `to_json` wrote; raise PictureError when it is something else."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PictureError(f"this is not the JSON of a graph: {error}", hint=_HINT) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise PictureError(f"this is not the JSON of a graph in version {SCHEMA}", hint=_HINT)
    try:
        nodes, edges = tuple(_nodes(document["nodes"])), tuple(_edges(document["edges"]))
        return _whole(Picture(document["container"], nodes, edges))
    except (AttributeError, KeyError, TypeError) as error:
        message = "this is not the JSON of a graph: parts of it are missing or unknown"
        raise PictureError(message, hint=_HINT) from error


def _nodes(documents: list[dict[str, Any]]) -> Iterator[PictureNode]:
    for document in documents:
        settings = tuple(Setting(**setting) for setting in document["settings"])
        tuples = {"aliases": tuple(document["aliases"]), "settings": settings}
        yield PictureNode(**{**document, **tuples})


def _edges(documents: list[dict[str, Any]]) -> Iterator[PictureEdge]:
    for document in documents:
        tuples = {"through": tuple(document["through"]), "calls": tuple(document["calls"])}
        yield PictureEdge(**{**document, **tuples})


def _whole(picture: Picture) -> Picture:
    """Return the picture if every edge has its ends and every text is one; else raise KeyError or TypeError."""
    everything: tuple[PictureData | PictureNode | PictureEdge, ...] = (
        picture,
        *picture.nodes,
        *picture.edges,
    )
    for element in everything:
        for text in fields(element):
            if text.type is str and not isinstance(getattr(element, text.name), str):
                raise TypeError(text.name)
    for edge in picture.edges:
        _ = picture.by_path[edge.source], picture.by_path[edge.target]
    return picture
