"""What an overlay opens, and when that is closed again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import providers

from iacs.core.exceptions import CheckError, NotStartedError, StartError
from iacs.runtime import Application, keep_open, wrapping
from tests.fixtures.workshop import STYLES, AsyncClosable, Closable, Made, Workshop


def _parts(workshop: Workshop) -> dict[str, Any]:
    low = providers.Object("low")
    middle = workshop.resource("middle", low)
    high = workshop.async_singleton("high", middle)
    return {"low": low, "middle": middle, "high": high, "top": workshop.async_resource("top", high)}


@pytest.mark.parametrize("style", STYLES)
async def test_what_an_overlay_opens_it_closes_in_reverse_whatever_its_kind(
    workshop: Workshop, style: str
) -> None:
    low = providers.Object("low")
    part = workshop.part(style, "part", low)
    top = workshop.part(style, "top", part)
    async with Application(workshop.container(low=low, part=part, top=top)) as app:
        before = app["top"]
        workshop.log.clear()
        async with app.overlay(low="other") as view:
            assert view["top"].needs == (view["part"],)
            assert view["part"].needs == ("other",)
            assert workshop.log == ["+part", "+top"]
        assert workshop.log == ["+part", "+top", "-top", "-part"]
        assert app["top"] is before


async def test_values_given_to_an_overlay_stay_open(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    container = workshop.container(low=low, alias=providers.Singleton(lambda low: low, low))
    async with Application(container) as app:
        given = Closable(workshop, "given", ())
        async with app.overlay(low=given) as view:
            assert view["alias"] is given
    assert workshop.closed == ["low"]


async def test_a_part_of_the_base_that_an_overlay_hands_on_stays_open(workshop: Workshop) -> None:
    left, right = workshop.singleton("left"), providers.Object("right")
    first = providers.Singleton(lambda both: both[0], providers.List(left, right))
    async with Application(workshop.container(left=left, right=right, first=first)) as app:
        with app.overlay(right="other") as view:
            assert view["first"] is app["left"]
        assert workshop.closed == []
    assert workshop.closed == ["left"]


@pytest.mark.parametrize("style", STYLES)
async def test_a_provider_given_to_an_overlay_is_built_and_closed_there(
    workshop: Workshop, style: str
) -> None:
    needed = workshop.resource("needed")
    container = workshop.container(low=providers.Object("low"), needed=needed)
    container.top = workshop.factory("top", container.low)
    async with Application(container) as app:
        async with app.overlay(low=workshop.part(style, "fake", container.needed)) as view:
            assert view["top"].needs == (view["low"],)
            assert view["low"] is view["top"].needs[0]
            assert view["low"].needs == (app["needed"],)
        assert workshop.log == ["+needed", "+fake", "-fake"]
        assert app["low"] == "low"


async def test_a_factory_given_to_an_overlay_makes_anew(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    container = workshop.container(low=low, top=workshop.factory("top", low))
    async with Application(container) as app:
        with app.overlay(low=workshop.factory("fake")) as view:
            assert view["low"].name == view["top"].needs[0].name == "fake"
            assert view["low"] is not view["low"]


async def test_a_provider_that_asks_for_what_it_replaces_is_a_sentence(workshop: Workshop) -> None:
    container = workshop.container(low=workshop.singleton("low"))
    async with Application(container) as app:
        with pytest.raises(CheckError, match=r"use wrapping\(…\) to receive the original"):
            app.overlay(low=workshop.singleton("fake", container.low)).__enter__()


async def test_a_resource_that_only_the_replaced_part_needed_is_never_opened(workshop: Workshop) -> None:
    pool = workshop.async_resource("pool")
    database = workshop.singleton("database", pool)
    container = workshop.container(database=database, pool=pool)
    container.service = workshop.singleton("service", database)
    fake = Closable(workshop, "fake", ())
    with Application(container).overlay(database=fake) as view:
        assert view["service"].needs == (fake,)
        with pytest.raises(NotStartedError, match="pool was not started"):
            view["pool"]
    assert workshop.log == ["+service", "-service"]


async def test_an_overlay_starts_only_what_the_roots_ask(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    container = workshop.container(
        low=low, left=workshop.resource("left", low), right=workshop.resource("right", low)
    )
    async with Application(container, roots=["left"]).overlay(low=Made(workshop, "x", ())) as view:
        assert view["left"].needs[0].name == "x"
        assert workshop.opened == ["left"]


async def test_a_whole_overlay_leaves_the_container_alone(workshop: Workshop) -> None:
    low = workshop.singleton("low")
    container = workshop.container(low=low, top=workshop.singleton("top", low))
    app = Application(container)
    async with app.overlay(low=Made(workshop, "x", ())) as view:
        assert not app.is_started
        assert container.top() is not view["top"]
        async with app:
            assert app["top"] is container.top()
            assert app["top"] is not view["top"]


async def test_a_wrapper_in_a_whole_overlay_receives_what_is_built_there(workshop: Workshop) -> None:
    low = workshop.resource("low")
    app = Application(workshop.container(low=low, top=workshop.singleton("top", low)))
    async with app.overlay(low=wrapping(lambda low: ("traced", low))) as view:
        assert view["top"].needs[0] == view["low"]
        assert view["low"][0] == "traced"
    assert workshop.log == ["+low", "+top", "-top", "-low"]


@pytest.mark.parametrize("part", ["middle", "high", "top"])
@pytest.mark.parametrize("whole", [False, True])
async def test_an_overlay_that_fails_to_start_closes_what_it_opened_and_nothing_else(
    workshop: Workshop, part: str, whole: bool
) -> None:
    container = workshop.container(**_parts(workshop))
    app = Application(container)
    if not whole:
        await app.start()
    before = {name: app[name] for name in container.providers} if not whole else {}
    workshop.log.clear()
    workshop.starting[part] = ValueError()
    with pytest.raises(StartError) as caught:
        await app.overlay(low="other").__aenter__()
    assert caught.value.path == part
    assert workshop.closed == workshop.opened[::-1]
    assert {name: app[name] for name in before} == before
    await app.stop()


async def test_an_overlay_that_is_cancelled_closes_what_it_opened(workshop: Workshop) -> None:
    async with Application(workshop.container(**_parts(workshop))) as app:
        workshop.log.clear()
        entering = asyncio.ensure_future(app.overlay(low="other").__aenter__())
        workshop.starting["top"] = entering.cancel
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert workshop.closed == workshop.opened[::-1]


async def test_with_refuses_parts_that_are_built_asynchronously_by_name(workshop: Workshop) -> None:
    async with Application(workshop.container(**_parts(workshop))) as app:
        workshop.log.clear()
        with pytest.raises(StartError, match="top is built asynchronously\nstart it with 'async with'"):
            app.overlay(low="other").__enter__()
        assert workshop.log == []


async def _enter_and_leave(app: Application[Any], workshop: Workshop) -> None:
    with app.overlay(low="other"):
        workshop.log.clear()


async def test_an_overlay_left_in_the_loop_closes_there_in_reverse(workshop: Workshop) -> None:
    parts = _parts(workshop)
    is_over = asyncio.Event()
    workshop.ending["middle"] = is_over.set
    del parts["top"]
    parts["roof"] = workshop.resource("roof", parts["high"])
    async with Application(workshop.container(**parts)) as app:
        await _enter_and_leave(app, workshop)
        await asyncio.wait_for(is_over.wait(), 5)
        assert workshop.closed == ["roof", "high", "middle"]


async def test_a_stop_waits_for_what_overlays_have_left_to_close(workshop: Workshop) -> None:
    parts = _parts(workshop)
    del parts["top"]
    app = Application(workshop.container(**parts))
    await app.start()
    await _enter_and_leave(app, workshop)
    await app.stop()
    assert workshop.closed == ["high", "middle"] * 2


async def test_what_an_overlay_could_not_close_later_is_raised_by_the_stop(workshop: Workshop) -> None:
    parts = _parts(workshop)
    del parts["top"]
    app = Application(workshop.container(**parts))
    await app.start()
    await _enter_and_leave(app, workshop)
    workshop.ending["high"] = OSError("stuck")
    with pytest.raises(ExceptionGroup) as caught:
        await app.stop()
    assert [str(error) for error in caught.value.exceptions] == ["stuck", "stuck"]
    assert workshop.closed == ["high", "middle"] * 2


async def test_an_overlay_left_in_a_worker_thread_closes_in_the_loop(workshop: Workshop) -> None:
    parts = _parts(workshop)
    del parts["top"]

    def use() -> list[str]:
        with app.overlay(low="other"):
            workshop.log.clear()
        return list(workshop.closed)

    async with Application(workshop.container(**parts)) as app:
        assert await asyncio.to_thread(use) == ["high", "middle"]


@pytest.mark.parametrize("made", [AsyncClosable, Closable])
async def test_an_overlay_made_before_the_start_belongs_to_the_started_application(
    workshop: Workshop, made: Callable[..., Made]
) -> None:
    low = providers.Object("low")

    def make(low: str) -> Made:
        return made(workshop, low, ())

    app = await asyncio.to_thread(
        Application, workshop.container(low=low, top=providers.Singleton(make, low))
    )
    overlay = app.overlay(low="other")
    async with app:
        with overlay:
            assert overlay["top"].name == "other"
    assert sorted(workshop.closed) == ["low", "other"]


async def test_a_part_that_is_marked_stays_open_in_an_overlay_too(workshop: Workshop) -> None:
    low = providers.Object("low")
    marked = providers.Singleton(keep_open(workshop.singleton("marked").provides), low)
    async with Application(workshop.container(low=low, marked=marked)) as app:
        with app.overlay(low="other"):
            pass
    assert workshop.closed == []
