"""Stored messages, decoded when something of them is read."""

from copy import copy, deepcopy
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from iacs.core.exceptions import MailQueryError
from iacs.mail_query.items import reason_of, validate
from iacs.mail_query.schema import Message

_text: Any = BaseModel.__dict__["__pydantic_private__"]
"""The attribute that has the JSON of a message until it is decoded; a Message itself has nothing private."""


class StoredMessage(Message):
    """A message whose JSON was validated when it was stored: the first access to it makes it a `Message` like any other.

    Whatever reads a model (its fields, `==`, `repr`, `model_dump`, `pickle`, another model that contains it) begins with one of
    its attributes; `copy` alone begins with the class.
    """

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Return the message of a document."""
        message = cls.__new__(cls)
        _text.__set__(message, text)
        return message

    def __getattribute__(self, name: str) -> Any:
        return getattr(_decoded(self), name)

    def __copy__(self) -> Any:
        return copy(_decoded(self))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        return deepcopy(_decoded(self), memo)


def _decoded(message: StoredMessage) -> Message:
    """Return the same object as a Message; two threads may do this at once."""
    text = _text.__get__(message)
    if text is not None:
        try:
            state = validate(text, Message).__getstate__()
        except ValidationError as error:
            raise MailQueryError(
                f"a stored message is not readable any more: {reason_of(error)}",
                hint="sync the mailbox again",
            ) from None
        BaseModel.__setstate__(message, state)
    object.__setattr__(message, "__class__", Message)
    return message
