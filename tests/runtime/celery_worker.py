"""A Celery application that started its parts before the worker forks; the tests run it as `celery -A`."""

import os
import sqlite3
import time
from pathlib import Path

from dependency_injector import containers, providers

from iacs.runtime import Application, inject
from tests.fixtures.celery import file_queue

FOLDER = Path(os.environ["CELERY_FOLDER"])


class Connection:
    """A connection to a database, which serves one process: note which opened, used and closed it."""

    def __init__(self, path: Path) -> None:
        self.process = os.getpid()
        self.sqlite = sqlite3.connect(path)

    def use(self) -> int:
        self.sqlite.execute("SELECT 1")
        return self.process

    def close(self) -> None:
        self.sqlite.close()
        note("closed", self.process)


class Service:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Container(containers.DeclarativeContainer):
    connection = providers.Singleton(Connection, FOLDER / "data.db")
    service = providers.Singleton(Service, connection)


def note(what: str, opened_in: int) -> None:
    """Leave a file behind that says in which process something happened."""
    (FOLDER / f"{what}-{opened_in}-{os.getpid()}").touch()


queue = file_queue(FOLDER)


@queue.task(shared=False)  # type: ignore[untyped-decorator]
@inject
def work(number: int, service: Service) -> tuple[int, int, int]:
    """Return who opened the connection, and who uses it; wait until both workers have work."""
    note("working", service.connection.process)
    deadline = time.monotonic() + 30
    while len(list(FOLDER.glob("working-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return number, service.connection.use(), os.getpid()


if os.environ.get("CELERY_WORKER"):  # the worker imports this module in its parent process, and forks then
    app = Application(Container())
    scope = app.sync()
    scope.__enter__()
    note("master", app.get(Connection).process)
