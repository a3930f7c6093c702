"""Runs dependency_injector containers: check, start, stop, overlays, scopes, health, graph and explanation."""

from iacs.core.exceptions import (
    AmbiguousPartError,
    ApplicationError,
    ApplicationStateError,
    CheckError,
    DegradedError,
    Finding,
    ForeignLoopError,
    InjectionError,
    MissingDependencyError,
    NotAContainerError,
    NotStartedError,
    PartError,
    PictureError,
    ScopeError,
    StartError,
    StopError,
    UnknownPartError,
    WiringError,
)
from iacs.runtime.application import Application
from iacs.runtime.checks import check
from iacs.runtime.injection import inject
from iacs.runtime.lifecycle.shutdown import ShutdownRequest
from iacs.runtime.lifecycle.timeline import Step, Timeline
from iacs.runtime.plan.closers import keep_open
from iacs.runtime.views.current import current_application
from iacs.runtime.views.nesting import Overlay, Scope
from iacs.runtime.views.replacements import wrapping

__all__ = [
    "AmbiguousPartError",
    "Application",
    "ApplicationError",
    "ApplicationStateError",
    "CheckError",
    "DegradedError",
    "Finding",
    "ForeignLoopError",
    "InjectionError",
    "MissingDependencyError",
    "NotAContainerError",
    "NotStartedError",
    "Overlay",
    "PartError",
    "PictureError",
    "Scope",
    "ScopeError",
    "ShutdownRequest",
    "StartError",
    "Step",
    "StopError",
    "Timeline",
    "UnknownPartError",
    "WiringError",
    "check",
    "current_application",
    "inject",
    "keep_open",
    "wrapping",
]
