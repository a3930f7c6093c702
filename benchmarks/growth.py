"""The cost per part in small and large graphs, and the behaviour of a very deep chain."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from dependency_injector import containers, providers

from benchmarks.measure import Figures, collected, once, once_async
from iacs.core.exceptions import IACSGraphError
from iacs.runtime import Application, check

COLUMNS = ("check", "start", "stop")
SIZES = (10, 100, 1_000)
DEEP = 5_000


class Part:
    """A part that depends on up to two others and must be closed."""

    def __init__(self, left: "Part | None" = None, right: "Part | None" = None) -> None:
        self.left, self.right = left, right

    def close(self) -> None:
        """Drop the references to the others."""
        self.left = self.right = None


def wide(parts: int) -> containers.Container:
    """Return a graph in which part n needs the parts n/2 and n/3."""
    made = [providers.Singleton(Part)]
    for number in range(1, parts):
        made.append(providers.Singleton(Part, made[number // 2], made[number // 3]))
    return contain(made)


def deep(parts: int) -> containers.Container:
    """Return a graph in which each part needs the one before."""
    made = [providers.Singleton(Part)]
    for _ in range(1, parts):
        made.append(providers.Singleton(Part, made[-1]))
    return contain(made)


def contain(made: list[providers.Singleton[Part]]) -> containers.Container:
    """Add the providers to a container as they are; a declarative one would copy the whole chain."""
    container = containers.DynamicContainer()
    container.set_providers(**{f"part_{number}": provider for number, provider in enumerate(made)})
    return container


async def one_life(parts: int) -> dict[str, float]:
    """Return the microseconds per part of checking, starting and stopping."""
    container = wide(parts)
    microseconds = {"check": once(lambda: check(container))}
    application = Application(container)
    microseconds["start"] = await once_async(application.start)
    microseconds["stop"] = await once_async(application.stop)
    return {column: total / parts for column, total in microseconds.items()}


def measure(rounds: int) -> Figures:
    """Return the times per part, by column and number of parts; the first round is a warm-up."""
    figures: Figures = {column: defaultdict(list) for column in COLUMNS}
    for number in range(rounds + 1):
        for parts in SIZES:
            with collected():
                measured = asyncio.run(one_life(parts))
            for column, microseconds in measured.items() if number else ():
                figures[column][str(parts)].append(microseconds)
    return figures


def chain() -> tuple[bool, str]:
    """Return whether a deep chain succeeded, and the outcome; in a subprocess, which it may crash."""
    command = [sys.executable, "-m", "benchmarks.growth"]
    folder = Path(__file__).resolve().parents[1]
    ended = subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    words = (ended.stdout.strip() or ended.stderr.strip() or "no word").splitlines()[-1]
    return ended.returncode == 0, words if ended.returncode == 0 else f"exit code {ended.returncode}: {words}"


def live_deep() -> str:
    """Start, read and stop the chain; report it when the check rejects it."""
    try:
        application = Application(deep(DEEP))
        with application.sync():
            return f"run to its last {type(application[f'part_{DEEP - 1}']).__name__}"
    except IACSGraphError as error:
        return f"refused: {error}"


if __name__ == "__main__":
    print(live_deep())  # noqa: T201
