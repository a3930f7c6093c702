"""The mail query module assembled by hand: in tests, and in processes that tests kill."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from iacs.account import AccountPublisher, AccountService, AccountTokens, Recorder
from iacs.auth import AuthorizationCallback, AuthService, Directory
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.events import Event, EventStream
from iacs.core.http_client import HttpClient
from iacs.core.kafka_client import KafkaClient
from iacs.core.logger import create_logger
from iacs.core.outbox import Outbox
from iacs.core.token_service import Grants, TokenService
from iacs.mail_query import MailQueryService, RetryPolicy
from iacs.sandbox import Sandbox
from tests.fixtures.oauth import SCOPES, create_oauth_client

ALICE = "alice@contoso.example"
KEY = SecretStr("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
QUICK_RETRIES = RetryPolicy(attempts=5, initial_delay=0.001, deadline=20.0)


@dataclass(frozen=True)
class Whole:
    database: Database
    events: EventStream
    outbox: Outbox
    accounts: AccountService
    auth: AuthService
    http: HttpClient
    mail: MailQueryService
    topic: str

    async def sign_in(self, folder: Path) -> None:
        (folder / "alice.yaml").write_text(f"account: {ALICE}\n")
        await self.accounts.sync(folder)
        await self.sign_in_as(ALICE)

    async def sign_in_as(self, email: str) -> None:
        request = await self.auth.begin(email)
        answer = await self.http.send("GET", request.url)
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        await self.auth.complete(
            AuthorizationCallback(state=SecretStr(query["state"][0]), code=SecretStr(query["code"][0]))
        )

    async def read_events(self) -> list[Event]:
        patience = 3.0 if isinstance(self.events, KafkaClient) else 0.0
        return [event async for event in self.events.consume(self.topic, idle_timeout=patience)]


@asynccontextmanager
async def whole(
    database: Database,
    settings: dict[str, str],
    *,
    page_size: int = 10,
    servers: Sequence[str] = (),
    topic: str = "iacs.mail.received",
    scopes: str = SCOPES,
    level: str = "CRITICAL",
) -> AsyncIterator[Whole]:
    """`settings` are those of the stand-in; events go to Kafka when it has `servers`."""
    logger = create_logger("iacs.tests.mail_query", level=level)
    events = KafkaClient(servers, logger=logger) if servers else EventLog(database, logger=logger)
    async with HttpClient(timeout=10.0) as http:
        oauth = create_oauth_client(http, settings, tenant_id=settings["AZURE_TENANT_ID"], scopes=scopes)
        encryption = Encryption(KEY)
        token_service = TokenService(database, oauth, encryption, logger=logger)
        outbox = Outbox(database, events, lease_seconds=1.0, logger=logger)
        recorder = Recorder(database)
        AccountPublisher(recorder, database, events, logger=logger)
        accounts = AccountService(
            database, Grants(database), recorder, enrollment_directory=Path(), logger=logger
        )
        mail = MailQueryService(
            database,
            http,
            AccountTokens(accounts, token_service, logger=logger),
            accounts,
            outbox,
            graph_url=settings["GRAPH_URL"],
            topic=topic,
            page_size=page_size,
            retry_policy=QUICK_RETRIES,
            logger=logger,
        )
        directory = Directory(http, graph_url=settings["GRAPH_URL"])
        auth = AuthService(database, oauth, token_service, encryption, accounts, directory, logger=logger)
        try:
            yield Whole(database, events, outbox, accounts, auth, http, mail, topic)
        finally:
            await events.aclose()


def letter(number: int, subject: str | None = None) -> bytes:
    """One mail as bytes."""
    message = EmailMessage()
    message["From"] = f"Sender {number} <sender{number}@fabrikam.example>"
    message["To"] = ALICE
    message["Subject"] = f"Letter {number}" if subject is None else subject
    date = f"Thu, 22 Aug 2002 {number // 60 % 24:02}:{number % 60:02}:00 +0200"
    message["Received"] = f"from mx.fabrikam.example by mx.contoso.example; {date}"
    message["Date"] = date
    message["Message-ID"] = f"<{number}@fabrikam.example>"
    message.set_content(f"This is letter {number}.")
    return message.as_bytes()


def new_cloud(count: int = 0, **settings: int) -> Sandbox:
    """A stand-in with one mailbox of `count` letters."""
    cloud = Sandbox({ALICE: []}, **settings)  # type: ignore[arg-type]
    for number in range(count):
        cloud.mailbox(ALICE).add(letter(number))
    return cloud
