"""The service against the stand-in for Microsoft's cloud, and with one part replaced."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fastapi_service.app import create_api
from iacs.account import AccountService
from iacs.auth import ReconnectLinks
from iacs.containers import ApplicationContainer
from iacs.mail_query import MailQueryService, Message
from iacs.runtime import Application
from iacs.testing import CloudFixture

ALICE = "alice@contoso.example"
MAILBOX = Path(__file__).resolve().parents[1] / "mailboxes" / "alice.mbox"
ADDRESS = "http://localhost:8000"

pytestmark = pytest.mark.cloud(mailboxes={ALICE: MAILBOX})


@pytest.fixture
def api(cloud: CloudFixture, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Return the service, which reads the settings that the stand-in has set."""
    monkeypatch.setenv("AZURE_REDIRECT_URI", f"{ADDRESS}/sign-in/callback")
    return create_api()


@pytest.fixture
async def application(api: FastAPI) -> AsyncIterator[Application[ApplicationContainer]]:
    """Start the service's application, which the fixture `overlay` uses, too."""
    async with api.state.application as application:
        yield application


@pytest.fixture
async def browser(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a browser that reaches the service and the cloud."""
    mounts = {ADDRESS: httpx.ASGITransport(app=api)}
    async with httpx.AsyncClient(base_url=ADDRESS, mounts=mounts, follow_redirects=True) as browser:
        yield browser


async def test_the_mail_that_is_synced_is_listed(
    cloud: CloudFixture, application: Application[Any], browser: httpx.AsyncClient
) -> None:
    cloud.sign_in(application)
    cloud.receive(subject="Invoice 7", sender="carol@contoso.example")
    await application.get(MailQueryService).sync(ALICE)
    listed = (await browser.get(f"/mail/{ALICE}")).json()
    assert "Invoice 7" in [message["subject"] for message in listed]
    assert (await browser.get(f"/mail/{ALICE}/senders")).json()["carol@contoso.example"] == 3


async def test_a_person_signs_in_with_a_link(
    application: Application[Any], browser: httpx.AsyncClient
) -> None:
    await application.get(AccountService).add(ALICE)
    link = await application.get(ReconnectLinks).create(ALICE)
    page = await browser.get(link.url)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    page = await browser.post("/sign-in/reconnect", data=fields)
    (microsoft,) = re.findall(r'href="([^"]*)"', page.text)
    assert "Signed in" in (await browser.get(unescape(microsoft))).text
    assert (await application.get(AccountService).get(ALICE)).status == "active"


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/mail/nobody@contoso.example", 404, "account_not_found"),
        ("/mail/nobody@contoso.example/senders", 404, "account_not_found"),
    ],
)
async def test_an_error_is_answered_by_its_code(
    browser: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


class OneMessage:
    """A replacement for the mail service, with one message and no database."""

    async def stored(self, _account: str) -> AsyncIterator[Message]:
        """Yield the message."""
        yield Message(id="1", subject="Hello")


async def test_a_part_is_replaced_for_one_test(overlay: Any, browser: httpx.AsyncClient) -> None:
    overlay({"mail_query.service": OneMessage()})
    answer = await browser.get("/mail/anybody")
    assert answer.json() == [{"id": "1", "subject": "Hello", "received_at": None}]


@pytest.mark.usefixtures("application")
async def test_the_service_is_live_and_ready(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/livez")).json() == {"status": "up"}
    assert (await browser.get("/readyz")).status_code == 200
