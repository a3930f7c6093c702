"""The eight services, wired by each rival in turn, round after round."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from statistics import median

from benchmarks.measure import Figures, collected, often, once, reading
from benchmarks.rivals import Rival
from benchmarks.rivals.graph import Config, Database

COLUMNS = ("declare", "build", "first read", "to first read", "read again", "swap")


def measure(rivals: Iterable[type[Rival]], rounds: int) -> Figures:
    """Return the times of each column; the first round is a warm-up."""
    figures: Figures = {column: defaultdict(list) for column in COLUMNS}
    for number in range(rounds + 1):
        with collected():
            measured = one_round([rival() for rival in rivals])
        for (column, name), microseconds in measured.items() if number else ():
            figures[column][name].append(microseconds)
    return figures


def one_round(rivals: list[Rival]) -> dict[tuple[str, str], float]:
    """Measure one operation with every rival, then the next operation."""
    measured: dict[tuple[str, str], float] = {}
    for rival in rivals:
        measured["declare", rival.name] = once(rival.declare)
    for rival in rivals:
        build, first = once(rival.build), once(rival.first)
        measured["build", rival.name], measured["first read", rival.name] = build, first
        measured["to first read", rival.name] = build + first
    for rival in rivals:
        measured["read again", rival.name] = reading(*rival.reader())
    for rival in rivals:
        measured["swap", rival.name] = often(partial(rival.swap, Database(Config())))
    for rival in rivals:
        rival.close()
    return measured


def quickest(figures: dict[str, list[float]], names: Iterable[str]) -> str:
    """Return the name with the lowest median."""
    return min(names, key=lambda name: median(figures[name]))
