"""Run the host, in this folder's parent: `python -m embedding`.

Its settings begin with HOST_, and iacs uses its logging and its database.
"""

import asyncio
import logging

from embedding.containers import HostContainer
from embedding.report import SenderReport
from iacs.account import AccountService
from iacs.runtime import Application


async def main(host: HostContainer) -> None:
    """Report on every stored mailbox."""
    async with Application(host) as app:
        for account in await app.get(AccountService).list():
            senders = await app.get(SenderReport).write(account.email)
            print(account.email, *(f"{sender}={count}" for sender, count in senders.most_common(3)))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="HOST %(levelname)s %(name)s %(message)s")
    asyncio.run(main(HostContainer()))
