"""Measure the CPU time (user and system) that commands take, as medians of ten runs.

Usage: python benchmarks/cli.py      (byte code is compiled before the first measured run, as an installer does)
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

RUNS = 10

COMMANDS = {
    "bare Python": ("-c", "pass"),
    "iacs --help": ("-m", "iacs", "--help"),
    "iacs account list": ("-m", "iacs", "account", "list"),
}
LIMITS = {"iacs --help": 0.2, "iacs account list": 0.7}
"""Maximum CPU seconds."""


def cpu_seconds(arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> float:
    """Run Python once and return the CPU time of that process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603 - commands of this file
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(folder: Path) -> None:
    """Print one row for each command."""
    dropped = ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    cpu_seconds(("-m", "iacs", "init-db"), folder, environment)
    print(f"{'command':20}{'CPU seconds':>12}{'limit':>8}{'of bare Python':>16}")  # noqa: T201 - a program
    bare = 0.0
    for name, arguments in COMMANDS.items():
        cpu_seconds(arguments, folder, environment)
        median = statistics.median(cpu_seconds(arguments, folder, environment) for _ in range(RUNS))
        bare = bare or median
        print(f"{name:20}{median:12.3f}{LIMITS.get(name, ''):>8}{median / bare:15.1f}x")  # noqa: T201


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        main(Path(directory))
