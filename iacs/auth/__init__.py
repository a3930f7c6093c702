"""Signing in: in a browser, or with a code on another device.

LoopbackListener is imported when it is asked for: it is a web server, and most applications have their own.
"""

from typing import TYPE_CHECKING

from iacs.auth.schema import (
    Accounts,
    AuthorizationCallback,
    AuthorizationRequest,
    DeviceSignIn,
    SignedIn,
)
from iacs.auth.service import AuthService

if TYPE_CHECKING:
    from iacs.auth.loopback import LoopbackListener

__all__ = [
    "Accounts",
    "AuthService",
    "AuthorizationCallback",
    "AuthorizationRequest",
    "DeviceSignIn",
    "LoopbackListener",
    "SignedIn",
]

if not TYPE_CHECKING:  # which would take it to say that every name exists

    def __getattr__(name: str) -> object:
        if name != "LoopbackListener":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from iacs.auth.loopback import LoopbackListener

        return LoopbackListener
