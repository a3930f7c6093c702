"""What could not be read or handled, preserved with the reason, and how it is published again."""

from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iacs.core.events import Event, EventStream, NewEvent


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
    headers: Mapping[str, str] = {}
    is_truncated: bool = Field(default=False, description="Whether a part was too long to be kept whole")

    def event(self) -> NewEvent:
        """Return the event to publish again; raise ValueError, with the reason, when it cannot be had back."""
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
    whole, is yielded with the reason and passed over. With `dry_run`, nothing is published or remembered.
    """
    group, count = f"iacs.replay.{topic}", 0
    consumed = events.consume(dead_letter_topic, group, idle_timeout=idle_timeout, commit=not dry_run)
    async with aclosing(consumed) as letters:
        async for event in letters:
            letter = _letter(event, topic)
            if letter is None:
                continue
            if count == limit:
                return
            count += 1
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
