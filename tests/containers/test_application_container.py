from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from dependency_injector import containers, providers

from iacs.account import Account, AccountService
from iacs.auth import AuthorizationCallback, AuthService, SignedIn
from iacs.containers import (
    AccountContainer,
    ApplicationContainer,
    AuthContainer,
    CoreContainer,
    MailQueryContainer,
)
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.kafka_client import KafkaClient
from iacs.core.oauth_client import OAuthClient
from iacs.mail_query import MailQueryService, Message
from iacs.runtime import Application
from iacs.sandbox import Sandbox

ALICE = "alice@contoso.example"
CORE_PARTS = [
    "config",
    "logger",
    "database",
    "kafka_client",
    "event_log",
    "events",
    "http_client",
    "key_provider",
    "encryption",
    "oauth_client",
    "grants",
    "token_service",
]


@pytest.fixture
def config(cloud: Sandbox, tmp_path: Path) -> Config:
    (tmp_path / "enrollment").mkdir()
    (tmp_path / "enrollment" / "alice.yaml").write_text(f"account: {ALICE}\n")
    values = {name.lower(): value for name, value in cloud.settings.items()}
    return Config(
        _env_file=None,
        **values,
        database_url=f"sqlite:///{tmp_path}/core.db",
        enrollment_directory=tmp_path / "enrollment",
        token_encryption_key=Encryption.new_key(),
    )


@pytest.fixture
def container(config: Config) -> ApplicationContainer:
    container = ApplicationContainer()
    container.core.config.override(providers.Object(config))
    return container


async def sign_in(container: ApplicationContainer) -> SignedIn:
    await container.account().service().sync()
    request = await container.auth().service().begin(ALICE)
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(request.url, allow_redirects=False) as answer,
    ):
        query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    return await container.auth().service().complete(AuthorizationCallback.model_validate(query))


@pytest.mark.parametrize("name", CORE_PARTS)
def test_each_part_of_the_core_is_built_once(container: ApplicationContainer, name: str) -> None:
    provider = container.core().providers[name]
    assert provider() is provider()


@pytest.mark.parametrize(
    "module", [ApplicationContainer, AccountContainer, AuthContainer, CoreContainer, MailQueryContainer]
)
def test_a_container_holds_providers_and_nothing_else(module: type[containers.DeclarativeContainer]) -> None:
    class Empty(containers.DeclarativeContainer):
        pass

    assert set(vars(module)) - set(vars(Empty)) <= {"__annotations__", *module.providers}


def test_nothing_is_missing_in_the_whole_application() -> None:
    ApplicationContainer().check_dependencies()


def test_every_module_names_its_service_alike(container: ApplicationContainer) -> None:
    assert isinstance(container.account().service(), AccountService)
    assert isinstance(container.auth().service(), AuthService)
    assert isinstance(container.mail_query().service(), MailQueryService)


def test_events_stay_in_the_database_until_a_broker_is_configured(config: Config) -> None:
    container = ApplicationContainer()
    container.core.config.override(providers.Object(config))
    assert isinstance(container.core().events(), EventLog)

    container = ApplicationContainer()
    with_broker = config.model_copy(update={"kafka_bootstrap_servers": ("127.0.0.1:9",)})
    container.core.config.override(providers.Object(with_broker))
    assert isinstance(container.core().events(), KafkaClient)


async def test_every_module_works_on_the_core_as_it_is(container: ApplicationContainer) -> None:
    async with Application(container):
        await sign_in(container)
        result = await container.mail_query().service().sync(ALICE)
        assert result.new == await container.mail_query().service().count(ALICE) > 0


async def test_mail_may_have_a_database_of_its_own(container: ApplicationContainer, tmp_path: Path) -> None:
    own = providers.Singleton(Database, f"sqlite:///{tmp_path}/mail.db")
    container.mail_query().database.override(own)
    async with Application(container):
        await sign_in(container)
        result = await container.mail_query().service().sync(ALICE)
        in_own = own().run(lambda tx: tx.value("SELECT count(*) FROM iacs_messages"))
        in_core = container.core().database().run(lambda tx: tx.value("SELECT count(*) FROM iacs_messages"))
        assert (await in_own, await in_core) == (result.new, 0)
        assert container.account().database() is container.core().database()


async def test_mail_may_have_a_topic_of_its_own(container: ApplicationContainer) -> None:
    container.mail_query().topic.override(providers.Object("mine"))
    async with Application(container):
        await sign_in(container)
        result = await container.mail_query().service().sync(ALICE)
        events = container.core().events()
        mine = [event async for event in events.consume("mine", idle_timeout=0.1)]
        usual = [
            event async for event in events.consume(container.core().config().mail_topic, idle_timeout=0.1)
        ]
        assert (len(mine), len(usual)) == (result.new, 0)


class Letter(Message):
    """A host's own message: one more of Graph's properties, and a word of the host's own."""

    inference_classification: str | None = None

    @property
    def greeting(self) -> str:
        return f"from {self.from_.address if self.from_ else 'nobody'}"


class OwnAccount(Account):
    @property
    def label(self) -> str:
        return f"{self.email} ({self.status})"


class OwnSignedIn(SignedIn):
    greeting: str = "Welcome"


async def test_each_module_may_have_a_schema_of_its_own(container: ApplicationContainer) -> None:
    container.account().schema.override(providers.Object(OwnAccount))
    container.auth().schema.override(providers.Object(OwnSignedIn))
    container.mail_query().schema.override(providers.Object(Letter))
    async with Application(container):
        signed_in = await sign_in(container)
        assert isinstance(signed_in, OwnSignedIn)
        (account,) = await container.account().service().list()
        assert isinstance(account, OwnAccount)
        service = container.mail_query().service()
        await service.sync(ALICE)
        read = [message async for message in service.messages(ALICE)]
        stored = [message async for message in service.stored(ALICE)]
        assert {type(message) for message in (*read, *stored)} == {Letter}


async def test_sign_in_may_have_an_oauth_client_of_its_own(
    container: ApplicationContainer, config: Config
) -> None:
    own = providers.Singleton(
        OAuthClient,
        container.core().http_client,
        client_id=config.azure_client_id,
        authority_host=config.azure_authority_host,
        tenant_id=config.azure_tenant_id,
        redirect_uri="http://localhost:9999/own",
        scopes=config.azure_scopes,
        client_secret=config.azure_client_secret,
    )
    container.auth().oauth_client.override(own)
    async with Application(container):
        await sign_in(container)
        request = await container.auth().service().begin(ALICE)
        assert request.redirect_uri == "http://localhost:9999/own"
        assert container.core().oauth_client().redirect_uri == config.azure_redirect_uri
        assert container.auth().token_service() is container.core().token_service()


async def test_accounts_may_have_a_database_of_their_own(
    container: ApplicationContainer, tmp_path: Path
) -> None:
    container.account().database.override(providers.Singleton(Database, f"sqlite:///{tmp_path}/accounts.db"))
    async with Application(container):
        await sign_in(container)
        assert (await container.mail_query().service().sync(ALICE)).new > 0
        in_core = (
            await container.core().database().run(lambda tx: tx.value("SELECT count(*) FROM iacs_accounts"))
        )
        assert in_core == 0


def test_another_container_knows_nothing_of_an_override(container: ApplicationContainer) -> None:
    container.mail_query().topic.override(providers.Object("mine"))
    assert ApplicationContainer().mail_query().topic() == Config(_env_file=None).mail_topic
