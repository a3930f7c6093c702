"""The account module with a database of its own: everything is as with one database for all."""

from pathlib import Path

import pytest
from dependency_injector import providers

from iacs.account import AccountService
from iacs.auth import AuthService
from iacs.containers import ApplicationContainer
from iacs.core.config import Config
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.events import EventStream
from iacs.core.exceptions import (
    AccountDisabledError,
    AuthenticationError,
    DegradedError,
    SignInRequiredError,
)
from iacs.core.logger import create_logger
from iacs.core.token_service import TokenService
from iacs.mail_query import MailQueryService
from iacs.runtime import Application
from iacs.sandbox import Sandbox
from tests.containers.test_application_container import ALICE, sign_in
from tests.fixtures.sign_in import write_enrollment


@pytest.mark.parametrize("own", [False, True], ids=["one database", "own database"])
async def test_whole_life_of_an_account(
    cloud: Sandbox, tmp_path: Path, database_url: str, *, own: bool
) -> None:
    container = ApplicationContainer()
    config = Config(
        _env_file=None,
        **{name.lower(): value for name, value in cloud.settings.items()},
        database_url=f"sqlite:///{tmp_path}/core.db" if own else database_url,
        enrollment_directory=write_enrollment(tmp_path / "enrollment", ALICE),
        token_encryption_key=Encryption.new_key(),
    )
    container.core.config.override(providers.Object(config))
    if own:
        container.account().database.override(providers.Singleton(Database, database_url))
    async with Application(container) as app:
        accounts, mail = app.get(AccountService), app.get(MailQueryService)
        await sign_in(container)
        await mail.sync(ALICE)
        assert (await app.health()).status == "up"

        cloud.revoke(ALICE)
        with pytest.raises(SignInRequiredError, match=f"iacs auth login {ALICE}") as lost:
            await mail.sync(ALICE)
        assert ALICE in str(lost.value)
        assert [account.status for account in await accounts.list()] == ["sign_in_required"]
        with pytest.raises(DegradedError):
            await accounts.probe()
        assert {module.name: module.status for module in (await app.health()).modules} == {
            "core": "up",
            "account": "degraded",
            "auth": "degraded",
            "mail_query": "degraded",
        }

        await sign_in(container)
        assert (await app.health()).status == "up"
        disabled = await accounts.disable(ALICE)
        with pytest.raises(AccountDisabledError, match=f"iacs account enable {ALICE}"):
            await mail.sync(ALICE)
        with pytest.raises(AccountDisabledError):
            await app.get(AuthService).begin(ALICE)
        with pytest.raises(AuthenticationError, match="suspended"):
            await app.get(TokenService).access_token(disabled.id)

        assert (await accounts.enable(ALICE)).status == "active"
        await mail.sync(ALICE)

        events = app.get(EventStream)
        topics = [config.account_topic, config.audit_topic]
        published = [event.value async for event in events.consume(topics, idle_timeout=0)]
        values = sorted(published, key=lambda value: str(value["at"]))
        assert [value["type"] for value in values if value["type"] != "account.audited"] == [
            "account.sign_in_required",
            "account.recovered",
            "account.disabled",
            "account.enabled",
        ]
        assert [value["action"] for value in values if value["type"] == "account.audited"] == [
            *("enrolled", "signed_in", "signed_in", "disabled", "enabled")
        ]


async def test_an_overlay_does_not_take_the_events_of_the_application(cloud: Sandbox, tmp_path: Path) -> None:
    container = ApplicationContainer()
    values = {name.lower(): value for name, value in cloud.settings.items()}
    config = Config(_env_file=None, **values, database_url=f"sqlite:///{tmp_path}/core.db")
    container.core.config.override(providers.Object(config))
    async with Application(container) as app:
        with Database("sqlite:///:memory:") as database:
            other = EventLog(database, logger=create_logger())
            async with app.overlay({EventStream: other}):
                await app.get(AccountService).add(ALICE)
            assert [event async for event in other.consume(config.audit_topic, idle_timeout=0)] == []
            await other.aclose()
        events = app.get(EventStream)
        read = [event async for event in events.consume(config.audit_topic, idle_timeout=0)]
        assert [event.value["action"] for event in read] == ["enrolled"]
