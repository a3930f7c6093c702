"""The service against the stand-in for Microsoft's cloud, and with one part replaced."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from dependency_injector import providers

from fastapi_service.app import create_api
from iacs.account import AccountService
from iacs.containers import ApplicationContainer
from iacs.core.config import Config
from iacs.core.encryption import Encryption
from iacs.mail_query import MailQueryService, Message
from iacs.runtime import Application
from iacs.sandbox import Sandbox

ALICE = "alice@contoso.example"
MAILBOX = Path(__file__).resolve().parents[1] / "mailboxes" / "alice.mbox"
ADDRESS = "http://localhost:8000"


@dataclass
class Service:
    """The running service, and a browser that reaches it and the cloud."""

    application: Application[ApplicationContainer]
    browser: httpx.AsyncClient

    async def get(self, path: str) -> Any:
        """Return the JSON of a response."""
        return (await self.browser.get(ADDRESS + path)).json()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Start the service on a database of its own, with Alice's account and none of her mail yet."""
    async with Sandbox({ALICE: [MAILBOX]}) as cloud:
        settings = {
            "database_url": f"sqlite:///{tmp_path}/iacs.db",
            "token_encryption_key": Encryption.new_key(),
            "azure_redirect_uri": f"{ADDRESS}/callback",
        }
        settings |= {name.lower(): value for name, value in cloud.settings.items()}
        container = ApplicationContainer()
        container.core.config.override(providers.Object(Config(_env_file=None, **settings)))
        api = create_api(container)
        mounts = {ADDRESS: httpx.ASGITransport(app=api)}
        async with (
            api.state.application as application,
            httpx.AsyncClient(mounts=mounts, follow_redirects=True) as browser,
        ):
            await application.get(AccountService).add(ALICE)
            yield Service(application, browser)


async def test_a_person_signs_in_and_reads_the_mail_that_is_synced(service: Service) -> None:
    assert (await service.get(f"/sign-in/{ALICE}"))["account"] == ALICE
    await service.application.get(MailQueryService).sync(ALICE)
    latest = await service.get(f"/mail/{ALICE}?limit=3")
    assert len(latest) == 3
    assert latest[0]["received_at"] >= latest[1]["received_at"] >= latest[2]["received_at"]
    assert (await service.get(f"/mail/{ALICE}/senders"))["carol@contoso.example"] == 2


async def test_an_unknown_account_is_answered_by_the_code_of_its_error(service: Service) -> None:
    answer = await service.browser.get(f"{ADDRESS}/mail/nobody@contoso.example")
    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


async def test_an_unknown_sign_in_is_refused(service: Service) -> None:
    answer = await service.browser.get(f"{ADDRESS}/callback?state=forged&code=forged")
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication")


class OneMessage:
    """A replacement for the mail service, with one message and no database."""

    async def stored(self, _account: str) -> AsyncIterator[Message]:
        """Yield the message."""
        yield Message(id="1", subject="Hello")


async def test_a_part_is_replaced_for_one_test(service: Service) -> None:
    async with service.application.overlay({"mail_query.service": OneMessage()}):
        assert await service.get("/mail/anybody") == [{"id": "1", "subject": "Hello", "received_at": None}]


async def test_the_service_is_live_and_ready(service: Service) -> None:
    assert await service.get("/livez") == {"status": "up"}
    assert (await service.browser.get(f"{ADDRESS}/readyz")).status_code == 200
