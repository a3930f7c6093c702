import asyncio

import pytest

from iacs.mail_query import SyncProgress
from iacs.mail_query.publishing import Publishing
from tests.mail_query.conftest import Parts
from tests.mail_query.scripted_graph import page
from tests.mail_query.test_sync_options import folder, message


async def test_one_sync_publishes_at_a_time(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    running = most = 0

    async def relay() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return 1

    monkeypatch.setattr(parts.outbox, "relay", relay)
    publishing = Publishing(parts.outbox)
    assert sum(await asyncio.gather(*(publishing.relay() for _ in range(20)))) == 20
    assert most == 1


async def test_a_sync_stores_mail_while_another_one_publishes(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.graph.on("/me/mailFolders", page(folder("a")))
    parts.graph.on("/me/mailFolders/a/messages/delta", page(message("1"), delta_link="{url}/later"))
    begun, stored, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def note(step: SyncProgress) -> None:
        if step.new:
            stored.set()

    async def relay() -> int:
        begun.set()
        await may_end.wait()
        return 0

    monkeypatch.setattr(parts.outbox, "relay", relay)
    first, second = parts.enrol(), parts.enrol()
    async with asyncio.timeout(10), asyncio.TaskGroup() as syncs:
        syncs.create_task(parts.mail.sync(first))
        await begun.wait()
        syncs.create_task(parts.mail.sync(second, on_progress=note))
        await stored.wait()
        assert not await parts.mail.count(first)
        may_end.set()
