"""Graph asks a mailbox to wait: every task and process of the database does."""

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import GraphError
from iacs.core.http_client import HttpClient
from iacs.core.logger import Logger
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.pauses import Pauses
from tests.mail_query.conftest import QUICK_RETRIES, Tokens
from tests.mail_query.scripted_graph import ScriptedGraph, refusal


async def test_another_process_honours_a_pause(
    graph: ScriptedGraph, http: HttpClient, tokens: Tokens, database: Database, logger: Logger
) -> None:
    def new_client() -> GraphClient:
        return GraphClient(
            http,
            tokens,
            graph_url=graph.url,
            concurrency=1,
            retry_policy=QUICK_RETRIES,
            pauses=Pauses(database, logger=logger),
            logger=logger,
        )

    graph.on("/a", refusal(429, "TooManyRequests", Retry_After="3600"))
    for _ in range(2):
        with pytest.raises(GraphError) as caught:
            await new_client().get("a", f"{graph.url}/a", bytes)
        assert caught.value.status == 429
    assert len(graph.asked) == 1


async def test_a_pause_is_never_shortened_and_lasts_at_most_a_day(database: Database, logger: Logger) -> None:
    pauses = Pauses(database, logger=logger)
    await pauses.record("b", 10.0)
    await pauses.record("b", 5.0)
    assert 5.0 < pauses.remaining("b") <= 10.0
    await pauses.record("b", 1e9)
    other = Pauses(database, logger=logger)
    await other.refresh("b")
    assert 86_000 < other.remaining("b") <= 86_400
    assert other.remaining("c") == 0.0


async def test_a_database_that_cannot_be_asked_does_not_stop_requests(
    database: Database, logger: Logger
) -> None:
    await database.aclose()
    pauses = Pauses(database, logger=logger)
    await pauses.refresh("a")
    await pauses.record("a", 60.0)
    assert pauses.remaining("a") > 0
