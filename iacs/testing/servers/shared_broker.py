"""One Kafka broker for all processes of a test run: the first one starts it, the last one stops it."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from iacs.testing.servers.kafka import KafkaBroker
from iacs.testing.servers.lock import locked

_END_SECONDS = 30.0


@contextmanager
def shared_broker(folder: Path, *, cache: Path) -> Iterator[str]:
    """Yield `host:port` of the broker that all processes with the same `folder` share.

    Each of them holds a pipe open that the broker's keeper reads, and a shared lock: the broker ends with the
    last of them, also when that is killed. Raises ServerMissingError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("a") as users:
        with locked(folder / "lock"):
            pipe = _join(folder, users, cache)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield (folder / "bootstrap").read_text()
        finally:
            with locked(folder / "lock"):
                os.close(pipe)
                if _is_alone(users):
                    _wait_for_the_end(folder)


def _join(folder: Path, users: TextIO, cache: Path) -> int:
    """Return a descriptor that keeps the broker running; start the broker if nobody uses one."""
    if not _is_alone(users):
        return os.open(_home(folder) / "pipe", os.O_WRONLY)
    if (folder / "home").exists():
        _wait_for_the_end(folder)  # its users were killed
    home = Path(tempfile.mkdtemp(prefix="iacs-kafka-"))
    (folder / "home").write_text(str(home))
    os.mkfifo(home / "pipe")
    writer, reader = os.open(home / "pipe", os.O_RDWR), os.open(home / "pipe", os.O_RDONLY)
    try:
        (folder / "bootstrap").write_text(_start(home, reader, cache))
    except BaseException:
        os.close(writer)
        shutil.rmtree(home, ignore_errors=True)
        raise
    finally:
        os.close(reader)
    return writer


def _start(home: Path, stdin: int, cache: Path) -> str:
    broker = KafkaBroker(home, cache=cache)
    broker.start(stdin=stdin, discard=True)
    broker.disown()
    return broker.bootstrap


def _is_alone(users: TextIO) -> bool:
    """Return whether no other process holds the lock, and release the own one."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(users, fcntl.LOCK_UN)
    return True


def _home(folder: Path) -> Path:
    return Path((folder / "home").read_text())


def _wait_for_the_end(folder: Path) -> None:
    """Wait until the keeper has removed the broker's folder, so that a new one may be started."""
    deadline = time.monotonic() + _END_SECONDS
    while _home(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(_home(folder), ignore_errors=True)
