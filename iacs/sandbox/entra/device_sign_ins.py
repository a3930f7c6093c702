"""Pending sign-ins on another device."""

import time
from dataclasses import dataclass

from iacs.sandbox.directory import Person
from iacs.sandbox.entra.errors import EntraError
from iacs.sandbox.entra.token_issuer import Grant


@dataclass
class DeviceSignIn:
    """A pending sign-in on another device; `expires_at` is Unix time."""

    user_code: str
    scopes: tuple[str, ...]
    expires_at: float
    person: Person | None = None
    declined: bool = False


class DeviceSignIns:
    """The pending sign-ins, by device code."""

    def __init__(self) -> None:
        self._pending: dict[str, DeviceSignIn] = {}

    def begin(self, device_code: str, sign_in: DeviceSignIn) -> None:
        """Add a pending sign-in."""
        self._pending[device_code] = sign_in

    def by_user_code(self, user_code: str) -> DeviceSignIn | None:
        """Return the sign-in whose device shows this code."""
        code = user_code.strip().upper()
        return next((sign_in for sign_in in self._pending.values() if sign_in.user_code == code), None)

    def redeem(self, device_code: str) -> Grant:
        """Return the grant, once; raise EntraError if the person has not signed in."""
        sign_in = self._pending.get(device_code)
        if sign_in is None:
            raise EntraError("bad_verification_code", 70019, "The verification code was not found.")
        if sign_in.expires_at < time.time():
            raise EntraError("expired_token", 70020, "The provided value for 'device_code' has expired.")
        if sign_in.declined:
            raise EntraError("authorization_declined", 70018, "The end user denied the request.")
        if sign_in.person is None:
            raise EntraError("authorization_pending", 70016, "Authorization is pending. Continue polling.")
        del self._pending[device_code]
        return Grant(sign_in.person, sign_in.scopes, sign_in.person.tenant_id, public=True)
