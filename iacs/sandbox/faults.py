"""Scripted failures: tests add them, and the next matching requests fail."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class Fault:
    """A scripted failure; `path`, `method`, `user` and `grant_type` are shell patterns."""

    path: str = "*"
    method: str = "*"
    user: str = "*"
    grant_type: str = "*"
    times: int | None = 1
    """Number of requests that fail; None: until cleared."""
    after: int = 0
    """Number of matching requests that succeed before that."""
    status: int | None = None
    """HTTP status; None: the request is answered normally after `delay`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    suberror: str = ""
    claims: str = ""
    number: int = 0
    """AADSTS number; set for faults of Entra ID."""
    delay: float = 0.0
    """Seconds."""
    drop: bool = False
    """Close the connection without an answer."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Fields that replace those of a token response; `...` leaves one out."""
    applied: int = 0
    """Number of requests that have failed so far."""

    def _matches(self, method: str, path: str, user: str, grant_type: str) -> bool:
        patterns = (
            (self.method, method),
            (self.path, path),
            (self.user, user),
            (self.grant_type, grant_type),
        )
        return all(fnmatchcase(value.lower(), pattern.lower()) for pattern, value in patterns)

    def applies(self, method: str, path: str, user: str, grant_type: str) -> bool:
        """Return whether this request fails, and count it."""
        if self.times == 0 or not self._matches(method, path, user, grant_type):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.applied += 1
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """Scripted failures; the first that matches a request applies."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Add any failure."""
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all failures."""
        self._faults.clear()

    def throttle(self, path: str = "*", *, retry_after: float | None = None, **matcher: Any) -> Fault:
        """Answer 429."""
        return self.unavailable(path, status=429, retry_after=retry_after, **matcher)

    def unavailable(
        self, path: str = "*", *, status: int = 503, retry_after: float | None = None, **matcher: Any
    ) -> Fault:
        """Answer 503, 504 or another status, with or without Retry-After."""
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        return self.add(Fault(path, status=status, headers=headers, **matcher))

    def drop(self, path: str = "*", **matcher: Any) -> Fault:
        """Close the connection without an answer; many clients retry by themselves."""
        return self.add(Fault(path, drop=True, **matcher))

    def slow(self, path: str = "*", *, seconds: float, **matcher: Any) -> Fault:
        """Answer normally, but later."""
        return self.add(Fault(path, delay=seconds, **matcher))

    def claims_challenge(self, path: str = "*", **matcher: Any) -> Fault:
        """Answer 401 with a continuous-access-evaluation challenge."""
        claims = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
        return self.add(Fault(path, status=401, claims=claims, **matcher))

    def entra(
        self,
        error: str,
        *,
        number: int,
        message: str = "Scripted failure.",
        path: str = "*/oauth2/v2.0/token",
        status: int = 400,
        **matcher: Any,
    ) -> Fault:
        """Answer Entra ID's error JSON (at the authorize endpoint: its redirect with `error`)."""
        return self.add(Fault(path, status=status, code=error, number=number, message=message, **matcher))

    def token_fields(
        self, fields: Mapping[str, object], *, path: str = "*/oauth2/v2.0/token", **matcher: Any
    ) -> Fault:
        """Issue tokens, but with other fields in the response; a field set to `...` is left out."""
        return self.add(Fault(path, fields=fields, **matcher))

    async def take(self, method: str, path: str, user: str, grant_type: str) -> Fault | None:
        """Return the failure of this request, after its delay; None if it succeeds."""
        for fault in self._faults:
            if fault.applies(method, path, user, grant_type):
                await asyncio.sleep(fault.delay)
                return fault
        return None
