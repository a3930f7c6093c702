"""Reading Microsoft Graph: pages, retries, and a token that is sent to Graph only."""

import asyncio
from asyncio import AbstractEventLoop, Semaphore
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from pydantic import SecretStr

from iacs.core.exceptions import APIConnectionError, GraphError, MalformedResponseError
from iacs.core.http_client import HttpClient, HttpResponse
from iacs.core.logger import Logger
from iacs.mail_query.answers import LINK_EXPIRED, claims_challenge, error_of, error_of_later_page, is_own
from iacs.mail_query.collaborators import AccessTokens
from iacs.mail_query.retry_policy import Retries, RetryPolicy

if TYPE_CHECKING:
    from iacs.mail_query.pages import Page

T = TypeVar("T")

IMMUTABLE_IDS = 'IdType="ImmutableId"'
"""The preference for ids that do not change when a message is moved; it applies per request."""

_TRANSIENT = frozenset({429, 500, 502, 503, 504, 509})


class GraphClient:
    """A client for GET requests to Graph, with at most `concurrency` at a time per account."""

    def __init__(
        self,
        http: HttpClient,
        tokens: AccessTokens,
        *,
        graph_url: str,
        concurrency: int,
        retry_policy: RetryPolicy,
        logger: Logger,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._concurrency = concurrency
        self._retry_policy = retry_policy
        self._logger = logger
        self._gates: WeakKeyDictionary[AbstractEventLoop, dict[str, Semaphore]] = WeakKeyDictionary()
        self.url = graph_url

    async def pages(
        self, account_id: str, url: str, read: "Callable[[bytes], Page[T]]", *, prefer: Sequence[str] = ()
    ) -> "AsyncGenerator[Page[T], None]":
        """Yield the pages of a list, including empty ones, by following every nextLink unchanged.

        Ends only when the list is complete: a missing page raises GraphError, a link back to an earlier page
        MalformedResponseError.
        """
        links = LinkTrail()
        link: str | None = url
        while link is not None:
            links.add(link)
            try:
                response = await self.get(account_id, link, prefer=prefer)
            except GraphError as error:
                if link == url or error.status not in LINK_EXPIRED:
                    raise
                raise error_of_later_page(error) from error
            page = read(response.body)
            yield page
            link = page.next_link

    async def get(self, account_id: str, url: str, *, prefer: Sequence[str] = ()) -> HttpResponse:
        """Return the response to a GET request, repeated as the retry policy allows.

        Raises GraphError, APIConnectionError if there was no response, MalformedResponseError for a foreign `url`.
        """
        if not is_own(url, self.url):
            raise MalformedResponseError(
                "a link that does not lead to GRAPH_URL was not followed, since its host would receive the access token"
            )
        retries = Retries(self._retry_policy, logger=self._logger)
        is_renewed = False
        while True:
            token = await self._tokens.access_token(account_id)
            try:
                response = await self._send(account_id, url, token, prefer)
            except MalformedResponseError:  # too large, and no smaller when it is requested again
                raise
            except APIConnectionError as error:
                await retries.wait(error)
                continue
            if response.status < 300:
                return response
            claims = claims_challenge(response) if response.status in (401, 403) else None
            if not is_renewed and (response.status == 401 or claims):
                is_renewed = True
                await self._tokens.reject(account_id, token, claims=claims or "")
            elif response.status in _TRANSIENT:
                await retries.wait(error_of(response, token))
            else:
                raise error_of(response, token)

    async def _send(self, account_id: str, url: str, token: SecretStr, prefer: Sequence[str]) -> HttpResponse:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token.get_secret_value()}",
            "client-request-id": str(uuid4()),
            "Prefer": ", ".join((IMMUTABLE_IDS, *prefer)),
        }
        gates = self._gates.setdefault(asyncio.get_running_loop(), {})
        async with gates.setdefault(account_id, Semaphore(self._concurrency)):
            return await self._http.send("GET", url, headers=headers)


class LinkTrail:
    """The hashes of the links of one list that were followed, since Graph has returned pages in a cycle."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def add(self, link: str) -> None:
        """Record a link; raise MalformedResponseError if it was followed before."""
        if hash(link) in self._hashes:
            raise MalformedResponseError("Microsoft Graph's pages lead back to an earlier one")
        self._hashes.add(hash(link))
