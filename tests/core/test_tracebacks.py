"""No secret of ours is in a traceback with local variables, as rich and pytest show them."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from rich.console import Console
from rich.traceback import Traceback

from iacs.auth.directory import Directory
from iacs.core.database import Database
from iacs.core.exceptions import APIConnectionError, DatabaseError, IACSGraphError, PublishError
from iacs.core.http_client import HttpClient
from iacs.core.kafka_client import KafkaClient
from iacs.core.oauth_client import OAuthClient
from iacs.mail_query.graph_client import GraphClient
from iacs.mail_query.retry_policy import RetryPolicy
from tests.fixtures.events import LOGGER

SESAME = "sesame-open-to-nobody"
SECRET = SecretStr(SESAME)


def shown(error: BaseException) -> str:
    """Return what rich prints of an error, with everything in its variables."""
    console = Console(file=io.StringIO(), width=400)
    console.print(
        Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_string=10_000,
            locals_max_length=1000,
        )
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@asynccontextmanager
async def metadata_and_no_more() -> AsyncIterator[str]:
    """Serve the metadata of an authority, and hang up at every other request."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b"openid-configuration" in request:
            names = ("authorization", "token", "device_authorization")
            fields = [f'"{name}_endpoint": "{url}/{name}"' for name in names]
            body = "{" + ", ".join([*fields, f'"jwks_uri": "{url}/keys", "issuer": "{url}/v2.0"']) + "}"
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield url


class Tokens:
    async def access_token(self, account_id: str) -> SecretStr:
        return SECRET

    async def reject(self, account_id: str, access_token: SecretStr, *, claims: str = "") -> None: ...


def oauth_client(http: HttpClient, url: str) -> OAuthClient:
    return OAuthClient(
        http,
        client_id="client",
        authority_host=url,
        tenant_id="contoso.example",
        redirect_uri=f"{url}/callback",
        scopes="User.Read",
        client_secret=SECRET,
    )


async def redeem(http: HttpClient, url: str) -> None:
    client = oauth_client(http, url)
    await client.exchange_code(SECRET, code_verifier=SECRET, redirect_uri=f"{url}/callback")


async def refresh(http: HttpClient, url: str) -> None:
    await oauth_client(http, url).refresh(SECRET)


async def query_graph(http: HttpClient, url: str) -> None:
    policy = RetryPolicy(attempts=1)
    graph = GraphClient(http, Tokens(), graph_url=url, concurrency=1, retry_policy=policy, logger=LOGGER)
    await graph.get("account", f"{url}/me", lambda body: body)


async def query_directory(http: HttpClient, url: str) -> None:
    await Directory(http, graph_url=url).addresses(SECRET, object_id="id")


@pytest.mark.parametrize("request_", [redeem, refresh, query_graph, query_directory])
async def test_requests_keep_their_secrets(
    http: HttpClient, request_: Callable[[HttpClient, str], Awaitable[None]]
) -> None:
    async with metadata_and_no_more() as url:
        with pytest.raises(APIConnectionError, match="was lost") as caught:
            await request_(http, url)
    assert_kept(caught.value)


async def test_kafka_keeps_its_password() -> None:
    async with KafkaClient(
        ["127.0.0.1:1"],
        timeout=0.5,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="user",
        sasl_password=SECRET,
        logger=LOGGER,
    ) as kafka:
        with pytest.raises(PublishError) as caught:
            await kafka.publish("orders", 1)
    assert_kept(caught.value)


@pytest.mark.parametrize("options", ["", "?connect_timeout=never"])
async def test_the_database_keeps_its_password(options: str) -> None:
    database = Database(f"postgresql://user:{SESAME}@127.0.0.1:1/mail{options}", timeout=1)
    with pytest.raises(DatabaseError) as caught:
        await database.probe()
    assert_kept(caught.value)


def assert_kept(error: IACSGraphError) -> None:
    text = shown(error)
    assert type(error).__name__ in text
    assert SESAME not in text
