"""Runs a dependency_injector container: checks it, starts and stops it, overlays it, and tells about it.

application       what people use; view reads parts, overlay gives a second view, telling tells about both
  graph           the wiring as it is declared: kinds of providers, walking along it, originals of class providers
  plan            how each value is worked out: compiling, expressions, asking; lookup finds what a name means
  lifecycle       from start to stop: opening and closing of parts, planting them into the container, turns,
                  waiting, signals, timeline
  current, home   where the code runs that asks: application, event loop, forking
check             what is wrong with a container, from what its code has declared
picture, explain  the graph drawn, and one part of it told
health            probes, and what follows for each module
inject, typed     binding functions, and declaring providers with checked arguments
"""

from iacs.core.exceptions import (
    CheckError,
    DegradedError,
    Finding,
    ForeignLoopError,
    NotStartedError,
    StartError,
)
from iacs.runtime.application import Application
from iacs.runtime.checks import check
from iacs.runtime.injection import inject
from iacs.runtime.lifecycle.timeline import Step, Timeline
from iacs.runtime.plan.parts import keep_open
from iacs.runtime.views.current import current_application
from iacs.runtime.views.overlay import Overlay, wrapping

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
