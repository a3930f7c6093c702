"""Print one digest per account; run it in this folder's parent: `python -m own_module`."""

import asyncio

from iacs.account import AccountService
from iacs.runtime import Application
from own_module.containers import DigestApplication
from own_module.service import DigestService


async def main(container: DigestApplication) -> None:
    """Start the parts that digests need, and print the digests."""
    async with Application(container, roots=[AccountService, DigestService]) as app:
        for account in await app.get(AccountService).list():
            print(await app.get(DigestService).digest(account.email))


if __name__ == "__main__":
    asyncio.run(main(DigestApplication()))
