import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("messages", "done", "control", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("CELERY_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def worker(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a worker of two processes; end it as an operator would."""
    command = [sys.executable, "-m", "celery", "--app", "tests.runtime.celery_worker:queue", "worker"]
    options = ["--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [*command, *options, *quiet],
            cwd=folder,
            env={**os.environ, "CELERY_WORKER": "1", "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def notes(folder: Path, what: str) -> set[tuple[int, int]]:
    """Return in which process something was opened, and in which it was noted."""
    names = (path.name.split("-") for path in folder.glob(f"{what}-*"))
    return {(int(opened_in), int(noted_in)) for _, opened_in, noted_in in names}


def test_each_process_of_a_prefork_worker_has_a_connection_of_its_own(
    folder: Path, worker: "subprocess.Popen[str]"
) -> None:
    from tests.runtime import celery_worker

    sent: list[Any] = [celery_worker.work.delay(number) for number in range(20)]
    try:
        done = [result.get(timeout=DEADLINE, interval=0.05) for result in sent]
    except Exception as error:
        error.add_note((folder / "log").read_text())
        raise
    finally:
        celery_worker.queue.close()
    assert [number for number, _, _ in done] == list(range(20))
    ((master, same),) = notes(folder, "master")
    assert master == same == worker.pid
    processes = {used_in for _, _, used_in in done}
    assert len(processes) == 2
    assert {(opened_in, used_in) for _, opened_in, used_in in done} == {
        (process, process) for process in processes
    }
    assert master not in processes

    _end(worker)
    assert worker.returncode == 0
    assert {opened_in for opened_in, noted_in in notes(folder, "closed") if opened_in != noted_in} == set()
