"""The explanation of one part, as data and as text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from iacs.redaction import safe_for_terminal


@dataclass(frozen=True, slots=True)
class Received:
    """An argument: `taken` of the part `path`, through `through`, or `literal` when it is not a provider.

    `declared` is the type that the parameter names; empty when it names none.
    """

    label: str
    path: str = ""
    taken: str = ""
    through: tuple[str, ...] = ()
    declared: str = ""
    literal: str = ""


@dataclass(frozen=True, slots=True)
class Needed:
    """A part that receives the explained one as `label`, or only `pick` of it."""

    path: str
    label: str
    pick: str = ""
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadSetting:
    """A setting that is read, with its value masked where it is a secret, and where that came from."""

    name: str
    holder: str
    label: str
    value: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that the wiring knows of a part; `str()` gives the text.

    `asked` is the path that was requested, an alias perhaps. `role` says what `made_by` is to it, and `signature` is its
    signature; `declared` and `where`
    are the container's class and the line in its file.
    """

    asked: str
    path: str
    kind: str
    lifetime: str
    asynchronous: bool
    started: bool
    role: str
    made_by: str
    signature: str
    declared: str
    where: str
    receives: tuple[Received, ...]
    needed_by: tuple[Needed, ...]
    aliases: tuple[str, ...]
    overriding: tuple[str, ...]
    choices: tuple[str, ...]
    settings: tuple[ReadSetting, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "".join(f"{safe_for_terminal(line)}\n" for line in _lines(self))


_LONGEST = 300
"""Maximum length of a signature, in characters; a longer one is abbreviated."""

_KINDS = {
    "singleton": "built once and kept",
    "resource": "entered at start and left at stop",
    "given": "passed in from outside, and closed by its maker",
    "local": "built once for each thread or context",
    "scoped": "lives as long as a scope",
    "transient": "made again whenever it is requested",
    "value": "always the same value",
    "selector": "one of its branches, chosen at start",
    "missing": "a dependency that was not provided",
    "settings": "loaded by the code that made the container",
    "container": "a container of its own",
    "other": "a provider class of your own",
}


def _lines(explanation: Explanation) -> Iterator[str]:
    if explanation.asked != explanation.path:
        yield f"{explanation.asked} leads to {explanation.path}"
    yield explanation.path
    for title, text in _facts(explanation):
        if text:
            yield f"  {title:<9} {text}"
    yield from _block(
        "receives",
        [(r.label, _from(r), f"as {r.declared}" if r.declared else "") for r in explanation.receives],
    )
    yield from _block(
        "settings",
        [
            (
                setting.name,
                f"= {setting.value}" if setting.value else "not read",
                f"({setting.source})" if setting.source else "",
                f"of {setting.holder}",
            )
            for setting in explanation.settings
        ],
    )
    yield from _block("needed by", _needing(explanation.needed_by) or ["nothing"])
    yield from _block("overridden", explanation.overriding)
    yield from _block("chosen", explanation.choices)
    yield from _block("note", explanation.notes)


def _facts(explanation: Explanation) -> Iterator[tuple[str, str]]:
    kind, lifetime = explanation.kind, explanation.lifetime
    kinds = kind if kind.startswith(lifetime) else f"{kind}, {lifetime}"
    state = "; needs an event loop" if explanation.asynchronous else ""
    state += "; started" if explanation.started else ""
    yield "is", f"{kinds}: {_KINDS.get(lifetime, '')}{state}"
    signature = explanation.signature if len(explanation.signature) <= _LONGEST else "(…)"
    yield explanation.role, f"{explanation.made_by}{signature}" if explanation.made_by else ""
    yield "declared", ", ".join(filter(None, (explanation.declared, explanation.where)))
    yield "also at", ", ".join(explanation.aliases)


def _block(title: str, rows: Sequence[str | tuple[str, ...]]) -> Iterator[str]:
    """Yield a title and rows under it, cells of a column aligned."""
    if not rows:
        return
    yield f"  {title}"
    cells = [(row,) if isinstance(row, str) else row for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        yield f"    {'  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))}".rstrip()


def _from(received: Received) -> str:
    if not received.path:
        return received.literal
    return (
        f"{received.taken}, through {' and '.join(received.through)}" if received.through else received.taken
    )


def _needing(needed_by: Iterable[Needed]) -> list[tuple[str, ...]]:
    """Return one row for each part that needs this one, with everything that it takes."""
    taken: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for user in needed_by:
        taken.setdefault((user.path, user.through), []).append(user.pick or f"as {user.label}")
    return [
        (path, f"{', '.join(picks)}, through {' and '.join(through)}" if through else ", ".join(picks))
        for (path, through), picks in taken.items()
    ]
