"""A process with the services of accounts, on a database and the stand-in that a test has.

Takes one argument: JSON with the database's URL, the stand-in's settings, the key, and what to do: either `tasks`
requests of the access token of `account_id`, of which the refused ones are counted; or to disable `disable`, and
be killed before or after its event is published.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from iacs.account import AccountPublisher, AccountService, AccountTokens, Recorder
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.event_log import EventLog
from iacs.core.exceptions import SignInRequiredError
from iacs.core.http_client import HttpClient
from iacs.core.logger import create_logger
from iacs.core.token_service import Grants, TokenService
from tests.fixtures.oauth import create_oauth_client


@asynccontextmanager
async def services(order: dict[str, Any]) -> AsyncIterator[tuple[AccountService, AccountTokens]]:
    logger = create_logger(level="CRITICAL")
    async with Database(order["database_url"]) as database, HttpClient() as http:
        oauth_client = create_oauth_client(http, order["settings"])
        events = EventLog(database, logger=logger)
        recorder = Recorder(database)
        AccountPublisher(recorder, database, events, logger=logger)
        accounts = AccountService(
            database, Grants(database), recorder, enrollment_directory=Path(), logger=logger
        )
        encryption = Encryption(SecretStr(order["key"]))
        yield (
            accounts,
            AccountTokens(
                accounts, TokenService(database, oauth_client, encryption, logger=logger), logger=logger
            ),
        )
        await events.aclose()


async def count_refusals(tokens: AccountTokens, account_id: str, tasks: int) -> int:
    requests = (tokens.access_token(account_id) for _ in range(tasks))
    outcomes = await asyncio.gather(*requests, return_exceptions=True)
    return sum(isinstance(outcome, SignInRequiredError) for outcome in outcomes)


def die_at(moment: str) -> None:
    publish = EventLog.publish_many

    async def publish_many(self: EventLog, events: Any) -> int:
        if moment == "published":
            await publish(self, events)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    EventLog.publish_many = publish_many  # type: ignore[method-assign]


async def main(order: dict[str, Any]) -> None:
    async with services(order) as (accounts, tokens):
        if "disable" in order:
            die_at(order["dies"])
            await accounts.disable(order["disable"])
            return
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        print(await count_refusals(tokens, order["account_id"], order["tasks"]), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
