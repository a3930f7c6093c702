"""A mailbox that changes while it is read: filtered by date, sorted, and paged by position as Graph does."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from aiohttp import web

from tests.mail_query.scripted_graph import Reply, page, refusal

LAST = datetime(2026, 3, 31, 12, tzinfo=UTC)
_CONDITION = re.compile(r"receivedDateTime (ge|lt|eq) (\S+)")


class DatedGraph:
    """The messages by id, with the instants that Graph compares, of which it shows whole seconds."""

    def __init__(self, dates: Iterable[datetime | None]) -> None:
        self.messages = {f"m{number}": date for number, date in enumerate(dates)}
        self.before_each: Callable[[str], Reply | None] = lambda _: None
        self.refuses_null = False
        self.ignores_order = False
        self.is_always_newest_first = False

    def __call__(self, request: web.Request) -> Reply | None:
        if not request.path.endswith("/messages"):
            return None
        condition = request.query.get("$filter", "")
        if (reply := self.before_each(condition)) is not None:
            return reply
        if "eq null" in condition and self.refuses_null:
            return refusal(400, "ErrorInvalidUrlQueryFilter")
        conditions = [
            (operator, None if value == "null" else datetime.fromisoformat(value))
            for operator, value in _CONDITION.findall(condition)
        ]
        names = [name for name, date in self.messages.items() if _matches(conditions, date)]
        order = request.query.get("$orderby", "receivedDateTime desc")
        if not self.ignores_order:
            names.sort(key=self._key, reverse=self.is_always_newest_first or order.endswith("desc"))
        start, size = int(request.query.get("$skip", 0)), int(request.query["$top"])
        options = {**request.query, "$skip": str(start + size)}
        link = f"{{url}}/me/messages?{urlencode(options, quote_via=quote)}"
        rows = [{"id": name, "receivedDateTime": _shown(self.messages[name])} for name in names]
        return page(*rows[start : start + size], next_link=link if start + size < len(rows) else None)

    def _key(self, name: str) -> tuple[bool, datetime]:
        date = self.messages[name]
        return date is not None, date or LAST


def _matches(conditions: list[tuple[str, datetime | None]], date: datetime | None) -> bool:
    """Return whether a date satisfies all conditions; null satisfies no comparison but that with null."""
    return all(_compare(operator, bound, date) for operator, bound in conditions)


def _compare(operator: str, bound: datetime | None, date: datetime | None) -> bool:
    if bound is None or date is None:
        return bound is date
    return date >= bound if operator == "ge" else date < bound


def _shown(date: datetime | None) -> str | None:
    return None if date is None else f"{date:%Y-%m-%dT%H:%M:%SZ}"


def spread(gaps: Iterable[float]) -> list[datetime]:
    """Return dates with these seconds between them, the newest first."""
    dates = [LAST]
    for seconds in gaps:
        dates.append(dates[-1] - timedelta(seconds=seconds))
    return dates
