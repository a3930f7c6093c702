"""Data keys in memory, so that a key service is not asked for the same one again and again."""

import threading
import time
from collections import OrderedDict

from iacs.core._encryption.data_key import DataKey
from iacs.core.key_provider import WrappedKey

_Entry = tuple[float, DataKey]


class KeyCache:
    """The `size` data keys that were used last, each for `lifetime_seconds` after it was unwrapped.

    Threads may share it. Only what has the wrapped key gets the data key: one that was deleted is not returned.
    """

    def __init__(self, *, size: int, lifetime_seconds: float) -> None:
        self._size = size
        self._lifetime_seconds = lifetime_seconds
        self._entries: OrderedDict[tuple[WrappedKey, str], _Entry] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, wrapped: WrappedKey, context: str) -> DataKey | None:
        """Return a data key; None if it has to be unwrapped."""
        with self._guard:
            self._drop_expired()
            if (wrapped, context) not in self._entries:
                return None
            self._entries.move_to_end((wrapped, context))
            return self._entries[wrapped, context][1]

    def add(self, data_key: DataKey) -> None:
        """Keep a data key that was just made or unwrapped."""
        with self._guard:
            self._drop_expired()
            self._entries[data_key.wrapped, data_key.context] = time.monotonic(), data_key
            self._entries.move_to_end((data_key.wrapped, data_key.context))
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def _drop_expired(self) -> None:
        oldest = time.monotonic() - self._lifetime_seconds
        for key in [key for key, (since, _) in self._entries.items() if since <= oldest]:
            del self._entries[key]
