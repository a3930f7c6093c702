"""One message as Graph returned it: decoded once, and stored as the text that it came as."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from iacs.mail_query.items import parse_item, read_document
from iacs.mail_query.summary import Reading, Summary, summary_of

_UNPARSED: Any = object()


class Document:
    """A message, or any other JSON in a malformed page: equal to another with the same content.

    Ordinary messages are not parsed: their text is what came, and a few fields are decoded from it. `value`, the
    parsed document, is made on demand: for a message that is compared with its stored form.
    """

    __slots__ = ("_reading", "_text", "_value", "change_key", "id", "is_draft", "is_removal")

    id: str | None
    """Graph's id."""
    change_key: str | None
    """Graph's change key, which changes with the message."""
    is_draft: bool
    """Whether the message is not sent yet."""
    is_removal: bool
    """Whether the item reports that a message has left the folder."""

    def __init__(self, value: Any, text: str | None = None) -> None:
        self._reading: Reading | None = None
        self._text = text
        self._value = value
        fields = value if isinstance(value, dict) else {}
        name, change_key = fields.get("id"), fields.get("changeKey")
        self.id = name if isinstance(name, str) else None
        self.change_key = change_key if isinstance(change_key, str) else None
        self.is_draft = fields.get("isDraft") is True
        self.is_removal = "@removed" in fields

    @classmethod
    def of_json(cls, text: bytes) -> "Document":
        """Return the document of an item of a page."""
        try:
            return cls._ordinary(text.decode(), _decode()(text))
        except ValueError:
            return cls(parse_item(text))

    @classmethod
    def stored(cls, text: str) -> "Document":
        """Return the document of a row."""
        try:
            return cls._ordinary(text, _decode()(text))
        except ValueError:
            return cls(json.loads(text), text)

    @classmethod
    def _ordinary(cls, text: str, summary: Summary) -> "Document":
        self = cls.__new__(cls)
        self._reading = Reading(summary)
        self._text = text
        self._value = _UNPARSED
        self.id = summary.id
        self.change_key = summary.change_key
        self.is_draft = summary.is_draft is True
        self.is_removal = False
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        has_same_text = self._text is not None and self._text == other._text
        return has_same_text or bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment] # neither has a dictionary

    def __repr__(self) -> str:
        return f"Document({self.value!r})"

    @property
    def value(self) -> Any:
        """The parsed document: a dictionary, or whatever the JSON is."""
        if self._value is _UNPARSED:
            self._value = json.loads(self.text)
        return self._value

    @property
    def text(self) -> str:
        """The JSON to store."""
        if self._text is None:
            self._text, self._reading = _read(self._value)
        return self._text

    @property
    def reading(self) -> Reading:
        """What is readable of the document."""
        if self._reading is None:
            text, self._reading = _read(self._value)
            self._text = self._text or text
        return self._reading

    def updated(self, newer: "Document") -> "Document":
        """Return the document after an item about the same message, which need not repeat unchanged properties."""
        if self == newer or not (isinstance(self.value, dict) and isinstance(newer.value, dict)):
            return newer
        value = self.value | newer.value
        return newer if value == newer.value else Document(value)


def _read(value: Any) -> tuple[str, Reading]:
    text, message, problem = read_document(value)
    return text, Reading(None if message is None else summary_of(message), problem)


@cache
def _decode() -> Callable[[bytes | str], Summary]:
    from iacs.mail_query.fast_json import decode_summary

    return decode_summary
