"""The documented limits of the runtime's speed, compared with the measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.growth import COLUMNS, DEEP, SIZES
from benchmarks.measure import Figures, ratio
from benchmarks.rivals import CHECKING, LIBRARIES, OURS
from benchmarks.side_by_side import quickest


@dataclass
class Promise:
    """One line of the report."""

    what: str
    measured: str
    limit: str
    kept: bool

    def __str__(self) -> str:
        return f"{'kept' if self.kept else 'MISSED':8}{self.what:76}{self.measured:>12}{self.limit:>18}"


def at_most(what: str, figure: float, limit: float, unit: str) -> Promise:
    """Compare a measurement with its upper limit."""
    return Promise(what, f"{figure:.2f} {unit}", f"at most {limit:g} {unit}", figure <= limit)


def less_than(what: str, figure: float) -> Promise:
    """Require a ratio below one."""
    return Promise(what, f"{figure:.2f} x", "less than 1 x", figure < 1)


def of_the_services(figures: Figures) -> Iterator[Promise]:
    """Compare with the rivals that a promise names."""
    read, swap, first = (figures[column] for column in ("read again", "swap", "to first read"))
    bare = LIBRARIES[0].name
    yield at_most(f"reading a service, beside {bare}", ratio(read[OURS.name], read[bare]), 1.2, "x")
    best = quickest(swap, [library.name for library in LIBRARIES])
    yield less_than(
        f"an overlay, beside the quickest of five libraries ({best})", ratio(swap[OURS.name], swap[best])
    )
    for library in CHECKING:
        yield less_than(
            f"build, check and first read, beside {library.name}",
            ratio(first[OURS.name], first[library.name]),
        )


def of_the_whole(figures: Figures) -> Iterator[Promise]:
    """Compare with the limits of the whole application container."""
    for column, what, limit in (
        ("to first read", "the whole application: build, check and first read", 15),
        ("overlay", "the whole application: an overlay of its database", 0.2),
    ):
        rounds = figures[column]["whole"]
        quickest_round = f"{what} (quickest round {min(rounds) / 1000:.2f})"
        yield at_most(quickest_round, median(rounds) / 1000, limit, "ms")


def of_injection(rounds: Sequence[float]) -> Promise:
    """Compare the call of an injected function with its limit."""
    return at_most("a call of an injected function", median(rounds), 20, "µs")


def of_growth(figures: Figures) -> Iterator[Promise]:
    """Compare the cost per part of the largest graph with that of the one before."""
    *_, middle, large = (str(size) for size in SIZES)
    for column in COLUMNS:
        figure = ratio(figures[column][large], figures[column][middle])
        yield at_most(f"{column}, per part: of {large} parts, beside {middle}", figure, 1.5, "x")


def of_the_chain(kept: bool, words: str) -> Promise:
    """Report the outcome of the deep chain."""
    return Promise(f"a chain {DEEP:,} deep is run or refused, never a crash: {words}", "", "", kept)
