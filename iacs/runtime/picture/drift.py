"""What changed between two pictures, a sentence for each change."""

from collections.abc import Iterator

from iacs.redaction import safe_for_terminal
from iacs.runtime.picture.data import PictureData, PictureNode


def difference(old: PictureData, new: PictureData) -> tuple[str, ...]:
    """Return one sentence for each change of the wiring, by path; what only runs differently does not count."""
    return tuple(
        safe_for_terminal(sentence) for _, sentence in sorted((*_nodes(old, new), *_edges(old, new)))
    )


def _nodes(old: PictureData, new: PictureData) -> Iterator[tuple[str, str]]:
    for path in old.by_path.keys() | new.by_path.keys():
        before, after = old.by_path.get(path), new.by_path.get(path)
        if before is None and after is not None:
            yield path, f"{path} is new: {_description(after)}"
        elif after is None and before is not None:
            yield path, f"{path} is gone: it was {_description(before)}"
        elif before is not None and after is not None:
            for change in _changes(before, after):
                yield path, f"{path} {change}"


def _description(node: PictureNode) -> str:
    kind = _kind(node)
    return f"{kind} of {node.made_by}" if node.made_by else kind


def _kind(node: PictureNode) -> str:
    return f"{node.lifetime} ({node.kind})" if node.lifetime != node.kind else node.lifetime


def _changes(before: PictureNode, after: PictureNode) -> Iterator[str]:
    if before.made_by != after.made_by:
        yield f"is made by {after.made_by or 'nothing'}, it was {before.made_by or 'nothing'}"
    if _kind(before) != _kind(after):
        yield f"is {_kind(after)}, it was {_kind(before)}"
    if before.asynchronous != after.asynchronous:
        yield "is asynchronous now" if after.asynchronous else "is asynchronous no longer"
    if before.replaces != after.replaces:
        yield f"replaces {after.replaces or 'nothing'}, it replaced {before.replaces or 'nothing'}"
    if before.declared != after.declared:
        yield f"is declared by {after.declared or 'no class'}, it was by {before.declared or 'no class'}"


def _edges(old: PictureData, new: PictureData) -> Iterator[tuple[str, str]]:
    before, after = _received(old), _received(new)
    for key in before.keys() | after.keys():
        source, label, _ = key
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        if was is None:
            yield source, f"{source} receives {now} as {label}, it did not"
        elif now is None:
            yield source, f"{source} receives {was} as {label} no longer"
        else:
            yield source, f"{source} receives {now} as {label}, it was {was}"


def _received(picture: PictureData) -> dict[tuple[str, str, str], str]:
    return {(edge.source, edge.label, edge.via): edge.taken for edge in picture.edges}
