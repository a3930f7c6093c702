"""The pages of one list, of which the next one is requested while the present one is decoded and used."""

import asyncio
import json
import re
from asyncio import Task
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

from iacs.core.exceptions import GraphError, MalformedResponseError
from iacs.mail_query import answers
from iacs.mail_query.graph_client import GraphClient, measured
from iacs.mail_query.link_trail import LinkTrail
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pages import Page

T = TypeVar("T")

_NEXT_LINK = re.compile(rb'"@odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)+")')

_LINK_BYTES = 16_384
"""The length of the start and of the end of a page in which its link is looked for."""

_MAX_BYTES = 4_194_304
"""The size of a page above which the next one is not requested early, so that memory has one such page."""

_CLOSING_SECONDS = 2.0


class PageReader(Generic[T]):
    """A reader of pages with at most one request under way that nobody has asked for yet.

    The next link is taken from the bytes of a page before they are decoded. A page whose decoded link differs, or
    that is malformed, is requested again by its own link, so a wrong guess costs a request and nothing else.
    """

    def __init__(
        self, graph: GraphClient, account_id: str, read: Callable[[bytes], Page[T]], *, size: PageSize
    ) -> None:
        self._graph = graph
        self._account_id = account_id
        self._read = read
        self._size = size
        self._link: str | None = None
        self._request: Task[bytes] | None = None

    async def pages(self, url: str, *, limit: int | None = None) -> AsyncGenerator[Page[T], None]:
        """Yield the pages of a list, including empty ones, by following every nextLink.

        A nextLink is followed unchanged, except for its `$top` after Graph could not serve a page of that size.
        Ends only when the list is complete: a missing page raises GraphError, a link back to an earlier page
        MalformedResponseError, as do pages without end. Nothing is requested early beyond `limit` items.
        """
        trail, count = LinkTrail(), 0
        link: str | None = url
        try:
            while link is not None:
                trail.add(link)
                is_last = limit is not None and limit - count <= self._size.current
                page = await self._listed(link, is_first=link == url, is_last=is_last)
                if page.next_link is not None:
                    trail.record(page.items)
                count += len(page.items)
                yield page
                link = page.next_link
        finally:
            await self.aclose()

    async def _listed(self, link: str, *, is_first: bool, is_last: bool) -> Page[T]:
        try:
            return await self.page(link, is_last=is_last)
        except GraphError as error:
            if is_first or error.status not in answers.LINK_EXPIRED:
                raise
            raise answers.error_of_later_page(error) from error

    async def page(self, link: str, *, once: bool = False, is_last: bool = False) -> Page[T]:
        """Return the page of a link; raise as GraphClient.page does. After the last one nothing is requested early."""
        arrived = None if is_last else partial(self._request_next, once=once)
        if self._request is not None and self._link == link:
            request, self._request = self._request, None
            body = await request
            if arrived is not None:
                await arrived(body)
            with suppress(MalformedResponseError):  # it is requested again, with the retries of any request
                return measured(self._size, link, self._read)(body)
        await self.aclose()
        return await self._graph.page(
            self._account_id, link, self._read, size=self._size, once=once, arrived=arrived
        )

    async def aclose(self) -> None:
        """Cancel the request that nobody has asked for."""
        request, self._request = self._request, None
        if request is not None:
            request.cancel()
            await asyncio.wait([request], timeout=_CLOSING_SECONDS)
            if request.done() and not request.cancelled():
                request.exception()  # else asyncio would report that nobody looked at it

    async def _request_next(self, body: bytes, *, once: bool) -> None:
        await self.aclose()
        self._link = _next_link(body) if self._size.is_steady and len(body) <= _MAX_BYTES else None
        if self._link is not None:
            self._request = asyncio.create_task(
                self._graph.get(self._account_id, self._link, bytes, size=self._size, once=once)
            )
            await asyncio.sleep(0)  # the request is sent before the page is decoded


def _next_link(body: bytes) -> str | None:
    """Return what looks like the next link of a page; within a string of its JSON the quotes would be escaped."""
    match = _NEXT_LINK.search(body[-_LINK_BYTES:]) or _NEXT_LINK.search(body[:_LINK_BYTES])
    if match is None:
        return None
    try:
        return str(json.loads(match[1]))
    except ValueError:
        return None
