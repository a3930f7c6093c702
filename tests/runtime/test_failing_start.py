"""A start that fails, is cancelled or takes too long, at each part of several graphs in turn."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from iacs.core.exceptions import StartError
from iacs.runtime import Application
from tests.fixtures.workshop import STYLES, Workshop

Build = Callable[[Workshop], dict[str, Any]]


def _chain(workshop: Workshop) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number, style in enumerate(STYLES):
        made[f"p{number}"] = workshop.part(style, f"p{number}", *list(made.values())[-1:])
    return made


def _wide(workshop: Workshop) -> dict[str, Any]:
    low = workshop.async_resource("low")
    parts = {f"p{number}": workshop.part(style, f"p{number}", low) for number, style in enumerate(STYLES)}
    return {"low": low, **parts, "top": workshop.resource("top", *parts.values())}


def _diamond(workshop: Workshop) -> dict[str, Any]:
    low = workshop.resource("low")
    middle = workshop.singleton("middle", low)
    left, right = workshop.async_resource("left", middle), workshop.part("coroutine", "right", middle)
    top = workshop.async_singleton("top", left, right, low)
    return {"top": top, "right": right, "left": left, "middle": middle, "low": low}


def _nested(workshop: Workshop) -> dict[str, Any]:
    low = workshop.part("coroutine", "low")
    service = workshop.async_resource("service", workshop.factory("factory", low))
    return {
        "low": low,
        "inner": workshop.inside(service=service, other=workshop.resource("other", service)),
        "outer": workshop.part("context manager", "outer", low),
    }


GRAPHS: dict[str, Build] = {"chain": _chain, "wide": _wide, "diamond": _diamond, "nested": _nested}


def _parts(build: Build, *, asynchronous: bool = False) -> list[str]:
    workshop = Workshop()
    plan = Application(workshop.container(**build(workshop))).plan
    parts = [part for part in plan.parts.values() if part.asynchronous or not asynchronous]
    return [part.path.split(".")[-1] for part in parts]


def _cases(*, asynchronous: bool = False) -> list[Any]:
    return [
        pytest.param(graph, part, id=f"{graph}-{part}")
        for graph, build in GRAPHS.items()
        for part in _parts(build, asynchronous=asynchronous)
    ]


EACH = pytest.mark.parametrize(("graph", "part"), _cases())
EACH_ASYNCHRONOUS = pytest.mark.parametrize(("graph", "part"), _cases(asynchronous=True))


def _app(workshop: Workshop, graph: str, start_timeout: float = 15) -> Application[Any]:
    return Application(workshop.container(**GRAPHS[graph](workshop)), start_timeout=start_timeout)


def _assert_rolled_back(workshop: Workshop) -> None:
    assert workshop.closed == workshop.opened[::-1]


@EACH
async def test_failing_part_closes_what_was_started_in_reverse(
    workshop: Workshop, graph: str, part: str
) -> None:
    workshop.starting[part] = ValueError("pasted-secret")
    with pytest.raises(StartError) as caught:
        await _app(workshop, graph).start()
    _assert_rolled_back(workshop)
    assert part not in workshop.opened
    assert caught.value.path.split(".")[-1] == part
    assert f"{caught.value.path}: ValueError" in str(caught.value)
    assert "pasted-secret" not in str(caught.value)
    assert caught.value.__cause__ is workshop.starting[part]


@EACH
async def test_after_a_failed_start_another_one_succeeds(workshop: Workshop, graph: str, part: str) -> None:
    workshop.starting[part] = ValueError()
    app = _app(workshop, graph)
    with pytest.raises(StartError):
        await app.start()
    workshop.starting.clear()
    workshop.log.clear()
    async with app:
        assert part in workshop.opened
    _assert_rolled_back(workshop)


@EACH
async def test_start_that_is_cancelled_while_a_part_is_built_closes_what_was_started(
    workshop: Workshop, graph: str, part: str
) -> None:
    starting = asyncio.create_task(_app(workshop, graph).start())
    workshop.starting[part] = starting.cancel
    with pytest.raises(asyncio.CancelledError):
        await starting
    _assert_rolled_back(workshop)


@EACH_ASYNCHRONOUS
async def test_start_that_is_cancelled_while_it_waits_for_a_part_closes_what_was_started(
    workshop: Workshop, graph: str, part: str
) -> None:
    reached = asyncio.Event()

    async def wait() -> None:
        reached.set()
        await asyncio.Event().wait()

    workshop.starting[part] = wait
    starting = asyncio.create_task(_app(workshop, graph).start())
    await reached.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert part not in workshop.opened
    _assert_rolled_back(workshop)


@EACH_ASYNCHRONOUS
async def test_part_that_takes_too_long_is_refused_by_name(workshop: Workshop, graph: str, part: str) -> None:
    workshop.starting[part] = lambda: asyncio.Event().wait()
    with pytest.raises(
        StartError, match=r"took \d+(\.\d+)? s to start, and start_timeout is 0.5 s"
    ) as caught:
        await _app(workshop, graph, start_timeout=0.5).start()
    assert caught.value.path.split(".")[-1] == part
    assert isinstance(caught.value.__cause__, TimeoutError)
    _assert_rolled_back(workshop)
