"""Keys that encrypt data keys: those of the settings, those of a file, or those of a key service (KMS).

A key service is a class with the two methods of KeyProvider; `examples/vault_keys.py` is one for the transit engine of
HashiCorp Vault and OpenBao. cryptography is slow to import, and many programs never open a secret: it is imported with
the first one.
"""

import asyncio
import base64
import hashlib
import importlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from iacs.core._encryption import sealing
from iacs.core.exceptions import ConfigurationError, DatabaseError, KeyServiceError

NEW_KEY_HINT = "generate a key with: iacs config new-key"
_SIGN_IN_AGAIN = "sign out and sign in again"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key encrypted with the wrapping key `key_id`; it may be stored beside what the data key encrypts."""

    key_id: str
    ciphertext: bytes


@runtime_checkable
class KeyProvider(Protocol):
    """Encrypts data keys of 32 bytes with a wrapping key, which need not leave the service that has it.

    `context` names the record that a data key is for: what was wrapped for one context is not unwrapped for another.
    For AWS KMS it is the encryption context, for Vault the associated data.

    Both methods raise KeyServiceError when the service cannot be reached, KeyRefusedError when it refuses, and
    DatabaseError for a wrapped key that was altered. Encryption limits their time, and turns any other error into a
    KeyServiceError.
    """

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        """Encrypt a data key with the current wrapping key."""
        ...

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        """Decrypt a data key with the wrapping key that encrypted it."""
        ...


def new_key() -> str:
    """Return a new random key: 32 bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(sealing.random_key()).decode()


def read_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a comma-separated text; raise ValueError, without the text, for anything else."""
    keys = tuple(key.strip() for key in text.split(","))
    if not any(keys):
        return ()
    for number, key in enumerate(keys, start=1):
        if not re.fullmatch(r"[\w-]{43}=", key, re.ASCII):
            raise ValueError(
                f"key {number} of {len(keys)} is not 32 bytes in URL-safe base64, which has 44 characters"
            )
    return keys


class KeyRing:
    """Keys of a comma-separated text, checked at the first use: the first wraps, every key unwraps.

    `name` is what the text is called in errors.
    """

    def __init__(self, keys: SecretStr | None, *, name: str = "TOKEN_ENCRYPTION_KEY") -> None:
        self._text = keys
        self._name = name

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        """Encrypt a data key with the first key."""
        key_id, wrapping_key = next(iter(self._keys.items()))
        return WrappedKey(key_id, sealing.seal(wrapping_key, key, context=context))

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        """Decrypt a data key with the key that encrypted it; raise ConfigurationError if that is not one of these."""
        if wrapped.key_id not in self._keys:
            raise ConfigurationError(
                [f"{self._name} cannot decrypt what the database contains"],
                hint="append the key that it was written with, after a comma, or sign in again",
            )
        try:
            return sealing.unseal(self._keys[wrapped.key_id], wrapped.ciphertext, context=context)
        except sealing.SealError:
            raise DatabaseError(
                "a data key in the database was altered outside iacs, or belongs to another record",
                hint=_SIGN_IN_AGAIN,
            ) from None

    @cached_property
    def _keys(self) -> dict[str, bytes]:
        """The keys by their ids, which say nothing about the keys: a part of their SHA-256."""
        try:
            texts = read_keys(self._text.get_secret_value() if self._text else "")
        except ValueError as error:
            raise ConfigurationError([f"{self._name}: {error}"], hint=NEW_KEY_HINT) from None
        if not texts:
            raise ConfigurationError([f"{self._name} is not set"], hint=NEW_KEY_HINT)
        keys = map(base64.urlsafe_b64decode, texts)
        return {hashlib.sha256(b"iacs key id" + key).hexdigest()[:16]: key for key in keys}


class KeyFile:
    """Keys of a file, one a line, which is read whenever a key is needed: replacing the file needs no restart.

    The first key wraps, every key unwraps. A file that cannot be read is a KeyServiceError: it may be in a moment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def wrap(self, key: bytes, *, context: str) -> WrappedKey:
        """Encrypt a data key with the first key of the file."""
        return await (await self._read()).wrap(key, context=context)

    async def unwrap(self, wrapped: WrappedKey, *, context: str) -> bytes:
        """Decrypt a data key; raise ConfigurationError if the file does not have its wrapping key."""
        return await (await self._read()).unwrap(wrapped, context=context)

    async def _read(self) -> KeyRing:
        try:
            text = await asyncio.to_thread(self._path.read_text, "utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise KeyServiceError(
                f"the key file {self._path} cannot be read: {reason}",
                hint="check the path and its permissions",
            ) from None
        if not text.split():
            raise ConfigurationError([f"the key file {self._path} is empty"], hint=NEW_KEY_HINT)
        return KeyRing(SecretStr(",".join(text.split())), name=f"the key file {self._path}")


def create_key_provider(name: str, *, keys: SecretStr | None) -> KeyProvider:
    """Return the provider that TOKEN_KEY_PROVIDER names: `file:PATH` or `module:function`; without a name, the `keys`.

    Raises ConfigurationError.
    """
    kind, _, rest = name.partition(":")
    if not name:
        return KeyRing(keys)
    if kind == "file" and rest:
        return KeyFile(Path(rest))
    hint = "name a function as module:function, in a module that every process can import (PYTHONPATH)"
    try:
        create = getattr(importlib.import_module(kind), rest)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            [f"TOKEN_KEY_PROVIDER: {name} cannot be imported: {error}"], hint=hint
        ) from error
    provider = create() if callable(create) else create
    if not isinstance(provider, KeyProvider):
        raise ConfigurationError(
            [
                f"TOKEN_KEY_PROVIDER: {name} does not return a key provider: an object with the methods wrap and unwrap"
            ],
            hint=hint,
        )
    return provider
