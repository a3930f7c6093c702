"""A Celery application with an application of its own; the tests run it as `celery -A`, with different pools."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celery import Task  # type: ignore[import-untyped]
from celery.app.task import Context  # type: ignore[import-untyped]
from dependency_injector import containers, providers

from iacs.integrations.celery import setup
from iacs.runtime import Application, inject, scoped
from tests.fixtures.celery import file_queue

FOLDER = Path(os.environ["CELERY_FOLDER"])


def note(text: str) -> None:
    """Append a line to the journal; a write of this size is atomic."""
    with (FOLDER / "journal").open("a") as journal:
        journal.write(f"{text} {os.getpid()}\n")


class Engine:
    """A part of the application: it notes in which process it is built and closed."""

    def __init__(self, path: Path) -> None:
        self.process = os.getpid()
        self.sqlite = sqlite3.connect(path, check_same_thread=False)
        note("engine built")

    def close(self) -> None:
        self.sqlite.close()
        note("engine closed")


class Session:
    def __init__(self, engine: Engine, task: Task, request: Context) -> None:
        self.engine = engine
        self.task = f"{str(task.name).rpartition('.')[2]} {request.id}"


def open_session(engine: Engine, task: Task, request: Context) -> Iterator[Session]:
    session = Session(engine, task, request)
    note(f"begin {session.task}")
    try:
        yield session
    except BaseException as error:
        note(f"rollback {type(error).__name__} {session.task}")
        raise
    note(f"commit {session.task}")


class Container(containers.DeclarativeContainer):
    engine = providers.Singleton(Engine, FOLDER / "data.db")
    task = scoped.value(Task)
    request = scoped.value(Context)
    session = scoped.resource(open_session, engine, task, request)


queue = file_queue(FOLDER)
application = Application(Container())
setup(queue, application)


class OwnBase(Task):  # type: ignore[misc]
    """A base class that does not know the integration."""


@queue.task(base=OwnBase, shared=False)  # type: ignore[untyped-decorator]
@inject
def work(number: int, session: Session) -> tuple[int, int, int, int]:
    """Return who built the engine, and who uses it; wait until two tasks run side by side."""
    (FOLDER / f"working-{os.getpid()}-{threading.get_ident()}").touch()
    deadline = time.monotonic() + 30
    while len(list(FOLDER.glob("working-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return number, session.engine.process, os.getpid(), threading.get_ident()


@queue.task(bind=True, max_retries=1, shared=False)  # type: ignore[untyped-decorator]
@inject
def fail_once(self: Any, session: Session) -> int:
    """Fail, be tried again, and succeed."""
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return int(self.request.retries)


@queue.task(shared=False)  # type: ignore[untyped-decorator]
@inject
def fail(session: Session) -> None:
    """Fail at every attempt."""
    raise ValueError
