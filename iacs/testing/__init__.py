"""The pytest plugin for tests of applications that run on the runtime; every installation includes it.

Here are the types of its fixtures, for annotations.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iacs.testing.captures import CapturedEvents
    from iacs.testing.cloud import CloudFixture

__all__ = ["CapturedEvents", "CloudFixture"]

_LATER = {"CapturedEvents": "iacs.testing.captures", "CloudFixture": "iacs.testing.cloud"}
"""Imported at first use: every run of pytest imports this package."""

if not TYPE_CHECKING:  # a type checker would take it to say that every name exists

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
