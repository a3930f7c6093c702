"""The access token for SASL's OAUTHBEARER, from a function of the application."""

import asyncio
import inspect
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Awaitable
from typing import Any

from pydantic import SecretStr

from iacs.core._kafka.driver import AbstractTokenProvider, DriverError
from iacs.core._kafka.settings import OAuthToken
from iacs.redaction import redact_foreign


class OAuthTokenError(DriverError):  # type: ignore[misc]
    """The application's function did not return a token."""

    hint = "check the function that is passed as oauth_token"

    def __str__(self) -> str:
        return str(self.args[0])


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Calls the application's function in the driver's thread, or in the loop if it is async.

    The timeout of an async function is in seconds.
    """

    def __init__(
        self, oauth_token: OAuthToken, loop: AbstractEventLoop | None, *, timeout: float, sent: deque[str]
    ) -> None:
        self._oauth_token = oauth_token
        self._loop = loop
        self._timeout = timeout
        self._sent = sent

    def token(self) -> Any:
        """Return a token as text; raise OAuthTokenError."""
        try:
            token = self._oauth_token()
            if inspect.isawaitable(token):
                token = self._wait(token)
        except Exception as error:  # whatever the application's function raises
            reason = redact_foreign(str(error)) or type(error).__name__
            raise OAuthTokenError(f"the access token for Kafka could not be obtained: {reason}") from error
        text = token.get_secret_value() if isinstance(token, SecretStr) else token
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
            raise OAuthTokenError("the access token for Kafka is not text of printable ASCII characters")
        if text not in self._sent:
            self._sent.append(text)
        return text

    def _wait(self, token: Awaitable[str | SecretStr]) -> str | SecretStr:
        if self._loop is None:
            raise TypeError("an async function needs the event loop of a KafkaClient")

        async def wait() -> str | SecretStr:
            async with asyncio.timeout(self._timeout):
                return await token

        try:
            return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(self._timeout + 1)
        except TimeoutError:
            raise TimeoutError(f"no token within {self._timeout:g} s") from None
