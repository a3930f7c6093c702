"""Secrets at rest: tokens and sign-ins in the database are readable only with the key.

Each record has a data key of its own, which a key provider encrypts (wraps) and decrypts: a key of the settings, or a
key service. Only wrapping and unwrapping wait for the provider: code in a transaction gets a data key.
"""

import asyncio
import base64
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from pydantic import SecretStr

from iacs.core import key_provider
from iacs.core._encryption import sealing
from iacs.core._encryption.data_key import DataKey
from iacs.core._encryption.key_cache import KeyCache
from iacs.core.exceptions import APIConnectionError, DatabaseError, IACSGraphError, KeyServiceError
from iacs.core.key_provider import KeyProvider, KeyRing, WrappedKey

__all__ = ["DataKey", "Encryption"]

T = TypeVar("T")

_LATER = "nothing is lost: try again later"


class Encryption:
    """Data keys of records, each encrypted by a key provider; `keys` are a provider, or the text of a KeyRing.

    The provider has `timeout_seconds` for a data key. The `cached_keys` data keys that were unwrapped last are kept in
    memory, for `cache_seconds` each. Methods raise the errors of KeyProvider and, for its keys, ConfigurationError.
    """

    def __init__(
        self,
        keys: KeyProvider | SecretStr | None,
        *,
        timeout_seconds: float = 10.0,
        cached_keys: int = 1000,
        cache_seconds: float = 300.0,
    ) -> None:
        self._provider = KeyRing(keys) if keys is None or isinstance(keys, SecretStr) else keys
        self._timeout_seconds = timeout_seconds
        self._cache = KeyCache(size=cached_keys, lifetime_seconds=cache_seconds)
        self._left_behind: set[asyncio.Task[Any]] = set()

    @staticmethod
    def new_key() -> str:
        """Return a new random key for a KeyRing."""
        return key_provider.new_key()

    async def new_data_key(self, context: str) -> DataKey:
        """Return a new random key for a record."""
        key = sealing.random_key()
        wrapped = await self._limited(self._provider.wrap(key, context=context), "wrap")
        data_key = DataKey(context, wrapped, key)
        self._cache.add(data_key)
        return data_key

    async def open_data_key(self, wrapped: WrappedKey, *, context: str) -> DataKey:
        """Return the key that was wrapped for a record."""
        data_key = self._cache.get(wrapped, context)
        if data_key is None:
            data_key = DataKey(context, wrapped, await self._unwrap(wrapped, context))
            self._cache.add(data_key)
        return data_key

    async def rewrap(self, wrapped: WrappedKey, *, context: str) -> WrappedKey:
        """Return the same data key, encrypted with the provider's current wrapping key."""
        key = await self._unwrap(wrapped, context)
        return await self._limited(self._provider.wrap(key, context=context), "wrap")

    async def encrypt(self, text: str, *, context: str) -> str:
        """Encrypt a text with a data key of its own, which is part of the result; not in a transaction."""
        data_key = await self.new_data_key(context)
        ciphertext = base64.b64encode(data_key.wrapped.ciphertext).decode()
        return json.dumps([data_key.wrapped.key_id, ciphertext, data_key.encrypt(text)])

    async def decrypt(self, text: str, *, context: str) -> str:
        """Return what was encrypted for `context`; raise DatabaseError for any other text."""
        try:
            key_id, ciphertext, secret = json.loads(text)
            wrapped = WrappedKey(key_id, base64.b64decode(ciphertext, validate=True))
        except (ValueError, TypeError):
            raise DatabaseError(
                "a secret in the database is corrupt", hint="sign out and sign in again"
            ) from None
        return (await self.open_data_key(wrapped, context=context)).decrypt(secret)

    async def probe(self) -> None:
        """Wrap a key, and unwrap it again."""
        context, key = "probe", sealing.random_key()
        wrapped = await self._limited(self._provider.wrap(key, context=context), "wrap")
        if await self._unwrap(wrapped, context) != key:
            raise KeyServiceError(
                "the key service answers with a different data key than it wrapped",
                hint="check the key provider",
            )

    async def _unwrap(self, wrapped: WrappedKey, context: str) -> bytes:
        key = await self._limited(self._provider.unwrap(wrapped, context=context), "unwrap")
        if len(key) != sealing.KEY_BYTES:
            raise KeyServiceError(
                f"the key service answered with a data key of {len(key)} bytes instead of {sealing.KEY_BYTES}",
                hint="check the key provider",
            )
        return key

    async def _limited(self, request: Coroutine[Any, Any, T], action: str) -> T:
        """Wait for the provider, and no longer if it ignores its cancellation."""
        task = asyncio.create_task(request, name=f"iacs-key-provider-{action}")
        self._left_behind.add(task)
        task.add_done_callback(self._end)
        try:
            await asyncio.wait({task}, timeout=self._timeout_seconds)
            if task.done() and not task.cancelled():
                return task.result()
        except APIConnectionError as error:
            raise _as_key_service_error(error) from error.__cause__
        except IACSGraphError:
            raise
        except Exception as error:  # a provider may raise anything, and none of it may cost stored tokens
            raise KeyServiceError(
                f"the key service failed to {action} a data key: {type(error).__name__}", hint=_LATER
            ) from error
        finally:
            task.cancel()
        raise KeyServiceError(
            f"the key service did not {action} a data key within {self._timeout_seconds:g} seconds",
            hint=_LATER,
        )

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it when nobody waits any more


def _as_key_service_error(error: APIConnectionError) -> KeyServiceError:
    """Return the error of a provider that uses HttpClient under the name of what cannot be reached."""
    if isinstance(error, KeyServiceError):
        return error
    return KeyServiceError(
        f"the key service failed: {error}", status=error.status, retry_after=error.retry_after, hint=_LATER
    )
