"""Runs of pytest with the plugins of this suite, on tests that hang."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # every test waits for the limits of another run of pytest

ROOT = Path(__file__).resolve().parents[1]
INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
timeout = 8
timeout_grace = 2
"""

HUNG_TEARDOWN = """
import asyncio

async def ignore_cancellation():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def test_that_leaves_a_task_behind():
    asyncio.create_task(ignore_cancellation(), name="stubborn")
    await asyncio.sleep(0)
    assert False, "the real failure"

def test_that_passes():
    pass
"""

STUBBORN_TEARDOWN = """
import asyncio, pytest

async def never():
    await asyncio.Event().wait()

def ignore_interruptions(loop, task):
    while True:
        try:
            loop.run_until_complete(task)
        except BaseException:
            pass

@pytest.fixture
def stubborn():
    yield
    loop = asyncio.new_event_loop()
    ignore_interruptions(loop, loop.create_task(never(), name="stubborn"))

def test_that_fails(stubborn):
    assert False, "the real failure"

def test_that_passes():
    pass
"""

HUNG_THREAD = """
import threading

def test_that_leaves_a_thread_behind():
    threading.Thread(target=threading.Event().wait, name="stubborn").start()
"""

LONG_AND_SHORT = """
import time

def test_that_takes_longer_than_the_grace():
    time.sleep(5)

def test_that_passes_at_once():
    pass
"""

HUNG_WORKER = """
import signal, time

def test_that_cannot_be_interrupted():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    while True:
        time.sleep(60)
"""

HUNG_END_OF_A_WORKER = """
import time

class Endless:
    def pytest_sessionfinish(self):
        time.sleep(600)

def test_that_passes(request):
    request.config.pluginmanager.register(Endless())
"""

HUNG_CALL = """
import asyncio

async def test_that_waits_forever():
    await asyncio.Event().wait()

def test_that_passes():
    pass
"""

FAILURE_AND_GATE = """
from pathlib import Path

def test_that_fails():
    assert 1 == 2, "shown at once"

def test_that_waits_for_the_reader():
    Path("gate").read_text()
"""


def pytest_command(folder: Path, code: str, *arguments: str) -> list[str]:
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_inner.py").write_text(code)
    plugins = [f"-ptests.fixtures.{name}" for name in ("time_limit", "instant_failures")]
    return [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        *plugins,
        *arguments,
    ]


def environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return inherited | {"PYTHONPATH": str(ROOT)}


def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        pytest_command(folder, code, *arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_teardown_that_hangs_after_a_failure_is_interrupted_and_the_others_run(tmp_path: Path) -> None:
    done = run(tmp_path, HUNG_TEARDOWN)
    assert "the real failure" in done.stdout
    assert "FAILED test_inner.py::test_that_leaves_a_task_behind" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_a_teardown_that_ignores_the_interruption_ends_its_process_and_names_the_test(tmp_path: Path) -> None:
    done = run(tmp_path, STUBBORN_TEARDOWN)
    assert done.returncode == 1
    assert "the real failure" in done.stdout
    assert "test_inner.py::test_that_fails did not end in time" in done.stderr
    assert "name='stubborn'" in done.stderr
    assert "in ignore_interruptions" in done.stderr


def test_workers_report_such_a_teardown_as_a_failure_and_run_the_other_tests(tmp_path: Path) -> None:
    done = run(tmp_path, STUBBORN_TEARDOWN, "--quiet", "--numprocesses=1")
    assert done.returncode == 1
    assert "crashed while running 'test_inner.py::test_that_fails'" in done.stdout
    assert "1 passed" in done.stdout


def test_a_test_that_hangs_fails_at_its_limit_and_the_others_run(tmp_path: Path) -> None:
    done = run(tmp_path, HUNG_CALL)
    assert "FAILED test_inner.py::test_that_waits_forever" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_a_thread_that_a_test_left_behind_does_not_keep_the_run_from_ending(tmp_path: Path) -> None:
    done = run(tmp_path, HUNG_THREAD)
    assert "1 passed" in done.stdout
    assert "did not end in time" in done.stderr


def test_workers_with_such_a_thread_are_ended_when_all_have_finished(tmp_path: Path) -> None:
    done = run(tmp_path, HUNG_THREAD, "--quiet", "--numprocesses=1", "--override-ini=timeout_grace=60")
    assert done.returncode == 0
    assert "1 passed" in done.stdout


def test_a_worker_that_has_finished_waits_for_the_others_without_a_limit(tmp_path: Path) -> None:
    done = run(tmp_path, LONG_AND_SHORT, "--quiet", "--numprocesses=2", "--timeout=60")
    assert "2 passed" in done.stdout
    assert "did not end in time" not in done.stderr


@pytest.mark.parametrize(
    ("code", "running"),
    [
        pytest.param(HUNG_WORKER, "test_inner.py::test_that_cannot_be_interrupted", id="in a test"),
        pytest.param(HUNG_END_OF_A_WORKER, "the end of a worker", id="after its tests"),
    ],
)
def test_a_worker_that_falls_silent_ends_the_run_and_is_named(
    tmp_path: Path, code: str, running: str
) -> None:
    silence = "--override-ini=timeout_silence=25"
    done = run(tmp_path, code, "--quiet", "--numprocesses=1", "--timeout=600", silence)
    assert done.returncode == 1
    assert f"{running} did not end in time" in done.stderr


@pytest.mark.parametrize("workers", [(), ("--numprocesses=1",)], ids=["one process", "workers"])
def test_a_failure_is_printed_while_the_other_tests_run(tmp_path: Path, workers: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "gate")
    command = pytest_command(tmp_path, FAILURE_AND_GATE, "--quiet", "--timeout=60", *workers)
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            while "shown at once" not in (line := process.stdout.readline()):
                assert line, "the run ended without showing the failure"
            (tmp_path / "gate").write_text("go on")
            assert "1 failed, 1 passed" in process.stdout.read()
        finally:
            process.kill()
