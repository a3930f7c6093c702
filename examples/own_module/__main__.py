"""Run it with `python -m own_module`: it prints one digest for each account."""

import asyncio

from iacs.account import AccountService
from iacs.runtime import Application
from own_module.containers import DigestApplication
from own_module.service import DigestService


async def main(container: DigestApplication) -> None:
    """Start what a digest takes, and print them."""
    async with Application(container, roots=[AccountService, DigestService]) as app:
        for account in await app.get(AccountService).list():
            print(await app.get(DigestService).digest(account.email))


if __name__ == "__main__":
    asyncio.run(main(DigestApplication()))
