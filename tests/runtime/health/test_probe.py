"""Asking one part: what its answers mean, and what becomes of one that gives none."""

import asyncio
import functools
import gc
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from iacs.core.exceptions import DatabaseError, DegradedError, IACSGraphError
from iacs.runtime.health import PartHealth, Probe, Probes, Status
from iacs.runtime.health.probe import is_probe

SECRET = "correct-horse"
NO_ANSWER_YET = re.compile(r"no answer for \d+ s")
caller: ContextVar[str] = ContextVar("caller", default="nobody")


class Part:
    """Answer what the test says, from a coroutine."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer

    async def probe(self) -> object:
        return self.answer()


class PlainPart(Part):
    def probe(self) -> object:  # type: ignore[override]
        return self.answer()


def raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> None:
        raise error

    return answer


async def ask(part: Probe, timeout: float = 10.0) -> PartHealth:
    return await Probes().call("core.part", part, timeout)


@pytest.mark.parametrize("kind", [Part, PlainPart])
@pytest.mark.parametrize("answer", [None, "sqlite, version 3", {"dialect": "sqlite"}])
async def test_part_that_answers_is_up_and_what_it_says_is_shown(kind: type[Part], answer: object) -> None:
    health = await ask(kind(lambda: answer))
    assert (health.path, health.status, health.detail, health.error) == ("core.part", Status.UP, answer, "")


async def test_code_and_hint_of_an_error_of_ours_are_apart_from_its_sentence() -> None:
    error = DatabaseError("no connection to db:5432", hint="start the server,\nor set DATABASE_URL")
    health = await ask(Part(raising(error)))
    assert (health.error, health.code) == ("no connection to db:5432", "database")
    assert health.hint == "start the server, or set DATABASE_URL"
    assert health.message_with_hint == f"{health.error}; {health.hint}"
    assert health.to_dict() | {"seconds": 0} == {
        "status": "down",
        "seconds": 0,
        "error": "no connection to db:5432",
        "code": "database",
        "hint": "start the server, or set DATABASE_URL",
    }
    assert health.to_dict(details=False).keys() == {"status", "seconds"}


@pytest.mark.parametrize("kind", [Part, PlainPart])
async def test_part_that_raises_an_error_of_ours_is_down_with_its_sentence(kind: type[Part]) -> None:
    health = await ask(kind(raising(DatabaseError("cannot open it:\n  create the folder"))))
    assert (health.status, health.error) == (Status.DOWN, "cannot open it: create the folder")


@pytest.mark.parametrize("kind", [Part, PlainPart])
async def test_part_that_needs_a_person_is_degraded(kind: type[Part]) -> None:
    health = await ask(kind(raising(DegradedError("2 accounts need to sign in"))))
    assert (health.status, health.error) == (Status.DEGRADED, "2 accounts need to sign in")


async def test_error_derived_from_ours_is_shown_as_it_says() -> None:
    class OwnError(IACSGraphError):
        pass

    assert (await ask(Part(raising(OwnError("the queue is full"))))).error == "the queue is full"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError(f"postgresql://iacs:{SECRET}@db"), "ValueError"),
        (ConnectionRefusedError(111, f"Connect call failed ('{SECRET}', 1)"), "ConnectionRefusedError: Connection refused"),
        (OSError(SECRET), "OSError"),
        (OSError(-2, SECRET), "OSError"),
        (StopIteration(SECRET), "RuntimeError"),
        (asyncio.CancelledError(SECRET), "the probe was cancelled"),
        (asyncio.InvalidStateError(SECRET), "asyncio.exceptions.InvalidStateError"),
        (ExceptionGroup("", [DatabaseError("one"), KeyError(SECRET), KeyError(SECRET)]), "one; KeyError"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("kind", [Part, PlainPart])
async def test_what_another_library_says_is_left_out(
    kind: type[Part], error: BaseException, shown: str
) -> None:
    health = await ask(kind(raising(error)))
    assert (health.status, health.error) == (Status.DOWN, shown)


async def test_log_has_the_error_that_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError(SECRET)
    with caplog.at_level("DEBUG", "iacs.runtime"):
        await ask(Part(raising(error)))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert vars(record)["part"] == "core.part"


@pytest.mark.parametrize("answer", [True, 0, "", []], ids=repr)
async def test_false_alone_means_down(answer: object) -> None:
    assert (await ask(Part(lambda: False))).error == "the probe returned False"
    assert (await ask(Part(lambda: answer))).status is Status.UP


async def test_details_are_what_json_takes_and_mask_secrets() -> None:
    answer = {"key": SecretStr(SECRET), "of": {1: (Decimal("1.5"), None, True)}}
    assert (await ask(Part(lambda: answer))).detail == {"key": "**********", "of": {"1": ["1.5", None, True]}}


async def test_plain_probe_leaves_the_event_loop_to_others_and_sees_the_callers_context() -> None:
    seen: list[Any] = []

    class Slow:
        def probe(self) -> None:
            seen.extend([caller.get(), threading.current_thread() is threading.main_thread()])
            loop.call_soon_threadsafe(started.set)
            assert released.wait(100)

    loop, started, released = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    caller.set("a request")
    asking = asyncio.create_task(ask(Slow(), 60))
    try:
        async with asyncio.timeout(30):
            await started.wait()
    finally:
        released.set()
    assert (await asking).status is Status.UP
    assert seen == ["a request", False]


async def test_coroutine_that_a_plain_probe_returns_is_awaited() -> None:
    def traced(probe: Callable[[Any], Coroutine[Any, Any, str]]) -> Callable[[Any], object]:
        @functools.wraps(probe)
        def around(self: Any) -> object:
            return probe(self)

        return around

    class Traced:
        @traced
        async def probe(self) -> str:
            return f"in {threading.current_thread().name}"

    assert (await ask(Traced())).detail == f"in {threading.current_thread().name}"


class Hanging:
    """Give no answer; note when the probe is cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.asked = 0

    async def probe(self) -> None:
        self.asked += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_hung_probe_is_down_and_cancelled_at_its_deadline() -> None:
    part = Hanging()
    health = await ask(part, 0.05)
    assert (health.status, health.error, part.cancelled) == (Status.DOWN, "no answer within 0.05 s", 1)
    assert health.seconds >= 0.05


async def test_probe_that_was_cancelled_may_be_asked_again() -> None:
    probes, part = Probes(), Hanging()
    for _ in range(2):
        health = await probes.call("part", part, 0.02)
        assert health.error == "no answer within 0.02 s"
    assert part.asked == 2


class Stubborn:
    """Ignore cancellation until the test lets go."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = asyncio.Event()

    async def probe(self) -> str:
        self.asked += 1
        while not self.free.is_set():
            try:
                await self.free.wait()
            except asyncio.CancelledError:
                continue
        raise ValueError("at last")


@asynccontextmanager
async def left_behind(probes: Probes, part: Stubborn) -> AsyncIterator[None]:
    assert (await probes.call("part", part, 0.02)).error == "no answer within 0.02 s"
    gc.collect()
    try:
        yield
    finally:
        part.free.set()  # else the event loop would wait for it forever
    async with asyncio.timeout(30):
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - its owner notifies nobody
            await asyncio.sleep(0.001)


async def test_probe_that_ignores_cancellation_is_left_behind_and_not_asked_again_until_it_ends() -> None:
    probes, part = Probes(), Stubborn()
    async with left_behind(probes, part):
        health = await probes.call("part", part, 10)
        assert health.status is Status.DOWN
        assert NO_ANSWER_YET.fullmatch(health.error)
        assert part.asked == 1
    assert (await probes.call("part", part, 10)).error == "ValueError"
    assert part.asked == 2


async def test_other_parts_are_asked_while_one_is_left_behind() -> None:
    probes, part = Probes(), Stubborn()
    async with left_behind(probes, part):
        assert (await probes.call("other", Part(lambda: None), 10)).status is Status.UP


def test_thread_that_hangs_keeps_no_event_loop_from_ending() -> None:
    class Stuck:
        asked = 0

        def probe(self) -> None:
            self.asked += 1
            released.wait(100)
            ended.set()

    released, ended, probes, part = threading.Event(), threading.Event(), Probes(), Stuck()
    try:
        assert asyncio.run(probes.call("part", part, 0.02)).error == "no answer within 0.02 s"
        assert NO_ANSWER_YET.fullmatch(asyncio.run(probes.call("part", part, 0.02)).error)
        assert part.asked == 1
        assert not ended.is_set(), "the event loop waited for the thread"
    finally:
        released.set()
    assert ended.wait(30)


def test_thread_that_hangs_keeps_no_process_from_ending() -> None:
    code = """
        import asyncio, time
        from iacs.runtime.health import Probes
        class Stuck:
            def probe(self): time.sleep(60)
        print(asyncio.run(Probes().call("part", Stuck(), 0.02)).error)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30, check=True
    )
    assert (ran.stdout, ran.stderr) == ("no answer within 0.02 s\n", "")


async def test_caller_that_is_cancelled_takes_the_probe_with_it() -> None:
    part = Hanging()
    asking = asyncio.create_task(ask(part))
    while not part.asked:  # noqa: ASYNC110 - it begins with the next turn of the loop
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert part.cancelled == 1
    assert len(asyncio.all_tasks()) == 1


class Foreign:
    def probe(self, host: str) -> None:
        raise AssertionError(host)


class Dynamic:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class Flag:
    probe = True


@pytest.mark.parametrize(
    "value", [None, object(), Part, Foreign(), Dynamic(), Flag()], ids=lambda value: type(value).__name__
)
def test_what_has_no_such_method_is_not_asked(value: object) -> None:
    assert not is_probe(value)


@pytest.mark.parametrize("value", [Part(lambda: None), PlainPart(lambda: None)])
def test_both_shapes_of_the_method_are_the_protocol(value: object) -> None:
    assert is_probe(value)
    assert isinstance(value, Probe)
