"""The CPU time of a message: read from Graph, and synced into a database with its event published.

Usage: python -m benchmarks.mail [MESSAGES [ROUNDS]]      (half a minute for the usual 5000 and 5)

A server in another process answers pages of 1000 messages of 3.2 KB. The floor is aiohttp with orjson's dictionaries
and nothing else. Figures are medians of the rounds, in microseconds of this process per message; the ratios are
medians of each round's, which other load on the machine changes little. `sync` writes to a new SQLite file, and
publishes to the event log in it.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import orjson
from pydantic import SecretStr

if not __package__:  # run by its path: the parent folder is not on the search path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import ratio
from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.http_client import HttpClient
from iacs.core.logger import create_logger
from iacs.core.outbox import Outbox
from iacs.mail_query import MailQueryService

PAGE_SIZE = 1000
FLOOR = "aiohttp and orjson"
LOGGER = create_logger("iacs.benchmarks", level="ERROR")


@dataclass(frozen=True)
class Account:
    """The account of the mailbox."""

    id: str = "00000000-0000-4000-8000-000000000001"
    email: str = "alice@contoso.example"
    status: str = "active"
    access: str = "delegated"
    via: str = ""
    mailbox_path: str = "me"


class Accounts:
    """One account, and its token."""

    async def get(self, email: str) -> Account:
        """Return the account."""
        return Account(email=email)

    get_enabled = get

    async def access_token(self, account_id: str) -> SecretStr:
        """Return a token."""
        return SecretStr(f"token of {account_id}")

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        """Fail: the server accepts every token."""
        raise AssertionError(account_id, access_token, claims)


@contextmanager
def server(messages: int, delay: float) -> Iterator[str]:
    """Return the address of a server in another process."""
    command = [sys.executable, str(Path(__file__).with_name("graph_pages.py")), str(messages), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin and process.stdout  # noqa: S101, PT018
        yield process.stdout.readline().strip()
        process.stdin.close()


@asynccontextmanager
async def service(url: str) -> AsyncIterator[MailQueryService]:
    """Return the mail service with a new database."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Database(f"sqlite:///{folder}/mail.db") as database,
            EventLog(database, logger=LOGGER) as events,
            HttpClient(timeout=60.0) as http,
        ):
            accounts = Accounts()
            outbox = Outbox(database, events, lease_seconds=30.0, logger=LOGGER)
            yield MailQueryService(
                database, http, accounts, accounts, outbox,
                graph_url=url, topic="mail", page_size=PAGE_SIZE, logger=LOGGER,
            )  # fmt: skip


async def floor(url: str) -> int:
    """Read every page as dictionaries; return the number of messages."""
    link, count = f"{url}/me/messages?$top={PAGE_SIZE}", 0
    async with aiohttp.ClientSession() as session:
        while link:
            async with session.get(link) as response:
                page = orjson.loads(await response.read())
            count += len(page["value"])
            link = page.get("@odata.nextLink")
    return count


async def messages(url: str) -> int:
    """Read every message as a model; return their number."""
    async with service(url) as mail:
        return sum([1 async for _ in mail.messages(Account.email)])


async def sync(url: str) -> int:
    """Sync the mailbox for the first time; return the number of published events."""
    async with service(url) as mail:
        return (await mail.sync(Account.email)).published


MEASURED: dict[str, Callable[[str], Coroutine[Any, Any, int]]] = {
    FLOOR: floor,
    "messages()": messages,
    "sync()": sync,
}


def main(count: int, rounds: int) -> None:
    """Measure and print the table."""
    figures: dict[str, list[float]] = defaultdict(list)
    with server(count, 0.0) as url:
        for number in range(rounds + 1):
            for name, work in MEASURED.items():
                start = time.process_time_ns()
                done = asyncio.run(work(url))
                if done != count:
                    raise SystemExit(f"{name} had {done} messages of {count}")
                if number:  # the first round is a warm-up
                    figures[name].append((time.process_time_ns() - start) / count / 1000)
    print("CPU time of a message".ljust(24), "       µs  / the floor")  # noqa: T201
    for name, values in figures.items():
        print(name.ljust(24), f"{median(values):9.1f}{ratio(values, figures[FLOOR]):14.1f}")  # noqa: T201


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], *("5000", "5")[len(sys.argv) - 1 :])))
