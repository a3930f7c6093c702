"""Calls the probe of a part: with a deadline, and with an owner for those that exceed it."""

import asyncio
import errno
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol, TypeGuard, runtime_checkable

from iacs.core.exceptions import DegradedError, IACSGraphError
from iacs.runtime.health.report import PartHealth, Status

_GRACE = 0.1
"""Seconds that a probe has to end after it was cancelled, before it is left behind."""

_Work = asyncio.Task[Any] | Future[Any]

_log = logging.getLogger(__name__)


@runtime_checkable
class Probe(Protocol):
    """A part that reports its health: one method without parameters, `async def` or plain.

    Returning means up, and a str or a mapping that it returns is shown. Raising DegradedError means that the
    part works, but a person must act. Raising anything else means down, and so does returning False. A plain
    one runs in a thread of its own.
    """

    def probe(self) -> object:
        """Do the least that shows whether the part works; the caller applies the deadline."""


def is_probe(value: object) -> TypeGuard[Probe]:
    """Return whether the class of `value` has such a method; one that takes parameters is something else."""
    if isinstance(value, type) or not callable(getattr(type(value), "probe", None)):
        return False
    try:
        inspect.signature(value.probe).bind()  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return False
    return True


class Probes:
    """Calls of probes; those that ignore their deadline are owned until they end.

    While one is left behind, its part is not probed again: each call would leave another thread or task.
    """

    def __init__(self) -> None:
        self._late: dict[int, dict[_Work, float]] = {}

    async def call(self, path: str, part: Probe, timeout: float) -> PartHealth:
        """Return the result of the part's probe within `timeout` seconds; never raise its error."""
        began = time.monotonic()
        threads: list[Future[Any]] = []
        if late := self._late.get(id(part)):
            seconds = began - min(late.values())
            return PartHealth(path, Status.DOWN, 0.0, error=f"no answer for {seconds:.0f} s")
        task = asyncio.create_task(_call(part.probe, threads), name=f"probe of {path}")
        try:
            await asyncio.wait({task}, timeout=timeout)
        finally:
            self._leave(part, (task, *threads), began)
        seconds = time.monotonic() - began
        if not task.done():
            await asyncio.wait({task}, timeout=_GRACE)
            return PartHealth(path, Status.DOWN, seconds, error=f"no answer within {timeout:g} s")
        return _part_health(path, task, seconds)

    def _leave(self, part: Probe, work: Iterable[_Work], began: float) -> None:
        for running in work:
            if not running.done():
                self._late.setdefault(id(part), {})[running] = began
                running.add_done_callback(partial(self._ended, id(part)))
                running.cancel()

    def _ended(self, key: int, work: _Work) -> None:
        late = self._late.get(key, {})
        late.pop(work, None)
        if not late:
            self._late.pop(key, None)
        if not work.cancelled():
            work.exception()  # looked at: nobody waits for it any more


async def _call(probe: Callable[[], object], threads: list[Future[Any]]) -> object:
    if inspect.iscoroutinefunction(probe):
        return await probe()
    threads.append(_in_thread(probe))
    result = await asyncio.wrap_future(threads[0])
    return await result if inspect.isawaitable(result) else result


def _in_thread(work: Callable[[], object]) -> Future[Any]:
    """Run `work` in a thread that no process waits for when it ends, as it would for the loop's own threads."""
    future: Future[Any] = Future()
    context = copy_context()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(context.run(work))
        except StopIteration as error:  # the one that no future can carry
            future.set_exception(
                RuntimeError("the probe raised StopIteration").with_traceback(error.__traceback__)
            )
        except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="iacs-probe", daemon=True).start()
    return future


def _part_health(path: str, task: asyncio.Task[Any], seconds: float) -> PartHealth:
    if task.cancelled():
        return PartHealth(path, Status.DOWN, seconds, error="the probe was cancelled")
    error = task.exception()
    if error is None:
        if task.result() is False:
            return PartHealth(path, Status.DOWN, seconds, error="the probe returned False")
        result = task.result()
        is_detail = isinstance(result, str) or (isinstance(result, Mapping) and len(result) > 0)
        return PartHealth(path, Status.UP, seconds, detail=_plain(result) if is_detail else None)
    _log.debug("probe failed", exc_info=error, extra={"part": path})
    status = Status.DEGRADED if isinstance(error, DegradedError) else Status.DOWN
    code, hint = (error.code, error.hint) if isinstance(error, IACSGraphError) else ("", "")
    return PartHealth(path, status, seconds, error=_sentence(error), code=code, hint=_one_line(hint))


def _sentence(error: BaseException) -> str:
    """Say what happened on one line.

    The errors of iacs, and those that others derive from them, hold no secret. Another library's text may
    quote what it was given, a URL with its password for instance, and health is read by many: only its type is
    shown, and what the operating system calls the error. The log has the rest, at DEBUG.
    """
    if isinstance(error, ExceptionGroup):
        return "; ".join(dict.fromkeys(_sentence_with_hint(part) for part in error.exceptions))
    if isinstance(error, IACSGraphError):
        return _one_line(str(error)) or type(error).__name__
    cls = type(error)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return f"{name}: {os.strerror(error.errno or 0)}"
    return name


def _sentence_with_hint(error: BaseException) -> str:
    """Return the sentence and what to do; one error of a group has no field of its own for that."""
    hint = error.hint if isinstance(error, IACSGraphError) else ""
    return "; ".join(filter(None, (_sentence(error), _one_line(hint))))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(value: object) -> Any:
    """Return `value` as JSON accepts it, other types as text, which masks a SecretStr."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
