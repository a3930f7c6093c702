"""The whole application container, with settings from the environment, as in a service."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from statistics import median

from benchmarks.measure import Figures, collected, often, once_async
from iacs.containers import ApplicationContainer
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.mail_query import MailQueryService
from iacs.runtime import Application

COLUMNS = ("to first read", "overlay", "overlay, async")
SETTINGS = {
    "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
    "AZURE_CLIENT_SECRET": "not-a-secret",
    "DATABASE_URL": "sqlite:///benchmark.db",
    "LOG_LEVEL": "WARNING",
    "TOKEN_ENCRYPTION_KEY": Encryption.new_key(),
}


@contextmanager
def settings() -> Iterator[None]:
    """Run in an empty folder, with only these settings in the environment."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ.clear()
        os.environ.update(SETTINGS)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


class Whole:
    """One application over a new container, in the event loop that its parts belong to."""

    async def to_first_read(self) -> None:
        """Build the container, check it, start every part and read a service."""
        self._app = Application(ApplicationContainer())
        await self._app.start()
        self._app.get(MailQueryService)

    def overlay(self, database: Database) -> None:
        """Enter an overlay of the database, read a service that depends on it, and leave."""
        with self._app.overlay({"core.database": database}) as view:
            view.get(MailQueryService)

    async def overlay_async(self, database: Database) -> None:
        """Do the same, and await the closing of the overlay's parts."""
        async with self._app.overlay({"core.database": database}) as view:
            view.get(MailQueryService)

    async def close(self) -> None:
        """Stop."""
        await self._app.stop()


async def one_life(database: Database) -> dict[str, float]:
    """Return the microseconds of each column."""
    whole = Whole()
    with collected():
        first = await once_async(whole.to_first_read)
        overlay = often(lambda: whole.overlay(database))
        awaited = [await once_async(lambda: whole.overlay_async(database)) for _ in range(10)]
    await whole.close()
    return dict(zip(COLUMNS, (first, overlay, median(awaited)), strict=True))


def measure(rounds: int) -> Figures:
    """Return the times of each column; the first round, which also imports libraries, is a warm-up."""
    figures: Figures = {column: {"whole": []} for column in COLUMNS}
    with settings(), Database("sqlite:///other.db") as database:
        for number in range(rounds + 1):
            for column, microseconds in asyncio.run(one_life(database)).items() if number else ():
                figures[column]["whole"].append(microseconds)
    return figures
