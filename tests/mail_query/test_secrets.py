"""Every code, token and secret of a whole run, searched in databases, logs, errors, events and pages."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from urllib.parse import quote

import pytest

from iacs.core.database import Database
from iacs.core.exceptions import IACSGraphError
from iacs.mail_query.compression import decompressor
from iacs.sandbox import Sandbox
from tests.mail_query.whole import ALICE, Whole, letter, whole

INFO, TEAM = "info@contoso.example", "team@contoso.example"
SCOPES = "openid profile offline_access User.Read Mail.Read Mail.Read.Shared"
CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
PIECE = 40
"""Characters of a long secret that must not be seen either."""


class Errors:
    """The errors of a run, as a handler of a service would log them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def of(self, failing: Awaitable[object]) -> None:
        with pytest.raises(IACSGraphError) as caught:
            await failing
        error = caught.value
        self.texts += [*traceback.format_exception(error), repr(error), repr(vars(error)), error.hint]


@pytest.fixture
async def cloud() -> AsyncIterator[Sandbox]:
    """Three mailboxes: Alice's own, one that she may open, and one that the application opens."""
    async with Sandbox({ALICE: [], INFO: [], TEAM: []}) as cloud:
        for number, address in enumerate(cloud.addresses):
            cloud.mailbox(address).add(letter(number))
        cloud.grant_full_access(INFO, to=ALICE)
        yield cloud


async def enrol(service: Whole, folder: Path) -> None:
    (folder / "info.yaml").write_text(f"account: {INFO}\naccess: shared\nvia: {ALICE}\n")
    (folder / "team.yaml").write_text(f"account: {TEAM}\naccess: application\n")
    await service.sign_in(folder)


async def be_refused(service: Whole, cloud: Sandbox, errors: Errors) -> None:
    """Meet every kind of refusal, and recover from those that allow it."""
    mail = service.mail
    cloud.faults.claims_challenge("*/mailFolders*")
    cloud.faults.token_fields({"refresh_token": "", "expires_in": "soon"}, user=ALICE)
    await mail.sync(ALICE)
    cloud.faults.claims_challenge("*/mailFolders*")
    cloud.faults.drop("*/oauth2/v2.0/token", times=9)
    await errors.of(mail.sync(ALICE))
    cloud.faults.clear()
    cloud.expire_access_tokens()
    cloud.refuse(ALICE, 50076, claims=CLAIMS)
    await errors.of(mail.sync(ALICE))
    await service.sign_in_as(ALICE)
    await mail.sync(ALICE)
    cloud.expire_access_tokens()
    cloud.refuse(ALICE, 700082)
    await errors.of(mail.sync(INFO))
    cloud.expire_secret()
    await errors.of(mail.sync(TEAM))
    await errors.of(service.sign_in_as(ALICE))


async def stored(database: Database) -> str:
    """Everything in all tables, as text."""
    tables = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
    }
    texts, read = [], decompressor(database.dialect)
    with database.transaction() as tx:
        for row in list(tx.rows(tables[database.dialect])):
            for values in tx.rows(f'SELECT * FROM "{row["name"]}"'):  # noqa: S608
                values = {
                    name: read(value) if name == "document" else value for name, value in values.items()
                }
                texts += [
                    bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                    for value in values.values()
                ]
    return "\n".join(texts)


def files(database_url: str) -> str:
    """The bytes of SQLite's files, in which deleted rows may stay."""
    if not database_url.startswith("sqlite"):
        return ""
    folder = Path(database_url.removeprefix("sqlite:///")).parent
    return "".join(path.read_bytes().decode("latin-1") for path in folder.glob("iacs.db*"))


def leaked(secrets: list[str], text: str) -> list[str]:
    """Return the secrets of which a text has all, an encoded form, or the beginning or end."""
    pieces = {
        piece: secret
        for secret in secrets
        for piece in {secret, quote(secret, safe=""), secret[:PIECE], secret[-PIECE:]}
    }
    return [secret for piece, secret in pieces.items() if piece in text]


async def test_no_token_or_secret_of_a_whole_run_is_written_anywhere(
    database: Database, database_url: str, cloud: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors, secret = Errors(), cloud.client_secret
    async with whole(database, cloud.settings, scopes=SCOPES, level="DEBUG") as service:
        await enrol(service, tmp_path)
        for address in cloud.addresses:
            await service.mail.sync(address)
        await be_refused(service, cloud, errors)
        events = repr(await service.read_events())
        parts = repr(service)
        page = await service.http.send("GET", f"{cloud.url}/")
    texts = {
        "tables": await stored(database),
        "files": files(database_url),
        "log": caplog.text,
        "errors": "\n".join(errors.texts),
        "events": events + parts,
        "page": page.body.decode(),
        "requests": repr([vars(request) | {"query": ""} for request in cloud.requests]),
    }
    secrets = [*cloud.issued, secret]
    assert len(secrets) > 10
    assert len(errors.texts) > 20
    assert ALICE in texts["tables"]
    assert "mail synced" in texts["log"]
    assert leaked(secrets, texts["page"] + quote(secrets[-2])[PIECE // 2 :]) == secrets[-2:-1]
    assert {where: leaks for where, text in texts.items() if (leaks := leaked(secrets, text))} == {}
