"""The mail service over a server of one mailbox, for benchmarks."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.events import EventStream
from iacs.core.http_client import HttpClient
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger
from iacs.core.outbox import Outbox
from iacs.mail_query import MailQueryService

PAGE_SIZE = 1000
EMAIL = "alice@contoso.example"
LOGGER = create_logger("iacs.benchmarks", level="ERROR")


@dataclass(frozen=True)
class Account:
    """The account of a mailbox, which has the same messages as every other."""

    email: str
    id: str = field(default_factory=lambda: str(uuid4()))
    status: str = "active"
    access: str = "delegated"
    via: str = ""
    mailbox_path: str = "me"


class Accounts:
    """Accounts of any address, and their tokens."""

    def __init__(self) -> None:
        self.get_now = cache(Account)

    async def get(self, email: str) -> Account:
        """Return the account."""
        return self.get_now(email)

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
async def sqlite(url: str) -> AsyncIterator[MailQueryService]:
    """Return the mail service on a new SQLite file and the event log in it."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Database(f"sqlite:///{folder}/mail.db") as database,
            EventLog(database, logger=LOGGER) as events,
            service(url, database, events) as mail,
        ):
            yield mail


@asynccontextmanager
async def servers(url: str) -> AsyncIterator[MailQueryService]:
    """Return the mail service on the PostgreSQL and the Kafka of the environment."""
    async with (
        Database(os.environ["DATABASE_URL"]) as database,
        KafkaClient(os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","), logger=LOGGER) as events,
        service(url, database, events) as mail,
    ):
        yield mail


@asynccontextmanager
async def service(url: str, database: Database, events: EventStream) -> AsyncIterator[MailQueryService]:
    """Return the mail service of accounts that were never synced."""
    accounts = Accounts()
    outbox = Outbox(database, events, lease_seconds=30.0, logger=LOGGER)
    async with HttpClient(timeout=60.0) as http:
        yield MailQueryService(
            database, http, accounts, accounts, outbox,
            graph_url=url, topic="mail", page_size=PAGE_SIZE, logger=LOGGER,
        )  # fmt: skip
