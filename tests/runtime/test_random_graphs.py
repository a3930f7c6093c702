"""Random containers of every style of part, against what a few lines of plain Python say of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from iacs.core.exceptions import StartError
from iacs.runtime import Application, Overlay
from tests.fixtures.workshop import STYLES, Made, Workshop

KINDS = (*STYLES, "factory", "selector")


@dataclass(frozen=True)
class Drawn:
    """A provider: what it is, what it asks by number, the branch that a selector takes, and its module."""

    kind: str
    needs: tuple[int, ...]
    chosen: int
    module: str


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Drawn, ...]:
    graph: list[Drawn] = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.integers(0, number - 1), max_size=4, unique=True)) if number else []
        kind = draw(st.sampled_from(KINDS if needs else STYLES))
        chosen = draw(st.sampled_from(needs)) if needs else 0
        graph.append(Drawn(kind, tuple(needs), chosen, draw(st.sampled_from(("", "left", "right")))))
    return tuple(graph)


class Reference:
    """What a graph means, worked out by brute force."""

    def __init__(self, graph: tuple[Drawn, ...]) -> None:
        self.graph = graph

    def asked(self, number: int) -> tuple[int, ...]:
        drawn = self.graph[number]
        return (drawn.chosen,) if drawn.kind == "selector" else drawn.needs

    def below(self, number: int, replaced: frozenset[int] = frozenset()) -> set[int]:
        """Return what a provider is made of, itself included; what is replaced is made of nothing."""
        asked = () if number in replaced else self.asked(number)
        return {number}.union(*(self.below(need, replaced) for need in asked))

    def tops(self) -> set[int]:
        return set(range(len(self.graph))) - {need for drawn in self.graph for need in drawn.needs}

    def parts(self, roots: set[int], replaced: frozenset[int] = frozenset()) -> set[str]:
        reached: set[int] = set().union(*(self.below(root, replaced) for root in roots)) - replaced
        return {f"p{number}" for number in reached if self.graph[number].kind in STYLES}

    def rebuilt(self, replaced: int, before: frozenset[int] = frozenset()) -> set[str]:
        """Name the parts that are other objects once one provider, after those before, is replaced."""
        reached = self.parts(self.tops(), before | {replaced})
        return {name for name in reached if replaced in self.below(int(name[1:]), before)}

    def path(self, number: int) -> str:
        return ".".join(filter(None, (self.graph[number].module, f"p{number}")))


def _container(workshop: Workshop, graph: tuple[Drawn, ...]) -> Any:
    made: list[Any] = []
    modules: dict[str, dict[str, Any]] = {"": {}, "left": {}, "right": {}}
    for number, drawn in enumerate(graph):
        needs = [made[need] for need in drawn.needs]
        made.append(_provider(workshop, f"p{number}", drawn, needs))
        modules[drawn.module][f"p{number}"] = made[-1]
    inside = {name: workshop.inside(**modules[name]) for name in ("left", "right")}
    return workshop.container(**modules[""], **inside)


def _provider(workshop: Workshop, name: str, drawn: Drawn, needs: list[Any]) -> Any:
    if drawn.kind == "selector":
        branches = {f"b{number}": need for number, need in zip(drawn.needs, needs, strict=True)}
        return providers.Selector(providers.Object(f"b{drawn.chosen}"), **branches)
    if drawn.kind == "factory":
        return workshop.factory(name, *needs)
    return workshop.part(drawn.kind, name, *needs)


def _assert_in_order(reference: Reference, opened: list[str], replaced: frozenset[int] = frozenset()) -> None:
    """Check that each part was opened after what it is made of; what is replaced is made of nothing."""
    numbers = [int(name[1:]) for name in opened]
    for position, number in enumerate(numbers):
        below = reference.below(number, replaced) - {number}
        assert not below & set(numbers[position:])


@given(graphs())
def test_what_the_roots_reach_is_started_in_order_and_stopped_in_reverse(graph: tuple[Drawn, ...]) -> None:
    workshop, reference = Workshop(), Reference(graph)

    async def use() -> None:
        async with Application(_container(workshop, graph)):
            pass

    asyncio.run(use())
    assert set(workshop.opened) == reference.parts(reference.tops())
    assert len(workshop.opened) == len(set(workshop.opened))
    _assert_in_order(reference, workshop.opened)
    assert workshop.closed == workshop.opened[::-1]


@given(graphs(), st.data())
def test_only_what_a_drawn_root_reaches_is_started(graph: tuple[Drawn, ...], data: st.DataObject) -> None:
    workshop, reference = Workshop(), Reference(graph)
    root = data.draw(st.integers(0, len(graph) - 1))

    async def use() -> None:
        async with Application(_container(workshop, graph), roots=[reference.path(root)]):
            pass

    asyncio.run(use())
    assert set(workshop.opened) == reference.parts({root})
    assert workshop.closed == workshop.opened[::-1]


@given(graphs(), st.data())
def test_a_failing_part_closes_exactly_what_was_started(
    graph: tuple[Drawn, ...], data: st.DataObject
) -> None:
    workshop, reference = Workshop(), Reference(graph)
    failing = data.draw(st.sampled_from(sorted(reference.parts(reference.tops())) or ["none"]))
    workshop.starting[failing] = ValueError()

    async def use() -> None:
        container = _container(workshop, graph)
        if failing == "none":
            return
        with pytest.raises(StartError) as caught:
            await Application(container).start()
        assert caught.value.path.split(".")[-1] == failing
        assert not any(provider.overridden for provider in container.providers.values())

    asyncio.run(use())
    _assert_in_order(reference, workshop.opened)
    assert workshop.closed == workshop.opened[::-1]
    assert failing not in workshop.opened


@settings(max_examples=200)
@given(graphs(), st.data())
def test_an_overlay_rebuilds_exactly_what_depends_on_the_replaced_part(
    graph: tuple[Drawn, ...], data: st.DataObject
) -> None:
    workshop, reference = Workshop(), Reference(graph)
    first, second = (data.draw(st.integers(0, len(graph) - 1)) for _ in range(2))
    asyncio.run(_overlay(workshop, reference, first, second))


async def _overlay(workshop: Workshop, reference: Reference, first: int, second: int) -> None:
    container = _container(workshop, reference.graph)
    paths = {name: reference.path(int(name[1:])) for name in reference.parts(reference.tops())}
    async with Application(container) as app:
        before = {name: app[path] for name, path in paths.items()}
        async with (
            _replacing(workshop, reference, app, first, frozenset()) as outer,
            _replacing(workshop, reference, outer, second, frozenset({first})),
        ):
            pass
        assert {name: app[path] for name, path in paths.items()} == before


@asynccontextmanager
async def _replacing(
    workshop: Workshop, reference: Reference, below: Any, replaced: int, before: frozenset[int]
) -> AsyncIterator[Overlay]:
    """Replace one provider in a view, and see that only the parts that depend on it are other ones."""
    fake = Made(workshop, "fake", ())
    expected = reference.rebuilt(replaced, before)
    workshop.log.clear()
    async with below.overlay({reference.path(replaced): fake}) as view:
        assert set(workshop.opened) == expected
        _assert_in_order(reference, workshop.opened, before | {replaced})
        assert view[reference.path(replaced)] is fake
        for name in reference.parts(reference.tops(), before | {replaced}) - expected:
            assert view[reference.path(int(name[1:]))] is below[reference.path(int(name[1:]))]
        opened = workshop.opened
        yield view
        workshop.log.clear()
    assert workshop.closed == opened[::-1]
