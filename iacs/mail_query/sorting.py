"""Graph's rule for sorting filtered messages, applied before the request is sent.

Every property of `$orderby` must appear in `$filter`, in the same order, before any other property; otherwise
Graph answers 400 InefficientFilter. Source: Microsoft Graph, "List messages".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from iacs.core.exceptions import MailQueryError

_ALWAYS: Mapping[str, str] = MappingProxyType(
    {name: f"{name} ge 1900-01-01T00:00:00Z" for name in ("receivedDateTime", "sentDateTime")}
)
"""Conditions that hold for all mail with that date; Microsoft recommends putting them first."""

_TOKEN = re.compile(r"'(?:[^']|'')*'|\d[^\s,()]*|[A-Za-z]+\(|(?P<name>[A-Za-z_][\w/.]*)|\S")
_WORDS = frozenset({"and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in", "true", "false", "null"})


@dataclass(frozen=True)
class Condition:
    """A condition of a `$filter`; a raw one may contain `or`."""

    text: str
    raw: bool = False

    @property
    def grouped(self) -> str:
        """The text, in parentheses if needed to join it to others by `and`."""
        return f"({self.text})" if self.raw else self.text

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties in the condition, without duplicates, in the order of appearance."""
        names = (match["name"] for match in _TOKEN.finditer(self.text))
        return tuple(dict.fromkeys(name for name in names if name and name not in _WORDS))


def sortable(conditions: Sequence[Condition], order: Sequence[str]) -> list[Condition]:
    """Return the conditions, reordered and completed so that Graph sorts by `order`."""
    if not conditions or not order:
        return list(conditions)
    rest = list(conditions)
    leading: list[Condition] = []
    for name in order:
        if name not in _properties(leading):
            leading += _take(rest, name)
    arranged = [*leading, *rest]
    if _properties(arranged)[: len(order)] != list(dict.fromkeys(order)):
        raise MailQueryError(
            f"Graph sorts by {', '.join(order)} only if the filter names the same fields, in this order, "
            "before any other",
            hint="put the filter's conditions in this order",
        )
    return arranged


def _take(rest: list[Condition], name: str) -> list[Condition]:
    """Remove and return the conditions of `rest` that begin with a property, or return one that always holds."""
    taken = [condition for condition in rest if condition.properties[:1] == (name,)]
    rest[:] = [condition for condition in rest if condition not in taken]
    if taken:
        return sorted(taken, key=lambda condition: condition.raw)
    if name in _ALWAYS:
        return [Condition(_ALWAYS[name])]
    raise MailQueryError(
        f"Graph sorts by {name} only if the filter names it first",
        hint=f"add a condition on {name}, or order by received_at",
    )


def _properties(conditions: Iterable[Condition]) -> list[str]:
    return list(dict.fromkeys(name for condition in conditions for name in condition.properties))
