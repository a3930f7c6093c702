"""The cost of parts in a request to FastAPI, compared with manual wiring and with other libraries.

Usage: python -m benchmarks.scopes [ROUNDS [NAME …]]      (a minute for the usual 30; NAME: only these libraries)

All are served through ASGI in this process and measured in turn, round after round, with garbage collection off.
Figures are the CPU time of a request, in microseconds: the median of the rounds. `speed` is manual wiring's time
divided by the library's, and `added` the microseconds above manual wiring: medians of each round's, which other
load on the machine changes little. `scoped` reads seven parts that are built for the request, two of which are
closed after it; `singleton` reads two that are built once.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

if not __package__:  # run by its path: the parent folder is not on the search path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import Figures, collected, ratio
from benchmarks.served import LIBRARIES, MANUAL, Library
from benchmarks.served.asgi import Server

COLUMNS = ("scoped", "singleton")
REQUESTS = 200


async def measure(libraries: Iterable[Library], rounds: int, requests: int = REQUESTS) -> Figures:
    """Return the microseconds of each route and library; the first round is a warm-up."""
    figures: Figures = {column: defaultdict(list) for column in COLUMNS}
    async with AsyncExitStack() as stack:
        servers = {
            library.name: await stack.enter_async_context(Server(library.serve())) for library in libraries
        }
        for number in range(rounds + 1):
            for column in COLUMNS:
                for name, server in servers.items():
                    with collected():
                        microseconds = await server.microseconds(f"/{column}", requests)
                    if number:
                        figures[column][name].append(microseconds)
    return figures


def show(figures: Figures) -> None:
    """Print a line for each library."""
    print("CPU time of a request, µs".ljust(30), *(f"{column:>11}   speed   added" for column in COLUMNS))  # noqa: T201
    for name in figures["scoped"]:
        cells = (cell(figures[column][name], figures[column][MANUAL.name]) for column in COLUMNS)
        print(name.ljust(30), *cells)  # noqa: T201


def cell(figures: Sequence[float], manual: Sequence[float]) -> str:
    """Return the median, its ratio to manual wiring, and the difference."""
    added = median(ours - theirs for ours, theirs in zip(figures, manual, strict=True))
    return f"{median(figures):11.1f}{ratio(manual, figures):8.2f}{added:8.1f}"


def main(rounds: int, names: Sequence[str]) -> None:
    """Measure and print the table."""
    chosen = [
        library
        for library in LIBRARIES
        if library is MANUAL or not names or any(name in library.name for name in names)
    ]
    show(asyncio.run(measure(chosen, rounds)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, sys.argv[2:])
