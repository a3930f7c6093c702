import os
from pathlib import Path

import pytest

from tests.fixtures.celery import make_folders, results, running_worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CELERY_FOLDER", str(tmp_path))
    return make_folders(tmp_path)


def notes(folder: Path, what: str) -> set[tuple[int, int]]:
    """Return in which process something was opened, and in which it was noted."""
    names = (path.name.split("-") for path in folder.glob(f"{what}-*"))
    return {(int(opened_in), int(noted_in)) for _, opened_in, noted_in in names}


def test_each_process_of_a_prefork_worker_has_a_connection_of_its_own(folder: Path) -> None:
    from tests.runtime import celery_worker

    with running_worker(celery_worker.__name__, folder, "prefork") as worker:
        try:
            done = results(folder, [celery_worker.work.delay(number) for number in range(20)])
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

    assert worker.returncode == 0
    assert {opened_in for opened_in, noted_in in notes(folder, "closed") if opened_in != noted_in} == set()
