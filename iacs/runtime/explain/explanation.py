"""The explanation of one part, as data and as text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from iacs.redaction import safe_for_terminal


@dataclass(frozen=True, slots=True)
class Received:
    """An argument: `taken` of the part `path`, through `through`, or `literal` when it is no provider.

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

    `asked` is the path asked for, an alias perhaps. `role` says what `made_by` is to it, and `signature` is its
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
"""Characters of a signature; nobody reads a longer one."""

_KINDS = {
    "singleton": "built once and kept",
    "resource": "entered at start and left at stop",
    "given": "passed in from outside, and closed by whoever made it",
    "local": "built once for each thread or context",
    "transient": "made anew for each request",
    "value": "always the same value",
    "selector": "one of its branches, chosen at start",
    "missing": "a dependency that was not provided",
    "settings": "loaded by whoever made the container",
    "container": "a container of its own",
    "other": "a provider of your own making",
}


def _lines(told: Explanation) -> Iterator[str]:
    if told.asked != told.path:
        yield f"{told.asked} leads to {told.path}"
    yield told.path
    kind = told.kind if told.kind == told.lifetime else f"{told.kind}, {told.lifetime}"
    yield from _fact("is", f"{kind}: {_KINDS.get(told.lifetime, '')}{_state(told)}")
    yield from _fact(told.role, f"{told.made_by}{_short(told.signature)}" if told.made_by else "")
    yield from _fact("declared", ", ".join(filter(None, (told.declared, told.where))))
    yield from _fact("also at", ", ".join(told.aliases))
    yield from _block("receives", [_receiving(each) for each in told.receives])
    yield from _block("settings", [_setting(each) for each in told.settings])
    yield from _block("needed by", _needing(told.needed_by) or ["nothing"])
    yield from _block("overridden", told.overriding)
    yield from _block("chosen", told.choices)
    yield from _block("note", told.notes)


def _short(signature: str) -> str:
    return signature if len(signature) <= _LONGEST else "(…)"


def _state(told: Explanation) -> str:
    asynchronous = "; needs an event loop" if told.asynchronous else ""
    return f"{asynchronous}; started" if told.started else asynchronous


def _fact(title: str, text: str) -> Iterator[str]:
    if text:
        yield f"  {title:<9} {text}"


def _block(title: str, rows: Sequence[str | tuple[str, ...]]) -> Iterator[str]:
    """Yield a title and rows under it, cells of the same place aligned."""
    if not rows:
        return
    yield f"  {title}"
    cells = [(row,) if isinstance(row, str) else row for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    for row in cells:
        yield f"    {'  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))}".rstrip()


def _receiving(each: Received) -> tuple[str, ...]:
    return each.label, _from(each), f"as {each.declared}" if each.declared else ""


def _from(each: Received) -> str:
    if not each.path:
        return each.literal
    return f"{each.taken}, through {' and '.join(each.through)}" if each.through else each.taken


def _setting(each: ReadSetting) -> tuple[str, ...]:
    value = f"= {each.value}" if each.value else "not read"
    return each.name, value, f"({each.source})" if each.source else "", f"of {each.holder}"


def _needing(needed_by: Iterable[Needed]) -> list[tuple[str, ...]]:
    """Tell each of those that need the part once, with all that it takes."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in needed_by:
        found.setdefault((each.path, each.through), []).append(each.pick or f"as {each.label}")
    return [
        (path, f"{', '.join(told)}, through {' and '.join(through)}" if through else ", ".join(told))
        for (path, through), told in found.items()
    ]
