"""Writes dead letters, and decides what happens when the brokers reject one."""

from collections.abc import Awaitable, Callable, Iterable

from iacs.core._events.dead_letter import dead_letter
from iacs.core._events.event_buffer import UnreadableRecord
from iacs.core.events import DeadLetterFailure, NewEvent
from iacs.core.exceptions import PublishError
from iacs.core.logger import Logger


class DeadLetterWriter:
    """Publishes dead letters to a topic.

    One that is rejected with the content of its record is written without it. One that is rejected again is an
    error or, with `failure` "skip", logged: the first time with the reason.
    """

    def __init__(
        self,
        publish_many: Callable[[Iterable[NewEvent]], Awaitable[int]],
        topic: str,
        *,
        failure: DeadLetterFailure,
        hint: str,
        logger: Logger,
    ) -> None:
        self._publish_many = publish_many
        self._topic = topic
        self._failure = failure
        self._hint = hint
        self._logger = logger
        self._has_reported = False

    async def write(self, record: UnreadableRecord, *, is_looking: bool = False) -> None:
        """Write the dead letter of a record; raise PublishError as the class says.

        With `is_looking` nothing is committed, so what is rejected is only logged.
        """
        problem = await self._rejection(dead_letter(record, self._topic))
        if problem is not None and record.value is not None:
            problem = await self._rejection(dead_letter(record, self._topic, has_content=False))
        if problem is None:
            return
        address = f"{record.topic}/{record.partition}/{record.offset}"
        message = f"the dead letter of {address} cannot be written to {self._topic!r}: {problem}"
        if self._failure == "stop" and not is_looking:
            raise PublishError(
                message, event_ids=problem.event_ids, rejections=problem.rejections, hint=self._hint
            ) from problem
        self.report(message)

    def report(self, problem: str) -> None:
        """Log once that dead letters cannot be written; each record that is skipped is logged anyway."""
        if not self._has_reported:
            self._has_reported = True
            self._logger.error("dead letters are lost", dead_letter_topic=self._topic, reason=problem)

    async def _rejection(self, letter: NewEvent) -> PublishError | None:
        try:
            await self._publish_many([letter])
        except PublishError as error:
            if not error.rejections:  # the brokers are away, and may take it later
                raise
            return error
        return None
