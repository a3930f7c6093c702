from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iacs.core.database import Database
from iacs.core.event_log import EventLog
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger, create_logger
from iacs.core.outbox import Outbox
from iacs.mail_query import MailQueryService
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.retry_policy import RetryPolicy
from iacs.sandbox import Sandbox
from tests.mail_query.scripted_graph import People, Person, ScriptedGraph, scripted_graph
from tests.mail_query.whole import Whole, new_cloud, whole

QUICK_RETRIES = RetryPolicy(attempts=4, initial_delay=0.001, deadline=5.0)


@dataclass
class Tokens:
    """Gives token-1 until it is rejected, then token-2, and so on."""

    number: int = 1
    rejected: list[tuple[str, str, str]] = field(default_factory=list)

    async def access_token(self, account_id: str) -> SecretStr:
        return SecretStr(f"token-{self.number}")

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None:
        self.rejected.append((account_id, access_token.get_secret_value(), claims))
        self.number += 1


@pytest.fixture
async def cloud() -> AsyncIterator[Sandbox]:
    """A stand-in with one empty mailbox, which a test fills."""
    async with new_cloud() as cloud:
        yield cloud


@pytest.fixture
async def alice(cloud: Sandbox, database: Database, tmp_path: Path) -> AsyncIterator[Whole]:
    """The module over the stand-in and each kind of database, with Alice signed in."""
    async with whole(database, cloud.settings) as parts:
        await parts.sign_in(tmp_path)
        yield parts


@pytest.fixture
def logger() -> Logger:
    return create_logger("iacs.tests.mail_query", level="CRITICAL")


@pytest.fixture
async def graph() -> AsyncIterator[ScriptedGraph]:
    async with scripted_graph() as graph:
        yield graph


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(timeout=5.0) as http:
        yield http


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def client(http: HttpClient, tokens: Tokens, graph: ScriptedGraph, logger: Logger) -> GraphClient:
    return GraphClient(
        http, tokens, graph_url=graph.url, concurrency=2, retry_policy=QUICK_RETRIES, logger=logger
    )


@dataclass(frozen=True)
class Parts:
    """The module over answers that a test dictates."""

    graph: ScriptedGraph
    database: Database
    people: People
    outbox: Outbox
    events: EventLog
    mail: MailQueryService

    def enrol(self) -> str:
        """A new account for each example."""
        person = Person(id=uuid4().hex, email=f"{uuid4().hex}@contoso.example")
        self.people.people[person.email] = person
        return person.email


@pytest.fixture
async def parts(
    graph: ScriptedGraph, http: HttpClient, tokens: Tokens, logger: Logger, database: Database
) -> AsyncIterator[Parts]:
    people, events = People(), EventLog(database, logger=logger)
    outbox = Outbox(database, events, lease_seconds=1.0, logger=logger)
    mail = MailQueryService(
        database,
        http,
        tokens,
        people,
        outbox,
        graph_url=graph.url,
        topic="mail",
        retry_policy=QUICK_RETRIES,
        logger=logger,
    )
    yield Parts(graph, database, people, outbox, events, mail)
    await events.aclose()
