"""Pauses between the renewals that Entra ID did not do, per account."""

import time
from copy import copy
from dataclasses import dataclass

from iacs.core._tokens.store import StoredToken
from iacs.core.exceptions import APIConnectionError, AuthenticationError

_FIRST_AFTER_REFUSAL = 3.0
_LONGEST_AFTER_REFUSAL = 900.0
_LONGEST_REQUESTED = 60.0
_MAX_DOUBLINGS = 20

NotRenewedError = APIConnectionError | AuthenticationError


@dataclass(frozen=True, slots=True)
class _Pause:
    version: int
    until: float
    error: NotRenewedError
    refusals: int = 0


class Pauses:
    """The pauses of one process: a process that starts tries at once, and so does one that reads new tokens."""

    def __init__(self) -> None:
        self._pauses: dict[str, _Pause] = {}

    def add(self, stored: StoredToken, error: NotRenewedError) -> None:
        """Begin the pause that Entra ID asked for, or after a refusal one of 3 seconds, 6, 12, up to 15 minutes."""
        refusals = 0
        if isinstance(error, AuthenticationError):
            before = self._pauses.get(stored.account_id)
            refusals = before.refusals + 1 if before and before.version == stored.version else 1
            doublings = min(refusals - 1, _MAX_DOUBLINGS)
            seconds = min(_FIRST_AFTER_REFUSAL * 2**doublings, _LONGEST_AFTER_REFUSAL)
        elif error.retry_after:
            seconds = min(error.retry_after, _LONGEST_REQUESTED)
        else:
            return
        self._pauses[stored.account_id] = _Pause(stored.version, time.monotonic() + seconds, error, refusals)

    def seconds_left(self, stored: StoredToken) -> float:
        """Return the rest of the pause; 0 without one."""
        pause = self._pauses.get(stored.account_id)
        return max(0.0, pause.until - time.monotonic()) if pause and pause.version == stored.version else 0.0

    def error(self, stored: StoredToken) -> NotRenewedError | None:
        """Return the error that began the pause, with the rest of it; None when a renewal may be requested."""
        left = self.seconds_left(stored)
        if not left:
            return None
        error = copy(self._pauses[stored.account_id].error)
        if isinstance(error, APIConnectionError):
            error.retry_after = left
        return error

    def forget(self, account_id: str) -> None:
        """End the pause of an account."""
        self._pauses.pop(account_id, None)
