"""Runs a dependency_injector container: checks it, starts and stops it, overlays it, and tells about it."""

from iacs.core.exceptions import (
    CheckError,
    DegradedError,
    Finding,
    ForeignLoopError,
    NotStartedError,
    StartError,
)
from iacs.runtime.application import Application
from iacs.runtime.check import check
from iacs.runtime.current import current_application
from iacs.runtime.inject import inject
from iacs.runtime.overlay import Overlay, wrapping
from iacs.runtime.parts import keep_open
from iacs.runtime.timeline import Step, Timeline

__all__ = [
    "Application",
    "CheckError",
    "DegradedError",
    "Finding",
    "ForeignLoopError",
    "NotStartedError",
    "Overlay",
    "StartError",
    "Step",
    "Timeline",
    "check",
    "current_application",
    "inject",
    "keep_open",
    "wrapping",
]
