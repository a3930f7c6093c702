"""Walks over a graph given as lists of indexes, without recursion: a chain may be thousands deep."""

from collections.abc import Iterator, Mapping, Sequence

Successors = Sequence[Sequence[int]]
Step = tuple[int, list[tuple[int, ...]]]


def depth_first(successors: Successors) -> Iterator[Step]:
    """Yield each index after those it leads to, with the cycles that end below it."""
    done: set[int] = set()
    for start in range(len(successors)):
        if start not in done:
            yield from _visit(start, successors, done)


def _visit(start: int, successors: Successors, done: set[int]) -> Iterator[Step]:
    trail, position = [start], {start: 0}
    ahead = [iter(successors[start])]
    cycles: list[list[tuple[int, ...]]] = [[]]
    while trail:
        following = next((index for index in ahead[-1] if index not in done), None)
        if following is None:
            index = trail.pop()
            del position[index]
            ahead.pop()
            done.add(index)
            yield index, cycles.pop()
        elif following in position:
            cycles[-1].append(tuple(trail[position[following] :]))
        else:
            position[following] = len(trail)
            trail.append(following)
            ahead.append(iter(successors[following]))
            cycles.append([])


def components(successors: Successors) -> list[int]:
    """Return for each index a number that it shares with those it leads to and that lead back to it."""
    backwards: list[list[int]] = [[] for _ in successors]
    for index, targets in enumerate(successors):
        for target in targets:
            backwards[target].append(index)
    numbers = [-1] * len(successors)
    for start in reversed([index for index, _ in depth_first(successors)]):  # Kosaraju's order
        waiting = [start]
        while waiting:
            index = waiting.pop()
            if numbers[index] < 0:
                numbers[index] = start
                waiting += [before for before in backwards[index] if numbers[before] < 0]
    return numbers


def back(before: Mapping[int, int | None], index: int | None) -> Iterator[int]:
    """Yield `index`, the index that it was reached from, and so on to the start of a walk."""
    while index is not None:
        yield index
        index = before[index]
