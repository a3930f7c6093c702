"""Stop a PostgreSQL server when its last user was killed before stopping it.

Usage: python watch.py PROCESS-ID FILE-OF-USERS   (a user that stops the server itself writes a line to standard input)
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_REAPED = 10.0


def lives(pid: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def living(users: Path) -> list[int]:
    """Return the processes that use the server, without those that were killed."""
    return [pid for pid in json.loads(users.read_text()) if lives(pid)] if users.exists() else []


def wait_for_the_last(users: Path, owner: int) -> bool:
    """Return whether no other user is left; one that was killed with the owner exists until its parent reaps it."""
    deadline = time.monotonic() + _REAPED
    while set(living(users)) - {owner}:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def main(server: int, users: Path, owner: int) -> None:
    """Wait for the owner's end; every user that still lives has a watcher of its own."""
    if not sys.stdin.read() and wait_for_the_last(users, owner):
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGINT)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), os.getppid())
