"""Many overlays at a time: each one sees its own parts, and the application never notices."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from iacs.core.exceptions import NotStartedError
from iacs.runtime import Application, current_application
from tests.fixtures.workshop import Made, Workshop

NUMBER = 100


def _container(workshop: Workshop) -> Any:
    low = workshop.singleton("low")
    middle = workshop.resource("middle", low)
    return workshop.container(
        low=low,
        middle=middle,
        beside=workshop.singleton("beside"),
        inner=workshop.inside(top=workshop.async_singleton("top", middle)),
    )


def _seen(view: Any) -> object:
    return view["inner.top"].needs[0].needs[0]


async def test_a_hundred_tasks_see_their_own_objects(workshop: Workshop) -> None:
    together = asyncio.Barrier(NUMBER)

    async def use(app: Application[Any], number: int) -> bool:
        mine = Made(workshop, str(number), ())
        async with app.overlay(low=mine) as view:
            await together.wait()
            for _ in range(5):
                await asyncio.sleep(0)
                assert _seen(view) is mine
                assert current_application() is view
            return view["beside"] is app["beside"]

    container = _container(workshop)
    async with Application(container) as app:
        before = {name: provider() for name, provider in container.providers.items() if name != "inner"}
        top = app["inner.top"]
        assert all(await asyncio.gather(*(use(app, number) for number in range(NUMBER))))
        assert app["inner.top"] is top is container.inner.top()
        assert {name: app[name] for name in before} == before
        assert workshop.opened.count("middle") == NUMBER + 1
        assert workshop.closed.count("middle") == workshop.closed.count("top") == NUMBER
    assert workshop.closed.count("low") == 1


async def test_a_hundred_threads_see_their_own_objects(workshop: Workshop) -> None:
    together = threading.Barrier(NUMBER)

    def use(app: Application[Any], number: int) -> bool:
        mine = Made(workshop, str(number), ())
        with app.overlay(low=mine) as view:
            together.wait(30)
            assert _seen(view) is mine
            assert current_application() is view
            return view["beside"] is app["beside"]

    async with Application(_container(workshop)) as app:
        top = app["inner.top"]
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(NUMBER) as threads:
            results = await asyncio.gather(
                *(loop.run_in_executor(threads, use, app, number) for number in range(NUMBER))
            )
        assert all(results)
        assert app["inner.top"] is top
        assert workshop.closed.count("middle") == NUMBER


@pytest.mark.parametrize("readers", [4])
def test_the_base_is_read_while_overlays_come_and_go(workshop: Workshop, readers: int) -> None:
    low = workshop.singleton("low")
    container = workshop.container(low=low, top=workshop.factory("top", workshop.singleton("middle", low)))
    wrong: list[object] = []
    is_over = threading.Event()

    def read(app: Application[Any]) -> None:
        expected = app["low"]
        while not is_over.is_set():
            parts = (app["top"].needs[0].needs[0], container.top().needs[0].needs[0], app["low"], low())
            wrong.extend(part for part in parts if part is not expected)

    def swap(app: Application[Any], name: str) -> None:
        for number in range(200):
            mine = Made(workshop, f"{name}{number}", ())
            with app.overlay(low=mine) as view:
                wrong.extend(
                    part for part in (view["top"].needs[0].needs[0], view["low"]) if part is not mine
                )

    with Application(container).sync() as app:
        reading = [threading.Thread(target=read, args=(app,)) for _ in range(readers)]
        swapping = [threading.Thread(target=swap, args=(app, name)) for name in "abcd"]
        for thread in (*reading, *swapping):
            thread.start()
        for thread in swapping:
            thread.join(60)
        is_over.set()
        for thread in reading:
            thread.join(10)
    assert wrong == []


def _look_until(is_over: threading.Event, errors: list[BaseException]) -> None:
    while not is_over.is_set():
        try:
            current_application()
        except NotStartedError:
            pass
        except BaseException as error:  # noqa: BLE001 - reported by the test's own thread
            errors.append(error)


def _start_and_stop() -> None:
    for _ in range(100):
        workshop = Workshop()
        with Application(workshop.container(low=workshop.singleton("low"))).sync() as app:
            assert current_application() is app


def test_code_of_no_context_looks_while_applications_start_and_stop() -> None:
    errors: list[BaseException] = []
    is_over = threading.Event()
    looking = [threading.Thread(target=_look_until, args=(is_over, errors)) for _ in range(2)]
    starting = [threading.Thread(target=_start_and_stop) for _ in range(2)]
    for thread in (*looking, *starting):
        thread.start()
    for thread in starting:
        thread.join(60)
    is_over.set()
    for thread in looking:
        thread.join(10)
    assert errors == []
