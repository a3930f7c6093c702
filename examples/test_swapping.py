"""How a test replaces a part: in an overlay, a second view in which only its dependents are built again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dependency_injector import providers

from iacs.account import AccountService
from iacs.auth import AuthService
from iacs.containers import ApplicationContainer
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.exceptions import CheckError, OperatorRequiredError
from iacs.core.oauth_client import OAuthClient
from iacs.mail_query import Message
from iacs.runtime import Application


@pytest.fixture
async def app() -> AsyncIterator[Application[ApplicationContainer]]:
    """Start everything on a database in memory, independently of the environment."""
    container = ApplicationContainer()
    settings = Config(_env_file=None, _env_prefix="NOBODY_SETS_", database_url="sqlite:///:memory:")
    container.core.config.override(providers.Object(settings))
    async with Application(container) as app:
        yield app


async def test_a_replaced_database_is_used_by_every_module(app: Application[ApplicationContainer]) -> None:
    async with app.overlay(database=providers.Singleton(Database, "sqlite:///:memory:")) as view:
        assert view["account.database"] is view["auth.database"] is view.get(Database)
        assert view.get(Database) is not app.get(Database)
        assert view.get(OAuthClient) is app.get(OAuthClient)  # does not depend on the database


class RefusingOAuthClient(OAuthClient):
    """A tenant that rejects every sign-in."""

    def __init__(self) -> None:
        """Require no settings."""
        self.redirect_uri = "http://localhost/callback"

    async def authorization_url(self, **_: str) -> str:
        """Raise the error that Entra ID returns for a disabled application."""
        raise OperatorRequiredError("the tenant rejects this application", hint="ask its administrator")


async def test_signing_in_uses_the_replaced_oauth_client(
    app: Application[ApplicationContainer], tmp_path: Path
) -> None:
    (tmp_path / "alice.yaml").write_text("account: alice@contoso.example\n")
    await app.get(AccountService).sync(tmp_path)
    async with app.overlay({"auth.oauth_client": RefusingOAuthClient()}) as view:
        with pytest.raises(OperatorRequiredError, match="rejects this application"):
            await view.get(AuthService).begin("alice@contoso.example")
        assert type(view["core.oauth_client"]) is OAuthClient  # other modules keep the original


class ReadMail:
    """A replacement for the mail_query service, with one message and no cloud."""

    async def messages(self, _: str) -> AsyncIterator[Message]:
        """Yield the message."""
        yield Message(id="1", subject="Hello")


async def test_any_object_with_the_same_methods_can_replace_a_service(
    app: Application[ApplicationContainer],
) -> None:
    async with app.overlay({"mail_query.service": ReadMail()}) as view:
        service = view["mail_query.service"]
        messages = [message async for message in service.messages("alice@contoso.example")]
    assert messages == [Message(id="1", subject="Hello")]
    assert app["mail_query.service"] is not service


async def test_a_value_of_an_unrelated_type_is_rejected_as_a_replacement(
    app: Application[ApplicationContainer],
) -> None:
    with pytest.raises(CheckError, match=r"core\.database"):
        app.overlay(database="sqlite:///:memory:")
