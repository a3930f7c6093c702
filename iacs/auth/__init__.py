"""Signing in: in a browser, or with a code on another device.

LoopbackListener is imported at first use: it is a web server, and most applications have their own.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from iacs.auth.collaborators import Accounts
from iacs.auth.directory import Directory
from iacs.auth.schema import AuthorizationCallback, AuthorizationRequest, DeviceSignIn, SignedIn
from iacs.auth.service import AuthService

if TYPE_CHECKING:
    from iacs.auth.loopback_listener import LoopbackListener

__all__ = [
    "Accounts",
    "AuthService",
    "AuthorizationCallback",
    "AuthorizationRequest",
    "DeviceSignIn",
    "Directory",
    "LoopbackListener",
    "SignedIn",
]

_LATER = {"LoopbackListener": "iacs.auth.loopback_listener"}

if not TYPE_CHECKING:  # a type checker would take it to say that every name exists

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
