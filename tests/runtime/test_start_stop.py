"""What is started and stopped, in which order, and how often."""

import asyncio
import threading
from typing import Any

import pytest
from dependency_injector import providers

from iacs.core.exceptions import NotStartedError, UnknownPartError
from iacs.runtime import Application
from tests.fixtures.workshop import STYLES, Closable, Made, Workshop


async def test_order_goes_through_plain_singletons_and_sub_containers(workshop: Workshop) -> None:
    pool = workshop.async_resource("pool")
    database = workshop.singleton("database", pool)
    account = workshop.inside(service=workshop.resource("account", database))
    container = workshop.container(pool=pool, database=database, account=account)
    container.top = workshop.async_singleton("top", account.service)
    async with Application(container):
        assert workshop.log == ["+pool", "+database", "+account", "+top"]
    assert workshop.closed == ["top", "account", "database", "pool"]


@pytest.mark.parametrize("first", STYLES)
@pytest.mark.parametrize("second", STYLES)
async def test_a_part_of_any_kind_is_closed_before_one_of_any_kind_that_it_uses(
    workshop: Workshop, first: str, second: str
) -> None:
    low = workshop.part(first, "low")
    container = workshop.container(low=low, high=workshop.part(second, "high", low))
    async with Application(container) as app:
        assert app["high"].needs == (app["low"],)
    assert workshop.log == ["+low", "+high", "-high", "-low"]


async def test_resource_that_uses_another_through_a_singleton_is_closed_first_every_time() -> None:
    wrong = 0
    for _ in range(300):
        workshop = Workshop()
        low = workshop.resource("low")
        middle = workshop.singleton("middle", low)
        async with Application(
            workshop.container(low=low, high=workshop.resource("high", middle), middle=middle)
        ):
            pass
        wrong += workshop.closed != ["high", "middle", "low"]
    assert wrong == 0


@pytest.mark.parametrize(("root", "expected"), [("left", ["low", "left"]), ("inner.left", ["low", "inner"])])
async def test_only_what_the_roots_ask_is_started(workshop: Workshop, root: str, expected: list[str]) -> None:
    low = workshop.singleton("low")
    container = workshop.container(
        low=low,
        left=workshop.resource("left", low),
        right=workshop.resource("right", low),
        inner=workshop.inside(left=workshop.resource("inner", low)),
    )
    async with Application(container, roots=[root]) as app:
        assert workshop.opened == expected
        with pytest.raises(NotStartedError, match=r"right was not started: .*\nadd it to roots") as caught:
            app["right"]
    assert caught.value.path == "right"


async def test_a_root_may_be_a_class(workshop: Workshop) -> None:
    low, left = workshop.async_singleton("low"), workshop.resource("left")
    container = workshop.container(low=low, left=left, top=workshop.singleton("top", low))
    async with Application(container, roots=[Closable]):
        assert workshop.opened == ["low", "top"]


async def test_a_container_as_a_root_means_everything_in_it(workshop: Workshop) -> None:
    container = workshop.container(
        outside=workshop.singleton("outside"),
        inner=workshop.inside(left=workshop.singleton("left"), right=workshop.singleton("right")),
    )
    async with Application(container, roots=["inner"]):
        assert sorted(workshop.opened) == ["left", "right"]


def test_an_unknown_root_is_a_sentence(workshop: Workshop) -> None:
    with pytest.raises(UnknownPartError, match="the container has no databse\ndid you mean database"):
        Application(workshop.container(database=workshop.singleton("database")), roots=["databse"])


@pytest.mark.parametrize("inline", [True, False])
async def test_the_other_branches_of_a_selector_stay_unbuilt(workshop: Workshop, inline: bool) -> None:
    memory, disk = workshop.resource("memory"), workshop.resource("disk", workshop.singleton("file"))
    container = workshop.container(
        store=providers.Selector(providers.Object("memory"), memory=memory, disk=disk)
    )
    if not inline:
        container.memory, container.disk = memory, disk
    container.service = workshop.singleton("service", container.store)
    async with Application(container) as app:
        assert workshop.opened == ["memory", "service"]
        assert app["store"] is app["service"].needs[0]
        if not inline:
            with pytest.raises(NotStartedError, match="disk was not started: store chose memory"):
                app["disk"]
    assert workshop.closed == ["service", "memory"]


async def test_a_selector_may_choose_by_what_a_part_says(workshop: Workshop) -> None:
    settings: Any = providers.Singleton(dict, store="disk")
    container = workshop.container(
        settings=settings,
        store=providers.Selector(
            settings.provided["store"], memory=workshop.resource("memory"), disk=workshop.resource("disk")
        ),
    )
    async with Application(container):
        assert workshop.opened == ["disk"]


async def test_a_resource_that_only_an_overridden_provider_needed_stays_closed(workshop: Workshop) -> None:
    pool = workshop.resource("pool")
    database = workshop.singleton("database", pool)
    container = workshop.container(
        pool=pool, database=database, service=workshop.singleton("service", database)
    )
    app = Application(container)
    container.database.override(workshop.singleton("fake"))
    async with app:
        assert workshop.opened == ["fake", "service"]
        assert app["service"].needs[0] is app["database"] is container.database()


async def test_what_two_parts_hand_one_another_is_started(workshop: Workshop) -> None:
    loop = workshop.singleton("loop")
    handler = workshop.singleton("handler", loop.provider)
    loop.add_args(handler)
    async with Application(workshop.container(loop=loop, handler=handler)) as app:
        assert workshop.opened == ["handler", "loop"]
        assert app["handler"].needs[0]() is app["loop"]


async def test_independent_asynchronous_parts_are_opened_side_by_side(workshop: Workshop) -> None:
    barrier = asyncio.Barrier(3)
    names = ("a", "b", "c")
    workshop.starting = dict.fromkeys(names, barrier.wait)
    container = workshop.container(**{name: workshop.async_resource(name) for name in names})
    app = Application(container, start_timeout=5)
    async with app:
        assert sorted(workshop.opened) == ["a", "b", "c"]
    first = next(step for step in app.timeline if step.path == "a")
    assert {"b", "c"} <= set(app.timeline.beside(first))


async def test_a_dependant_is_opened_before_what_is_slower_and_none_of_its_business(
    workshop: Workshop,
) -> None:
    is_ready = asyncio.Event()
    low = workshop.async_resource("low")
    workshop.starting = {"slow": is_ready.wait, "high": is_ready.set}
    container = workshop.container(
        slow=workshop.async_resource("slow"), low=low, high=workshop.async_resource("high", low)
    )
    async with Application(container, start_timeout=5):
        assert workshop.opened == ["low", "high", "slow"]


async def test_started_stopped_and_started_again_makes_new_parts(workshop: Workshop) -> None:
    low = workshop.async_resource("low")
    container = workshop.container(low=low, high=workshop.singleton("high", low))
    app = Application(container)
    seen = []
    for _ in range(3):
        async with app:
            seen.append(app["high"])
            assert container.high() is app["high"]
    assert workshop.log == ["+low", "+high", "-high", "-low"] * 3
    assert len(set(map(id, seen))) == 3


async def test_those_who_enter_at_once_share_one_start_and_the_last_one_stops(workshop: Workshop) -> None:
    workshop.starting["part"] = lambda: asyncio.sleep(0)
    app = Application(workshop.container(part=workshop.async_resource("part")))
    both = asyncio.Barrier(5)

    async def use() -> Made:
        async with app:
            await both.wait()
            part: Made = app["part"]
            return part

    parts = await asyncio.gather(*(use() for _ in range(5)))
    assert workshop.log == ["+part", "-part"]
    assert len(set(map(id, parts))) == 1


async def test_a_start_waits_for_a_stop_that_is_under_way(workshop: Workshop) -> None:
    is_open, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        is_open.set()
        await go_on.wait()

    workshop.ending["high"] = wait
    low = workshop.singleton("low")
    app = Application(workshop.container(low=low, high=workshop.async_singleton("high", low)))
    await app.start()
    stopping = asyncio.create_task(app.stop())
    await is_open.wait()
    starting = asyncio.create_task(app.start())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(starting, stopping)
    assert workshop.log == ["+low", "+high", "-high", "-low", "+low", "+high"]
    assert app["high"].needs == (app["low"],)
    await app.stop()


def test_threads_that_enter_at_once_share_one_start(workshop: Workshop) -> None:
    container = workshop.container(part=workshop.resource("part"), none=providers.Singleton(lambda: None))
    app = Application(container)
    together = threading.Barrier(8)
    seen = []

    def use() -> None:
        together.wait(10)
        with app.sync():
            together.wait(10)
            seen.append(app["part"])
            together.wait(10)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert workshop.log == ["+part", "-part"]
    assert len(set(map(id, seen))) == 1


def test_two_applications_start_side_by_side_in_two_threads() -> None:
    together = threading.Barrier(2)
    workshops = [Workshop(), Workshop()]

    def use(workshop: Workshop) -> None:
        workshop.starting["part"] = workshop.ending["part"] = lambda: together.wait(10)
        with Application(workshop.container(part=workshop.singleton("part"))).sync():
            together.wait(10)

    threads = [threading.Thread(target=use, args=(workshop,)) for workshop in workshops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [workshop.log for workshop in workshops] == [["+part", "-part"]] * 2
