"""Measure the CPU time (user and system) that commands take, as medians of ten runs.

python benchmarks/cli.py
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 10

COMMANDS = {
    "bare Python": ("-c", "pass"),
    "iacs --help": ("-m", "iacs", "--help"),
    "iacs account list": ("-m", "iacs", "account", "list"),
}


def cpu_seconds(arguments: tuple[str, ...], folder: Path) -> float:
    """Run Python once and return the CPU time of that process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603 - commands of this file
        [sys.executable, *arguments], cwd=folder, env=_environment(), capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}


def main() -> None:
    """Print one row for each command."""
    with tempfile.TemporaryDirectory() as folder:
        cpu_seconds(("-m", "iacs", "init-db"), Path(folder))
        print(f"{'command':20}{'CPU seconds':>12}{'of bare Python':>16}")  # noqa: T201 - a program
        bare = 0.0
        for name, arguments in COMMANDS.items():
            median = statistics.median(cpu_seconds(arguments, Path(folder)) for _ in range(RUNS))
            bare = bare or median
            print(f"{name:20}{median:12.3f}{median / bare:15.1f}x")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
