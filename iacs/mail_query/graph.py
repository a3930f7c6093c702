"""Reading Microsoft Graph: page after page, patient with its refusals, and its token kept at home."""

import asyncio
import random
from asyncio import AbstractEventLoop, Semaphore
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from pydantic import SecretStr

from iacs.core.exceptions import APIConnectionError, MalformedResponseError
from iacs.core.http_client import HttpClient, HttpResponse
from iacs.core.logger import Logger
from iacs.mail_query.answers import claims_challenge, error_of, is_own
from iacs.mail_query.collaborators import AccessTokens

if TYPE_CHECKING:
    from iacs.mail_query.pages import Page

T = TypeVar("T")

IMMUTABLE_IDS = 'IdType="ImmutableId"'
"""A message then keeps its id when it is moved; the preference counts only where it is given."""

_TRANSIENT = frozenset({429, 500, 502, 503, 504, 509})


@dataclass(frozen=True, slots=True)
class Patience:
    """How often one request is tried, and how long, in seconds, it may be waited for in all.

    Without a Retry-After the first pause is up to `pause` seconds, and each later one twice the last.
    """

    attempts: int = 5
    pause: float = 1.0
    deadline: float = 180.0


class GraphClient:
    """Send GET requests to Graph, at most `concurrency` at a time for one account."""

    def __init__(
        self,
        http: HttpClient,
        tokens: AccessTokens,
        *,
        graph_url: str,
        concurrency: int,
        patience: Patience,
        logger: Logger,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._concurrency = concurrency
        self._patience = patience
        self._logger = logger
        self._gates: WeakKeyDictionary[AbstractEventLoop, dict[str, Semaphore]] = WeakKeyDictionary()
        self.url = graph_url

    async def pages(
        self, account_id: str, url: str, read: "Callable[[bytes], Page[T]]", *, prefer: Sequence[str] = ()
    ) -> "AsyncGenerator[Page[T], None]":
        """Follow nextLinks as they came to the end; empty pages are no end."""
        following: str | None = url
        while following is not None:
            url = following
            page = read((await self.get(account_id, url, prefer=prefer)).body)
            yield page
            following = page.next_link
            if following == url:
                raise MalformedResponseError("Microsoft Graph's page names itself as the next one.")

    async def get(self, account_id: str, url: str, *, prefer: Sequence[str] = ()) -> HttpResponse:
        """Return the answer to a GET, tried again while that can help.

        Raises GraphError, APIConnectionError when no answer came, MalformedResponseError for a foreign `url`.
        """
        if not is_own(url, self.url):
            raise MalformedResponseError(
                "A link leads away from GRAPH_URL and was not followed: the access token goes nowhere else."
            )
        waiting = _Waiting(self._patience)
        renewed = False
        while True:
            token = await self._tokens.access_token(account_id)
            try:
                response = await self._send(account_id, url, token, prefer)
            except APIConnectionError as error:
                await waiting.pause(error, self._logger)
                continue
            if response.status < 300:
                return response
            claims = claims_challenge(response) if response.status in (401, 403) else None
            if not renewed and (response.status == 401 or claims):
                renewed = True
                await self._tokens.reject(account_id, token, claims=claims or "")
            elif response.status in _TRANSIENT:
                await waiting.pause(error_of(response), self._logger)
            else:
                raise error_of(response)

    async def _send(self, account_id: str, url: str, token: SecretStr, prefer: Sequence[str]) -> HttpResponse:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token.get_secret_value()}",
            "client-request-id": str(uuid4()),
            "Prefer": ", ".join((IMMUTABLE_IDS, *prefer)),
        }
        async with self._gate(account_id):
            return await self._http.send("GET", url, headers=headers)

    def _gate(self, account_id: str) -> Semaphore:
        gates = self._gates.setdefault(asyncio.get_running_loop(), {})
        return gates.setdefault(account_id, Semaphore(self._concurrency))


class _Waiting:
    """The pauses of one request."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._until = asyncio.get_running_loop().time() + patience.deadline
        self._attempts = 0

    async def pause(self, error: APIConnectionError, logger: Logger) -> None:
        """Wait as long as the error asks for; raise it when that is too long, or was too often."""
        self._attempts += 1
        seconds = self._seconds(error.retry_after)
        too_late = asyncio.get_running_loop().time() + seconds > self._until
        if self._attempts >= self._patience.attempts or too_late:
            raise error
        logger.warning("graph request repeated", status=error.status, seconds=round(seconds, 3))
        await asyncio.sleep(seconds)

    def _seconds(self, asked: float | None) -> float:
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # so that many that were refused do not return as one
        if asked is not None:
            return asked + 0.1 * spread * self._patience.pause
        return spread * self._patience.pause * 2.0 ** (self._attempts - 1)
