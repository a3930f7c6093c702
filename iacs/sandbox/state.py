"""The state of a stand-in that is kept over restarts."""

import asyncio
import json
from pathlib import Path

from iacs.sandbox.cloud import Cloud
from iacs.sandbox.mail.mailbox import Mailbox
from iacs.sandbox.snapshot import dump, dump_mailbox, load, load_mailbox
from iacs.sandbox.state_file import StateFile


class State:
    """The file of one cloud; mailboxes that have not changed are not encoded again."""

    def __init__(self, path: Path) -> None:
        self._file = StateFile(path)
        self._lines: dict[Mailbox, tuple[int, bytes]] = {}
        self._lock = asyncio.Lock()
        self._wanted = 0
        self._kept = 0

    def restore(self, cloud: Cloud) -> Cloud | None:
        """Return the cloud that was kept, with the behaviour of another one; None if there is no file yet."""
        first, *rest = self._file.read() or [b""]
        if not first:
            return None
        mailboxes = [load_mailbox(json.loads(line)) for line in rest]
        return load(cloud, json.loads(first), mailboxes)

    async def keep(self, cloud: Cloud) -> None:
        """Write the cloud as it is now; concurrent callers share one write. Raises SandboxError."""
        self._wanted += 1
        wanted = self._wanted
        async with self._lock:
            if self._kept >= wanted:
                return
            covered = self._wanted
            document, mailboxes = dump(cloud)
            lines = [json.dumps(document).encode(), *map(self._line, mailboxes)]
            await asyncio.to_thread(self._file.write, lines)
            self._kept = covered

    def _line(self, mailbox: Mailbox) -> bytes:
        version, line = self._lines.get(mailbox, (-1, b""))
        if version != len(mailbox.journal):
            line = dump_mailbox(mailbox)
            self._lines[mailbox] = (len(mailbox.journal), line)
        return line
