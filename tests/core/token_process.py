"""A process that asks for one account's access token in many tasks, and prints how many it got.

Takes one argument: JSON with the database's URL, the stand-in's settings, the account's id, the number of
tasks, the lease's seconds and the scopes; with `dies`, the process is killed between the response of Entra ID and
its storage.
"""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from pydantic import SecretStr

from iacs.core._tokens import store as token_store
from iacs.core.database import Database
from iacs.core.encryption import Encryption
from iacs.core.http_client import HttpClient
from iacs.core.logger import create_logger
from iacs.core.token_service import TokenService
from tests.fixtures.oauth import create_oauth_client


def die(*_: object) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


async def main(order: dict[str, Any]) -> None:
    if order["dies"]:
        token_store.replace = die  # type: ignore[assignment]
    async with Database(order["database_url"]) as database, HttpClient() as http:
        oauth_client = create_oauth_client(http, order["settings"], scopes=order["scopes"])
        encryption = Encryption(SecretStr(order["key"]))
        service = TokenService(
            database, oauth_client, encryption, logger=create_logger(), lease_seconds=order["lease_seconds"]
        )
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        tokens = await asyncio.gather(
            *(
                service.access_token(order["account_id"], tenant_id=order["tenant_id"])
                for _ in range(order["tasks"])
            )
        )
        print(json.dumps([len(tokens), len(set(tokens))]), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
