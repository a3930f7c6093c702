"""Signing in: in a browser, or with a code on another device.

LoopbackListener and Doctor are imported at first use: most applications need neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from iacs.auth.collaborators import Accounts
from iacs.auth.directory import Directory
from iacs.auth.links import ReconnectLink, ReconnectLinks
from iacs.auth.schema import AuthorizationCallback, AuthorizationRequest, DeviceSignIn, SignedIn
from iacs.auth.service import AuthService

if TYPE_CHECKING:
    from iacs.auth.doctor import Diagnosis, Doctor
    from iacs.auth.loopback_listener import LoopbackListener

__all__ = [
    "Accounts",
    "AuthService",
    "AuthorizationCallback",
    "AuthorizationRequest",
    "DeviceSignIn",
    "Diagnosis",
    "Directory",
    "Doctor",
    "LoopbackListener",
    "ReconnectLink",
    "ReconnectLinks",
    "SignedIn",
]

_LATER = {
    "Diagnosis": "iacs.auth.doctor",
    "Doctor": "iacs.auth.doctor",
    "LoopbackListener": "iacs.auth.loopback_listener",
}

if not TYPE_CHECKING:  # a type checker would take it to say that every name exists

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
