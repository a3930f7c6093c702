"""An event of the outbox, whose texts are written to the event stream as they are."""

import json
from typing import Any

from iacs.core._events.cloud_event import ID, own_headers
from iacs.core._events.encoding import decode
from iacs.core.events import NewEvent


class StoredEvent(NewEvent):
    """A new event that is decoded only for an event stream that looks at its value or headers."""

    __slots__ = ("headers_text", "value_text")

    value_text: str
    headers_text: str

    @classmethod
    def of(
        cls, topic: str, *, key: str | None, id_: str, value_text: str, headers_text: str
    ) -> "StoredEvent":
        """Return the event of a row."""
        self = cls.__new__(cls)
        put = object.__setattr__  # the class is frozen
        put(self, "topic", topic)
        put(self, "key", key)
        put(self, "id", id_)
        put(self, "value_text", value_text)
        put(self, "headers_text", headers_text)
        return self

    @property
    def is_encoded(self) -> bool:
        """Whether the texts are all there is to write, as they are unless another program wrote the row."""
        return hasattr(self, "headers_text") and f'"{ID}":' in self.headers_text

    def __getattr__(self, name: str) -> Any:
        """Decode `value` or `headers`, which are absent until somebody reads them."""
        if name == "value":
            result = decode(self.value_text)
        elif name == "headers":
            result = own_headers(json.loads(self.headers_text))
        else:
            raise AttributeError(name)
        object.__setattr__(self, name, result)
        return result
