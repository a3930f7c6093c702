"""Stop a PostgreSQL whose last user was killed before it could stop it.

Usage: python watch.py PROCESS-ID FILE-OF-USERS   (whoever stops it by itself writes a line to standard input)
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
    """Tell whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def living(users: Path) -> list[int]:
    """Return who uses the server, without those that were killed."""
    return [pid for pid in json.loads(users.read_text()) if lives(pid)] if users.exists() else []


def wait_for_the_last(users: Path, owner: int) -> bool:
    """Tell whether nobody is left; who was killed with the owner may look alive until it is waited for."""
    deadline = time.monotonic() + _REAPED
    while set(living(users)) - {owner}:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def main(server: int, users: Path, owner: int) -> None:
    """Wait for the owner's end; whoever lives then has a watcher of its own."""
    if not sys.stdin.read() and wait_for_the_last(users, owner):
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGINT)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), os.getppid())
