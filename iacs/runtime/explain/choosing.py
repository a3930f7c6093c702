"""Which branch a selector takes, and which of a part's users chose or skipped it."""

from collections.abc import Iterator

from iacs.runtime.picture import Picture, PictureEdge, PictureNode


def choices(drawn: Picture, node: PictureNode) -> tuple[str, ...]:
    """Return sentences on what a selector chooses, and on the selectors that `node` is a branch of."""
    return (*_own(drawn, node), *_by_others(drawn, node))


def _own(drawn: Picture, node: PictureNode) -> Iterator[str]:
    edges = drawn.needs[node.path]
    branches = [edge for edge in edges if edge.via == "branch"]
    if not branches:
        return
    if node.chosen:
        taken = next(edge.target for edge in branches if edge.label == node.chosen)
        yield f"{taken}, because {_key(edges)} gave {node.chosen!r}"
    else:
        candidates = ", ".join(f"{edge.label} ({edge.target})" for edge in branches)
        yield f"at start, by {_key(edges)}, one of {candidates}; only that one is built"


def _by_others(drawn: Picture, node: PictureNode) -> Iterator[str]:
    for edge in drawn.needed_by[node.path]:
        if edge.via != "branch":
            continue
        selector = drawn.by_path[edge.source]
        key = _key(drawn.needs[edge.source])
        if not selector.chosen:
            yield f"{edge.source} takes it at start if {key} gives {edge.label!r}"
        elif selector.chosen == edge.label:
            yield f"{edge.source} took it, because {key} gave {edge.label!r}"
        else:
            yield f"{edge.source} skipped it, because {key} gave {selector.chosen!r} and not {edge.label!r}"


def _key(edges: tuple[PictureEdge, ...]) -> str:
    """Name what gives the selector the name of its branch."""
    keys = [edge for edge in edges if edge.via == "key"]
    return " and ".join(dict.fromkeys(edge.taken for edge in keys)) or "its key"
