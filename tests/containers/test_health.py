"""The whole application loses one thing after another while it runs."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from iacs.account import AccountService
from iacs.containers import ApplicationContainer
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.oauth_client import OAuthClient
from iacs.core.outbox import Outbox
from iacs.mail_query import MailQueryService
from iacs.runtime import Application
from iacs.runtime.health import Health
from iacs.sandbox import Sandbox

PROBED = (Database, EventLog, Encryption, OAuthClient, AccountService, Outbox, MailQueryService)


@pytest_asyncio.fixture
async def app(
    cloud: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Application[ApplicationContainer]]:
    for name, value in (cloud.settings | {"TOKEN_ENCRYPTION_KEY": Encryption.new_key()}).items():
        monkeypatch.setenv(name, value)
    async with Application(ApplicationContainer()) as started:
        yield started


def ways(health: Health) -> dict[str, list[str]]:
    return {module.name: [" -> ".join(cause.path) for cause in module.causes] for module in health.modules}


async def test_each_part_is_asked_once_for_all_modules(
    app: Application[ApplicationContainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    for cls in PROBED:

        async def probe(self: object) -> None:
            asked[type(self).__name__] += 1

        monkeypatch.setattr(cls, "probe", probe)
    health = await app.health()
    assert asked == {cls.__name__: 1 for cls in PROBED}
    assert len(health.parts) == len(PROBED)


async def test_deleted_database_takes_down_exactly_its_dependants(
    app: Application[ApplicationContainer], tmp_path: Path
) -> None:
    assert (await app.health()).status == "up"
    (tmp_path / "iacs.db").unlink()
    health = await app.health()
    assert ways(health) == {
        "core": ["core.database"],
        "account": ["account.service -> core.database"],
        "auth": ["auth.pages -> auth.service -> core.database"],
        "mail_query": ["mail_query.service -> core.database"],
    }
    assert all("is gone" in cause.error for module in health.modules for cause in module.causes)


async def test_cloud_that_goes_away_takes_down_exactly_its_dependants(
    app: Application[ApplicationContainer], cloud: Sandbox
) -> None:
    assert (await app.health()).status == "up"
    await cloud.__aexit__(None, None, None)
    assert ways(await app.health()) == {
        "core": ["core.oauth_client"],
        "account": [],
        "auth": ["auth.pages -> auth.service -> core.oauth_client"],
        "mail_query": ["mail_query.service -> account_tokens -> core.token_service -> core.oauth_client"],
    }


async def test_event_log_that_is_closed_takes_down_who_publishes(
    app: Application[ApplicationContainer],
) -> None:
    await app.get(EventLog).aclose()
    assert ways(await app.health()) == {
        "core": ["core.event_log"],
        "account": [],
        "auth": [],
        "mail_query": ["mail_query.service -> mail_query.outbox -> core.events -> core.event_log"],
    }
