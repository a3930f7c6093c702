"""Dates of RFC 5322, including its obsolete forms."""

import re
from datetime import UTC, datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {
    "ut": 0, "gmt": 0, "utc": 0, "z": 0, "edt": -4, "est": -5, "cdt": -5, "cst": -6,
    "mdt": -6, "mst": -7, "pdt": -7, "pst": -8,
}  # fmt: skip
_DATE = re.compile(
    r"\s*(?:[^\W\d_]+\.?\s*,?\s*)?"
    r"(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]{3})[a-z]*\.?[\s-]+(?P<year>\d{2,4})\s+"
    r"(?P<hour>\d{1,2})\s*:\s*(?P<minute>\d{2})(?:\s*:\s*(?P<second>\d{2}))?\s*"
    r"\(?(?P<zone>[+-]\d{4}|[A-Za-z]+)",
)


def _year(digits: str) -> int:
    """Return the year; two and three digits are interpreted as in RFC 5322, 4.3."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _offset(zone: str) -> timedelta:
    """Return the offset from UTC; raise KeyError for a name that RFC 5322 does not define."""
    if zone[0] not in "+-":
        return timedelta(hours=_ZONES[zone.lower()])
    if int(zone[3:]) > 59:
        raise ValueError("minutes of an hour")
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return -offset if zone[0] == "-" else offset


def _instant(match: re.Match[str]) -> datetime:
    second = int(match["second"] or 0)
    if second > 60:
        raise ValueError("seconds of a minute")
    local = datetime(
        _year(match["year"]),
        _MONTHS.index(match["month"].lower()) + 1,
        int(match["day"]),
        int(match["hour"]),
        int(match["minute"]),
        tzinfo=UTC,
    )
    return local + timedelta(seconds=second) - _offset(match["zone"])


def parse_date(value: str) -> datetime | None:
    """Return the instant in UTC; None if the text is not a date, or its time zone is unknown.

    RFC 5322 treats an unknown zone as UTC, which is usually hours off.
    """
    match = _DATE.match(value)
    try:
        return _instant(match) if match else None
    except (KeyError, ValueError, OverflowError):
        return None


def graph_text(instant: datetime | None) -> str | None:
    """Return the instant as Graph writes it, to the second."""
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
