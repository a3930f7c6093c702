"""Which application, overlay or scope the running code belongs to."""

from typing import cast

from iacs.runtime.views.detached import DetachedView, has_lost_its_context
from iacs.runtime.views.nesting import NestingView
from iacs.runtime.views.registry import entered_view, only_application


def current_application() -> NestingView:
    """Return the application, overlay or scope that was entered last in this context.

    Code that runs in no context of an application, a worker thread for instance, gets the one started
    application of the process; NotStartedError when there is none, or more than one. While an overlay or a scope
    is open, that thread is refused the parts that differ there.
    """
    view = entered_view()
    if view is None:
        view = only_application()
        if has_lost_its_context(view.loop_context):
            return DetachedView(view)
    return cast(NestingView, view)  # nothing else is registered
