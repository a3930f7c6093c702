"""Changes of accounts together with the events about them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Concatenate, ParamSpec, TypeVar

from iacs.account.actor import current_actor
from iacs.account.journal import Journal, Topics
from iacs.core.database import Database
from iacs.core.events import DEFAULT_SOURCE
from iacs.core.outbox import OutboxWriter
from iacs.core.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Recorder:
    """Runs changes of accounts, each in one transaction with the events about it.

    Needs the database alone: accounts can be changed while the event stream cannot be reached.
    """

    def __init__(
        self,
        database: Database,
        *,
        topic: str = "iacs.account",
        audit_topic: str = "iacs.audit",
        source: str = DEFAULT_SOURCE,
    ) -> None:
        self._database = database
        self._topics = Topics(account=topic, audit=audit_topic)
        self._outbox = OutboxWriter(source=source)
        self._publish: Callable[[], Awaitable[None]] | None = None

    def publish_with(self, publish: Callable[[], Awaitable[None]]) -> None:
        """Call `publish` after every change that has events; only the first one given is called.

        A second one is that of an overlay, which replaces the event stream but not this part.
        """
        self._publish = self._publish or publish

    async def run(
        self, change: Callable[Concatenate[Transaction, Journal, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the result of a change, which is stored, and published unless that failed."""
        async with self.change(change, *args, **kwargs) as result:
            return result

    @asynccontextmanager
    async def change(
        self, change: Callable[Concatenate[Transaction, Journal, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[T]:
        """Run a change as `run` does, and the block before its events are published."""
        actor = current_actor()  # not in the worker thread

        def work(tx: Transaction) -> tuple[T, int]:
            journal = Journal(self._topics, actor)  # a new one when the transaction is run again
            result = change(tx, journal, *args, **kwargs)
            self._outbox.add(tx, journal.events)
            return result, len(journal.events)

        result, count = await self._database.run(work)
        yield result
        if count and self._publish is not None:
            await self._publish()
