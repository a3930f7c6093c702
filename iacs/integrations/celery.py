"""Celery: each task has a scope, in every pool.

    setup(app, Application(Container()))

    @app.task
    @inject
    def bill(order: int, orders: Orders) -> None: ...

A `scoped.value(celery.Task)` or a `scoped.value(celery.app.task.Context)` of the container is passed in. Each process of
a prefork pool has an application of its own, which starts in it; in other pools it starts with the first task.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from celery import Celery, current_app, signals  # type: ignore[import-untyped]

from iacs.integrations._support.process import ProcessLifetime
from iacs.runtime import Application


def setup(app: Celery, application: Application[Any]) -> None:
    """Run each task of `app` in a scope of `application`; what a task raises rolls back, also a retry.

    A task that is called as a function, and not by a worker or `apply`, has no scope of its own.
    """
    _Worker(app, application)


class _Worker:
    """Starts and stops the application in the processes of a worker, and puts the tasks into scopes."""

    def __init__(self, app: Any, application: Application[Any]) -> None:
        self._app = app
        app.iacs = self  # signals keep a weak reference
        self._lifetime = ProcessLifetime(application)
        app.Task = self._scoped(app.Task)
        app.on_after_finalize.connect(self._scope_other_tasks)
        if app.finalized:
            self._scope_other_tasks()
        signals.worker_process_init.connect(self._start)
        signals.worker_process_shutdown.connect(self._stop)
        signals.worker_shutdown.connect(self._stop)

    def _start(self, **_: Any) -> None:
        if current_app._get_current_object() is self._app:
            self._lifetime.start()

    def _stop(self, **_: Any) -> None:
        self._lifetime.stop()

    def _scoped(self, base: type[Any]) -> type[Any]:
        """Return a base class of tasks that run in scopes."""
        worker = self

        def initialize(task: Any, *arguments: Any, **named: Any) -> None:
            base.__init__(task, *arguments, **named)
            worker._scope(task)

        return type(base.__name__, (base,), {"__init__": initialize, "abstract": True})

    def _scope_other_tasks(self, **_: Any) -> None:
        """Put tasks into scopes that have another base class, or were made before."""
        for task in self._app.tasks.values():
            if not task.name.startswith("celery."):
                self._scope(task)

    def _scope(self, task: Any) -> None:
        if not hasattr(task.run, "__iacs_scoped__"):
            task.run = self._in_scope(task, task.run)

    def _in_scope(self, task: Any, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def scoped(*arguments: Any, **named: Any) -> Any:
            if task.request.called_directly:
                return run(*arguments, **named)
            with self._lifetime.scope(task, task.request):
                return run(*arguments, **named)

        scoped.__iacs_scoped__ = True  # type: ignore[attr-defined]
        return scoped
