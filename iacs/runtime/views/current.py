"""Which application, or overlay of one, the running code belongs to."""

from typing import cast

from iacs.runtime.views.nesting import NestingView
from iacs.runtime.views.registry import current_view


def current_application() -> NestingView:
    """Return the application or overlay that was entered last in this context.

    Code that runs in no context of an application, a worker thread for instance, gets the one started
    application of the process; NotStartedError when there is none, or more than one.
    """
    return cast(NestingView, current_view())  # applications and overlays alone are registered
