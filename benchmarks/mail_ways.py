"""The ways to read or sync the mailbox of a server, and what they cost in a process of their own."""

import asyncio
import os
import resource
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import aiohttp
import orjson

from benchmarks.mailbox import EMAIL, PAGE_SIZE, servers, sqlite


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
    async with sqlite(url) as mail:
        return sum([1 async for _ in mail.messages(EMAIL)])


async def o365(url: str) -> int:
    """Read every message as O365 does, in the largest pages that it requests, without its pauses."""
    from O365 import Account, MSGraphProtocol  # type: ignore[import-untyped]
    from O365.utils.token import MemoryTokenBackend  # type: ignore[import-untyped]

    protocol = MSGraphProtocol()
    protocol.service_url = f"{url}/"
    account = Account(
        ("id", "secret"), protocol=protocol, requests_delay=0, token_backend=MemoryTokenBackend()
    )
    with closing(account.con.get_session()) as account.con.session:
        account.con.session.headers["Authorization"] = "Bearer token"
        return sum(1 for _ in account.mailbox().get_messages(limit=1_000_000))


async def msgraph(url: str) -> int:
    """Read every message as msgraph-sdk does; return their number."""
    import httpx
    from kiota_abstractions.authentication import AnonymousAuthenticationProvider
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.users.item.messages.messages_request_builder import MessagesRequestBuilder
    from msgraph.graph_request_adapter import GraphRequestAdapter, options
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]

    parameters = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(top=PAGE_SIZE)
    configuration, count = RequestConfiguration(query_parameters=parameters), 0
    async with httpx.AsyncHTTPTransport() as transport:  # closed here, as the client of the factory does not
        http = httpx.AsyncClient(transport=transport, timeout=100)
        http = GraphClientFactory.create_with_default_middleware(client=http, options=options)
        adapter = GraphRequestAdapter(AnonymousAuthenticationProvider(), client=http)
        adapter.base_url = url
        requests = GraphServiceClient(request_adapter=adapter).me.messages
        page = await requests.get(request_configuration=configuration)
        while page is not None:
            count += len(page.value or ())
            link = page.odata_next_link
            page = await requests.with_url(link).get() if link else None
    return count


async def sync(url: str) -> int:
    """Sync the mailbox for the first time; return the number of published events."""
    async with sqlite(url) as mail:
        return (await mail.sync(EMAIL)).published


async def sync_with_servers(url: str) -> int:
    """Sync as `sync` does, into PostgreSQL and Kafka."""
    async with servers(url) as mail:
        return (await mail.sync(EMAIL)).published


@dataclass(frozen=True)
class Way:
    """A way to the mail; slow ones are measured with a share of the messages."""

    work: Callable[[str], Coroutine[Any, Any, int]]
    share: float = 1.0


FLOOR, MESSAGES, O365, MSGRAPH = "aiohttp and orjson", "messages()", "O365", "msgraph-sdk"
WAYS = {
    FLOOR: Way(floor),
    MESSAGES: Way(messages),
    O365: Way(o365, 0.2),
    MSGRAPH: Way(msgraph, 0.04),
    "sync(), SQLite": Way(sync),
}
if "KAFKA_BOOTSTRAP_SERVERS" in os.environ:
    WAYS["sync(), PostgreSQL, Kafka"] = Way(sync_with_servers)


@dataclass(frozen=True)
class Cost:
    """The CPU time and the time that passed per message, and the largest memory of the process so far."""

    cpu_microseconds: float
    wall_microseconds: float
    peak_mib: float


def cost(name: str, url: str, count: int) -> Cost:
    """Return what a way costs in this process, of a server with so many messages."""
    start, started = time.process_time_ns(), time.perf_counter_ns()
    done = asyncio.run(WAYS[name].work(url))
    if done != count:
        raise SystemExit(f"{name} had {done} messages of {count}")
    cpu, wall = time.process_time_ns() - start, time.perf_counter_ns() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(cpu / count / 1000, wall / count / 1000, peak)


@contextmanager
def process() -> Iterator[Callable[[str, str, int], Cost]]:
    """Return `cost` in a new process: the modules and objects of one way would slow the others down."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda name, url, count: pool.submit(cost, name, url, count).result()
