"""Reconnect links in the database."""

import asyncio

import pytest

from iacs.auth import ReconnectLinks
from iacs.core.exceptions import AccountDisabledError, AccountError, SignInExpiredError
from iacs.core.logger import create_logger
from tests.fixtures.sign_in import ALICE, Identity

URI = "https://mail.contoso.example/sign-in/callback"


@pytest.fixture
def links(identity: Identity) -> ReconnectLinks:
    logger = create_logger("iacs.test")
    return ReconnectLinks(identity.database, identity.accounts, redirect_uri=URI, logger=logger)


def secret_of(url: str) -> str:
    base, _, secret = url.partition("?link=")
    assert base == "https://mail.contoso.example/sign-in/reconnect"
    return secret


async def test_of_two_browsers_one_gets_a_link(links: ReconnectLinks) -> None:
    secret = secret_of((await links.create(ALICE)).url)
    outcomes = await asyncio.gather(
        *(links.use(secret, browser=browser) for browser in ("one", "two")), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Account", "SignInExpiredError"]


async def test_a_link_that_has_ended_is_refused(links: ReconnectLinks) -> None:
    secret = secret_of((await links.create(ALICE)).url)
    assert (await links.use(secret, browser="one")).email == ALICE
    await links.end(secret)
    with pytest.raises(SignInExpiredError, match="reconnect link is not valid"):
        await links.account(secret, browser="one")


async def test_the_database_has_no_secret(links: ReconnectLinks, identity: Identity) -> None:
    link = await links.create(ALICE)
    await links.use(secret_of(link.url), browser="a secret of the browser")
    with identity.database.transaction() as tx:
        row = str(dict(tx.rows("SELECT * FROM iacs_auth_links")[0]))
    assert secret_of(link.url) not in row + repr(link)
    assert "a secret of the browser" not in row


async def test_links_that_have_expired_are_deleted(links: ReconnectLinks, identity: Identity) -> None:
    await links.create(ALICE, hours=-1)
    await links.create(ALICE)
    with identity.database.transaction() as tx:
        assert tx.value("SELECT count(*) FROM iacs_auth_links") == 1


async def test_only_people_get_links(links: ReconnectLinks, identity: Identity) -> None:
    await identity.accounts.add("archive@contoso.example", access="application")
    with pytest.raises(AccountError, match="nobody signs in"):
        await links.create("archive@contoso.example")
    await identity.accounts.disable(ALICE)
    with pytest.raises(AccountDisabledError):
        await links.create(ALICE)
