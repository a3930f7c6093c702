from hypothesis import given
from hypothesis import strategies as st

from iacs.runtime.graph.walking import components, depth_first


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(0, 12))
    indexes = st.integers(0, max(0, size - 1))
    return [draw(st.lists(indexes, max_size=4, unique=True)) for _ in range(size)]


def reached(ways: list[list[int]], start: int) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        index = waiting.pop()
        for neighbour in ways[index]:
            if neighbour not in seen:
                seen.add(neighbour)
                waiting.append(neighbour)
    return seen


@given(graphs())
def test_indexes_share_a_component_when_each_leads_to_the_other(ways: list[list[int]]) -> None:
    numbers = components(ways)
    for one in range(len(ways)):
        for other in range(len(ways)):
            together = one == other or (other in reached(ways, one) and one in reached(ways, other))
            assert (numbers[one] == numbers[other]) is together


@given(graphs())
def test_each_index_comes_once_and_after_what_it_leads_to_unless_that_leads_back(
    ways: list[list[int]],
) -> None:
    order = [index for index, _ in depth_first(ways)]
    assert sorted(order) == list(range(len(ways)))
    for index, targets in enumerate(ways):
        for target in targets:
            if index not in reached(ways, target):
                assert order.index(target) <= order.index(index)


@given(graphs())
def test_a_cycle_is_reported_only_if_there_is_one(ways: list[list[int]]) -> None:
    cycles = [cycle for _, closed in depth_first(ways) for cycle in closed]
    assert bool(cycles) is any(index in reached(ways, index) for index in range(len(ways)))
    for cycle in cycles:
        assert all(
            following in ways[index] for index, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True)
        )


def test_a_chain_of_a_hundred_thousand_is_walked() -> None:
    ways = [[index + 1] for index in range(99_999)] + [[]]
    assert [index for index, _ in depth_first(ways)][:2] == [99_999, 99_998]
    assert len(set(components(ways))) == 100_000
