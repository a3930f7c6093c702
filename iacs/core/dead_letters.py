"""Dead letters: records that could not be read or handled, kept with the reason, and published again on request."""

import asyncio
import logging
from base64 import b64decode
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iacs.core.events import Event, EventStream, NewEvent
from iacs.core.exceptions import UnprocessableEventError
from iacs.redaction import redact_text

_LONGEST_BACKOFF_SECONDS = 30.0
_logger = logging.getLogger(__name__)


class DeadLetter(BaseModel):
    """The value of a dead letter: a record as it was, its address, and why it could not be read or handled."""

    model_config = ConfigDict(frozen=True)

    type: Literal["dead_letter"] = "dead_letter"
    topic: str = Field(description="Topic of the record")
    partition: int
    offset: int
    reason: str = Field(description="Why the record could not be read or handled")
    key_base64: str | None = None
    value_base64: str | None = None
    value_size: int | None = Field(default=None, description="Bytes of the whole value")
    value_sha256: str | None = Field(default=None, description="SHA-256 of the whole value, in hexadecimal")
    headers: Mapping[str, str] = {}
    is_truncated: bool = Field(default=False, description="Whether a part was too long to be kept whole")

    def event(self) -> NewEvent:
        """Return the event to publish again; raise ValueError, with the reason, when it cannot be restored."""
        from iacs.core._events.cloud_event import ID, own_headers
        from iacs.core._events.encoding import decode

        if self.is_truncated:
            raise ValueError("only a part of the record was kept")
        value = None if self.value_base64 is None else decode(b64decode(self.value_base64))
        key = None if self.key_base64 is None else b64decode(self.key_base64).decode()
        headers = own_headers(self.headers)
        return NewEvent(self.topic, value, key, id=self.headers.get(ID) or str(uuid4()), headers=headers)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A dead letter, and why it was not published again; None when it was, or would have been."""

    letter: DeadLetter
    problem: str | None


async def replay(
    events: EventStream,
    topic: str,
    *,
    dead_letter_topic: str = "iacs.dead-letter",
    limit: int | None = None,
    dry_run: bool = False,
    idle_timeout: float = 1.0,
) -> AsyncGenerator[Replayed, None]:
    """Publish the dead letters of `topic` again, each once, and yield one after another.

    A consumer group remembers what was replayed. A dead letter is finished only after its event is published:
    what is in flight when this process dies is published again. One whose record is not JSON, or was not kept
    whole, is yielded with the reason and skipped. With `dry_run`, nothing is published or remembered.
    """
    group, letters_read = f"iacs.replay.{topic}", 0
    consumed = events.consume(dead_letter_topic, group, idle_timeout=idle_timeout, commit=not dry_run)
    async with aclosing(consumed) as letters:
        async for event in letters:
            letter = _letter(event, topic)
            if letter is None:
                continue
            if letters_read == limit:
                return
            letters_read += 1
            yield Replayed(letter, await _publish(events, letter, dry_run=dry_run))


def _letter(event: Event, topic: str) -> DeadLetter | None:
    try:
        letter = DeadLetter.model_validate(event.value)
    except ValidationError:  # somebody else's event on this topic
        return None
    return letter if letter.topic == topic else None


async def _publish(events: EventStream, letter: DeadLetter, *, dry_run: bool) -> str | None:
    try:
        event = letter.event()
    except ValueError as error:
        return str(error)
    if not dry_run:
        await events.publish_many([event])
    return None


async def retried(
    stream: EventStream,
    event: Event,
    handle: Callable[[], Awaitable[object]],
    *,
    retries: int,
    backoff_seconds: float,
    stop: asyncio.Event,
) -> bool:
    """Call `handle` until it succeeds, at most once and `retries` times more; then the event is a dead letter.

    The waits between begin with `backoff_seconds` and double, up to half a minute. An UnprocessableEventError is
    not retried. Return False when `stop` was set during a wait: the event is neither handled nor a dead letter.
    """
    fields = {"topic": event.topic, "partition": event.partition, "offset": event.offset, "id": event.id}
    for attempt in count(1):
        try:
            await handle()
            break
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the event is kept with the reason
            is_unprocessable = isinstance(error, UnprocessableEventError)
            reason = redact_text(str(error) if is_unprocessable else f"{type(error).__name__}: {error}")
        if is_unprocessable or attempt > retries:
            _logger.error("event given up", extra={**fields, "attempts": attempt, "reason": reason})
            await stream.dead_letter(event, reason)
            break
        _logger.warning("event not handled", extra={**fields, "attempt": attempt, "reason": reason})
        if await _is_set_within(stop, min(backoff_seconds * 2 ** (attempt - 1), _LONGEST_BACKOFF_SECONDS)):
            return False
    return True


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
