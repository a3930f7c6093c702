import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iacs.core.kafka_client import KafkaClient
from iacs.testing.servers.kafka import kafka_broker
from iacs.testing.servers.watch import lives
from tests.fixtures.events import LOGGER, read
from tests.servers.__main__ import KAFKA_CACHE

ROOT = Path(__file__).parents[2]
OWNER = """
import asyncio, sys
from pathlib import Path
from iacs.core.kafka_client import KafkaClient
from tests.fixtures.events import LOGGER
from iacs.testing.servers.kafka import kafka_broker

async def publish(servers):
    async with KafkaClient([servers], timeout=30, logger=LOGGER) as kafka:
        await kafka.publish("survivors", "from the first run")

with kafka_broker(Path(sys.argv[1]), cache=Path(sys.argv[2])) as servers:
    asyncio.run(publish(servers))
    print("published", flush=True)
    sys.stdin.read()
"""

POSTGRESQL_OWNER = """
import sys
from pathlib import Path
from iacs.testing.servers.postgresql import postgresql_server

with postgresql_server(Path(sys.argv[1])):
    print("running", flush=True)
    sys.stdin.read()
"""


def run(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"PATH": path} if path is not None else {})
    command = [sys.executable, "-m", "tests.servers", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_exit_code_of_the_command_is_passed_on() -> None:
    assert run("--", "sh", "-c", "exit 7").returncode == 7
    assert run("--", "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL


def test_a_missing_java_is_one_sentence_that_says_how_to_get_it(tmp_path: Path) -> None:
    done = run("--kafka", str(tmp_path / "kafka"), "--", "true", path=str(tmp_path))
    assert done.returncode == 1
    assert "apt-get install" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_is_interrupted_ends_first() -> None:
    script = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); print(1, flush=True); time.sleep(60)"
    command = [sys.executable, "-m", "tests.servers", "--", sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGINT
        assert process.stdout.read() == b""  # closed, so the command has ended as well


@pytest.mark.slow
async def test_a_broker_ends_with_its_killed_owner_and_keeps_its_records(
    kafka_servers: tuple[str, ...], tmp_path: Path
) -> None:
    if "IACS_TEST_KAFKA_BOOTSTRAP_SERVERS" in os.environ:
        pytest.skip(f"Kafka is given at {kafka_servers}, and not ours to start")
    folder = tmp_path / "kafka"
    publish_and_be_killed(folder)
    wait_until_unlocked(folder / "data" / ".lock")
    with kafka_broker(folder, cache=KAFKA_CACHE) as servers:
        async with KafkaClient([servers], timeout=30, logger=LOGGER) as kafka:
            assert [event.value for event in await read(kafka, "survivors", "group")] == [
                "from the first run"
            ]


def publish_and_be_killed(folder: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(folder), str(KAFKA_CACHE)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"published\n"
        owner.kill()


def wait_until_unlocked(path: Path) -> None:
    """Wait until no broker works on the folder; Java locks files as fcntl does."""
    deadline = time.monotonic() + 30
    with path.open("r+") as file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return


@pytest.mark.slow
def test_a_postgresql_ends_with_its_killed_owner(public_folder: Path, postgresql_url: str) -> None:
    assert postgresql_url  # a server can run here
    command = [sys.executable, "-c", POSTGRESQL_OWNER, str(public_folder / "postgresql")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"running\n"
        server = int((public_folder / "postgresql" / "postmaster.pid").read_text().split()[0])
        owner.kill()
    deadline = time.monotonic() + 30
    while lives(server):
        assert time.monotonic() < deadline
        time.sleep(0.05)
