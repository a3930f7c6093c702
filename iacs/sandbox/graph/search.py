"""$search: words and `property:word`, all of which must match."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from iacs.sandbox.graph.errors import bad_request
from iacs.sandbox.mail.mailbox import StoredMessage

Condition = Callable[[StoredMessage], bool]
_TERM = re.compile(
    r'\s*(?:(?P<key>[A-Za-z]+)(?::|(?=[<>=])))?(?P<compare>[<>]=?|=)?(?P<word>"[^"]*"|[^\s"]+)'
)
_PEOPLE = {
    "from": ("from",),
    "to": ("toRecipients",),
    "cc": ("ccRecipients",),
    "bcc": ("bccRecipients",),
    "recipients": ("toRecipients", "ccRecipients", "bccRecipients"),
    "participants": ("from", "toRecipients", "ccRecipients", "bccRecipients"),
}
_DATES = {"received": "receivedDateTime", "sent": "sentDateTime"}


def _people_text(message: StoredMessage, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value: Any = message.get(name) or []
        for person in value if isinstance(value, list) else [value]:
            yield from filter(None, person["emailAddress"].values())


def _text(message: StoredMessage, key: str) -> str:
    """Return the text that a key searches; '' stands for the default: sender, subject and body."""
    if key in _PEOPLE:
        return "\n".join(_people_text(message, _PEOPLE[key]))
    if key == "subject":
        return str(message.get("subject") or "")
    if key == "body":
        return str((message.get("body") or {}).get("content", ""))
    return "\n".join(_text(message, part) for part in ("from", "subject", "body"))


def _compare_day(value: str | None, compare: str, day: str) -> bool:
    if value is None:
        return False
    own = value[: len(day)]
    return {"=": own == day, "<": own < day, "<=": own <= day, ">": own > day, ">=": own >= day}[
        compare or "="
    ]


def _condition(key: str, compare: str, word: str) -> Condition:
    if key in _DATES:
        return lambda message: _compare_day(message.get(_DATES[key]), compare, word)
    if key == "hasattachment":
        return lambda message: message.get("hasAttachments") == (word == "true")
    if key == "importance":
        return lambda message: message.get("importance") == word
    if key in {"", "subject", "body", *_PEOPLE}:
        return lambda message: word in _text(message, key).casefold()
    raise bad_request(f"Syntax error: '{key}' is not a property that this stand-in can search.")


def parse_search(search: str) -> Condition:
    r"""Return the test that a message must pass; the clause is quoted, `\"` inside it is a quote."""
    clause = search.strip()
    if len(clause) < 2 or not (clause.startswith('"') and clause.endswith('"')):
        raise bad_request("Syntax error: the $search clause must be enclosed in double quotes.")
    inner = re.sub(r"\\(.)", r"\1", clause[1:-1])
    conditions = [
        _condition((match["key"] or "").lower(), match["compare"] or "", match["word"].strip('"').casefold())
        for match in _TERM.finditer(inner)
        if match["word"] != "AND"
    ]
    return lambda message: all(condition(message) for condition in conditions)
