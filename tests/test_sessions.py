"""A session that a test starts ends with the test, however the test's process ends."""

import subprocess
import sys
import time
from pathlib import Path

from tests.fixtures.sessions import end_session, processes_of

ROOT = Path(__file__).parents[1]
OWNER = """
import subprocess, sys
from tests.fixtures.sessions import killed_with_this_process

command = ["bash", "-c", "sleep 600 & sleep 600 & wait"]
script = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
with killed_with_this_process(script.pid):
    print(script.pid, flush=True)
    sys.stdin.read()
"""


def owned_session(owner: "subprocess.Popen[str]") -> int:
    assert owner.stdout is not None
    return int(owner.stdout.readline())


def owner() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_session_ends_with_its_killed_owner() -> None:
    with owner() as process:
        session = owned_session(process)
        try:
            assert processes_of(session)
            process.kill()
            deadline = time.monotonic() + 30
            while processes_of(session):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            end_session(session, grace=0.0)


def test_an_owner_that_is_not_killed_ends_the_session_itself() -> None:
    with owner() as process:
        session = owned_session(process)
        try:
            process.communicate(timeout=30)
            assert process.returncode == 0
            assert processes_of(session)
        finally:
            end_session(session, grace=0.0)
