"""Writes a line to stderr whole, whatever other processes write into the same pipe or file."""

import fcntl
import os
import select
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK_SECONDS = 1.0
"""The limit for a process that stopped while it held the lock: then a line may be torn, but nobody waits."""
_FULL_SECONDS = 1.0


def write_line(line: str) -> None:
    """Write a line and its end to stderr; raise OSError or ValueError if stderr is closed."""
    stream: Any = sys.stderr
    own: Any = sys.__stderr__
    encoding = getattr(stream, "encoding", None) or "utf-8"
    data = f"{line}\n".encode(encoding, errors="backslashreplace")
    if stream is not own:  # a test or a notebook has replaced it
        stream.write(data.decode(encoding))
        return
    stream.flush()
    descriptor = stream.fileno()
    with _locked(descriptor):
        _write(descriptor, data)


@contextmanager
def _locked(descriptor: int) -> "Iterator[None]":
    """Hold the lock of the file or pipe: a pipe is atomic only up to 4 KiB, and only while it is not full."""
    deadline = time.monotonic() + _LOCK_SECONDS
    is_held = False
    while not is_held and time.monotonic() < deadline:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_held = True
        except (BlockingIOError, PermissionError):
            time.sleep(0.001)
        except OSError:  # this file has no locks
            break
    try:
        yield
    finally:
        if is_held:
            with suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_UN)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # a full pipe that somebody has set to O_NONBLOCK
            if not select.select([], [descriptor], [], _FULL_SECONDS)[1]:
                return
