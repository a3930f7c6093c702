"""How a test of yours swaps a part: in a container of its own, which goes when the test ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dependency_injector import containers, providers

from iacs.account import AccountService
from iacs.auth import AuthService
from iacs.containers import ApplicationContainer
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.exceptions import OperatorRequiredError
from iacs.core.oauth_client import OAuthClient
from iacs.mail_query import MailQueryService, Message
from iacs.runtime import Application


@pytest.fixture
def container() -> ApplicationContainer:
    """Wire everything anew for one test: settings that no environment changes, a database in memory."""
    container = ApplicationContainer()
    container.core.config.override(providers.Object(Config(_env_file=None, _env_prefix="NOBODY_SETS_")))
    container.core.database.override(providers.Singleton(Database, "sqlite:///:memory:"))
    return container


async def test_a_database_in_memory_serves_every_module(container: ApplicationContainer) -> None:
    async with Application(container) as app:
        assert await app.get(AccountService).list() == ()
        assert container.mail_query().database() is container.auth().database() is app.get(Database)


class RefusingOAuthClient(OAuthClient):
    """Stand for a tenant that lets nobody sign in."""

    async def authorization_url(self, **_: str) -> str:
        """Refuse, as Entra does for a disabled application."""
        raise OperatorRequiredError("the tenant refuses this application; ask its administrator")


def refusing_client(container: ApplicationContainer) -> RefusingOAuthClient:
    """Build it as the core builds its own."""
    core = container.core()
    return RefusingOAuthClient(
        core.http_client(),
        client_id="any",
        authority_host="https://login.example",
        tenant_id="any",
        redirect_uri="http://localhost/callback",
        scopes="openid",
    )


async def test_an_oauth_client_that_refuses_is_met_by_whoever_signs_in(
    container: ApplicationContainer, tmp_path: Path
) -> None:
    container.auth().oauth_client.override(providers.Object(refusing_client(container)))
    (tmp_path / "alice.yaml").write_text("account: alice@contoso.example\n")
    async with Application(container) as app:
        await app.get(AccountService).sync(tmp_path)
        with pytest.raises(OperatorRequiredError, match="refuses this application"):
            await app.get(AuthService).begin("alice@contoso.example")
        assert type(container.core().oauth_client()) is OAuthClient


class ReadMail:
    """Stand for the whole module, with one message that needs no cloud."""

    async def messages(self, _: str) -> AsyncIterator[Message]:
        """Give the one message."""
        yield Message(id="1", subject="Hello")


class ReadMailContainer(containers.DeclarativeContainer):
    """Take the place of MailQueryContainer."""

    service = providers.Singleton(ReadMail)


async def test_a_whole_module_is_replaced_by_a_container_with_its_service(
    container: ApplicationContainer,
) -> None:
    container.mail_query.override(ReadMailContainer())
    service = container.mail_query().service()
    messages = [message async for message in service.messages("alice@contoso.example")]
    assert messages == [Message(id="1", subject="Hello")]


def test_nothing_of_it_is_left_in_the_next_container() -> None:
    assert ApplicationContainer().mail_query().service.cls is MailQueryService
