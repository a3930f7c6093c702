"""Celery with a real worker for each pool, and tasks that run in the process of the test."""

import importlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery  # type: ignore[import-untyped]
from dependency_injector import containers, providers

from iacs.integrations.celery import setup
from iacs.runtime import Application, inject, scoped
from tests.fixtures.celery import Transport, make_folders, results, running_worker
from tests.integrations.parts import Greeter, Session, journal, open_session


class Container(containers.DeclarativeContainer):
    greeter = providers.Singleton(Greeter)
    session = scoped.resource(open_session)


@pytest.fixture
def queue() -> Iterator[Any]:
    app = Celery("test", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


@inject
def greet(name: str, greeter: Greeter, session: Session) -> str:
    return f"{greeter.word} {name}"


@inject
def refuse(session: Session) -> None:
    raise ValueError


def test_a_task_has_a_scope_and_a_function_call_has_none(queue: Any) -> None:
    application = Application(Container())
    setup(queue, application)
    task, failing = queue.task(greet), queue.task(refuse)
    with application.sync():
        assert task.apply(["Ada"]).get() == "hello Ada"
        assert journal == ["begin", "commit"]
        assert failing.apply().state == "FAILURE"
        assert journal[2:] == ["begin", "rollback ValueError"]
        with application.scope():
            assert task("Ada") == "hello Ada"
        assert journal[4:] == ["begin", "commit"]


def test_tasks_that_were_declared_before_have_scopes_too(queue: Any) -> None:
    task = queue.task(greet)
    queue.finalize()
    application = Application(Container())
    setup(queue, application)
    with application.sync():
        assert task.apply(["Ada"]).get() == "hello Ada"
    assert journal == ["begin", "commit"]


def test_an_overlay_of_a_test_reaches_the_tasks(queue: Any) -> None:
    application = Application(Container())
    setup(queue, application)
    task = queue.task(greet)
    with application.sync(), application.overlay(greeter=Greeter("fake")):
        assert task.apply(["Ada"]).get() == "fake Ada"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CELERY_FOLDER", str(tmp_path))
    return make_folders(tmp_path)


@pytest.fixture
def sender(folder: Path) -> Iterator[Any]:
    """Import the module anew, since it reads the folder of this test, and bind the queue anew, since files bind it."""
    Transport.global_state.clear()  # type: ignore[no-untyped-call]
    sys.modules.pop("tests.integrations.celery_worker", None)
    module = importlib.import_module("tests.integrations.celery_worker")
    yield module
    module.queue.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_has_an_application_in_each_process_and_a_scope_for_each_task(
    folder: Path, sender: Any, pool: str
) -> None:
    tasks: list[Callable[[], Any]] = [lambda: sender.work.delay(1)] * 10
    with running_worker(sender.__name__, folder, pool) as process:
        done = results(folder, [send() for send in tasks])
        retried, failed = results(folder, [sender.fail_once.delay(), sender.fail.delay()], propagate=False)
    assert process.returncode == 0, (folder / "log").read_text()
    assert retried == 1
    assert isinstance(failed, ValueError)

    assert all(built_in == used_in for _, built_in, used_in, _ in done)
    processes = {used_in for _, _, used_in, _ in done}
    assert len({(used_in, thread) for _, _, used_in, thread in done}) == 2
    assert processes == {process.pid} if pool == "threads" else process.pid not in processes

    lines = [line.rpartition(" ") for line in (folder / "journal").read_text().splitlines()]
    for what in ("engine built", "engine closed"):
        assert Counter(int(pid) for text, _, pid in lines if text == what) == Counter(processes)
    ends = Counter(text.rpartition(" ")[0] for text, _, _ in lines if not text.startswith("engine"))
    assert ends == {
        "begin work": 10, "commit work": 10,
        "begin fail_once": 2, "rollback Retry fail_once": 1, "commit fail_once": 1,
        "begin fail": 1, "rollback ValueError fail": 1,
    }  # fmt: skip
