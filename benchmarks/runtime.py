"""The cost of the runtime, compared with bare dependency-injector, four other libraries and hand-written code.

Usage: python -m benchmarks.runtime [ROUNDS]      (about half a minute for the usual 40)

It reports, and fails for no figure. All are medians of the rounds, with garbage collection off; what takes
microseconds is done many times in each round, in a few rows of which the quickest counts. A ratio is the median
of each round's ratio. A machine that is busy with other things changes the ratios little, the limits in
milliseconds much.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

if not __package__:  # run by its path: the parent folder is not on the search path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import growth, injection, promises, side_by_side, whole
from benchmarks.measure import Figures, ratio
from benchmarks.rivals import CHECKING, LIBRARIES, RIVALS


def main(rounds: int) -> None:
    """Measure, print the tables, then the promises."""
    services = side_by_side.measure(RIVALS, rounds)
    rivals = {rival.name: f"{rival.name} {rival.version}" for rival in RIVALS}
    show("eight services, µs", services, rivals, references(services))
    parts = growth.measure(max(5, rounds // 4))
    show("growth, µs per part", parts, {str(size): f"{size:,} parts" for size in growth.SIZES})
    application = whole.measure(max(5, rounds // 2))
    show("the whole application, µs", application, {"whole": "ApplicationContainer"})
    for promise in (
        *promises.of_the_services(services),
        *promises.of_the_whole(application),
        promises.of_injection(injection.measure(max(5, rounds // 2))),
        *promises.of_growth(parts),
        promises.of_the_chain(*growth.chain()),
    ):
        print(promise)  # noqa: T201


def references(services: Figures) -> dict[str, str]:
    """Return the rival that each column's ratios are against."""
    bare, *_ = names = [library.name for library in LIBRARIES]
    return {
        "to first read": side_by_side.quickest(
            services["to first read"], [library.name for library in CHECKING]
        ),
        "read again": bare,
        "swap": side_by_side.quickest(services["swap"], names),
    }


def show(
    title: str, figures: Figures, rows: Mapping[str, str], references: Mapping[str, str] | None = None
) -> None:
    """Print one line for each row, with ratios where there is a reference."""
    references = references or {}
    lines = [[title, *(column + "   ratio" * (column in references) for column in figures)]]
    for row, name in rows.items():
        cells = (cell(column, row, references.get(key)) for key, column in figures.items())
        lines.append([name, *cells])
    widths = [max(map(len, column)) + 2 for column in zip(*lines, strict=True)]
    for first, *others in lines:
        print(first.ljust(widths[0]), *map(str.rjust, others, widths[1:]), sep="")  # noqa: T201
    print()  # noqa: T201


def cell(column: Mapping[str, Sequence[float]], row: str, reference: str | None) -> str:
    """Return the row's median, and its ratio to the row that it is compared with."""
    figure = f"{median(column[row]):,.3f}" if median(column[row]) < 1 else f"{median(column[row]):,.1f}"
    return f"{figure}{ratio(column[row], column[reference]):8.2f}" if reference else figure


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
