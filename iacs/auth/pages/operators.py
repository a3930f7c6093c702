"""The keys and sessions of operators, in the memory of one server."""

import secrets
from datetime import datetime, timedelta

from iacs.auth.session import hash_secret
from iacs.core import clock

_LIFETIME = timedelta(hours=12)


class Operators:
    """Keys, each of which opens one session, and sessions, each of one browser for 12 hours; hashes only."""

    seconds = int(_LIFETIME.total_seconds())

    def __init__(self) -> None:
        self._key = ""
        self._sessions: dict[str, datetime] = {}

    def new_key(self) -> str:
        """Return a key; an earlier one that was not used is no longer valid."""
        key = secrets.token_urlsafe(32)
        self._key = hash_secret(key)
        return key

    def open_session(self, key: str) -> str | None:
        """Use a key up and return a session; None if the key is not the valid one."""
        if not self._key or not secrets.compare_digest(hash_secret(key), self._key):
            return None
        self._key = ""
        session = secrets.token_urlsafe(32)
        self._sessions[hash_secret(session)] = clock.now() + _LIFETIME
        return session

    def is_session(self, session: str) -> bool:
        """Return whether a session was opened and has not expired."""
        expires_at = self._sessions.get(hash_secret(session))
        return expires_at is not None and clock.now() < expires_at
