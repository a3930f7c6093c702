"""Data keys in memory, so that a key service is not asked for the same one again and again."""

import threading
import time
from collections import OrderedDict

from iacs.core._encryption.data_key import DataKey
from iacs.core.key_provider import WrappedKey

_Entry = tuple[float, DataKey]


class KeyCache:
    """The `size` data keys that were made or unwrapped last, each for `lifetime_seconds`.

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
            entry = self._entries.get((wrapped, context))
            return entry[1] if entry else None

    def add(self, data_key: DataKey) -> None:
        """Keep a data key that was just made or unwrapped."""
        with self._guard:
            self._drop_expired()
            self._entries.pop((data_key.wrapped, data_key.context), None)
            self._entries[data_key.wrapped, data_key.context] = time.monotonic(), data_key
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def _drop_expired(self) -> None:
        limit = time.monotonic() - self._lifetime_seconds
        while self._entries and next(iter(self._entries.values()))[0] <= limit:
            self._entries.popitem(last=False)
