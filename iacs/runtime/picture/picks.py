"""What is taken of a provider's value before it is passed on: `.provided.pool["size"]`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dependency_injector import providers

from iacs.runtime.graph.kinds import Kind


@dataclass(frozen=True, slots=True)
class Pick:
    """One step into a value: the name that it takes, and how Python writes it; a call takes no name."""

    name: str
    text: str


_CALL = Pick("", "()")


def pick_of(provider: Any, kind: Kind) -> tuple[Pick, ...]:
    """Return the step that a getter takes; a configuration's option takes one for each of its names."""
    if kind is Kind.ATTRIBUTE:
        return (_attribute(provider.name),)
    if kind is Kind.ITEM:
        key = provider.name
        is_known = isinstance(key, str | int) and not providers.is_provider(key)
        return (Pick(str(key), f"[{key!r}]"),) if is_known else (Pick("…", "[…]"),)
    if kind is Kind.METHOD:
        return (_CALL,)
    if kind is Kind.OPTION:
        return tuple(map(_attribute, provider.get_name_segments()))
    return ()


def _attribute(name: Any) -> Pick:
    """Return the step of an attribute; one that is computed at run time is not known yet."""
    known = name if isinstance(name, str) else "…"
    return Pick(known, f".{known}")


def pick_text(picks: Sequence[Pick]) -> str:
    """Write the steps as Python would: `pool['size']`, `connect()`."""
    return "".join(pick.text for pick in picks).removeprefix(".")


def setting_name(picks: Sequence[Pick]) -> str:
    """Return the name of a setting as its steps; empty when they begin with a call.

    A method at the end, such as `get_secret_value()`, is not part of it.
    """
    names: list[str] = []
    for pick in picks:
        if pick is _CALL:
            return ".".join(names[:-1])
        names.append(pick.name)
    return ".".join(names)
