"""The lifetime of an application where no server says when it begins: under WSGI, and in the workers of a task queue."""

import atexit
from contextlib import ExitStack
from contextvars import Context
from threading import Lock
from typing import Any

from iacs.integrations._support.checked import check_application
from iacs.integrations._support.passing import PassingScope
from iacs.runtime import Application


class ProcessLifetime:
    """Starts an application with the first request or task of a process, and stops it when the process ends.

    A forked process so has an application of its own. It runs without an event loop: StartError names a part that
    needs one. An application that somebody has started, a test for instance, is left to them.
    """

    def __init__(self, application: Application[Any]) -> None:
        check_application(application)
        self.application = application
        self._entered = ExitStack()
        self._lock = Lock()

    def scope(self, *objects: Any) -> PassingScope:
        """Return a scope for a request or task, of which the framework has these objects."""
        self.start()
        return PassingScope(self.application, *objects)

    def start(self) -> None:
        """Start the application unless it is started."""
        if self.application.is_open:
            return
        with self._lock:
            if not self.application.is_open:
                # not in the request's context
                Context().run(self._entered.enter_context, self.application.sync())
                atexit.register(self.stop)

    def stop(self) -> None:
        """Stop the application if it was started here."""
        atexit.unregister(self.stop)
        Context().run(self._entered.close)
