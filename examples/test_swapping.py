"""How a test swaps a part: in an overlay, a second view in which only its dependents are built again."""

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
    """Start everything on a database in memory, with settings that no environment changes."""
    container = ApplicationContainer()
    settings = Config(_env_file=None, _env_prefix="NOBODY_SETS_", database_url="sqlite:///:memory:")
    container.core.config.override(providers.Object(settings))
    async with Application(container) as app:
        yield app


async def test_a_database_of_its_own_serves_every_module(app: Application[ApplicationContainer]) -> None:
    async with app.overlay(database=providers.Singleton(Database, "sqlite:///:memory:")) as view:
        assert view["account.database"] is view["auth.database"] is view.get(Database)
        assert view.get(Database) is not app.get(Database)
        assert view.get(OAuthClient) is app.get(
            OAuthClient
        )  # it does not depend on the database: the same object


class RefusingOAuthClient(OAuthClient):
    """A tenant that rejects every sign-in."""

    def __init__(self) -> None:
        """Need no settings."""
        self.redirect_uri = "http://localhost/callback"

    async def authorization_url(self, **_: str) -> str:
        """Raise the error that Entra gives for a disabled application."""
        raise OperatorRequiredError("the tenant refuses this application; ask its administrator")


async def test_an_oauth_client_that_refuses_is_met_by_whoever_signs_in(
    app: Application[ApplicationContainer], tmp_path: Path
) -> None:
    (tmp_path / "alice.yaml").write_text("account: alice@contoso.example\n")
    await app.get(AccountService).sync(tmp_path)
    async with app.overlay({"auth.oauth_client": RefusingOAuthClient()}) as view:
        with pytest.raises(OperatorRequiredError, match="refuses this application"):
            await view.get(AuthService).begin("alice@contoso.example")
        assert type(view["core.oauth_client"]) is OAuthClient  # the other modules keep theirs


class ReadMail:
    """A stand-in for the mail_query service, with one message and no cloud."""

    async def messages(self, _: str) -> AsyncIterator[Message]:
        """Return the one message."""
        yield Message(id="1", subject="Hello")


async def test_a_service_is_replaced_by_anything_that_does_its_work(
    app: Application[ApplicationContainer],
) -> None:
    async with app.overlay({"mail_query.service": ReadMail()}) as view:
        service = view["mail_query.service"]
        messages = [message async for message in service.messages("alice@contoso.example")]
    assert messages == [Message(id="1", subject="Hello")]
    assert app["mail_query.service"] is not service


async def test_what_cannot_take_the_place_of_a_part_is_refused(
    app: Application[ApplicationContainer],
) -> None:
    with pytest.raises(CheckError, match=r"core\.database"):
        app.overlay(database="sqlite:///:memory:")
