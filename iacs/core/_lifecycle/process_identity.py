"""An identity of a process, by which others on the same machine (on Linux) see whether it still runs."""

import os
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def process_identity() -> str:
    """Return a text that identifies this process among all others; empty where the system has none."""
    return _identity(os.getpid())  # a forked child is another process


def is_gone(identity: str) -> bool:
    """Return whether that process ran on this machine and has ended."""
    machine, _, process = identity.rpartition(":")
    if not machine or machine != _machine():
        return False
    return _started(process.partition("-")[0]) != process.partition("-")[2]


@cache
def _identity(pid: int) -> str:
    started = _started(str(pid))
    return f"{_machine()}:{pid}-{started}" if _machine() and started else ""


@cache
def _machine() -> str:
    """Return this boot of this machine and this namespace of process ids, of which every container has its own."""
    try:
        return f"{_BOOT_ID.read_text().strip()}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _started(pid: str) -> str:
    """Return when a process started, in clock ticks since the boot; empty once it has ended (proc(5), field 22)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]
