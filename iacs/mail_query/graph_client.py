"""Reading Microsoft Graph: pages, retries, and a token that is sent to Graph only."""

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from pydantic import SecretStr

from iacs.core.exceptions import APIConnectionError, MalformedResponseError
from iacs.core.http_client import HttpClient, HttpResponse
from iacs.core.logger import Logger
from iacs.mail_query import answers
from iacs.mail_query.collaborators import AccessTokens
from iacs.mail_query.gate import Gate
from iacs.mail_query.page_size import PageSize
from iacs.mail_query.pauses import Pauses
from iacs.mail_query.retry_policy import Retries, RetryPolicy

if TYPE_CHECKING:
    from iacs.mail_query.pages import Page

T = TypeVar("T")

IMMUTABLE_IDS = 'IdType="ImmutableId"'
"""The preference for ids that do not change when a message is moved; it applies per request."""

WHILE_WAITING: ContextVar[Callable[[], AbstractAsyncContextManager[None]]] = ContextVar(
    "while_waiting", default=nullcontext
)
"""The context that is entered while a mailbox has to wait, so that others can use its turn."""

_WORTH_A_TURN = 2.0
"""The seconds of waiting from which the turn is given back."""


class GraphClient:
    """A client for GET requests to Graph, with at most `concurrency` at a time per account.

    A mailbox that Graph asks to wait sends no request until then, in no task or process that shares `pauses`.
    """

    def __init__(
        self,
        http: HttpClient,
        tokens: AccessTokens,
        *,
        graph_url: str,
        concurrency: int,
        retry_policy: RetryPolicy,
        pauses: Pauses | None = None,
        logger: Logger,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._concurrency = concurrency
        self._retry_policy = retry_policy
        self._pauses = pauses or Pauses(None, logger=logger)
        self._logger = logger
        self._gates: WeakKeyDictionary[AbstractEventLoop, dict[str, Gate]] = WeakKeyDictionary()
        self.url = graph_url

    async def page(
        self,
        account_id: str,
        url: str,
        read: "Callable[[bytes], Page[T]]",
        *,
        size: PageSize,
        once: bool = False,
        arrived: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> "Page[T]":
        """Return a page, of fewer items if Graph cannot serve `size`; raise as `get` does."""
        return await self.get(
            account_id, url, measured(size, url, read), size=size, once=once, arrived=arrived
        )

    async def get(
        self,
        account_id: str,
        url: str,
        read: Callable[[bytes], T],
        *,
        size: PageSize | None = None,
        once: bool = False,
        arrived: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> T:
        """Return the parsed response to a GET request, repeated as the retry policy allows; not with `once`.

        `arrived` is awaited with the bytes of a successful response before they are parsed.

        Raises GraphError, APIConnectionError if there was no response, MalformedResponseError for a foreign `url`
        and for a response that stays malformed.
        """
        self._refuse_foreign(url)
        size = size or PageSize(1)
        policy = replace(self._retry_policy, attempts=1) if once else self._retry_policy
        retries = Retries(policy, logger=self._logger)
        is_renewed = False
        while True:
            requested = size.current
            token = await self._tokens.access_token(account_id)
            try:
                response = await self._send(account_id, size.applied(url), token, size, retries)
                if arrived is not None and 200 <= response.status < 300:
                    await arrived(response.body)
                return answers.parse(response, token, read)
            except answers.RejectedTokenError as rejection:
                if is_renewed:
                    raise rejection.error from None
                is_renewed = True
                await self._tokens.reject(account_id, token, claims=rejection.claims)
            except APIConnectionError as error:
                if retries.may_shrink(error) and size.shrink(requested):
                    retries.restart()
                elif not answers.is_transient(error):
                    raise
                await self._wait(account_id, error, retries)

    def _refuse_foreign(self, url: str) -> None:
        if not answers.is_own(url, self.url):
            raise MalformedResponseError(
                "a link that does not lead to GRAPH_URL was not followed, since its host would receive the access token"
            )

    async def _send(
        self, account_id: str, url: str, token: SecretStr, size: PageSize, retries: Retries
    ) -> HttpResponse:
        headers: dict[str, str | SecretStr] = {
            "Accept": "application/json",
            "Authorization": SecretStr(f"Bearer {token.get_secret_value()}"),
            "client-request-id": str(uuid4()),
            "Prefer": ", ".join((IMMUTABLE_IDS, *size.preferences())),
        }
        while True:
            await self._pauses.refresh(account_id)
            if seconds := self._pauses.remaining(account_id):
                await self._sleep(retries.within_deadline(answers.paused_error(seconds), seconds), retries)
            async with self._gate(account_id):
                if not self._pauses.remaining(account_id):  # else another task learned of it meanwhile
                    return await answers.sent(self._http, url, headers)

    async def _wait(self, account_id: str, error: APIConnectionError, retries: Retries) -> None:
        """Wait before the next attempt; raise the error if there is none."""
        if answers.is_concurrency(error):
            await self._gate(account_id).wait_for_finish(retries.delay(error))
            return
        if error.retry_after is not None:
            await self._pauses.record(account_id, error.retry_after)
        await self._sleep(retries.delay(error), retries)

    async def _sleep(self, seconds: float, retries: Retries) -> None:
        if seconds < _WORTH_A_TURN:
            await asyncio.sleep(seconds)
            return
        with retries.extended_after(seconds):  # the next turn may take long to come
            async with WHILE_WAITING.get()():
                await asyncio.sleep(seconds)

    def _gate(self, account_id: str) -> Gate:
        gates = self._gates.setdefault(asyncio.get_running_loop(), {})
        if account_id not in gates:
            gates[account_id] = Gate(self._concurrency)
        return gates[account_id]


def measured(size: PageSize, url: str, read: "Callable[[bytes], Page[T]]") -> "Callable[[bytes], Page[T]]":
    """Return `read` for a page of this URL: it adapts `size`, and raises TooLargeError instead of parsing too much."""

    def read_measured(body: bytes) -> "Page[T]":
        if size.is_too_large(len(body), url):
            raise answers.TooLargeError(f"a page of Microsoft Graph has {len(body)} bytes", status=200)
        page = read(body)
        size.record(items=len(page.items), body_bytes=len(body))
        return page

    return read_measured
