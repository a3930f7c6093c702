"""A server of one mailbox whose pages are encoded before the first request, so that it never is what is measured.

Run: python benchmarks/graph_pages.py MESSAGES DELAY      (DELAY before every response, in seconds; prints its address)
"""

import asyncio
import json
import re
import sys
from bisect import bisect_left
from functools import lru_cache
from typing import Any

from aiohttp import web

FOLDER = "inbox"
_TEXT = "Grüße from the warehouse: the pallets left this morning and arrive on Thursday before noon. " * 18
_INSTANT = re.compile(r"receivedDateTime (ge|lt) (\S+Z)")
_PAGE_SIZE = re.compile(r"odata\.maxpagesize=(\d+)")


def received_at(number: int) -> str:
    """Return when a message was received."""
    return f"2026-03-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:{number // 840 % 60:02}Z"


def message(number: int) -> dict[str, Any]:
    """Return a message of about 3.2 KB of JSON, with the fields that Graph returns when none are selected."""
    sender = {"emailAddress": {"name": f"Sender {number}", "address": f"sender{number}@fabrikam.example"}}
    at = received_at(number)
    return {
        "@odata.etag": f'W/"CQAAABYAAAC{number:08}"',
        "id": f"AAMkAGI2TAAA={number:08}",
        "createdDateTime": at,
        "lastModifiedDateTime": at,
        "changeKey": f"CQAAABYAAAC{number:08}",
        "categories": [],
        "receivedDateTime": at,
        "sentDateTime": at,
        "hasAttachments": False,
        "internetMessageId": f"<{number}@fabrikam.example>",
        "subject": f"Delivery {number}",
        "bodyPreview": _TEXT[:255],
        "importance": "normal",
        "parentFolderId": FOLDER,
        "conversationId": f"AAQkAGI2TAAA={number:08}",
        "conversationIndex": "AQHZ",
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": False,
        "isRead": number % 2 == 0,
        "isDraft": False,
        "webLink": f"https://outlook.example/owa/?ItemID={number}",
        "inferenceClassification": "focused",
        "body": {"contentType": "html", "content": f"<html><body><p>{_TEXT}</p></body></html>"},
        "sender": sender,
        "from": sender,
        "toRecipients": [{"emailAddress": {"name": "Alice", "address": "alice@contoso.example"}}],
        "ccRecipients": [],
        "bccRecipients": [],
        "replyTo": [],
        "flag": {"flagStatus": "notFlagged"},
    }


class Pages:
    """The encoded pages of a list, newest first, the same for every request."""

    def __init__(self, messages: int, delay: float) -> None:
        order = sorted(range(messages), key=received_at, reverse=True)
        self._dates = [received_at(number) for number in reversed(order)]
        self._messages = [json.dumps(message(number), separators=(",", ":")) for number in order]
        self._delay = delay
        self.page = lru_cache(maxsize=None)(self._page)

    async def messages(self, request: web.Request) -> web.Response:
        """Answer a page of a list."""
        await asyncio.sleep(self._delay)
        size = int(request.query.get("$top") or 0) or self._preferred(request)
        link = str(request.url.origin().join(request.rel_url.with_query(None)))
        start, end = self._window(request.query.get("$filter", ""))
        if request.query.get("$orderby") == "receivedDateTime":  # the oldest one
            start = end - size
        body = self.page(link, int(request.query.get("$skip", start)), size, end)
        return web.Response(body=body, content_type="application/json")

    async def folders(self, request: web.Request) -> web.Response:
        """Answer the list of the one folder."""
        folder = {
            "id": FOLDER,
            "displayName": "Inbox",
            "childFolderCount": 0,
            "totalItemCount": len(self._messages),
        }
        return web.json_response({"value": [folder]})

    def _preferred(self, request: web.Request) -> int:
        match = _PAGE_SIZE.search(request.headers.get("Prefer", ""))
        return int(match[1]) if match else 10

    def _window(self, condition: str) -> tuple[int, int]:
        """Return the first message that a filter by dates leaves, and the end of its messages."""
        instants = dict(_INSTANT.findall(condition))
        count = len(self._dates)
        start = count - bisect_left(self._dates, instants["lt"]) if "lt" in instants else 0
        return start, count - bisect_left(self._dates, instants.get("ge", ""))

    def _page(self, link: str, start: int, size: int, end: int) -> bytes:
        stop = min(start + size, end)
        items = ",".join(self._messages[start:stop])
        if stop < end:
            tail = f'"@odata.nextLink":"{link}?$skip={stop}&$top={size}"'
        else:
            tail = f'"@odata.deltaLink":"{link}?$deltatoken=end&$skip={len(self._messages)}&$top={size}"'
        return f'{{"value":[{items}],{tail}}}'.encode()


async def serve(messages: int, delay: float) -> None:
    """Serve until standard input ends."""
    pages = Pages(messages, delay)
    app = web.Application()
    app.router.add_get("/me/messages", pages.messages)
    app.router.add_get("/me/mailFolders", pages.folders)
    app.router.add_get("/me/mailFolders/{folder}/messages/delta", pages.messages)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
