"""What is taken of a provider's value on the way to whoever receives it: `.provided.pool["size"]`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dependency_injector import providers

from iacs.runtime.kinds import Kind


@dataclass(frozen=True, slots=True)
class Pick:
    """One step into a value: an attribute, an item or a call."""

    text: str
    kind: Kind


def pick_of(provider: Any, kind: Kind) -> tuple[Pick, ...]:
    """Return the step that a getter takes; a configuration's option takes one for each of its names."""
    if kind is Kind.ATTRIBUTE:
        return (Pick(_written(provider.name), Kind.ATTRIBUTE),)
    if kind is Kind.ITEM:
        return (Pick(_written(provider.name), Kind.ITEM),)
    if kind is Kind.METHOD:
        return (Pick("", Kind.METHOD),)
    if kind is Kind.OPTION:
        return tuple(Pick(_written(name), Kind.ATTRIBUTE) for name in provider.get_name_segments())
    return ()


def pick_text(picks: Sequence[Pick]) -> str:
    """Write the steps as Python would: `pool['size']`, `connect()`."""
    return "".join(map(_spelt, picks)).removeprefix(".")


def setting_name(picks: Sequence[Pick]) -> str:
    """Return the name of a setting as its steps; empty when they begin with a call.

    A method at the end, such as `get_secret_value()`, is no part of it.
    """
    names: list[str] = []
    for pick in picks:
        if pick.kind is Kind.METHOD:
            return ".".join(names[:-1])
        names.append(pick.text)
    return ".".join(names)


def _spelt(pick: Pick) -> str:
    if pick.kind is Kind.METHOD:
        return "()"
    return f"[{pick.text!r}]" if pick.kind is Kind.ITEM else f".{pick.text}"


def _written(name: Any) -> str:
    """Return a name as text; a name that is worked out when it is asked has none yet."""
    if providers.is_provider(name):
        return "…"
    return name if isinstance(name, str) else repr(name) if isinstance(name, int) else type(name).__qualname__
