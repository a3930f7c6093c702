"""Secrets at rest: tokens and sign-ins in the database are readable only with the key.

cryptography is slow to import, and many programs never open a secret: it is imported with the first one.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from pydantic import SecretStr

from iacs.core.exceptions import ConfigurationError, DatabaseError

_SHORTEST_TOKEN = 1 + 8 + 16 + 16 + 32
"""Bytes of a Fernet token: version, time, initialization vector, one block of AES, HMAC."""
NEW_KEY_HINT = "generate a key with: iacs config new-key"


class Encryption:
    """Encryption with the first of several keys, decryption with any of them.

    Keys are Fernet keys, comma-separated, checked at the first use. `context` identifies the record that a text belongs
    to, such as an account; a ciphertext moved to another record cannot be decrypted there.
    """

    def __init__(self, keys: SecretStr | None) -> None:
        self._keys = keys

    @staticmethod
    def new_key() -> str:
        """Return a new random key."""
        return KeyRing.new_key()

    def encrypt(self, text: str, *, context: str) -> str:
        """Encrypt `text` for `context`."""
        return self._key_ring.encrypt(json.dumps([context, text]))

    def decrypt(self, text: str, *, context: str) -> str:
        """Decrypt what was encrypted for `context`.

        Raises ConfigurationError when no key fits, DatabaseError when it is corrupt or was encrypted for another context.
        """
        bound, plain = json.loads(self._key_ring.decrypt(text))
        if bound != context:
            raise DatabaseError(
                "a secret in the database belongs to another record: rows were altered outside iacs",
                hint="sign out and sign in again",
            )
        return str(plain)

    def rotate(self, text: str) -> str:
        """Return a ciphertext encrypted anew with the first key; raises what `decrypt` raises for its text."""
        return self._key_ring.rotate(text)

    def probe(self) -> None:
        """Check the keys; raise ConfigurationError when there is none, or one is malformed."""
        _ = self._key_ring

    @cached_property
    def _key_ring(self) -> "KeyRing":
        return KeyRing(self._keys.get_secret_value() if self._keys else "")


def read_keys(text: str) -> tuple[str, ...]:
    """Return the Fernet keys of a comma-separated text; raise ValueError, without the text, for anything else."""
    keys = tuple(key.strip() for key in text.split(","))
    if not any(keys):
        return ()
    for number, key in enumerate(keys, start=1):
        if not re.fullmatch(r"[\w-]{43}=", key, re.ASCII):
            raise ValueError(
                f"key {number} of {len(keys)} is not a Fernet key (32 bytes in URL-safe base64, 44 characters)"
            )
    return keys


class KeyRing:
    """The Fernet keys of a comma-separated text: the first encrypts, any of them decrypts."""

    def __init__(self, text: str) -> None:
        try:
            keys = read_keys(text)
        except ValueError as error:
            raise ConfigurationError([f"TOKEN_ENCRYPTION_KEY: {error}"], hint=NEW_KEY_HINT) from None
        if not keys:
            raise ConfigurationError(["TOKEN_ENCRYPTION_KEY is not set"], hint=NEW_KEY_HINT)
        from cryptography.fernet import Fernet, MultiFernet

        self._fernet = MultiFernet([Fernet(key) for key in keys])

    @staticmethod
    def new_key() -> str:
        """Return a new random key."""
        from cryptography.fernet import Fernet

        return Fernet.generate_key().decode()

    def encrypt(self, text: str) -> str:
        """Encrypt `text`."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """Return what was encrypted; raise ConfigurationError when no key fits, DatabaseError for no ciphertext."""
        with _translated_errors(text):
            return self._fernet.decrypt(text.encode()).decode()

    def rotate(self, text: str) -> str:
        """Return the same text encrypted with the first key; raise as `decrypt` does."""
        with _translated_errors(text):
            return self._fernet.rotate(text.encode()).decode()


@contextmanager
def _translated_errors(text: str) -> Iterator[None]:
    from cryptography.fernet import InvalidToken

    try:
        yield
    except InvalidToken:
        if not _is_ciphertext(text):
            raise DatabaseError(
                "a secret in the database is corrupt: it is not a Fernet token",
                hint="sign out and sign in again",
            ) from None
        raise ConfigurationError(
            ["TOKEN_ENCRYPTION_KEY cannot decrypt what the database contains"],
            hint="append the key that it was written with, after a comma, or sign in again",
        ) from None


def _is_ciphertext(text: str) -> bool:
    """Return whether a text has the form of a Fernet token (https://github.com/fernet/spec): whole blocks of AES."""
    try:
        token = base64.urlsafe_b64decode(text)
    except ValueError:
        return False
    return token[:1] == b"\x80" and len(token) >= _SHORTEST_TOKEN and (len(token) - _SHORTEST_TOKEN) % 16 == 0
