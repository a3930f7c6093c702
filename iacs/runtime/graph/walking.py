"""Walks over a graph given as lists of indexes, without recursion: a chain may be thousands deep."""

from collections.abc import Iterator, Sequence

Ways = Sequence[Sequence[int]]
Step = tuple[int, list[tuple[int, ...]]]


def depth_first(ways: Ways) -> Iterator[Step]:
    """Yield each index after those it leads to, with the cycles that were closed below it."""
    done: set[int] = set()
    for start in range(len(ways)):
        if start not in done:
            yield from _visit(start, ways, done)


def _visit(start: int, ways: Ways, done: set[int]) -> Iterator[Step]:
    trail, place = [start], {start: 0}
    ahead = [iter(ways[start])]
    cycles: list[list[tuple[int, ...]]] = [[]]
    while trail:
        following = next((index for index in ahead[-1] if index not in done), None)
        if following is None:
            index = trail.pop()
            del place[index]
            ahead.pop()
            done.add(index)
            yield index, cycles.pop()
        elif following in place:
            cycles[-1].append(tuple(trail[place[following] :]))
        else:
            place[following] = len(trail)
            trail.append(following)
            ahead.append(iter(ways[following]))
            cycles.append([])


def components(ways: Ways) -> list[int]:
    """Return for each index a number that it shares with those it leads to and that lead back to it."""
    backwards: list[list[int]] = [[] for _ in ways]
    for index, targets in enumerate(ways):
        for target in targets:
            backwards[target].append(index)
    numbers = [-1] * len(ways)
    for start in reversed([index for index, _ in depth_first(ways)]):  # Kosaraju's order
        waiting = [start]
        while waiting:
            index = waiting.pop()
            if numbers[index] < 0:
                numbers[index] = start
                waiting += [before for before in backwards[index] if numbers[before] < 0]
    return numbers
