"""Signing in: in a browser, or with a code on another device."""

from iacs.auth.loopback import LoopbackListener
from iacs.auth.schema import (
    Accounts,
    AuthorizationCallback,
    AuthorizationRequest,
    DeviceSignIn,
    SignedIn,
)
from iacs.auth.service import AuthService

__all__ = [
    "Accounts",
    "AuthService",
    "AuthorizationCallback",
    "AuthorizationRequest",
    "DeviceSignIn",
    "LoopbackListener",
    "SignedIn",
]
